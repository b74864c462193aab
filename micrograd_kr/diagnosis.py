"""Which number is wrong first, what only follows from it, and which mistake explains it.

Numbers are taken in the order a person works in. A wrong one *follows* if it agrees with one of its forms in the
person's own numbers, wrong ones among them; otherwise it is a *root*, and its causes are looked for: each edit of its
form (`mistakes`) that comes to the number. What an edit comes to is compared on three tiers: within half a unit at the
sheet's decimals, at the number's own, within the running error of the edited form. The best tier reached is named, all
of it. Slips can be made in hundreds of ways and meet a number by chance more often than misconceptions: where the best
tier holds only slips, the best misconceptions are named, too. A cause inside a quantity that is not on the sheet is
carried on from there.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

from micrograd_kr import graphs, notation
from micrograd_kr.checking import Cause, Hand, Judged, Note, Report, Row, Sheet, distance, hand, judge, judge_entries
from micrograd_kr.engine import Value
from micrograd_kr.exercise import Exercise, ExerciseError, Solution, solve
from micrograd_kr.forms import RunningError
from micrograd_kr.mistakes import KINDS, MISCONCEPTIONS, Catalogue, Edit, Numbers, Working, operations, transposed
from micrograd_kr.symbols import Symbol

WORK = 500_000  # operations for the causes of one number, about a second
ALL_WORK = 3_000_000  # of one sheet
WORK_OF_EDIT = 8  # to make an edit takes as long as so many operations
CAUSES = 5
NAMES = 3  # of one cause
SURE = 4  # significant digits below which a wrong number meets too many mistakes by chance
SURE_AFRESH = 5
MANY = 6  # numbers that tell how a person rounds
FAR_FETCHED = frozenset({"far", "copied"})
WITH_ITS_NAME = frozenset({"sign", "rounded", "point", "copied"})  # a quantity is called by its name, not its formula


def check(
    numbers: Exercise | Mapping[str, Any],
    loss: Value | None = None,
    *,
    lr: float | None = None,
    parameters: graphs.Parameters = None,
) -> Report:
    """Judge every number of a person's, and explain the wrong ones.

    numbers: an exercise with its [hand] table. Or a dict from names to numbers, `loss` being the graph of labelled
    Values they are of: names are labels, dE/dW, W+ and z'; text counts decimals, "0.0800", a float has lost its zeros.
    Numbers of tensors are nested lists or arrays; they get verdicts, no causes.
    lr: the learning rate, for W+ and z'. parameters: Values or labels that a step changes; by default those with a W+
    among the numbers, and those whose labels differ from one of these only by an index.

    Raises ExerciseError where a number or a worked line cannot be read, for an unknown name, or a label there twice.
    """
    if isinstance(numbers, Exercise):
        return diagnosed(solve(numbers))
    if loss is None:
        raise ExerciseError(
            "expected the loss the numbers are of: check({…}, loss)", "손실이 필요합니다: check({…}, loss)"
        )
    if graphs.is_scalar(loss):
        return diagnosed(graphs.solved(numbers, loss, lr, parameters))
    steps = sum(each.rule is not None for each in graphs.named(loss).values())
    return judge_entries(graphs.entries(numbers, loss, lr, parameters), "graph", loss.item(), steps)


def diagnosed(solution: Solution) -> Report:
    """The report on an exercise that has been worked."""
    sheet = Sheet(solution)
    report = judge(sheet)
    diagnosis = Diagnosis(sheet)
    found = {name: diagnosis.of(name) for name in sheet.judged}
    together = _together(found)
    rows = tuple(_with_finding(row, sheet.judged[row.name], found[row.name], together, sheet) for row in report.rows)
    return replace(report, rows=rows)


# --- one number after the other ---------------------------------------------------------------------------------------


class Hit(NamedTuple):
    """An edit that comes to the number. carries: what else it makes of quantities that are not on the sheet."""

    tier: int
    value: float
    edit: Edit
    working: Working
    carries: Mapping[str, tuple[float, float]]


class Finding(NamedTuple):
    """What became of one number. causes: hits that come to one value, best first."""

    follows_from: str | None = None
    causes: tuple[tuple[Hit, ...], ...] = ()
    capped: bool = False


class Diagnosis:
    """Takes the numbers of a sheet in working order and remembers what is known by then."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet, self.forms = sheet, sheet.forms
        exercise = sheet.exercise
        self.start = {**exercise.given, **exercise.parameters} | ({} if exercise.lr is None else {"lr": exercise.lr})
        self.hand: dict[str, float] = {}
        self.carried: dict[str, float] = {}
        self.errors = dict(sheet.known)
        self.texts = {name: f"{number:.15g}" for name, number in self.start.items()}
        self.origins: dict[str, str] = {}  # wrong numbers, by their keys, and the roots they come from
        self.coarse: list[str] = []
        self.work_left = ALL_WORK
        self.cuts_off = _cuts_off(sheet)
        self.due: dict[str, float] = {}  # what roots should have been
        self.guesses: dict[str, list[Mapping[str, tuple[float, float]]]] = {}  # of each root, what its causes carry
        for each in sheet.judged.values():
            if each.verdict == "wrong":
                self.errors[each.key] = each.unit

    def of(self, name: str) -> Finding:
        """What is to be said of the next number."""
        judged = self.sheet.judged[name]
        written = float(judged.written.number)
        if judged.verdict != "wrong":
            self._know(judged, self._as_carried(judged))
            return Finding()
        follows = self._follows(judged)
        if follows is not None:
            origin, carried = follows
            self.origins[judged.key] = origin
            self._know(judged, carried)
            return Finding(origin)
        self.origins[judged.key] = name
        workings = list(self._workings(judged, self._numbers()))
        self.due[judged.key] = workings[0].tables[0][workings[0].root]
        search = Search(self, judged, workings)
        causes, capped = search.causes()
        self.work_left -= search.work
        self.guesses[name] = [hits[0].carries for hits in causes if hits[0].carries]
        self._know(judged, causes[0][0].value if causes else written)
        return Finding(None, causes, capped)

    def _as_carried(self, judged: Judged) -> float:
        """What a person who carried everything had for a number that is not wrong: the exact one.

        But a number with few decimals may be coarse. Then it is as it is, and what is worked from it is worked again.
        """
        unit = 10.0**-self.sheet.decimals.usual
        comes_from_coarse = any(self.forms.depends(judged.key, each) for each in self.coarse)
        if distance(judged.written, judged.value) < 2 * unit or not (judged.unit > unit or comes_from_coarse):
            return judged.value
        self.coarse.append(judged.key)
        for working in self._workings(judged, self._numbers()):
            again = working.tables[0][working.root]
            if distance(judged.written, again) < unit:
                return again
        return float(judged.written.number)

    def _know(self, judged: Judged, carried: float) -> None:
        if not judged.key:  # a constant, nothing is worked from it
            return
        self.hand.setdefault(judged.key, float(judged.written.number))
        self.carried.setdefault(judged.key, carried)
        self.texts.setdefault(judged.key, judged.written.text)

    def _numbers(self, instead: Mapping[str, tuple[float, float]] | None = None) -> Numbers:
        """What is known, and what has been guessed of quantities that are not on the sheet."""
        guessed: dict[str, tuple[float, float]] = {}
        for guesses in self.guesses.values():
            for guess in guesses[:1]:
                guessed |= guess
        guessed = {**guessed, **{key: (self.carried[key], self.hand[key]) for key in self.hand}, **(instead or {})}
        carried, hand = ({key: pair[i] for key, pair in guessed.items()} for i in (0, 1))
        return Numbers(self.start, self.start | carried, self.start | hand)

    def _workings(self, judged: Judged, numbers: Numbers) -> Iterator[Working]:
        """The ways a quantity may have been worked: the shortest first, afresh from the forward pass last."""
        key = judged.key
        if not key or self.forms.expansion(key) is None:  # a number that is given, or constant
            yield Working(self.forms, numbers, key, judged.value)
            return
        forms = list(self.forms.of(key, numbers.hand, named=True))
        workings = [Working(self.forms, numbers, key, form) for form in forms]
        workings.sort(key=lambda working: len(working.order))
        seen = set()
        for working in [*workings, Working(self.forms, numbers, key, forms[0], afresh=True)]:
            looks = len(working.order), tuple(sorted(working.names)), working.tables[0][working.root]
            if looks not in seen:
                seen.add(looks)
                yield working

    def _follows(self, judged: Judged) -> tuple[str, float] | None:
        """The root that a wrong number only follows from, and what it comes to; None for a root."""
        if judged.key in self.hand:  # written twice, under two names
            same = abs(float(judged.written.number) - self.hand[judged.key]) <= judged.unit
            return (self.origins[judged.key], self.carried[judged.key]) if same else None
        guessed = {key: root for root, guesses in self.guesses.items() for guess in guesses for key in guess}
        wrong = {**guessed, **self.origins}
        used: dict[str, None] = {}
        for working in self._workings(judged, self._numbers()):
            sources = [each for each in working.names if each in wrong]
            if sources and self._agrees(judged, working):
                return self._origin(sources, wrong), working.tables[0][working.root]
            used |= dict.fromkeys(sources)
        for instead in self._second_tries(used, guessed):
            for working in self._workings(judged, self._numbers(instead)):
                sources = [each for each in working.names if each in wrong and each not in instead] or list(instead)
                if self._agrees(judged, working):
                    return self._origin(sources, wrong), working.tables[0][working.root]
        return None

    def _second_tries(
        self, used: Iterable[str], guessed: Mapping[str, str]
    ) -> Iterator[Mapping[str, tuple[float, float]]]:
        """A root for which the right number was used on, the slip of a pen; another guess at what was not written."""
        for key in used:
            if key in self.due:
                yield {key: (self.due[key], self.due[key])}
        for root in dict.fromkeys(guessed[key] for key in used if key in guessed):
            yield from self.guesses[root][1:]

    def _origin(self, sources: Iterable[str], wrong: Mapping[str, str]) -> str:
        """Of the roots that wrong numbers come from, the first."""
        order = list(self.sheet.judged)
        return min((wrong[each] for each in sources), key=order.index)

    def _agrees(self, judged: Judged, working: Working) -> bool:
        off = min(distance(judged.written, table[working.root]) for table in working.tables)
        if off < judged.unit:
            return True
        if off > 1000 * (judged.error + judged.unit):
            return False
        return off < self.error(working.form()) + judged.unit

    def error(self, form: Any) -> float:
        """The running error of a form in the person's numbers."""
        working = RunningError(self.forms, self.errors, 10.0**-self.sheet.decimals.usual)
        for each in operations(form):  # innermost first: a long chain would recurse too deep
            working.of(each)
        return working.of(form, last=True)


