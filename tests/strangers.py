"""Simulated people whose mistakes the catalogue was not written after: what forums and course repositories show.

They work the textbook of `careless`, and four more: cross-entropy with a sigmoid, softmax with cross-entropy, the mean
over two or three samples, a recurrent cell over three steps. A kind of mistake is a line of a textbook written
differently; then there are slips of a pen (PENS), numbers that are off by a little (`moved`), and rules of somebody's
own that all rows of a sort follow (RULES). Nothing here comes from the package.

Two thirds of the kinds are asked of the catalogue: `TOLD`. A third, `APART`, is kept out of its making as a check on
false causes: whoever names a cause for them may only name what was done. They are those that nobody asked for, and
others drawn once and written down here.
"""

import random
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import careless
from careless import AS_WRITTEN, CHAPTER, FUNCTIONS, OF_ALL, Book, Course, Habit, Line, Mistake, Planted, Student, Term
from people import ONE, STYLES, ZERO, Net, Sheet, draw_net, sheet

# --- functions that people take for others ----------------------------------------------------------------------------

TAU = Decimal("6.283185307179586476925286766559")


def sigmoid_of(exponential: Callable[[Decimal], Decimal], sign: int = 1) -> Callable[[Student, Decimal], Decimal]:
    return lambda student, z: ONE / (ONE + sign * student.scratch(exponential(z)))


FUNCTIONS |= {
    "exp": lambda _, z: z.exp(),
    "sigmoid of sigmoid": lambda student, z: student.sigmoid(student.sigmoid(z)),
    "sigmoid of -z": lambda student, z: student.sigmoid(-z),
    "sigmoid with -": sigmoid_of(lambda z: (-z).exp(), -1),
    "sigmoid of 2.7": sigmoid_of(lambda z: Decimal("2.7") ** -z),
    "1 + exp(-z)": lambda student, z: ONE + student.scratch((-z).exp()),
    "exp(-z)": lambda _, z: (-z).exp(),
    "tan": lambda student, z: FUNCTIONS["sin"](student, z) / FUNCTIONS["cos"](student, z),
    "sin°": lambda student, z: FUNCTIONS["sin"](student, z * TAU / 360),
    "cos°": lambda student, z: FUNCTIONS["cos"](student, z * TAU / 360),
    "softsign": lambda _, z: z / (1 + abs(z)),
    "hard sigmoid": lambda _, z: max(ZERO, min(ONE, z / 5 + Decimal("0.5"))),
    "0.9 z": lambda _, z: z * Decimal("0.9"),
    "z²": lambda _, z: z * z,
}
OF_ALL |= {
    "odds": lambda student, terms: (found := student.exponentials(terms))[0] / sum(found[1:]),
    "share": lambda _, terms: terms[0] / sum(terms),
}


# --- more textbooks ---------------------------------------------------------------------------------------------------


class CrossEntropyNet(Net):
    """Each output's error is −(t·log o + (1 − t)·log(1 − o))."""

    def formulas(self) -> Iterator[tuple[str, str]]:
        for name, formula in super().formulas():
            k = name.removeprefix("E_o")
            yield name, f"-(t{k}*log(o{k}) + (1 - t{k})*log(1 - o{k}))" if k.isdecimal() else formula


class SoftmaxNet(Net):
    """The outputs are shares, and the error is −Σ t·log o."""

    def formulas(self) -> Iterator[tuple[str, str]]:
        exponentials = " + ".join(f"exp({self.z_output(k)})" for k in self.outputs)
        yield from ((name, formula) for name, formula in super().formulas() if name[0] not in "oE")
        yield from ((f"o{k}", f"exp({self.z_output(k)})/({exponentials})") for k in self.outputs)
        yield "E_total", "-(" + " + ".join(f"t{k}*log(o{k})" for k in self.outputs) + ")"


def draw_classes(kind: type[Net], sizes: Iterable[tuple[int, int, int]]) -> Callable[[random.Random], Net]:
    """Exercises in telling classes apart: a net whose targets are 1 for one output, and 0 for the others."""

    def draw_targets(draw: random.Random) -> Net:
        net, is_one = draw_net(draw, tuple(sizes)), draw.random() < 0.5
        right = draw.choice(net.outputs) if len(net.outputs) > 1 or is_one else 0
        given = {name: Decimal(name == f"t{right}") if name[0] == "t" else x for name, x in net.given.items()}
        output, hidden = "sigmoid", draw.choice(("sigmoid", "tanh"))
        return kind(**{**vars(net), "given": given, "output": output, "hidden": hidden})

    return draw_targets


def log_likelihood(t: str, o: str) -> tuple[Term, Term]:
    return (t, f"log {o}"), (f"1 - {t}", f"log 1 - {o}")


def by_output(t: str, o: str, *factors: str) -> tuple[Term, Term]:
    """The derivative of −(t·log o + (1 − t)·log(1 − o)): −t/o + (1 − t)/(1 − o)."""
    return (*factors, "-1", t, f"1 / {o}"), (*factors, f"1 - {t}", f"1 / 1 - {o}")


