"""Worksheets: an exercise with blanks to fill in by hand, its answer key, comfortable numbers, and new exercises.

A sheet is Markdown, a page to print, or an exercise file that `check` reads back. New numbers are drawn until they are
comfortable: each keeps the sign and the kind of the one it takes the place of (a whole number stays whole, 0 and 1
stay), and `_objection` says what a teacher would have against what they come to.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from html import escape
from importlib.resources import files
from itertools import groupby
from random import Random
from string import Template
from typing import TYPE_CHECKING, NamedTuple

from micrograd_kr.engine import Value
from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.expressions import parts_of
from micrograd_kr.teacher.ask.formula import FUNCTIONS, Formula, evaluate
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import hand
from micrograd_kr.teacher.ask.quantity import again, derivative, updated
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.derive import chain, explanation, notation
from micrograd_kr.teacher.derive.lines import Lines
from micrograd_kr.teacher.derive.notation import symbol
from micrograd_kr.teacher.show.diagram import Diagram, way_back

if TYPE_CHECKING:
    import graphviz


SHEETS = {".md": "markdown", ".html": "html", ".toml": "toml"}
GROUPS = {"forward": "value", "gradients": "gradient", "updates": "updated", "second": "second"}
DIGITS = 6  # decimals, where there are no hand numbers to go by
EXACT_DIGITS = 4  # a number that ends within so many decimals is written to its end

TITLES: dict[str, Said] = {
    "given": say("Given"),
    "parameters": say("Parameters"),
    "value": say("The forward pass"),
    "gradient": say("Backpropagation"),
    "updated": say("The update"),
    "second": say("The second forward pass, with the updated parameters"),
}


# --- what stands on a sheet -------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """A line to work: a quantity, its kind, how it is worked, its answer, whether that is a blank."""

    name: str
    kind: str
    working: chain.Line
    answer: str
    blank: bool


@dataclass(frozen=True)
class Worksheet:
    """An exercise and what is to be worked of it, in order.

    digits: decimals of the answers. seed: the one its numbers were drawn with; None: they are the exercise's own.
    """

    exercise: Exercise
    lines: tuple[Line, ...]
    digits: int
    seed: int | None = None

    def sections(self) -> list[tuple[str, list[Line]]]:
        """The lines in runs of one kind."""
        return [(kind, list(lines)) for kind, lines in groupby(self.lines, lambda line: line.kind)]


def worksheet(
    exercise: Exercise, *, hide: Iterable[str] = (), seed: int | None = None, digits: int | None = None
) -> Worksheet:
    """An exercise as a worksheet: the quantities in its [hand], or else `suggested`.

    hide: which of them are blanks, by name or by group (forward, gradients, updates, second); by default all. What is
    not listed is added. seed: draw new numbers with it. digits: decimals of the answers, by default those of [hand].
    Raises ExerciseError for a name it cannot read, and where no comfortable numbers are found.
    """
    listed = [*exercise.hand, *exercise.blanks] or suggested(exercise)
    blanks = [name for each in hide for name in _hidden(exercise, listed, each)] or listed
    names = list(dict.fromkeys([*listed, *blanks]))
    asked = {name: parse_name(exercise, name) for name in names}
    if len(names) > len(listed) or (exercise.hand and exercise.blanks):  # then the file gives no order
        names.sort(key=lambda name: (asked[name].step, asked[name].by is not None, not asked[name].is_parameter))
    if digits is None:
        results = [hand(text.rpartition("=")[2].strip()) for text in exercise.hand.values()]
        digits = max((each.decimals for each in results), default=DIGITS)
    if seed is not None:
        exercise = drawn(exercise, seed, names, digits)
    solution = solve(exercise)
    workings = _workings(Lines.of(solution), solution, names)
    lines = tuple(
        Line(name, asked[name].kind, workings[name], answer(solution.value(name), digits), name in blanks)
        for name in names
    )
    return Worksheet(exercise, lines, digits, seed)


def _workings(lines: Lines, solution: Solution, names: Sequence[str]) -> dict[str, chain.Line]:
    """The line of a derivation that gives each quantity its number."""
    found = {line.name: line for line in explanation.explained(lines, solution, *names).lines}
    for name in names:
        if name not in found:  # two derivatives that are one, as ∂E_total/∂o1 = ∂E_o1/∂o1, stand in one line
            found[name] = explanation.explained(lines, solution, name).lines[-1]
    return found


def suggested(exercise: Exercise) -> list[str]:
    """What there is to work: every value, the loss's derivatives from the end to the start, the updates, the second
    pass. Left out is what the loss does not depend on, and derivatives that are 1.
    """
    solution, back = solve(exercise), way_back(exercise)[1:]
    start = [name for name in exercise.parameters or exercise.given if name in back]
    inner = [name for name in back if name in exercise.forward and solution.gradients[name] != 1.0]
    names = [*exercise.forward, *(derivative(exercise.loss, name) for name in [*inner, *start])]
    if exercise.lr is not None and exercise.parameters:
        names += [*map(updated, start), *map(again, exercise.forward)]
    return names


def _hidden(exercise: Exercise, listed: Sequence[str], asked: str) -> list[str]:
    """The quantities that a name or a group stands for."""
    if asked in exercise.positions or asked not in GROUPS:
        return [str(parse_name(exercise, asked))]
    for names in (listed, suggested(exercise)):
        found = [name for name in names if parse_name(exercise, name).kind == GROUPS[asked]]
        if found:
            return found
    raise ExerciseError(
        "{source}: no {asked} to hide: they need parameters and a learning rate, lr = 0.5 above the tables",
        source=exercise.source,
        asked=asked,
    )


def answer(value: float, digits: int) -> str:
    """A number as the key has it: to its end where that is near, else rounded.

    >>> answer(0.1 * 0.3 + 0.05, 8), answer(0.51998934015, 8), answer(715.0, 2)
    ('0.08', '0.51998934', '715')
    """
    for places in range(max(digits, EXACT_DIGITS) + 1):
        text = f"{value:z.{places}f}"
        if abs(Decimal(text) - Decimal(value)) <= Decimal(4 * math.ulp(value)):
            return text
    return f"{value:z.{digits}f}"


# --- comfortable numbers ----------------------------------------------------------------------------------------------

STEPS = (10, 5, 1)  # hundredths: numbers with one decimal are tried first, then ones like 0.35, then 0.37
TRIES = 400  # of each
FLAT = {"sigmoid": 3.0, "tanh": 1.5, "softplus": 3.0, "exp": 3.0}  # beyond, σ' < 0.05, tanh' < 0.2: saturated
KINKED = ("relu", "leaky_relu", "abs", "step", "max", "min")
KINK = 0.05  # so near to a kink, rounding could decide
UNITS = 10  # of the last decimal: an answer has two digits at least


class Story(NamedTuple):
    """What stays as it is when numbers change: the side on which each kinked function is (0: either), which answers are
    exactly 0, and how many values are different.
    """

    sides: Sequence[float]
    zeros: frozenset[str]
    different: int


def drawn(exercise: Exercise, seed: int, names: Sequence[str], digits: int) -> Exercise:
    """The exercise with other numbers, comfortable in the answers named: one seed, one exercise.

    Raises ExerciseError where none are found.
    """
    solution = solve(exercise)
    values = [value.data for value in solution.before.values()]
    calls = _calls(exercise, solution.before)
    sides = [x and math.copysign(1, x) for _, function, x in calls if function in KINKED]
    zeros = [name for name in names if not solution.value(name)]
    zeros += [updated(name) for name in exercise.parameters if not solution.gradients[name]]
    story = Story(sides, frozenset(zeros), len({round(each, digits) for each in values[-len(exercise.forward) :]}))
    return first_comfortable(seed, lambda random, step: redrawn(exercise, random, step), story, names, digits)


def first_comfortable(
    seed: int,
    attempt: Callable[[Random, int], Exercise | None],
    story: Story,
    names: Sequence[str],
    digits: int,
) -> Exercise:
    """The first attempt that is comfortable."""
    random = Random(seed)
    met: list[Said] = []
    for step in STEPS:
        for _ in range(TRIES):
            exercise = attempt(random, step)
            if exercise is None:
                break
            objection = _objection(exercise, story, names, digits)
            if objection is None:
                return exercise
            met.append(objection)
    tries = len(met)
    met = met or [say("there are not enough different numbers; use fewer")]
    said = [str(each) for each in met]
    raise ExerciseError(
        "seed {seed}: no comfortable numbers in {tries} tries, mostly since {why}; or try another seed",
        seed=seed,
        tries=tries,
        why=met[said.index(Counter(said).most_common(1)[0][0])],
    )


def redrawn(exercise: Exercise, random: Random, step: int) -> Exercise | None:
    """The exercise with other numbers, all of different size; None where there are not enough."""
    taken = {exercise.lr}
    numbers: dict[str, float] = {}
    for name, old in {**exercise.given, **exercise.parameters}.items():
        if old in (0.0, 1.0):  # yes and no
            numbers[name] = old
            continue
        choices = _choices(abs(old), step)
        free = [each for each in choices if each not in taken] or choices * (step == STEPS[-1])
        if not free:
            return None
        size = free[int(random.random() * len(free))]  # the one method whose sequence Python promises to keep
        taken.add(size)
        numbers[name] = math.copysign(size, old)
    given = {name: numbers[name] for name in exercise.given}
    return replace(exercise, given=given, parameters={name: numbers[name] for name in exercise.parameters})


def _choices(old: float, step: int) -> list[float]:
    """The sizes that may take the place of one: of a whole number another with one digit, or from half to twice as much
    in steps of its second digit; otherwise one with other digits behind the point.
    """
    whole = int(old)
    if old == whole:
        unit = 10 ** max(0, len(str(whole)) - 2)
        sizes = range(2, 10) if whole < 10 else range(whole // 2, min(2 * whole + unit, 10**300), unit)
        return [float(each) for each in sizes]
    scale = min(1.0, 10.0 ** (math.floor(math.log10(old)) + 1))
    return [float(f"{whole + each / 100 * scale:.12g}") for each in range(step, 100, step)]


def _calls(exercise: Exercise, values: Mapping[str, Value]) -> Iterator[tuple[str, str, float]]:
    """Each function of a pass: its line, its name, what it is applied to; of max and min the difference."""
    numbers = {name: value.data for name, value in values.items()}
    functions = {rule: function for function, rule in FUNCTIONS.items()}
    for line, formula in exercise.forward.items():
        for part in parts_of(formula.expression):
            if part.rule in functions:
                function = functions[part.rule]
                x = evaluate(Formula("", part.x), numbers)
                yield line, function, x - evaluate(Formula("", part.y), numbers) if part.rule.dy else x


def _objection(exercise: Exercise, story: Story, names: Sequence[str], digits: int) -> Said | None:
    """What is not comfortable about an exercise's numbers, and what to do about it; None if nothing is."""
    try:
        solution = solve(exercise)
    except ExerciseError:
        return say("a quantity is not finite; change the exercise's numbers or its lr")
    for values in filter(None, (solution.before, solution.after)):
        sides = iter(story.sides)
        for name, function, x in _calls(exercise, values):
            if abs(x) > FLAT.get(function, math.inf):
                return say("{name} is saturated; use smaller numbers, or fewer inputs", name=name)
            if function in KINKED and (abs(x) < KINK or x * next(sides) < 0):
                return say(
                    "{name} comes too near to its kink, or goes to its other side; change the exercise's numbers",
                    name=name,
                )
    unit = 10.0**-digits
    moves = {updated(name): after - exercise.parameters[name] for name, after in solution.updated.items()}
    sizes = {name: solution.value(name) for name in names} | {name: moves[name] for name in names if name in moves}
    for name, size in sizes.items():
        if name not in story.zeros and abs(size) < UNITS * unit:
            return say(
                "{name} has fewer than two digits at {digits} decimals; ask for more with --digits",
                name=name,
                digits=digits,
            )
    if solution.after and solution.after[exercise.loss].data > solution.before[exercise.loss].data - unit:
        return say("{name} does not go down in the step; use a smaller lr", name=exercise.loss)
    if len({round(solution.before[name].data, digits) for name in exercise.forward}) < story.different:
        return say("two of the values come out alike; change the exercise's numbers")
    return None


