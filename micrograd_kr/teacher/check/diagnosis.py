"""Which number is wrong first, what only follows from it, and which mistake explains it.

Numbers are taken in the order a person works in. A wrong one *follows* if it agrees with one of its forms in the
person's own numbers, wrong ones among them; otherwise it is a *root*, and its causes are looked for: each edit of its
form (`mistakes`, `slips`) that comes to the number and blames nothing that stands right on the sheet. Thousands are
tried, so some meet a number by chance: a cause is named without a caveat only where it is much likelier than that
(`causes`). Where most rows of a kind are roots, a rule is broken, and only what explains nearly all of them is named. A
cause inside a quantity that is not on the sheet is carried on from there.
"""

import math
from collections import ChainMap, Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice, takewhile, tee
from typing import Any, NamedTuple

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.expressions import Symbol
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import Hand, distance
from micrograd_kr.teacher.ask.quantity import derivative, read
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.check.causes import (
    LIKELY,
    WORK_OF_ERROR,
    Found,
    Hit,
    Search,
    cause_of,
    certain,
    comparable,
    doubtful,
    in_common,
    sort_of,
)
from micrograd_kr.teacher.check.report import SHOWN, Note, Report, Row, Step, unreadable_row
from micrograd_kr.teacher.check.rows import as_due, explanations, row_of
from micrograd_kr.teacher.check.sheet import Judged, Sheet, judge_entries
from micrograd_kr.teacher.check.slips import Slip
from micrograd_kr.teacher.check.worked import worked_lines
from micrograd_kr.teacher.check.working import Guess, Known, Working
from micrograd_kr.teacher.derive import labelled as graphs
from micrograd_kr.teacher.derive.labelled import stem
from micrograd_kr.teacher.derive.lines import Lines

ALL_WORK = 400_000  # operations for the causes on one sheet, and as many again for least shares; some two seconds
LEAST_WORK = 500  # for each root: what is done in the line itself is tried in any case
WORK_OF_BUILDING = 8  # to write down an operation takes as long as to do so many
FEW = 2  # numbers are wrong alike by chance
LAST = 100  # units off, at most, is a number that differs in its last digits only
SURE = 4  # significant digits below which a wrong number meets too many mistakes by chance


def check(
    numbers: Any,
    loss: Any = None,
    lr: float | None = None,
    parameters: graphs.Parameters = None,
    float32: bool = False,
) -> Report:
    """The check of `micrograd_kr.check`, of an exercise or of a graph."""
    if isinstance(numbers, Exercise):
        return diagnosed(Lines.of(solution := solve(numbers)), solution, float32)
    if loss is None:
        raise ExerciseError("expected the loss the numbers are of: check({{…}}, loss)")
    if graphs.is_scalar(loss):
        return diagnosed(Lines.of(solution := graphs.solved(numbers, loss, lr, parameters)), solution, float32)
    steps = sum(each.rule is not None for each in graphs.named(loss).values())
    return judge_entries(graphs.entries(numbers, loss, lr, parameters), "graph", loss.item(), steps, float32)


