"""Each mistake of catalogue.toml is named on a sheet that is right otherwise, in both languages.

What it comes to is worked in plain Python there, from numbers that are worked in plain Python here.
"""

import math
import os
import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from micrograd_kr.said import Said
from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.check.mistakes import KINDS
from micrograd_kr.teacher.check.report import Cause

CATALOGUE: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))
ROWS = [(exercise, *mistake) for exercise, each in CATALOGUE.items() for mistake in each["mistakes"]]
SEED = os.environ.get("MICROGRAD_KR_SEED") or "catalogue"
ALONE = [(exercise, *mistake) for exercise, each in CATALOGUE.items() for mistake in each.get("alone", ())]


def sigma(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def worked(exercise: Exercise, numbers: Mapping[str, str], formula: str) -> float:
    """A formula in numbers that are worked in Python, not by the engine."""
    start = {**exercise.given, **exercise.parameters}
    known: dict[str, Any] = {**start, "start": start, "lr": exercise.lr, "math": math, "sigma": sigma}
    for name, each in numbers.items():
        known[name] = eval(each, known)
    return float(eval(formula, known))


# --- the sheets -------------------------------------------------------------------------------------------------------

SLOPES = {
    "chapter": ("do1/dz3", "do2/dz4", "dh1/dz1", "dh2/dz2"),
    "net": ("do1/dz3", "do2/dz4", "dh1/dz1", "dh2/dz2"),
    "recurrent": ("dh1/da1", "dh2/da2", "dh3/da3"),
    "entropy": ("do/dz",),
    "branches": ("dm/dq", "dm/du", "dh/dq", "dk/du"),
}


@cache
def exercise_of(name: str, draw: int = 0) -> Exercise:
    """An exercise of the catalogue. draw: with other numbers, of the same signs; whole ones stay, a class is 0 or 1."""
    if "built_in" in CATALOGUE[name]:
        exercise = load(CATALOGUE[name]["built_in"])
    else:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "exercise.toml"
            file.write_text(CATALOGUE[name]["exercise"], encoding="utf-8")
            exercise = load(file)
    if not draw:
        return exercise
    random = Random(f"{SEED}/{name}/{draw}")

    def drawn(numbers: Mapping[str, float]) -> dict[str, float]:
        return {
            each: number if number.is_integer() else round(number * random.uniform(0.6, 1.5), 4)
            for each, number in numbers.items()
        }

    return replace(exercise, given=drawn(exercise.given), parameters=drawn(exercise.parameters))


def sheet(name: str, exercise: Exercise, written: str) -> list[str]:
    """The names on it: everything, or the last lines and what comes of the parameters."""
    loss, lines = exercise.loss, [*exercise.forward]
    gradients = [each for each in (*lines, *exercise.parameters) if each in solve(exercise).gradients and each != loss]
    results = [f"d{loss}/d{each}" for each in (gradients if written == "all" else exercise.parameters)]
    updates = [f"{each}+" for each in exercise.parameters if exercise.lr is not None]
    return (
        [*lines, *results, *updates, *SLOPES.get(name, ())] if written == "all" else [*lines[-2:], *results, *updates]
    )


def causes(exercise: str, mistake: tuple[str, str], written: str, draw: int = 0) -> tuple[float, tuple[Cause, ...]]:
    """What a mistake comes to, and its causes on a sheet that is right otherwise; nothing else may be called wrong."""
    asked, (name, formula) = exercise_of(exercise, draw), mistake
    wrong, solution = worked(asked, CATALOGUE[exercise]["numbers"], formula), solve(asked)
    names = dict.fromkeys([*sheet(exercise, asked, written), name])
    hand = {each: f"{solution.value(each):.8f}" for each in names} | {name: f"{wrong:.8f}"}
    report = check(replace(asked, hand=hand))
    assert [row.name for row in report.wrong] == [name]
    return wrong, report.wrong[0].causes


def mistake_in(cause: Cause) -> Said:
    """What a cause says was done, the first where it may have been one of several."""
    said = cause.said
    while inner := said.gaps.get("one") or said.gaps.get("mistake"):
        said = inner
    return said


@pytest.mark.parametrize(
    ("exercise", "name", "formula", "kind", "english", "korean"),
    ROWS,
    ids=[f"{row[0]} {row[1]} = {row[2]}" for row in ROWS],
)
def test_a_mistake_is_named_among_right_numbers(
    exercise: str, name: str, formula: str, kind: str, english: str, korean: str
) -> None:
    wrong, (cause, *others) = causes(exercise, (name, formula), "all")
    assert (cause.kind, str(mistake_in(cause)), mistake_in(cause).in_("ko")) == (kind, english, korean)
    assert cause.value == pytest.approx(wrong, rel=1e-9)
    assert {each.kind for each in others} <= {"point"}  # lr ten times smaller, or a gradient


@pytest.mark.parametrize(("exercise", "name", "formula", "kind", "english", "korean"), ALONE)
def test_a_mistake_is_named_that_other_numbers_would_contradict(
    exercise: str, name: str, formula: str, kind: str, english: str, korean: str
) -> None:
    _, (cause,) = causes(exercise, (name, formula), "results")
    assert (cause.kind, str(mistake_in(cause)), mistake_in(cause).in_("ko")) == (kind, english, korean)


@pytest.mark.parametrize("written", ["all", "results"])
def test_of_each_kind_nine_in_ten_are_named_whatever_the_numbers_are(written: str) -> None:
    found = defaultdict(list)
    for exercise, name, formula, kind, *_ in ROWS:
        wrong, named = causes(exercise, (name, formula), written, draw=1)
        found[kind].append(any(cause.value == pytest.approx(wrong, rel=1e-9) for cause in named))
    assert {kind: rate for kind, each in found.items() if (rate := sum(each) / len(each)) < 0.9} == {}


def test_every_kind_of_the_catalogue_but_those_tested_elsewhere_has_a_row() -> None:
    elsewhere = {"kink", "updated", "old", "derivative", "minus one", "exchanged", "index", "far", "copied", "two"}
    of_slips = {"digits", "rounded", "point"}
    assert set(KINDS) - {row[3] for row in ROWS} <= elsewhere | of_slips
