"""New exercises: a dense net of any size with comfortable numbers, as a commented file."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from random import Random
from typing import NamedTuple

from micrograd_kr.teacher.ask.exercise import NAMES, Exercise
from micrograd_kr.teacher.ask.formula import evaluate, names_in, read_formula
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.show.worksheet import (
    DIGITS,
    KINK,
    Story,
    as_toml,
    first_comfortable,
    redrawn,
    suggested,
    worksheet,
)

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

    def attempt(random: Random, step: int) -> Exercise | None:
        sized = redrawn(draft, random, step)
        return sized and _signed(sized, random, lowest=KINK if relus else -MODERATE)

    story = Story([1.0] * relus, frozenset(), len(draft.forward) - relus)  # every relu open, so h = z
    exercise = first_comfortable(seed, attempt, story, suggested(draft), DIGITS)
    shape = _shape(net)
    opening = f"""\
{shape} 신경망. 오차는 {net.loss}, 수를 뽑은 시드는 {seed}입니다. 가중치 번호는 층, 뉴런, 입력 순서입니다.
A {shape} net. Its error is {net.loss}, its numbers were drawn with seed {seed}. Weights are numbered layer by
layer, neuron by neuron, input by input.
수와 식을 바꾸어 쓸 수 있습니다. 빈칸 ""을 채운 뒤: micrograd-kr check FILE
Change the numbers and formulas as you like. Fill in the blanks, "", then: micrograd-kr check FILE"""
    return as_toml(worksheet(exercise), opening=opening, notes=notes)


def _signed(exercise: Exercise, random: Random, lowest: float) -> Exercise:
    """The exercise with some parameters negative, so that neuron by neuron the sum is from lowest to MODERATE."""
    values, parameters = dict(exercise.given), dict(exercise.parameters)
    for line, formula in exercise.forward.items():
        own = [name for name in names_in(formula) if name in parameters]
        for _ in range(SIGNINGS):
            negative = random.random() / 2  # how often a weight is
            values |= {name: math.copysign(parameters[name], random.random() - negative) for name in own}
            values[line] = evaluate(formula, values)
            if not own or lowest <= values[line] <= MODERATE:
                break
    return replace(exercise, parameters={name: values[name] for name in parameters})


def _checked(net: Net) -> Net:
    """The net with an activation for each layer. Raises ExerciseError for one that cannot be."""
    layers = len(net.sizes) - 1
    activations = tuple(net.activations) * (layers if len(net.activations) == 1 else 1)
    names = sum((before + 3) * size for before, size in zip(net.sizes, net.sizes[1:], strict=False))
    unknown = [each for each in activations if each not in ACTIVATIONS]
    if unknown or len(activations) != layers:
        raise ExerciseError(
            "--activation: expected {names}, one for all or {layers} parted by commas; got {got}",
            names=", ".join(ACTIVATIONS),
            layers=layers,
            got=",".join(activations)[:80],
        )
    last = activations[-1]
    if net.loss == "cross-entropy" and last != "sigmoid":
        raise ExerciseError(
            "--loss cross-entropy: expected outputs between 0 and 1, sigmoid in the last layer; got {last}", last=last
        )
    if names > NAMES:
        raise ExerciseError(
            "--layers: expected a net of at most {most} quantities, got {names}: use smaller layers",
            most=NAMES,
            names=names,
        )
    return net._replace(activations=activations)


def _draft(net: Net) -> tuple[Exercise, dict[str, str]]:
    """The exercise of a net with numbers that are still to be drawn, and comments for its lines, by "table name"."""
    given = {f"x{i}": 0.5 for i in range(1, net.sizes[0] + 1)}
    parameters: dict[str, float] = {}
    forward: dict[str, str] = {}
    notes = {"given x1": "입력과 목푯값: 바뀌지 않습니다 · inputs and targets: they do not change"}
    weights, units, above = count(1), count(1), list(given)
    for layer, (size, activation) in enumerate(zip(net.sizes[1:], net.activations, strict=True), 1):
        last = layer == len(net.activations)
        note = _layer_note(layer, len(net.activations) - 1)
        hidden = sum(net.sizes[1:layer])
        outs = [f"o{i}" if last else f"h{hidden + i}" for i in range(1, size + 1)]
        outs = ["o"] if last and size == 1 else outs
        for i, out in enumerate(outs):
            unit, into = next(units), [f"W{next(weights)}" for _ in above]
            bias = [f"b{unit}"] * net.bias
            total = " + ".join([f"{weight}*{x}" for weight, x in zip(into, above, strict=True)] + bias)
            first = out if activation == "linear" else f"z{unit}"
            forward[first] = total
            forward.setdefault(out, f"{activation}({first})")
            parameters |= dict.fromkeys([*into, *bias], 0.5)
            if i == 0:
                notes |= {f"parameters {into[0]}": note, f"forward {first}": note}
        above = outs
    tails = ["" if out == "o" else f"_{out}" for out in above]
    for i, (out, tail) in enumerate(zip(above, tails, strict=True)):
        given[f"target{tail}"] = 0.5 if net.loss != "cross-entropy" else float(i == 0)
        forward[f"E{tail}"] = LOSSES[net.loss].format(target=f"target{tail}", o=out)
    notes[f"forward E{tails[0]}"] = "오차 · the error"
    if len(above) > 1:
        forward["E_total"] = " + ".join(f"E{tail}" for tail in tails)
    formulas = {name: read_formula(text) for name, text in forward.items()}
    lr = 0.5 if set(net.activations) == {"sigmoid"} else 0.1
    title = f"{_shape(net)} 신경망 · A {_shape(net)} net"
    return Exercise("new", title, list(forward)[-1], lr, given, parameters, formulas, {}, frozenset(), "new"), notes


def _shape(net: Net) -> str:
    functions = net.activations[:1] if len(set(net.activations)) == 1 else net.activations
    return f"{'-'.join(map(str, net.sizes))} {', '.join(functions)}"


def _layer_note(layer: int, hidden: int) -> str:
    if layer > hidden:
        return "출력층 · the output layer"
    return "은닉층 · the hidden layer" if hidden == 1 else f"은닉층 {layer} · hidden layer {layer}"
