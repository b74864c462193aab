"""A person's numbers against the engine's: match, rounding or wrong.

A number that was worked by hand carries the rounding of every step before it. How much that may be is computed from
the *worked form* of the quantity, the expression a person evaluates: the formula, or the sum over paths of products of
derivatives, in the numbers that stand on the sheet. With U one unit of the number's last decimal, e the running error
of its form and x the exact value, a number h is

    match     |h − x| ≤ U/2
    rounding  |h − x| < e + U
    wrong     otherwise, or when a part of a worked line `a = b = c` disagrees with the rest

The running error is that of `rounding`; the largest of a quantity's forms counts.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import InvalidOperation
from typing import Any, NamedTuple

from micrograd_kr.engine import Value, gradients
from micrograd_kr.teacher.ask.exercise import parse_name
from micrograd_kr.teacher.ask.expressions import Symbol, renamed
from micrograd_kr.teacher.ask.formula import Formula, Literal, leaves, read_formula
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import Hand, distance, hand
from micrograd_kr.teacher.ask.quantity import Quantity
from micrograd_kr.teacher.ask.solution import Solution
from micrograd_kr.teacher.check.forms import Forms
from micrograd_kr.teacher.check.report import VERDICTS, Part, Report, Row, Verdict
from micrograd_kr.teacher.check.rounding import Errors
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.labelled import Entry
from micrograd_kr.teacher.derive.lines import Lines, changed


def judged(written: Hand, value: float, error: float, unit: float) -> Verdict:
    """A number against the exact value, its last decimal worth `unit`; a float may be off by four of its last units."""
    if not math.isfinite(value):  # 1/0 in a worked line
        return "wrong"
    off, slack = distance(written, value), 4 * math.ulp(value)
    if off <= unit / 2 + slack:
        return "match"
    return "rounding" if off + slack < error + unit else "wrong"


class Judged(NamedTuple):
    """A number's verdict; its worked line is not looked at.

    key: what the quantity is called among the forms. error: its running error. unit: of the decimals it was judged by.
    """

    key: str
    written: Hand
    value: float
    verdict: Verdict
    error: float
    unit: float


class Sheet:
    """A person's numbers, judged in working order."""

    def __init__(self, solution: Solution, lines: Lines) -> None:
        """Raises ExerciseError for a number that cannot be read."""
        self.solution, self.exercise, self.forms = solution, solution.exercise, Forms(solution, lines)
        self.texts = {name: [part.strip() for part in text.split("=")] for name, text in self.exercise.hand.items()}
        self.hands = {name: hand(parts[-1]) for name, parts in self.texts.items()}
        values = {name: solution.value(name) for name in self.hands}
        self.decimals = _decimals(self.hands, values)
        self.errors = Errors(self.forms)
        self.judged: dict[str, Judged] = {}
        self.names: dict[str, str] = {}  # of the keys, on the sheet
        for name in self.forms.working_order(self.hands):
            key = self.forms.key(name)
            each = self.judged[name] = _judged(self.errors, key, self.hands[name], values[name], self.decimals)
            carried = each.error if each.verdict == "wrong" else max(each.error, distance(each.written, each.value))
            self.errors.know(key, max(self.errors.known.get(key, 0.0), carried))
            self.names.setdefault(key, name)


def judge_entries(entries: Iterable[Entry], name: str, loss: float, steps: int) -> Report:
    """A report on the entries of tensors: one that was worked in so many steps may be off by a unit for each.

    Raises ExerciseError for an entry that is no number.
    """
    values, hands = {}, {}
    for entry in entries:
        values[entry.name] = entry.value
        try:
            hands[entry.name] = hand(entry.hand)
        except (InvalidOperation, ValueError):
            raise ExerciseError("{name}: expected a number, got {hand!r}", name=entry.name, hand=entry.hand) from None
    step = 10.0 ** -_decimals(hands, values).usual
    rows = []
    for each, written in hands.items():
        value, error = values[each], steps * min(step, written.unit)
        verdict = (_judged_coarse if written.unit > step else judged)(written, value, error, written.unit)
        rows.append(Row(each, each, written.text, value, value - float(written.number), error + written.unit, verdict))
    return Report(name, tuple(rows), (), (loss, None), tuple(hands))


