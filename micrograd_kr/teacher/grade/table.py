"""The marks of a class as tables in a terminal, as CSV for a gradebook, and as JSON for a program.

The columns of the CSV, one line a paper, in UTF-8 with a byte order mark, as spreadsheets and Moodle want it:

    student     who the file says it is of (name = "…"), else the file's name
    id          their ID where the file (id = "…") or the list of the class says it
    points      the marks, and `of`: the most there are
    percent     the points as a percentage
    right, follows, wrong, undecided, unreadable, blank
                how many of the numbers asked are right (rounding counts as right), follow rightly from an earlier
                mistake of one's own, are wrong, too coarse to tell, not to be read, not answered
    first_wrong, cause
                the first wrong number, and what explains it, in the language asked for
    look_at     what a person has to judge: undecided and unreadable numbers
    exercise, seed, file
                its title, the seed of its numbers, and where it was read from
    error       why a file could not be used, or that none was handed in; the marks are empty then

In Moodle `id` is mapped to the ID number, the address or the user name, whichever the list of --names has. A text that
a spreadsheet would take for a formula has an apostrophe in front.
"""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from micrograd_kr.printed import Column, Printed, displayable, grid
from micrograd_kr.said import LANGUAGES, Said, say
from micrograd_kr.teacher.check.report import in_a_sentence
from micrograd_kr.teacher.grade.marks import Class, Course, Made
from micrograd_kr.teacher.grade.mistake import Mistake
from micrograd_kr.teacher.grade.paper import OUTCOMES, Outcome, Paper

HARDEST = 8  # quantities in the terminal
SHOWN: tuple[Outcome, ...] = ("right", "follows", "wrong", "blank")  # there; of the others the names are said
COLUMNS = ("student", "id", "points", "of", "percent", *OUTCOMES, "first_wrong", "cause", "look_at")
COLUMNS += ("exercise", "seed", "file", "error")
FORMULA = r"[=+@\t\r-]"  # at the beginning of a cell


