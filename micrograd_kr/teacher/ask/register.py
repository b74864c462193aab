"""Who is in a class: a list of names, a column of a CSV file as a spreadsheet or Moodle writes it."""

import csv
import io
import unicodedata
from collections.abc import Iterable
from itertools import count
from pathlib import Path

from micrograd_kr.files import decoded
from micrograd_kr.teacher.ask.messages import ExerciseError, printable

HEADINGS = (("name",), ("full name",), ("student",), ("이름",), ("성명",), ("학생",))
IN_PARTS = (("first name", "last name"), ("first name", "surname"))  # as Moodle has them
MOST = 500  # students
FILE_BYTES = 1_000_000
NAME_LENGTH = 40  # characters of a file's name, each of four bytes at most
KEY = "key"
RESERVED = {KEY, "con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}  # Windows'


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
