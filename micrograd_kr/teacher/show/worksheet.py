"""Worksheets: an exercise with blanks to fill in by hand, its answer key, and comfortable numbers.

A sheet is Markdown, a page to print, or an exercise file that `check` reads back. New numbers are drawn until they are
comfortable: each keeps the sign and the kind of the one it takes the place of (a whole number stays whole, 0 and 1
stay), and `_objection` says what a teacher would have against what they come to.
"""

import json
import math
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from html import escape
from importlib.resources import files
from itertools import groupby, pairwise
from random import Random
from string import Template
from typing import Any, NamedTuple

from micrograd_kr import ops
from micrograd_kr.engine import Value
from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.arrays import array_of
from micrograd_kr.teacher.ask.exercise import Exercise, parse_name
from micrograd_kr.teacher.ask.expressions import Symbol, parts_of
from micrograd_kr.teacher.ask.formula import Formula, evaluate
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import to_its_end
from micrograd_kr.teacher.ask.quantity import Quantity, derivative, updated
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.derive import chain, explanation, notation
from micrograd_kr.teacher.derive.lines import Lines
from micrograd_kr.teacher.show.diagram import way_back

SHEETS = {".md": "markdown", ".html": "html", ".toml": "toml"}
GROUPS = {"forward": "value", "gradients": "gradient", "updates": "updated", "second": "second"}
DIGITS = 6  # decimals, where there are no hand numbers to go by
LONG = 80  # characters of a formula that is written as text, which goes on in the next row; MathML does not
EXACT_DIGITS = 4  # a number that ends within so many decimals is written to its end
WEB = files("micrograd_kr.teacher.show") / "web"
TEMPLATES: dict[str, dict[str, str]] = tomllib.loads((WEB / "sheets.toml").read_text("utf-8"))
FUNCTIONS = TEMPLATES["functions"]
TEMPLATES["html"]["frame"] = (WEB / "sheet.html").read_text("utf-8")


class Line(NamedTuple):
    """A line to work: a quantity, how it is worked, its answer, whether that is a blank."""

    name: str
    asked: Quantity
    working: chain.Line
    answer: str
    blank: bool


@dataclass(frozen=True)
class Worksheet:
    """An exercise and what is to be worked of it, in order.

    digits: decimals of the answers. defined: the names of [forward], arrays whole, and "p" for an update, whose
    formulas a line stands on and no line shows. functions: keys of FUNCTIONS that stand in any of these formulas.
    opening, notes: as an exercise file, the comment that it begins with, and those above the lines of some names.
    """

    exercise: Exercise
    lines: tuple[Line, ...]
    digits: int
    defined: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    opening: str = TEMPLATES["toml"]["opening"]
    notes: Mapping[str, str] = field(default_factory=dict)


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
        digits = max((each.decimals for each in exercise.results), default=0) or DIGITS  # whole numbers tell nothing
    if seed is not None:
        exercise = replace(drawn(exercise, seed, Comfort.of(exercise, names, digits)), seed=seed)
    solution = solve(exercise)
    lines = Lines.of(solution)
    workings = {line.name: line for line in explanation.explained(lines, solution, *names).lines}
    for name in names:
        if name not in workings:  # two derivatives that are one, as ∂E_total/∂o1 = ∂E_o1/∂o1, stand in one line
            workings[name] = explanation.explained(lines, solution, name).lines[-1]
    written = (
        Line(name, asked[name], workings[name], answer(solution.value(name), digits), name in blanks) for name in names
    )
    needed = _needed(lines, exercise, asked.values())
    defined, functions = _defined(exercise, needed, asked.values()), _functions(exercise, set().union(*needed.values()))
    return Worksheet(exercise, tuple(written), digits, defined, functions)


def _needed(lines: Lines, exercise: Exercise, asked: Iterable[Quantity]) -> dict[int, set[str]]:
    """The names that quantities stand on, by pass."""
    needed = defaultdict[int, set[str]](set)
    for each in asked:
        for step in range(each.in_pass + 1):
            is_whole = each.is_parameter or step < each.in_pass  # for an update
            needed[step] |= lines.below(exercise.loss if is_whole else each.of)
    return needed


