"""The mistakes that explain one wrong number, and the sentences that say so."""

import math
import re
import statistics
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import chain, compress
from typing import Any, NamedTuple

import numpy as np

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.expressions import Comparison, Symbol, simplified
from micrograd_kr.teacher.ask.number import Hand, distance, hand
from micrograd_kr.teacher.ask.quantity import derivative, read
from micrograd_kr.teacher.check import mistakes, slips
from micrograd_kr.teacher.check.forms import Forms
from micrograd_kr.teacher.check.mistakes import Catalogue, Edit
from micrograd_kr.teacher.check.report import Cause, in_a_sentence
from micrograd_kr.teacher.check.sheet import Judged
from micrograd_kr.teacher.check.slips import Slip, Slips
from micrograd_kr.teacher.check.working import Guess, Known, Working, applied
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.derive.labelled import stem

SENTENCES = mistakes.SENTENCES | slips.SENTENCES
KINDS = tuple(SENTENCES)

# How common a kind of mistake is; most are as common as any other. As much as all of them together is what nobody
# foresaw, a slip in arithmetic among it: such a number is off by 1 to 9 units as often as by 10 to 99, and so on.
COMMON = {"kink": 100.0, "lr": 3.0, "operand": 0.5, "copied": 0.1, "far": 0.05}
COMMON |= dict.fromkeys(("slope twice", "mean", "share", "old", "rounded"), 2.0)
COMMON |= dict.fromkeys(("e", "degrees", "normalised", "function twice", "formula", "update", "any lr"), 0.3)
ORDINARY = frozenset(kind for kind in mistakes.SENTENCES if COMMON.get(kind, 1.0) >= 1.0)
UNFORESEEN = sum(COMMON.get(kind, 1.0) for kind in KINDS if kind != "kink")
MAGNITUDES = math.log(10) * 16  # of what may be off, either way, to 8 decimals

EITHER, TOLD = say("{one}, or {other}"), say("{mistake} ({form})")

LIKELY = 8  # times as likely as chance is a cause that is named without a caveat
POSSIBLE = 0.2  # and one with it
NEARLY_ALL = 0.75  # of the numbers of one kind have the cause that is named for all
CERTAIN = 1e4  # one that explains a number although it does not explain others like it
WORSE = 10  # times less likely than the best is what is not named

OWN = 0.1  # how likely is a number that is a rounding of what is due at its own decimals, and not at the sheet's

WORK_OF_EDIT = 8  # to make an edit takes as long as so many operations
WORK_OF_ERROR = 4  # and the running error of one
CAUSES = 5
NAMES = 2  # of one cause
LISTED = 4  # quantities in one sentence
SURE_AFRESH = 5
CHOICES = frozenset({"kink", "case"})
WITH_ITS_NAME = frozenset({"sign", "rounded", "copied"})  # a quantity is called by its name, not its formula


class Hit(NamedTuple):
    """An edit that comes to the number.

    likely: how likely the number is if it was made. carries: what else it makes of quantities that are not on the
    sheet. weight: how likely it is that it was made.
    """

    likely: float
    value: float
    edit: Edit
    working: Working
    carries: Guess
    weight: float = 1.0

    @property
    def score(self) -> float:
        return self.weight * self.likely

    @property
    def is_at_hand(self) -> bool:
        """Whether it is a common mistake, made once, in the line of the number itself."""
        edit = self.edit
        return edit.place == self.working.name and not edit.throughout and edit.kind in ORDINARY


class Found(NamedTuple):
    """What a search found.

    causes: what is named, hits that come to one value, the likeliest first. odds: how much likelier than chance they
    are. hits: all. chance: how likely the number is if something was done that nobody foresaw.
    """

    causes: tuple[tuple[Hit, ...], ...] = ()
    odds: float = 0.0
    capped: bool = False
    hits: tuple[Hit, ...] = ()
    chance: float = 1.0