def number(value: float) -> str:
    """Points as people write them: 34, 33.5."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def first_wrong(mistake: Mistake) -> str:
    return f"{mistake.name} = {in_a_sentence(mistake.hand)}"


def cause(mistake: Mistake) -> Said:
    return mistake.said if mistake.sure else say("perhaps: {cause}", cause=mistake.said)


def as_csv(found: Class, lang: str = "en") -> str:
    """A class as CSV, with a byte order mark."""
    text = io.StringIO(newline="")
    lines = csv.DictWriter(text, COLUMNS, restval="")
    lines.writeheader()
    for course, paper in found.papers:
        cells = {"student": paper.student, "id": paper.id, "file": paper.file}
        if paper.error is not None:
            cells["error"] = paper.error.in_(lang)
        if course is not None:
            cells |= {name: str(course.counts(paper)[name]) for name in OUTCOMES}
            cells |= {"points": number(course.points(paper)), "of": number(course.most)}
            cells |= {"percent": number(100 * course.share(paper)), "exercise": course.title}
            cells |= {
                "seed": "" if paper.seed is None else str(paper.seed),
                "look_at": ", ".join(course.to_look_at(paper)),
            }
            for mistake in paper.mistakes[:1]:
                cells |= {"first_wrong": first_wrong(mistake), "cause": cause(mistake).in_(lang)}
        lines.writerow(_safe(cells))
    for each in found.absent:
        lines.writerow(_safe({"student": each.name, "id": each.id, "error": say("not handed in").in_(lang)}))
    return "\ufeff" + text.getvalue()


def _safe(cells: dict[str, str]) -> dict[str, str]:
    return {name: f"'{cell}" if re.match(FORMULA, cell) else cell for name, cell in cells.items()}


# --- JSON -------------------------------------------------------------------------------------------------------------


def as_json(found: Class) -> str:
    """A class as JSON, in ASCII characters; what is said in both languages."""
    data = {
        "courses": [_course(each) for each in found.courses],
        "unusable": [{"file": each.file, "error": _said(each.error)} for each in found.unusable if each.error],
        "absent": [each._asdict() for each in found.absent],
        "remarks": [_said(each) for each in found.remarks],
    }
    return json.dumps(data, indent=2, allow_nan=False)


def _said(said: Said) -> dict[str, str]:
    return {lang: said.in_(lang) for lang in LANGUAGES}


def _course(course: Course) -> dict[str, Any]:
    return {
        "exercise": course.title,
        "marks": course.marks._asdict(),
        "of": course.most,
        "papers": [_paper(course, each) for each in course.papers],
        "quantities": {name: {each: counts[each] for each in OUTCOMES} for name, counts in course.quantities.items()},
        "misconceptions": [
            {"said": _said(each.said), "made": [_made(made) for made in each.made]} for each in course.misconceptions
        ],
    }


def _paper(course: Course, paper: Paper) -> dict[str, Any]:
    counts = course.counts(paper)
    return {
        "file": paper.file,
        "student": paper.student,
        "id": paper.id,
        "seed": paper.seed,
        "points": course.points(paper),
        "counts": {each: counts[each] for each in OUTCOMES},
        "look_at": course.to_look_at(paper),
        "answers": {name: vars(each) for name, each in paper.answers.items()},
        "mistakes": [_made(Made(paper, each)) for each in paper.mistakes],
    }


def _made(made: Made) -> dict[str, Any]:
    mistake = made.mistake
    told = {"file": made.paper.file, "name": mistake.name, "hand": mistake.hand}
    return told | {"said": _said(mistake.said), "sure": mistake.sure}


# --- the terminal -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table(Printed):
    """A class as it is printed: for each exercise the papers, the misconceptions and the hardest quantities."""

    found: Class
    lang: str = "en"

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        def line(said: Said | str, style: str = "") -> Text:
            return Text(displayable(said.in_(self.lang) if isinstance(said, Said) else said, options.encoding), style)

        for course in self.found.courses:
            yield line(course.title, "bold")
            yield line(summary(course))
            yield line("")
            for columns, rows in self._tables(course):
                yield from grid(columns, rows, console, options, self.lang)
                yield line("")
        for paper in self.found.unusable:
            yield line(paper.error or "", "magenta")
        yield from map(line, self.found.remarks)

    def _tables(self, course: Course) -> Iterator[tuple[list[Column], list[tuple[str, Sequence[str]]]]]:
        yield self._papers(course)
        if course.misconceptions:
            yield self._misconceptions(course)
        if hardest := _hardest(course):
            columns = [Column(say("quantity"), hardest), *_counted([course.quantities[name] for name in hardest])]
            yield columns, [("", ())] * len(hardest)

    def _papers(self, course: Course) -> tuple[list[Column], list[tuple[str, Sequence[str]]]]:
        points = [f"{number(course.points(paper))}/{number(course.most)}" for paper in course.papers]
        columns = [
            Column(say("student"), list(map(course.called, course.papers))),
            Column(say("points"), points, numeric=True),
            *_counted([course.counts(paper) for paper in course.papers]),
        ]
        return columns, [("", list(self._notes(course, paper))) for paper in course.papers]

    def _notes(self, course: Course, paper: Paper) -> Iterator[str]:
        for mistake in paper.mistakes[:1]:
            yield f"{first_wrong(mistake)}: {cause(mistake).in_(self.lang)}"
        if names := course.to_look_at(paper):
            yield say("to be looked at: {names}", names=", ".join(names)).in_(self.lang)

    def _misconceptions(self, course: Course) -> tuple[list[Column], list[tuple[str, Sequence[str]]]]:
        found = course.misconceptions
        columns = [
            Column(say("made by"), [str(len(each.made)) for each in found], numeric=True),
            Column(say("mistake"), [each.said.in_(self.lang) for each in found]),
        ]
        who = ["; ".join(f"{course.called(made.paper)}: {made.place}" for made in each.made) for each in found]
        return columns, [("", [each]) for each in who]


def summary(course: Course) -> Said:
    gaps = {"count": len(course.papers), "mean": round(100 * course.mean), "asked": len(course.asked)}
    return say("Papers: {count}. Mean: {mean} %. Numbers asked: {asked}.", **gaps)


def _counted(counts: Sequence[Counter[Outcome]]) -> Iterator[Column]:
    for outcome in SHOWN:
        yield Column(OUTCOMES[outcome], [str(each[outcome] or "·") for each in counts], numeric=True)


def _hardest(course: Course) -> list[str]:
    """The quantities at which the most went wrong by themselves."""
    wrong = {name: counts["wrong"] for name, counts in course.quantities.items() if counts["wrong"]}
    return sorted(wrong, key=lambda name: -wrong[name])[:HARDEST]
