"""What `check` makes of planted mistakes: `python tests/bench/mistakes.py [SEED] [--each N] [--decimals 8 4] …`.

For each kind of mistake, N sheets with all numbers written, N with 70 %, N with only the results: how many mistakes
rounding hides; of the others, how often the first wrong number is right, and how often the planted mistake is among the
causes named for it (tests/diagnosed.py says how that is decided), how many causes that is, how often at most three, and
how many other numbers are left that follow from nothing and have no cause. Then the same for exercises with special
numbers, a twentieth as many of each, where more may be hidden; and random wrong numbers, which have no cause. Exits
with 1 where a bar is missed. Sheets of mistakes that were not found are written to --keep. Without a SEED one is drawn
and printed.
"""

import argparse
import math
import os
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import careless
import diagnosed
from careless import DATA, KINDS, MISCONCEPTIONS
from diagnosed import Outcome

from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.check.diagnosis import check

WRITTEN = ("all", "70 %", "results")
HEAD = ("sheets", "hidden", "first", "right", "causes", "≤ 3", "unexplained")


def report_of(text: str, folder: Path) -> Any:
    file = folder / f"{os.getpid()}.toml"
    file.write_text(text, encoding="utf-8")
    try:
        return check(load(file))
    except Exception as error:
        error.add_note(text)
        raise


def outcome(seed: str, decimals: int, folder: Path, keep: Path, task: tuple[str, str, str, int]) -> Outcome:
    """Plant a mistake and judge what is found; the sheet is kept where it is not. task: kind, data, written, number."""
    kind, data, written, number = task
    planted = careless.planted(seed, number, kind, data, decimals=decimals, written=written)
    found = diagnosed.judged(planted, report_of(planted.toml(), folder))
    if found.elsewhere or not (found.hidden or found.right):
        lacks = "false alarm" if found.elsewhere else "no such cause" if found.first else "other first"
        file = keep / f"{decimals} {lacks} {kind} {data} {written} {number}.toml".replace("/", "-").replace(" ", "_")
        file.write_text(f"# seed {seed}; {found}; truth {due(planted)}\n{planted.toml()}", encoding="utf-8")
    return found


def due(planted: careless.Planted) -> str:
    """The numbers that the mistake reaches, and what they come to with it."""
    truth = planted.truth()
    return ", ".join(
        f"{name} = {truth[careless.canonical(name)]:.12g}" for name in planted.sheet.hand if name in planted.reached
    )


def share(held: Iterable[bool]) -> str:
    each = list(held)
    return f"{sum(each) / len(each):.1%}" if each else "–"


def table(title: str, groups: dict[str, list[Outcome]]) -> None:
    print(f"\n{title:<38}" + "".join(f"{each:>9}" for each in HEAD[:-1]) + f"{HEAD[-1]:>13}")
    for name, outcomes in groups.items():
        shown = [each for each in outcomes if not each.hidden]
        causes = f"{statistics.mean(each.causes for each in shown):.2f}" if shown else "–"
        columns = (
            str(len(outcomes)),
            share(each.hidden for each in outcomes),
            share(each.first for each in shown),
            share(each.right for each in shown),
            causes,
            share(each.causes <= 3 for each in shown),
        )
        unexplained = sum(each.unexplained for each in shown)
        print(f"{name:<38}" + "".join(f"{each:>9}" for each in columns) + f"{unexplained:>13}", flush=True)


def grouped(outcomes: Sequence[Outcome], names: Sequence[str]) -> dict[str, list[Outcome]]:
    groups: dict[str, list[Outcome]] = {}
    for name, each in zip(names, outcomes, strict=True):
        groups.setdefault(name, []).append(each)
    return groups | {"together": list(outcomes)}


def without_cause(seed: str, decimals: int, folder: Path, number: int) -> bool | None:
    """Whether a random number has no cause; None if it is not called wrong."""
    sheet, name = careless.random_number(seed, number, decimals=decimals)
    row = next(row for row in report_of(sheet.toml(), folder).rows if row.name == name)
    return not row.causes if row.verdict == "wrong" else None


def measured(pool: ProcessPoolExecutor, given: argparse.Namespace, decimals: int, folder: Path) -> list[str]:
    """Print the tables of sheets with so many decimals; the bars that are missed."""
    find = partial(outcome, given.seed, decimals, folder, given.keep)
    kinds = [kind for kind in (*KINDS, *MISCONCEPTIONS) if not given.kinds or any(word in kind for word in given.kinds)]
    tasks = [(kind, "ordinary", written, n) for kind in kinds for written in WRITTEN for n in range(given.each)]
    outcomes = list(pool.map(find, tasks, chunksize=8))
    table(f"{decimals} decimals", grouped(outcomes, [kind for kind, *_ in tasks]))
    table("  by what is written", grouped(outcomes, [written for *_, written, _ in tasks]))
    special = special_tasks(kinds, math.ceil(given.each / 20))
    found = list(pool.map(find, special, chunksize=8))
    table(f"{decimals} decimals, special numbers", grouped(found, [data for _, data, *_ in special]))
    missed = diagnosed.missed(outcomes, decimals) + [
        f"special numbers, {each}"
        for each in diagnosed.missed(found, decimals, few_sheets=True)
        if "hidden" not in each
    ]
    draws = pool.map(partial(without_cause, given.seed, decimals, folder), range(given.random), chunksize=8)
    without = [each for each in draws if each is not None]
    print(
        f"\nrandom numbers, {decimals} decimals, called wrong: no cause for {sum(without)} of {len(without)}", end=", "
    )
    print(share(without))
    if decimals == 8 and not diagnosed.reaches(sum(without), len(without), diagnosed.NO_CAUSE):
        missed.append(f"random numbers without a cause: {share(without)}")
    return [f"{decimals} decimals: {each}" for each in missed]


def special_tasks(kinds: Sequence[str], count: int) -> list[tuple[str, str, str, int]]:
    return [
        (kind, data, written, n)
        for data in DATA
        for kind in kinds
        for written in WRITTEN
        for n in range(count)
        if data != "ordinary" and careless.can_be_made(kind, data)
    ]


def main(words: Iterable[str]) -> int:
    parser = argparse.ArgumentParser(description="What check makes of planted mistakes.")
    parser.add_argument("seed", nargs="?", default=secrets.token_hex(4))
    parser.add_argument("--each", type=int, default=200, help="sheets of each kind with all, 70 %% or results written")
    parser.add_argument("--decimals", type=int, nargs="+", default=[8, 4], choices=tuple(diagnosed.BARS))
    parser.add_argument("--kinds", nargs="+", default=[], help="only kinds with one of these words")
    parser.add_argument("--random", type=int, default=600, help="random wrong numbers")
    parser.add_argument("--jobs", type=int, help="processes; otherwise as many as processors")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "mistakes-not-found")
    given = parser.parse_args(list(words))
    start = time.perf_counter()
    given.keep.mkdir(parents=True, exist_ok=True)
    print(f"seed {given.seed}")
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(given.jobs) as pool:
        missed = [each for decimals in given.decimals for each in measured(pool, given, decimals, Path(folder))]
    minutes, seconds = divmod(math.ceil(time.perf_counter() - start), 60)
    print(f"\n{minutes} min {seconds} s; " + ("MISSED: " + "; ".join(missed) if missed else "all bars met"))
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