def by_layers(lines: list[Line]) -> list[Line]:
    """The same lines, but all of the outputs' deltas stand before the first gradient of a weight."""
    first_update = next(i for i, line in enumerate(lines) if line.is_update)
    to_weights = [line for line in lines[:first_update] if re.fullmatch(r"d\w+/d[Wb]\d+", line.name)]
    return [*(line for line in lines[:first_update] if line not in to_weights), *to_weights, *lines[first_update:]]


def cross_entropy(net: Net, draw: random.Random) -> list[Line]:
    habit, instead = careless.draw_habit(draw), {}
    for k in net.outputs:
        t, o, z = f"t{k}", f"o{k}", net.z_output(k)
        for mark in ("", "'"):
            terms = tuple(("-1", *term) for term in log_likelihood(t, o + mark))
            instead[f"E_o{k}{mark}"] = terms
        instead[f"dE_total/d{o}"] = by_output(t, o)
        instead[f"dE_total/d{z}"] = ((f"{o} - {t}",),)
    lines = by_layers(careless.textbook(net, habit))
    return [line._replace(terms=instead.get(line.name, line.terms)) for line in lines]


def softmax(net: Net, draw: random.Random) -> list[Line]:
    """∂E/∂z = o − t at once, as textbooks do; how softmax is differentiated is not on the sheet."""
    lines = []
    for line in by_layers(careless.textbook(net, Habit(deltas=True, paths=False))):
        mark = "'" * line.name.endswith("'")
        delta = re.fullmatch(r"dE_total/dz(\d+)", line.name)
        k = int(delta[1]) - net.sizes[1] if delta else 0
        if line.name.startswith("E_total"):  # all z are known by now
            every_z = [f"{net.z_output(k)}{mark}" for k in net.outputs]
            for k in net.outputs:
                own_first = dict.fromkeys([every_z[k - 1], *every_z])
                lines.append(Line(f"o{k}{mark}", tuple((z,) for z in own_first), "softmax"))
            lines.append(Line(line.name, tuple(("-1", f"t{k}", f"log o{k}{mark}") for k in net.outputs)))
        elif k > 0:
            lines.append(Line(line.name, ((f"o{k} - t{k}",),)))
        elif not re.match(r"o\d|E_o|do|dE_total/do", line.name):
            lines.append(line)
    return lines


@dataclass(frozen=True)
class Exercise:
    """An exercise that is not one dense net: its formulas beside its lines."""

    title: str
    lr: Decimal
    given: Mapping[str, Decimal]
    parameters: Mapping[str, Decimal]
    formulas: Mapping[str, str]
    function: str = "tanh"
    error: str = "half"

    def toml(self) -> str:
        tables: dict[str, Mapping[str, Any]] = {"given": self.given, "parameters": self.parameters}
        tables["forward"] = {name: f'"{formula}"' for name, formula in self.formulas.items()}
        rows = [
            line for name, table in tables.items() for line in (f"[{name}]", *(f"{k} = {v}" for k, v in table.items()))
        ]
        return "\n".join([f'title = "{self.title}"', 'loss = "E"', f"lr = {self.lr}", *rows]) + "\n"


def numbers(draw: random.Random, names: Iterable[str], low: float = 0.05, high: float = 1.5) -> dict[str, Decimal]:
    return {name: Decimal(str(round(draw.uniform(low, high), 2))) * draw.choice((1, 1, 1, -1)) for name in names}


RATES = ("0.5", "0.1", "0.3", "0.05", "0.01")
ERRORS = {
    "square": "(t{i} - o{i})**2",
    "half": "1/2*(t{i} - o{i})**2",
    "log": "t{i}*log(o{i}) + (1 - t{i})*log(1 - o{i})",
}


def draw_samples(draw: random.Random) -> Exercise:
    """One neuron, two or three samples, and the mean of their errors."""
    n, error = draw.choice((2, 3)), draw.choice(list(ERRORS))
    samples = range(1, n + 1)
    function = "sigmoid" if error == "log" else draw.choice(("sigmoid", "linear", "tanh", "sin"))
    given = numbers(draw, (f"x{i}" for i in samples)) | {f"t{i}": Decimal(draw.choice((0, 1))) for i in samples}
    if error != "log":
        given |= {name: abs(t) for name, t in numbers(draw, (f"t{i}" for i in samples), 0.05, 0.95).items()}
    forward = {f"z{i}": f"w*x{i} + b" for i in samples}
    forward |= {f"o{i}": f"z{i}" if function == "linear" else f"{function}(z{i})" for i in samples}
    forward |= {f"E{i}": ERRORS[error].format(i=i) for i in samples}
    forward["E"] = f"{'-' * (error == 'log')}1/{n}*({' + '.join(f'E{i}' for i in samples)})"
    title = f"{n} samples, {function}, {error}"
    lr = Decimal(draw.choice(RATES))
    return Exercise(title, lr, given, numbers(draw, ("w", "b"), 0.05, 0.95), forward, function, error)


