"""What PyTorch computed at edge inputs (`torch_golden.npz`, parts e_*), where the chapter's folder is present."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from micrograd_kr import Value
from micrograd_kr.engine import maximum

FILE = Path(os.environ.get("MICROGRAD_KR_DATA", "")).resolve().parent / "chapter" / "torch_golden.npz"
if "MICROGRAD_KR_DATA" not in os.environ or not FILE.exists():
    pytest.skip(
        "the chapter's torch_golden.npz is not here: MICROGRAD_KR_DATA names the folder beside it",
        allow_module_level=True,
    )

GOLDEN = np.load(FILE)
TYPES = {"f32": (np.float32, {"rtol": 2e-6, "atol": 1e-7}), "f64": (np.float64, {"rtol": 1e-14, "atol": 1e-16})}
# float32's smallest numbers, below 1e-38, have few digits left, hence atol; where 1 − σ is lost in σ itself so is σ'.

ACTIVATIONS: dict[str, Callable[[Value], Value]] = {
    "sigmoid": Value.sigmoid,
    "tanh": Value.tanh,
    "relu": Value.relu,
    "leaky_0.01": lambda x: x.leaky_relu(),
    "leaky_0.1": lambda x: x.leaky_relu(0.1),
    "leaky_0.001": lambda x: x.leaky_relu(0.001),
    "maximum_0_x": lambda x: maximum(0.0, x),
    "maximum_0.1x_x": lambda x: maximum(0.1 * x, x),
    "clamp_min0": lambda x: x.clip(min=0.0),
    "abs": abs,
    "logsigmoid": Value.logsigmoid,
    "softplus": Value.softplus,
    "exp": Value.exp,
}
ELEMENTARY: dict[str, Callable[[Value], Value]] = {
    "log(0)": Value.log,
    "sqrt(0)": Value.sqrt,
    "1div0": lambda x: 1 / x,
    "0**0": lambda x: x**0,
    "0**1": lambda x: x**1,
    "0**2": lambda x: x**2,
    "0**0.5": lambda x: x**0.5,
    "0**-1": lambda x: x**-1,
    "(-2)**3": lambda x: x**3,
    "(-2)**0.5": lambda x: x**0.5,
    "abs(0)": abs,
    "sign(0)": Value.sign,
    "norm2([0,0])": Value.norm,
    "max([1,1])": Value.max,
    "amax([1,1])": lambda x: x.max(0),
    "xdivx at 0": lambda x: x / x,
    "heaviside(x,0)": Value.step,
}


def names(part: str, end: str) -> set[str]:
    return {
        key.removeprefix(f"{part}.").removesuffix(end) for key in GOLDEN if key.startswith(part) and key.endswith(end)
    }


def test_nothing_in_the_file_is_left_out() -> None:
    assert names("e_act", ".f64.y") == set(ACTIVATIONS)
    assert names("e_elem", ".y") == set(ELEMENTARY)


@pytest.mark.parametrize("precision", TYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
@np.errstate(over="ignore")  # exp at 10,000 is inf
def test_activations_are_pytorchs(name: str, precision: str) -> None:
    dtype, near = TYPES[precision]
    x = Value(GOLDEN["e_act.x"].astype(dtype))
    y = ACTIVATIONS[name](x)
    y.backward(np.ones(y.shape))
    assert y.dtype == x.grad.dtype == dtype
    np.testing.assert_allclose(y.data, GOLDEN[f"e_act.{name}.{precision}.y"], **near)
    np.testing.assert_allclose(x.grad, GOLDEN[f"e_act.{name}.{precision}.g"], **near)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_scalars_are_pytorchs(name: str) -> None:
    numbers = (GOLDEN[key].tolist() for key in ("e_act.x", f"e_act.{name}.f64.y", f"e_act.{name}.f64.g"))
    for number, value, slope in zip(*numbers, strict=True):
        x = Value(number)
        y = ACTIVATIONS[name](x)
        y.backward()
        assert (y.data, x.grad) == pytest.approx((value, slope), rel=1e-14, abs=1e-16)


@pytest.mark.parametrize("name", ELEMENTARY)
@np.errstate(all="ignore")  # these are the places where numpy warns
def test_elementary_functions_are_pytorchs_where_they_end(name: str) -> None:
    data, value, slope = (GOLDEN[f"e_elem.{name}.{each}"] for each in "xyg")
    tensor = Value(data)
    y = ELEMENTARY[name](tensor)
    y.backward(np.ones(y.shape))
    np.testing.assert_array_equal(y.data, value)
    np.testing.assert_array_equal(tensor.grad, slope)
    if "[" not in name:  # a reduction
        for one, expected, expected_slope in zip(data.tolist(), value.tolist(), slope.tolist(), strict=True):
            x = Value(one)
            out = ELEMENTARY[name](x)
            out.backward()
            np.testing.assert_array_equal([out.data, x.grad], [expected, expected_slope])


@pytest.mark.parametrize("precision", TYPES)
@pytest.mark.parametrize(
    ("part", "f", "weights"),
    [
        ("softmax", Value.softmax, None),
        ("log_softmax", Value.log_softmax, None),
        ("softmax_vjp_123", Value.softmax, [1.0, 2.0, 3.0]),
    ],
)
def test_the_softmax_family_is_pytorchs(part: str, f: Callable[[Value], Value], weights: Any, precision: str) -> None:
    dtype, near = TYPES[precision]
    logits = Value(GOLDEN["e_ce.logits"].astype(dtype))
    out = f(logits)
    assert out.dtype == dtype
    if weights is None:
        np.testing.assert_allclose(out.data, GOLDEN[f"e_ce.{precision}.{part}"], **near)
        return
    out.backward(np.broadcast_to(weights, out.shape))
    np.testing.assert_allclose(logits.grad, GOLDEN[f"e_ce.{precision}.{part}"], **near)


@pytest.mark.parametrize("precision", TYPES)
def test_cross_entropy_from_these_operations_is_pytorchs(precision: str) -> None:
    dtype, near = TYPES[precision]
    targets = GOLDEN["e_ce.target"]
    logits = Value(GOLDEN["e_ce.logits"].astype(dtype))
    loss = -logits.log_softmax()[np.arange(len(targets)), targets]
    loss.sum().backward()
    np.testing.assert_allclose(loss.data, GOLDEN[f"e_ce.{precision}.loss"], **near)
    np.testing.assert_allclose(logits.grad, GOLDEN[f"e_ce.{precision}.grad_of_sum"], **near)


@pytest.mark.parametrize("precision", TYPES)
def test_binary_cross_entropy_from_logits_is_pytorchs(precision: str) -> None:
    dtype, near = TYPES[precision]
    z, y = Value(GOLDEN["e_bcel.z"].astype(dtype)), GOLDEN["e_bcel.y"].astype(dtype)
    loss = z.softplus() - z * y
    loss.sum().backward()
    np.testing.assert_allclose(loss.data, GOLDEN[f"e_bcel.{precision}.loss"], **near)
    np.testing.assert_allclose(z.grad, GOLDEN[f"e_bcel.{precision}.grad_of_sum"], **near)


@pytest.mark.parametrize("precision", TYPES)
def test_the_squared_error_is_pytorchs(precision: str) -> None:
    dtype, near = TYPES[precision]
    pred, target = Value(GOLDEN["e_mse.pred"].astype(dtype)), GOLDEN["e_mse.target"].astype(dtype)
    squares = (pred - target) ** 2
    squares.mean().backward()
    np.testing.assert_allclose(squares.data, GOLDEN[f"e_mse.{precision}.none"], **near)
    np.testing.assert_allclose(squares.sum().data, GOLDEN[f"e_mse.{precision}.sum"], **near)
    np.testing.assert_allclose(squares.mean().data, GOLDEN[f"e_mse.{precision}.mean"], **near)
    np.testing.assert_allclose(pred.grad, GOLDEN[f"e_mse.{precision}.grad_of_mean"], **near)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("inf_row", [np.inf, 1.0, 1.0]),
        ("ninf_row", [-np.inf, 1.0, 1.0]),
        ("all_ninf", [-np.inf] * 3),
        ("nan_row", [np.nan, 1.0, 1.0]),
    ],
)
@np.errstate(invalid="ignore")  # inf − inf
def test_softmax_of_what_is_not_finite_is_pytorchs(name: str, row: list[float]) -> None:
    np.testing.assert_array_equal(Value(row).softmax().data, GOLDEN[f"e_softmax.{name}"])
