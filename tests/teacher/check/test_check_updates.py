"""Checks of sheets with several updates: people who round every number, and what a program works out after many."""

import random

import pytest

from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import built_in, load, source_text
from micrograd_kr.teacher.ask.hand import with_hand
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check.diagnosis import check

SHEET = """\
title = "momentum"
loss = "E"
lr = {lr}
steps = {steps}
[given]
x = {x}
y = {y}
[parameters]
w = {w}
b = {b}
[forward]
h = "w*x + b"
E = "1/2*(h - y)**2"
[update]
m = "0.9*m + g"
p = "p - lr*m"
[hand]
"""


def worked(chance: random.Random, steps: int, decimals: int) -> tuple[str, dict[str, float]]:
    """An exercise, and every number of it as a person works it who rounds each step."""

    def kept(number: float) -> float:
        return round(number, decimals)

    start = {name: round(chance.uniform(0.3, 2), 2) for name in "xywb"} | {"lr": chance.choice([0.01, 0.05, 0.1])}
    now, m, found = {"w": start["w"], "b": start["b"]}, {"w": 0.0, "b": 0.0}, dict[str, float]()
    for k in range(steps + 1):
        h = kept(kept(now["w"] * start["x"]) + now["b"])
        error = kept(h - start["y"])
        found |= {f"h@{k}": h, f"E@{k}": kept(kept(error * error) / 2)}
        if k == steps:
            break
        for name, slope in {"w": kept(error * start["x"]), "b": error}.items():
            m[name] = kept(kept(0.9 * m[name]) + slope)
            now[name] = kept(now[name] - kept(start["lr"] * m[name]))
            found |= {f"dE/d{name}@{k}": slope, f"m_{name}@{k + 1}": m[name], f"{name}@{k + 1}": now[name]}
    return SHEET.format(steps=steps, **start), found


def sheet(folder, text: str, numbers: dict[str, float], decimals: int) -> Exercise:
    path = folder / "my.toml"
    path.write_text(text + "".join(f'"{name}" = "{number:.{decimals}f}"\n' for name, number in numbers.items()))
    return load(path)


WRITTEN = {
    "every number": lambda name, steps: True,
    "the parameters": lambda name, steps: name[0] in "wb",
    "the last pass": lambda name, steps: name.endswith(f"@{steps}"),
}


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize(("steps", "decimals"), [(3, 3), (5, 6), (8, 4), (12, 4)])
def test_who_rounds_every_number_of_several_updates_has_nothing_wrong(written, steps, decimals, tmp_path):
    chance = random.Random(f"{steps} {decimals}")
    for _ in range(3):
        text, numbers = worked(chance, steps, decimals)
        chosen = {name: number for name, number in numbers.items() if WRITTEN[written](name, steps)}
        assert [row.name for row in check(sheet(tmp_path, text, chosen, decimals)).wrong] == []


@pytest.mark.parametrize("steps", [8, 40])
def test_a_number_that_is_off_after_several_updates_is_wrong_though_none_between_is_written(steps, tmp_path):
    text, numbers = worked(random.Random(steps), steps, 12)
    right = {name: numbers[name] for name in ("h@0", "E@0", f"w@{steps}", f"E@{steps}")}
    assert check(sheet(tmp_path, text, right, 6)).wrong == ()
    off = right | {f"w@{steps}": right[f"w@{steps}"] + 0.05}
    assert f"w+@{steps}" in [row.name for row in check(sheet(tmp_path, text, off, 6)).wrong]


def in_two_steps(folder, **numbers: str) -> Exercise:
    """The chapter's exercise with two updates, and numbers of it."""
    text = source_text("chapter7").replace("lr = 0.5", "lr = 0.5\nsteps = 2")
    rows = "".join(f'"{name}" = "{number}"\n' for name, number in numbers.items())
    path = folder / "two.toml"
    path.write_text(text[: text.index("\n[hand]\n")] + f"\n[hand]\n{rows}", "utf-8")
    return load(path)


def test_a_wrong_number_of_the_second_update_alone_is_judged(tmp_path):
    (row,) = check(in_two_steps(tmp_path, **{"W1++": "0.29890123"})).rows
    assert row.verdict == "wrong"


def test_the_slope_of_another_unit_is_named_in_the_second_pass_as_in_the_first(tmp_path):
    names = ["dE_total/dh1@1", "dh1/dz1@1", "dh2/dz2@1", "dE_total/dW1@1"]
    solution = solve(in_two_steps(tmp_path, **dict.fromkeys(names, "")))
    values = {name: solution.value(each) for name, each in solution.exercise.asked.items()}
    values[names[3]] = values[names[0]] * values[names[2]] * solution.start["x1"]
    report = check(in_two_steps(tmp_path, **{name: f"{value:.8f}" for name, value in values.items()}))
    assert report.first_wrong.name == names[3]
    assert "∂h2′/∂z2 was used where ∂h1′/∂z1 is due" in str(report.first_wrong.causes[0].said)


@pytest.mark.parametrize("exercise", built_in())
def test_each_name_of_an_exercise_may_stand_on_a_sheet_what_an_update_starts_with_among_them(exercise: str) -> None:
    asked = load(exercise)
    wrong = [check(with_hand(asked, {name: "123.25"})).rows for name in sorted({*asked.positions, *asked.states})]
    assert {row.verdict for (row,) in wrong} == {"wrong"}
    right = check(with_hand(asked, {row.name: repr(row.value) for (row,) in wrong})).rows
    assert {row.verdict for row in right} == {"match"}
