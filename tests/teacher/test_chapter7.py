"""The chapter's example by formulas, by scalar Values and by tensor Values: all 40 printed numbers each way."""

import runpy

import pytest
from demos_run import DEMOS
from hypothesis import given
from hypothesis import strategies as st

from micrograd_kr.teacher.ask.exercise import parse_name
from micrograd_kr.teacher.ask.file import load
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.solution import solve

WAYS = runpy.run_path(str(DEMOS / "three_ways.py"))
FORMULAS, TENSORS = WAYS["FORMULAS"], WAYS["TENSORS"]
by_formulas, by_tensors = WAYS["by_formulas"], WAYS["by_tensors"]
CHAPTER = load("chapter7")
NUMBERS = {**CHAPTER.given, **CHAPTER.parameters}


def quantities():
    """Every name that a sheet for this exercise may hold."""
    values = [*NUMBERS, *CHAPTER.forward]
    updated = [f"{each}+" for each in CHAPTER.parameters]
    second = [f"{each}'" for each in CHAPTER.forward]
    for name in [*values, *updated, *second, *(f"d{a}/d{b}" for a in values for b in values)]:
        try:
            parse_name(CHAPTER, name)
        except ExerciseError:
            continue
        yield name


def test_the_formulas_are_those_of_the_exercise():
    assert {name: formula.text for name, formula in CHAPTER.forward.items()} == FORMULAS
    assert set(NUMBERS) | set(FORMULAS) == {str(name) for names in TENSORS.values() for name in flat(names)}


def flat(names):
    return [each for inner in names for each in flat(inner)] if isinstance(names, list) else [names]


@pytest.mark.parametrize("name", CHAPTER.hand)
def test_each_printed_number_comes_out_in_all_three_ways_to_its_last_decimal(name):
    printed = CHAPTER.hand[name]
    half = 0.5 * 10.0 ** -len(printed.partition(".")[2])
    formula = by_formulas(NUMBERS, CHAPTER.lr)[name]
    tensor = by_tensors(NUMBERS, CHAPTER.lr, [name])[name]
    scalar = solve(CHAPTER).value(name)
    assert formula == pytest.approx(scalar, abs=1e-15, rel=0)
    assert tensor == pytest.approx(scalar, abs=1e-15, rel=0)
    for value in (formula, scalar, tensor):
        assert abs(value - float(printed)) <= half + 1e-16


def test_tensors_give_every_quantity_that_scalars_give():
    solution, names = solve(CHAPTER), list(quantities())
    assert len(names) > 200
    found = by_tensors(NUMBERS, CHAPTER.lr, names)
    assert found == pytest.approx({name: solution.value(name) for name in names}, abs=1e-15, rel=1e-14)


numbers = st.floats(-900, 900, allow_subnormal=False)


@given(st.fixed_dictionaries(dict.fromkeys(NUMBERS, numbers)), st.floats(0.01, 2))
def test_formulas_and_tensors_agree_at_other_numbers_even_where_sigmoid_saturates(values, lr):
    formulas = by_formulas(values, lr)
    tensors = by_tensors(values, lr, list(formulas))
    assert tensors == pytest.approx(formulas, rel=1e-9, abs=1e-9)
