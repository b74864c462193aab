"""A graph of labelled Values as an exercise: labels are names, what lies between two labels is a formula.

So a person's numbers are checked against a program's own graph by the same code as against an exercise file.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from micrograd_kr.engine import Value, gradients, inputs_first
from micrograd_kr.said import say
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.formula import Formula
from micrograd_kr.teacher.ask.hand import Bare, with_hand
from micrograd_kr.teacher.ask.messages import ExerciseError, unknown
from micrograd_kr.teacher.ask.quantity import read, spelled
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.lines import Lines, labels, named_values, operands

Parameters = Iterable[Value | str] | None


class Entry(NamedTuple):
    """One entry of a tensor: W[0, 1], as a person wrote it, and its exact value."""

    name: str
    hand: str
    value: float


def named(loss: Value) -> dict[str, Value]:
    """The labelled Values a loss is computed from, in order; the loss is "loss" if it has no label.

    What would be a very long formula gets names of its own. Raises ExerciseError for a label that is there twice, or
    cannot be a name.
    """
    names = labels(loss, "loss")
    for label in names.values():
        if spelled(label) != label or label == "lr" or set(label) & set("/+'="):
            raise ExerciseError(
                "expected a label such as W1 or dense_2, no blanks, / + ' =, and not lr; got {label!r}", label=label
            )
    return {name: value for value, name in named_values([loss], names).items()}


def solved(hand: Mapping[str, Any], loss: Value, lr: float | None, parameters: Parameters) -> Solution:
    """A scalar graph as an exercise with a person's numbers, worked at the numbers that it was computed from."""
    before = named(loss)
    leaves = {name: value for name, value in before.items() if value.rule is None}
    changed = _parameters(hand, leaves, parameters)
    lines = Lines({value: name for name, value in before.items()})
    numbers = {name: lines.numbers.get(name, float(value.data)) for name, value in leaves.items()}
    given = {name: number for name, number in numbers.items() if name not in changed}
    start = {name: numbers[name] for name in changed}
    formulas = {name: Formula(notation.text(line.formula), line.formula) for name, line in lines.lines.items()}
    exercise = Exercise("graph", "", lines.named[loss], lr, given, start, formulas, {}, "")
    hand = {name: each.data if isinstance(each, Value) else each for name, each in hand.items()}
    exercise = with_hand(exercise, {name: _entry(each, _decimals(hand.values())) for name, each in hand.items()})
    for each in exercise.unreadable:
        raise ExerciseError(each.why).at(f"[hand] {each.name}")
    return solve(exercise)


def _parameters(hand: Mapping[str, Any], leaves: Mapping[str, Value], parameters: Parameters) -> list[str]:
    if parameters is None:
        wanted = (read(spelled(name)) for name in hand)
        asked = {stem(each.of) for each in wanted if each.kind == "updated"}
        return sorted((name for name in leaves if stem(name) in asked), key=lambda name: (stem(name), len(name), name))
    names = [each.label if isinstance(each, Value) else each for each in parameters]
    for name in names:
        if name not in leaves:
            raise unknown(say("expected labelled leaves, got {name}{meant}; there are {names}"), name, leaves)
    return names


@lru_cache(maxsize=10_000)
def stem(name: str) -> str:
    """A name without its indices: W5 and W7 are alike, dE_o1/dz3 and dE_o2/dz4 are."""
    return re.sub("[0-9]", "", name)


def _entry(written: Any, decimals: int) -> Any:
    """A number as it would stand in a file. A float has lost its zeros: they are put back."""
    if isinstance(written, str) or (isinstance(written, int) and not isinstance(written, bool)):
        return written
    try:
        number = float(written)
    except (TypeError, ValueError):
        raise ExerciseError("expected a number, or its text, got {written}", written=repr(written)) from None
    if not math.isfinite(number):
        return Bare(number)
    text = np.format_float_positional(number, trim="0")
    places = len(text.partition(".")[2])
    return Bare(text + "0" * (decimals - places))


def _decimals(numbers: Iterable[Any]) -> int:
    """The commonest decimals among a person's numbers, of equally common ones the most."""
    written = (re.findall(r"\.([0-9]+)", str(each))[-1:] for each in numbers)
    counts = Counter(len(digits) for each in written for digits in each)
    return max(counts, key=lambda decimals: (counts[decimals], decimals), default=0)


def is_scalar(loss: Value) -> bool:
    """Whether everything a loss is computed from is a scalar."""
    return not any(each.shape for each in inputs_first(loss))


def exact(name: str, graph: Mapping[str, Value], loss: Value, lr: float | None, parameters: Sequence[str]) -> Any:
    """The array that a name on a sheet stands for. Raises ExerciseError for an unknown one."""
    name = spelled(name)
    wanted = read(name)
    of, by = wanted.of, wanted.by
    if name in graph:
        return graph[name].data
    if by is not None and of in graph and by in graph:
        return gradients(graph[of], [graph[by]])[0]
    if lr is not None and wanted.step and of in (parameters if wanted.is_parameter else graph):
        start = [graph[each] for each in parameters]
        again: dict[Any, Any] = {p: p.data - lr * slope for p, slope in zip(start, gradients(loss, start), strict=True)}
        for node in inputs_first(graph[of]):
            if node.rule is not None:
                again[node] = node.rule(*operands(node, lambda each, data: again.get(each, data)))
        return again.get(graph[of], graph[of].data)
    said = say("unknown name {name}{meant}; expected a label, or dE/dW, W+, z' (with lr) of labels: {names}")
    raise unknown(said, name, graph)


def _entry_of(name: str) -> tuple[str, tuple[int, ...] | None]:
    """A name on a sheet of tensors, and which entry of it is meant; None where all are.

    >>> _entry_of("dL/dW[0, 1]")
    ('dL/dW', (0, 1))
    """
    found = re.fullmatch(r"(.*)\[((?:\s*[0-9]+\s*,?)+)\](['+]*)", name)
    if found is None:
        return name, None
    return found[1] + found[3], tuple(int(each) for each in found[2].split(",") if each.strip())


def entries(hand: Mapping[str, Any], loss: Value, lr: float | None, asked: Parameters) -> Iterator[Entry]:
    """Every number of a person's beside the exact one, in a graph of tensors; shapes that differ are an error."""
    graph = named(loss)
    leaves = {name: each for name, each in graph.items() if each.rule is None}
    parameters = _parameters({_entry_of(name)[0]: each for name, each in hand.items()}, leaves, asked)
    decimals = _decimals(each for of in hand.values() for each in np.array(of, object).flat)
    for name, written in hand.items():
        of, at_entry = _entry_of(name)
        value, numbers = np.asarray(exact(of, graph, loss, lr, parameters)), np.array(written, object)
        if at_entry is not None:
            try:
                value = value[at_entry]
            except IndexError:
                gaps = {"name": name, "shape": value.shape}
                raise ExerciseError("{name}: there is no such entry, the shape is {shape}", **gaps) from None
        if numbers.shape != value.shape:
            shapes = {"shape": value.shape, "got": numbers.shape}
            raise ExerciseError("{name}: expected numbers of the shape {shape}, got {got}", name=name, **shapes)
        for at in np.ndindex(value.shape):
            yield Entry(name + f"{list(at)}" * bool(at), str(_entry(numbers[at], decimals)), float(value[at]))
