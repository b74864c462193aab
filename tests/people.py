"""Simulated people who work a small net's backpropagation by hand, each in a style of rounding of their own.

They are the check's honest witnesses, so nothing here comes from the package: the textbook's formulas of a net with
one hidden layer are written out for every unit and weight, in decimal arithmetic. `sheet(seed, number, …)` draws an
exercise and what one person writes down for it; the same arguments give the same sheet again.
"""

import os
import random
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext
from functools import partial
from typing import Any, NamedTuple

ROUNDINGS = {"half-up": ROUND_HALF_UP, "half-even": ROUND_HALF_EVEN, "cut off": ROUND_DOWN}
CARRYING = ("carried", "not carried", "mixed")
STYLES = tuple((rounding, carry) for rounding in ROUNDINGS for carry in CARRYING)
SIZES = ((2, 2, 2), (2, 2, 1), (3, 2, 2), (1, 2, 1), (2, 3, 2), (1, 1, 1), (2, 1, 2), (2, 2, 3))
HALF, ONE, ZERO = Decimal("0.5"), Decimal(1), Decimal(0)
WHOLE = (1, 1, 1, 2, 2, 3, 4, 5, -1, -1, -2, 0)


def number(wanted: int) -> int:
    """How many people a test asks: so many where nothing may be skipped, else half, since each takes its time."""
    return wanted if os.environ.get("MICROGRAD_KR_NO_SKIPS") else wanted // 2


class Style(NamedTuple):
    """How one person rounds and writes.

    keeps: "decimals" of the whole sheet; "digits", so many significant ones; "stages", more decimals for the gradients
    and the updates than for the two forward passes; "float32", the numbers of a program that works in it.
    """

    rounding: str  # a key of ROUNDINGS
    carry: str  # carried: full precision is kept, only what is written is rounded; mixed: at random per use
    decimals: int
    scratch: bool  # partial products, terms of a sum and the exponential inside sigmoid are rounded, too
    afresh: float  # how often a gradient that was worked out already is worked out again where it is needed
    zeros: str  # kept, dropped, or dropped where the number is exact
    written: str  # all, 70 %, results
    keeps: str = "decimals"
    more: int = 0  # decimals of gradients and updates beyond those of the forward numbers; of stages


@dataclass(frozen=True)
class Net:
    """A dense net with one hidden layer, ½(target − output)² for each output, and their total."""

    sizes: tuple[int, int, int]
    hidden: str  # sigmoid, tanh, relu
    output: str  # sigmoid, linear
    biases: bool
    lr: Decimal
    given: Mapping[str, Decimal]
    parameters: Mapping[str, Decimal]

    @property
    def inputs(self) -> list[int]:
        return list(range(1, self.sizes[0] + 1))

    @property
    def units(self) -> list[int]:
        return list(range(1, self.sizes[1] + 1))

    @property
    def outputs(self) -> list[int]:
        return list(range(1, self.sizes[2] + 1))

    def into_hidden(self, j: int, i: int) -> str:
        """The weight from input i to hidden unit j; weights are numbered row by row, the hidden layer's first."""
        return f"W{(j - 1) * self.sizes[0] + i}"

    def into_output(self, k: int, j: int) -> str:
        return f"W{self.sizes[0] * self.sizes[1] + (k - 1) * self.sizes[1] + j}"

    def z_output(self, k: int) -> str:
        return f"z{self.sizes[1] + k}"

    def terms(self, z: int) -> list[tuple[str, str]]:
        """The (weight, source) pairs whose products add up to a z."""
        if z <= self.sizes[1]:
            return [(self.into_hidden(z, i), f"x{i}") for i in self.inputs]
        return [(self.into_output(z - self.sizes[1], j), f"h{j}") for j in self.units]

    def toml(self) -> str:
        """The exercise in the format of an exercise file, without a person's numbers."""
        lines = [f'title = "{"-".join(map(str, self.sizes))} {self.hidden} {self.output}"', 'loss = "E_total"']
        lines += [f"lr = {self.lr}", "[given]", *(f"{name} = {value}" for name, value in self.given.items())]
        lines += ["[parameters]", *(f"{name} = {value}" for name, value in self.parameters.items()), "[forward]"]
        return "\n".join(lines + [f'{name} = "{formula}"' for name, formula in self.formulas()]) + "\n"

    def formulas(self) -> Iterator[tuple[str, str]]:
        for z in range(1, sum(self.sizes[1:]) + 1):
            bias = f" + b{z}" if self.biases else ""
            yield f"z{z}", " + ".join(f"{weight}*{source}" for weight, source in self.terms(z)) + bias
            if z <= self.sizes[1]:
                yield f"h{z}", f"{self.hidden}(z{z})"
            else:
                yield f"o{z - self.sizes[1]}", f"sigmoid(z{z})" if self.output == "sigmoid" else f"z{z}"
        for k in self.outputs:
            yield f"E_o{k}", f"1/2*(t{k} - o{k})**2"
        yield "E_total", " + ".join(f"E_o{k}" for k in self.outputs)


