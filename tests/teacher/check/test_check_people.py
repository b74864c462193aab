"""The check's verdicts on simulated people: nobody who only rounded is called wrong, and who slipped is.

The seed of the honest sheets is drawn afresh and printed on failure; MICROGRAD_KR_SEED=… repeats a run. The long run is
tests/bench/honest.py.
"""

import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

import numpy as np
import people
import pytest

from micrograd_kr.teacher.ask.exercise import Exercise
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.solution import solve
from micrograd_kr.teacher.check import sheet as checking
from micrograd_kr.teacher.check.diagnosis import check

SEED = os.environ.get("MICROGRAD_KR_SEED") or secrets.token_hex(4)
HONEST = people.number(40)  # sheets in each style
MOVED = people.number(120)  # slips of each size; their rates are bars, so their seed stays
EIGHT = {"decimals": 8, "written": "all", "zeros": "kept"}

# Every number of the chapter to 8 decimals where it differs, each worked from the rounded one before it.
HALF_EVEN = {"dE_total/dW5": "0.02592285", "W5+": "0.43703858", "W4+": "0.34928992", "z3'": "0.43126997"}
HALF_UP = HALF_EVEN | {"W2+": "0.24919113"}
EXACT = {"z1": "0.08000000", "z2": "0.11000000", "dz1/dW1": "0.10000000"}


# --- the people -------------------------------------------------------------------------------------------------------


def honest(rounding: str, carry: str, count: int, seed: str = SEED, **fixed: object) -> Iterable[people.Sheet]:
    return (people.sheet(seed, number, rounding, carry, **fixed) for number in range(count))


def loaded(text: str, folder: Path) -> Exercise:
    file = folder / "sheet.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)


def units_off(sheet: people.Sheet) -> list[Decimal]:
    """How far each number is from the exact one, in units of the sheet's last decimal; negative: too small in size."""
    unit = Decimal(1).scaleb(-sheet.style.decimals)
    known = [name for name in sheet.hand if name in sheet.exact]
    return [(abs(Decimal(sheet.hand[name])) - abs(sheet.exact[name])) / unit for name in known]


def test_the_textbook_s_formulas_and_the_engine_give_the_same_numbers(tmp_path: Path) -> None:
    for sheet in honest("half-up", "carried", 30):
        solution = solve(loaded(sheet.toml(), tmp_path))
        apart = {name: abs(solution.value(name) - float(exact)) for name, exact in sheet.exact.items()}
        assert max(apart.values()) < 1e-12, (sheet.net, max(apart, key=apart.__getitem__))


def test_who_carries_everything_is_off_by_the_last_rounding_only() -> None:
    for sheet in honest("half-up", "carried", 20, scratch=False):
        assert max(map(abs, units_off(sheet))) <= Decimal("0.5")
    for sheet in honest("cut off", "carried", 20, scratch=False):
        assert all(-1 < off <= 0 for off in units_off(sheet))


@pytest.mark.parametrize(("rounding", "last"), [("half-up", 0.5), ("half-even", 0.5), ("cut off", 1)])
def test_who_carries_nothing_strays_further_than_the_last_rounding(rounding: str, last: float) -> None:
    off = [each for sheet in honest(rounding, "not carried", 20, written="all") for each in units_off(sheet)]
    assert sum(abs(each) > last for each in off) > len(off) / 50


def test_the_same_seed_gives_the_same_sheet_and_another_seed_another() -> None:
    first, again, other = (people.sheet(seed, 3, "half-up", "mixed").toml() for seed in ("a", "a", "b"))
    assert first == again != other


def of_habit(habit: str, count: int = 10, seed: str = "habits") -> Iterable[people.Sheet]:
    return (people.sheet_of_habit(seed, number, habit) for number in range(count))


def test_who_keeps_significant_digits_writes_so_many() -> None:
    left = []  # of what they may write
    for sheet in of_habit("significant digits"):
        numbers = [Decimal(each).normalize() for each in sheet.hand.values()]
        left += [sheet.style.decimals - len(each.as_tuple().digits) for each in numbers if each % 1]
    assert min(left) == 0
    assert left.count(0) > len(left) / 3


def test_who_keeps_more_for_gradients_writes_four_decimals_forward() -> None:
    for sheet in of_habit("more for gradients"):
        decimals = {name: len(written.partition(".")[2]) for name, written in sheet.hand.items()}
        assert max(n for name, n in decimals.items() if "/" not in name and not name.endswith("+")) <= 4
        assert max(decimals.values()) == 4 + sheet.style.more


def test_whole_numbers_are_given_and_mostly_stay_whole() -> None:
    hand = []
    for sheet in of_habit("whole numbers"):
        assert all(each == int(each) for each in (*sheet.net.given.values(), *sheet.net.parameters.values()))
        hand += [written for name, written in sheet.hand.items() if name[-1] not in "+'"]
    assert sum("." not in written for written in hand) > 0.8 * len(hand)


def test_a_program_s_numbers_are_those_of_float32() -> None:
    for sheet in of_habit("float32"):
        assert all(float(np.float32(written)) == float(written) for written in sheet.hand.values())
        net, hand = sheet.net, sheet.hand
        for name in net.parameters:
            if {f"{name}+", f"dE_total/d{name}"} <= set(hand):
                step = np.float32(str(net.lr)) * np.float32(hand[f"dE_total/d{name}"])
                assert hand[f"{name}+"] == repr((np.float32(str(net.parameters[name])) - step).item())


# --- honest sheets ----------------------------------------------------------------------------------------------------