def diagnosed(derived: Lines, solution: Solution, float32: bool = False) -> Report:
    """The report on an exercise that has been worked."""
    sheet, exercise = Sheet(solution, derived, float32), solution.exercise
    lines = worked_lines(sheet)
    rows = [row_of(sheet, name, lines.get(name)) for name in sheet.texts]
    explained, remarks = explanations(sheet, lines)
    diagnosis = Diagnosis(sheet, explained, {name: line.astray for name, line in lines.items()})
    found = _together(diagnosis, {name: diagnosis.of(name) for name in sheet.judged})
    found |= {
        name: each._replace(found=_as_it_tells(sheet.judged[name], each.found, sheet)) for name, each in found.items()
    }
    names = names_of(sheet)
    together = defaultdict(list)  # the roots by what explains them best
    for name, finding in found.items():
        if finding.found.causes:
            together[sort_of(finding.found.causes[0][0])].append(name)

    def with_finding(row: Row) -> Row:
        judged, finding = sheet.judged[row.name], found[row.name]
        causes = tuple(cause_of(hits, names | {judged.key: row.name}, together) for hits in finding.found.causes)
        own = () if row.name in explained else _notes(judged, finding, sheet.decimals.usual)
        notes = (*row.notes, *explained.get(row.name, ()), *(Note(kind, NOTES[kind]) for kind in own))
        parts = as_due(row.parts) if finding.follows_from else row.parts
        return replace(row, parts=parts, follows_from=finding.follows_from, causes=causes, notes=notes)

    after = solution.after[exercise.loss].data if solution.after else None
    steps = tuple(
        Step(name, before, solution.gradients[name], solution.updated.get(name))
        for name, before in exercise.parameters.items()
    )
    losses = (solution.before[exercise.loss].data, after)
    judged = (*map(with_finding, rows), *map(unreadable_row, sheet.unreadable))
    return Report(exercise.name, judged, steps, losses, tuple(sheet.judged), exercise, remarks=remarks)


class Finding(NamedTuple):
    """What became of one number: what it follows from, or what explains it."""

    follows_from: str | None = None
    found: Found = Found()


def names_of(sheet: Sheet) -> dict[str, str]:
    """What quantities are called: as on the sheet. A derivative that is not there is one of the loss, where it can be;
    and nobody works with ∂E/∂b where ∂E/∂z is meant.
    """
    names, forms, loss = dict(sheet.names), sheet.forms, sheet.exercise.loss
    for key, (of, by) in list(forms.gradients.items()):
        written = read(names.get(key, ""))
        if written.by != by:
            symbol = forms.gradient(loss, by)
            usual = isinstance(symbol, Symbol) and symbol.name == key
            names[key] = derivative(written.of if written.by else loss if usual else of, by)
    return names


def _together(diagnosis: "Diagnosis", alone: Mapping[str, Finding]) -> dict[str, Finding]:
    """What is found for rows of one kind, W1+, W2+, …, together.

    Where most are roots, a rule is broken: what does not explain nearly all of them is met by chance, and what is
    worked from unwritten rows of the kind has no cause where they have none. Where fewer are, that may be so: a cause
    that no other number has is doubtful, and makes those of its kind doubtful; so is one of a number that is worked
    from unwritten rows of a kind in which others are roots.
    """
    found, rows, roots = dict(alone), defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for name in found:
        rows[_kind_of_row(name)].append(name)
        roots[_kind_of_row(name)] += [name] * diagnosis.is_root(name)
    ruled = {kind for kind, names in roots.items() if len(names) > max(FEW, len(rows[kind]) / 2)}
    for names in (roots[kind] for kind in ruled):
        together = in_common([found[name].found for name in names])
        found |= {name: found[name]._replace(found=each) for name, each in zip(names, together, strict=True)}
    broken = {kind for kind in ruled if not all(found[name].found.causes for name in roots[kind])}
    met = _met(found)
    single = {
        name for name, (_, each) in found.items() if all(met[sort_of(hit)] < 2 for hit in chain(*each.causes[:1]))
    }
    doubted = {kind for kind, names in roots.items() if len(names) > 1 and not single.isdisjoint(names)} - ruled
    for name, (_, each) in found.items():
        unwritten = {root for hit in each.hits for root in hit.working.roots} - {diagnosis.sheet.judged[name].key}
        kinds = set(map(_kind_of_row, unwritten))
        if not broken.isdisjoint(kinds):
            found[name] = found[name]._replace(found=certain(each))
        elif _kind_of_row(name) in doubted or (name in single and any(roots[kind] for kind in kinds)):
            found[name] = found[name]._replace(found=doubtful(each))
    return _as_one_story(found)