# --- a sheet as text --------------------------------------------------------------------------------------------------


def as_text(sheet: Worksheet, form: str, *, lang: str = "en", answers: bool = False, picture: str = "") -> str:
    """A sheet, or its key, as "markdown", "html" or "toml". The key has the working beside each number.

    lang: "en" or "ko"; an exercise file is in both. picture: of the net, as an SVG element, for the page.
    """
    if form == "toml":
        return as_toml(sheet, answers=answers)
    return _as_html(sheet, lang, answers, picture) if form == "html" else _as_markdown(sheet, lang, answers)


def _sized(number: float) -> str:
    """A number that an exercise starts from, as a person writes it."""
    return repr(number).removesuffix(".0")


def _minus(number: str) -> str:
    return number.replace("-", "−")


def _instructions(sheet: Worksheet, lang: str, loss: str) -> str:
    """How to round, what is differentiated, and the learning rate."""
    rounding = say(
        "Round to {digits} decimals; a number that ends within {exact} is written to its end.",
        digits=sheet.digits,
        exact=max(sheet.digits, EXACT_DIGITS),
    )
    lr = [] if sheet.exercise.lr is None else [say("The learning rate: lr = {lr}.", lr=_sized(sheet.exercise.lr))]
    return " ".join(each.in_(lang) for each in [rounding, say("What is differentiated: {loss}.", loss=loss), *lr])


