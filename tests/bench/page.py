"""What the page says of a sheet beside what `check` says: `python tests/bench/page.py [SEED] [--sheets N]`.

Honest people and mistaken ones (tests/people.py, careless.py, strangers.py) fill in sheets; each is judged by `check`,
and by its exercise's page in a headless Chromium. Verdicts, the first wrong number and what follows from what are
compared, pages are weighed, and the time from a key pressed to the verdict is taken. Exits with 1 where a bar is
missed; sheets on which the two disagree are written to --keep. Without a SEED one is drawn and printed.
"""

import argparse
import math
import random
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import careless
import people
import strangers
from browsing import chromium

from micrograd_kr.__main__ import main as command
from micrograd_kr.said import LANGUAGES
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.check.report import Report
from micrograd_kr.teacher.show.page import page

VERDICTS, FIRST, CAUSE = 0.999, 0.995, 0.99  # equal to those of check, at least
CHAPTER, SIXTY = 400_000, 900_000  # bytes of its page, and of one of 60 quantities, at most
NET = ["new", "--layers", "4-4-3", "--bias"]  # of 60
NEAR = 1e-6  # bounds that are one, relative
LISTS = ("verdicts", "wrongly", "bounds")
KEY = 50.0  # milliseconds from a key to the verdict, at most
JUDGED = "(cells) => checked(readExercise(data.check), cells)"
TIMED = """(cells, exercise = readExercise(data.check)) => Array.from({ length: 20 }, () => {
  const start = performance.now();
  checked(exercise, cells);
  return performance.now() - start;
})"""

Draw = Callable[[str, int, random.Random], people.Sheet]
SORTS: dict[str, Draw] = {
    "honest": lambda seed, n, draw: people.sheet(seed, n, *draw.choice(people.STYLES)),
    "other habits": lambda seed, n, draw: people.sheet_of_habit(seed, n, draw.choice(list(people.HABITS))),
    "careless": lambda seed, n, draw: (
        careless.planted(seed, n, draw.choice([*careless.KINDS, *careless.MISCONCEPTIONS])).sheet
    ),
    "strangers": lambda seed, n, draw: (
        strangers.planted(seed, n, draw.choice([*strangers.KINDS, *strangers.RULES])).sheet
    ),
    "off by a little": lambda seed, n, draw: strangers.moved(seed, n, 2, 100)[0],
    "a random number": lambda seed, n, draw: careless.random_number(seed, n)[0],
}


class Compared(NamedTuple):
    """A sheet judged by both: its numbers; those with other verdicts, as (name, of check, of the page); those right by
    check and wrong by the page; those with another bound of rounding; whether the first wrong number is the same; wrong
    numbers, and those of them that follow from the same; causes that are told otherwise, as (name, of check, of the
    page), and how many the page tells.
    """

    rows: int
    verdicts: list[tuple[str, str, str]]
    wrongly: list[str]
    bounds: list[str]
    first: bool
    wrong: int
    follows: int
    causes: list[tuple[str, str, str]]
    named: int


@contextmanager
def tab() -> Iterator[Any]:
    with chromium() as browser:
        yield browser.new_context(offline=True).new_page()


def opened(shown: Any, exercise: Exercise, folder: Path) -> str:
    """Show the page of an exercise, and return its text."""
    file, text = folder / "page.html", page(exercise)
    file.write_text(text, "utf-8")
    shown.goto(file.as_uri())
    return text


def compared(shown: Any, exercise: Exercise, report: Report) -> Compared:
    """The sheet of an exercise whose page is shown, judged there as well."""
    found = shown.evaluate(JUDGED, list(exercise.hand.items()))
    rows = {row["name"]: row for row in found["rows"]}
    pairs = [(row, rows[row.name]) for row in report.read]
    apart = [(row.name, row.verdict, own["verdict"]) for row, own in pairs if row.verdict != own["verdict"]]
    wrongly = [name for name, verdict, own in apart if own == "wrong" and verdict in ("match", "rounding")]
    bounds = [row.name for row, own in pairs if not math.isclose(row.bound, own.get("bound", 0.0), rel_tol=NEAR)]
    first = report.first_wrong.name if report.first_wrong else None
    wrong = [(row, own) for row, own in pairs if row.verdict == "wrong"]
    follows = sum(row.follows_from == own.get("follows") for row, own in wrong)
    told = [(row, own["cause"]["said"]) for row, own in wrong if own.get("cause")]
    causes = [
        (row.name, str(row.causes[0].said) if row.causes else "", said["en"])
        for row, said in told
        if not row.causes or {lang: row.causes[0].said.in_(lang) for lang in LANGUAGES} != said
    ]
    return Compared(
        len(pairs), apart, wrongly, bounds, first == found["firstWrong"], len(wrong), follows, causes, len(told)
    )