def samples(asked: Exercise, draw: random.Random) -> list[Line]:
    n = sum(name[0] == "x" for name in asked.given)
    numbered, minus = range(1, n + 1), ("-1",) * (asked.error == "log")
    forward, back = [], []
    for step, mark in ("", ""), ("+", "'"):
        for i in numbered:
            forward.append(Line(f"z{i}{mark}", ((f"w{step}", f"x{i}"), (f"b{step}",))))
            forward.append(Line(f"o{i}{mark}", ((f"z{i}{mark}",),), asked.function))
            off = f"t{i} - o{i}{mark}"
            squared = (*("0.5",) * (asked.error == "half"), off, off)
            likely = log_likelihood(f"t{i}", f"o{i}{mark}")
            forward.append(Line(f"E{i}{mark}", likely if asked.error == "log" else (squared,)))
        all_errors = " + ".join(f"E{i}{mark}" for i in numbered)
        forward.append(Line(f"E{mark}", ((*minus, f"1 / {n}", all_errors),)))
    for i in numbered:
        o, z = f"o{i}", f"z{i}"
        constants = (f"1 / {n}", "2", *("0.5",) * (asked.error == "half"), "-1")
        by_o = by_output(f"t{i}", o, f"1 / {n}") if asked.error == "log" else ((*constants, f"t{i} - {o}"),)
        slope = (f"cos {z}",) if asked.function == "sin" else careless.slope(asked.function, o, z)
        back += [Line(f"dE/d{o}", by_o), Line(f"d{o}/d{z}", (slope,))]
        back.append(Line(f"dE/d{z}", ((f"dE/d{o}", f"d{o}/d{z}"),)))
    back.append(Line("dE/dw", tuple((f"dE/dz{i}", f"x{i}") for i in numbered)))
    back.append(Line("dE/db", tuple((f"dE/dz{i}",) for i in numbered)))
    middle = len(forward) // 2
    return [*forward[:middle], *back, *(careless.update(name, "E") for name in asked.parameters), *forward[middle:]]


STEPS = (1, 2, 3)


def draw_cell(draw: random.Random) -> Exercise:
    """A recurrent cell over three steps, with tanh."""
    forward = {}
    for i in STEPS:
        forward |= {f"a{i}": f"u*x{i} + w*h{i - 1} + b", f"h{i}": f"tanh(a{i})"}
    forward |= {"p": "v*h3 + c", "E": "1/2*(p - y)**2"}
    lr = Decimal(draw.choice(RATES))
    given = numbers(draw, ("h0", "x1", "x2", "x3", "y"), 0.05, 0.95)
    return Exercise("a recurrent cell", lr, given, numbers(draw, ("u", "w", "b", "v", "c"), 0.1, 0.9), forward)


def cell(asked: Exercise, draw: random.Random) -> list[Line]:
    passes = []
    for step, mark in ("", ""), ("+", "'"):
        h = {0: "h0"} | {i: f"h{i}{mark}" for i in STEPS}
        lines = [
            line
            for i in STEPS
            for line in (
                Line(f"a{i}{mark}", ((f"u{step}", f"x{i}"), (f"w{step}", h[i - 1]), (f"b{step}",))),
                Line(f"h{i}{mark}", ((f"a{i}{mark}",),), "tanh"),
            )
        ]
        lines.append(Line(f"p{mark}", ((f"v{step}", h[3]), (f"c{step}",))))
        lines.append(Line(f"E{mark}", (("0.5", f"p{mark} - y", f"p{mark} - y"),)))
        passes.append(lines)
    back = [Line("dE/dp", (("2", "0.5", "p - y"),)), Line("dE/dh3", (("dE/dp", "v"),))]
    for i in reversed(STEPS):
        back += [Line(f"dh{i}/da{i}", ((f"1 - h{i}²",),)), Line(f"dE/da{i}", ((f"dE/dh{i}", f"dh{i}/da{i}"),))]
        if i > 1:
            back.append(Line(f"dE/dh{i - 1}", ((f"dE/da{i}", "w"),)))
    back += [Line("dE/dv", (("dE/dp", "h3"),)), Line("dE/dc", (("dE/dp",),))]
    back.append(Line("dE/dw", tuple((f"dE/da{i}", f"h{i - 1}") for i in reversed(STEPS))))
    back.append(Line("dE/du", tuple((f"dE/da{i}", f"x{i}") for i in reversed(STEPS))))
    back.append(Line("dE/db", tuple((f"dE/da{i}",) for i in reversed(STEPS))))
    return [*passes[0], *back, *(careless.update(name, "E") for name in asked.parameters), *passes[1]]


COURSES = {
    "net": CHAPTER,
    "net by layers": CHAPTER._replace(lines=lambda net, draw: by_layers(CHAPTER.lines(net, draw))),
    "cross-entropy": Course(draw_classes(CrossEntropyNet, ((2, 2, 1), (2, 2, 2), (1, 2, 1))), cross_entropy),
    "softmax": Course(draw_classes(SoftmaxNet, ((2, 2, 2), (2, 2, 3), (1, 2, 2), (3, 2, 2))), softmax),
    "samples": Course(draw_samples, samples),
    "recurrent": Course(draw_cell, cell),
}


# --- kinds of mistakes ------------------------------------------------------------------------------------------------

Change = Callable[[Line], Line]
Ways = Callable[[Book], Iterator[Mistake]]


class Kind(NamedTuple):
    """A mistake, and the textbooks in which it can be made."""

    ways: Ways
    courses: tuple[str, ...] = ("net",)


def once(change: Change) -> Ways:
    return lambda book: ((change(line),) for line in book.lines if change(line) != line)


def always(change: Change) -> Ways:
    return careless.throughout(change)


