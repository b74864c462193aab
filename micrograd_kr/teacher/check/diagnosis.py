"""Which number is wrong first, what only follows from it, and which mistake explains it.

Numbers are taken in the order a person works in. A wrong one *follows* if it agrees with one of its forms in the
person's own numbers, wrong ones among them; otherwise it is a *root*, and its causes are looked for: each edit of its
form (`mistakes`) that comes to the number. What an edit comes to is compared on three tiers: within half a unit at the
sheet's decimals, at the number's own, within the running error of the edited form. The best tier reached is named, all
of it. Slips can be made in hundreds of ways and meet a number by chance more often than misconceptions: where the best
tier holds only slips, the best misconceptions are named, too. A cause inside a quantity that is not on the sheet is
carried on from there.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, takewhile
from typing import Any, NamedTuple

from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import distance
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.check.causes import Hit, Search, cause_of, sort_of
from micrograd_kr.teacher.check.report import Note, Report, Row, Step
from micrograd_kr.teacher.check.sheet import Judged, Sheet, judge_entries, row_of
from micrograd_kr.teacher.check.working import Guess, Known, Working
from micrograd_kr.teacher.derive import labelled as graphs
from micrograd_kr.teacher.derive.lines import Lines

ALL_WORK = 300_000  # operations for the causes on one sheet, and half of them again for shares; some two seconds
WORK_OF_BUILDING = 8  # to write down an operation takes as long as to do so many
SURE = 4  # significant digits below which a wrong number meets too many mistakes by chance


def check(numbers: Any, loss: Any = None, lr: float | None = None, parameters: graphs.Parameters = None) -> Report:
    """The check of `micrograd_kr.check`, of an exercise or of a graph."""
    if isinstance(numbers, Exercise):
        return diagnosed(Lines.of(solution := solve(numbers)), solution)
    if loss is None:
        raise ExerciseError("expected the loss the numbers are of: check({{…}}, loss)")
    if graphs.is_scalar(loss):
        return diagnosed(Lines.of(solution := graphs.solved(numbers, loss, lr, parameters)), solution)
    steps = sum(each.rule is not None for each in graphs.named(loss).values())
    return judge_entries(graphs.entries(numbers, loss, lr, parameters), "graph", loss.item(), steps)


def diagnosed(lines: Lines, solution: Solution) -> Report:
    """The report on an exercise that has been worked."""
    sheet, exercise = Sheet(solution, lines), solution.exercise
    rows = [row_of(sheet, name) for name in sheet.texts]
    diagnosis = Diagnosis(sheet)
    found = {name: diagnosis.of(name) for name in sheet.judged}
    together = defaultdict(list)  # the roots by what explains them best
    for name, finding in found.items():
        if finding.causes:
            together[sort_of(finding.causes[0][0])].append(name)

    def with_finding(row: Row) -> Row:
        judged, finding = sheet.judged[row.name], found[row.name]
        causes = tuple(cause_of(hits, sheet.names | {judged.key: row.name}, together) for hits in finding.causes)
        notes = tuple(Note(kind, NOTES[kind]) for kind in _notes(judged, finding, sheet.decimals.usual))
        return replace(row, follows_from=finding.follows_from, causes=causes, notes=notes)

    after = solution.after[exercise.loss].data if solution.after else None
    steps = tuple(
        Step(name, before, solution.gradients[name], solution.updated.get(name))
        for name, before in exercise.parameters.items()
    )
    losses = (solution.before[exercise.loss].data, after)
    return Report(exercise.name, tuple(map(with_finding, rows)), steps, losses, tuple(sheet.judged), exercise)


class Finding(NamedTuple):
    """What became of one number. causes: hits that come to one value, best first."""

    follows_from: str | None = None
    causes: tuple[tuple[Hit, ...], ...] = ()
    capped: bool = False


class Diagnosis:
    """Takes the numbers of a sheet in working order and remembers what is known by then."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet, self.forms, self.known = sheet, sheet.forms, Known(sheet)
        self.order = {name: i for i, name in enumerate(sheet.judged)}
        self.origins: dict[str, str] = {}  # wrong numbers, by their keys, and the roots they come from
        self.coarse: list[str] = []
        self.work_left, self.enough = ALL_WORK, 0
        self.share = ALL_WORK // 2 // max(1, len(self.known.wrong))
        self.due: dict[str, float] = {}  # what roots should have been
        self.guesses: dict[str, list[Guess]] = {}  # of each root, what its causes carry

    def of(self, name: str) -> Finding:
        """What is to be said of the next number."""
        judged = self.sheet.judged[name]
        if judged.verdict != "wrong":
            self.known.know(judged, self._as_carried(judged))
            return Finding()
        self.enough = self.work_left - max(self.work_left // 4, self.share)
        carried, finding = float(judged.written.number), Finding(capped=True)
        if self.work_left >= -ALL_WORK // 2:
            carried, finding = self._follows(judged) or self._caused(name, judged)
        self.origins[judged.key] = finding.follows_from or name
        self.known.know(judged, carried)
        return finding

    def _caused(self, name: str, judged: Judged) -> tuple[float, Finding]:
        """What a root came to, and its causes."""
        workings = list(self._workings(judged, self.known))
        self.due[judged.key] = workings[0].values[0]
        search = Search(self.known, judged, self.work_left - self.enough)
        causes, capped = search.causes(workings)
        self.work_left -= search.work
        self.guesses[name] = [hits[0].carries for hits in causes if hits[0].carries]
        for guess in self.guesses[name][:1]:
            self.known.guess(guess)
        return causes[0][0].value if causes else float(judged.written.number), Finding(None, causes, capped)

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

        forms = list(self.forms.of(key, known.numbers, named=True))
        plans = sorted((known.plan(key, form) for form in forms), key=length)
        self.work_left -= WORK_OF_BUILDING * sum(map(length, plans))
        seen: set[Any] = set()
        for i, plan in enumerate([*plans, known.plan(key, forms[0], is_afresh=True)]):
            if seen and self.work_left < self.enough:
                return
            working = Working(known, key, plan, is_afresh=i == len(plans))
            self.work_left -= WORK_OF_BUILDING * length(plan)
            looks = len(working.order), tuple(sorted(working.leaves)), working.values[0]
            if looks not in seen:
                seen.add(looks)
                yield working

    def _follows(self, judged: Judged) -> tuple[float, Finding] | None:
        """What a wrong number that only follows from a root comes to, and that root; None for a root."""
        if judged.key in self.known.names:  # written twice, under two names
            carried, by_hand = self.known.numbers[judged.key]
            same = judged.key in self.origins and abs(float(judged.written.number) - by_hand) <= judged.unit
            return (carried, Finding(self.origins[judged.key])) if same else None
        guessed = {key: root for root, guesses in self.guesses.items() for guess in guesses for key in guess}
        wrong = {**guessed, **self.origins}
        used: dict[str, None] = {}
        for instead in self._tries(used, guessed):
            for working in self._workings(judged, self.known.instead(instead) if instead else self.known):
                sources = [each for each in working.leaves if each in wrong and each not in instead] or list(instead)
                if sources and self._agrees(judged, working):
                    root = min((wrong[each] for each in sources), key=self.order.__getitem__)
                    return working.values[0], Finding(root)
                used |= dict.fromkeys(() if instead else sources)
        return None

    def _tries(self, used: Iterable[str], guessed: Mapping[str, str]) -> Iterator[Guess]:
        """What is taken in place of what is known. At first nothing; then for a wrong number that was used the right
        one, after a slip of the pen; and other guesses at what was not written.
        """
        yield {}
        due = [{key: (self.due[key], self.due[key])} for key in used if key in self.due]
        others = chain(
            *(self.guesses[root][1:] for root in dict.fromkeys(guessed[key] for key in used if key in guessed))
        )
        yield from takewhile(lambda each: self.work_left >= self.enough, chain(due, others))

    def _agrees(self, judged: Judged, working: Working) -> bool:
        off = min(distance(judged.written, value) for value in working.values)
        is_near = off <= 1000 * (judged.error + judged.unit)
        return off < judged.unit or (is_near and off < self.known.error(working.form()) + judged.unit)


NOTES: dict[str, Said] = {
    "no cause": say("no cause found"),
    "capped": say("the search for causes was cut short: too many ways to try; write more of the steps"),
    "few digits": say("too few digits to be sure of the cause"),
    "few decimals": say("too few decimals to tell"),
    "fewer decimals": say("fewer decimals than the other numbers"),
}


def _notes(judged: Judged, finding: Finding, decimals: int) -> Iterator[str]:
    if judged.verdict == "wrong":
        if finding.capped or (not finding.causes and finding.follows_from is None):
            yield "capped" if finding.capped else "no cause"
        is_guess = finding.causes and finding.causes[0][0].edit.kind != "kink"
        if is_guess and len(judged.written.number.as_tuple().digits) < SURE:
            yield "few digits"
    elif judged.value and judged.error + judged.unit >= abs(judged.value):
        yield "few decimals"
    elif judged.written.decimals < decimals and distance(judged.written, judged.value) > 10.0**-decimals:
        yield "fewer decimals"
