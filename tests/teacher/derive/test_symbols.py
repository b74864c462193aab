"""The rules run on symbols: the formulas and derivatives written out are the ones the engine computes."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from micrograd_kr import Value, gradients, ops
from micrograd_kr.engine import where
from micrograd_kr.teacher.ask.expressions import Comparison, Symbol, names_in, number, renamed
from micrograd_kr.teacher.ask.file import built_in, load
from micrograd_kr.teacher.ask.solution import forward
from micrograd_kr.teacher.derive.lines import line_of

SMALL = st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3)
FORMULAS = {
    "product": lambda a, b: a * b,
    "quotient": lambda a, b: a / b,
    "squared error": lambda a, b: 0.5 * (a - b) ** 2,
    "power of two": lambda a, b: (a * a + 1) ** b,
    "sigmoid of a sum": lambda a, b: (a * 2 + b).sigmoid(),
    "tanh twice": lambda a, b: (a.tanh() * b).tanh(),
    "relu": lambda a, b: (a * b).relu() * 3,
    "leaky": lambda a, b: (a - b).leaky_relu(0.1),
    "larger": lambda a, b: ops.maximum(a, b * 0.3) * b,
    "smaller": lambda a, b: ops.minimum(a * a, b),
    "clip": lambda a, b: (a * b).clip(-1, 1) * a,
    "absolute": lambda a, b: abs(a * b - a),
    "exp and log": lambda a, b: (a * a + b * b).log() * (a * 0.1).exp(),
    "used twice": lambda a, b: (a + b) * (a + b) * a,
    "chosen": lambda a, b: where(True, a * b, b),
    "to the power of nought": lambda a, b: a**0 * b,
}


def a_line(formula, a: float, b: float):
    inputs = {"a": Value(a, "a"), "b": Value(b, "b")}
    out = formula(inputs["a"], inputs["b"])
    return inputs, out, line_of("out", out, {value: name for name, value in inputs.items()} | {out: "out"})


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=FORMULAS)
@given(a=SMALL, b=SMALL)
def test_the_partial_derivatives_on_symbols_are_the_engines_gradients(formula, a: float, b: float) -> None:
    inputs, out, written = a_line(formula, a, b)
    assert number(written.formula) == out.data
    for (name, _value), slope in zip(inputs.items(), gradients(out, list(inputs.values())), strict=True):
        assert number(written.partials.get(name, 0.0)) == pytest.approx(slope, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("name", built_in())
def test_every_line_of_every_exercise_has_the_engines_derivatives(name: str) -> None:
    values = forward(load(name))
    names = {value: each for each, value in values.items()}
    for each in load(name).forward:
        written = line_of(each, values[each], names)
        assert number(written.formula) == values[each].data
        for used, partial in written.partials.items():
            among = {value: other for value, other in names.items() if other != each}
            assert set(names_in(written.formula)) <= set(among.values())
            direct = forward(load(name))  # a fresh graph, where only this line is differentiated
            expected = gradients(direct[each], [direct[used]])[0] if used not in _further(name, each) else None
            if expected is not None:
                assert number(partial) == pytest.approx(expected, rel=1e-12)


def _further(exercise: str, line_name: str) -> set[str]:
    """The names that reach a line by another way, too: there the total derivative is not the line's own."""
    values = forward(load(exercise))
    names = {value: each for each, value in values.items()}
    direct = line_of(line_name, values[line_name], names).partials
    return {
        used
        for used in direct
        for other in direct
        if other != used and gradients(values[other], [values[used]])[0] != 0.0
    }


def test_sigmoids_derivative_is_written_with_the_written_output() -> None:
    _, _, written = a_line(lambda a, b: a.sigmoid(), 0.3, 0.0)
    assert repr(written.partials["a"]) == "×(out, −(1, out))"


def test_the_factors_a_person_writes_stay_and_the_ones_nobody_writes_go() -> None:
    _, _, written = a_line(lambda a, b: 0.5 * (a - b) ** 2, 0.4, 0.6)
    assert repr(written.partials["b"]) == "neg(×(0.5, ×(2.0, −(a, b))), None)"
    _, _, written = a_line(lambda a, b: a + b, 0.4, 0.6)
    assert written.partials == {"a": 1.0, "b": 1.0}


def test_a_kink_is_written_as_a_choice_with_what_was_compared() -> None:
    _, _, written = a_line(lambda a, b: a.relu(), -1.0, 0.0)
    choice = written.partials["a"]
    assert choice.rule is ops.where_
    assert choice.number == 0.0
    assert isinstance(choice.y, Comparison)
    assert not choice.y.true


def test_a_formula_under_other_names_has_their_numbers() -> None:
    _, _, written = a_line(lambda a, b: (a * b).tanh() - a, 0.5, 2.0)
    again = renamed(written.formula, lambda leaf: Symbol(f"{leaf.name}'", leaf.number + 1))
    assert set(names_in(again)) == {"a'", "b'"}
    assert number(again) == pytest.approx(float(ops.tanh(1.5 * 3.0)) - 1.5)


def test_what_a_formula_shares_is_looked_at_and_renamed_once() -> None:
    it = Symbol("a", 1.0)
    for _ in range(60):
        it = it + it
    assert list(names_in(it)) == ["a"]
    assert number(renamed(it, lambda leaf: Symbol(f"{leaf.name}'", 2.0))) == 2.0**61


def test_a_choice_under_other_names_compares_them() -> None:
    slope = ops.relu.dx(1.0, None, Symbol("a", 1.0))
    again = renamed(slope, lambda leaf: Symbol(f"{leaf.name}'", -leaf.number))
    assert (number(slope), number(again)) == (1.0, 0.0)
    assert set(names_in(again)) == {"a'"}


def test_a_formula_without_names_is_its_number() -> None:
    value = Value(3.0, "c")
    assert line_of("c", value, {value: "c"}).formula == 3.0