def _functions(exercise: Exercise, names: Collection[str]) -> tuple[str, ...]:
    """The functions in the formulas of some names that a sheet says the meaning of."""
    formulas = (formula for name, formula in exercise.forward.items() if name in names)
    found = {getattr(part.rule, "symbol", "") for each in formulas for part in parts_of(each.expression)}
    return tuple(each for each in FUNCTIONS if each in found)


def _defined(exercise: Exercise, needed: Mapping[int, set[str]], asked: Collection[Quantity]) -> tuple[str, ...]:
    """What the quantities of a sheet stand on and it asks for no formula of: see Worksheet."""
    shown = {(each.of, each.step) for each in asked if each.by is None}
    found = {array_of(name) for name in set().union(*needed.values()) if (name, 0) not in shown}
    changed = {(name, step) for step in needed if step for name in needed[step] if name in exercise.parameters}
    return (*(name for name in exercise.written if name in found), *["p"] * (not changed <= shown))


def suggested(exercise: Exercise, solution: Solution | None = None) -> list[str]:
    """What there is to work: every value, the loss's derivatives from the end to the start, then after each update
    the parameters and every value again. Left out is what the loss does not depend on, and derivatives that are 1.
    """
    solution, back = solution or solve(exercise), way_back(exercise)[1:]
    start = [name for name in exercise.parameters or exercise.given if name in back]
    inner = [name for name in back if name in exercise.forward and solution.gradients[name] != 1.0]
    names = [*exercise.forward, *(derivative(exercise.loss, name) for name in [*inner, *start])]
    for step in solution.shown[1:] if exercise.parameters else ():
        names += [str(Quantity(name, step=step, is_parameter=True)) for name in start]
        names += [str(Quantity(name, step=step)) for name in exercise.forward]
    return names


def _hidden(exercise: Exercise, listed: Sequence[str], asked: str) -> list[str]:
    """The quantities that a name or a group stands for."""
    if asked in exercise.positions or asked not in GROUPS:
        return [str(parse_name(exercise, asked))]
    for names in (listed, suggested(exercise)):
        if found := [name for name in names if parse_name(exercise, name).kind == GROUPS[asked]]:
            return found
    raise ExerciseError(
        "no {asked} to hide: they need parameters and a learning rate, lr = 0.5 above the tables", asked=asked
    ).at(exercise.source)


def answer(value: float, digits: int) -> str:
    """A number as the key has it: to its end where that is near, else rounded.

    >>> answer(0.1 * 0.3 + 0.05, 8), answer(0.51998934015, 8), answer(715.0, 2)
    ('0.08', '0.51998934', '715')
    """
    return to_its_end(value, max(digits, EXACT_DIGITS)) or f"{value:z.{digits}f}"


STEPS = (10, 5, 1)  # hundredths: numbers with one decimal are tried first, then ones like 0.35, then 0.37
TRIES = 400  # of each
# Beyond, σ' < 0.05, tanh' < 0.2: saturated.
FLAT: Mapping[Any, float] = {ops.sigmoid: 3.0, ops.tanh: 1.5, ops.softplus: 3.0, ops.exp: 3.0}
KINKED = (ops.relu, ops.leaky_relu, ops.absolute, ops.heaviside, ops.maximum, ops.minimum)
KINK = 0.05  # so near to a kink, rounding could decide
NOUGHT = 1e-12  # what floats make of a difference that is 0
UNITS = 10  # of the last decimal: an answer has two digits at least


class Comfort(NamedTuple):
    """What is wanted of an exercise's numbers, other than they are.

    names: the answers, digits their decimals; zeros: those that are 0. sides: the side on which each
    kinked function is (0: either). different: how many values are.
    """

    names: Sequence[str]
    digits: int
    sides: Sequence[float]
    different: int
    zeros: Collection[str] = ()

    @classmethod
    def of(cls, exercise: Exercise, names: Sequence[str], digits: int) -> "Comfort":
        """What an exercise's own numbers have of it."""
        solution = solve(exercise)
        sides = [x and math.copysign(1, x) for _, rule, x in _calls(exercise, solution.before) if rule in KINKED]
        zeros = [name for name in names if abs(solution.value(name)) < NOUGHT]
        zeros += [updated(name) for name in exercise.parameters if abs(solution.gradients[name]) < NOUGHT]
        return cls(names, digits, sides, _different(solution, digits), zeros)