def _heading(sheet: Worksheet, lang: str, answers: bool) -> str:
    return f"{say('Answer key').in_(lang)}: {sheet.exercise.title}" if answers else sheet.exercise.title


def _origin(sheet: Worksheet, lang: str) -> str:
    """Where a sheet comes from, so that it can be printed again."""
    return sheet.exercise.name + ("" if sheet.seed is None else f", {say('seed {seed}', seed=sheet.seed).in_(lang)}")


def _heads(lang: str) -> list[str]:
    """What stands above the columns of a table."""
    return [each.in_(lang) for each in (say("quantity"), say("formula, working"), say("number"))]


def _start(exercise: Exercise, lang: str) -> list[tuple[str, Mapping[str, float]]]:
    """The numbers that an exercise starts from, under their titles."""
    tables = {"given": exercise.given, "parameters": exercise.parameters}
    return [(TITLES[title].in_(lang), numbers) for title, numbers in tables.items() if numbers]


def _formulas(line: Line, form: notation.Form, answers: bool) -> list[str]:
    """What a quantity is equal to: its formula, unless that is to be found; on the key each step to it."""
    formulas = list(dict.fromkeys(notation.written(side, form) for side in line.working.sides))
    return formulas if answers else formulas[: line.kind != "gradient"]


def _in_numbers(sheet: Worksheet, line: Line) -> str:
    """The last formula with numbers in the place of names, those of the sheet; nothing where it has no other."""
    given = {*sheet.exercise.given, *sheet.exercise.parameters, "lr"}

    def number(name: str | None, value: float, tight: bool) -> str:
        if name is None:
            return notation.NOTATIONS["text"].literal(value, tight)
        text = _sized(value) if name in given else answer(value, sheet.digits)
        return notation.NOTATIONS["text"].number(_minus(text), tight)

    if not line.working.sides:
        return ""
    last = line.working.sides[-1]
    numbers = notation.text(last, in_numbers=True, number=number)
    return "" if numbers in (_minus(line.answer), notation.text(last)) else numbers