def drawn(seed: str, number: int, folder: Path) -> tuple[str, Exercise]:
    """A sheet of one sort of people."""
    draw = random.Random(f"{seed}/{number}/page")
    sort = draw.choice(list(SORTS))
    file = folder / "sheet.toml"
    file.write_text(SORTS[sort](seed, number, draw).toml(), "utf-8")
    return sort, load(file)


def sheets(shown: Any, seed: str, count: int, folder: Path, keep: Path) -> list[Compared]:
    """So many sheets, judged by both; one on which they disagree is kept."""
    found = []
    for number in range(count):
        sort, exercise = drawn(seed, number, folder)
        opened(shown, exercise, folder)
        each = compared(shown, exercise, check(exercise))
        found.append(each)
        if each.verdicts or each.causes or not each.first:
            keep.mkdir(parents=True, exist_ok=True)
            kept = shutil.copy(folder / "sheet.toml", keep / f"{seed}-{number}.toml")
            print(
                f"  {sort}: {each.verdicts or each.causes or 'another first wrong number'}, kept as {kept}", flush=True
            )
    return found


def milliseconds(shown: Any, exercise: Exercise, folder: Path) -> float:
    """From a key to the verdicts of the whole sheet, the median."""
    opened(shown, exercise, folder)
    return statistics.median(shown.evaluate(TIMED, list(exercise.hand.items())))


def of_sixty(folder: Path) -> int:
    """Bytes of the page of a net of 60 quantities."""
    command([*NET, "-o", str(folder / "net.toml")])
    net = load(folder / "net.toml")
    assert len(net.positions) == 60
    return len(page(net).encode())


def main(words: Iterable[str]) -> int:
    parser = argparse.ArgumentParser(description="What the page says of a sheet beside what check says.")
    parser.add_argument("seed", nargs="?", default=secrets.token_hex(4))
    parser.add_argument("--sheets", type=int, default=500)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "pages-that-differ")
    given = parser.parse_args(list(words))
    start = time.perf_counter()
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory() as name, tab() as shown:
        folder, chapter = Path(name), load("chapter7")
        found = sheets(shown, given.seed, given.sheets, folder, given.keep)
        key, sixty = milliseconds(shown, chapter, folder), of_sixty(folder)
    rows, wrong = sum(each.rows for each in found), sum(each.wrong for each in found)
    apart, wrongly, bounds = (sum(len(of(each)) for each in found) for of in map(attrgetter, LISTS))
    first, follows = sum(each.first for each in found), sum(each.follows for each in found)
    told, others = sum(each.named for each in found), sum(len(each.causes) for each in found)
    size = len(page(chapter).encode())
    bars = {
        f"verdicts equal: {rows - apart:,} of {rows:,}": rows - apart >= VERDICTS * rows,
        f"bounds equal: {rows - bounds:,} of {rows:,}": rows - bounds >= VERDICTS * rows,
        f"wrong for right: {wrongly}": not wrongly,
        f"first wrong number equal: {first} of {len(found)}": first >= FIRST * len(found),
        f"causes that the page names, told as by check: {told - others} of {told}": told - others >= CAUSE * told,
        f"the page of chapter7: {size:,} bytes": size <= CHAPTER,
        f"a page of 60 quantities: {sixty:,} bytes": sixty <= SIXTY,
        f"from a key to the verdicts of chapter7: {key:.1f} ms": key <= KEY,
    }
    print(f"wrong numbers that follow from the same: {follows} of {wrong}")
    for what, is_met in bars.items():
        print(f"{what}{'' if is_met else ', MISSED'}")
    print(f"{time.perf_counter() - start:.0f} s")
    return int(not all(bars.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
