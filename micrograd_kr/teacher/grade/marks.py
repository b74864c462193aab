"""The marks of a class: of each paper, of each quantity, and the mistakes by how many made them.

An error is carried forward: what follows rightly from an earlier mistake of one's own counts as `Marks.follows` says.
What rounding explains is right. A number that is too coarse to tell, or that cannot be read, counts as not answered, 0,
and is listed for the teacher to look at.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from micrograd_kr.said import Said, SaidError, say
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import built_in
from micrograd_kr.teacher.ask.register import Listed, stems
from micrograd_kr.teacher.derive import notation
from micrograd_kr.teacher.grade.elsewhere import explained_by_others
from micrograd_kr.teacher.grade.mistake import Mistake
from micrograd_kr.teacher.grade.paper import Answer, Outcome, Paper, keys_of, sort_of, without_ending


class Marks(NamedTuple):
    """What a number is worth that is right, follows from an earlier mistake of one's own, or is wrong."""

    right: float = 1.0
    follows: float = 1.0
    wrong: float = 0.0

    @classmethod
    def read(cls, texts: Sequence[str]) -> "Marks":
        """
        >>> Marks.read(["2", "1.5", "0"])
        Marks(right=2.0, follows=1.5, wrong=0.0)
        """
        if len(texts) != 3 or not all(re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,4})?", each) for each in texts):
            got = ",".join(texts)
            raise SaidError("--marks: expected three numbers, right,follows,wrong, as 1,1,0, got {got!r}", got=got)
        marks = cls(*map(float, texts))
        if not marks.right >= marks.follows >= marks.wrong or not marks.right:
            raise SaidError(
                "--marks: expected right to be worth most and wrong least, got {got!r}", got=",".join(texts)
            )
        return marks

    def of(self, outcome: Outcome) -> float:
        worth: float = getattr(self, outcome, 0.0)
        return worth


USUAL = Marks()
BLANK = Answer("blank", "", "")


class Made(NamedTuple):
    """A mistake, and the paper it was made in."""

    paper: Paper
    mistake: Mistake

    @property
    def place(self) -> str:
        """Where it was made, with a ? where it is not certain that it was."""
        return notation.quantity(self.mistake.name) + "?" * (not self.mistake.sure)


@dataclass(frozen=True)
class Misconception:
    """What several did, or one. said: without indices and numbers. made: by each of them, at the first place."""

    said: Said
    made: tuple[Made, ...]

    @property
    def is_explained(self) -> bool:
        return self.made[0].mistake.is_explained