def _as_markdown(sheet: Worksheet, lang: str, answers: bool) -> str:
    exercise = sheet.exercise
    heading = re.sub(r"([\\`*_<\[#])", r"\\\1", _heading(sheet, lang, answers))
    written = [f"# {heading}", ""]
    if not answers:
        written += [f"{say('Name').in_(lang)}: ____________________ {say('Date').in_(lang)}: ____________", ""]
    written += [_instructions(sheet, lang, _code(exercise.loss)), ""]
    for title, numbers in _start(exercise, lang):
        listed = ", ".join(_code(f"{name} = {_sized(each)}") for name, each in numbers.items())
        written += [f"**{title}**: {listed}", ""]
    for i, (kind, lines) in enumerate(sheet.sections(), 1):
        written += [f"## {i}. {TITLES[kind].in_(lang)}", "", f"| {' | '.join(_heads(lang))} |", "|---|---|---|"]
        for line in lines:
            in_numbers = _in_numbers(sheet, line) if answers else ""
            working = " = ".join([*_formulas(line, "text", answers), *[in_numbers] * bool(in_numbers)])
            number = "" if line.blank and not answers else f"**{line.answer}**" if line.blank else line.answer
            written.append(f"| {_code(notation.quantity(line.name))} | {working and _code(working)} | {number} |")
        written.append("")
    return "\n".join([*written, _origin(sheet, lang), ""])


