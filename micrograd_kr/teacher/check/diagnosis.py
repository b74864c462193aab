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
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from micrograd_kr.engine import Value
from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import distance
from micrograd_kr.teacher.ask.solution import Solution, solve
from micrograd_kr.teacher.check.causes import Hit, Known, Search, cause_of, sort_of
from micrograd_kr.teacher.check.mistakes import Numbers, Plan, Working, operations
from micrograd_kr.teacher.check.report import Note, Report, Row
from micrograd_kr.teacher.check.rounding import RunningError
from micrograd_kr.teacher.check.sheet import Judged, Sheet, judge, judge_entries
from micrograd_kr.teacher.derive import labelled as graphs
from micrograd_kr.teacher.derive.lines import Lines

ALL_WORK = 300_000  # operations for the causes on one sheet, and half of them again for shares; some two seconds
WORK_OF_BUILDING = 8  # to write down an operation takes as long as to do so many
SURE = 4  # significant digits below which a wrong number meets too many mistakes by chance
MANY = 6  # numbers that tell how a person rounds


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
        return diagnosed(Lines.of(solution := solve(numbers)), solution)
    if loss is None:
        raise ExerciseError("expected the loss the numbers are of: check({{…}}, loss)")
    if graphs.is_scalar(loss):
        return diagnosed(Lines.of(solution := graphs.solved(numbers, loss, lr, parameters)), solution)
    steps = sum(each.rule is not None for each in graphs.named(loss).values())
    return judge_entries(graphs.entries(numbers, loss, lr, parameters), "graph", loss.item(), steps)


def diagnosed(lines: Lines, solution: Solution) -> Report:
    """The report on an exercise that has been worked."""
    sheet = Sheet(solution, lines)
    report = judge(sheet)
    diagnosis = Diagnosis(sheet)
    found = {name: diagnosis.of(name) for name in sheet.judged}
    together = _together(found)
    rows = tuple(_with_finding(row, sheet.judged[row.name], found[row.name], together, sheet) for row in report.rows)
    return replace(report, rows=rows)


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
        self.order = {name: i for i, name in enumerate(sheet.judged)}
        self.hand: dict[str, float] = {}
        self.carried: dict[str, float] = {}
        wrong = {each.key: each.unit for each in sheet.judged.values() if each.verdict == "wrong"}
        self.errors = sheet.errors.known | wrong
        self.texts = {name: f"{number:.15g}" for name, number in self.start.items()}
        self.origins: dict[str, str] = {}  # wrong numbers, by their keys, and the roots they come from
        self.coarse: list[str] = []
        self.working = RunningError(self.forms, self.errors, 10.0**-sheet.decimals.usual)
        self.work_left, self.enough = ALL_WORK, 0
        self.share = ALL_WORK // 2 // max(1, len(wrong))
        self.shortest: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
        self.cuts_off = _cuts_off(sheet)
        self.due: dict[str, float] = {}  # what roots should have been
        self.guesses: dict[str, list[Mapping[str, tuple[float, float]]]] = {}  # of each root, what its causes carry

    def of(self, name: str) -> Finding:
        """What is to be said of the next number."""
        judged = self.sheet.judged[name]
        written = float(judged.written.number)
        if judged.verdict != "wrong":
            self._know(judged, self._as_carried(judged))
            return Finding()
        self.enough = self.work_left - max(self.work_left // 4, self.share)
        follows = self._follows(judged)
        if follows is not None:
            origin, carried = follows
            self.origins[judged.key] = origin
            self._know(judged, carried)
            return Finding(origin)
        self.origins[judged.key] = name
        if self.work_left < -ALL_WORK // 2:
            self._know(judged, written)
            return Finding(capped=True)
        workings = list(self._workings(judged, self._numbers()))
        self.due[judged.key] = workings[0].tables[0][workings[0].root]
        known = Known(list(self.hand), self.texts, self.sheet.decimals.usual, self.cuts_off, self.error)
        search = Search(known, judged, workings, self.work_left - self.enough)
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
        return Numbers(self.start, self.start | carried, self.start | hand, ({}, {}) if instead else self.shortest)

    def _workings(self, judged: Judged, numbers: Numbers) -> Iterator[Working]:
        """The ways a quantity may have been worked: the shortest first, afresh from the forward pass last.

        Each is paid for; where the work is used up, there are no more.
        """
        key = judged.key
        if not key or self.forms.expansion(key) is None:  # a number that is given, or constant
            yield Working(Plan(self.forms, numbers, key, judged.value))
            return
        forms = list(self.forms.of(key, numbers.hand, named=True))
        plans = sorted((Plan(self.forms, numbers, key, form) for form in forms), key=lambda plan: plan.length)
        self.work_left -= WORK_OF_BUILDING * sum(plan.length for plan in plans)
        seen: set[Any] = set()
        for plan in [*plans, Plan(self.forms, numbers, key, forms[0], afresh=True)]:
            if seen and self.work_left < self.enough:
                return
            working = Working(plan)
            self.work_left -= WORK_OF_BUILDING * plan.length
            looks = len(working.order), tuple(sorted(working.names)), working.tables[0][working.root]
            if looks not in seen:
                seen.add(looks)
                yield working

    def _follows(self, judged: Judged) -> tuple[str, float] | None:
        """The root that a wrong number only follows from, and what it comes to; None for a root."""
        if self.work_left < -ALL_WORK // 2:
            return None
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
            if self.work_left < self.enough:
                break
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
        return min((wrong[each] for each in sources), key=self.order.__getitem__)

    def _agrees(self, judged: Judged, working: Working) -> bool:
        off = min(distance(judged.written, table[working.root]) for table in working.tables)
        if off < judged.unit:
            return True
        if off > 1000 * (judged.error + judged.unit):
            return False
        return off < self.error(working.form()) + judged.unit

    def error(self, form: Any) -> float:
        """The running error of a form in the person's numbers."""
        working, self.working.done = self.working, {}
        for each in operations(form):  # innermost first: a long chain would recurse too deep
            working.of(each)
        return working.of(form, last=True)


def _cuts_off(sheet: Sheet) -> bool:
    """Whether a person cuts decimals off instead of rounding: nearly no number is larger in size than the exact one."""
    right = [each for each in sheet.judged.values() if each.verdict != "wrong"]
    inexact = [each for each in right if distance(each.written, each.value) > 4 * math.ulp(each.value)]
    larger = sum(abs(float(each.written.number)) > abs(each.value) for each in inexact)
    return len(inexact) >= MANY and larger <= len(inexact) / 10


NOTES: dict[str, Said] = {
    "no cause": say("no cause found"),
    "capped": say("the search for causes was cut short: too many ways to try; write more of the steps"),
    "few digits": say("too few digits to be sure of the cause"),
    "few decimals": say("too few decimals to tell"),
    "fewer decimals": say("fewer decimals than the other numbers"),
}


def _with_finding(row: Row, judged: Judged, finding: Finding, together: Mapping[Any, list[str]], sheet: Sheet) -> Row:
    """A row with what follows from what, its causes and its notes."""
    names = sheet.names | {judged.key: row.name}
    causes = tuple(cause_of(hits, names, together) for hits in finding.causes)
    notes = tuple(Note(kind, NOTES[kind]) for kind in _notes(judged, finding, sheet.decimals.usual))
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
            together[sort_of(finding.causes[0][0])].append(name)
    return together