def _met(found: Mapping[str, Finding]) -> Counter[Any]:
    """How many numbers have a mistake among those that explain them best."""
    return Counter(chain(*({sort_of(hit) for hit in chain(*each.causes[:1])} for _, each in found.values())))


def _as_one_story(found: Mapping[str, Finding]) -> dict[str, Finding]:
    """The same, with that name of each cause first which explains most numbers."""
    met = _met(found)

    def told(hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
        likely = comparable(hits)
        first = max(likely + [hit for hit in hits if hit.is_at_hand], key=lambda hit: met[sort_of(hit)])
        return (first, *(hit for hit in hits if hit is not first))

    return {
        name: each._replace(found=each.found._replace(causes=tuple(map(told, each.found.causes))))
        for name, each in found.items()
    }


def _kind_of_row(name: str) -> str:
    """A bias is updated like a weight."""
    return "+" if name.endswith("+") else stem(name)


class Diagnosis:
    """Takes the numbers of a sheet in working order and remembers what is known by then."""

    def __init__(
        self, sheet: Sheet, explained: Collection[str] = (), astray: Mapping[str, Hand | None] | None = None
    ) -> None:
        """explained: wrong numbers that need no cause. astray: what a wrong part of a worked line comes to."""
        self.astray = astray or {}
        self.sheet, self.forms, self.known, self.explained = sheet, sheet.forms, Known(sheet), explained
        self.order = {name: i for i, name in enumerate(sheet.judged)}
        self.origins: dict[str, str] = {}  # wrong numbers, by their keys, and the roots they come from
        self.coarse: list[str] = []
        self.work_left, self.enough, self.still_wrong = ALL_WORK, 0, len(self.known.wrong)
        self.least = max(ALL_WORK // 2 // max(1, self.still_wrong), LEAST_WORK)
        self.due: dict[str, float] = {}  # what roots should have been
        self.guesses: dict[str, list[Guess]] = {}  # of each root, what its causes carry
        self.guessed: dict[str, str] = {}  # what is carried, and the root it comes from
        self.others = defaultdict[str, list[float]](list)  # wrong numbers under the second name of a quantity

    def of(self, name: str) -> Finding:
        """What is to be said of the next number."""
        judged = self.sheet.judged[name]
        if judged.verdict != "wrong":
            finding = self._of_part(name, judged)
            self.known.know(judged, self._as_carried(judged))
            return finding
        share = min(self.work_left // 4, self.work_left * 3 // max(1, self.still_wrong))
        self.enough, self.still_wrong = self.work_left - max(share, self.least), self.still_wrong - 1
        carried, finding = float(judged.written.number), Finding(found=Found(capped=True))
        if name in self.explained:
            finding, self.due[judged.key] = self._of_part(name, judged), judged.value
        elif not self.is_spent or all(each in self.known.numbers for each in self.forms.mentions(judged.key)):
            workings, again = tee(self._workings(judged, self.known))
            carried, finding = self._follows(judged, workings) or self._caused(name, judged, list(again))
            if not finding.follows_from and not finding.found.causes:
                part = self._of_part(name, judged)
                finding = part if part.found.causes else finding
        self.origins[judged.key] = finding.follows_from or name
        if judged.key in self.known.names:
            self.others[judged.key].append(float(judged.written.number))
        self.known.know(judged, carried)
        return finding

    def _of_part(self, name: str, judged: Judged) -> Finding:
        """What explains a wrong part of a worked line, as if it were the number; nothing that is not likely."""
        part = self.astray.get(name)
        if part is None or self.is_spent:
            return Finding()
        judged = judged._replace(written=part, unit=part.unit)
        search = Search(self.known, judged, self.least)
        found = search.causes(list(self._workings(judged, self.known)))
        self.work_left -= search.work
        return Finding(found=found) if found.odds >= LIKELY else Finding()

    @property
    def is_spent(self) -> bool:
        """Whether so much work was done that only what is worked from numbers on the sheet is looked at."""
        return self.work_left < -ALL_WORK // 2

    def is_root(self, name: str) -> bool:
        """Whether a number is wrong by itself."""
        return self.origins.get(self.sheet.judged[name].key) == name

    def _caused(self, name: str, judged: Judged, workings: Sequence[Working]) -> tuple[float, Finding]:
        """What a root came to, and its causes."""
        self.due[judged.key] = workings[0].values[0]
        self.work_left -= len(self.known.names)  # each of which is looked at
        search = Search(self.known, judged, max(self.work_left - self.enough, self.least), self.is_spent)
        found = search.causes(workings)
        causes = found.causes
        self.work_left -= search.work
        self.guesses[name] = [hits[0].carries for hits in causes if all(hit.carries for hit in comparable(hits))]
        self.guessed |= {key: name for guess in self.guesses[name] for key in guess}
        for guess in self.guesses[name][:1]:
            self.known.guess(guess)
        return causes[0][0].value if causes else float(judged.written.number), Finding(None, found)

    def _as_carried(self, judged: Judged) -> float:
        """What a person who carried everything had for a number that is not wrong: the exact one.

        But a number with few decimals may be coarse. Then it is as it is, and what is worked from it is worked again.
        """
        unit = 10.0**-self.sheet.decimals.usual
        comes_from_coarse = any(self.forms.depends(judged.key, each) for each in self.coarse)
        if distance(judged.written, judged.value) < 2 * unit or not (judged.unit > unit or comes_from_coarse):
            return judged.value
        self.coarse.append(judged.key)
        again = (working.values[0] for working in self._workings(judged, self.known))
        return next((each for each in again if distance(judged.written, each) < unit), float(judged.written.number))

    def _workings(self, judged: Judged, known: Known) -> Iterator[Working]:
        """The ways a quantity may have been worked: the shortest first, afresh from the forward pass last.

        Each is paid for; where the work is used up, there are no more.
        """
        key = judged.key
        if not key or self.forms.expansion(key) is None:  # a number that is given, or constant
            yield Working(known, key, {key: judged.value})
            return

        def length(plan: Mapping[str, Any]) -> int:
            return sum(len(self.forms.operations(form)) or 1 for form in plan.values())

        forms = list(islice(self.forms.of(key, known.numbers, named=True), 1 if self.is_spent else None))
        plans = sorted((known.plan(key, form) for form in forms), key=length)
        self.work_left -= WORK_OF_BUILDING * sum(map(length, plans))
        seen: set[Any] = set()
        afresh = (known.plan(key, form, is_afresh=True) for form in forms[:1])
        for i, plan in enumerate(chain(plans, afresh)):
            if seen and self.work_left < self.enough:
                return
            working = Working(known, key, plan, is_afresh=i == len(plans))
            self.work_left -= WORK_OF_BUILDING * length(plan)
            looks = len(working.order), tuple(sorted(working.leaves)), working.values[0]
            if looks not in seen:
                seen.add(looks)
                yield working

    def _follows(self, judged: Judged, workings: Iterable[Working]) -> tuple[float, Finding] | None:
        """What a wrong number that only follows from a root comes to, and that root; None for a root."""
        if judged.key in self.known.names:  # written twice, under two names
            carried, by_hand = self.known.numbers[judged.key]
            same = judged.key in self.origins and abs(float(judged.written.number) - by_hand) <= judged.unit
            return (carried, Finding(self.origins[judged.key])) if same else None
        wrong = ChainMap(self.origins, self.guessed)
        used: dict[str, None] = {}
        for instead in self._tries(used):
            for working in self._workings(judged, self.known.instead(instead)) if instead else workings:
                sources = [each for each in working.leaves if each in wrong and each not in instead] or list(instead)
                if sources and self._agrees(judged, working):
                    root = min((wrong[each] for each in sources), key=self.order.__getitem__)
                    return working.values[0], Finding(root)
                used |= dict.fromkeys(() if instead else sources)
        return None

    def _tries(self, used: Iterable[str]) -> Iterator[Guess]:
        """What is taken in place of what is known. At first nothing; then for a wrong number that was used the right
        one, after a slip of the pen, or what stands under another name; and other guesses at what was not written.
        """
        yield {}
        if self.is_spent:
            return
        due = [{key: (self.due[key], self.due[key])} for key in used if key in self.due]
        due += [{key: (number, number)} for key in used for number in self.others[key]]
        roots = dict.fromkeys(self.guessed[key] for key in used if key in self.guessed)
        others = chain(*(self.guesses[root][1:] for root in roots))
        yield from takewhile(lambda each: self.work_left >= self.enough, chain(due, others))

    def _agrees(self, judged: Judged, working: Working) -> bool:
        off = min(distance(judged.written, value) for value in working.values)
        is_near = off <= 1000 * (judged.error + judged.unit)
        self.work_left -= WORK_OF_ERROR * len(working.order) * is_near
        return off < judged.unit or (is_near and off < self.known.error(working.form({})) + judged.unit)


NOTES: dict[str, Said] = {
    "no cause": say("no cause found"),
    "last digits": say("the last digits differ: perhaps a slip in writing or in arithmetic"),
    "capped": say("the search for causes was cut short"),
    "few digits": say("the cause is not certain: another mistake may come to this number, too"),
    "fewer decimals": say("fewer decimals than the other numbers"),
}


def _notes(judged: Judged, finding: Finding, decimals: int) -> Iterator[str]:
    if judged.verdict == "wrong":
        found = finding.found
        if found.capped:
            yield "capped"
        is_guess = found.causes and found.causes[0][0].edit.kind != "kink"
        is_coarse = len(judged.written.number.as_tuple().digits) < SURE
        is_rivalled = len(found.causes) > SHOWN  # which of them are shown says little
        unsure = is_guess and (is_coarse or is_rivalled or found.odds < LIKELY)
        if not found.capped and finding.follows_from is None and (unsure or not found.causes):
            if _is_off_in_the_last(judged):
                yield "last digits"
            elif not found.causes:
                yield "no cause"
        if unsure:
            yield "few digits"
    elif judged.verdict != "undecided":
        noticed = max(10.0**-decimals, 4 * math.ulp(judged.value))
        if judged.written.decimals < decimals and distance(judged.written, judged.value) > noticed:
            yield "fewer decimals"


def _as_it_tells(judged: Judged, found: Found, sheet: Sheet) -> Found:
    """What is found as far as the digits of the number tell it."""
    if not found.causes:
        return found
    causes = () if _is_any_slip(judged, found) else found.causes
    return found._replace(causes=causes, odds=found.odds * _share_that_tells(judged, sheet))


def _is_any_slip(judged: Judged, found: Found) -> bool:
    """Whether only the last digits are wrong, and a pen may have slipped in so many places that none says anything."""
    is_slip = (isinstance(hits[0].edit.done, Slip) for hits in found.causes)
    return len(found.causes) > SHOWN and all(is_slip) and _is_off_in_the_last(judged)


def _share_that_tells(judged: Judged, sheet: Sheet) -> float:
    """How much of the odds of a cause is left where a parameter moves less than it is off: a step has its own digits.

    Whatever makes a step small comes near the old value, and to it where the step that is due has three digits or less.
    """
    asked = read(judged.key)
    if not (asked.is_parameter and asked.step):
        return 1.0
    old = sheet.solution.value(asked.before)
    step, off = distance(judged.written, old), distance(judged.written, judged.value)
    if step < judged.unit:
        return float(off > 10 ** (SURE - 1) * judged.unit)
    return min(step / off, 1.0)


def _is_off_in_the_last(judged: Judged) -> bool:
    """Whether a number is right but for its last two digits, of four and more."""
    off = distance(judged.written, judged.value)
    return off < LAST * judged.unit and off < abs(judged.value) / LAST
