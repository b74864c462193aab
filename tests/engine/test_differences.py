"""The checker is checked: what is right passes, and every fault that can be planted is found."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from strategies import TABLE, Row, fixed, slope_of

from micrograd_kr import Value, differences, grad, gradients, ops
from micrograd_kr.differences import GradcheckError, gradcheck
from micrograd_kr.engine import maximum
from micrograd_kr.ops import Rule

Derivative = Callable[..., Any]


def squares(slope: Callable[[Any], Any]) -> Callable[[Value], Value]:
    """x² with the derivative given."""
    rule = Rule("square", np.square, dx=lambda g, out, x: g * slope(x))
    return lambda x: rule(x)


# --- what is right ----------------------------------------------------------------------------------------------------


def test_every_entry_of_every_input_is_compared() -> None:
    seen = gradcheck(lambda x, y, z: (x * y.exp()).sum(0) @ z, 3.0, fixed((2, 3)), Value(fixed((3,))))
    assert seen.entries == 1 + 6 + 3
    assert seen.kinks == ()
    assert 0 < seen.largest_error < 1e-7


def test_second_derivatives_are_compared_where_a_gradient_is_given() -> None:
    assert gradcheck(grad(lambda x: x**4 - 2 * x**2), 2.0).entries == 1
    assert gradcheck(grad(grad(lambda x: x**4 - 2 * x**2)), 2.0).entries == 1
    seen = gradcheck(grad(lambda x, y: (x**3 @ y).sum()), fixed((2, 3)), fixed((3,)))
    assert seen.entries == 6 + 3


def test_inputs_are_left_as_they_were() -> None:
    array, value = fixed((2, 2)), Value(fixed((2,)), "w")
    value.grad = 7.0
    copies, data = array.copy(), value.data
    for f in (of_three := lambda x, y, z: x @ y * z, slope_of(of_three)):
        gradcheck(f, array, value, 2.0)
    np.testing.assert_array_equal(array, copies)
    assert value.data is data
    np.testing.assert_array_equal(data, fixed((2,)))
    assert value.grad == 7.0


def test_a_function_may_take_gradients_itself() -> None:
    assert gradcheck(lambda x: gradients(x**4, [x], create_graph=True)[0], 2.0).entries == 1


def test_float32_is_checked_in_its_own_precision() -> None:
    x = fixed((2, 3)).astype(np.float32)
    assert gradcheck(lambda x: (x.tanh() @ x.T).softmax(), x).entries == 6
    assert gradcheck(lambda s: (s * x).tanh(), 0.25).entries == 1  # float32 whatever precision s has
    with pytest.raises(GradcheckError, match="6 of 6"):
        gradcheck(squares(lambda x: 2.002 * x), x)


@pytest.mark.parametrize("at", [1e-3, 1.0, 1e3, 1e6])
def test_the_step_grows_with_the_numbers(at: float) -> None:
    assert gradcheck(lambda x: x.log() + x.sqrt() + 1 / x, at).kinks == ()


def test_large_results_are_given_their_rounding() -> None:
    assert gradcheck(lambda x: x + 1e9, 1.0).entries == 1


# --- what is wrong ----------------------------------------------------------------------------------------------------


def test_a_failure_names_input_entry_both_numbers_step_error_and_tolerance() -> None:
    weights = Value(np.array([[1.0, 2.0, 3.0]]), "W1")
    with pytest.raises(GradcheckError) as error:
        gradcheck(lambda x, w: (squares(lambda x: 2.5 * x)(w) * x).sum(), 1.0, weights)
    first, worst, *_ = str(error.value).splitlines()
    assert first == "3 of 4 gradients disagree, the worst first:"
    assert worst.startswith("input 1 ('W1'), entry (0, 2): engine 7.5, difference ")
    numbers = dict(part.rsplit(" ", 1) for part in worst.replace(" with", ",").split(", ")[3:])
    assert float(numbers["difference"]) == pytest.approx(6)
    assert float(numbers["step"]) in (pytest.approx(1.8e-5, rel=0.02), pytest.approx(1.8e-5 / 4, rel=0.02))
    assert float(numbers["error"]) == pytest.approx(1.5)
    assert float(numbers["tolerance"]) == pytest.approx(6.1e-6, rel=0.01)


def test_a_failure_is_an_assertion_that_does_not_hold() -> None:
    assert issubclass(GradcheckError, AssertionError)


@pytest.mark.parametrize("entry", list(np.ndindex(2, 3)), ids=str)
def test_one_wrong_entry_is_found_and_named(entry: tuple[int, ...]) -> None:
    fault = np.ones((2, 3))
    fault[entry] = 1.001
    with pytest.raises(GradcheckError, match=rf"1 of 6 .*\n.*entry \({entry[0]}, {entry[1]}\)"):
        gradcheck(squares(lambda x: 2 * x * fault), fixed((2, 3), 1, 2))


def test_errors_do_not_cancel_over_the_entries_of_a_result() -> None:
    swapped = Rule("roll", lambda x: x + 0, dx=lambda g, out, x: g[::-1])  # right for a plain sum of the entries
    assert swapped(Value([1.0, 2.0])).data.tolist() == [1.0, 2.0]
    with pytest.raises(GradcheckError, match="2 of 2"):
        gradcheck(swapped, np.array([1.0, 2.0]))


@pytest.mark.parametrize("fake", [12345.0, 0.0, np.nan, np.inf])
@pytest.mark.parametrize("at", [0.7, fixed((2, 3))], ids=["scalar", "tensor"])
def test_a_made_up_gradient_is_found(at: Any, fake: float, monkeypatch: pytest.MonkeyPatch) -> None:
    def made_up(root: Value, inputs: list[Value], create_graph: bool = False) -> list[Any]:
        return [np.full(each.shape, fake) if each.ndim else fake for each in inputs]

    gradcheck(Value.exp, at)
    monkeypatch.setattr(differences, "gradients", made_up)
    with pytest.raises(GradcheckError, match=rf"engine {fake:g}"):
        gradcheck(Value.exp, at)


@pytest.mark.parametrize(
    ("fake", "got"),
    [
        (np.ones((3, 2)), r"float64 of shape \(3, 2\)"),
        (np.ones((2, 3), np.float32), r"float32 of shape \(2, 3\)"),
        (1.0, "float"),
        (None, "NoneType"),
    ],
)
def test_a_gradient_of_another_form_is_found(fake: Any, got: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "gradients", lambda root, inputs: [fake])
    with pytest.raises(GradcheckError, match=rf"like the input, float64 of shape \(2, 3\), got {got}$"):
        gradcheck(Value.sum, np.ones((2, 3)))


def test_a_graph_that_was_lost_is_found() -> None:
    with pytest.raises(GradcheckError, match="engine 0, difference"):
        gradcheck(lambda x: Value(x.data**2) + 0 * x, 3.0)
    with pytest.raises(GradcheckError, match="engine 3, difference"):
        gradcheck(lambda x: x.detach() * x, 3.0)


def test_a_wrong_second_derivative_behind_a_right_first_one_is_found() -> None:
    def f(x: Value) -> Value:
        return squares(lambda x: 2 * (x.detach() if isinstance(x, Value) else x))(x)

    gradcheck(f, 3.0)
    with pytest.raises(GradcheckError, match=r"1 of 1 gradients disagree[^\n]*\n.*engine 0, difference"):
        gradcheck(slope_of(f), 3.0)


def test_what_is_drawn_anew_each_time_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(GradcheckError, match="two results at the same point"):
        gradcheck(lambda x: x * rng.normal(), 2.0)


def test_a_function_that_uses_none_of_its_inputs_is_no_check() -> None:
    outside = Value(2.0)
    with pytest.raises(GradcheckError, match="nothing was checked"):
        gradcheck(lambda x: outside * outside, 2.0)
    assert gradcheck(lambda x, y: y * y, 1.0, 2.0).entries == 2


def test_wrong_calls_say_what_is_expected() -> None:
    with pytest.raises(TypeError, match="expected f to give a Value, got float"):
        gradcheck(lambda x: x.data, 2.0)
    with pytest.raises(TypeError, match="at least one input"):
        gradcheck(lambda: Value(1.0))


# --- tolerance and step -----------------------------------------------------------------------------------------------


def test_the_tolerance_is_the_callers() -> None:
    off = squares(lambda x: 2.002 * x)
    with pytest.raises(GradcheckError):
        gradcheck(off, 3.0)
    assert gradcheck(off, 3.0, rtol=2e-3).largest_error == pytest.approx(0.006)
    assert gradcheck(off, 3.0, atol=0.01).entries == 1
    with pytest.raises(GradcheckError, match=r"tolerance 6\.02e-07"):
        gradcheck(off, 3.0, atol=0.0, rtol=1e-7)


def test_the_step_is_the_callers() -> None:
    assert gradcheck(Value.relu, 0.5).kinks == ()
    (kink,) = gradcheck(Value.relu, 0.125, step=1.0).kinks
    assert (kink.left, kink.right) == (0.5, 1.0)
    with pytest.raises(GradcheckError, match=r"step 0\.0025,"):
        gradcheck(squares(lambda x: 12345.0), 1.0, step=0.01)


# --- kinks, jumps and edges -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "at", "slopes"),
    [
        (Value.relu, 0.0, (0, 0, 1)),
        (Value.relu, 1e-7, (0.066, 1, 1)),
        (Value.relu, -1e-7, (0, 0, 0.934)),
        (abs, 0.0, (-1, 0, 1)),
        (lambda x: x.leaky_relu(0.1), 0.0, (0.1, 0.1, 1)),
        (lambda x: maximum(x, 2.0), 2.0, (0, 0.5, 1)),
        (lambda x: x.clip(-1, 1), 1.0, (1, 0, 0)),
        (lambda x: x.exp() * x.relu(), 0.0, (0, 0, 1)),
        (lambda x: 3 * x.exp() - 50 * abs(x - 1), 1 - 1e-6, (58.15, 58.15, 24.2)),
    ],
)
def test_an_entry_at_a_kink_is_reported_and_not_failed(
    f: Callable[..., Value], at: float, slopes: tuple[float, float, float]
) -> None:
    seen = gradcheck(f, at)
    assert seen.entries == 0
    (kink,) = seen.kinks
    assert (kink.input, kink.entry) == (0, ())
    assert (kink.left, kink.engine, kink.right) == pytest.approx(slopes, rel=0.05, abs=1e-4)


def test_only_the_entries_at_the_kink_are_left_out() -> None:
    seen = gradcheck(Value.relu, np.array([[0.0, 1.0, -1.0], [1e-8, 2.0, 1e-3]]))
    assert [each.entry for each in seen.kinks] == [(0, 0), (1, 0)]
    assert seen.entries == 4
    assert len(gradcheck(Value.max, np.array([1.0, 3.0, 3.0])).kinks) == 2


def test_a_kink_of_the_gradient_is_reported_and_its_jump_at_a_kink_fails() -> None:
    assert gradcheck(lambda x: 0.01 * x.relu() ** 2, 0.0).entries == 1
    (kink,) = gradcheck(grad(lambda x: 0.01 * x.relu() ** 2), 0.0).kinks
    assert kink.left == 0
    assert kink.right == pytest.approx(0.02)
    with pytest.raises(GradcheckError, match="the function jumps here"):
        gradcheck(grad(lambda x: x.relu()), 0.0)


@pytest.mark.parametrize("engine", [12345.0, -0.001, 1.001])
def test_a_number_outside_the_slopes_on_the_two_sides_of_a_kink_fails(engine: float) -> None:
    rule = Rule("relu", lambda x: np.maximum(x, 0), dx=lambda g, out, x: g * engine)
    with pytest.raises(GradcheckError, match="there is a kink here, with the slopes 0 and 1"):
        gradcheck(rule, 0.0)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (30 * x).exp(),
        lambda x: (100 * x).sin(),
        lambda x: 1e6 * x**2,
        lambda x: (1 + (1e3 * x) ** 2).sqrt(),
    ],
)
def test_a_sharp_bend_is_no_kink(f: Callable[..., Value]) -> None:
    for at in (0.01, -0.3, 0.7):
        assert gradcheck(f, at).kinks == ()
        with pytest.raises(GradcheckError):
            gradcheck(lambda x: f(x) + 0.001 * (f(x) - f(x).detach()), at)


def test_a_jump_fails_and_is_called_one() -> None:
    with pytest.raises(GradcheckError, match="the function jumps here"):
        gradcheck(Value.step, 0.0)
    assert gradcheck(Value.step, 5e-6).entries == 1  # too far for the shorter step


@pytest.mark.parametrize(
    ("f", "at"),
    [(Value.sqrt, 0.0), (Value.log, -1.0), (Value.exp, 800.0), (Value.exp, np.nan), (lambda x: 1 / x, 0.0)],
)
def test_what_is_not_finite_never_passes(f: Callable[..., Value], at: float) -> None:
    with pytest.raises(GradcheckError, match="not finite here"):
        gradcheck(f, at)
    with pytest.raises(GradcheckError, match=r"entry \(1,\).*not finite here"):
        gradcheck(lambda x: f(x), np.array([0.5, at]))


# --- planted faults ---------------------------------------------------------------------------------------------------

# At these points no derivative is near 0, so what changes one at all changes it by more than this.
CHANGED = {"rtol": 1e-5, "atol": 1e-5}


def changed(derivative: Derivative, change: Callable[[Any], Any]) -> Derivative:
    """A derivative whose result, or each of several, is changed."""

    def mutant(*arguments: Any) -> Any:
        result = derivative(*arguments)
        return [change(each) for each in result] if isinstance(result, tuple | list) else change(result)

    return mutant


def mutants(rule: Rule, edge: str) -> Iterator[tuple[str, Derivative]]:
    """Wrong derivatives of one input of a rule, as they happen to people."""
    right: Derivative = getattr(rule, edge)
    yield "×1.001", changed(right, lambda r: 1.001 * r)
    yield "sign", changed(right, lambda r: -r)
    yield "zero", changed(right, lambda r: 0.0 * r)
    yield "halved", changed(right, lambda r: r / 2)
    yield "g forgotten", lambda g, *rest: right(np.ones_like(g), *rest)
    yield "derivative forgotten", lambda g, out, x, *y: [g] * len(x) if isinstance(x, tuple) else g
    yield "a constant too much", changed(right, lambda r: r + 12345.0)
    yield "entries exchanged", changed(right, lambda r: np.ravel(r)[::-1].reshape(np.shape(r)))
    yield "x for out", lambda g, out, x, *y: right(g, x, x, *y)
    yield "out for x", lambda g, out, x, *y: right(g, out, out, *y)
    yield "g for x", lambda g, out, x, *y: right(g, out, g, *y)
    if rule.dy:
        yield "inputs exchanged", lambda g, out, x, y: right(g, out, y, x)
        yield "the other input's", rule.dy if edge == "dx" else rule.dx


def first_order(row: Row) -> list[Any]:
    inputs = [Value(each) for each in row.sample.inputs]
    out = row.call(*inputs, **row.sample.options)
    out.backward(fixed(out.shape, 0.5, 1.5))
    return [np.array(each.grad) for each in inputs]


def differ(first: list[Any], second: list[Any]) -> bool:
    return not all(np.allclose(a, b, **CHANGED) for a, b in zip(first, second, strict=True))


def edges(row: Row) -> list[str]:
    """The derivatives that the row's inputs pass through: where an input is a number, the other's only."""
    node = row.call(*map(Value, row.sample.inputs), **row.sample.options)
    while node.rule is not row.rule:
        node = node.x[0] if isinstance(node.x, tuple) else node.x if node.x is not None else node.y
    return [edge for edge, value in (("dx", node.x), ("dy", node.y)) if value is not None]


def is_caught(f: Callable[..., Value], row: Row) -> bool:
    try:
        gradcheck(f, *row.sample.inputs)
    except GradcheckError:
        return True
    return False


every_edge = pytest.mark.parametrize(
    ("row", "edge"), [(row, edge) for row in TABLE for edge in edges(row)], ids=lambda each: getattr(each, "name", each)
)


@every_edge
def test_every_wrong_derivative_is_caught(row: Row, edge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def f(*inputs: Value) -> Value:
        return row.call(*inputs, **row.sample.options)

    right = first_order(row)
    assert not is_caught(f, row)
    caught, survived = [], []
    for name, mutant in list(mutants(row.rule, edge)):
        with monkeypatch.context() as patch:
            patch.setattr(row.rule, edge, mutant)
            try:
                wrong = first_order(row)
            except (ValueError, TypeError, IndexError, AttributeError):
                continue  # shapes that do not fit: nobody needs a checker for that
            if differ(right, wrong):
                (caught if is_caught(f, row) else survived).append(name)
    assert survived == []
    assert len(caught) >= 2


def fixed_numbers(arguments: tuple[Any, ...], place: int) -> list[Any]:
    """The arguments, one of them out of its graph."""

    def detached(each: Any) -> Any:
        if type(each) is tuple:  # several inputs; not an option that is a NamedTuple
            return tuple(map(detached, each))
        return each.detach() if isinstance(each, Value) else each

    return [detached(each) if i == place else each for i, each in enumerate(arguments)]


def mutants_of_the_second_order(right: Derivative) -> Iterator[tuple[str, Derivative]]:
    """Derivatives that give the right numbers, but are wrong when they are differentiated."""
    for place, what in enumerate(("g", "out", "x", "y")):
        yield f"{what} without its graph", lambda *args, place=place: right(*fixed_numbers(args, place))


def second_order(f: Callable[..., Value], row: Row) -> list[Any]:
    inputs = [Value(each) for each in row.sample.inputs]
    return gradients(slope_of(f)(*inputs), inputs)


@every_edge
def test_every_derivative_that_does_not_differentiate_is_caught(
    row: Row, edge: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def f(*inputs: Value) -> Value:
        out = row.call(*inputs, **row.sample.options)
        return out * out * out  # so that g depends on the inputs, too

    right = second_order(f, row)
    assert not is_caught(slope_of(f), row)
    caught, survived = [], []
    for name, mutant in list(mutants_of_the_second_order(getattr(row.rule, edge))):
        with monkeypatch.context() as patch:
            patch.setattr(row.rule, edge, mutant)
            assert not is_caught(f, row), name
            if differ(right, second_order(f, row)):
                (caught if is_caught(slope_of(f), row) else survived).append(name)
    assert survived == []
    assert caught or row.rule in (ops.sign, ops.heaviside)
