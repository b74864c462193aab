"""The mistakes that explain one wrong number, and the sentences that say so."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import chain
from typing import Any, NamedTuple

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.expressions import Symbol, simplified
from micrograd_kr.teacher.ask.number import Hand, distance, hand
from micrograd_kr.teacher.check.mistakes import KINDS, MISCONCEPTIONS, SENTENCES, Catalogue, Edit
from micrograd_kr.teacher.check.naming import called
from micrograd_kr.teacher.check.report import Cause
from micrograd_kr.teacher.check.sheet import Judged
from micrograd_kr.teacher.check.slips import Slips, transposed
from micrograd_kr.teacher.check.working import Guess, Known, Working
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.labelled import stem

WORK_OF_EDIT = 8  # to make an edit takes as long as so many operations
WORK_OF_ERROR = 4  # and the running error of one
CAUSES = 5
NAMES = 3  # of one cause
SURE_AFRESH = 5
FAR_FETCHED = frozenset({"far", "copied"})
WITH_ITS_NAME = frozenset({"sign", "rounded", "point", "copied"})  # a quantity is called by its name, not its formula


class Hit(NamedTuple):
    """An edit that comes to the number. carries: what else it makes of quantities that are not on the sheet."""

    tier: int
    value: float
    edit: Edit
    working: Working
    carries: Guess


class Search:
    """Looks for the mistakes that explain one wrong number."""

    def __init__(self, known: Known, judged: Judged, limit: int) -> None:
        self.known, self.judged = known, judged
        self.decimals = max(judged.written.decimals, known.sheet.decimals.usual)
        self.limit, self.work = limit, 0

    def causes(self, workings: Sequence[Working]) -> tuple[tuple[tuple[Hit, ...], ...], bool]:
        """The hits of the best tier by their values; whether the search was cut short. If the shortest way of working
        explains nothing, the others are tried.
        """
        digits = len(self.judged.written.number.as_tuple().digits)
        usual = [each for each in workings if digits >= SURE_AFRESH or not each.is_afresh]
        hits = list(chain(*map(self._hits, usual[:1]))) or list(chain(*map(self._hits, usual[1:])))
        return _distinct(hits), self.work > self.limit

    def _hits(self, working: Working) -> Iterator[Hit]:
        written, due = self.judged.written, working.values[0]
        yield from self._misspelt(working)
        catalogue = Catalogue(working)
        for edit in chain(catalogue.edits(), Slips(catalogue, self.decimals).edits()):
            if self.work > self.limit:
                return
            changes = edit.changes
            affected = working.above(*changes)
            self.work += 2 * len(affected) + WORK_OF_EDIT
            carried = working.recomputed(changes, working.carried)
            value = carried[working.root]
            if abs(value - due) >= self.judged.unit / 2 and self._is_near(written, value, due):
                by_hand = working.recomputed(changes, working.hand)
                tier = self._tier(written, (value, by_hand[working.root]), working, changes)
                if tier is not None:
                    roots = {name: root for name, root in working.roots.items() if root in affected}
                    carries = {name: (carried[root], by_hand[root]) for name, root in roots.items()}
                    carries.pop(working.name, None)
                    yield Hit(tier, value, edit, working, carries)

    def _is_near(self, written: Hand, value: float, due: float) -> bool:
        """Whether rounding may take what an edit comes to to the number; generous, and cheap."""
        grown = max(1.0, abs(value / due)) if due else 1.0
        return abs(float(written.number) - value) < 20 * grown * (self.judged.error + self.judged.unit)

    def _tier(
        self, written: Hand, values: tuple[float, float], working: Working, changes: Mapping[Any, Any]
    ) -> int | None:
        for tier, unit in enumerate((10.0**-self.decimals, self.judged.unit)):
            if any(is_written(written, value, unit, self.known.cuts_off) for value in values):
                return tier
        off = min(distance(written, value) for value in values)
        self.work += WORK_OF_ERROR * len(working.order)
        return 2 if off < self.known.error(working.form(changes)) + self.judged.unit else None

    def _misspelt(self, working: Working) -> Iterator[Hit]:
        """Digits transposed in what was written down."""
        written = self.judged.written
        for meant in map(hand, transposed(written.text)):
            if all(self._is_near(meant, value, float(meant.number)) for value in working.values):
                tier = self._tier(meant, working.values, working, {})
                if tier is not None:
                    edit = Edit("digits", working.name, meant.text, written.text)
                    yield Hit(tier, float(written.number), edit, working, {})


def is_written(written: Hand, value: float, unit: float, cuts_off: bool) -> bool:
    """Whether who rounds, or cuts off, writes a value like this where its last decimal is worth `unit`."""
    number, slack = float(written.number), 1e-14 * max(1.0, abs(value))
    if cuts_off:
        more = math.copysign(1.0, number) * value - abs(number) if number else abs(value)
        return -slack <= more < unit
    return abs(number - value) <= unit / 2 + slack


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
        same = (group for group in groups if math.isclose(group[0].value, hit.value, rel_tol=1e-12, abs_tol=1e-15))
        group = next(same, None)
        if group is None:
            groups.append(group := [])
        group.append(hit)
    return tuple(map(tuple, groups[:CAUSES]))


def _best(hits: list[Hit]) -> list[Hit]:
    """The hits of the best tier reached."""
    best = min((hit.tier for hit in hits), default=0)
    return [hit for hit in hits if hit.tier == best]


def sort_of(hit: Hit) -> tuple[str, ...]:
    """What two hits have in common that are the same mistake with other indices."""
    return hit.edit.kind, *map(stem, (hit.edit.place, str(_said(hit, {}))))


def cause_of(hits: tuple[Hit, ...], names: Mapping[str, str], together: Mapping[Any, list[str]]) -> Cause:
    """One cause, by the names that it has, three at most."""
    first = hits[0]
    kind, place, is_throughout, working = first.edit.kind, first.edit.place, first.edit.throughout, first.working
    names = called(working, names)
    alike = [hit for hit in hits if hit.edit.throughout == is_throughout]
    said = list({str(each): each for each in (_said(hit, names) for hit in alike)}.values())[:NAMES]
    also = tuple(dict.fromkeys(hit.edit.kind for hit in alike if hit.edit.kind != kind))
    either = reduce(lambda one, other: say("{one}, or {other}", one=one, other=other), said)
    written = names.get(place, place)
    shown = working.shown(working.roots[place], names, place)
    due = first.edit.due if isinstance(first.edit.due, tuple) else (first.edit.due,)
    if not any(isinstance(each, str | float) for each in due):  # a number that was left out has to be seen
        shown = simplified(shown)
    what = say("{mistake} ({form})", mistake=either, form=f"{notation.quantity(written)} = {notation.text(shown)}")
    others = tuple(each for each in together[sort_of(first)] if each != names[working.name])
    return Cause(kind, written, first.value, what, also, is_throughout, others)


def _said(hit: Hit, names: Mapping[str, str]) -> Said:
    """What an edit did."""
    edit = hit.edit
    whole = None if edit.kind in WITH_ITS_NAME or edit.throughout else edit.place
    due, done = (list(dict.fromkeys(_written(hit.working, each, names, whole))) for each in (edit.due, edit.done))
    many = len(due) > 1
    if edit.kind == "rounded":
        done, many = [f"{edit.done.y:.0f}"], edit.done.y > 1
    words = {
        "due": _listed(due),
        "done": _listed(done),
        "s": "s" if many else "",
        "was": "were" if len(done or due) > 1 else "was",
        "is_": "are" if many else "is",
        "has": "have" if many else "has",
        "its": "their" if many else "its",
        "because": " ".join(_written(hit.working, edit.because, names, whole)),
    }
    sentence = Said(SENTENCES[edit.kind].text, words)
    return say("{sentence}, everywhere", sentence=sentence) if edit.throughout else sentence


def _listed(each: Sequence[str]) -> Said | str:
    """
    >>> str(_listed(["W5", "W6", "W7"]))
    'W5, W6 and W7'
    """
    return say("{first} and {last}", first=", ".join(each[:-1]), last=each[-1]) if len(each) > 1 else "".join(each)


def _written(working: Working, of: Any, names: Mapping[str, str], whole: str | None) -> Iterable[str]:
    """What stands or should stand somewhere, a text for each place."""
    if isinstance(of, tuple):
        return chain(*(_written(working, each, names, whole) for each in of))
    if isinstance(of, Symbol):
        return [notation.text(simplified(working.shown(of, names, whole)))]
    return [of if isinstance(of, str) else notation.text(of)] if of is not None else []