@dataclass(frozen=True)
class Course:
    """The papers of one exercise, whatever the numbers that it was drawn with.

    asked: the quantities that count, in the order of the sheet, each with its key: see `keys_of`.
    """

    title: str
    asked: Mapping[str, str]
    papers: tuple[Paper, ...]
    marks: Marks = USUAL

    def called(self, paper: Paper) -> str:
        """Who a paper is of, with the ID or else the file where others are of the same name."""
        same = [each for each in self.papers if each.student == paper.student]
        is_told = paper.id and sum(each.id == paper.id for each in same) == 1
        return paper.student if len(same) == 1 else f"{paper.student} ({paper.id if is_told else paper.file})"

    @property
    def most(self) -> float:
        """What a paper is worth where all is right."""
        return self.marks.right * len(self.asked)

    def answer(self, paper: Paper, name: str) -> Answer:
        """What stands on a paper for a quantity, under its own name, or else under another that nobody asked for."""
        found = paper.answers.get(name, BLANK)
        if found.outcome != "blank":
            return found
        key = self.asked[name]
        return next(
            (paper.answers[each] for each in paper.keys if paper.keys[each] == key and each not in self.asked), found
        )

    def outcome(self, paper: Paper, name: str) -> Outcome:
        return self.answer(paper, name).outcome

    def counts(self, paper: Paper) -> Counter[Outcome]:
        """How many of the numbers that are asked came out how."""
        return Counter(self.outcome(paper, name) for name in self.asked)

    def points(self, paper: Paper) -> float:
        return sum(self.marks.of(outcome) * count for outcome, count in self.counts(paper).items())

    def share(self, paper: Paper) -> float:
        """The points as a share of the most there are."""
        return self.points(paper) / self.most if self.most else 0.0

    @property
    def mean(self) -> float:
        """The share in the mean."""
        return sum(map(self.share, self.papers)) / len(self.papers)

    @cached_property
    def quantities(self) -> dict[str, Counter[Outcome]]:
        """Of each quantity, how it came out on how many papers."""
        return {name: Counter(self.outcome(paper, name) for paper in self.papers) for name in self.asked}

    @cached_property
    def misconceptions(self) -> tuple[Misconception, ...]:
        """The mistakes by how many made them, at the end those without a cause; each counts once for a paper."""
        found: dict[str, list[Made]] = {}
        for paper in self.papers:
            for mistake in paper.mistakes:
                made = found.setdefault(str(mistake.shared), [])
                if all(each.paper is not paper for each in made):
                    made.append(Made(paper, mistake))
        groups = (Misconception(made[0].mistake.shared, tuple(made)) for made in found.values())
        return tuple(sorted(groups, key=lambda each: (not each.is_explained, -len(each.made))))

    def to_look_at(self, paper: Paper) -> list[str]:
        """What a person has to judge."""
        named = [name for name in self.asked if self.outcome(paper, name) in ("undecided", "unreadable")]
        return [*named, *paper.strays]


@dataclass(frozen=True)
class Class:
    """A class: its courses, most papers first, the papers that cannot be used, and what is to be said of all.

    absent: those of a list who have handed in nothing.
    """

    courses: tuple[Course, ...]
    unusable: tuple[Paper, ...]
    remarks: tuple[Said, ...] = ()
    absent: tuple[Listed, ...] = ()

    @property
    def papers(self) -> Iterator[tuple[Course | None, Paper]]:
        """Each paper with its course; none for one that cannot be used."""
        for course in self.courses:
            yield from ((course, paper) for paper in course.papers)
        yield from ((None, paper) for paper in self.unusable)


def marked(
    papers: Sequence[Paper],
    marks: Marks = USUAL,
    sheet: Exercise | None = None,
    listed: Sequence[Listed] = (),
    drawn: Callable[[int], tuple[float, ...] | None] = lambda seed: None,
) -> Class:
    """The class that handed in papers.

    sheet: the exercise that was handed out, whose [hand] says what is asked; by default that is what more than half of
    its papers list. A file that others name as their exercise is none of the papers. listed: who should have handed one
    in; the list says what they are called, and their IDs. drawn: the numbers that a seed draws, where that is known.
    """
    papers, absent = _called_up(papers, listed)
    papers = [explained_by_others(each, papers) for each in papers]
    named = {each.answers_to for each in papers if each.answers_to != Path(each.file).stem} - {*built_in(), ""}
    aside = [each for each in papers if Path(each.file).stem in named]
    by_sort: dict[tuple[str, ...], list[Paper]] = {}
    for paper in papers:
        if paper.error is None and paper not in aside:
            by_sort.setdefault(paper.sort, []).append(paper)
    titles = Counter(sort[0] for sort in by_sort)
    asked = {sort_of(sheet): keys_of(sheet)} if sheet is not None else {}
    courses = []
    for sort, each in sorted(by_sort.items(), key=lambda item: -len(item[1])):
        title = f"{each[0].exercise} ({each[0].file})" if titles[sort[0]] > 1 else each[0].exercise
        courses.append(Course(title, asked.get(sort) or _listed_by_most(each), tuple(each), marks))
    unusable = tuple(each for each in papers if each.error is not None and each not in aside)
    remarks = list(_remarks(courses, aside))
    if sheet is not None and not asked.keys() & by_sort.keys():
        remarks.append(say("None of the papers is of {sheet}.", sheet=sheet.source))
    for course in courses:
        remarks += _changed(course, drawn) if sheet is not None and course.papers[0].sort in asked else ()
    if absent:
        names = ", ".join(f"{each.name} {each.id}".strip() for each in absent)
        remarks.append(say("Not handed in by {count}: {names}.", count=len(absent), names=names))
    return Class(tuple(courses), unusable, tuple(remarks), absent)


