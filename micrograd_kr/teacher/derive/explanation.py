"""The chain rule written out, as a textbook does it: each derivative as a chain of factors, each factor's formula and
its number, the sum where paths meet, the product, the update.

    print(explain(E, W5, lr=0.5))
    print(explain_exercise(load("chapter7")))

An Explanation is data, lines of equal expressions; below it is set as text, Markdown, LaTeX and MathML. All formulas
come from the rules run on expressions. A derivative is worked once and then used by its name, so that what is written
grows with the number of quantities and not with that of the paths between them.
"""

import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import chain, groupby
from typing import Any, NamedTuple

import numpy as np

from micrograd_kr import ops
from micrograd_kr.engine import Value, inputs_first
from micrograd_kr.printed import Printed, displayable
from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask import expressions
from micrograd_kr.teacher.ask.arrays import array_of
from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.expressions import Symbol, number, renamed, simplified
from micrograd_kr.teacher.ask.formula import recorded
from micrograd_kr.teacher.ask.quantity import Quantity, derivative, parse, read, spelled
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.chain import Derivation, Kind, Line, distinct, equation, update
from micrograd_kr.teacher.derive.lines import Lines, changed, labels, later, line_of, named_values
from micrograd_kr.teacher.derive.notation import Form, Number

PARAGRAPH = 60  # characters that are set in one row of LaTeX
MANY = 12  # names in a heading
FORWARD, AGAIN = say("Forward pass"), say("Forward pass again, with the updated parameters")
MARKUP = notation.TEMPLATES["markup"]


@dataclass(frozen=True)
class Section:
    """Lines under one heading, or under none."""

    title: Said | None
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Explanation(Printed):
    """A derivation. exact: the names of the numbers that are given, which are written as they are. lang: how it prints,
    "en" or "ko"; a notebook shows it as MathML.
    """

    title: str
    sections: tuple[Section, ...]
    exact: frozenset[str]
    lang: str = "en"

    @property
    def lines(self) -> tuple[Line, ...]:
        return tuple(line for section in self.sections for line in section.lines)

    def __str__(self) -> str:
        return as_text(self, lang=self.lang)

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        for line in as_text(self, lang=self.lang, width=options.max_width).splitlines():
            yield Text(displayable(line, options.encoding))

    def _repr_html_(self) -> str:
        return as_mathml(self, lang=self.lang)


def explain(loss: Value, *parameters: Value | str, lr: float | None = None) -> Explanation:
    """How the gradient of a loss by parameters comes about, in the labelled Values of its graph."""
    if not loss.label:
        raise ValueError("expected a loss with a label, to call it by: loss.label = 'E'")
    if loss.shape:
        raise ValueError(f"expected a scalar loss, got the shape {loss.shape}: reduce it with .sum() or .mean()")
    names = labels(loss)
    for label in names.values():
        if "/" in label or not label.isprintable():
            raise ValueError(f"expected a label without / and control characters, got {label!r}: use another name")
    asked = [_label(each, names) for each in parameters]
    leaves = [name for value, name in names.items() if value.rule is None]
    exact = frozenset([*leaves, "lr"])
    if any(np.ndim(value.data) for value in inputs_first(loss)):
        return Explanation("", tuple(_matrices(loss, names, asked or leaves, lr)), exact)
    lines = Lines(named_values([loss], names))
    start = {name: lines.numbers[name] for name in leaves if name in lines.numbers}
    step = None if lr is None else lambda name, slope: [update(name, start[name], lr, slope)]
    derivation = Derivation(lines, loss.label, start, step)
    for name in asked:
        derivation.descend(name)
    sections = [Section(None, derivation.taken())] if asked else _worked(derivation)
    return Explanation("", tuple(sections), exact)


def _label(parameter: Value | str, names: Mapping[Value, str]) -> str:
    label = parameter.label if isinstance(parameter, Value) else parameter
    if parameter not in (names if isinstance(parameter, Value) else names.values()):
        listed = ", ".join(list(names.values())[:20]) + ", …" * (len(names) > 20)
        raise ValueError(
            f"expected what the loss is computed from, w with w.label = 'w', got {label!r}; there: {listed}"
        )
    return label