def _cuts_off(sheet: Sheet) -> bool:
    """Whether a person cuts decimals off instead of rounding: nearly no number is larger in size than the exact one."""
    right = [each for each in sheet.judged.values() if each.verdict != "wrong"]
    inexact = [each for each in right if distance(each.written, each.value) > 4 * math.ulp(each.value)]
    larger = sum(abs(float(each.written.number)) > abs(each.value) for each in inexact)
    return len(inexact) >= MANY and larger <= len(inexact) / 10


# --- causes -----------------------------------------------------------------------------------------------------------


class Search:
    """Looks for the mistakes that explain one wrong number."""

    def __init__(self, diagnosis: Diagnosis, judged: Judged, workings: list[Working]) -> None:
        self.diagnosis, self.judged, self.workings = diagnosis, judged, workings
        self.decimals = max(judged.written.decimals, diagnosis.sheet.decimals.usual)
        self.limit = min(WORK, diagnosis.work_left)
        self.work = 0

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
        diagnosis = self.diagnosis
        due = working.tables[0][working.root]
        yield from self._misspelt(working)
        catalogue = Catalogue(working, list(diagnosis.hand), diagnosis.texts, self.decimals)
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
        return 2 if off < self.diagnosis.error(working.form(changes)) + self.judged.unit else None

    def _is_written(self, written: Hand, value: float, unit: float) -> bool:
        """Whether a value is written like this where its last decimal is worth `unit`, the way this person rounds."""
        number, slack = float(written.number), 1e-14 * max(1.0, abs(value))
        if self.diagnosis.cuts_off:
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