def said_wrong(sheet: people.Sheet, folder: Path) -> list[str]:
    """What to print for every number that was called wrong."""
    wrong = check(loaded(sheet.toml(), folder)).wrong
    repeat = f"MICROGRAD_KR_SEED={sheet.seed}, sheet {sheet.number}, {sheet.style}"
    rows = [f"{row.name}: hand {row.hand}, exact {row.value:.12g}, bound {row.bound:.3g}" for row in wrong]
    return [f"{repeat}\n{rows}\n{sheet.toml()}"] if rows else []


@pytest.mark.parametrize(("rounding", "carry"), people.STYLES)
def test_no_number_of_a_person_who_only_rounded_is_wrong(rounding: str, carry: str, tmp_path: Path) -> None:
    for sheet in honest(rounding, carry, HONEST):
        assert not said_wrong(sheet, tmp_path)


@pytest.mark.parametrize("habit", ["whole numbers"])
def test_no_number_of_a_person_with_another_habit_is_wrong(habit: str, tmp_path: Path) -> None:
    for sheet in of_habit(habit, HONEST, SEED):
        assert not said_wrong(sheet, tmp_path)


def test_updates_with_more_decimals_do_not_make_the_forward_numbers_finer(tmp_path: Path) -> None:
    sheet = people.sheet_of_habit("closeJ", 55, "more for gradients")
    assert sheet.style.more == 2
    assert not said_wrong(sheet, tmp_path)


def test_the_long_run_finds_no_false_alarm_either() -> None:
    command = [
        sys.executable,
        str(Path(people.__file__).parent / "bench" / "honest.py"),
        SEED,
        "--sheets",
        "1",
        "--slips",
        "0",
    ]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", env=os.environ | {"PYTHONIOENCODING": "utf-8"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "false alarms: 0" in done.stdout


# --- slips ------------------------------------------------------------------------------------------------------------


def slips(units: int, count: int = MOVED) -> Iterable[tuple[people.Sheet, str]]:
    """Sheets with one number moved up or down, and its name; another number on every sheet."""
    for number in range(count):
        sheet = people.sheet("slips", number, list(people.ROUNDINGS)[number % 3], "carried", **EIGHT)
        name = list(sheet.hand)[number * 37 % len(sheet.hand)]
        yield sheet.moved(name, units if number % 2 else -units), name


def caught(units: int, folder: Path, count: int = MOVED) -> float:
    """The share of slips that are called wrong. On these sheets nothing else may be."""
    found = 0
    for sheet, name in slips(units, count):
        wrong = {row.name for row in check(loaded(sheet.toml(), folder)).wrong}
        assert wrong <= {name}, sheet.toml()
        found += name in wrong
    return found / count


@pytest.mark.parametrize(("units", "at_least"), [(10, 0.9), (50, 0.995)])
def test_a_number_that_is_off_by_some_units_of_its_last_decimal_is_wrong(
    units: int, at_least: float, tmp_path: Path
) -> None:
    assert caught(units, tmp_path) >= at_least


# --- the chapter's example --------------------------------------------------------------------------------------------


def verdicts(hand: dict[str, str], folder: Path) -> dict[str, str]:
    printed = dict(load("chapter7").hand) | hand
    rows = "".join(f'"{name}" = "{number}"\n' for name, number in printed.items())
    report = check(loaded(f'exercise = "chapter7"\n[hand]\n{rows}', folder))
    return {row.name: row.verdict for row in report.rows}


@pytest.mark.parametrize("chain", [HALF_UP, HALF_EVEN], ids=["half-up", "half-even"])
def test_the_chapter_s_numbers_worked_on_from_rounded_ones_are_rounding(chain: dict[str, str], tmp_path: Path) -> None:
    found = verdicts(chain | EXACT, tmp_path)
    assert {name for name, verdict in found.items() if verdict == "rounding"} == set(chain)
    assert sum(verdict == "match" for verdict in found.values()) == 40 - len(chain)


def test_the_chapter_s_numbers_as_printed_match(tmp_path: Path) -> None:
    assert list(verdicts({}, tmp_path).values()) == ["match"] * 40


@pytest.mark.parametrize("chain", [{}, HALF_UP | EXACT], ids=["as printed", "worked on from rounded numbers"])
def test_a_z1_of_0_09_is_wrong_because_rounding_excuses_nothing_exact(chain: dict[str, str], tmp_path: Path) -> None:
    found = verdicts(chain | {"z1": "0.09"}, tmp_path)
    assert {name for name, verdict in found.items() if verdict == "wrong"} == {"z1"}


# --- planted faults ---------------------------------------------------------------------------------------------------


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Make every bound of the check so many times what it is."""
    judged = checking.judged

    def planted(times: float) -> None:
        def scaled(hand: checking.Hand, value: float, error: float, unit: float) -> checking.Verdict:
            return judged(hand, value, times * (error + unit) - unit, unit)

        monkeypatch.setattr(checking, "judged", scaled)

    return planted


def test_a_bound_that_is_too_wide_lets_slips_through(plant: Callable[[float], None], tmp_path: Path) -> None:
    plant(100)
    assert caught(10, tmp_path, 30) < 0.9
    assert caught(50, tmp_path, 30) < 0.995


@pytest.mark.parametrize("times", [0, 0.5])
def test_a_bound_that_is_too_narrow_calls_honest_people_wrong(
    times: float, plant: Callable[[float], None], tmp_path: Path
) -> None:
    plant(times)
    assert any(said_wrong(sheet, tmp_path) for sheet in honest("cut off", "not carried", HONEST))


@pytest.mark.parametrize(("name", "number"), [("dE_total/dh1", "1"), ("E_total'", "1"), ("dE_total/dW1", "1")])
def test_few_decimals_excuse_no_wrong_number(name: str, number: str, tmp_path: Path) -> None:
    assert verdicts({name: number}, tmp_path)[name] == "wrong"