@dataclass
class Person:
    """Works a net in a style: `kept` is what stays in the calculator, `written` what is on paper."""

    net: Net
    style: Style
    random: random.Random
    kept: dict[str, Decimal] = field(default_factory=dict)
    written: dict[str, Decimal] = field(default_factory=dict)
    worked: dict[str, Callable[[], list[Decimal]]] = field(default_factory=dict)
    goes_back: bool = False  # at the gradients and updates

    def rounded(self, value: Decimal) -> Decimal:
        last = -self.style.decimals
        if self.style.keeps == "digits" and value:
            last += value.adjusted() + 1
        elif self.style.keeps == "stages" and self.goes_back:
            last -= self.style.more
        return value.quantize(ONE.scaleb(last), ROUNDINGS[self.style.rounding])

    def note(self, name: str, value: Decimal) -> None:
        self.kept[name], self.written[name] = value, self.rounded(value)

    def take(self, name: str) -> Decimal:
        """A number as it is used further on. What the exercise gives is never rounded."""
        for exact in (self.net.given, self.net.parameters):
            if name in exact:
                return exact[name]
        on_paper = self.style.carry == "not carried" or (self.style.carry == "mixed" and self.random.random() < 0.5)
        return (self.written if on_paper else self.kept)[name]

    def scratch(self, value: Decimal) -> Decimal:
        """A number that gets no name, on the way to one that does."""
        rounds = self.style.scratch and (self.style.carry != "mixed" or self.random.random() < 0.5)
        return self.rounded(value) if rounds else value

    def product(self, factors: list[Decimal]) -> Decimal:
        """The factors multiplied in any order, each partial product but the last a scratch number."""
        first, *others = self.random.sample(factors, len(factors))
        for position, factor in enumerate(others):
            first = first * factor if position == len(others) - 1 else self.scratch(first * factor)
        return first

    def total(self, terms: list[Decimal]) -> Decimal:
        """The terms added in any order, each term and each partial sum but the last a scratch number."""
        if len(terms) == 1:
            return terms[0]
        first, *others = [self.scratch(term) for term in self.random.sample(terms, len(terms))]
        for position, term in enumerate(others):
            first = first + term if position == len(others) - 1 else self.scratch(first + term)
        return first

    def sigmoid(self, z: Decimal) -> Decimal:
        return ONE / (ONE + self.scratch((-z).exp()))

    def tanh(self, z: Decimal) -> Decimal:
        up, down = self.scratch(z.exp()), self.scratch((-z).exp())
        return (up - down) / (up + down)

    def activation(self, kind: str, z: Decimal) -> Decimal:
        if kind == "sigmoid":
            return self.sigmoid(z)
        if kind == "tanh":
            return self.tanh(z)
        return max(z, ZERO) if kind == "relu" else z

    def forward(self, step: str, mark: str) -> None:
        """One forward pass: with W1 and z1, or with the updated W1+ and the second pass's z1'."""
        net, hidden = self.net, self.net.sizes[1]
        for z in range(1, sum(net.sizes[1:]) + 1):
            terms = []
            for weight, source in net.terms(z):
                second = self.take(source if source in net.given else source + mark)
                terms.append(self.product([self.take(weight + step), second]))
            if net.biases:
                terms.append(self.take(f"b{z}{step}"))
            self.note(f"z{z}{mark}", self.total(terms))
            name, kind = (f"h{z}", net.hidden) if z <= hidden else (f"o{z - hidden}", net.output)
            self.note(name + mark, self.activation(kind, self.take(f"z{z}{mark}")))
        for k in net.outputs:
            self.note(f"E_o{k}{mark}", self.product([HALF, self.error(k, mark), self.error(k, mark)]))
        self.note(f"E_total{mark}", self.total([self.take(f"E_o{k}{mark}") for k in net.outputs]))

    def error(self, k: int, mark: str = "") -> Decimal:
        return self.take(f"o{k}{mark}") - self.net.given[f"t{k}"]

    def slope_of_error(self, k: int) -> list[Decimal]:
        """∂E_total/∂o = 2·½·(−1)·(target − o), folded as the textbook folds it."""
        return [self.error(k)]

    def slope(self, kind: str, name: str, z: str) -> list[Decimal]:
        """The derivative of an activation as factors, in the person's own output: o(1 − o), 1 − h², 1 or 0."""
        if kind == "sigmoid":
            return [self.take(name), ONE - self.take(name)]
        if kind == "tanh":
            return [ONE - self.scratch(self.product([self.take(name), self.take(name)]))]
        return [ONE if kind == "linear" or self.take(z) > 0 else ZERO]

    def work(self, name: str, factors: Callable[[], list[Decimal]]) -> None:
        """Note a gradient that is a product, and how it would be worked out again."""
        self.worked[name] = factors
        self.note(name, self.product(factors()))

    def factors(self, name: str) -> list[Decimal]:
        """A gradient as it is used further on: the number there is, or its own factors, worked out afresh."""
        again = name in self.worked and self.random.random() < self.style.afresh
        return self.worked[name]() if again else [self.take(name)]

    def chain(self, *names: str) -> list[Decimal]:
        return [factor for name in names for factor in self.factors(name)]

    def over_paths(self, h: str) -> list[Decimal]:
        """∂E_total/∂h, one factor: the sum of what comes back from every output."""
        return [self.total([self.product(self.factors(f"dE_o{k}/d{h}")) for k in self.net.outputs])]

    def back_to_outputs(self) -> None:
        net = self.net
        for k in net.outputs:
            o, z = f"o{k}", net.z_output(k)
            self.work(f"dE_total/d{o}", partial(self.slope_of_error, k))
            self.work(f"d{o}/d{z}", partial(self.slope, net.output, o, z))
            self.work(f"dE_total/d{z}", partial(self.chain, f"dE_total/d{o}", f"d{o}/d{z}"))
            for j in net.units:
                self.back_to_weight(net.into_output(k, j), z, f"h{j}")
            self.back_to_bias(z)

    def back_to_hidden(self) -> None:
        net = self.net
        for j in net.units:
            h, z = f"h{j}", f"z{j}"
            for k in net.outputs:
                weight, z_next = net.into_output(k, j), net.z_output(k)
                self.note(f"d{z_next}/d{h}", self.take(weight))
                self.work(f"dE_o{k}/d{h}", partial(self.chain, f"dE_total/d{z_next}", weight))
            self.work(f"dE_total/d{h}", partial(self.over_paths, h))
            self.work(f"d{h}/d{z}", partial(self.slope, net.hidden, h, z))
            self.work(f"dE_total/d{z}", partial(self.chain, f"dE_total/d{h}", f"d{h}/d{z}"))
            for i in net.inputs:
                self.back_to_weight(net.into_hidden(j, i), z, f"x{i}")
            self.back_to_bias(z)

    def back_to_weight(self, weight: str, z: str, source: str) -> None:
        self.note(f"d{z}/d{weight}", self.take(source))
        self.work(f"dE_total/d{weight}", partial(self.chain, f"dE_total/d{z}", source))

    def back_to_bias(self, z: str) -> None:
        if self.net.biases:
            self.note(f"d{z}/db{z[1:]}", ONE)
            self.work(f"dE_total/db{z[1:]}", partial(self.factors, f"dE_total/d{z}"))

    def update(self) -> None:
        for name in self.net.parameters:
            step = self.scratch(self.product([self.net.lr, *self.factors(f"dE_total/d{name}")]))
            self.note(f"{name}+", self.take(name) - step)

    def solve(self) -> "Person":
        self.forward("", "")
        self.goes_back = True
        self.back_to_outputs()
        self.back_to_hidden()
        self.update()
        self.goes_back = False
        self.forward("+", "'")
        return self


