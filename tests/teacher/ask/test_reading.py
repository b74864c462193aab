"""What people type is read: functions, numbers, worked lines, and what is said where one cannot be read."""

import pytest

from micrograd_kr.teacher.ask.formula import read_formula
from micrograd_kr.teacher.ask.messages import ExerciseError

# --- functions --------------------------------------------------------------------------------------------------------


MISPRINTED = """
    Tanh tanh, LeakyReLU leaky_relu, tahn tanh, sigmoide sigmoid, sigmod sigmoid, ln log, σ sigmoid, sgn sign,
    LOG2 log2, sotfplus softplus
"""
OTHERS = """
    elu gelu selu celu silu prelu relu6 swish mish log1p lg expm1 exp2 sinh cosh asin atan arctan cbrt square
    hardtanh hardsigmoid logsigmoid softsign softmin log_softmin erf cot tan2 sqr floor
"""


@pytest.mark.parametrize(("typed", "meant"), [pair.split() for pair in MISPRINTED.split(",")])
def test_a_misprinted_function_is_answered_with_the_one_that_was_meant(typed, meant):
    with pytest.raises(ExerciseError) as info:
        read_formula(f"{typed}(z)")
    assert f", did you mean {meant}?" in str(info.value)
    assert f"({meant} 아닙니까?)" in info.value.korean


@pytest.mark.parametrize("other", OTHERS.split())
def test_a_function_that_does_not_exist_is_not_answered_with_one_that_changes_the_number(other):
    with pytest.raises(ExerciseError) as info:
        read_formula(f"{other}(z)")
    assert f'no such function "{other}"; there are ' in str(info.value)