Change = Callable[[Exercise, Random], Exercise]  # of an attempt, before it is judged


def drawn(exercise: Exercise, seed: int, wanted: Comfort, changed: Change = lambda each, _: each) -> Exercise:
    """The exercise with the first comfortable numbers: one seed, one exercise. Raises ExerciseError for none."""
    random = Random(seed)
    met: list[Said] = []
    small = _with_small_parameters(exercise)
    for old in (exercise, small) if small.parameters != exercise.parameters else (exercise,):
        for step in STEPS:
            for _ in range(TRIES):
                attempt = _redrawn(old, random, step)
                if attempt is None:
                    break
                attempt = changed(attempt, random)
                if (objection := _objection(attempt, wanted)) is None:
                    return attempt
                met.append(objection)
    raise ExerciseError(
        "seed {seed}: no comfortable numbers in {tries} tries, mostly since {why}; or try another seed",
        seed=seed,
        tries=len(met),
        why=_commonest(met) or say("there are not enough different numbers; use fewer"),
    )


def _commonest(said: Sequence[Said]) -> Said | None:
    counts = Counter(map(str, said))  # a Said with nan in it equals none
    return max(said, key=lambda each: counts[str(each)], default=None)


def _with_small_parameters(exercise: Exercise) -> Exercise:
    """The exercise with parameters between 0 and 1: where whole numbers make sums too large, these do not."""
    small = {name: old and math.copysign(min(abs(old), 0.5), old) for name, old in exercise.parameters.items()}
    return replace(exercise, parameters=small)


def _redrawn(exercise: Exercise, random: Random, step: int) -> Exercise | None:
    """The exercise with other numbers, all of different size; None where there are not enough."""
    taken = {exercise.lr}
    numbers = {**exercise.given, **exercise.parameters}
    for name, old in numbers.items():
        if old in (0.0, 1.0):  # yes and no
            continue
        choices = _choices(abs(old), step)
        free = [each for each in choices if each not in taken] or choices * (step == STEPS[-1])
        if not free:
            return None
        size = free[int(random.random() * len(free))]  # the one method whose sequence Python promises to keep
        taken.add(size)
        numbers[name] = math.copysign(size, old)
    given, parameters = ({name: numbers[name] for name in table} for table in (exercise.given, exercise.parameters))
    return replace(exercise, given=given, parameters=parameters)


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


def _calls(exercise: Exercise, values: Mapping[str, Value]) -> Iterator[tuple[str, ops.Rule, float]]:
    """Each function in FLAT or KINKED: its line, its rule, what it is applied to; of max and min the difference."""
    numbers = {name: value.data for name, value in values.items()}
    for line, formula in exercise.forward.items():
        for part in parts_of(formula.expression):
            if part.rule in FLAT or part.rule in KINKED:
                x = evaluate(Formula("", part.x), numbers)
                yield line, part.rule, x - evaluate(Formula("", part.y), numbers) if part.rule.dy else x


def _different(solution: Solution, digits: int) -> int:
    """How many of the values that are worked come out different."""
    return len({round(solution.before[name].data, digits) for name in solution.exercise.forward})


def _objection(exercise: Exercise, wanted: Comfort) -> Said | None:
    """What is not comfortable about an exercise's numbers, and what to do about it."""
    try:
        solution = solve(exercise)
    except ExerciseError as error:
        return error.said
    for values in solution.passes:
        sides = iter(wanted.sides)
        for name, rule, x in _calls(exercise, values):
            if abs(x) > FLAT.get(rule, math.inf):
                return say("{name} is saturated; use smaller numbers, or fewer inputs", name=name)
            if rule in KINKED and (abs(x) < KINK or x * next(sides) < 0):
                return say("{name} comes near to its kink or crosses it; change the exercise's numbers", name=name)
    for name in wanted.names:
        asked = parse_name(exercise, name)
        size = solution.value(asked) - (solution.value(asked.before) if asked.is_parameter else 0.0)  # how far it moves
        if name not in wanted.zeros and abs(size) < UNITS * 10.0**-wanted.digits:
            gaps = {"name": name, "digits": wanted.digits}
            return say("{name} has fewer than two digits at {digits} decimals; ask for more with --digits", **gaps)
    losses = [solution.passes[step][exercise.loss].data for step in solution.shown]
    if any(after > before - 10.0**-wanted.digits for before, after in pairwise(losses)):
        return say("{name} does not go down in the step; use a smaller lr", name=exercise.loss)
    if _different(solution, wanted.digits) < wanted.different:
        return say("two of the values come out alike; change the exercise's numbers")
    return None