class Program(Person):
    """Works in float32: what is given, every operation and what is printed. Nothing is rounded but so."""

    def rounded(self, value: Decimal) -> Decimal:
        return float32(value)

    def take(self, name: str) -> Decimal:
        return float32(super().take(name))

    def scratch(self, value: Decimal) -> Decimal:
        return float32(value)

    def product(self, factors: list[Decimal]) -> Decimal:
        return float32(super().product([float32(each) for each in factors]))

    def total(self, terms: list[Decimal]) -> Decimal:
        return float32(super().total(terms))

    def sigmoid(self, z: Decimal) -> Decimal:
        return float32(ONE / float32(ONE + float32((-z).exp())))

    def tanh(self, z: Decimal) -> Decimal:
        return float32(super().tanh(z))

    def error(self, k: int, mark: str = "") -> Decimal:
        return float32(self.take(f"o{k}{mark}") - float32(self.net.given[f"t{k}"]))


def float32(value: Decimal) -> Decimal:
    """The nearest number of 24 binary digits, exactly."""
    (nearest,) = struct.unpack("f", struct.pack("f", float(value)))
    return Decimal(nearest)


@dataclass(frozen=True)
class Sheet:
    """An exercise, the exact values of its quantities, and one person's numbers as written."""

    seed: str
    number: int
    net: Net
    style: Style
    exact: Mapping[str, Decimal]
    hand: Mapping[str, str]

    def toml(self) -> str:
        """The whole file: exercise and [hand]; enough to reproduce a verdict."""
        rows = "".join(f'"{name}" = "{written}"\n' for name, written in self.hand.items())
        return f"{self.net.toml()}[hand]\n{rows}"

    def moved(self, name: str, units: int) -> "Sheet":
        """The same sheet with one number off by so many units of the sheet's last decimal."""
        value = Decimal(self.hand[name]) + units * ONE.scaleb(-self.style.decimals)
        return replace(self, hand={**self.hand, name: f"{value:.{self.style.decimals}f}"})


