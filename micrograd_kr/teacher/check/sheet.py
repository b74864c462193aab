"""A person's numbers against the engine's: match, rounding, undecided or wrong.

A number that was worked by hand carries the rounding of every step before it. How much that may be is computed from
the *worked form* of the quantity, the expression a person evaluates: the formula, or the sum over paths of products of
derivatives, in the numbers that stand on the sheet. With U one unit of the number's last decimal, e the running error
of its form and x the exact value, a number h is

    match      |h − x| ≤ U/2
    rounding   |h − x| < e + U
    undecided  one of these, but so coarse that it tells nothing: it is as well what 0 or the value before the update
               would be written as, or it may be off by as much as x itself
    wrong      otherwise, or when a worked line `a = b = c` does not hold

The running error is that of `rounding`; the largest of a quantity's forms counts. It goes by what the person keeps,
decimals or significant digits, whichever explains the sheet; gradients, and the updates with them, may have other
decimals than the passes. Who works a gradient anew with fewer decimals than it was written in is outside what this
promises.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cached_property
from itertools import chain
from typing import NamedTuple

import numpy as np

from micrograd_kr.teacher.ask.exercise import parse_name
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import Hand, distance, hand
from micrograd_kr.teacher.ask.quantity import Quantity
from micrograd_kr.teacher.ask.solution import Solution
from micrograd_kr.teacher.check.forms import Forms
from micrograd_kr.teacher.check.report import Report, Row, Verdict, few_decimals
from micrograd_kr.teacher.check.results import Results
from micrograd_kr.teacher.check.rounding import FLOAT32, Errors, Habit, Precision, group_of, habit
from micrograd_kr.teacher.derive.labelled import Entry
from micrograd_kr.teacher.derive.lines import Lines

FLOAT64_DIGITS = 15  # from so many on, a number is what a program printed
CHANCE = 0.01  # at most, that a number is one of float32's though it was not worked in float32
CHANCE_OF_ALL = 1e-6  # that all of a sheet are
FLOAT32_LIMIT = 2.0**128
FEW = 3  # numbers that tell a habit

FLOAT_DECIMALS = 15  # of a person who writes nothing but exact numbers


def judged(written: Hand, value: float, error: float, unit: float) -> Verdict:
    """A number against the exact value, its last decimal worth `unit`; a float may be off by four of its last units.

    Right to all its decimals is a match, be they fewer than the sheet's.
    """
    if not math.isfinite(value):  # 1/0 in a worked line
        return "wrong"
    off, slack = distance(written, value), 4 * math.ulp(value)
    if off <= written.unit / 2 + slack:
        return "match"
    return "rounding" if off + slack < error + unit else "wrong"


class Judged(NamedTuple):
    """A number's verdict; its worked line is not looked at.

    key: what the quantity is called among the forms. error: its running error. unit: of the decimals it was judged by.
    decimals: that one undecided would need.
    """

    key: str
    written: Hand
    value: float
    verdict: Verdict
    error: float
    unit: float
    decimals: int = 0


class Sheet:
    """A person's numbers, judged in working order."""

    def __init__(self, solution: Solution, lines: Lines, float32: bool = False) -> None:
        """float32: whether they were worked in floats of 32 bits."""
        self.solution, self.exercise, self.lines = solution, solution.exercise, lines
        self.forms = Forms(solution, lines)
        found = Results(solution)
        self.hands, self.unreadable = found.hands, [*self.exercise.unreadable, *found.unreadable]
        cells = self.exercise.cells
        sides = {name: cells[name].parts[: None if cells[name].result else -1] for name in self.hands}
        self.texts = {name: [*sides[name], each.text] for name, each in self.hands.items()}
        values = {name: solution.value(name) for name in self.hands}
        groups = {name: group_of(parse_name(self.exercise, name)) for name in self.hands}
        self.decimals = _decimals(self.hands, values)
        self.kept = habit(FLOAT32) if float32 else _habit(self.hands, values, groups)
        self.errors = Errors(self.forms)
        self.judged: dict[str, Judged] = {}
        self.names: dict[str, str] = {}  # of the keys, on the sheet
        for name in self.forms.working_order(self.hands):
            each = self.judged[name] = self._judge(name, values[name])
            self.errors.know(each.key, max(self.errors.known.get(each.key, 0.0), self._carried(each)))
            self.names.setdefault(each.key, name)

    def step(self, key: str, value: float) -> float:
        """What the last digit is worth that the person keeps of such a number as a rule."""
        return self.kept.of(key).step(value)

    def _judge(self, name: str, value: float) -> Judged:
        key, written = self.forms.key(name), self.hands[name]
        if self.kept.passes == FLOAT32:
            error, unit = self.errors.of(key, self.kept), max(written.unit, FLOAT32.step(value))
            each = Judged(key, written, value, judged(written, value, error, unit), error, unit)
        else:
            each = _judged(self.errors, key, written, value, self.kept, self.decimals)
        decimals = decimals_to_tell(each, self._old(name))
        if not decimals:
            return each
        quantity = parse_name(self.exercise, name)
        return each._replace(verdict="wrong" if self._had_better(quantity, each) else "undecided", decimals=decimals)

    def _old(self, name: str) -> float | None:
        """The value of a quantity before the update; None in the first pass."""
        quantity = parse_name(self.exercise, name)
        return self.solution.value(quantity.before) if quantity.step else None

    @cached_property
    def _rounded_to(self) -> set[int]:
        """To how many decimals numbers are rightly rounded on this sheet; what stands as it was is none of them."""
        found = set()
        for name, written in self.hands.items():
            value, half = self.solution.value(name), written.unit / 2
            others = (0.0, self._old(name))
            is_told = all(other is None or distance(written, other) > half for other in others)
            if is_told and 4 * math.ulp(value) < distance(written, value) <= half:
                found.add(written.decimals)
        return found

    def _had_better(self, quantity: Quantity, each: Judged) -> bool:
        """Whether a parameter stands as it was, beside the gradient that changes it, and was not merely rounded."""
        is_rounded = self._lost_zeros(each) or each.written.decimals in self._rounded_to
        if not quantity.is_parameter or quantity.of not in self.exercise.parameters or is_rounded:
            return False
        slope = Quantity(self.exercise.loss, quantity.of, quantity.in_pass)
        gradient = self.judged.get(self.names.get(self.forms.key(str(slope)), ""))
        return gradient is not None and gradient.verdict in ("match", "rounding")

    def _lost_zeros(self, each: Judged) -> bool:
        """Whether a number may be one with the usual decimals, zeros at its end left out."""
        error = self.errors.of(each.key, self.kept) + self.step(each.key, each.value)
        return distance(each.written, each.value) < error

    def _carried(self, each: Judged) -> float:
        """The error of what is worked on with. Who wrote down next to nothing had more than that to go on with."""
        if each.verdict == "wrong":
            return each.error
        if each.verdict == "undecided" and not self._lost_zeros(each):
            return self.errors.of(each.key, self.kept)
        return max(each.error, distance(each.written, each.value))