def explain_exercise(exercise: Exercise, *names: str) -> Explanation:
    """How quantities of an exercise come about; without names all: forward, back step by step, forward again."""
    return explained(Lines.of(solution := solve(exercise)), solution, *names)


def explained(lines: Lines, solution: Solution, *names: str) -> Explanation:
    """The same of an exercise that has been worked, and whose lines there are."""
    passes = Passes(solution, lines)
    sections = passes.asked(names) if names else passes.all()
    exact = frozenset([*solution.exercise.given, *solution.exercise.parameters, *solution.states[0], "lr", "k"])
    return Explanation(solution.exercise.title, tuple(sections), exact)


class Passes:
    """The derivations of an exercise, pass by pass."""

    def __init__(self, solution: Solution, lines: Lines) -> None:
        self.solution, self.exercise = solution, solution.exercise
        self.lines, self.readable = lines, lines.readable()
        self.derivation = cache(self._derivation)

    def _derivation(self, step: int) -> Derivation:
        """Of one pass; the first is written with more names where that reads better."""
        exercise = self.exercise
        lines, start = self.lines if step else self.readable, exercise.parameters or exercise.given
        return Derivation(lines, exercise.loss, start, partial(self._update, 1) if exercise.steps else None)

    def all(self) -> Iterator[Section]:
        """Everything, in the order of working: in matrices, then number by number; of later passes those shown."""
        yield from self._in_matrices([])
        yield from _worked(self.derivation(0))
        for step in self.solution.shown[1:]:
            if step > 1:
                updates = (self._update(step, name, self._slope(name, step - 1)) for name in self.exercise.parameters)
                yield Section(say("Update {number}", number=step), tuple(chain.from_iterable(updates)))
            title = AGAIN if self.exercise.steps == 1 else say("Forward pass after update {number}", number=step)
            yield Section(title, tuple(self._forward(step).values()))

    def asked(self, names: Sequence[str]) -> Iterator[Section]:
        """What leads to each of some quantities; of arrays and their entries in matrices first."""
        asked = {name: parse(spelled(name)) for name in names}
        of_arrays = [each for each in asked.values() if array_of(each.by or each.of) in self.exercise.shapes]
        yield from self._in_matrices(of_arrays) if of_arrays else ()
        entries = (name for name, each in asked.items() if (each.by or each.of) not in self.exercise.shapes)
        yield Section(None, tuple(chain.from_iterable(map(self._leading_to, entries))))

    def _leading_to(self, name: str) -> Iterator[Line]:
        asked = parse_name(self.exercise, name)
        if asked.by is not None:
            self.derivation(asked.step).work(asked.of, asked.by)
            yield from self._taken(asked.step)
        elif asked.is_parameter:
            parameter = self.exercise.changed_by(asked.of)[1]
            self.derivation(asked.in_pass).work(self.exercise.loss, parameter)
            yield from self._taken(asked.in_pass)
            yield from self._update(asked.step, parameter, self._slope(parameter, asked.in_pass))
        elif asked.step:
            yield self._forward(asked.step)[asked.of]
        elif asked.of in self.readable.lines:
            yield equation(asked.of, "forward", self.readable.lines[asked.of].formula)
        else:  # a number that is given has no other side
            yield Line(asked.of, "forward", (), self.solution.value(asked))

    def _taken(self, step: int) -> Iterator[Line]:
        """What the derivation of a pass has written by now, in the names and numbers of that pass."""
        leaf = later(self.solution, step)
        for line in self.derivation(step).taken():
            sides = tuple(renamed(side, leaf) for side in line.sides) if step else line.sides
            value = line.value if line.value is None or not step else number(sides[-1])
            yield Line(str(read(line.name)._replace(step=step)), line.kind, sides, value)

    def _update(self, step: int, name: str, slope: Symbol) -> Iterator[Line]:
        """The lines by which an update changes a parameter."""
        for line in self.exercise.update:
            changes = Quantity(name if line == "p" else f"{line}_{name}", step=step, is_parameter=True)
            yield equation(str(changes), "update", changed(self.solution, changes, slope, "k"))

    def _slope(self, name: str, step: int) -> Symbol:
        """The gradient of the loss by a parameter in one pass."""
        slope = Quantity(self.exercise.loss, name, step)
        return Symbol(str(slope), self.solution.value(slope))

    def _forward(self, step: int) -> dict[str, Line]:
        """The forward pass after so many updates, by the names of the first."""
        found: dict[str, Line] = {}
        after = later(self.solution, step)

        def leaf(each: Symbol) -> Symbol:
            return Symbol(found[each.name].name, found[each.name].value) if each.name in found else after(each)

        for name, line in self.readable.lines.items():
            found[name] = equation(str(Quantity(name, step=step)), "second", renamed(line.formula, leaf))
        return found

    def _in_matrices(self, asked: Sequence[Quantity]) -> Iterator[Section]:
        """The first pass, and the gradients that are asked for, as products of matrices; without any, all."""
        exercise = self.exercise
        if not exercise.shapes:
            return
        values = _tensors(exercise)
        names = labels(loss := values[exercise.loss])
        start = dict.fromkeys(map(array_of, exercise.parameters or exercise.given))
        wanted = [each.by or each.of for each in asked if each.by or each.step] if asked else start
        wanted = [name for name in dict.fromkeys(map(array_of, wanted)) if values.get(name) in names]
        is_step = exercise.is_usual and {*wanted} <= {*map(array_of, exercise.parameters)}
        forward, back = _matrices(loss, names, wanted, exercise.lr if is_step else None)
        yield replace(forward, title=say("Forward pass in matrices"))
        if wanted:
            yield back