def sheet(
    seed: str, number: int, rounding: str, carry: str, nets: Callable[[random.Random], Net] | None = None, **fixed: Any
) -> Sheet:
    """One person's sheet, drawn from (seed, number, rounding, carry); `fixed`: fields of Style that are not drawn."""
    draw = random.Random(f"{seed}/{number}/{rounding}/{carry}")
    net = (nets or draw_net)(draw)
    style = Style(
        rounding,
        carry,
        decimals=draw.randint(4, 8),
        scratch=draw.random() < 0.5,
        afresh=draw.choice((0.0, 0.0, 0.3, 1.0)),
        zeros=draw.choice(("kept", "dropped", "dropped where exact")),
        written=draw.choice(("all", "70 %", "results")),
    )
    style = style._replace(**fixed)
    exact = exact_values(net)
    is_program = style.keeps == "float32"
    person = (Program if is_program else Person)(net, style, draw).solve()
    names = chosen(list(exact), style.written, draw)
    numbers = person.written
    hand = {n: printed(numbers[n]) if is_program else text(numbers[n], exact[n], style.zeros) for n in names}
    return Sheet(seed, number, net, style, exact, named_as_textbooks_do(hand, draw))


HABITS: dict[str, Callable[[random.Random], dict[str, Any]]] = {
    "significant digits": lambda draw: {"keeps": "digits", "decimals": draw.randint(3, 6)},
    "more for gradients": lambda draw: {"keeps": "stages", "decimals": 4, "more": draw.randint(2, 4)},
    "whole numbers": lambda _: {"nets": draw_whole_net, "zeros": "dropped"},
    "float32": lambda _: {"keeps": "float32", "afresh": 0.0},
}