def _code(text: str) -> str:
    """Text that Markdown leaves as it is, in a table, too."""
    return f"`{text}`".replace("|", "\\|")


def _as_html(sheet: Worksheet, lang: str, answers: bool, picture: str) -> str:
    exercise = sheet.exercise
    body = []
    if not answers:
        body.append(f'<p class="who">{say("Name").in_(lang)} <span></span> {say("Date").in_(lang)} <span></span></p>')
    body.append(f"<p>{_instructions(sheet, lang, _math(exercise.loss))}</p>")
    for title, numbers in _start(exercise, lang):
        listed = " ".join(f"<span>{_math(name)} = {_minus(_sized(each))}</span>" for name, each in numbers.items())
        body.append(f'<p class="numbers"><b>{title}</b> {listed}</p>')
    if picture:
        seen = say("The network, without the numbers to be worked").in_(lang)
        body.append(f'<figure role="img" aria-label="{seen}">{picture}</figure>')
    for i, (kind, lines) in enumerate(sheet.sections(), 1):
        head = "".join(f'<th scope="col">{each}</th>' for each in _heads(lang))
        rows = "\n".join(_html_row(sheet, line, answers) for line in lines)
        body.append(f"<section>\n<h2>{i}. {TITLES[kind].in_(lang)}</h2>\n<table>\n<thead><tr>{head}</tr></thead>")
        body.append(f"<tbody>\n{rows}\n</tbody>\n</table>\n</section>")
    frame = Template((files("micrograd_kr.teacher.show") / "web" / "sheet.html").read_text("utf-8"))
    title, origin = escape(_heading(sheet, lang, answers)), escape(_origin(sheet, lang))
    return frame.substitute(lang=lang, title=title, body="\n".join(body), origin=origin)


def _html_row(sheet: Worksheet, line: Line, answers: bool) -> str:
    shown = _minus(line.answer) if answers or not line.blank else ""
    kind = ' class="answer"' if line.blank else ""
    working = " ".join(f"<math><mo>=</mo>{side}</math>" for side in _formulas(line, "mathml", answers))
    in_numbers = _in_numbers(sheet, line) if answers else ""
    if in_numbers:  # not as MathML, which has no second row for what is long
        working += f" =&nbsp;{escape(in_numbers)}"
    return f'<tr><th scope="row">{_math(line.name)}</th><td>{working}</td><td{kind}>{shown}</td></tr>'