def once_or_always(change: Change) -> Ways:
    return lambda book: chain(once(change)(book), always(change)(book))


def activations(before: str, after: str) -> Change:
    """Another function of the same sum."""
    return lambda line: line._replace(function=after) if line.function == before else line


def slopes(factors: Callable[[str], Term], square: bool = False) -> Change:
    """Something else for o(1 − o), or for 1 − h²; `factors` of the output's name."""

    def change(line: Line) -> Line:
        output = line.name[1:].partition("/")[0]
        due = (f"1 - {output}²",) if square else (output, f"1 - {output}")
        return line._replace(terms=(factors(output),)) if line.is_gradient and line.terms == (due,) else line

    return change


def cos_of_degrees(line: Line) -> Line:
    """A slope of sin, its angle taken in degrees."""
    function, _, z = line.terms[0][0].partition(" ") if line.terms and line.terms[0] else ("", "", "")
    return line._replace(terms=((f"cos° {z}",),)) if function == "cos" else line


def errors(terms: Callable[[str, str], tuple[Term, ...]]) -> Change:
    """Other terms for ½(t − o)²; `terms` of the two names."""

    def change(line: Line) -> Line:
        match line.terms:
            case (("0.5", error, again),) if error == again:
                return line._replace(terms=terms(*error.split(" - ")))
        return line

    return change


def named(pattern: str, terms: Callable[[Line], tuple[Term, ...]]) -> Change:
    """Other terms where the name is of this pattern."""
    return lambda line: line._replace(terms=terms(line)) if re.fullmatch(pattern, line.name) else line


def updates(*term: str) -> Change:
    """Another term for −lr·g; lr and g stand in it."""

    def change(line: Line) -> Line:
        return careless.with_term(line, 1, filled(term, line)) if line.is_update else line

    return change


def filled(term: Iterable[str], line: Line) -> Term:
    """The term with an update's own W and g."""
    names = {"W": line.terms[0][0], "g": line.terms[1][2]}
    return tuple(careless.with_names(factor, names) for factor in term)


def update_is(*term: str) -> Change:
    """One product for the whole update."""
    return lambda line: line._replace(terms=(filled(term, line),)) if line.is_update else line


def other_lr(book: Book) -> Iterator[Mistake]:
    for times in ("0.1", "10", "2", "0.2"):
        lr = f"{(book.net.lr * Decimal(times)).normalize():f}"
        yield from once_or_always(updates("-1", lr, "g"))(book)


def sign_turned_twice(book: Book) -> Iterator[Mistake]:
    """The minus of ∂E/∂o is forgotten, and + written in the updates."""
    turned = [line._replace(terms=(careless.turned(line.terms[0]),)) for line in book.lines if is_by_output(line)]
    yield (*turned, *(updates("lr", "g")(line) for line in book.lines if line.is_update))


def is_by_output(line: Line) -> bool:
    return bool(re.fullmatch(r"dE(_total)?/d(o\d+|p)", line.name))


def power_kept(line: Line) -> Line:
    """(t − o)² in the derivative, too."""
    error = next((factor for factor in line.terms[0] if " - " in factor), None)
    return line._replace(terms=((*line.terms[0], error),)) if error and is_by_output(line) else line


def paths_to(book: Book, j: int, change: Callable[[int, Term], Term]) -> Mistake:
    """All lines in which the paths back to a hidden unit are worked, each path changed; `change` of (output, path)."""
    lines = {line.name: line for line in book.lines}
    apart = [f"dE_o{k}/dh{j}" for k in book.net.outputs]
    if apart[0] in lines:
        return tuple(lines[name]._replace(terms=(change(k, lines[name].terms[0]),)) for k, name in enumerate(apart, 1))
    total = lines[f"dE_total/dh{j}"]
    return (total._replace(terms=tuple(change(k, path) for k, path in enumerate(total.terms, 1))),)


def of_units(change: Callable[[Net, int], Callable[[int, Term], Term]]) -> Ways:
    """A mistake on all paths to one hidden unit, or to every one."""

    def ways(book: Book) -> Iterator[Mistake]:
        each = [paths_to(book, j, change(book.net, j)) for j in book.net.units]
        yield from each
        yield tuple(chain(*each))

    return ways


def weights_left_out(net: Net, j: int) -> Callable[[int, Term], Term]:
    return lambda k, path: path[:-1]


def raw_error(net: Net, j: int) -> Callable[[int, Term], Term]:
    """The output's error goes back through the weight, without the output's slope."""
    return lambda k, path: (f"dE_total/do{k}", path[-1])


def slope_twice(net: Net, j: int) -> Callable[[int, Term], Term]:
    return lambda k, path: (*path, f"do{k}/d{net.z_output(k)}")


def mean_of_terms(pattern: str) -> Change:
    """Divided by the number of its terms."""
    return named(pattern, lambda line: tuple((f"1 / {len(line.terms)}", *term) for term in line.terms))


def outer_product_transposed(book: Book) -> Iterator[Mistake]:
    """δ₁h₂ for δ₂h₁ and the other way round."""
    net, lines = book.net, {line.name: line for line in book.lines}
    for k in net.outputs:
        for j in net.units:
            if k < j <= len(net.outputs):
                one, other = (lines[f"dE_total/d{net.into_output(*at)}"] for at in ((k, j), (j, k)))
                yield one._replace(terms=other.terms), other._replace(terms=one.terms)


