"""What a check found: rows, parts of worked lines, causes."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.exercise import Exercise

Verdict = Literal["match", "rounding", "wrong"]


VERDICTS: tuple[Verdict, ...] = ("match", "rounding", "wrong")


SAID: dict[Verdict, Said] = {"match": say("match"), "rounding": say("rounding"), "wrong": say("wrong")}


# --- verdicts ---------------------------------------------------------------------------------------------------------


class Part(NamedTuple):
    """One side of a worked line.

    text: as written. value: what it comes to. remedy: what would mend it, "0.1 → W1 = 0.3"; None if it agrees or
    nothing was found.
    """

    text: str
    value: float
    verdict: Verdict
    remedy: str | None = None


class Note(NamedTuple):
    """Something to be said of a number."""

    kind: str
    said: Said

    @property
    def english(self) -> str:
        return str(self.said)

    @property
    def korean(self) -> str:
        return self.said.in_("ko")


@dataclass(frozen=True)
class Cause:
    """A mistake that explains a wrong number.

    kind: what it is called, "sign" or "updated". place: the quantity in whose working it was made, the number's own or
    one that is not on the sheet. value: what the number comes to with it, unrounded. said: what was done.
    also: what else it may be called, since that comes to the same. throughout: made at every such place.
    same_at: other numbers that are wrong for the same reason.
    """

    kind: str
    place: str
    value: float
    said: Said
    also: tuple[str, ...] = ()
    throughout: bool = False
    same_at: tuple[str, ...] = ()

    @property
    def english(self) -> str:
        return str(self.said)

    @property
    def korean(self) -> str:
        return self.said.in_("ko")


@dataclass(frozen=True)
class Row:
    """One number of a person's beside the engine's.

    name, formula: of the quantity. hand: as written, the last number of a worked line. value: the engine's.
    difference: value − hand.
    bound: the largest |difference| that rounding explains. parts: of a worked line, else None.
    follows_from: the wrong number that makes this one wrong, if it is not wrong by itself. causes: of one that is.
    """

    name: str
    formula: str
    hand: str
    value: float
    difference: float
    bound: float
    verdict: Verdict
    parts: tuple[Part, ...] | None = None
    follows_from: str | None = None
    causes: tuple[Cause, ...] = ()
    notes: tuple[Note, ...] = ()


class Step(NamedTuple):
    """One parameter in one step of gradient descent; after is None without a learning rate."""

    name: str
    before: float
    gradient: float
    after: float | None


@dataclass(frozen=True)
class Report:
    """What `check` found: a row for each number of the person's, the step each parameter takes, the loss before and
    after it.

    order: the rows' names in the order a person works in. asked: the exercise the numbers are of, None for tensors.
    """

    exercise: str
    rows: tuple[Row, ...]
    parameters: tuple[Step, ...]
    loss: tuple[float, float | None]
    order: tuple[str, ...] = ()
    asked: Exercise | None = None

    @property
    def wrong(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.verdict == "wrong")

    @property
    def roots(self) -> tuple[Row, ...]:
        """The rows that are wrong by themselves, in working order."""
        place = {name: i for i, name in enumerate(self.order)}
        roots = (row for row in self.wrong if row.follows_from is None)
        return tuple(sorted(roots, key=lambda row: place.get(row.name, 0)))

    @property
    def first_wrong(self) -> Row | None:
        return next(iter(self.roots), None)