_quoted = partial(json.dumps, ensure_ascii=False)


class Form(NamedTuple):
    """How texts, formulas, names and sentences stand in a form of sheet; what else is its own is in sheets.toml."""

    text: Callable[[str], str]
    formulas: notation.Form
    name: Callable[[str], str]
    says: Callable[[Said, str], str] = Said.in_


FORMS = {
    "markdown": Form(lambda text: re.sub(r"([\\`*_<\[#])", r"\\\1", text), "text", notation.quantity),
    "html": Form(escape, "mathml", partial(notation.quantity, form="mathml")),
    "toml": Form(
        _quoted,
        "text",
        lambda name: name if re.fullmatch(r"[A-Za-z0-9_]+", name) else _quoted(name),
        lambda said, lang: f"{said.in_('ko')} · {said}",
    ),
}


def as_text(sheet: Worksheet, form: str, *, lang: str = "en", answers: bool = False, picture: str = "") -> str:
    """A sheet, or its key, as "markdown", "html" or "toml". The key has the working beside each number, but in TOML.

    lang: "en" or "ko"; an exercise file is in both. picture: of the net, as an SVG element, for the page.
    """
    return document([_body(sheet, form, lang, answers, picture)], sheet.exercise, form, lang, answers)


def key_of_all(sheets: Sequence[Worksheet], form: str, lang: str = "en") -> str:
    """The keys of several sheets of one exercise, one after the other, as "markdown" or "html"."""
    return document([_body(each, form, lang, True) for each in sheets], sheets[0].exercise, form, lang, True)


def document(bodies: Iterable[str], exercise: Exercise, form: str, lang: str, answers: bool) -> str:
    """A file of a form, with one sheet or several."""
    part, own = TEMPLATES[form], FORMS[form]
    key = part["key"].format(answers=own.says(Said(TEMPLATES["words"]["answers"]), lang)) if answers else ""
    body, title = part["apart"].join(bodies), own.text(exercise.title)
    return Template(part["frame"]).substitute(lang=lang, key=key, title=title, body=body)