def sheet_of_habit(seed: str, number: int, habit: str) -> Sheet:
    """The sheet of a person who keeps other digits than so many decimals, in any of the styles."""
    draw = random.Random(f"{seed}/{number}/{habit}")
    return sheet(f"{seed} {habit}", number, *draw.choice(STYLES), **HABITS[habit](draw))


def exact_values(net: Net) -> dict[str, Decimal]:
    """Every quantity to 25 digits and more: a person who rounds nothing."""
    nothing_rounded = Style("half-even", "carried", 20, scratch=False, afresh=0.0, zeros="kept", written="all")
    with localcontext(prec=60):
        return Person(net, nothing_rounded, random.Random(0)).solve().kept


def draw_net(draw: random.Random, shapes: Sequence[tuple[int, int, int]] = SIZES) -> Net:
    """A net with comfortable numbers: one to three decimals, of ordinary size, some negative."""
    sizes, places = draw.choice(shapes), draw.choice((1, 2, 2, 2, 3))
    output = draw.choice(("sigmoid", "sigmoid", "linear"))

    def number(low: float, high: float, negative: float) -> Decimal:
        value = Decimal(str(round(draw.uniform(low, high), places))) or ONE.scaleb(-places)
        return -value if draw.random() < negative else value

    given = {f"x{i}": number(0.05, 1.5, 0.15) for i in range(1, sizes[0] + 1)}
    limits = (0.05, 0.95, 0.0) if output == "sigmoid" else (0.05, 1.5, 0.3)
    given |= {f"t{k}": number(*limits) for k in range(1, sizes[2] + 1)}
    weights = sizes[1] * (sizes[0] + sizes[2])
    parameters = {f"W{n}": number(0.05, 0.95, 0.25) for n in range(1, weights + 1)}
    biases = draw.random() < 0.5
    if biases:
        parameters |= {f"b{n}": number(0.05, 0.95, 0.25) for n in range(1, sum(sizes[1:]) + 1)}
    lr = Decimal(draw.choice(("0.5", "0.1", "0.3", "0.05", "0.01", "1.0")))
    return Net(sizes, draw.choice(("sigmoid", "sigmoid", "tanh", "relu")), output, biases, lr, given, parameters)


def draw_whole_net(draw: random.Random) -> Net:
    """A net for exercises in whole numbers, none of them large: small integers, relu, a linear output."""
    while True:
        net, lr = draw_net(draw), Decimal(draw.choice(("1", "0.5", "0.1", "0.01")))
        given, parameters = ({n: Decimal(draw.choice(WHOLE)) for n in each} for each in (net.given, net.parameters))
        whole = replace(net, hidden="relu", output="linear", lr=lr, given=given, parameters=parameters)
        if max(map(abs, exact_values(whole).values())) < 1000:
            return whole


def chosen(everything: list[str], written: str, draw: random.Random) -> list[str]:
    """The names that are on the sheet, in working order."""
    if written == "all":
        return everything
    if written == "70 %":
        return [name for name in everything if draw.random() < 0.7]
    results = ("o", "E_", "dE_total/dW", "dE_total/db")
    return [name for name in everything if name.startswith(results) or name.endswith(("+", "'"))]


def named_as_textbooks_do(hand: Mapping[str, str], draw: random.Random) -> dict[str, str]:
    """Some people write ∂E_o1/∂o1 where others write ∂E_total/∂o1, or both: it is one number."""
    habit, renamed = draw.choice(("total", "own", "both")), {}
    for name, written in hand.items():
        if not name.startswith("dE_total/do") or habit != "own":
            renamed[name] = written
        if name.startswith("dE_total/do") and habit != "total":
            renamed[f"dE_o{name[len('dE_total/do') :]}/do{name[len('dE_total/do') :]}"] = written
    return renamed


def printed(value: Decimal) -> str:
    """A float32 as Python prints its `.item()`: all digits of the float64 that it is."""
    return repr(float(value))


def text(value: Decimal, exact: Decimal, zeros: str) -> str:
    """A number as it is written: 0.0800, or 0.08 where zeros are dropped; −0 is 0."""
    plain = f"{abs(value) if value == 0 else value:f}"
    drops = zeros == "dropped" or (zeros == "dropped where exact" and value == exact)
    return plain.rstrip("0").rstrip(".") if drops and "." in plain else plain
