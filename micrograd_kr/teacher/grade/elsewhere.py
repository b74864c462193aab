"""Numbers that are right on somebody else's sheet: a paper that was worked from it, or copied."""

from collections.abc import Iterable
from dataclasses import replace

from micrograd_kr.said import say
from micrograd_kr.teacher.ask.number import hand
from micrograd_kr.teacher.grade.paper import Answer, Paper

LEAST = 4  # numbers that are not right: fewer may agree by chance
SHARE = 0.8  # of them
NEAR = 1e-3  # as rounding on the way may make them differ, relatively


def explained_by_others(paper: Paper, others: Iterable[Paper]) -> Paper:
    """The paper; where most of its numbers that are not right are so on another's sheet, that is its one mistake."""
    off = {name: each for name, each in paper.answers.items() if each.outcome in ("wrong", "follows")}
    if len(off) < LEAST or not paper.mistakes:
        return paper
    for other in others:
        if other.sort == paper.sort and other.numbers != paper.numbers:
            count = sum(_is_due(each, other.answers.get(name)) for name, each in off.items())
            if count >= SHARE * len(off):
                gaps = {"count": count, "of": len(off), "whose": other.student}
                said = say(
                    "{count} of the {of} numbers that are not right here are right on the sheet of {whose}", **gaps
                )
                shared = say("the numbers of another's sheet")
                return replace(paper, mistakes=(replace(paper.mistakes[0], said=said, shared=shared, sure=True),))
    return paper


def _is_due(answer: Answer, there: Answer | None) -> bool:
    """Whether a number is what is due on another sheet, and nearer to that than to what is due on its own."""
    if not (there and there.due and answer.due):
        return False
    written = hand(answer.hand)
    own, other = (abs(float(written.number) - float(each.due)) for each in (answer, there))
    return other < own and other <= max(2 * float(written.unit), NEAR * abs(float(there.due)))