# fmt: off  (a sentence and its translation are read side by side)
# One or several: {s} is "" or "s", {was} "was" or "were", and so on.
USED = ("{done} {was} used where {due} {is_} due", "{due} 자리에 {done} 값을 썼습니다")
SENTENCES: dict[str, tuple[str, str]] = {
    "kink": ("at 0 the derivative is taken as {due}, not {done}", "0에서의 미분은 {done} 대신 {due} 값으로 합니다"),
    "case": ("the other case was taken, {done} where {due} is due", "다른 경우의 값을 썼습니다: {due} 자리에 {done}"),
    "updated": USED,
    "old": USED,
    "derivative": (
        "{done} {was} used where {its} derivative{s} {is_} due, {due}",
        "미분 {due} 자리에 미분하지 않은 {done} 값을 썼습니다",
    ),
    "other function": USED,
    "lr twice": ("lr was multiplied twice", "학습률 lr을 두 번 곱했습니다"),
    "half": ("the factor ½ was left out", "½을 곱하지 않았습니다"),
    "two": ("the factor 2 was left out", "2를 곱하지 않았습니다"),
    "lr": ("the factor lr was left out", "학습률 lr을 곱하지 않았습니다"),
    "plus for minus": (
        "{done} {was} worked where {due} {is_} due",
        "더하기와 빼기가 바뀌었습니다: {due} 자리에 {done} 값을 썼습니다",
    ),
    "sign": ("the sign{s} of {due} {was} turned", "{due} 값의 부호가 바뀌었습니다"),
    "minus one": ("the factor −1 was left out", "−1을 곱하지 않았습니다"),
    "exchanged": ("{due} and {done} were exchanged", "두 값이 서로 바뀌었습니다: {due}, {done}"),
    "power": (USED[0], "거듭제곱이 빠졌습니다: {due} 자리에 {done} 값을 썼습니다"),
    "function": (USED[0], "함수가 빠졌습니다: {due} 자리에 {done} 값을 썼습니다"),
    "term": ("the term{s} {due} {was} left out", "더할 항이 빠졌습니다: {due}"),
    "factor": ("the factor{s} {due} {was} left out", "곱할 인수가 빠졌습니다: {due}"),
    "index": USED,
    "operand": USED,
    "digits": ("digits were transposed, {done} for {due}", "숫자의 차례가 바뀌었습니다: {due} 자리에 {done}"),
    "rounded": (
        "{due} was rounded too early, to {done} decimal{s}",
        "{due} 값을 너무 일찍 소수점 아래 {done}자리로 줄였습니다",
    ),
    "point": ("the decimal point of {due} was moved", "{due} 값의 소수점 자리가 밀렸습니다"),
    "far": USED,
    "copied": ("{done} was written in the place of {due}", "{due} 자리에 {done} 값을 적었습니다"),
}
EVERYWHERE = ("{sentence}, everywhere", "모든 곳에서 {sentence}")
OR = (", or ", ". 또는 ")
NOTES: dict[str, tuple[str, str]] = {
    "no cause": ("no cause found", "원인을 찾지 못했습니다"),
    "capped": (
        "the search for causes was cut short: too many ways to try; write more of the steps",
        "원인을 끝까지 찾지 못했습니다. 경우가 너무 많습니다. 중간 단계를 더 쓰세요",
    ),
    "few digits": ("too few digits to be sure of the cause", "자릿수가 적어 원인이 확실하지 않습니다"),
    "few decimals": ("too few decimals to tell", "소수 자릿수가 적어 판정할 수 없습니다"),
    "fewer decimals": ("fewer decimals than the other numbers", "다른 수보다 소수 자릿수가 적습니다"),
}
# fmt: on


