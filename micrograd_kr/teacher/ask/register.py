"""Who is in a class: names, and IDs where there are any, in a CSV file as a spreadsheet or Moodle writes it."""

import csv
import io
import unicodedata
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import NamedTuple

from micrograd_kr.files import FileChangedError, decoded, steady
from micrograd_kr.teacher.ask.messages import ExerciseError, changed_meanwhile, printable

HEADINGS = (("name",), ("full name",), ("student",), ("이름",), ("성명",), ("학생",))
IN_PARTS = (("first name", "last name"), ("first name", "surname"))  # as Moodle has them
NUMBERS = ("id number", "idnumber", "student id", "student number", "학번", "id", "username")
IDS = (*NUMBERS, "email address", "email", "e-mail", "이메일", "이메일 주소")  # the first that there is
MOST = 500  # students
FILE_BYTES = 1_000_000
NAME_LENGTH = 40  # characters of a file's name, each of four bytes at most
KEY, PAGE = "key", "-page.html"
RESERVED = {KEY, "con", "prn", "aux", "nul", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}  # Windows'


class Listed(NamedTuple):
    """One of a class. id: what a gradebook knows them by, "" where the list does not say."""

    name: str
    id: str = ""


def listed_in(path: Path) -> list[Listed]:
    """The students in a CSV file: their names are in the column that a heading calls so, else in the first, their IDs
    in one that is called so. Raises ExerciseError where there are none.
    """
    rows = [row for row in _rows(path) if any(map(str.strip, row))]
    headings = [each.strip().casefold() for each in rows[0]] if rows else []
    columns = next((each for each in (*HEADINGS, *IN_PARTS) if {*each} <= {*headings}), ())
    places = [headings.index(each) for each in columns] or [0]
    by_id = [headings.index(each) for each in IDS if columns and each in headings][:1]

    def cell(row: list[str], at: list[int]) -> str:
        return printable(" ".join(" ".join(row[i] for i in at if i < len(row)).split()))

    found = [Listed(cell(row, places), cell(row, by_id)) for row in rows[bool(columns) :] if cell(row, places)]
    if not found:
        raise ExerciseError("expected names, one a line, or in a column called name").at(path.name)
    if len(found) > MOST:
        raise ExerciseError("expected at most {most} names, got {count}", most=MOST, count=len(found)).at(path.name)
    return found


def _rows(path: Path) -> list[list[str]]:
    try:
        with path.open("rb") as file, steady(file.fileno()):
            text = decoded(file.read(FILE_BYTES))
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)  # as a spreadsheet writes it in one country or another
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except FileChangedError:
        raise changed_meanwhile().at(path.name) from None
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
        found.append(next(each for each in tries if taken.isdisjoint(_beginnings(each))))
        taken.update(_beginnings(found[-1]))
    return found


def _beginnings(stem: str) -> set[str]:
    """What the names of a student's files begin with: nobody is called like another's page."""
    return {stem.casefold(), f"{stem}{PAGE}".removesuffix(".html").casefold()}