class Search:
    """Looks for the mistakes that explain one wrong number.

    A cause is likely if its kind is common, if there are few ways to make it, and if it comes to just this number. It
    competes with chance: that something else was done which nobody foresaw.
    """

    def __init__(self, known: Known, judged: Judged, limit: int, is_brief: bool = False) -> None:
        """limit: of work. is_brief: only what is done is looked at, not what it is done to."""
        self.known, self.judged = known, judged
        self.decimals = max(judged.written.decimals, known.sheet.decimals.usual)
        self.limit, self.work, self.is_brief = limit, 0, is_brief
        self.ways: Counter[tuple[str, bool, bool]] = Counter()  # to make a mistake of a kind
        self.misspelt = [(slip, float(slip.meant)) for slip in slips.meant(judged.written.text, self.decimals)]

    def causes(self, workings: Sequence[Working]) -> Found:
        """If the shortest way of working explains nothing, the others are tried."""
        digits = len(self.judged.written.number.as_tuple().digits)
        usual = [each for each in workings if digits >= SURE_AFRESH or not each.is_afresh]
        found = self._found(usual[:1])
        return found if found.causes or self.is_brief else self._found(usual[1:])

    def _found(self, workings: Sequence[Working]) -> Found:
        hits = [hit for working in workings for hit in self._hits(working)]
        hits = [hit._replace(weight=self._weight(hit.edit)) for hit in hits]
        chance = 1 / (MAGNITUDES * max(self._off(workings), 1.0)) if workings else 1.0
        odds = sum(hit.score for hit in hits) / chance / UNFORESEEN
        named = _likeliest(hits) if odds > POSSIBLE else ()
        return Found(named, odds, self.is_brief or self.work > self.limit, tuple(hits), chance)

    def _off(self, workings: Sequence[Working]) -> float:
        """How many units the number is off; at most so many that chance is above 0."""
        off = min(distance(self.judged.written, value) for value in workings[0].values) / self.judged.unit
        return min(off, sys.float_info.max / MAGNITUDES)

    def _weight(self, edit: Edit) -> float:
        """How likely a mistake is among all that are made: as its kind, by the number of ways to make one of it."""
        return COMMON.get(edit.kind, 1.0) / self.ways[_sort_of_way(edit)]

    def _hits(self, working: Working) -> Iterator[Hit]:
        yield from self._misspelt(working)
        if self.work > self.limit:
            return
        catalogue = Catalogue(working)
        misread = Slips(catalogue, self.decimals)
        for edit in catalogue.of_operations() if self.is_brief else chain(catalogue.edits(), misread.rounded()):
            self.ways[_sort_of_way(edit)] += 1
            if self.work > self.limit:
                return
            yield from self._hit(working, edit)
        for operand, nodes in () if self.is_brief else misread.places():
            if self.work > self.limit:
                return
            found = misread.of(operand)
            self.ways.update((slip.kind, False, False) for slip in found)
            for edit in self._near(working, operand, nodes, found):
                yield from self._hit(working, edit)

    def _hit(self, working: Working, edit: Edit) -> Iterator[Hit]:
        """An edit, if it comes to the number and does not blame what stands right on the sheet."""
        written, due, changes = self.judged.written, working.values[0], edit.changes
        affected = working.above(*changes)
        self.work += 2 * len(affected) + WORK_OF_EDIT
        roots = {name: root for name, root in working.roots.items() if root in affected and name != working.name}
        if not self.known.right.isdisjoint(roots):
            return
        carried = working.recomputed(changes, working.carried)
        if edit.kind not in CHOICES and any(not carried[root] and working.carried[root] for root in roots.values()):
            return  # whoever comes to 0, as in o·1 − o, looks again
        if not all(math.isfinite(carried[each]) for each in affected):
            return  # and whoever divides by 0, the more
        value = carried[working.root]
        if abs(value - due) >= self.judged.unit / 2 and self._is_near(float(written.number), value, due):
            by_hand = working.recomputed(changes, working.hand)
            likely = self._likely(written, (value, by_hand[working.root]), working, changes)
            if likely:
                carries = {name: (carried[root], by_hand[root]) for name, root in roots.items()}
                yield Hit(likely, value, edit, working, carries)

    def _near(self, working: Working, operand: Any, nodes: list[Symbol], found: list[Slip]) -> Iterator[Edit]:
        """Of the slips in a number that is taken over, those that may come to the number; all are tried at once."""
        misread = np.array([float(slip.written) for slip in found])
        for some in [[each] for each in nodes] + [nodes] * (len(nodes) > 1):
            changes = {node: applied(node, {operand: misread}) for node in some}
            affected = working.above(*changes)
            self.work += 2 * len(affected) + len(found) // 4 + WORK_OF_EDIT
            near: Any = np.full(len(found), True)
            if not any(isinstance(node, Comparison) or type(node.x) is tuple for node in affected):
                with np.errstate(all="ignore"):
                    values = working.recomputed(changes, working.carried)[working.root]
                    near &= self._is_near(float(self.judged.written.number), values, working.values[0])
            place, position = working.place[some[0]], working.position[some[0]]
            for slip in compress(found, near):
                put = {node: {operand: float(slip.written)} for node in some}
                yield Edit(slip.kind, place, operand, slip, operands=put, position=position)

    def _is_near(self, written: float, value: Any, due: float) -> Any:
        """Whether rounding may take what an edit comes to to the number; generous, and cheap."""
        grown = 1.0 + abs(value / due) if due else 1.0
        return abs(written - value) < 20 * grown * (self.judged.error + self.judged.unit)

    def _likely(
        self, written: Hand, values: tuple[float, float], working: Working, changes: Mapping[Any, Any]
    ) -> float:
        """How likely a number is where it ought to come to one of two values.

        If it is no rounding of either, it is as likely as any within the bound. A number whose zeros were dropped,
        0.375 among numbers of eight decimals, says more than its own three.
        """
        usual = 10.0 ** -max(written.decimals, self.known.sheet.decimals.usual)
        own = self.judged.unit * 10.0 ** (self.judged.written.decimals - written.decimals)
        for likely, unit in (math.sqrt(max(own / usual, 1.0)), usual), (OWN, own):
            if any(is_written(written, value, unit, self.known.cuts_off) for value in values):
                return likely
        off = min(distance(written, value) for value in values)
        self.work += WORK_OF_ERROR * len(working.order)
        bound = self.known.error(working.form(changes)) + self.judged.unit
        return OWN * self.judged.unit / bound if off < bound else 0.0

    def _misspelt(self, working: Working) -> Iterator[Hit]:
        """Slips in writing the number down."""
        self.ways.update((slip.kind, False, True) for slip, _ in self.misspelt)
        for slip, meant in self.misspelt:
            if all(self._is_near(meant, value, meant) for value in working.values):
                likely = self._likely(hand(slip.meant), working.values, working, {})
                if likely:
                    edit = Edit(slip.kind, working.name, None, slip)
                    yield Hit(likely, float(self.judged.written.number), edit, working, {})