def _with_finding(row: Row, judged: Judged, finding: Finding, together: Mapping[Any, list[str]], sheet: Sheet) -> Row:
    """A row with what follows from what, its causes and its notes."""
    names: dict[str, str] = {}
    for name, each in sheet.judged.items():
        names.setdefault(each.key, name)
    names[judged.key] = row.name
    causes = tuple(_cause(hits, names, together) for hits in finding.causes)
    notes = tuple(Note(kind, *NOTES[kind]) for kind in _notes(judged, finding, sheet.decimals.usual))
    return replace(row, follows_from=finding.follows_from, causes=causes, notes=notes)


def _notes(judged: Judged, finding: Finding, decimals: int) -> Iterator[str]:
    if judged.verdict == "wrong":
        if finding.capped:
            yield "capped"
        elif not finding.causes and finding.follows_from is None:
            yield "no cause"
        is_guess = finding.causes and finding.causes[0][0].edit.kind != "kink"
        if is_guess and len(judged.written.number.as_tuple().digits) < SURE:
            yield "few digits"
    elif judged.value and judged.error + judged.unit >= abs(judged.value):
        yield "few decimals"
    elif judged.written.decimals < decimals and distance(judged.written, judged.value) > 10.0**-decimals:
        yield "fewer decimals"


def _together(found: Mapping[str, Finding]) -> dict[Any, list[str]]:
    """The roots by what explains them best."""
    together = defaultdict(list)
    for name, finding in found.items():
        if finding.causes:
            together[_sort(finding.causes[0][0])].append(name)
    return together


