"""New exercises: a dense net of any size with comfortable numbers, as a commented file."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import count, pairwise
from random import Random
from typing import NamedTuple

from micrograd_kr.teacher.ask.arrays import SCALARS
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.formula import evaluate, read_formula
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.show import worksheet

LOSSES = {
    "half-squared": "1/2*({target} - {o})**2",
    "squared": "({target} - {o})**2",
    "cross-entropy": "-{target}*log({o}) - (1 - {target})*log(1 - {o})",
}
ACTIVATIONS = ("sigmoid", "tanh", "relu", "linear")

MODERATE = 1.5  # as large as a sum is to be: no function is flat there, and sums do not grow from layer to layer
SIGNINGS = 30  # of one neuron


class Net(NamedTuple):
    """A dense net to make an exercise of.

    sizes: of the layers, inputs first. activations: of each layer but the first, or one for all. loss: a key of LOSSES.
    """

    sizes: Sequence[int] = (2, 2, 2)
    activations: Sequence[str] = ("sigmoid",)
    loss: str = "half-squared"
    bias: bool = False


def layer_sizes(text: str) -> tuple[int, ...]:
    """The sizes of layers from text, "2-3-1". Raises ExerciseError for anything else."""
    if not re.fullmatch(r"[1-9][0-9]{0,2}(-[1-9][0-9]{0,2})+", text, re.ASCII):
        raise ExerciseError(
            '--layers: expected the sizes of two layers or more, inputs first, as in 2-3-1; got "{text}"',
            text=text[:40],
        )
    return tuple(map(int, text.split("-")))


def new(net: Net, seed: int = 0) -> str:
    """A commented exercise file for a net, with comfortable numbers and blanks: one seed, one file.

    Names: inputs x1 …, weights W1 … and with biases b1 … layer by layer, neuron by neuron, input by input; z1 … and h1
    … through all hidden layers, outputs o1 …, their errors E_o1 … and E_total. With a single output: o, target, E. For
    2-2-2 these are the names of the textbook.
    Raises ExerciseError for a net that cannot be, and where no comfortable numbers are found.
    """
    net = _checked(net)
    draft, notes = _draft(net)
    relus = sum(formula.text.startswith("relu") for formula in draft.forward.values())
    different = len(draft.forward) - relus  # with every relu open h = z
    wanted = worksheet.Comfort(worksheet.suggested(draft), worksheet.DIGITS, [1.0] * relus, different)
    signed = partial(_signed, lowest=worksheet.KINK if relus else -MODERATE)
    sheet = worksheet.worksheet(worksheet.drawn(draft, seed, wanted, signed))
    opening = worksheet.TEMPLATES["toml"]["new"].format(shape=_shape(net), loss=net.loss, seed=seed)
    notes = {name: f"# {note}\n" for name, note in notes.items()}
    return worksheet.as_text(replace(sheet, opening=opening, notes=notes), "toml")


def _signed(exercise: Exercise, random: Random, lowest: float) -> Exercise:
    """The exercise with some parameters negative, so that neuron by neuron the sum is from lowest to MODERATE."""
    values = {**exercise.given, **exercise.parameters}
    for line, formula in exercise.forward.items():
        own = [name for name in formula.names if name in exercise.parameters]
        for _ in range(SIGNINGS):
            negative = random.random() / 2  # how often a weight is
            values |= {name: math.copysign(values[name], random.random() - negative) for name in own}
            values[line] = evaluate(formula, values)
            if not own or lowest <= values[line] <= MODERATE:
                break
    return replace(exercise, parameters={name: values[name] for name in exercise.parameters})


def _checked(net: Net) -> Net:
    """The net with an activation for each layer. Raises ExerciseError for one that cannot be."""
    layers = len(net.sizes) - 1
    activations = tuple(net.activations) * (layers if len(net.activations) == 1 else 1)
    names = sum((before + 3) * size for before, size in pairwise(net.sizes))
    if len(activations) != layers or not set(ACTIVATIONS).issuperset(activations):
        gaps = {"names": ", ".join(ACTIVATIONS), "layers": layers, "got": ",".join(activations)[:80]}
        raise ExerciseError(
            "--activation: expected {names}, one for all or {layers} parted by commas; got {got}", **gaps
        )
    if net.loss == "cross-entropy" and (last := activations[-1]) != "sigmoid":
        raise ExerciseError(
            "--loss cross-entropy: expected outputs between 0 and 1, sigmoid in the last layer; got {last}", last=last
        )
    if names > SCALARS:
        raise ExerciseError("expected at most {most} quantities, got {count}", most=SCALARS, count=names).at("--layers")
    return net._replace(activations=activations)


def _draft(net: Net) -> tuple[Exercise, dict[str, str]]:
    """The exercise of a net with numbers that are still to be drawn, and comments for its lines."""
    above = [f"x{i}" for i in range(1, net.sizes[0] + 1)]
    given, parameters, forward = dict.fromkeys(above, 0.5), dict[str, float](), dict[str, str]()
    notes = {"x1": "입력과 목푯값: 바뀌지 않습니다 · inputs and targets: they do not change"}
    weights, units, hidden, last = count(1), count(1), count(1), len(net.activations)
    for layer, (size, activation) in enumerate(zip(net.sizes[1:], net.activations, strict=True), 1):
        outs = [f"h{next(hidden)}" if layer < last else f"o{i}" if size > 1 else "o" for i in range(1, size + 1)]
        for out in outs:
            unit, into = next(units), [f"W{next(weights)}" for _ in above]
            bias = [f"b{unit}"] * net.bias
            first = out if activation == "linear" else f"z{unit}"
            forward[first] = " + ".join([f"{weight}*{x}" for weight, x in zip(into, above, strict=True)] + bias)
            forward.setdefault(out, f"{activation}({first})")
            parameters |= dict.fromkeys([*into, *bias], 0.5)
            if out == outs[0]:
                numbered = ("", "the hidden layer") if last == 2 else (f" {layer}", f"hidden layer {layer}")
                said = "출력층 · the output layer" if layer == last else "은닉층{} · {}".format(*numbered)
                notes |= {into[0]: said, first: said}
        above = outs
    tails = {out: "" if out == "o" else f"_{out}" for out in above}
    for out, tail in tails.items():
        given[f"target{tail}"] = 0.5 if net.loss != "cross-entropy" else float(out == above[0])
        forward[f"E{tail}"] = LOSSES[net.loss].format(target=f"target{tail}", o=out)
    notes[f"E{tails[above[0]]}"] = "오차 · the error"
    if len(above) > 1:
        forward["E_total"] = " + ".join(f"E{tail}" for tail in tails.values())
    formulas = {name: read_formula(text) for name, text in forward.items()}
    lr = 0.5 if set(net.activations) == {"sigmoid"} else 0.1
    title = f"{_shape(net)} 신경망 · A {_shape(net)} net"
    return Exercise("new", title, list(forward)[-1], lr, given, parameters, formulas, {}, "new"), notes


def _shape(net: Net) -> str:
    functions = net.activations[:1] if len(set(net.activations)) == 1 else net.activations
    return f"{'-'.join(map(str, net.sizes))} {', '.join(functions)}"