def _sort_of_way(edit: Edit) -> tuple[str, bool, bool]:
    """What a mistake is counted by: its kind, whether it is made throughout, or in writing the number down."""
    return edit.kind, edit.throughout, not edit.nodes and not edit.operands


def is_written(written: Hand, value: float, unit: float, cuts_off: bool) -> bool:
    """Whether who rounds, or cuts off, writes a value like this where its last decimal is worth `unit`."""
    number, slack = float(written.number), 1e-14 * max(1.0, abs(value))
    if cuts_off:
        more = math.copysign(1.0, number) * value - abs(number) if number else abs(value)
        return -slack <= more < unit
    return abs(number - value) <= unit / 2 + slack


def _likeliest(hits: Iterable[Hit]) -> tuple[tuple[Hit, ...], ...]:
    """Hits that come to one value, the likeliest first, and of these groups the likeliest first."""
    groups: list[list[Hit]] = []
    for hit in sorted(hits, key=lambda hit: (-hit.score, KINDS.index(hit.edit.kind))):
        same = (group for group in groups if math.isclose(group[0].value, hit.value, rel_tol=1e-12, abs_tol=1e-15))
        group = next(same, None)
        if group is None:
            groups.append(group := [])
        group.append(hit)
    scores = [sum(hit.score for hit in group) for group in groups]
    # what comes to just this number stands before what only may be rounded to it
    exact = max((score for score, group in zip(scores, groups, strict=True) if group[0].likely >= OWN), default=0.0)
    likely = [
        (score, tuple(_without_noise(group)))
        for score, group in zip(scores, groups, strict=True)
        if score > (max(scores) / WORSE if group[0].likely >= OWN else exact)
    ]
    return tuple(group for _, group in sorted(likely, key=lambda each: -each[0])[:CAUSES])


def _without_noise(hits: list[Hit]) -> list[Hit]:
    """Beside a mistake nobody is told of a slip that comes to the same: 0.4 for 0.4 − lr·g lost a term, not decimals.

    But who rounds 0.6094 to 0.6 is not told of a mistake that hardly anybody makes.
    """
    first = hits[0].edit.kind
    is_mistake = first in mistakes.SENTENCES or any(hit.edit.kind in ORDINARY for hit in comparable(hits))
    return [hit for hit in hits if hit.edit.kind in mistakes.SENTENCES] if is_mistake else hits