def decimals_to_tell(each: Judged, old: float | None) -> int:
    """The decimals that a number needs to say anything; 0 where it does.

    old: its value before the update. A number says nothing if it is right only as far as 0 or the old value would be,
    too, or if what rounding explains is as much as the value itself.
    """
    written, value = each.written, each.value
    slack = 4 * math.ulp(value)
    if each.verdict == "wrong" or distance(written, value) <= slack:
        return 0
    units = 1.0 if each.verdict == "match" else (each.error + each.unit) / each.unit
    bound = units * (written.unit if each.verdict == "match" else each.unit)
    others = [other for other in (0.0, old) if other is not None and abs(other - value) > slack]
    if (bound < abs(value) or not value) and all(distance(written, other) > written.unit / 2 for other in others):
        return 0
    nearest = min((abs(other - value) for other in others), default=1.0)
    decimals = math.floor(math.log10(units / nearest)) + 1
    return max(decimals, written.decimals + 1)


def judge_entries(entries: Iterable[Entry], name: str, loss: float, steps: int, float32: bool = False) -> Report:
    """A report on the entries of tensors: one that was worked in so many steps may be off by a unit for each.

    Raises ExerciseError for an entry that is no number.
    """
    values, hands = {}, {}
    for entry in entries:
        values[entry.name] = entry.value
        try:
            hands[entry.name] = hand(entry.hand)
        except ExerciseError:
            raise ExerciseError("{name}: expected a number, got {hand!r}", name=entry.name, hand=entry.hand) from None
    step = 10.0 ** -_decimals(hands, values).usual
    rows = []
    for each, written in hands.items():
        value = values[each]
        unit = max(written.unit, FLOAT32.step(value)) if float32 else written.unit
        error = steps * (FLOAT32.step(value) if float32 else min(step, unit))
        verdict = (_judged_coarse if unit > step else judged)(written, value, error, unit)
        found = Judged(each, written, value, verdict, error, unit)
        decimals = decimals_to_tell(found, None)
        notes = (few_decimals(decimals),) if decimals else ()
        off = value - float(written.number)
        verdict = "undecided" if decimals else verdict
        rows.append(Row(each, each, written.text, value, off, error + unit, verdict, notes=notes))
    return Report(name, tuple(rows), (), (loss, None), tuple(hands))