def both_errors(book: Book) -> Iterator[Mistake]:
    """The errors of all outputs are summed into the gradient of one weight."""
    net, lines = book.net, {line.name: line for line in book.lines}
    for j in net.units:
        weights = [lines[f"dE_total/d{net.into_output(k, j)}"] for k in net.outputs]
        every_error = tuple(line.terms[0] for line in weights)
        if len(weights) > 1:
            yield from ((line._replace(terms=every_error),) for line in weights)
            yield tuple(line._replace(terms=every_error) for line in weights)


def with_first_input(term: Callable[[Line, str], tuple[Term, ...]], pattern: str) -> Ways:
    """Lines of a bias changed with the first input of its unit."""

    def ways(book: Book) -> Iterator[Mistake]:
        for line in book.lines:
            found = re.fullmatch(pattern, line.name)
            if found and book.net.biases:
                yield (line._replace(terms=term(line, book.net.terms(int(found[1]))[0][1])),)

    return ways


def sum_times_sum(line: Line) -> Line:
    """(W1 + W2)(x1 + x2)."""
    products = [term for term in line.terms if len(term) == 2]
    if line.name[0] != "z" or len(products) < 2:
        return line
    weights, inputs = (" + ".join(each) for each in zip(*products, strict=True))
    return line._replace(terms=((weights, inputs), *line.terms[len(products) :]))


def weights_normalised(line: Line) -> Line:
    products = [term for term in line.terms if len(term) == 2]
    if line.name[0] != "z" or len(products) < 2:
        return line
    every = f"1 / {' + '.join(weight for weight, _ in products)}"
    return line._replace(terms=(*((*term, every) for term in products), *line.terms[len(products) :]))


def weight_as_factor(line: Line) -> Line:
    """∂E/∂W times W."""
    weight = line.name.partition("/d")[2]
    return line._replace(terms=((*line.terms[0], weight),)) if re.fullmatch(r"dE_total/dW\d+", line.name) else line


def finite_differences(book: Book) -> Iterator[Mistake]:
    """(E(W + ε) − E(W))/ε, or with W − ε, for ∂E/∂W."""
    first = [line for line in book.lines if not (line.is_gradient or line.name[-1] in "+'")]
    loss = first[-1].name

    def at(name: str, step: Decimal) -> Decimal:
        moved = {**book.net.parameters, name: book.net.parameters[name] + step}
        # twenty decimals would be six of the quotient's
        return careless.exact_values(replace(book.net, parameters=moved), first, {}, decimals=40)[loss]

    for name in book.net.parameters:
        for step in map(Decimal, ("0.01", "0.001", "0.0001")):
            for back in ZERO, step:
                slope = (at(name, step) - at(name, -back)) / (step + back)
                yield (Line(f"d{loss}/d{name}", ((f"{slope:.15f}",),)),)


def in_logs(function: str) -> Change:
    """Another function for ln."""

    def change(line: Line) -> Line:
        put = f"{function} ".lstrip()
        terms = tuple(tuple(re.sub("^log ", put, factor) for factor in term) for term in line.terms)
        return line._replace(terms=terms)

    return change


def without_factors(*unwanted: str) -> Change:
    """Neither 1/n nor 2, or another, where all of them are due: in the mean, or in its derivative."""

    def change(line: Line) -> Line:
        is_there = all(any(re.fullmatch(each, factor) for factor in line.terms[0]) for each in unwanted)
        kept = tuple(tuple(each for each in term if not re.fullmatch("|".join(unwanted), each)) for term in line.terms)
        is_of_mean = line.name in ("E", "E'") or is_by_output(line)
        return line._replace(terms=kept) if is_of_mean and is_there else line

    return change


def squared_delta(line: Line) -> Line:
    """(o − t)·o(1 − o), the squared error's, under cross-entropy."""
    match line.terms:
        case ((error,),) if re.fullmatch(r"dE_total/dz\d+", line.name) and error[0] == "o":
            return line._replace(terms=((error, error.split()[0], f"1 - {error.split()[0]}"),))
    return line


def cross_entropy_delta(book: Book) -> Iterator[Mistake]:
    """o − t, the cross-entropy's, under the squared error."""
    net, names = book.net, {line.name for line in book.lines}
    deltas = [Line(f"dE_total/d{net.z_output(k)}", ((f"o{k} - t{k}",),)) for k in net.outputs]
    if net.output == "sigmoid" and deltas[0].name in names:
        yield from ((each,) for each in deltas)
        yield tuple(deltas)


def entry_by_entry(line: Line) -> Line:
    """Softmax's slope taken for o(1 − o) alone: ∂E/∂z = −t/o · o(1 − o)."""
    match line.terms:
        case ((error,),) if re.fullmatch(r"dE_total/dz\d+", line.name) and error[0] == "o":
            o, t = error.split(" - ")
            return line._replace(terms=(("-1", t, f"1 - {o}"),))
    return line


def squared_error(book: Book) -> Iterator[Mistake]:
    """½Σ(t − o)² where cross-entropy is due."""
    for line in book.lines:
        if re.fullmatch("E_total'?", line.name):
            mark = line.name.removeprefix("E_total")
            off = [f"t{k} - o{k}{mark}" for k in book.net.outputs]
            yield (line._replace(terms=tuple(("0.5", each, each) for each in off)),)