def _tensors(exercise: Exercise) -> dict[str, Value]:
    """Every line of an exercise as one Value, arrays whole."""
    start = exercise.whole({**exercise.given, **exercise.parameters})
    values = {name: Value(numbers, name) for name, numbers in start.items()}
    for name, text in exercise.written.items():
        out = recorded(text, values)
        out = Value(out) if not isinstance(out, Value) else ops.identity(out) if out.label else out
        out.label = name
        values[name] = out
    return values


def _worked(derivation: Derivation) -> Iterator[Section]:
    """The forward pass, and the way back: first what is near the loss, as a textbook does layer by layer."""
    lines, start = derivation.lines, derivation.start
    yield Section(FORWARD, tuple(equation(line.name, "forward", line.formula) for line in lines.lines.values()))
    depth = dict.fromkeys(start, 0)  # how many lines that use a start stand, at most, between a quantity and the loss
    for name in reversed(lines.order):
        above = max((depth[user] for user in lines.steps(derivation.loss, name)), default=0)
        depth[name] = above + (name in lines.lines and not {*start}.isdisjoint(lines.lines[name].partials))
    for i, (_, group) in enumerate(groupby(sorted(start, key=depth.__getitem__), depth.__getitem__), 1):
        names = list(group)
        for name in names:
            derivation.descend(name)
        title = say("Backpropagation, step {number}: {names}", number=i, names=_listed(names))
        yield Section(title, derivation.taken())


def _listed(names: Sequence[str]) -> Said | str:
    """Names for a heading; of very many the first and the last."""
    listed = [notation.quantity(name) for name in names]
    if len(listed) <= MANY:
        return ", ".join(listed)
    return say("{first}, …, {last} ({count})", first=listed[0], last=listed[-1], count=len(listed))


def _matrices(loss: Value, names: Mapping[Value, str], asked: Sequence[str], lr: float | None) -> Iterator[Section]:
    """The forward pass, and the gradient of each quantity from those of the lines that use it: (∂E/∂z)ᵀ·x."""
    named = named_values([loss], names)
    arrived: dict[str, Any] = {loss.label: 1.0}  # the sum of what the lines that use a quantity hand on to it
    forward: list[Line] = []
    back: dict[str, Line] = {}
    for value, name in reversed(named.items()):
        if name not in arrived:
            continue
        gradient, shape = arrived[name], np.shape(value.data)
        if value is not loss:
            side = expressions.narrow(gradient, shape)
            sides = distinct(side, expressions.narrow(simplified(side), shape))
            slope: Any = np.broadcast_to(expressions.number(side), shape)
            slope = slope if slope.ndim else float(slope)
            back[name] = Line(derivative(loss.label, name), "gradient", sides, slope)
            gradient = Symbol(back[name].name, slope)
        if value.rule is not None:
            line = line_of(name, value, named, gradient)
            forward.insert(0, equation(name, "forward", line.formula))
            for used, part in line.partials.items():
                arrived[used] = ops.add(arrived[used], part) if used in arrived else part
    reached = set(asked)
    for each in forward:
        if not reached.isdisjoint(expressions.names_in(each.sides[0])):
            reached.add(each.name)
    worked = [line for name, line in back.items() if name in reached]
    if lr is not None:
        changed = [(name, value.data) for value, name in names.items() if name in back and name in asked]
        worked += [update(name, start, lr, Symbol(back[name].name, back[name].value)) for name, start in changed]
    yield Section(FORWARD, tuple(forward))
    yield Section(say("Backpropagation in matrices: {names}", names=_listed(asked)), tuple(worked))


