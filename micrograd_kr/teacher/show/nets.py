"""New exercises: a dense net of any size with comfortable numbers, for one sample or several, as a commented file."""

import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count, pairwise
from random import Random
from typing import Any, NamedTuple

from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import exercise_of
from micrograd_kr.teacher.ask.formula import evaluate
from micrograd_kr.teacher.ask.hand import Bare
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.show import worksheet

MOST = 500  # quantities of a net that is written line by line
LOSSES = {
    "half-squared": "1/2*({target} - {o})**2",
    "squared": "({target} - {o})**2",
    "cross-entropy": "-{target}*log({o}) - (1 - {target})*log(1 - {o})",
}
OF_SHARES = "-{target}*log({o})"  # cross-entropy behind softmax
ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu", "linear", "softmax")
ALIKE = ("relu", "leaky_relu")  # leave what is above 0 as it is
UPDATES: dict[str, dict[str, str]] = {
    "gradient-descent": {},
    "momentum": {"m": "0.9*m + g", "p": "p - lr*m"},
    "adam": {
        "m": "0.9*m + 0.1*g",
        "v": "0.999*v + 0.001*g**2",
        "p": "p - lr*(m/(1 - 0.9**k))/(sqrt(v/(1 - 0.999**k)) + 1e-8)",
    },
}

MODERATE = 1.5  # as large as a sum is to be: no function is flat there, and sums do not grow from layer to layer
SIGNINGS = 30  # of one neuron
UNDRAWN = Bare("0.5")  # a number until it is drawn


