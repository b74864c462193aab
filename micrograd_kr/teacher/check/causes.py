"""The mistakes that explain one wrong number, and the sentences that say so."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import chain
from typing import Any, NamedTuple

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.expressions import Symbol
from micrograd_kr.teacher.ask.number import Hand, distance, hand
from micrograd_kr.teacher.check.mistakes import KINDS, MISCONCEPTIONS, SENTENCES, Catalogue, Edit, Working, transposed
from micrograd_kr.teacher.check.report import Cause
from micrograd_kr.teacher.check.sheet import Judged
from micrograd_kr.teacher.derive import labelled as graphs
from micrograd_kr.teacher.derive import notation

WORK_OF_EDIT = 8  # to make an edit takes as long as so many operations
WORK_OF_ERROR = 4  # and the running error of one
CAUSES = 5
NAMES = 3  # of one cause
SURE_AFRESH = 5
FAR_FETCHED = frozenset({"far", "copied"})
WITH_ITS_NAME = frozenset({"sign", "rounded", "point", "copied"})  # a quantity is called by its name, not its formula


# --- one number after the other ---------------------------------------------------------------------------------------


class Hit(NamedTuple):
    """An edit that comes to the number. carries: what else it makes of quantities that are not on the sheet."""

    tier: int
    value: float
    edit: Edit
    working: Working
    carries: Mapping[str, tuple[float, float]]


# --- causes -----------------------------------------------------------------------------------------------------------


class Known(NamedTuple):
    """What is known of a sheet by then.

    names: of the quantities that stand on it. texts: its numbers and the exercise's as written. decimals: its usual
    ones. cuts_off: whether the person cuts decimals off. error: the running error of a form in the person's numbers.
    """

    names: Sequence[str]
    texts: Mapping[str, str]
    decimals: int
    cuts_off: bool
    error: Callable[[Any], float]


class Search:
    """Looks for the mistakes that explain one wrong number."""

    def __init__(self, known: Known, judged: Judged, workings: list[Working], limit: int) -> None:
        self.known, self.judged, self.workings = known, judged, workings
        self.decimals = max(judged.written.decimals, known.decimals)
        self.limit, self.work = limit, 0

    def causes(self) -> tuple[tuple[tuple[Hit, ...], ...], bool]:
        """The hits of the best tier by their values; whether the search was cut short.

        The shortest way of working is tried alone, the others if it explains nothing.
        """
        digits = len(self.judged.written.number.as_tuple().digits)
        usual = [each for each in self.workings if digits >= SURE_AFRESH or not each.is_afresh]
        for workings in (usual[:1], usual[1:]):
            hits = [hit for working in workings for hit in self._hits(working)]
            if hits:
                return _distinct(hits), self.work > self.limit
        return (), self.work > self.limit

    def _hits(self, working: Working) -> Iterator[Hit]:
        due = working.tables[0][working.root]
        yield from self._misspelt(working)
        catalogue = Catalogue(working, self.known.names, self.known.texts, self.decimals)
        for edit in catalogue.edits():
            if self.work > self.limit:
                return
            changes = edit.changes
            affected = working.above(changes)
            self.work += 2 * len(affected) + WORK_OF_EDIT
            carried = working.recomputed(changes, working.tables[0], affected)
            if not abs(carried[working.root] - due) >= self.judged.unit / 2:
                continue
            if not self._is_near(self.judged.written, carried[working.root], due):
                continue
            by_hand = working.recomputed(changes, working.tables[1], affected)
            values = carried[working.root], by_hand[working.root]
            tier = self._tier(self.judged.written, values, working, changes)
            if tier is not None:
                carries = {
                    name: (carried[root], by_hand[root])
                    for name, root in working.roots.items()
                    if root in carried and name != working.name
                }
                yield Hit(tier, carried[working.root], edit, working, carries)

    def _is_near(self, written: Hand, value: float, due: float) -> bool:
        """Whether rounding may take what an edit comes to to the number; generous, and cheap."""
        grown = max(1.0, abs(value / due)) if due else 1.0
        return distance(written, value) < 20 * grown * (self.judged.error + self.judged.unit)

    def _tier(
        self, written: Hand, values: Iterable[float], working: Working, changes: Mapping[Symbol, Any]
    ) -> int | None:
        values = list(values)
        for tier, unit in enumerate((10.0**-self.decimals, self.judged.unit)):
            if any(self._is_written(written, value, unit) for value in values):
                return tier
        off = min(distance(written, value) for value in values)
        self.work += WORK_OF_ERROR * len(working.order)
        return 2 if off < self.known.error(working.form(changes)) + self.judged.unit else None

    def _is_written(self, written: Hand, value: float, unit: float) -> bool:
        """Whether a value is written like this where its last decimal is worth `unit`, the way this person rounds."""
        number, slack = float(written.number), 1e-14 * max(1.0, abs(value))
        if self.known.cuts_off:
            more = math.copysign(1.0, number) * value - abs(number) if number else abs(value)
            return -slack <= more < unit
        return abs(number - value) <= unit / 2 + slack

    def _misspelt(self, working: Working) -> Iterator[Hit]:
        """Digits transposed in what was written down."""
        for text in transposed(self.judged.written.text):
            meant = hand(text)
            if all(self._is_near(meant, table[working.root], float(meant.number)) for table in working.tables):
                tier = self._tier(meant, (table[working.root] for table in working.tables), working, {})
                if tier is not None:
                    edit = Edit("digits", working.name, text, self.judged.written.text)
                    yield Hit(tier, float(self.judged.written.number), edit, working, {})


def _distinct(hits: list[Hit]) -> tuple[tuple[Hit, ...], ...]:
    """The hits of the best tier by what they come to. A kink explains itself, far-fetched ones are a last resort."""
    kinks = [hit for hit in hits if hit.edit.kind == "kink"]
    hits = kinks or [hit for hit in hits if hit.edit.kind not in FAR_FETCHED] or hits
    named = _best(hits)
    if all(hit.edit.kind not in MISCONCEPTIONS - {"term"} for hit in named):  # without a small term much looks right
        named += _best([hit for hit in hits if hit.edit.kind in MISCONCEPTIONS])
    named.sort(key=lambda hit: (KINDS.index(hit.edit.kind), hit.edit.throughout, hit.edit.place != hit.working.name))
    groups: list[list[Hit]] = []
    for hit in named:
        same = next((group for group in groups if _is_same(group[0].value, hit.value)), None)
        if same is None:
            groups.append([hit])
        else:
            same.append(hit)
    return tuple(map(tuple, groups[:CAUSES]))


def _best(hits: list[Hit]) -> list[Hit]:
    """The hits of the best tier reached."""
    best = min((hit.tier for hit in hits), default=0)
    return [hit for hit in hits if hit.tier == best]


def _is_same(one: float, other: float) -> bool:
    return abs(one - other) <= 1e-12 * max(abs(one), abs(other), 1e-3)


# --- what is said -----------------------------------------------------------------------------------------------------


def sort_of(hit: Hit) -> tuple[str, ...]:
    """What two hits have in common that are the same mistake with other indices."""
    return hit.edit.kind, *map(graphs.stem, (hit.edit.place, str(_said(hit, {}))))


def cause_of(hits: tuple[Hit, ...], names: Mapping[str, str], together: Mapping[Any, list[str]]) -> Cause:
    """One cause, by the names that it has, three at most."""
    first = hits[0]
    alike = [hit for hit in hits if hit.edit.throughout == first.edit.throughout]
    said = list({str(each): each for each in (_said(hit, names) for hit in alike)}.values())[:NAMES]
    also = tuple(dict.fromkeys(hit.edit.kind for hit in alike if hit.edit.kind != first.edit.kind))
    either = reduce(lambda one, other: say("{one}, or {other}", one=one, other=other), said)
    what = say("{mistake} ({form})", mistake=either, form=_form(first.working, first.edit.place, names))
    place = names.get(first.edit.place, first.edit.place)
    others = tuple(each for each in together[sort_of(first)] if each != names[first.working.name])
    return Cause(first.edit.kind, place, first.value, what, also, first.edit.throughout, others)


def _said(hit: Hit, names: Mapping[str, str]) -> Said:
    """What an edit did."""
    edit, working = hit.edit, hit.working
    whole = None if edit.kind in WITH_ITS_NAME or edit.throughout else edit.place
    due, done = (_written(working, each, names, whole) for each in (edit.due, edit.done))
    many = len(due) > 1
    if edit.kind == "rounded":
        done, many = [f"{edit.done.y:.0f}"], edit.done.y > 1
    words = {
        "due": _listed(due),
        "done": _listed(done),
        "s": "s" if many else "",
        "was": "were" if len(done or due) > 1 else "was",
        "is_": "are" if many else "is",
        "its": "their" if many else "its",
    }
    sentence = Said(SENTENCES[edit.kind].text, words)
    return say("{sentence}, everywhere", sentence=sentence) if edit.throughout else sentence


def _listed(each: Sequence[str]) -> Said | str:
    """
    >>> str(_listed(["W5", "W6", "W7"]))
    'W5, W6 and W7'
    """
    return say("{first} and {last}", first=", ".join(each[:-1]), last=each[-1]) if len(each) > 1 else "".join(each)


def _written(working: Working, expression: Any, names: Mapping[str, str], whole: str | None = None) -> list[str]:
    """What stands or should stand somewhere, one text for each place."""
    if isinstance(expression, tuple):
        return list(dict.fromkeys(chain(*(_written(working, each, names, whole) for each in expression))))
    if expression is None or isinstance(expression, str):
        return [expression] if expression else []
    if not isinstance(expression, Symbol):
        return [f"{expression:.12g}"]
    return [notation.text(working.shown(expression, names, whole))]


def _form(working: Working, place: str, names: Mapping[str, str]) -> str:
    """The form in which a mistake was made: "∂E/∂h1 = ∂E/∂z3·W5"."""
    shown = working.shown(working.roots[place], names, place)
    return f"{notation.quantity(names.get(place, place))} = {notation.text(shown)}"
