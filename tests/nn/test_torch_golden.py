"""What PyTorch computed on the chapter's networks (`torch_golden.npz`), with our modules, losses and optimisers.

float64 agrees to 1e-12, float32 to 1e-5, but for the 2-10-10-10-1 networks on XOR: where they leave their plateau a
last digit grows into a difference that is seen, in PyTorch too.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from micrograd_kr import Value, optim
from micrograd_kr.nn import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    LeakyReLU,
    Linear,
    LogSoftmax,
    MSELoss,
    NLLLoss,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)

FILE = Path(os.environ.get("MICROGRAD_KR_DATA", "")).resolve().parent / "chapter" / "torch_golden.npz"
if "MICROGRAD_KR_DATA" not in os.environ or not FILE.exists():
    pytest.skip(
        "the chapter's torch_golden.npz is not here: MICROGRAD_KR_DATA names the folder beside it",
        allow_module_level=True,
    )

GOLDEN = {key: value for key, value in np.load(FILE).items() if not key.startswith(("b_scan", "f_init.rand"))}
TYPES = {"f32": np.float32, "f64": np.float64}
NEAR = {"f32": {"rtol": 1e-5, "atol": 1e-6}, "f64": {"rtol": 1e-12, "atol": 1e-14}}
both = pytest.mark.parametrize("precision", TYPES)

# Each part of the file and the test that compares it; e_act, e_elem, e_softmax and the rest of e_ce are in test_golden.
PARTS = {
    "a_slp", "b_mlp", "b2_2-2-1", "c_mlp", "d_opt", "e_act", "e_elem", "e_bce", "e_bcel", "e_ce", "e_softmax", "e_mse",
    "f_init", "g_we", "h_vanish", "i_plot",
}  # fmt: skip


def golden(part, name):
    return GOLDEN[f"{part}.{name}"]


def linears(model):
    return [each for each in model if isinstance(each, Linear)]


def network(part, dtype, activation, *last):
    """The layers of a part, with its initial weights."""
    count = sum(key.startswith(f"{part}.init.W") for key in GOLDEN)
    layers = []
    for i in range(count):
        weight = golden(part, f"init.W{i}")
        layer = Linear(*weight.shape[::-1], dtype=dtype)
        layer.load_state_dict({"weight": weight, "bias": golden(part, f"init.b{i}")})
        layers += [layer, activation()] if i < count - 1 else [layer]
    return Sequential(*layers, *last)


def assert_gradients(model, part, precision):
    for i, layer in enumerate(linears(model)):
        assert_allclose(layer.weight.grad, golden(part, f"{precision}.step0.gW{i}"), **NEAR[precision])
        assert_allclose(layer.bias.grad, golden(part, f"{precision}.step0.gb{i}"), **NEAR[precision])


def assert_weights(model, part, precision, near):
    for i, layer in enumerate(linears(model)):
        assert layer.weight.dtype == TYPES[precision]
        assert_allclose(layer.weight.data, golden(part, f"{precision}.final.W{i}"), **near)
        assert_allclose(layer.bias.data, golden(part, f"{precision}.final.b{i}"), **near)


def test_every_part_of_the_file_is_compared():
    assert {key.split(".")[0] for key in GOLDEN} == PARTS


# --- XOR --------------------------------------------------------------------------------------------------------------

# The greatest difference of a loss: to which step, and how much.
XOR = {
    ("a_slp.seed0", "f64"): (10_000, 1e-12),
    ("a_slp.seed0", "f32"): (10_000, 1e-6),
    ("b2_2-2-1.seed0", "f64"): (10_000, 3e-14),
    ("b2_2-2-1.seed0", "f32"): (10_000, 1e-5),
    ("b_mlp.seed2", "f64"): (10_000, 1e-15),
    ("b_mlp.seed2", "f32"): (10_000, 1e-6),
    ("b_mlp.seed5", "f64"): (10_000, 2e-5),
    ("b_mlp.seed5", "f32"): (2000, 1e-6),
    ("b_mlp.seed777", "f64"): (5000, 1e-14),
    ("b_mlp.seed777", "f32"): (5000, 1e-6),
}


@pytest.mark.parametrize(("part", "precision"), XOR)
def test_xor_is_learnt_as_by_pytorch(part, precision):
    dtype, (last, near) = TYPES[precision], XOR[part, precision]
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype), np.array([[0], [1], [1], [0]], dtype)
    model, loss, losses = network(part, dtype, Sigmoid, Sigmoid()), BCELoss(), []
    optimizer = optim.SGD(model.parameters(), lr=1)
    for step in range(10_001):
        optimizer.zero_grad()
        cost = loss(model(x), y)
        cost.backward()
        if step == 0:
            assert_gradients(model, part, precision)
        optimizer.step()
        if step % 100 == 0:
            losses.append(cost.item())
    known = last // 100 + 1
    assert_allclose(losses[:known], golden(part, f"{precision}.losses")[:known], rtol=0, atol=near)
    # In the end all of them say the same, however they got there.
    assert_allclose(model(x).data.ravel(), golden(part, f"{precision}.pred"), rtol=0, atol=5e-6)
    assert loss(model(x), y).item() == pytest.approx(float(golden(part, f"{precision}.final_loss")), abs=1e-6)
    if part in ("a_slp.seed0", "b2_2-2-1.seed0", "b_mlp.seed2"):
        assert_weights(model, part, precision, {"rtol": 0, "atol": 1e-5 if precision == "f32" else 1e-13})


def test_one_layer_ends_at_ln_2_and_one_half():
    assert golden("a_slp.seed0", "f64.final_loss") == pytest.approx(np.log(2), rel=1e-15)
    assert_array_equal(golden("a_slp.seed0", "f64.pred"), 0.5)


# --- 64-50-30-10, Adam ------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("double", [False, True], ids=["logits", "double softmax"])
def test_digits_are_learnt_as_by_pytorch(precision, double):
    dtype, near = TYPES[precision], NEAR[precision]
    x, y = golden("c_mlp", "data.X_u8_div16").astype(dtype) / dtype(16), golden("c_mlp", "data.y")
    model = network("c_mlp", dtype, LeakyReLU, *[Softmax(dim=-1)] * double)
    loss, optimizer, losses = CrossEntropyLoss(), optim.Adam(model.parameters()), []
    if double:  # said once, at the first batch
        with pytest.warns(UserWarning, match="CrossEntropyLoss got probabilities"):
            loss(model(x[:32]), y[:32])
    for step in range(20):
        batch = slice(step * 32 % 160, step * 32 % 160 + 32)
        optimizer.zero_grad()
        cost = loss(model(x[batch]), y[batch])
        cost.backward()
        if step == 0 and not double:
            assert_gradients(model, "c_mlp", precision)
        optimizer.step()
        losses.append(cost.item())
    part, out = "c_mlp.double_softmax" if double else "c_mlp", model(x)
    assert_allclose(losses, golden(part, f"{precision}.losses"), **near)
    assert_allclose(loss(out, y).data, golden(part, f"{precision}.final_loss_all160"), **near)
    assert_array_equal(np.argmax(out, 1), golden(part, f"{precision}.final_argmax"))
    if not double:
        assert_weights(model, part, precision, near)
        assert_allclose(out.data[:4], golden(part, f"{precision}.final_logits_first4"), **near)


# --- optimisers -------------------------------------------------------------------------------------------------------

OPTIMIZERS = json.loads(golden("d_opt", "meta_json").item())
COMPARED = sorted(
    {key.split(".", 1)[1].rsplit(".", 1)[0] for key in GOLDEN if key.startswith("d_opt.")} & {*OPTIMIZERS}
)


@both
@pytest.mark.parametrize("name", COMPARED)
def test_an_optimiser_goes_the_way_of_pytorchs(name, precision):
    dtype = TYPES[precision]
    a, b, start = (golden("d_opt", each).astype(dtype) for each in ("A", "b", "w0"))
    kind, settings = OPTIMIZERS[name]
    w = Value(start.copy())
    optimizer, way = getattr(optim, kind)([w], **settings), [start]
    for _ in range(10):
        optimizer.zero_grad()
        (0.5 * (w @ (a @ w)) - b @ w).backward()
        optimizer.step()
        way.append(w.data.copy())
    assert w.dtype == dtype
    assert_allclose(way, golden("d_opt", f"{name}.{precision}"), **NEAR[precision])


# --- losses at edge inputs --------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize(("part", "given", "loss"), [("e_bce", "p", BCELoss), ("e_bcel", "z", BCEWithLogitsLoss)])
def test_binary_cross_entropy_at_its_ends_is_pytorchs(part, given, loss, precision):
    dtype, near = TYPES[precision], NEAR[precision]
    x, y = Value(golden(part, given).astype(dtype)), golden(part, "y").astype(dtype)
    loss("sum")(x, y).backward()
    assert_allclose(loss("none")(x, y).data, golden(part, f"{precision}.loss"), **near)
    assert_allclose(x.grad, golden(part, f"{precision}.grad_of_sum"), **near)
    assert loss("none")(x, y).dtype == x.grad.dtype == dtype
    if part == "e_bce":
        assert_allclose(loss()(x, y).data, golden(part, f"{precision}.mean"), **near)


@both
def test_cross_entropy_at_its_ends_is_pytorchs(precision):
    dtype, near = TYPES[precision], NEAR[precision]
    x, y = Value(golden("e_ce", "logits").astype(dtype)), golden("e_ce", "target")
    CrossEntropyLoss("sum")(x, y).backward()
    assert_allclose(CrossEntropyLoss("none")(x, y).data, golden("e_ce", f"{precision}.loss"), **near)
    assert_allclose(CrossEntropyLoss()(x, y).data, golden("e_ce", f"{precision}.mean"), **near)
    assert_allclose(x.grad, golden("e_ce", f"{precision}.grad_of_sum"), **near)
    again = Value(x.data)
    NLLLoss("sum")(LogSoftmax(dim=1)(again), y).backward()
    assert_allclose(again.grad, golden("e_ce", f"{precision}.grad_of_sum"), **near)
    twice = Value(x.data)
    losses = CrossEntropyLoss("none")
    losses.warned = True
    out = losses(Softmax(dim=1)(twice), y)
    out.sum().backward()
    assert_allclose(out.data, golden("e_ce", f"{precision}.double_softmax_loss"), **near)
    assert_allclose(twice.grad, golden("e_ce", f"{precision}.double_softmax_grad_of_sum"), **near)


@both
def test_the_squared_error_is_pytorchs(precision):
    dtype, near = TYPES[precision], NEAR[precision]
    x, y = Value(golden("e_mse", "pred").astype(dtype)), golden("e_mse", "target").astype(dtype)
    for reduction in ("mean", "sum", "none"):
        assert_allclose(MSELoss(reduction)(x, y).data, golden("e_mse", f"{precision}.{reduction}"), **near)
    MSELoss()(x, y).backward()
    assert_allclose(x.grad, golden("e_mse", f"{precision}.grad_of_mean"), **near)


# --- the worked example, initial weights, gradients by layer, curves --------------------------------------------------


def test_the_worked_example_in_layers_is_pytorchs():
    weights = golden("g_we", "W0")
    hidden, output = (Linear(2, 2, bias=False, dtype=np.float64) for _ in range(2))
    hidden.load_state_dict({"weight": weights[:4].reshape(2, 2)})
    output.load_state_dict({"weight": weights[4:].reshape(2, 2)})
    optimizer = optim.SGD([hidden.weight, output.weight], lr=0.5)
    for step in ("pass1", "pass2"):
        z = hidden([0.1, 0.2])
        h = z.sigmoid()
        z_out = output(h)
        o = z_out.sigmoid()
        errors = 0.5 * (o - [0.4, 0.6]) ** 2
        optimizer.zero_grad()
        errors.sum().backward()
        found = {
            "z": np.append(z.data, z_out.data), "h": h.data, "o": o.data,
            "E": errors.data, "E_total": errors.data.sum(),
            "grad_W": np.append(hidden.weight.grad, output.weight.grad), "grad_h": h.grad, "grad_o": o.grad,
            "grad_z": np.append(z.grad, z_out.grad),
        }  # fmt: skip
        optimizer.step()
        found["W_new"] = np.append(hidden.weight.data, output.weight.data)
        for name, value in found.items():
            assert_allclose(value, golden("g_we", f"{step}.{name}"), rtol=1e-12, atol=0)


@pytest.mark.parametrize("row", range(len(golden("f_init", "stats_seed0"))))
def test_linear_starts_within_pytorchs_bounds_and_fills_them(row):
    known = dict(zip(golden("f_init", "columns").item().split(","), golden("f_init", "stats_seed0")[row], strict=True))
    layer = Linear(int(known["in"]), int(known["out"]), seed=0)
    for array, name in ((layer.weight.data, "W"), (layer.bias.data, "b")):
        assert np.abs(array).max() <= np.float32(known["bound"])
        if array.size > 1000:  # else chance decides
            assert array.std() == pytest.approx(known["expected_std"], rel=0.02)
            assert (array.min(), array.max()) == pytest.approx((known[f"{name}min"], known[f"{name}max"]), rel=0.01)


@pytest.mark.parametrize("activation", [Sigmoid, ReLU])
def test_gradients_by_layer_are_pytorchs(activation):
    name = activation.__name__.lower()
    model = network("h_vanish", np.float64, activation)
    loss = MSELoss()(model(golden("h_vanish", "x")), np.ones((8, 1)))
    loss.backward()
    norms = [np.linalg.norm(each.weight.grad) for each in linears(model)]
    assert_allclose(loss.data, golden("h_vanish", f"{name}.f64.loss"), rtol=1e-12)
    assert_allclose(norms, golden("h_vanish", f"{name}.f64.grad_norm_W"), rtol=1e-12)


def test_the_plotted_curves_are_the_activations():
    x = golden("i_plot", "x")
    assert_allclose(np.arange(-5.0, 5.0, 0.1), x, rtol=0, atol=1e-12)
    curves = {
        "sigmoid": Sigmoid(), "tanh": Tanh(), "relu": ReLU(), "leaky_relu_a0.1": LeakyReLU(0.1), "softmax": Softmax(0),
    }  # fmt: skip
    assert {f"i_plot.{name}" for name in curves} | {"i_plot.x"} == {key for key in GOLDEN if key.startswith("i_plot")}
    for name, layer in curves.items():
        assert_allclose(layer(x).data, golden("i_plot", name), rtol=1e-12, atol=1e-15)
