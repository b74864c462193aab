"""Worksheets for a class: for each student a sheet with other numbers and a file to fill in, for the teacher a key.

Who they are is a list of names, a column of a CSV file as a spreadsheet or Moodle writes it, and a seed for each.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

from micrograd_kr.files import decoded
from micrograd_kr.said import SaidError
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.messages import ExerciseError, printable
from micrograd_kr.teacher.show.worksheet import SHEETS, Worksheet, as_text, worksheet

ENDINGS = {form: ending for ending, form in SHEETS.items()}
HEADINGS = (("name",), ("full name",), ("student",), ("이름",), ("성명",), ("학생",))
IN_PARTS = (("first name", "last name"), ("first name", "surname"))  # as Moodle has them
MOST = 500  # students
FILE_BYTES = 1_000_000
NAME_LENGTH = 40  # characters of a file's name, each of four bytes at most
KEY = "key"
RESERVED = {KEY, "con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}  # Windows'


class Student(NamedTuple):
    """Whose sheet it is, with which seed its numbers are drawn, what its files are called."""

    name: str
    seed: int
    stem: str


def students(names: Sequence[str], seeds: Sequence[int]) -> list[Student]:
    """The students of some names, or if there are none one for each seed, called by it.

    Raises SaidError where there are fewer seeds than names.
    """
    if not names:
        width = len(str(max(seeds)))
        return [Student("", seed, f"{seed:0{width}}") for seed in seeds]
    seeds = seeds or range(1, len(names) + 1)
    if len(seeds) < len(names):
        raise SaidError(
            "expected a seed for each of {names} names, got {seeds}: --seeds 1-{names}",
            names=len(names),
            seeds=len(seeds),
        )
    return [Student(*each) for each in zip(names, seeds, stems(names), strict=False)]


def stems(names: Iterable[str]) -> list[str]:
    """A safe name of a file for each name, in any script; no two that a file system could take for one.

    >>> stems(["Kim/Lee", "김하늘", "김하늘", "..", "CON"])
    ['Kim_Lee', '김하늘', '김하늘-2', '_', 'CON_']
    """
    taken: set[str] = set()
    found = []
    for name in names:
        letters = unicodedata.normalize("NFC", name)
        kept = "".join(each if each in " -_." or unicodedata.category(each)[0] in "LMN" else "_" for each in letters)
        stem = " ".join(kept.split())[:NAME_LENGTH].strip(" .-") or "_"
        stem += "_" * (stem.partition(".")[0].casefold() in RESERVED)
        tries = (stem if i == 1 else f"{stem}-{i}" for i in count(1))
        found.append(next(each for each in tries if each.casefold() not in taken))
        taken.add(found[-1].casefold())
    return found


def names_in(path: Path) -> list[str]:
    """The names in a CSV file: the column that a heading calls so, else the first. Raises ExerciseError for none."""
    rows = [row for row in _rows(path) if any(map(str.strip, row))]
    headings = [each.strip().casefold() for each in rows[0]] if rows else []
    columns = next((each for each in (*HEADINGS, *IN_PARTS) if {*each} <= {*headings}), ())
    places = [headings.index(each) for each in columns] or [0]
    names = [" ".join(row[i].strip() for i in places if i < len(row)) for row in rows[bool(columns) :]]
    names = [printable(" ".join(each.split())) for each in names if each.strip()]
    if not names:
        raise ExerciseError("expected names, one a line, or in a column called name").at(path.name)
    if len(names) > MOST:
        raise ExerciseError("expected at most {most} names, got {count}", most=MOST, count=len(names)).at(path.name)
    return names


def _rows(path: Path) -> list[list[str]]:
    try:
        with path.open("rb") as file:
            text = decoded(file.read(FILE_BYTES))
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)  # as a spreadsheet writes it in one country or another
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ExerciseError("expected a text file, cannot read it: {reason}", reason=reason).at(path.name) from None


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

    def files(self, form: str, lang: str, pictures: Iterable[str]) -> dict[str, str]:
        """The texts of all files by their names: sheets in a form, and what is to be filled in."""
        found = {}
        for student, sheet, picture in zip(self.class_, self.sheets, pictures, strict=True):
            found[student.stem + ENDINGS[form]] = as_text(sheet, form, lang=lang, picture=picture)
            found[student.stem + ENDINGS["toml"]] = as_text(sheet, "toml")
        return found


def file_names(class_: Iterable[Student], form: str) -> list[str]:
    """What the files of a class will be called."""
    return [student.stem + ENDINGS[each] for student in class_ for each in dict.fromkeys([form, "toml"])]


def handout(
    exercise: Exercise, class_: Sequence[Student], *, hide: Iterable[str] = (), digits: int | None = None
) -> Handout:
    """The sheets of a class. Raises ExerciseError as `worksheet` does."""
    sheets = (worksheet(exercise, hide=hide, seed=each.seed, digits=digits) for each in class_)
    named = (
        replace(sheet, exercise=replace(sheet.exercise, student=each.name))
        for sheet, each in zip(sheets, class_, strict=True)
    )
    return Handout(class_, tuple(named))
