"""A report that leaves the work to the person: verdicts and causes stay, the engine's numbers of what is wrong go.

What was done wrongly is said as ever; but where a sentence holds a number that is still to be found it has … there, and
of a slip in writing it is not said which, since who is told the digits that changed places has been told the number.
"""

import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.number import hand
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.check import slips
from micrograd_kr.teacher.check.report import WORKING, Note, Part, Report, Row

NUMBER = r"(?<![\w.@])\d+(?:\.\d+)?(?:e[-−+]?\d+)?(?!\.?\w)"
HIDDEN = "…"
LITERALS = range(10)  # may stand in any formula
A_SLIP = say("a slip in writing")
OF_A_PEN = {slips.SENTENCES[kind].text for kind in slips.OF_A_PEN}


def without_answers(report: Report) -> Report:
    """The report without the engine's numbers of what is wrong or undecided, and without those of the step."""
    solution = solve(report.asked) if report.asked else None
    known = {abs(row.value) for row in report.rows if _is_right(row)}
    known |= {abs(each) for each in solution.start.values()} if solution else set()
    others = {each for each in _worked(solution) if each not in LITERALS} - known if solution else set()
    rows = tuple(row if _is_right(row) else _without(row, Sought(others, known)) for row in report.rows)
    remarks = tuple(_note(each, Sought(others, known)) for each in report.remarks)
    return replace(report, rows=rows, parameters=(), loss=(math.nan, None), remarks=remarks)


def _is_right(row: Row) -> bool:
    """Whether a person has the number, be its working wrong."""
    return row.verdict in ("match", "rounding") or WORKING in row.notes


def _worked(solution: Solution) -> Iterator[float]:
    """The size of what the sheet asks for, and of each value and derivative of the loss in a pass that is shown."""
    yield from (abs(solution.value(each)) for each in solution.exercise.asked.values())
    for step in solution.shown:
        yield from (abs(value.data) for value in solution.passes[step].values())
        yield from (abs(slope) for slope in solution.slopes(solution.exercise.loss, step).values())


@dataclass(frozen=True)
class Sought:
    """Sizes of numbers that are still to be found, and of those that are known."""

    sizes: Collection[float]
    known: Collection[float]
    own: float = math.nan
    bound: float = 0.0  # what the one of a row may be off by as a person works it

    def __contains__(self, text: str) -> bool:
        """Whether a number is one of them, rounded as it may be; one digit of it tells nothing."""
        written = hand(text.replace("−", "-"))
        number, is_rounded = float(written.number), len(written.number.as_tuple().digits) > 1
        slack = written.unit / 2 if is_rounded else 0.0

        def is_it(size: float, bound: float = 0.0) -> bool:
            return abs(number - size) <= max(slack, bound, 1e-12 * size)

        is_own = is_it(self.own, self.bound * is_rounded)
        return is_own or (number not in self.known and any(map(is_it, self.sizes)))


def _without(row: Row, sought: Sought) -> Row:
    """A row without the number that is due."""
    sought = replace(sought, own=abs(row.value), bound=row.bound)

    def part(each: Part) -> Part:
        value = math.nan if math.isclose(each.value, row.value, rel_tol=1e-9) else each.value
        return replace(each, value=value, remedy=_masked(each.remedy, sought))

    return replace(
        row,
        value=math.nan,
        difference=math.nan,
        parts=row.parts and tuple(map(part, row.parts)),
        causes=tuple(replace(each, said=_masked(each.said, sought)) for each in row.causes),
        notes=tuple(_note(each, sought) for each in row.notes),
    )


def _note(note: Note, sought: Sought) -> Note:
    return replace(note, said=_masked(note.said, sought))


def _masked(each: Any, sought: Sought) -> Any:
    """What is said, without the numbers that are sought."""
    if isinstance(each, Said):
        gaps = {name: _masked(gap, sought) for name, gap in each.gaps.items()}
        is_told = each.text in OF_A_PEN and gaps["due"] != each.gaps["due"]
        return A_SLIP if is_told else Said(each.text, gaps)
    if isinstance(each, str):
        return re.sub(NUMBER, lambda found: HIDDEN if found[0] in sought else found[0], each)
    return each