def of_own_z(function: str) -> Change:
    """Something else for softmax, of one z or of all."""

    def change(line: Line) -> Line:
        terms = line.terms if function in OF_ALL else line.terms[:1]
        return line._replace(terms=terms, function=function) if line.function == "softmax" else line

    return change


SHARED = "dE/d[wub]"  # gradients of what is used in every step
SIGMOIDS = ("net", "cross-entropy", "softmax", "samples")
TANHS = ("net", "cross-entropy", "softmax", "samples", "recurrent")
EVERY = ("net", "cross-entropy", "softmax", "samples", "recurrent")
LOGS = ("cross-entropy", "softmax", "samples")

KINDS: dict[str, Kind] = {
    # the activation and its slope
    "σ applied twice": Kind(once(activations("sigmoid", "sigmoid of sigmoid")), SIGMOIDS),
    "σ of −z": Kind(once(activations("sigmoid", "sigmoid of -z")), SIGMOIDS),
    "1/(1 − e⁻ᶻ)": Kind(once(activations("sigmoid", "sigmoid with -")), SIGMOIDS),
    "1 + e⁻ᶻ": Kind(once(activations("sigmoid", "1 + exp(-z)")), SIGMOIDS),
    "e⁻ᶻ left as the answer": Kind(once(activations("sigmoid", "exp(-z)")), SIGMOIDS),
    "e taken as 2.7": Kind(once_or_always(activations("sigmoid", "sigmoid of 2.7")), SIGMOIDS),
    "tan for tanh": Kind(once(activations("tanh", "tan")), TANHS),
    "σ(o)(1 − σ(o))": Kind(once_or_always(slopes(lambda o: (f"sigmoid {o}", f"sigmoid 0 - {o}"))), SIGMOIDS[:2]),
    "(1 − o)² for the slope": Kind(once_or_always(slopes(lambda o: (f"1 - {o}",) * 2)), SIGMOIDS[:2]),
    "o² for the slope": Kind(once_or_always(slopes(lambda o: (o, o))), SIGMOIDS[:2]),
    "(1 − h)² for the slope": Kind(once_or_always(slopes(lambda h: (f"1 - {h}",) * 2, square=True)), TANHS),
    "a slope left at 1": Kind(once_or_always(slopes(lambda o: ("1",))), SIGMOIDS[:2]),
    "degrees in sin": Kind(once_or_always(activations("sin", "sin°")), ("samples",)),
    "degrees in cos": Kind(once_or_always(cos_of_degrees), ("samples",)),
    # the error
    "½|t − o|": Kind(once(errors(lambda t, o: (("0.5", f"abs {t} - {o}"),))), ("net", "samples")),
    "the square forgotten": Kind(once(errors(lambda t, o: (("0.5", f"{t} - {o}"),))), ("net", "samples", "recurrent")),
    "½(t² − o²)": Kind(
        once(errors(lambda t, o: (("0.5", f"{t}²"), ("-1", "0.5", f"{o}²")))), ("net", "samples", "recurrent")
    ),
    "mean of the outputs' errors": Kind(once(mean_of_terms("E_total'?"))),
    "the power kept": Kind(once_or_always(power_kept), ("net", "samples", "recurrent")),
    "log10 for ln": Kind(once_or_always(in_logs("log10")), LOGS),
    "log2 for ln": Kind(once_or_always(in_logs("log2")), LOGS),
    "log forgotten": Kind(once_or_always(in_logs("")), LOGS),
    "1/n forgotten": Kind(once_or_always(without_factors(r"1 / \d")), ("samples",)),
    "1/n and 2 forgotten": Kind(once_or_always(without_factors(r"1 / \d", "2")), ("samples",)),
    "1/n once more": Kind(once(mean_of_terms(SHARED)), ("samples",)),
    # softmax and cross-entropy
    "the squared error's delta": Kind(once_or_always(squared_delta), ("cross-entropy", "softmax")),
    "the cross-entropy's delta": Kind(cross_entropy_delta),
    "softmax entry by entry": Kind(once_or_always(entry_by_entry), ("softmax",)),
    "the squared error for cross-entropy": Kind(squared_error, ("softmax",)),
    "σ for softmax": Kind(once_or_always(of_own_z("sigmoid")), ("softmax",)),
    "softmax not normalised": Kind(once_or_always(of_own_z("exp")), ("softmax",)),
    "softmax over the others": Kind(once_or_always(of_own_z("odds")), ("softmax",)),
    "softmax without e": Kind(once_or_always(of_own_z("share")), ("softmax",)),
    # the way back
    "mean of the paths": Kind(once_or_always(mean_of_terms(r"dE_total/dh\d+"))),
    "weights left out of all paths": Kind(of_units(weights_left_out), ("net", "cross-entropy", "softmax")),
    "raw errors passed back": Kind(of_units(raw_error), ("net", "cross-entropy")),
    "the output's slope twice": Kind(of_units(slope_twice), ("net", "cross-entropy")),
    "outer product transposed": Kind(outer_product_transposed, ("net by layers", "cross-entropy", "softmax")),
    "all errors in one weight": Kind(both_errors, ("net by layers", "cross-entropy", "softmax")),
    "∂E/∂W times W": Kind(once_or_always(weight_as_factor), ("net", "cross-entropy", "softmax")),
    "a bias gradient times an input": Kind(
        with_first_input(lambda line, x: ((*line.terms[0], x),), r"dE_total/db(\d+)"),
        ("net", "cross-entropy", "softmax"),
    ),
    "a bias gradient taken as 1": Kind(
        once_or_always(named(r"dE_total/db\d+", lambda _: (("1",),))), ("net", "cross-entropy")
    ),
    "a finite difference": Kind(finite_differences, ("net", "cross-entropy", "samples", "recurrent")),
    # the sums
    "a bias times an input": Kind(
        with_first_input(lambda line, x: (*line.terms[:-1], (*line.terms[-1], x)), r"z(\d+)"),
        ("net", "cross-entropy", "softmax"),
    ),
    "(W₁ + W₂)(x₁ + x₂)": Kind(once_or_always(sum_times_sum), ("net", "softmax")),
    "weights normalised": Kind(once_or_always(weights_normalised), ("net", "softmax")),
    # the update
    "divided by lr": Kind(once_or_always(updates("-1", "1 / lr", "g")), EVERY),
    "(W − lr)·g": Kind(once_or_always(update_is("W - lr", "g")), EVERY),
    "lr·(W − g)": Kind(once_or_always(update_is("lr", "W - g")), EVERY),
    "2·lr": Kind(once_or_always(updates("-1", "2", "lr", "g")), EVERY),
    "lr/2": Kind(once_or_always(updates("-1", "0.5", "lr", "g")), EVERY),
    "another lr": Kind(other_lr, EVERY),
    "the sign turned twice": Kind(sign_turned_twice, ("net", "samples", "recurrent")),
    # through time
    "cut after one step": Kind(always(named(SHARED, lambda line: line.terms[:1])), ("recurrent",)),
    "each step's own h": Kind(
        once(named("dE/dw", lambda line: tuple((f"dE/da{i}", f"h{i}") for i in reversed(STEPS)))), ("recurrent",)
    ),
    "mean over the steps": Kind(once_or_always(mean_of_terms(SHARED)), ("recurrent",)),
    "back in time without the weight": Kind(
        once_or_always(named(r"dE/dh[12]", lambda line: (line.terms[0][:1],))), ("recurrent",)
    ),
}