def comparable(hits: Sequence[Hit]) -> list[Hit]:
    """Of hits that come to one value those that are nearly as likely as the first."""
    return [hit for hit in hits if hit.score > hits[0].score / WORSE]


def certain(found: Found) -> Found:
    """What is named although it does not explain others like it, or is worked from numbers nobody knows."""
    return found if found.odds > CERTAIN else found._replace(causes=(), odds=0.0)


def doubtful(found: Found) -> Found:
    """What is named with a caveat: other numbers of its kind are wrong, too, and it does not explain them."""
    return found if found.odds > CERTAIN else found._replace(odds=min(found.odds, LIKELY / 2))


def in_common(analogous: Sequence[Found]) -> list[Found]:
    """What explains analogous numbers all alike, or nearly all; what explains only some of them is met by chance.

    Where a search was cut short, it is what the others have in common.
    """
    whole = [found for found in analogous if not found.capped]
    whole = whole if len(whole) > 1 else list(analogous)
    by_sort: list[dict[Any, Hit]] = []
    for found in whole:
        by_sort.append({sort_of(hit): hit for hit in sorted(found.hits, key=lambda hit: hit.score)})
    counts = Counter(chain.from_iterable(by_sort))

    def odds(sort: Any) -> float:
        """Of one mistake that was made at all of them: what the best of them tells, as well as all fit in the mean.

        A rule of somebody's own that a mistake meets at one by chance, in a factor, it meets at the others, too.
        """
        pairs = [(each[sort], found) for each, found in zip(by_sort, whole, strict=True) if sort in each]
        fit = statistics.geometric_mean(hit.likely for hit, _ in pairs)
        return min(hit.weight for hit, _ in pairs) * fit / min(found.chance for _, found in pairs) / UNFORESEEN

    likely = {sort: odds(sort) for sort, count in counts.items() if count >= NEARLY_ALL * len(whole)}
    most = max(likely.values(), default=0.0)
    kept = {sort for sort, each in likely.items() if each > max(most / WORSE, POSSIBLE)}

    def explained(found: Found) -> Found:
        named = _likeliest(hit for hit in found.hits if sort_of(hit) in kept)
        return found._replace(causes=named, odds=most) if named else certain(found)

    return list(map(explained, analogous))


def sort_of(hit: Hit) -> tuple[str, ...]:
    """What two hits have in common that are the same mistake with other indices, or in the update of a bias."""
    hit = hit._replace(edit=once(hit.edit))
    edit = hit.edit
    said = re.sub(r"∂\w+/∂", "∂/∂", str(_said(hit, {})))  # ∂E_o1/∂W6 is ∂E_total/∂W6
    if isinstance(edit.done, Slip):
        return edit.kind, stem(edit.place), said
    if edit.place.endswith("+"):
        own = rf"∂/∂\w+|\b{edit.place[:-1]}\b"
        return edit.kind, "+", stem(re.sub(own, lambda found: "∂/∂" if "∂" in found[0] else "", said))
    return edit.kind, stem(edit.place), stem(said)


def once(edit: Edit) -> Edit:
    """A mistake that is made throughout as if it were made at the first place only."""

    def first(of: Any) -> Any:
        return of[:1] if isinstance(of, tuple) else of

    return edit._replace(due=first(edit.due), done=first(edit.done), throughout=False) if edit.throughout else edit


def cause_of(hits: tuple[Hit, ...], names: Mapping[str, str], together: Mapping[Any, list[str]]) -> Cause:
    """One cause, by the names that it has, two at most, with the line it was made in.

    Where another line is blamed first, what comes to the same in the number's own line is the second of them.
    """
    likely = comparable(hits)
    first, place = likely[0], likely[0].edit.place
    alike = [hit for hit in likely if hit.edit.throughout == first.edit.throughout]
    own = [hit for hit in hits if hit.is_at_hand] if place != first.working.name else []
    by_text = dict[str, Hit]()
    for hit in (first, *own[:1], *alike):
        by_text.setdefault(str(_done(hit, names)), hit)
    either = list(by_text.values())[:NAMES]
    is_one_line = len({hit.edit.place for hit in either}) == 1
    said = [_done(hit, names) if is_one_line else _told(_done(hit, names), hit, names) for hit in either]
    what = reduce(lambda one, other: Said(EITHER.text, {"one": one, "other": other}), said)
    what = _told(what, first, names) if is_one_line else what
    also = tuple(dict.fromkeys(hit.edit.kind for hit in (*alike, *own) if hit.edit.kind != first.edit.kind))
    others = tuple(each for each in together[sort_of(first)] if each != names[first.working.name])
    return Cause(first.edit.kind, names.get(place, place), first.value, what, also, first.edit.throughout, others)