def _changed(course: Course, drawn: Callable[[int], tuple[float, ...] | None]) -> Iterator[Said]:
    """The papers that do not start from what their seeds draw; nothing if most do not, which were drawn otherwise."""
    seeds = {paper.seed for paper in course.papers if paper.seed is not None}
    due = {seed: drawn(seed) for seed in seeds}
    changed = [each for each in course.papers if each.seed is not None and due[each.seed] not in (None, each.numbers)]
    for paper in changed if 2 * len(changed) < len(course.papers) else ():
        gaps = {"file": paper.file, "seed": paper.seed}
        yield say("{file} starts from other numbers than the sheet of its seed, {seed}; were they changed?", **gaps)


def _called_up(papers: Sequence[Paper], listed: Sequence[Listed]) -> tuple[list[Paper], tuple[Listed, ...]]:
    """The papers with the IDs of those whose they are, by a list, and who of the list has none of them.

    Whose a paper is says its ID, else its name if no other has it, else the file that the sheets of a class were
    handed out with.
    """
    files = stems([each.name for each in listed])
    once = Counter(each.name for each in listed)
    by_id = {each.id: each for each in listed if each.id}
    by_name = {each.name: each for each in listed if once[each.name] == 1}
    by_file = dict(zip(files, listed, strict=True))
    found, there = [], set[int]()
    for paper in papers:
        own = without_ending(Path(paper.file).name)
        who = by_id.get(paper.id) or by_name.get(paper.student) or by_file.get(own)
        there.add(id(who))
        found.append(replace(paper, student=who.name, id=who.id or paper.id) if who else paper)
    return found, tuple(each for each in listed if id(each) not in there)


def _listed_by_most(papers: Sequence[Paper]) -> dict[str, str]:
    """The quantities that more than half of the papers list; two names that few have both are one quantity's."""
    counts = dict(Counter(name for paper in papers for name in paper.answers))
    keys = {name: key for paper in papers for name, key in paper.keys.items()}
    names = defaultdict[str, list[str]](list)
    for name in counts:
        names[keys[name]].append(name)
    for same in names.values():
        on_each = [sum(name in paper.answers for name in same) for paper in papers]
        if 2 * sum(count > 1 for count in on_each) < sum(count > 0 for count in on_each):
            usual = max(same, key=counts.__getitem__)
            counts |= dict.fromkeys(same, 0) | {usual: sum(count > 0 for count in on_each)}
    return {name: keys[name] for name, count in counts.items() if 2 * count > len(papers)}


def _remarks(courses: Sequence[Course], aside: Sequence[Paper]) -> Iterator[Said]:
    if len(courses) > 1:
        yield say("The papers are of {count} exercises; each has its own tables.", count=len(courses))
    for paper in aside:
        yield say("{file} is the exercise that others answer, and no paper.", file=paper.file)
    for course in courses:
        by_student = defaultdict[tuple[str, str], list[str]](list)
        by_seed = defaultdict[int | None, list[Paper]](list)
        for paper in course.papers:
            by_student[paper.student, paper.id].append(paper.file)
            by_seed[paper.seed].append(paper)
        for (student, _), files in by_student.items():
            if len(files) > 1:
                yield say("Several papers are of {student}: {files}.", student=student, files=", ".join(files))
        for same in by_seed.values():
            usual, count = Counter(paper.numbers for paper in same).most_common(1)[0]
            for paper in same if 2 * count > len(same) else ():
                if paper.numbers != usual:
                    yield say("{file} starts from other numbers than the others; were they changed?", file=paper.file)