ASKED_BY_NOBODY = (
    "each step's own h",
    "log forgotten",
    "softmax not normalised",
    "softmax over the others",
    "softmax without e",
    "½(t² − o²)",
    "σ for softmax",
)
# random.Random("kept apart").sample(sorted(set(KINDS) - set(ASKED_BY_NOBODY)), 12), when there were 57 kinds.
DRAWN = (
    "1/(1 − e⁻ᶻ)",
    "1/n once more",
    "a bias times an input",
    "a finite difference",
    "cut after one step",
    "divided by lr",
    "o² for the slope",
    "outer product transposed",
    "the cross-entropy's delta",
    "the sign turned twice",
    "the squared error's delta",
    "½|t − o|",
)
APART = (*ASKED_BY_NOBODY, *DRAWN)
TOLD = tuple(kind for kind in KINDS if kind not in APART)


# --- slips of a pen ---------------------------------------------------------------------------------------------------

LOOK_ALIKES = {one: other for pair in ("60", "17", "38", "49") for one, other in (pair, pair[::-1])}


def left_out(digits: str, i: int) -> str:
    return digits[:i] + digits[i + 1 :]


def doubled(digits: str, i: int) -> str:
    return digits[: i + 1] + digits[i:]


def exchanged(over: int) -> Callable[[str, int], str]:
    """A digit changes places with another so many to the right."""

    def slip(digits: str, i: int) -> str:
        j = i + over
        return digits[:i] + digits[j] + digits[i + 1 : j] + digits[i] + digits[j + 1 :] if j < len(digits) else digits

    return slip


def look_alike(digits: str, i: int) -> str:
    return digits[:i] + LOOK_ALIKES.get(digits[i], digits[i]) + digits[i + 1 :]


def in_decimals(slip: Callable[[str, int], str]) -> Callable[[Decimal], Iterator[Decimal]]:
    """The ways to write a number with such a slip at one of its decimals."""

    def written(number: Decimal) -> Iterator[Decimal]:
        sign, (whole, _, decimals) = "-" * (number < 0), f"{abs(number):f}".partition(".")
        return (Decimal(f"{sign}{whole}.{slip(decimals, i)}") for i in range(len(decimals)))

    return written


PENS: dict[str, Callable[[Decimal], Iterator[Decimal]]] = {
    "a digit left out": in_decimals(left_out),
    "a digit doubled": in_decimals(doubled),
    "two digits exchanged": in_decimals(exchanged(1)),
    "digits exchanged over one": in_decimals(exchanged(2)),
    "a look-alike digit": in_decimals(look_alike),
    "the point moved": lambda number: (number.scaleb(by) for by in (1, -1)),
}


def slipped(pen: str, number: Decimal) -> list[str]:
    """The ways to write another number for it with one such slip."""
    return list(dict.fromkeys(f"{other:f}" for other in PENS[pen](number) if other != number))


