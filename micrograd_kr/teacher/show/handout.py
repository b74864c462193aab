"""Worksheets for a class: for each student a sheet with other numbers, a file to fill in and a page to practise on,
for the teacher a key.

Who they are says a list of names, of which each gets a seed; or there is a sheet for each of some seeds.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from micrograd_kr.said import SaidError
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.hand import with_hand
from micrograd_kr.teacher.ask.register import MOST, PAGE, Listed, stems
from micrograd_kr.teacher.show.page import MOST as MOST_ON_A_PAGE
from micrograd_kr.teacher.show.page import page
from micrograd_kr.teacher.show.worksheet import SHEETS, Worksheet, as_text, worksheet

ENDINGS = {form: ending for ending, form in SHEETS.items()}


class Student(NamedTuple):
    """Whose sheet it is, with which seed its numbers are drawn, what its files are called."""

    who: Listed
    seed: int
    stem: str


def students(listed: Sequence[Listed], seeds: Sequence[int]) -> list[Student]:
    """The students of a list, or if there is none one for each seed, called by it.

    Raises SaidError where there are fewer seeds than students.
    """
    if not listed:
        width = len(str(max(seeds)))
        return [Student(Listed(""), seed, f"{seed:0{width}}") for seed in seeds]
    seeds = seeds or range(1, len(listed) + 1)
    if len(seeds) < len(listed):
        raise SaidError(
            "expected a seed for each of {names} names, got {seeds}: --seeds 1-{names}",
            names=len(listed),
            seeds=len(seeds),
        )
    return [Student(*each) for each in zip(listed, seeds, stems([each.name for each in listed]), strict=False)]


def seeds_in(text: str) -> list[int]:
    """Seeds, 1-30 or 1,4,9. Raises SaidError for anything else, for one that comes twice, and for too many."""
    found: list[int] = []
    for each in text.split(","):
        ends = re.fullmatch(r" *(\d{1,18})(?:-(\d{1,18}))? *", each, re.ASCII)
        first, last = (int(ends[1]), int(ends[2] or ends[1])) if ends else (1, 0)
        if not 0 <= last - first < MOST or len(found) + last - first >= MOST:
            raise SaidError("expected at most {most} seeds, as in 1-30 or 1,4,9; got {text}", most=MOST, text=text)
        found += range(first, last + 1)
    if len({*found}) < len(found):
        raise SaidError("expected each seed once, got {text}", text=text)
    return found


class Handout(NamedTuple):
    """The sheets of a class, each with the student whose it is."""

    class_: Sequence[Student]
    sheets: Sequence[Worksheet]

    @property
    def has_pages(self) -> bool:
        """Whether the exercise is small enough to be stepped through."""
        return all(len(sheet.exercise.positions) <= MOST_ON_A_PAGE for sheet in self.sheets)

    def files(self, form: str, lang: str, pictures: Iterable[str]) -> dict[str, str]:
        """The texts of all files by their names: sheets in a form, what is to be filled in, a page to practise on.

        A page only where `has_pages`.
        """
        found = {}
        for student, sheet, picture in zip(self.class_, self.sheets, pictures, strict=True):
            found[student.stem + ENDINGS[form]] = as_text(sheet, form, lang=lang, picture=picture)
            found[student.stem + ENDINGS["toml"]] = as_text(sheet, "toml")
            if self.has_pages:
                found[student.stem + PAGE] = page(as_asked(sheet, student.stem), lang=lang, practice=True)
        return found


def file_names(class_: Iterable[Student], form: str) -> list[str]:
    """What the files of a class will be called."""
    endings = [*dict.fromkeys([ENDINGS[form], ENDINGS["toml"]]), PAGE]
    return [student.stem + each for student in class_ for each in endings]


def as_asked(sheet: Worksheet, stem: str) -> Exercise:
    """The exercise of a sheet with the numbers that stand on it, and blanks for the others; stem: of its file."""
    exercise = replace(sheet.exercise, source=stem + ENDINGS["toml"])
    return with_hand(exercise, {line.name: "" if line.blank else line.answer for line in sheet.lines})


def handout(
    exercise: Exercise, class_: Sequence[Student], *, hide: Iterable[str] = (), digits: int | None = None
) -> Handout:
    """The sheets of a class. Raises ExerciseError as `worksheet` does."""
    sheets = (worksheet(exercise, hide=hide, seed=each.seed, digits=digits) for each in class_)
    named = (
        replace(sheet, exercise=replace(sheet.exercise, student=each.who.name, id=each.who.id))
        for sheet, each in zip(sheets, class_, strict=True)
    )
    return Handout(class_, tuple(named))