def in_float32(hands: Mapping[str, Hand]) -> set[str]:
    """The numbers that only a float of 32 bits has: one that is printed to more digits than those tell.

    Where all are such that may be, less digits are enough.
    """
    chances, tried = dict[str, float](), 0
    for name, written in hands.items():
        number = float(written.number)
        step = FLOAT32.step(number)
        if written.unit < step and abs(number) < FLOAT32_LIMIT:
            tried += 1
            off = abs(written.number - Decimal(float(np.float32(number))))
            if off <= Decimal(written.unit) / 2:
                chances[name] = written.unit / step
    if len(chances) == tried and math.prod(chances.values()) < CHANCE_OF_ALL:
        return set(chances)
    return {name for name, chance in chances.items() if chance < CHANCE}


class Decimals(NamedTuple):
    """How many decimals a person writes. usual: as a rule. habits: whatever is common enough to be a way of working."""

    usual: int
    habits: frozenset[int]


def _rounded(sheet: Mapping[str, Hand], values: Mapping[str, float]) -> list[Hand]:
    """The numbers that had to be rounded."""
    return [
        each
        for name, each in sheet.items()
        if not each.known and distance(each, values[name]) > 4 * math.ulp(values[name])
    ]


def _decimals(sheet: Mapping[str, Hand], values: Mapping[str, float]) -> Decimals:
    """The commonest decimals among the numbers that had to be rounded, of equally common ones the most.

    Where hardly any had to be, a single slip must not decide: then it is the most on the sheet.
    """
    rounded = [each.decimals for each in _rounded(sheet, values)]
    counts = Counter(rounded)
    habits = frozenset(decimals for decimals, count in counts.items() if count >= max(2, len(rounded) / 5))
    if len(rounded) < max(3, len(sheet) / 10):
        return Decimals(
            max((each.decimals for each in sheet.values() if not each.known), default=FLOAT_DECIMALS), habits
        )
    return Decimals(max(counts, key=lambda decimals: (counts[decimals], decimals)), habits)


def _habit(sheet: Mapping[str, Hand], values: Mapping[str, float], group_by_name: Mapping[str, int]) -> Habit:
    """What a person keeps: significant digits if more of the rounded numbers have equally many of these than decimals,
    of the passes and of gradients; what an update makes has the decimals of either.
    """
    groups = [
        {name: each for name, each in sheet.items() if group_by_name[name] == i} for i in range(len(Habit._fields))
    ]
    rounded, usual = [_rounded(group, values) for group in groups], _decimals(sheet, values).usual
    decimals = [
        _decimals(group, values).usual if len(each) >= FEW else usual
        for group, each in zip(groups[:-1], rounded[:-1], strict=True)
    ]
    updates = Counter(each.decimals for each in rounded[-1])
    decimals.append(max(decimals, key=lambda each: updates[each]))
    explained = sum(each.decimals == kept for kept, group in zip(decimals, rounded, strict=True) for each in group)
    counts = Counter(significant(each) for each in chain(*rounded) if each.number)
    digits = max(counts, key=lambda digits: (counts[digits], digits), default=0)
    if counts[digits] >= FEW and counts[digits] > explained:
        return habit(Precision(10.0 ** (1 - digits), 10))
    return Habit(*(Precision(10.0**-each) for each in decimals))


def significant(written: Hand) -> int:
    """How many significant digits a number has.

    >>> significant(hand("0.00340"))
    3
    """
    return len(written.number.as_tuple().digits)


def _judged(errors: Errors, key: str, written: Hand, value: float, kept: Habit, decimals: Decimals) -> Judged:
    """The verdict on a number.

    A number with fewer decimals than usual is taken as one whose zeros were dropped. Where that does not explain it, it
    may have been rounded to its own decimals or cut off; that the steps before were so coarse, too, is believed only of
    who often writes so few.
    """
    step = kept.of(key).step(value) or written.unit
    unit = min(step, written.unit)
    error = errors.of(key, kept)
    verdict, off = judged(written, value, error, unit), distance(written, value)
    is_printed = significant(written) >= FLOAT64_DIGITS  # by a program, whose floats round, too
    if verdict != "match" and is_printed and off <= errors.in_floats(key) + written.unit:
        verdict = "match"
    if written.unit <= step or (verdict != "wrong" and off < error + unit):
        return Judged(key, written, value, verdict, error, unit)
    unit = written.unit
    if written.decimals in decimals.habits:
        error = errors.of(key, habit(Precision(unit)))
    return Judged(key, written, value, _judged_coarse(written, value, error, unit), error, unit)


def _judged_coarse(written: Hand, value: float, error: float, unit: float) -> Verdict:
    """A number with fewer decimals than usual: rounded, or cut off, from one with all of them."""
    verdict = judged(written, value, error, unit)
    cut_off = 0 <= float(written.number) * math.copysign(1, value) <= abs(value)
    if verdict == "rounding" and not cut_off and distance(written, value) > error + unit / 2:
        return "wrong"
    return verdict