def _body(sheet: Worksheet, form: str, lang: str, answers: bool, picture: str = "") -> str:
    """What stands in a file of one sheet."""
    exercise, own, part = sheet.exercise, FORMS[form], TEMPLATES[form]
    gaps: dict[str, Any] = {"digits": sheet.digits, "exact": max(sheet.digits, EXACT_DIGITS), "seed": exercise.seed}
    gaps |= {"steps": exercise.steps, "count": exercise.steps}
    gaps["states"] = " = ".join(line for line in exercise.update if line != "p")
    gaps |= {"lr": _sized(exercise.lr or 0.0), "loss": part["quantity"].format(own.name(exercise.loss))}
    words = {key: own.says(Said(text, gaps), lang) for key, text in TEMPLATES["words"].items()}

    def signed(number: str) -> str:
        return number.replace("-", part["minus"])

    def table(title: str, entries: Mapping[str, Any], written: Callable[[Any], str], kind: str = "table") -> str:
        """What the exercise starts from, or nothing."""
        listed = part["comma"].join(
            part["entry"].format(note=sheet.notes.get(name, ""), name=own.name(name), entry=written(each))
            for name, each in entries.items()
        )
        return part[kind].format(title=words[title], listed=listed) if entries else ""

    def row(line: Line) -> str:
        number = part["number" if not line.blank else "answer" if answers else "blank"].format(signed(line.answer))
        working = _working(sheet, line, form, answers) if "working" in part else ""
        return part["row"].format(name=own.name(line.name), working=working, number=number)

    is_file = "rule" not in part  # which shows no formula beside a blank
    is_told = (
        not exercise.is_usual or "p" in sheet.defined or (is_file and any(each.asked.step for each in sheet.lines))
    )

    def rule(line: Formula) -> str:
        """A formula: in an exercise file as it is there, else set, of names without a number."""
        if is_file:
            return own.text(line.text)
        expression = evaluate(line, {name: Symbol(name, math.nan) for name in line.names})
        return part["rule"].format(notation.written(expression, own.formulas))

    def definition(name: str) -> str:
        """The formula of a line of [forward]; one of arrays as it is in the file."""
        line, text = exercise.forward.get(name), exercise.written[name]
        return rule(line) if line and line.text == text else notation.NOTATIONS[own.formulas].escaped(text)

    def defined() -> str:
        """The formulas that no row has, and what the functions in all of them mean."""
        formulas = [part["defined"].format(own.name(name), definition(name)) for name in sheet.defined if name != "p"]
        formulas += [part["meaning"].format(FUNCTIONS[each]) for each in sheet.functions]
        return part["table"].format(title=words["defined"], listed=part["comma"].join(formulas)) if formulas else ""

    def heading(kind: str, step: int) -> str:
        if step and exercise.steps > 1:
            return own.says(Said(TEMPLATES["later"][kind], {"number": step}), lang)
        return words[kind]

    groups = groupby(sheet.lines, lambda line: (line.asked.kind, line.asked.step))
    sections = (
        part["section"].format(**words, i=i, title=heading(kind, step), rows="\n".join(map(row, lines)))
        for i, ((kind, step), lines) in enumerate(groups, 1)
    )
    is_drawn = exercise.seed is not None
    for_a_pen = "who" if exercise.student else "anybody"
    number = part["id"].format(own.text(exercise.id)) if exercise.id else ""
    student = own.text(exercise.student)
    whose = for_a_pen if not (answers or is_file) else "whose" if is_drawn else ""
    return Template(part["body"]).substitute(
        words,
        key=part["key"].format(**words) if answers else "",
        title=own.text(exercise.title),
        opening="" if answers else sheet.opening,
        who=part[whose].format(**words, student=student, id=number, drawn=exercise.seed) if whose else "",
        loss=own.text(exercise.loss),
        rate="" if exercise.lr is None else part["rate"].format_map(gaps | words),
        given=table("given", exercise.whole(exercise.given), lambda number: signed(_sized(number))),
        parameters=table("parameters", exercise.whole(exercise.parameters), lambda number: signed(_sized(number))),
        forward=table("value", exercise.written, own.text),
        defined="" if is_file else defined(),
        steps=part["steps"].format_map(gaps | words) if exercise.steps > 1 else "",
        update=table("remembering" if gaps["states"] else "update", exercise.update if is_told else {}, rule, "update"),
        picture=picture and part["picture"].format(**words, picture=picture),
        sections=part["between"].join(sections),
        origin=notation.NOTATIONS[own.formulas].escaped(exercise.name),
        seed=f", {words['seed']}" if is_drawn else "",
    )


def _sized(number: Any) -> str:
    """A number that an exercise starts from, or an array of them, as a person writes it."""
    return re.sub(r"\.0(?![0-9])", "", repr(number))


def _working(sheet: Worksheet, line: Line, form: str, answers: bool) -> str:
    """What a quantity is equal to: its formula, unless that is to be found, and on the key each step to its number.

    The last step has numbers in the place of names, those of the sheet, unless it has no other.
    """
    own, part = FORMS[form].formulas, TEMPLATES[form]
    given = {*sheet.exercise.given, *sheet.exercise.parameters, "lr"}
    number = notation.numbers(
        "text", lambda name, value: _sized(value) if name in given else answer(value, sheet.digits)
    )

    def formula(side: Any) -> str:
        text = notation.text(side)
        if own != "text" and len(text) > LONG:
            return part["in_numbers"].format(notation.NOTATIONS[own].escaped(text))
        return part["formula"].format(notation.written(side, own))

    formulas = list(dict.fromkeys(map(formula, line.working.sides)))
    formulas = formulas if answers else formulas[: line.asked.by is None]
    written = part["equals"].join(formulas)
    if answers and formulas:
        last = line.working.sides[-1]
        numbers = notation.text(last, in_numbers=True, number=number)
        if numbers not in (line.answer.replace("-", "−"), notation.text(last)):
            written += part["in_numbers"].format(notation.NOTATIONS[own].escaped(numbers))
    return part["working"].format(written.replace("|", part["bar"])) if written else ""
