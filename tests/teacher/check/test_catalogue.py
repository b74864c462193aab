"""Each mistake of catalogue.toml is named on a sheet that is right otherwise, in both languages.

What it comes to is worked in plain Python there, from numbers that are worked in plain Python here.
"""

import math
import tomllib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from micrograd_kr.said import Said
from micrograd_kr.teacher.ask.exercise import Exercise, load
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check.diagnosis import check
from micrograd_kr.teacher.check.mistakes import KINDS
from micrograd_kr.teacher.check.report import Cause

CATALOGUE: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("catalogue.toml").read_text("utf-8"))
ROWS = [(exercise, *mistake) for exercise, each in CATALOGUE.items() for mistake in each["mistakes"]]
ALONE = [(exercise, *mistake) for exercise, each in CATALOGUE.items() for mistake in each.get("alone", ())]

Numbers = dict[str, float]


# --- the numbers, in plain Python -------------------------------------------------------------------------------------


def sigma(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def of_chapter() -> Numbers:
    v = {"x1": 0.1, "x2": 0.2, "t1": 0.4, "t2": 0.6, "lr": 0.5}
    v |= {f"W{n}": w for n, w in enumerate((0.3, 0.25, 0.4, 0.35, 0.45, 0.4, 0.7, 0.6), 1)}
    v["z1"], v["z2"] = v["W1"] * v["x1"] + v["W2"] * v["x2"], v["W3"] * v["x1"] + v["W4"] * v["x2"]
    v["h1"], v["h2"] = sigma(v["z1"]), sigma(v["z2"])
    v["z3"], v["z4"] = v["W5"] * v["h1"] + v["W6"] * v["h2"], v["W7"] * v["h1"] + v["W8"] * v["h2"]
    v["o1"], v["o2"] = sigma(v["z3"]), sigma(v["z4"])
    v["e1"], v["e2"] = v["o1"] - v["t1"], v["o2"] - v["t2"]
    v["d3"], v["d4"] = v["e1"] * v["o1"] * (1 - v["o1"]), v["e2"] * v["o2"] * (1 - v["o2"])
    v["s1"] = v["h1"] * (1 - v["h1"])
    v["g1"] = v["d3"] * v["W5"] + v["d4"] * v["W7"]
    return v


def of_net() -> Numbers:
    v = {"x1": 0.6, "x2": -0.9, "t1": 0.3, "t2": -0.4, "lr": 0.2, "b1": 0.12, "b2": -0.08, "b3": 0.05, "b4": 0.11}
    v |= {f"W{n}": w for n, w in enumerate((0.35, -0.25, 0.55, 0.15, 0.45, -0.65, 0.85, 0.75), 1)}
    v["z1"] = v["W1"] * v["x1"] + v["W2"] * v["x2"] + v["b1"]
    v["z2"] = v["W3"] * v["x1"] + v["W4"] * v["x2"] + v["b2"]
    v["h1"], v["h2"] = math.tanh(v["z1"]), math.tanh(v["z2"])
    v["z3"] = v["W5"] * v["h1"] + v["W6"] * v["h2"] + v["b3"]
    v["z4"] = v["W7"] * v["h1"] + v["W8"] * v["h2"] + v["b4"]
    v["o1"], v["o2"] = math.tanh(v["z3"]), math.tanh(v["z4"])
    v["E"] = ((v["t1"] - v["o1"]) ** 2 + (v["t2"] - v["o2"]) ** 2) / 2
    v["d3"], v["d4"] = (v["o1"] - v["t1"]) * (1 - v["o1"] ** 2), (v["o2"] - v["t2"]) * (1 - v["o2"] ** 2)
    v["d1"] = (v["d3"] * v["W5"] + v["d4"] * v["W7"]) * (1 - v["h1"] ** 2)
    return v


def of_entropy() -> Numbers:
    v = {"x1": 0.7, "x2": -1.3, "t": 0.9, "w1": 0.4, "w2": 0.3, "b": 0.2, "lr": 0.5}
    v["o"] = sigma(v["w1"] * v["x1"] + v["w2"] * v["x2"] + v["b"])
    return v


def of_batch() -> Numbers:
    v = {"x1": 0.7, "x2": -1.3, "x3": 0.45, "w": 0.4, "b": 0.15}
    return v | {f"a{n}": sigma(v["w"] * v[f"x{n}"] + v["b"]) for n in (1, 2, 3)}


def of_recurrent() -> Numbers:
    v = {
        "h0": 0.2,
        "x1": 0.5,
        "x2": -0.3,
        "x3": 0.8,
        "y": 0.9,
        "u": 0.7,
        "w": 0.4,
        "b": 0.1,
        "v": 1.2,
        "c": -0.2,
        "lr": 0.1,
    }
    for n in (1, 2, 3):
        v[f"h{n}"] = math.tanh(v["u"] * v[f"x{n}"] + v["w"] * v[f"h{n - 1}"] + v["b"])
    v["p"] = v["v"] * v["h3"] + v["c"]
    v["d3"] = (v["p"] - v["y"]) * v["v"] * (1 - v["h3"] ** 2)
    v["d2"] = v["d3"] * v["w"] * (1 - v["h2"] ** 2)
    v["d1"] = v["d2"] * v["w"] * (1 - v["h1"] ** 2)
    return v


def of_classes() -> Numbers:
    s1, s2 = 0.3 * 0.7 + 0.5 * -0.4, -0.2 * 0.7 + 0.6 * -0.4
    return {"p1": math.exp(s1) / (math.exp(s1) + math.exp(s2)), "p2": math.exp(s2) / (math.exp(s1) + math.exp(s2))}


NUMBERS: dict[str, Callable[[], Numbers]] = {
    "chapter": of_chapter,
    "recurrent": of_recurrent,
    "net": of_net,
    "entropy": of_entropy,
    "batch": of_batch,
    "half": lambda: {"a": sigma(0.3)},
    "quarter": lambda: {"t": 0.8, "o": 0.7 * 0.45},
    "classes": of_classes,
    "waves": lambda: {"x": 0.8, "w": 1.3, "v": 0.7},
    "branches": lambda: {"q": -1.3 * 0.8, "u": 0.7 * 0.8},
    "quotient": lambda: {"s": 1.7 * 0.8},
}


def worked(exercise: str, formula: str) -> float:
    return float(eval(formula, {"math": math, "sigma": sigma}, NUMBERS[exercise]()))


# --- the sheets -------------------------------------------------------------------------------------------------------

SLOPES = {
    "chapter": ("do1/dz3", "do2/dz4", "dh1/dz1", "dh2/dz2"),
    "net": ("do1/dz3", "do2/dz4", "dh1/dz1", "dh2/dz2"),
    "recurrent": ("dh1/da1", "dh2/da2", "dh3/da3"),
    "entropy": ("do/dz",),
    "branches": ("dm/dq", "dm/du", "dh/dq", "dk/du"),
}


@cache
def exercise_of(name: str) -> Exercise:
    if "built_in" in CATALOGUE[name]:
        return load(CATALOGUE[name]["built_in"])
    with TemporaryDirectory() as folder:
        file = Path(folder) / "exercise.toml"
        file.write_text(CATALOGUE[name]["exercise"], encoding="utf-8")
        return load(file)


def sheet(name: str, written: str) -> list[str]:
    """The names on it: everything, or the last lines and what comes of the parameters."""
    exercise = exercise_of(name)
    loss, lines = exercise.loss, [*exercise.forward]
    gradients = [each for each in (*lines, *exercise.parameters) if each in solve(exercise).gradients and each != loss]
    results = [f"d{loss}/d{each}" for each in (gradients if written == "all" else exercise.parameters)]
    updates = [f"{each}+" for each in exercise.parameters if exercise.lr is not None]
    return (
        [*lines, *results, *updates, *SLOPES.get(name, ())] if written == "all" else [*lines[-2:], *results, *updates]
    )


def causes(exercise: str, wrong: dict[str, float], written: str, decimals: int = 8) -> dict[str, tuple[Cause, ...]]:
    """The causes of the wrong numbers on a sheet that is right otherwise; nothing else may be called wrong."""
    asked = exercise_of(exercise)
    solution = solve(asked)
    names = dict.fromkeys([*sheet(exercise, written), *wrong])
    hand = {name: f"{wrong[name] if name in wrong else solution.value(name):.{decimals}f}" for name in names}
    report = check(replace(asked, hand=hand))
    assert {row.name for row in report.wrong} == set(wrong)
    return {row.name: row.causes for row in report.rows if row.name in wrong}


def mistake_in(cause: Cause) -> Said:
    """What a cause says was done, the first where it may have been one of several."""
    said = cause.said.gaps["mistake"]
    while "one" in said.gaps:
        said = said.gaps["one"]
    return said


@pytest.mark.parametrize(
    ("exercise", "name", "formula", "kind", "english", "korean"),
    ROWS,
    ids=[f"{row[0]} {row[1]} = {row[2]}" for row in ROWS],
)
def test_a_mistake_is_named_among_right_numbers(
    exercise: str, name: str, formula: str, kind: str, english: str, korean: str
) -> None:
    cause, *others = causes(exercise, {name: worked(exercise, formula)}, "all")[name]
    assert (cause.kind, str(mistake_in(cause)), mistake_in(cause).in_("ko")) == (kind, english, korean)
    assert cause.value == pytest.approx(worked(exercise, formula), rel=1e-9)
    assert {each.kind for each in others} <= {"point"}  # lr ten times smaller, or a gradient


@pytest.mark.parametrize(("exercise", "name", "formula", "kind", "english", "korean"), ALONE)
def test_a_mistake_is_named_that_other_numbers_would_contradict(
    exercise: str, name: str, formula: str, kind: str, english: str, korean: str
) -> None:
    (cause,) = causes(exercise, {name: worked(exercise, formula)}, "results")[name]
    assert (cause.kind, str(mistake_in(cause)), mistake_in(cause).in_("ko")) == (kind, english, korean)


def test_a_mistake_is_named_where_little_else_is_written() -> None:
    found = []
    for exercise, name, formula, *_ in ROWS:
        wrong = worked(exercise, formula)
        (named,) = causes(exercise, {name: wrong}, "results").values()
        found.append(any(cause.value == pytest.approx(wrong, rel=1e-9) for cause in named))
    assert sum(found) >= 0.97 * len(ROWS)


def test_every_kind_of_the_catalogue_but_those_tested_elsewhere_has_a_row() -> None:
    elsewhere = {"kink", "updated", "old", "derivative", "minus one", "exchanged", "index", "far", "copied", "two"}
    of_slips = {"digits", "rounded", "point"}
    assert set(KINDS) - {row[3] for row in ROWS} <= elsewhere | of_slips