CAPTIONS = {kind: Said(text) for kind, text in notation.TEMPLATES["captions"].items()}


def caption(kind: Kind, lang: str = "en") -> str:
    """What stands above lines of a kind; nothing above those of a forward pass."""
    return CAPTIONS[kind].in_(lang) if kind in CAPTIONS else ""


def sides(line: Line, form: Form = "text", number: Number | None = None) -> list[str]:
    """What stands after each equals sign of a line; what looks the same stands once."""
    number = number or notation.decimals(8, form)
    shown = line.sides if line.kind not in ("product", "total") else ()  # these stand at "chain" and "sum"
    written = [notation.written(each, form, False, number) for each in shown]
    if line.in_numbers and not np.ndim(line.value):
        if line.sides and not any(np.ndim(each.number) for each in expressions.named_in(line.sides[-1])):
            written.append(notation.written(line.sides[-1], form, True, number))
        written.append(number(line.name, float(line.value), False))
    return list(dict.fromkeys(written))


def line_text(line: Line, number: Number | None = None) -> str:
    """A line on one line: z1 = W1·x1 + W2·x2 = 0.3 × 0.1 + 0.25 × 0.2 = 0.08."""
    return " = ".join([notation.quantity(line.name), *sides(line, "text", number)])


def _outline(explanation: Explanation, lang: str) -> Iterator[tuple[str, str, list[Line]]]:
    """The parts of an explanation one after the other: what is said there, and the lines below it."""
    yield "title", explanation.title, []
    for section in explanation.sections:
        yield "section", section.title.in_(lang) if section.title else "", []
        for kind, lines in groupby(section.lines, lambda line: line.kind):
            yield "caption", caption(kind, lang), list(lines)


class Markup(NamedTuple):
    """A language of markup: its templates in notations.toml, how it writes formulas, and how any other text."""

    templates: dict[str, Any]
    form: Form
    escaped: Callable[[str], str]

    def set(self, explanation: Explanation, *, lang: str = "en", digits: int = 8, number: Number | None = None) -> str:
        """An explanation in this language. digits, number: as for `as_text`."""
        number = number or notation.decimals(digits, self.form, explanation.exact)
        set_in, out = self.templates, list[str]()
        for level, words, below in _outline(explanation, lang):
            out += [set_in[level] % self.escaped(words)] if words else []
            for lines in [below] if set_in["together"] and below else [[line] for line in below]:
                out.append(set_in["block"] % set_in["end"].join(self.line(line, number) for line in lines))
                out += [set_in["remark"] % each for line in lines for each in self.notes(line, lang, number)]
        body = set_in["between"].join(out) + "\n"
        kotex = "" if body.isascii() else "\\usepackage{kotex}\n"
        return str(set_in["frame"] % {"body": body, "lang": lang, "kotex": kotex})

    def line(self, line: Line, number: Number) -> str:
        """A line, each side in a row of its own; in LaTeX in one row if it is short."""
        shown = sides(line, self.form, number)
        if self.form == "latex" and len(line_text(line)) <= PARAGRAPH:
            shown = [" = ".join(shown)]
        lefts = [notation.quantity(line.name, self.form), *[self.templates["nothing"]] * (len(shown) - 1)]
        rows = ((self.templates["row"] % row).strip() for row in zip(lefts, shown, strict=True))
        return str(self.templates["end"].join(rows))

    def notes(self, line: Line, lang: str, number: Number) -> list[str]:
        """Which side was taken where a formula depends on a comparison, "here z1 > 0"; of matrices, their shapes."""
        if np.ndim(line.value):
            shapes, side = str(np.shape(line.value)), line.sides[-1] if line.sides else None
            if isinstance(side, Symbol) and side.rule is ops.matmul:
                shapes = f"{np.shape(expressions.number(side.x))}·{np.shape(expressions.number(side.y))} → {shapes}"
            return [self.escaped(say("shape {condition}", condition=shapes).in_(lang))]
        found: dict[frozenset[str], str] = {}  # a > b and b < a are one
        for left, sign, right in notation.taken(line.sides[-1]) if line.kind in ("upstream", "local") else ():
            both = [notation.written(each, self.form, number=number) for each in (left, right)]
            relation = notation.NOTATIONS[self.form].joined(both, sign)
            found.setdefault(frozenset(both), self.templates["formula"] % relation)
        return [say("here {condition}", condition=each).in_(lang) for each in found.values()]