def pen_slips(pen: str) -> Ways:
    """In a result, which is used on or not, or in a number that is copied into a line."""

    def ways(book: Book) -> Iterator[Mistake]:
        numbers = {**book.net.given, **book.net.parameters, **book.written}
        for line in book.lines:
            for written in slipped(pen, book.written.get(line.name, ZERO)):
                yield (Line(line.name, ((written,),), AS_WRITTEN),)
            for operand in line.operands if not line.is_copied else ():
                for written in slipped(pen, numbers.get(operand, ZERO)):
                    yield (careless.with_operands(line, {operand: written}),)

    return ways


# --- rules of somebody's own ------------------------------------------------------------------------------------------

ODD = ("0.37", "0.83", "1.13", "1.71")  # factors that no textbook has


def factor_on(pattern: str) -> Callable[[Book], Iterator[Mistake]]:
    """All gradients of a sort times one odd factor."""
    return lambda book: chain(*(always(named(pattern, times(odd)))(book) for odd in ODD))


def times(odd: str) -> Callable[[Line], tuple[Term, ...]]:
    return lambda line: tuple((odd, *term) for term in line.terms)


def odd_updates(is_of_layer: bool) -> Ways:
    """W − 0.37·lr·g, W − lr·g·g, W − lr·g − 0.37·W: in the whole net, or in a layer."""

    def ways(book: Book) -> Iterator[Mistake]:
        outer = book.net.sizes[0] * book.net.sizes[1]
        for odd in ODD:
            for term in (
                ("-1", odd, "lr", "g"),
                ("-1", "lr", "g", "g"),
                ("-1", "lr", "g", "W"),
                ("-1", "lr", "lr", odd, "g"),
            ):
                found = [updates(*term)(line) for line in book.lines if re.fullmatch(r"W\d+\+", line.name)]
                if is_of_layer:
                    for layer in (True, False):
                        yield tuple(line for line in found if (int(line.name[1:-1]) > outer) is layer)
                else:
                    yield tuple(found)

    return ways


def odd_activations(book: Book) -> Iterator[Mistake]:
    """Another function in all hidden units."""
    for function in ("softsign", "hard sigmoid", "0.9 z", "z²"):
        yield from always(named_function(r"h\d+", function))(book)


def named_function(pattern: str, function: str) -> Change:
    return lambda line: line._replace(function=function) if re.fullmatch(pattern, line.name) else line


RULES: dict[str, Ways] = {
    "all W+ of the net": odd_updates(is_of_layer=False),
    "all W+ of a layer": odd_updates(is_of_layer=True),
    "all ∂E/∂W": factor_on(r"dE_total/dW\d+"),
    "all ∂E/∂h": factor_on(r"dE_(total|o\d)/dh\d+"),
    "all slopes": factor_on(r"d([ho])\d+/dz\d+"),
    "all h": odd_activations,
}


# --- sheets -----------------------------------------------------------------------------------------------------------


def planted(seed: str, number: int, kind: str, **fixed: Any) -> Planted:
    """A sheet with a mistake, a slip of a pen or a rule of somebody's own; the same arguments, the same sheet."""
    draw = random.Random(f"{seed}/{number}/{kind}/stranger")
    if kind in RULES:
        course, ways, on_paper_only = CHAPTER, RULES[kind], 0.0
    elif kind in KINDS:
        course, ways, on_paper_only = COURSES[draw.choice(KINDS[kind].courses)], KINDS[kind].ways, 0.25
    else:
        course, ways, on_paper_only = COURSES[draw.choice(EVERY)], pen_slips(kind), 0.5
    written = draw.choice(("all", "70 %") if course.net is not CHAPTER.net else ("all", "70 %", "results"))
    return careless.drawn(draw, (seed, number), kind, course, ways, on_paper_only, {"written": written, **fixed})


def moved(seed: str, number: int, low: int, high: int, **fixed: Any) -> tuple[Sheet, str]:
    """A sheet on which one right number is off by low…high units of its last decimal, and that number's name."""
    draw = random.Random(f"{seed}/{number}/moved")
    honest = sheet(f"{seed} moved", number, *draw.choice(STYLES), **{"zeros": "kept", **fixed})
    name = draw.choice([name for name in honest.hand if "." in honest.hand[name]])
    return honest.moved(name, draw.choice((1, -1)) * draw.randint(low, high)), name


def many_wrong(seed: str, number: int, wrong: int = 30, lines: int = 120, **fixed: Any) -> Sheet:
    """A long sheet on which so many numbers have nothing to do with the right ones but their size."""
    draw = random.Random(f"{seed}/{number}/many")
    nets = partial(draw_net, shapes=((3, 3, 3), (3, 4, 2), (4, 4, 2)))
    whole = sheet(f"{seed} many", number, *draw.choice(STYLES), nets, written="all", zeros="kept", **fixed)
    hand = dict(list(whole.hand.items())[:lines])
    unit = ONE.scaleb(-whole.style.decimals)
    for name in draw.sample([name for name in hand if Decimal(hand[name])], wrong):
        factor = Decimal(draw.choice((1, 1, 1, -1)) * draw.uniform(0.3, 3))
        hand[name] = f"{(Decimal(hand[name]) * factor).quantize(unit):f}"
    return replace(whole, hand=hand)
