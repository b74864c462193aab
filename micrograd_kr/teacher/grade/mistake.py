"""A mistake in words that a class can share: without the indices, the numbers and the place of one student's."""

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import chain
from typing import Any

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.check.report import Row
from micrograd_kr.teacher.check.slips import OF_A_PEN

ASIDE = ("few digits", "fewer decimals", "working")  # notes that say nothing of what was done
UNEXPLAINED = say("no cause found")
# Of these kinds each is one mistake, whatever it was made in.
SHORT: dict[str, Said] = {
    **dict.fromkeys(OF_A_PEN, say("a slip in writing")),
    "rounded": say("rounded too early"),
    "derivative": say("the function was used where its derivative is due"),
    "arithmetic": say("a slip in the arithmetic of a line"),
    "working": say("another number in the working than is due"),
    **dict.fromkeys(("no cause", "capped"), UNEXPLAINED),
}
INDICES = r"\[[0-9, ]+\]|(?<=[^\W\d])_?[0-9]+"  # of W5, W_5, E_o1 and W[0,1]; not the 1 of 1 − o1
NUMBERS = r"[−-]?[0-9]+\.[0-9]+(?:e[−+-]?[0-9]+)?|^(?:[2-9]|[1-9][0-9]+)$"
MARKS = "⁺′"  # of what is after an update
NAMES = rf"([^\W\d²³][^\W²³]*)([{MARKS}]*)"
SINGULAR = {"s": "", "was": "was", "is_": "is", "has": "has", "its": "its"}
PLURAL = {"s": "s", "was": "were", "is_": "are", "has": "have", "its": "their"}


@dataclass(frozen=True)
class Mistake:
    """A number that is wrong by itself, and what explains it.

    name, hand: the quantity, and what was written. said: what was done. shared: the same without indices and numbers,
    which is what others who did it have in common. sure: False where another mistake may come to this number, too.
    """

    name: str
    hand: str
    said: Said
    shared: Said
    sure: bool

    @property
    def is_explained(self) -> bool:
        return self.shared != UNEXPLAINED


def mistake_of(row: Row) -> Mistake:
    """The mistake that made a number wrong, by what explains it best."""
    sure = all(note.kind != "few digits" for note in row.notes)
    found = [(cause.kind, cause.said, cause.place) for cause in row.causes]
    remedies = (part.remedy for part in row.parts or () if part.verdict == "wrong" and part.remedy)
    found += [("working", say("in the working {remedy} is due", remedy=each), row.name) for each in remedies]
    found += [(note.kind, note.said, row.name) for note in row.notes if note.kind not in ASIDE]
    kind, said, place = [*found, ("no cause", UNEXPLAINED, row.name)][0]
    return Mistake(row.name, row.hand, said, SHORT.get(kind) or shared(said, place), sure)


def shared(said: Said, place: str) -> Said:
    """A mistake without indices, numbers and where it was made: W5⁺ and W7⁺ for W5 and W7 is W⁺ for W."""
    for outer in ("mistake", "one", "sentence"):  # the mistake of one with its form, the first of two, it everywhere
        if isinstance(said.gaps.get(outer), Said):
            return shared(said.gaps[outer], place)
    listed = {name: _items(gap) for name, gap in said.gaps.items() if name in ("due", "done")}
    own = rf"(?<![^\W∂]){re.escape(place.rstrip('+'))}(?!\w)"
    if place.endswith("+") and all(re.search(own, " ".join(items)) for items in listed.values()):
        listed = {name: [re.sub(own, "p", each) for each in items] for name, items in listed.items()}
    listed = _of_any_pass({name: list(map(bare, items)) for name, items in listed.items()})
    common = {name: list(dict.fromkeys(items)) for name, items in listed.items()}
    if "done" in common and common["done"] == common.get("due"):
        return say("{name} with another index was used", name=_listed(common["due"]))
    grammar = {name: each for name, each in said.gaps.items() if name in SINGULAR}
    if any(len(items) > 1 for items in listed.values()):
        grammar = PLURAL if any(len(items) > 1 for items in common.values()) else SINGULAR
    gaps = {name: _listed(items) for name, items in common.items()}
    return Said(said.text, dict.fromkeys(said.gaps, "…") | gaps | grammar)


def _of_any_pass(listed: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is listed, as it would be in the first pass; as it is where one is in two passes, as W⁺ for W."""
    passes = defaultdict[str, set[str]](set)
    for name, marks in re.findall(NAMES, " ".join(chain(*listed.values()))):
        passes[name].add(marks)
    if any(len(each) > 1 for each in passes.values()):
        return listed
    return {gap: [re.sub(f"[{MARKS}]", "", each) for each in items] for gap, items in listed.items()}


def _items(gap: Any) -> list[str]:
    """What is listed in a gap, one after the other."""
    if isinstance(gap, Said):
        return [item for each in gap.gaps.values() for item in _items(each)]
    return str(gap).split(", ")


def _listed(items: list[str]) -> Said | str:
    return say("{first} and {last}", first=", ".join(items[:-1]), last=items[-1]) if len(items) > 1 else items[0]


def bare(text: str) -> str:
    """What a formula is but for its indices and numbers.

    >>> bare("∂E_o1/∂W5"), bare("1 − h12²"), bare("h_1 = 0.5199"), bare("3")
    ('∂E_o/∂W', '1 − h²', 'h = …', '…')
    """
    return re.sub(INDICES, "", re.sub(NUMBERS, "…", text))