TEXT = Markup(MARKUP["text"], "text", str)
MARKDOWN = Markup(MARKUP["markdown"], "latex", lambda text: re.sub(r"([\\`*_{}\[\]<>#$|])", r"\\\1", text))
LATEX = Markup(MARKUP["latex"], "latex", notation.escaped_latex)
MATHML = Markup(MARKUP["mathml"], "mathml", html.escape)


def as_text(
    explanation: Explanation, *, lang: str = "en", digits: int = 8, width: int | None = 80, number: Number | None = None
) -> str:
    """An explanation as text: below each caption its lines, with the equals signs in one column.

    digits: decimals of computed numbers. width: cells of a line, None: as long as need be. number: how a number is
    written, in the place of `digits`.
    """
    number = number or notation.decimals(digits, "text", explanation.exact)
    room = width or 1_000_000
    out: list[str] = []
    for level, words, below in _outline(explanation, lang):
        out += [""] * (level == "section")
        out += _folded("  " * (level == "caption") + words, room, "  " * (level != "title")) if words else []
        out += _rows(below, lang, 4 if words else 2, room, number) if below else []
    return "\n".join(out).strip("\n") + "\n"


def _rows(lines: Sequence[Line], lang: str, indent: int, room: int, number: Number) -> Iterator[str]:
    from rich.cells import cell_len

    lefts = [notation.quantity(line.name) for line in lines]
    column = min(max(map(cell_len, lefts)), room // 3)
    for line, left in zip(lines, lefts, strict=True):
        start = " " * indent + left + " " * (column - cell_len(left))
        pieces = [f"= {side}" for side in sides(line, "text", number)]
        pieces += [f"  ({each})" for each in TEXT.notes(line, lang, number)]
        one = " ".join([start, *pieces])
        if cell_len(one) <= room:
            yield one
            continue
        below = " " * (indent + column)
        if cell_len(left) > column:  # a name as long as that has a row of its own
            yield from _folded(start, room, "")
            start = below
        for piece in pieces:
            yield from _folded(f"{start} {piece}", room, below + "     ")
            start = below


def _folded(text: str, room: int, indent: str) -> Iterator[str]:
    """Text in rows that fit, broken before a sign, after a · or a blank, or else anywhere."""
    from rich.cells import cell_len, chop_cells

    row = ""
    for piece in re.split(r"(?= [−+=×] )|(?<=[·⊙])|(?<=[^−+=×] )", text):
        if row.strip() and cell_len(row + piece) > room:
            yield row.rstrip()
            row = indent + piece.lstrip()
        else:
            row += piece
        if cell_len(row) > room:
            *full, row = chop_cells(row, room)
            yield from full
    yield row.rstrip()


as_markdown, as_mathml = MARKDOWN.set, MATHML.set  # Markdown; a piece of HTML with its formulas in MathML
as_latex = LATEX.set  # for a document that loads amsmath (and kotex, for Korean)
FORMATS: Mapping[str, Callable[..., str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "latex": LATEX._replace(templates=LATEX.templates | {"frame": MARKUP["latex"]["document"]}).set,
    "mathml": as_mathml,
}


def decimals_of(exercise: Exercise) -> int:
    """The decimals of an exercise's hand numbers, within reason."""
    written = [each.decimals for each in exercise.results]
    return min(max(*written, 4), 12) if written else 8