def _sort(hit: Hit) -> tuple[str, ...]:
    """What two hits have in common that are the same mistake with other indices."""
    return hit.edit.kind, *map(graphs.stem, (hit.edit.place, *_said(hit, {})))


def _cause(hits: tuple[Hit, ...], names: Mapping[str, str], together: Mapping[Any, list[str]]) -> Cause:
    """One cause, by the names that it has, three at most."""
    first = hits[0]
    alike = [hit for hit in hits if hit.edit.throughout == first.edit.throughout]
    said = list(dict.fromkeys(_said(hit, names) for hit in alike))[:NAMES]
    also = tuple(dict.fromkeys(hit.edit.kind for hit in alike if hit.edit.kind != first.edit.kind))
    tail = _form(first.working, first.edit.place, names)
    english, korean = (OR[i].join(each[i] for each in said) + tail for i in (0, 1))
    place = names.get(first.edit.place, first.edit.place)
    others = tuple(each for each in together[_sort(first)] if each != names[first.working.name])
    return Cause(first.edit.kind, place, first.value, english, korean, also, first.edit.throughout, others)


def _said(hit: Hit, names: Mapping[str, str]) -> tuple[str, str]:
    """What an edit did, in both languages."""
    edit, working = hit.edit, hit.working
    whole = None if edit.kind in WITH_ITS_NAME or edit.throughout else edit.place
    due, done = (_written(working, each, names, whole) for each in (edit.due, edit.done))
    many = len(due) > 1
    if edit.kind == "rounded":
        done, many = [f"{edit.done.y:.0f}"], edit.done.y > 1
    words = {
        "s": "s" if many else "",
        "was": "were" if len(done or due) > 1 else "was",
        "is_": "are" if many else "is",
        "its": "their" if many else "its",
    }
    english, korean = SENTENCES[edit.kind]
    english = english.format(due=_listed(due), done=_listed(done), **words)
    korean = korean.format(due=", ".join(due), done=", ".join(done))
    if edit.throughout:
        english, korean = (text.format(sentence=each) for text, each in zip(EVERYWHERE, (english, korean), strict=True))
    return english, korean


def _listed(each: Sequence[str]) -> str:
    """
    >>> _listed(["W5", "W6", "W7"])
    'W5, W6 and W7'
    """
    return " and ".join([", ".join(each[:-1])] * (len(each) > 1) + [*each[-1:]])


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
    """The form in which a mistake was made: " (∂E/∂h1 = ∂E/∂z3·W5)"."""
    shown = working.shown(working.roots[place], names, place)
    return f" ({notation.quantity(names.get(place, place))} = {notation.text(shown)})"