def row_of(sheet: Sheet, name: str) -> Row:
    """One number with its verdict, the worst of its own and its worked line's.

    Raises ExerciseError for a part that cannot be read.
    """
    _, written, value, verdict, error, unit = sheet.judged[name]
    *texts, _ = sheet.texts[name]
    parts = tuple(map(WorkedLine(sheet, name).part, texts)) if texts else None
    worst = max([verdict, *(part.verdict for part in parts or ())], key=VERDICTS.index)
    formula, difference = _formula(sheet.solution, name), value - float(written.number)
    return Row(name, formula, written.text, value, difference, error + unit, worst, parts)


class Decimals(NamedTuple):
    """How many decimals a person writes. usual: as a rule. habits: whatever is common enough to be a way of working."""

    usual: int
    habits: frozenset[int]


def _decimals(sheet: Mapping[str, Hand], values: Mapping[str, float]) -> Decimals:
    """The commonest decimals among the numbers that had to be rounded, of equally common ones the most.

    Where hardly any had to be, a single slip must not decide: then it is the most on the sheet.
    """
    rounded = [
        each.decimals for name, each in sheet.items() if distance(each, values[name]) > 4 * math.ulp(values[name])
    ]
    counts = Counter(rounded)
    habits = frozenset(decimals for decimals, count in counts.items() if count >= max(2, len(rounded) / 5))
    if len(rounded) < max(3, len(sheet) / 10):
        return Decimals(max((each.decimals for each in sheet.values()), default=0), habits)
    return Decimals(max(counts, key=lambda decimals: (counts[decimals], decimals)), habits)


def _judged(errors: Errors, key: str, written: Hand, value: float, decimals: Decimals) -> Judged:
    """The verdict on a number.

    A number with fewer decimals than usual is taken as one whose zeros were dropped. Where that does not explain it, it
    may have been rounded to its own decimals or cut off; that the steps before were so coarse, too, is believed only of
    who often writes so few.
    """
    step = 10.0**-decimals.usual
    unit = min(step, written.unit)
    error = errors.of(key, step)
    verdict = judged(written, value, error, unit)
    if verdict != "wrong" or written.unit <= step:
        return Judged(key, written, value, verdict, error, unit)
    unit = written.unit
    if written.decimals in decimals.habits:
        error = errors.of(key, unit)
    return Judged(key, written, value, _judged_coarse(written, value, error, unit), error, unit)


def _judged_coarse(written: Hand, value: float, error: float, unit: float) -> Verdict:
    """A number with fewer decimals than usual: rounded, or cut off, from one with all of them."""
    verdict = judged(written, value, error, unit)
    cut_off = 0 <= float(written.number) * math.copysign(1, value) <= abs(value)
    if verdict == "rounding" and not cut_off and distance(written, value) > error + unit / 2:
        return "wrong"
    return verdict


def _formula(solution: Solution, name: str) -> str:
    """What stands in the formula column: a value's formula, a derivative's name, an update."""
    exercise = solution.exercise
    asked = parse_name(exercise, name)
    if asked.kind == "gradient":
        return notation.quantity(name)
    if asked.kind == "updated":
        parameter = exercise.states.get(asked.of, ("p", asked.of))[1]
        slope = Quantity(exercise.loss, parameter, asked.in_pass)
        return notation.text(changed(solution, asked, Symbol(str(slope), solution.value(slope)), "k"))
    text = exercise.forward[asked.of].text if asked.of in exercise.forward else asked.of

    def after(found: re.Match[str]) -> str:
        is_parameter = found[0] in exercise.parameters
        then = str(Quantity(found[0], step=asked.step, is_parameter=is_parameter))
        return notation.quantity(then) if is_parameter or found[0] in exercise.forward else found[0]

    return re.sub(r"[^\W\d]\w*(?:\[[0-9,]+\])?", after, text) if asked.step else text