def _math(name: str) -> str:
    return f"<math>{notation.quantity(name, 'mathml')}</math>"


def net(exercise: Exercise) -> "graphviz.Digraph":
    """The exercise as a net to print on its sheet: what it starts from, and none of the numbers to be worked."""
    import graphviz

    solution = solve(exercise)
    diagram = Diagram(Lines.of(solution), solution, every_line=False)
    dot = graphviz.Digraph()
    dot.attr(rankdir="LR", nodesep="0.1", ranksep="0.3", bgcolor="transparent")
    dot.attr("node", shape="ellipse", fontname="sans-serif", fontsize="12", height="0.3", width="0.4", margin="0.04")
    dot.attr("edge", arrowsize="0.5", color="#777777")

    given, parameters = (
        {name: f"{symbol(name)} = {_minus(_sized(number))}" for name, number in numbers.items()}
        for numbers in (exercise.given, exercise.parameters)
    )
    for name, text in given.items():
        dot.node(name, text, shape="box")
    for key, box in diagram.boxes.items():
        if box.kind in ("computed", "loss"):
            dot.node(key, " → ".join(map(symbol, box.names)))
    for source, target in diagram.arcs:
        start, end = diagram.home[source], diagram.home[target]
        if source in parameters:
            start = f"{source} {target}"
            dot.node(start, parameters[source], shape="plaintext", fontsize="10")
        if (source, target) in diagram.factors:
            dot.edge(start, f"{diagram.factors[source, target]} {target}", arrowhead="none")
        elif start != end:
            dot.edge(start, end)
    return dot


# --- exercise files ---------------------------------------------------------------------------------------------------

_OPENING = """\
빈칸 ""에 수나 풀이를 쓰고 이 파일을 확인하세요: micrograd-kr check FILE
Write a number or a worked line into each "", then: micrograd-kr check FILE"""


def as_toml(
    sheet: Worksheet, *, answers: bool = False, opening: str = _OPENING, notes: Mapping[str, str] | None = None
) -> str:
    """A sheet, or its key, as an exercise file of its own.

    opening: the comment it begins with. notes: comments to stand above the lines of some names.
    """
    exercise, notes = sheet.exercise, notes or {}
    key = say("Answer key")
    opening = f"{key.in_('ko')} · {key}" if answers else opening
    written = [*(f"# {each}" for each in opening.split("\n")), ""]
    written += [f"title = {_quoted(exercise.title)}"]
    written += [f"loss = {_quoted(exercise.loss)}  # 미분하는 양 · what is differentiated"]
    if exercise.lr is not None:
        written.append(f"lr = {_sized(exercise.lr)}  # 학습률 · the learning rate")
    tables = {
        "given": {name: _sized(number) for name, number in exercise.given.items()},
        "parameters": {name: _sized(number) for name, number in exercise.parameters.items()},
        "forward": {name: _quoted(formula.text) for name, formula in exercise.forward.items()},
    }
    for table, entries in tables.items():
        written += ["", f"[{table}]"]
        for name, text in entries.items():
            note = notes.get(f"{table} {name}")
            written += [f"# {note}"] * (note is not None) + [f"{_key(name)} = {text}"]
    written += ["", "[hand]"]
    for i, (kind, lines) in enumerate(sheet.sections()):
        written += [""] * (i > 0) + [f"# {TITLES[kind].in_('ko')} · {TITLES[kind]}"]
        written += [f'{_key(line.name)} = "{line.answer * (answers or not line.blank)}"' for line in lines]
    return "\n".join(written) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_]+", name) else _quoted(name)
