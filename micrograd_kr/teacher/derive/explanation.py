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
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from micrograd_kr import ops
from micrograd_kr.engine import Value, inputs_first
from micrograd_kr.printed import Printed, displayable
from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask import expressions
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.expressions import Symbol
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.chain import Derivation, Kind, Line, update
from micrograd_kr.teacher.derive.lines import Lines, labels, named_values
from micrograd_kr.teacher.derive.notation import Form, Number
from micrograd_kr.teacher.derive.sections import Passes, Section, matrices, worked

PARAGRAPH = 60  # characters that are set in one row of LaTeX
MARKUP = notation.TEMPLATES["markup"]


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
        return Explanation("", tuple(matrices(loss, names, asked or leaves, lr)), exact)
    lines = Lines(named_values([loss], names))
    start = {name: lines.numbers[name] for name in leaves if name in lines.numbers}
    step = None if lr is None else lambda name, slope: [update(name, start[name], lr, slope)]
    derivation = Derivation(lines, loss.label, start, step)
    for name in asked:
        derivation.descend(name)
    sections = [Section(None, derivation.taken())] if asked else worked(derivation)
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