class Net(NamedTuple):
    """A dense net to make an exercise of.

    sizes: of the layers, inputs first. activations: of each layer but the first, or one for all. loss: a key of LOSSES,
    its mean where there are several samples. steps: updates, of which update, a key of UPDATES, says how they are done.
    """

    sizes: Sequence[int] = (2, 2, 2)
    activations: Sequence[str] = ("sigmoid",)
    loss: str = "half-squared"
    bias: bool = False
    samples: int = 1
    steps: int = 1
    update: str = "gradient-descent"

    @property
    def error(self) -> str:
        """The formula of an output's error."""
        has_shares = self.activations[-1] == "softmax" and self.loss == "cross-entropy"
        return OF_SHARES if has_shares else LOSSES[self.loss]

    def target(self, sample: int, output: int) -> Any:
        """A number to be drawn, or where it is a class 1 for one of them, 0 for the others."""
        if self.loss != "cross-entropy":
            return UNDRAWN
        return int(output == sample % self.sizes[-1] if self.sizes[-1] > 1 else sample % 2 == 0)


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
    With several samples all is in arrays, a row of X for each: Z1, H1 … and O, weights W1 …, biases b1 … by layer.
    Raises ExerciseError for a net that cannot be, and where no comfortable numbers are found.
    """
    net = _checked(net)
    tables, notes = _by_name(net) if net.samples == 1 else _in_arrays(net)
    draft = exercise_of("new", "new", tables)
    kinked = [text for each in draft.forward.values() if (text := each.text.partition("(")[0]) in ALIKE]
    different = len(draft.forward) - len(kinked)  # where they are open h = z
    sides = [float(each == "relu") for each in kinked]  # open
    unlike = {name: 0.1 + 0.01 * i for i, name in enumerate(draft.parameters)}  # so that no gradients cancel
    names = worksheet.suggested(draft)
    zeros = worksheet.Comfort.of(replace(draft, parameters=unlike), names, worksheet.DIGITS).zeros
    wanted = worksheet.Comfort(names, worksheet.DIGITS, sides, different, zeros)
    signed = partial(_signed, lowest=worksheet.KINK if "relu" in kinked else -MODERATE)
    sheet = worksheet.worksheet(worksheet.drawn(draft, seed, wanted, signed))
    part = worksheet.TEMPLATES["toml"]
    gaps = {"shape": _shape(net), "loss": net.loss, "seed": seed}
    numbered = part["by_name" if net.samples == 1 else "in_arrays"].format(**gaps)
    opening = part["new"].format(**gaps, numbered=numbered)
    notes = {name: f"# {note}\n" for name, note in notes.items()}
    return worksheet.as_text(replace(sheet, opening=opening, notes=notes), "toml")


def _signed(exercise: Exercise, random: Random, lowest: float) -> Exercise:
    """The exercise with some parameters negative, so that neuron by neuron its sums are from lowest to MODERATE."""
    values = {**exercise.given, **exercise.parameters}
    sums = defaultdict[Any, list[str]](list)  # of each neuron, one for each sample
    for line, formula in exercise.forward.items():
        own = tuple(name for name in formula.names if name in exercise.parameters)
        sums[own or line].append(line)
    for own, lines in sums.items():
        names = own if isinstance(own, tuple) else ()
        for _ in range(SIGNINGS):
            negative = random.random() / 2  # how often a weight is
            values |= {name: math.copysign(values[name], random.random() - negative) for name in names}
            values |= {line: evaluate(exercise.forward[line], values) for line in lines}
            if not names or all(lowest <= values[line] <= MODERATE for line in lines):
                break
    return replace(exercise, parameters={name: values[name] for name in exercise.parameters})


def _checked(net: Net) -> Net:
    """The net with an activation for each layer. Raises ExerciseError for one that cannot be."""
    layers = len(net.sizes) - 1
    activations = tuple(net.activations) * (layers if len(net.activations) == 1 else 1)
    names = sum((before + 3 * net.samples) * size for before, size in pairwise(net.sizes))
    if len(activations) != layers or not set(ACTIVATIONS).issuperset(activations):
        gaps = {"names": ", ".join(ACTIVATIONS), "layers": layers, "got": ",".join(activations)[:80]}
        raise ExerciseError(
            "--activation: expected {names}, one for all or {layers} parted by commas; got {got}", **gaps
        )
    if "softmax" in activations[:-1] or (activations[-1] == "softmax" and net.sizes[-1] == 1):
        raise ExerciseError("--activation softmax: expected it in the last layer only, with two outputs or more")
    if net.loss == "cross-entropy" and (last := activations[-1]) not in ("sigmoid", "softmax"):
        raise ExerciseError(
            "--loss cross-entropy: expected outputs between 0 and 1, sigmoid or softmax in the last layer; got {last}",
            last=last,
        )
    if names > MOST:
        raise ExerciseError("expected at most {most} quantities, got {count}", most=MOST, count=names).at("--layers")
    return net._replace(activations=activations)


Draft = tuple[dict[str, Any], dict[str, str]]  # the tables of an exercise, and comments for its lines


def _by_name(net: Net) -> Draft:
    """The exercise of a net with numbers that are still to be drawn, each of them with a name."""
    above = [f"x{i}" for i in range(1, net.sizes[0] + 1)]
    given, parameters, forward = dict[str, Any].fromkeys(above, UNDRAWN), dict[str, Any](), dict[str, str]()
    notes = {"x1": INPUTS}
    weights, units, hidden, last = count(1), count(1), count(1), len(net.activations)
    for layer, (size, activation) in enumerate(zip(net.sizes[1:], net.activations, strict=True), 1):
        outs = [f"h{next(hidden)}" if layer < last else f"o{i}" if size > 1 else "o" for i in range(1, size + 1)]
        sums = dict[str, str]()
        for out in outs:
            unit, into = next(units), [f"W{next(weights)}" for _ in above]
            bias = [f"b{unit}"] * net.bias
            sums[out] = out if activation == "linear" else f"z{unit}"
            terms = [f"{weight}*{x}" for weight, x in zip(into, above, strict=True)]
            forward[sums[out]] = " + ".join([*terms, *bias])
            if activation != "softmax":
                forward.setdefault(out, f"{activation}({sums[out]})")
            parameters |= dict.fromkeys([*into, *bias], UNDRAWN)
            if out == outs[0]:
                notes |= dict.fromkeys((into[0], sums[out]), _layer(layer, last))
        if activation == "softmax":
            forward |= {out: f"softmax({', '.join(sums.values())})[{i}]" for i, out in enumerate(outs)}
        above = outs
    tails = {out: "" if out == "o" else f"_{out}" for out in above}
    given |= {f"target{tail}": net.target(0, i) for i, tail in enumerate(tails.values())}
    errors = {f"E{tail}": net.error.format(target=f"target{tail}", o=out) for out, tail in tails.items()}
    if net.error == OF_SHARES:  # all but one of them would be 0
        errors = {"E": " - ".join(f"target{tail}*log({out})" for out, tail in tails.items()).join(["-", ""])}
    notes[next(iter(errors))] = "오차 · the error"
    forward |= errors
    if len(errors) > 1:
        forward["E_total"] = " + ".join(errors)
    return _tables(net, given, parameters, forward), notes


def _in_arrays(net: Net) -> Draft:
    """The exercise of a net and several samples, which are the rows of X; a single output is a vector."""

    def undrawn(*shape: int) -> Any:
        return UNDRAWN if not shape else [undrawn(*shape[1:]) for _ in range(shape[0])]

    parameters, forward, last = dict[str, Any](), dict[str, str](), len(net.activations)
    notes, above = {"X": INPUTS}, "X"
    layers = enumerate(zip(pairwise(net.sizes), net.activations, strict=True), 1)
    for layer, ((before, size), activation) in layers:
        weights, bias, is_vector = f"W{layer}", f"b{layer}", layer == last and size == 1
        rows = [] if is_vector else [size]
        parameters[weights] = undrawn(*rows, before)
        parameters |= {bias: undrawn(*rows)} if net.bias else {}
        out = "O" if layer == last else f"H{layer}"
        total = out if activation == "linear" else f"Z{layer}"
        forward[total] = f"{above} @ {weights}{'' if is_vector else '.T'}" + f" + {bias}" * net.bias
        forward.setdefault(out, f"{activation}({total})")
        notes |= dict.fromkeys((weights, total), _layer(layer, last))
        above = out
    outputs = net.sizes[-1]
    targets = [[net.target(sample, output) for output in range(outputs)] for sample in range(net.samples)]
    given = {"X": undrawn(net.samples, net.sizes[0]), "T": targets if outputs > 1 else [row[0] for row in targets]}
    error = net.error.format(target="T", o="O")
    forward["E"] = f"mean(sum({error}, 1))" if outputs > 1 else f"mean({error})"
    notes["E"] = "오차, 샘플의 평균 · the error, its mean over the samples"
    return _tables(net, given, parameters, forward), notes


INPUTS = "입력과 목푯값: 바뀌지 않습니다 · inputs and targets: they do not change"


def _layer(layer: int, last: int) -> str:
    """What stands above the lines of a layer."""
    if layer == last:
        return "출력층 · the output layer"
    return "은닉층 · the hidden layer" if last == 2 else f"은닉층 {layer} · hidden layer {layer}"


def _tables(net: Net, given: Mapping[str, Any], parameters: Mapping[str, Any], forward: Mapping[str, str]) -> Any:
    """What stands in the file of a net, in the order of its names."""
    lr = Bare("0.5") if set(net.activations) == {"sigmoid"} and net.update != "adam" else Bare("0.1")
    samples = (f", 샘플 {net.samples}개", f", {net.samples} samples") if net.samples > 1 else ("", "")
    title = f"{_shape(net)} 신경망{samples[0]} · A {_shape(net)} net{samples[1]}"
    tables = {"title": title, "loss": list(forward)[-1], "lr": lr, "steps": net.steps, "update": UPDATES[net.update]}
    return tables | {"given": given, "parameters": parameters, "forward": forward}


def _shape(net: Net) -> str:
    functions = net.activations[:1] if len(set(net.activations)) == 1 else net.activations
    return f"{'-'.join(map(str, net.sizes))} {', '.join(functions)}"