def done(edit: Edit, working: Working, names: Mapping[str, str]) -> Said:
    """What an edit does."""
    return _done(Hit(1.0, 0.0, edit, working, {}), names)


def line_due(edit: Edit, working: Working, names: Mapping[str, str]) -> str:
    """The line that an edit is made in, as it ought to be."""
    return str(_told(Said(""), Hit(1.0, 0.0, edit, working, {}), names).gaps["form"])


def line_shown(edit: Edit, working: Working) -> tuple[str, frozenset[str], bool]:
    """What the line that is due goes by: whose it is, what is written out in it, whether a number is to be seen."""
    changed = () if edit.throughout else (working.place[node] for node in (*edit.nodes, *edit.operands))
    due = edit.due if isinstance(edit.due, tuple) else (edit.due,)
    is_number = any(isinstance(each, str | float) and each != -1 for each in due)
    return edit.place, frozenset({edit.place, *changed}), is_number


def _done(hit: Hit, names: Mapping[str, str]) -> Said:
    """What an edit did, in the words of the line it was made in."""
    return _said(hit, {**names, **_of_updates(hit)})


def _told(what: Said, hit: Hit, names: Mapping[str, str]) -> Said:
    """What was done, and the line it was done in as it ought to be."""
    working, names = hit.working, {**names, **_of_updates(hit)}
    place, whole, is_number = line_shown(hit.edit, working)
    shown = working.shown(working.roots[place], names, whole)
    if not is_number:  # one that was left out has to be seen
        shown = simplified(shown)
    form = f"{notation.quantity(names.get(place, place))} = {notation.text(shown)}"
    return Said(TOLD.text, {"mistake": what, "form": form})


def _of_updates(hit: Hit) -> dict[str, str]:
    forms = hit.working.known.forms
    return of_update(hit.working.name, forms) | of_update(hit.edit.place, forms)


def of_update(name: str, forms: Forms) -> dict[str, str]:
    """What the derivative is called that a parameter is changed by: the loss's by it, not ∂E/∂z or ∂E_o1/∂W."""
    asked, loss = read(name), forms.exercise.loss
    gradient = forms.gradient(loss, asked.of) if asked.kind == "updated" else None
    return {str(gradient.name): derivative(loss, asked.of)} if isinstance(gradient, Symbol) else {}


def _slip_said(slip: Slip, of: Iterable[str]) -> Said:
    """How a pen slipped, in writing the number itself or one that is taken over."""
    named = "".join(f"{each} = " for each in of)
    due, done = (in_a_sentence(each) for each in (slip.meant, slip.written))
    return Said(SENTENCES[slip.kind].text, {"due": named + due, "done": done, "at": slip.at})


def _said(hit: Hit, names: Mapping[str, str]) -> Said:
    """What an edit did."""
    edit = hit.edit
    if isinstance(edit.done, Slip):
        return _slip_said(edit.done, _written(hit.working, edit.due, names, None))
    whole = None if edit.kind in WITH_ITS_NAME or edit.throughout else edit.place
    due, done = (list(dict.fromkeys(_written(hit.working, each, names, whole))) for each in (edit.due, edit.done))
    if edit.kind == "old" and len(due) > LISTED:
        weights = all(read(hit.working.called[each]).is_parameter for each in edit.due)
        return say("the old weights were used") if weights else say("the numbers of the first pass were used")
    many, sentence = len(due) > 1, SENTENCES[edit.kind]
    paired = sentence is mistakes.USED and many and len(done) > 1
    if edit.kind == "rounded":
        done, many = [f"{edit.done.y:.0f}"], edit.done.y > 1
    words = {
        "due": _listed(due),
        "done": say("{paired}", paired=_listed(done)) if paired else _listed(done),
        "s": "s" if many else "",
        "was": "were" if len(done or due) > 1 else "was",
        "is_": "are" if many else "is",
        "has": "have" if many else "has",
        "its": "their" if many else "its",
        "because": " ".join(_written(hit.working, edit.because, names, whole)),
    }
    sentence = Said(sentence.text, words)
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
        return [notation.text(simplified(working.shown(of, names, [whole] if whole else ())))]
    return [of if isinstance(of, str) else notation.text(of)] if of is not None else []
