"""Numbers that are right on somebody else's sheet: a paper that was worked from it, or copied."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from micrograd_kr.said import say
from micrograd_kr.teacher.ask.number import hand
from micrograd_kr.teacher.grade.paper import Answer, Paper

LEAST = 4  # numbers that are not right: fewer may agree by chance
SHARE = 0.8  # of them
NEAR = 1e-3  # as rounding on the way may make them differ, relatively


class Off(NamedTuple):
    """A number that is not right: as written, what it may be off by, and what is due in its place."""

    name: str
    written: float
    slack: float
    due: float

    def is_due(self, there: Answer | None) -> bool:
        """Whether it is what is due on another sheet, and nearer to that than to what is due on its own."""
        if there is None or not there.due:
            return False
        other = float(there.due)
        off = abs(self.written - other)
        return off < abs(self.written - self.due) and off <= max(self.slack, NEAR * abs(other))


def explained_by_others(paper: Paper, others: Iterable[Paper]) -> Paper:
    """The paper; where most of its numbers that are not right are so on another's sheet, that is its one mistake."""
    off = list(_off(paper))
    if len(off) < LEAST or not paper.mistakes:
        return paper
    for other in others:
        if other.sort == paper.sort and other.numbers != paper.numbers:
            count = sum(each.is_due(other.answers.get(each.name)) for each in off)
            if count >= SHARE * len(off):
                gaps = {"count": count, "of": len(off), "whose": other.student}
                said = say(
                    "{count} of the {of} numbers that are not right here are right on the sheet of {whose}", **gaps
                )
                shared = say("the numbers of another's sheet")
                return replace(paper, mistakes=(replace(paper.mistakes[0], said=said, shared=shared, sure=True),))
    return paper


def _off(paper: Paper) -> Iterator[Off]:
    for name, answer in paper.answers.items():
        if answer.outcome in ("wrong", "follows") and answer.due:
            written = hand(answer.hand)
            yield Off(name, float(written.number), 2 * float(written.unit), float(answer.due))