class Operand(NamedTuple):
    """A number in a worked line: as written, its value, and how far rounding may have moved it."""

    text: str
    number: float
    unit: float = 0.0


class WorkedLine:
    """Reads the parts of one worked line, the `0.3 - 0.5*0.00080888` of `0.3 - 0.5*0.00080888 = 0.29959556`.

    Whole numbers, ½ and the numbers an exercise starts from are exact; others are known to one unit of their last
    decimal. A name stands for the number on the sheet, or for the engine's where there is none; in the second pass
    for the second one.
    """

    def __init__(self, sheet: Sheet, name: str) -> None:
        exercise, start, numbers = sheet.exercise, sheet.forms.start, sheet.solution.numbers(name)
        asked = parse_name(exercise, name)
        later = asked.in_pass > 0
        self.exact, self.last = {*start.values(), 0.5}, sheet.hands[name]
        self.names = {each: Operand(each, value) for each, value in numbers.items()}
        for each in numbers:
            changes = later and each in exercise.parameters
            written = sheet.hands.get(str(Quantity(each, step=asked.in_pass, is_parameter=changes)))
            if written and (later or each not in start):
                self.names[each] = Operand(each, float(written.number), written.unit)
        others = {"1": 1.0, "2": 2.0, "1/2": 0.5}
        self.candidates = [Operand(*each) for each in {**numbers, **start, **others}.items()]

    def part(self, text: str) -> Part:
        """Judge one part against the number at the end of the line."""
        formula, operands = self._read(text)
        value, error = _worked(formula, operands)
        verdict = judged(self.last, value, error, self.last.unit)
        return Part(text, value, verdict, self._remedy(formula, operands) if verdict == "wrong" else None)

    def _read(self, text: str) -> tuple[Formula, dict[Any, Operand]]:
        """The formula, and what its literals (each by its symbol) and its names stand for."""
        formula = read_formula(text)
        operands: dict[Any, Operand] = {}
        for leaf in leaves(formula):
            if isinstance(leaf.name, Literal):
                written = hand(leaf.name)
                exact = not written.decimals or leaf.number in self.exact
                operands[leaf] = Operand(written.text, leaf.number, 0.0 if exact else written.unit)
            elif leaf.name in self.names:
                operands[leaf.name] = self.names[leaf.name]
        return formula, operands

    def _remedy(self, formula: Formula, operands: Mapping[Any, Operand]) -> str | None:
        """Which number in place of which would make the part agree: "0.1 → W1 = 0.3".

        Every named number is tried for every literal, and for all literals that are alike.
        """
        literals = {place: each for place, each in operands.items() if isinstance(place, Symbol)}
        alike: dict[str, list[Any]] = {}
        for place, each in literals.items():
            alike.setdefault(each.text, []).append(place)
        found = []
        for places in [*([place] for place in literals), *(places for places in alike.values() if len(places) > 1)]:
            written = literals[places[0]]
            for candidate in self.candidates:
                if candidate.number != written.number:
                    value, error = _worked(formula, {**operands, **dict.fromkeys(places, candidate)})
                    if judged(self.last, value, error, self.last.unit) != "wrong":
                        number = "" if candidate.text[0].isdigit() else f" = {candidate.number:.12g}"
                        found.append(f"{written.text} → {candidate.text}{number}")
        return " / ".join(dict.fromkeys(found)) or None


def _worked(formula: Formula, operands: Mapping[Any, Operand]) -> tuple[float, float]:
    """The value of a part, and how far the rounding of its numbers may have moved it."""
    values = {place: Value(each.number) for place, each in operands.items()}
    out = renamed(formula.expression, lambda leaf: values[leaf if leaf in values else leaf.name])
    slopes = gradients(out, list(values.values()))
    return out.item(), sum(
        abs(slope) * each.unit for slope, each in zip(slopes, operands.values(), strict=True) if each.unit
    )
