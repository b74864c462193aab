"""Worked lines, `0.3 - 0.5*0.00080888 = 0.3 - 0.00040444 = 0.29959556`: arithmetic first, then the quantity.

Each "=" is checked by itself, in the numbers that stand there: whole numbers, ½, what the exercise starts from and what
an earlier part works out exactly are exact, others known to one unit of their last decimal, and what lies between may
be rounded or cut off. The first that does not hold is the *slip*. Only then is each part compared with the quantity;
where one is off, that number is looked for which would mend it in the place of one that was written.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, takewhile
from typing import Any, NamedTuple

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.exercise import parse_name
from micrograd_kr.teacher.ask.expressions import Symbol, number, operands, parts_of, renamed
from micrograd_kr.teacher.ask.formula import Formula, Literal, read_worked
from micrograd_kr.teacher.ask.number import Hand, distance, hand, to_its_end
from micrograd_kr.teacher.ask.quantity import Quantity
from micrograd_kr.teacher.check import slips
from micrograd_kr.teacher.check.report import Note, Part, in_a_sentence
from micrograd_kr.teacher.check.results import NOISE, exact_in, known_to
from micrograd_kr.teacher.check.rounding import Precision, RunningError, habit
from micrograd_kr.teacher.check.sheet import Sheet
from micrograd_kr.teacher.derive import notation

REMEDIES = 3
GENEROUS = 20  # times the rounding there seems to be, before it is worked out what there is
MOST_DECIMALS = 12  # to show how two numbers differ


class Operand(NamedTuple):
    """A number in a worked line: as written, its value, and how far rounding may have moved it."""

    text: str
    number: float
    unit: float = 0.0


CONSTANTS = Operand("1", 1.0), Operand("2", 2.0), Operand("1/2", 0.5)


@dataclass(frozen=True)
class Side:
    """One side of a "=": as written, the numbers in it by their places, and its expression over the places."""

    text: str
    operands: Mapping[str, Operand]
    expression: Any

    @property
    def value(self) -> float:
        return float(number(self.expression))

    @property
    def is_bare(self) -> bool:
        """Whether it is a number and nothing else."""
        return len(self.operands) == 1 and is_number(self.text)

    @property
    def unit(self) -> float:
        """What the coarsest of its inexact numbers is known to."""
        return max((each.unit for each in self.operands.values()), default=0.0)

    @property
    def decimals(self) -> int:
        """The most that a number in it has."""
        return max((hand(each.text).decimals for each in self.operands.values() if is_number(each.text)), default=0)

    def changed(self, places: Iterable[str], operand: Operand) -> "Side":
        """The same with another number in some places."""
        others = {**self.operands, **dict.fromkeys(places, operand)}
        expression = renamed(self.expression, lambda leaf: Symbol(leaf.name, others[leaf.name].number))
        return replace(self, operands=others, expression=expression)

    def value_with(self, places: Iterable[str], value: float) -> float:
        """What it comes to then; much cheaper."""
        values = dict.fromkeys(places, value)
        found = renamed(self.expression, lambda leaf: values.get(leaf.name, leaf.number))
        return float(found)


class Slip(NamedTuple):
    """Two sides, or parts of them, that are not one number. at: the place of the "=". is_whole: of whole sides."""

    at: int
    left: Side
    right: Side
    is_whole: bool


def worked_lines(sheet: Sheet) -> "dict[str, WorkedLine]":
    """The worked lines of a sheet. Raises ExerciseError for a part that cannot be read."""
    return {name: WorkedLine(sheet, name) for name, parts in sheet.texts.items() if len(parts) > 1}


class WorkedLine:
    """Reads and judges one worked line.

    A name stands for the number on the sheet, or for the engine's where there is none; in a later pass for its own.
    """

    def __init__(self, sheet: Sheet, name: str) -> None:
        """Raises ExerciseError for a part that cannot be read."""
        self.sheet, self.name, self.judged = sheet, name, sheet.judged[name]
        self.exact = exact_in(sheet.solution)
        self.named = dict(self._named())
        self.sides: list[Side] = []
        for text in sheet.texts[name][:-1]:
            self.sides.append(self._read(text))
            self.exact += _exact_results(self.sides[-1])
        self.slip = self._slip()

    def _named(self) -> Iterator[tuple[str, Operand]]:
        """What a name stands for."""
        sheet, step = self.sheet, parse_name(self.sheet.exercise, self.name).in_pass
        for each, value in sheet.solution.numbers(self.name).items():
            changes = step > 0 and each in sheet.exercise.parameters
            is_start = each in sheet.forms.start and not changes
            text = each if is_start else str(Quantity(each, step=step, is_parameter=changes))
            yield each, Operand(text, value) if is_start or text not in sheet.hands else self._written(text)

    def _written(self, name: str) -> Operand:
        """A number on the sheet; what is right and has lost its zeros is known better than to its decimals."""
        each = self.sheet.judged[name]
        off, step = distance(each.written, each.value), self.sheet.step(each.key, each.value)
        unit = min(each.written.unit, max(step, off)) if off > 4 * math.ulp(each.value) else 0.0
        return Operand(name, float(each.written.number), unit)

    def _read(self, text: str) -> Side:
        formula: Formula = read_worked(text, self.sheet.exercise.positions)
        found: dict[str, Operand] = {}

        def place(leaf: Symbol) -> Symbol:
            name = f"#{len(found)}"
            found[name] = self._literal(leaf) if isinstance(leaf.name, Literal) else self._meant(leaf.name)
            return Symbol(name, found[name].number)

        expression = renamed(formula.expression, place)
        return Side(text, found, expression)

    def _meant(self, name: str) -> Operand:
        """What a name stands for, W5+ and dE/dW5 among them."""
        if name not in self.named:
            meant = self.sheet.solution.meant(self.name, name)
            on_sheet = str(meant) in self.sheet.judged
            self.named[name] = (
                self._written(str(meant)) if on_sheet else Operand(name, self.sheet.solution.value(meant))
            )
        return self.named[name]

    def _literal(self, leaf: Symbol) -> Operand:
        written = hand(str(leaf.name))
        return Operand(written.text, leaf.number, known_to(written, self.exact))

    def _error(self, side: Side, unit: float = 0.0) -> float:
        """How far rounding may have moved a side, where what lies between is rounded to a unit."""
        known = {place: each.unit for place, each in side.operands.items()}
        return RunningError(self.sheet.forms, known, habit(Precision(unit))).of(side.expression, last=True)

    # --- arithmetic ---------------------------------------------------------------------------------------------------

    def _slip(self) -> Slip | None:
        """The first "=" that does not hold."""
        written = self.judged.written
        result = _result(Operand(written.text, float(written.number), written.unit))
        for at, (left, right) in enumerate(pairwise([*self.sides, result])):
            if not self._holds(left, right):
                steps = [step for step in _steps(left, right) if not self._holds(*step)]
                return Slip(at, *steps[0], False) if len(steps) == 1 else Slip(at, left, right, True)
        return None

    def _holds(self, left: Side, right: Side) -> bool:
        """Whether two sides are one number, within rounding."""
        off, unit = abs(left.value - right.value), right.unit or left.unit
        slack = NOISE * max(abs(left.value), abs(right.value))
        if not math.isfinite(off):
            return False
        return off <= slack or off + slack < self._error(left, unit) + self._error(right)

    @property
    def explains(self) -> bool:
        """Whether the number is wrong for a slip in right working."""
        return self.slip is not None and self._agrees(self.sides[self.slip.at])

    def notes(self) -> Iterator[Note]:
        """What is to be said of the slip; that a part does not come to the number is said of the part."""
        slip = self.slip
        if slip is None or (slip.is_whole and not self.explains):
            return
        is_bare = slip.is_whole and slip.left.is_bare
        yield Note("arithmetic", self._said(slip, is_right=slip.is_whole and (len(self.sides) == 1 or is_bare)))
        if slip.right.is_bare and (found := slips.between(slip.left.value, hand(slip.right.text).text)):
            due, done = (in_a_sentence(each) for each in (found.meant, found.written))
            yield Note("slip", Said(slips.SENTENCES[found.kind].text, {"due": due, "done": done, "at": found.at}))

    def _said(self, slip: Slip, is_right: bool) -> Said:
        left, right = slip.left, slip.right
        one, two = (in_a_sentence(each.text) for each in (left, right))
        least = max(left.decimals, right.decimals)
        value, other = next(
            pair
            for decimals in range(least, max(MOST_DECIMALS, least) + 1)
            if len(set(pair := tuple(in_a_sentence(_shown(each.value, decimals)) for each in (left, right)))) > 1
            or decimals >= MOST_DECIMALS
        )
        if is_right:
            return say("the working is right and comes to {value}, {written} was written", value=value, written=two)
        if left.is_bare and right.is_bare:
            return say("{left} stands before the equals sign, {right} behind it", left=one, right=two)
        if right.is_bare:
            return say("{left} is {value}, not {right}", left=one, value=value, right=two)
        return say("{left} is {value}, {right} is {other}", left=one, value=value, right=two, other=other)

    @property
    def astray(self) -> Hand | None:
        """What the first part comes to that is off, where the number itself does not show it and no number mends it."""
        if self.judged.verdict == "wrong" and self.slip is None and not self.judged.decimals:
            return None
        sides = self.sides[: self.slip.at + 1] if self.slip else self.sides
        side = next((side for side in sides if not self._agrees(side)), None)
        if side is None or not math.isfinite(side.value) or self._remedies(side):
            return None
        return hand(f"{side.value:.{max(side.decimals, self.sheet.decimals.usual)}f}")

    # --- the quantity -------------------------------------------------------------------------------------------------

    def parts(self) -> tuple[Part, ...]:
        """Each part beside the quantity."""
        return tuple(map(self._part, self.sides))

    def _part(self, side: Side) -> Part:
        if not self._agrees(side):
            return Part(side.text, side.value, "wrong", " / ".join(self._remedies(side)) or None)
        written, is_wrong = self.judged.written, self.judged.verdict == "wrong"
        off = abs(side.value - self.judged.value) if is_wrong else distance(written, side.value)
        slack = 4 * math.ulp(side.value)
        return Part(side.text, side.value, "match" if off <= written.unit / 2 + slack else "rounding")

    def _step(self) -> float:
        return self.sheet.step(self.judged.key, self.judged.value) or self.judged.unit

    def _agrees(self, side: Side) -> bool:
        """Whether a side comes to the quantity, within the rounding of both."""
        off, value = abs(side.value - self.judged.value), self.judged.value
        if not math.isfinite(off):
            return False
        return off <= self.judged.error + self._error(side) + NOISE * abs(value)

    def _remedies(self, side: Side) -> Sequence[str]:
        """Which number in place of which would make a side agree, "0.1 → W1 = 0.3"; the best first.

        Each that is known by then is tried for every literal, and for all literals that are alike.
        """
        if not math.isfinite(side.value):  # 1/0
            return []
        literals: dict[str, list[str]] = {}
        for place, each in side.operands.items():
            if is_number(each.text):
                literals.setdefault(each.text, []).append(place)
        places = [[place] for alike in literals.values() for place in alike]
        places += [alike for alike in literals.values() if len(alike) > 1]
        error, found = self.judged.error + self._error(side), dict[str, tuple[bool, bool]]()
        for candidate, is_usual in self._candidates():
            shown = candidate.text if is_number(candidate.text) else f"{candidate.text} = {candidate.number:.12g}"
            for at in places:
                written, value = side.operands[at[0]], side.value_with(at, candidate.number)
                off = abs(value - self.judged.value)
                grown = max(1.0, abs(value / side.value)) if side.value else 1.0
                near = GENEROUS * (grown * error + candidate.unit * abs(value)) + NOISE * abs(value)
                if candidate.number != written.number and off <= near and self._agrees(side.changed(at, candidate)):
                    found.setdefault(f"{written.text} → {shown}", (off > self._step() / 2, not is_usual))
        return sorted(found, key=found.__getitem__)[:REMEDIES]

    def _candidates(self) -> Iterator[tuple[Operand, bool]]:
        """The numbers that are known when the quantity is worked, and whether its formula has them."""
        sheet, asked = self.sheet, parse_name(self.sheet.exercise, self.name)
        usual = sheet.forms.mentions(self.judged.key) if self.judged.key else ()
        later = list(sheet.exercise.forward)
        later = later[later.index(asked.of) :] if asked.by is None and asked.of in later else []
        unused = {*later, "lr"} if asked.kind != "updated" else set()
        known = [each for name, each in self.named.items() if name not in unused]
        for name in takewhile(lambda name: name != self.name, sheet.judged):
            if parse_name(sheet.exercise, name).kind == "gradient":
                known.append(self._written(name))
        for each in [*known, *CONSTANTS]:
            yield each, each.text in usual


def is_number(text: str) -> bool:
    return text[:1].isdigit() or text[:1] in "+-."


def _result(operand: Operand) -> Side:
    return Side(operand.text, {"#0": operand}, Symbol("#0", operand.number))


def _exact_results(side: Side) -> Iterator[float]:
    """What the operations of a side come to that have nothing but exact numbers in them."""
    exact: set[Any] = set()
    for part in parts_of(side.expression):
        if isinstance(part, Symbol) and part.rule is None:
            is_exact = not side.operands[part.name].unit
        else:
            is_exact = all(each in exact for each in operands(part))
        if is_exact:
            exact.add(part)
            yield float(number(part))


def _steps(left: Side, right: Side) -> Iterator[tuple[Side, Side]]:
    """Where the sides are alike but for numbers on the right: these, each with what it stands for on the left."""
    waiting = [(left.expression, right.expression)]
    while waiting:
        one, other = waiting.pop()
        if not isinstance(one, Symbol) or not isinstance(other, Symbol):
            continue
        if one.rule is not None and one.rule is other.rule:
            waiting += [(one.y, other.y), (one.x, other.x)]
        elif other.rule is None and one is not left.expression:
            yield _within(left, one), _result(right.operands[other.name])


def _within(side: Side, part: Any) -> Side:
    """A part of a side, its text as it is set elsewhere."""
    shown = renamed(part, lambda leaf: Symbol(side.operands[leaf.name].text, leaf.number))
    places = [str(each.name) for each in parts_of(part) if isinstance(each, Symbol) and each.rule is None]
    return Side(notation.text(shown), {place: side.operands[place] for place in places}, part)


def _shown(value: float, decimals: int) -> str:
    return to_its_end(value, decimals) or f"{value:.{decimals}f}"
