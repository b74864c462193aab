"""Beside PyTorch, where it is installed: random nets, losses at their ends, optimisers step by step, state_dicts."""

import importlib
import warnings
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose, assert_array_equal

from micrograd_kr import nn, optim
from micrograd_kr.engine import Value

torch = pytest.importorskip("torch")

TYPES = {"float32": {"rtol": 1e-5, "atol": 1e-6}, "float64": {"rtol": 1e-12, "atol": 1e-13}}
both = pytest.mark.parametrize("dtype", TYPES)
ACTIVATIONS = [("Sigmoid", ()), ("Tanh", ()), ("ReLU", ()), ("LeakyReLU", ()), ("LeakyReLU", (0.2,))]


def tensor(array, **options):
    return torch.tensor(np.asarray(array), **options)


def twins(sizes, activations, biases, dtype, last=()):
    """The same network with either library, with the weights PyTorch drew."""
    made = []
    for library, options in ((nn, {"dtype": dtype}), (torch.nn, {"dtype": getattr(torch, dtype)})):
        layers = []
        for n, m, (name, arguments), bias in zip(sizes, sizes[1:], activations, biases, strict=False):
            layers += [library.Linear(n, m, bias=bias, **options), getattr(library, name)(*arguments)]
        made.append(library.Sequential(*layers[:-1], *(getattr(library, name)(*given) for name, given in last)))
    ours, theirs = made
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def assert_same_gradients(ours, theirs, near):
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert_allclose(mine.grad, other.grad.numpy(), **near)


# --- networks ---------------------------------------------------------------------------------------------------------


@both
@settings(max_examples=30, derandomize=True)
@given(data=st.data())
def test_random_networks_give_pytorchs_outputs_and_gradients(dtype, data):
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=2, max_size=5))
    seed, batch = data.draw(st.integers(0, 99)), data.draw(st.integers(1, 7))
    activations = data.draw(st.lists(st.sampled_from(ACTIVATIONS), min_size=len(sizes), max_size=len(sizes)))
    biases = data.draw(st.lists(st.booleans(), min_size=len(sizes), max_size=len(sizes)))
    name = data.draw(st.sampled_from(["MSELoss", "BCELoss", "BCEWithLogitsLoss", "CrossEntropyLoss", "NLLLoss"]))
    reduction = data.draw(st.sampled_from(["mean", "sum"]))
    last = {"BCELoss": [("Sigmoid", ())], "NLLLoss": [("LogSoftmax", (-1,))]}.get(name, [])
    torch.manual_seed(seed)
    ours, theirs = twins(sizes, activations, biases, dtype, last)
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(batch, sizes[0])).astype(dtype)
    target = draw.uniform(size=(batch, sizes[-1])).astype(dtype)
    if name in ("CrossEntropyLoss", "NLLLoss"):
        target = draw.integers(0, sizes[-1], batch)
    out, expected = ours(x), theirs(tensor(x))
    cost = getattr(nn, name)(reduction)(out, target)
    cost.backward()
    other = getattr(torch.nn, name)(reduction=reduction)(expected, tensor(target))
    other.backward()
    assert out.dtype == dtype
    assert_allclose(out.data, expected.detach().numpy(), **TYPES[dtype])
    assert cost.item() == pytest.approx(other.item(), rel=TYPES[dtype]["rtol"], abs=TYPES[dtype]["atol"])
    assert_same_gradients(ours, theirs, TYPES[dtype])


@both
@pytest.mark.parametrize("shape", [(3,), (2, 5, 3), (2, 1, 4, 3)])
def test_linear_takes_any_axes_before_the_features_as_pytorchs_does(shape, dtype):
    ours, theirs = twins([3, 2, 2], ACTIVATIONS, [True, True], dtype)
    x = Value(np.linspace(-1, 1, int(np.prod(shape))).reshape(shape).astype(dtype))
    given = tensor(x.data, requires_grad=True)
    out, expected = ours(x), theirs(given)
    out.sum().backward()
    expected.sum().backward()
    assert out.shape == tuple(expected.shape)
    assert_allclose(out.data, expected.detach().numpy(), **TYPES[dtype])
    assert_allclose(x.grad, given.grad.numpy(), **TYPES[dtype])
    assert_same_gradients(ours, theirs, TYPES[dtype])


@pytest.mark.parametrize(
    "build",
    [
        lambda m: m.Sequential(m.Linear(4, 3), m.ReLU(), m.Dropout(0.3), m.Linear(3, 2, bias=False), m.Softmax(dim=-1)),
        lambda m: m.Sequential(m.Flatten(), m.Sequential(m.LeakyReLU(0.1), m.Tanh()), m.LogSoftmax(dim=1)),
        lambda m: m.Sequential(),
        lambda m: m.CrossEntropyLoss(),
        lambda m: m.Sequential(m.ReLU(inplace=True), m.LeakyReLU(0.2, inplace=True), m.Identity(3), m.L1Loss()),
        lambda m: m.Linear(1, 1),
    ],
)
def test_repr_is_pytorchs(build):
    assert repr(build(nn)) == repr(build(torch.nn))


def test_flatten_is_pytorchs():
    x = np.arange(24.0).reshape(2, 3, 4)
    for ends in ((), (0,), (0, 1), (-2,), (1, 1)):
        assert_array_equal(nn.Flatten(*ends)(x), torch.nn.Flatten(*ends)(tensor(x)).numpy())


# --- losses at their ends ---------------------------------------------------------------------------------------------

ENDS = [0.0, 1.0, 1e-30, 1e-8, 0.5, 0.3, 1 - 1e-7]
LOGITS = [0.0, -0.0, 1.0, -1.0, 20.0, -20.0, 90.0, -90.0, 1e4, -1e4, 1e-20]


@both
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("name", "inputs"), [("BCELoss", ENDS), ("BCEWithLogitsLoss", LOGITS), ("MSELoss", LOGITS), ("L1Loss", LOGITS)]
)
def test_losses_of_entries_are_pytorchs_at_their_ends(name, inputs, reduction, dtype):
    x, t = (each.ravel().astype(dtype) for each in np.meshgrid(inputs, [0.0, 1.0, 0.25]))
    ours, theirs = Value(x), tensor(x, requires_grad=True)
    out = getattr(nn, name)(reduction)(ours, t)
    expected = getattr(torch.nn, name)(reduction=reduction)(theirs, tensor(t))
    out.sum().backward()
    expected.sum().backward()
    assert_allclose(out.data, expected.detach().numpy(), **TYPES[dtype])
    assert_allclose(ours.grad, theirs.grad.numpy(), **TYPES[dtype])


@both
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", [(6,), (5, 6), (2, 6, 3)])
@pytest.mark.parametrize("kind", ["classes", "shares"])
def test_cross_entropy_is_pytorchs_at_its_ends(shape, kind, reduction, dtype):
    x = np.resize([*LOGITS, 3.0, 2.0], shape).astype(dtype)
    ours, theirs = Value(x), tensor(x, requires_grad=True)
    axis = min(len(shape) - 1, 1)
    target = np.arange(x.size // 6).reshape(np.delete(shape, axis)) % 6
    if kind == "shares":
        target = np.moveaxis(np.full((*target.shape, 6), 1 / 6, dtype), -1, axis)
    out = nn.CrossEntropyLoss(reduction)(ours, target)
    expected = torch.nn.CrossEntropyLoss(reduction=reduction)(theirs, tensor(target))
    out.sum().backward()
    expected.sum().backward()
    assert out.shape == tuple(expected.shape)
    assert_allclose(out.data, expected.detach().numpy(), **TYPES[dtype])
    assert_allclose(ours.grad, theirs.grad.numpy(), **TYPES[dtype])


@pytest.mark.parametrize("name", ["MSELoss", "BCELoss", "CrossEntropyLoss"])
def test_where_pytorch_raises_or_warns_we_raise(name):
    column, row = np.full((4, 1), 0.5), np.zeros(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((UserWarning, ValueError, RuntimeError)):
            getattr(torch.nn, name)()(tensor(column), tensor(row))
    with pytest.raises(ValueError, match=name):
        getattr(nn, name)()(column, row)


# --- optimisers -------------------------------------------------------------------------------------------------------

SETTINGS = {
    "SGD": st.fixed_dictionaries(
        {"lr": st.sampled_from([0.01, 0.3])},
        optional={
            "momentum": st.sampled_from([0.5, 0.9]),
            "dampening": st.sampled_from([0.1, 0.5]),
            "weight_decay": st.sampled_from([0.01, 0.5]),
        },
    )
    | st.just({"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
} | {
    name: st.fixed_dictionaries(
        {},
        optional={
            "lr": st.sampled_from([0.01, 0.3]),
            "betas": st.sampled_from([(0.5, 0.6), (0.0, 0.9), (0.9, 0.0)]),
            "eps": st.sampled_from([1e-3, 1.0]),
            "weight_decay": st.sampled_from([0.0, 0.1]),
            "amsgrad": st.booleans(),
        },
    )
    for name in ("Adam", "AdamW")
}


@both
@pytest.mark.parametrize("name", SETTINGS)
@settings(max_examples=25, derandomize=True)
@given(data=st.data())
def test_an_optimiser_takes_pytorchs_steps_on_any_settings(name, dtype, data):
    chosen = data.draw(SETTINGS[name])
    draw = np.random.default_rng(data.draw(st.integers(0, 99)))
    arrays = [draw.normal(size=shape).astype(dtype) for shape in ((3, 2), (4,), (1,))]
    ours, theirs = [Value(each.copy()) for each in arrays], [tensor(each, requires_grad=True) for each in arrays]
    mine, other = getattr(optim, name)(ours, **chosen), getattr(torch.optim, name)(theirs, **chosen)
    for step in range(6):
        mine.zero_grad()
        other.zero_grad()
        for k, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            if (step + k) % 3:  # now and then one has no gradient
                g = draw.normal(size=p.shape).astype(dtype)
                p.grad, q.grad = g, tensor(g)
        mine.step()
        other.step()
        for p, q in zip(ours, theirs, strict=True):
            assert p.dtype == dtype
            assert_allclose(p.data, q.detach().numpy(), **TYPES[dtype])


@both
@pytest.mark.parametrize(
    ("name", "settings"),
    [("SGD", {"lr": 0.1, "momentum": 0.9}), ("SGD", {"lr": 0.1}), ("Adam", {"amsgrad": True}), ("AdamW", {})],
)
def test_a_run_begun_with_pytorch_goes_on_here(name, settings, dtype):
    arrays = [np.linspace(-1, 1, 6).reshape(2, 3).astype(dtype), np.ones(3, dtype)]
    theirs = [tensor(each, requires_grad=True) for each in arrays]
    other = getattr(torch.optim, name)(theirs, **settings)

    def step(optimizer, parameters, wrapped):
        for p in parameters:
            p.grad = wrapped(np.cos(np.arange(6.0)).astype(dtype)[: np.prod(tuple(p.shape))].reshape(tuple(p.shape)))
        optimizer.step()

    for _ in range(3):
        step(other, theirs, tensor)
    ours = [Value(each.detach().numpy().copy()) for each in theirs]
    mine = getattr(optim, name)(ours, **settings)
    mine.load_state_dict(other.state_dict())
    for _ in range(3):
        step(other, theirs, tensor)
        step(mine, ours, np.asarray)
    for p, q in zip(ours, theirs, strict=True):
        assert_allclose(p.data, q.detach().numpy(), **TYPES[dtype])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("StepLR", (3,)), ("StepLR", (2, 0.5)), ("ExponentialLR", (0.9,)), ("CosineAnnealingLR", (5, 0.01))],
)
def test_a_schedule_gives_pytorchs_learning_rates(name, arguments):
    mine = optim.SGD([Value(1.0)], lr=0.3)
    other = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.3)
    plan = getattr(optim, name)(mine, *arguments)
    theirs = getattr(torch.optim.lr_scheduler, name)(other, *arguments)
    for _ in range(12):
        other.step()
        plan.step()
        theirs.step()
        assert plan.get_last_lr() == pytest.approx(theirs.get_last_lr(), rel=1e-12)


PLANS = [("StepLR", (3,)), ("StepLR", (2, 0.5)), ("ExponentialLR", (0.9,)), ("CosineAnnealingLR", (5, 0.01))]


@settings(max_examples=60, derandomize=True)
@given(data=st.data())
def test_schedules_combine_and_keep_a_rate_set_by_hand_as_pytorchs_do(data):
    chosen = data.draw(st.lists(st.sampled_from([*PLANS, ("CosineAnnealingLR", (1,))]), min_size=1, max_size=3))
    by_hand = data.draw(st.dictionaries(st.integers(0, 14), st.sampled_from([0.7, 0.05, 0.0]), max_size=3))
    mine = optim.SGD([Value(1.0)], lr=0.3)
    other = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.3)
    plans = [getattr(optim, name)(mine, *arguments) for name, arguments in chosen]
    theirs = [getattr(torch.optim.lr_scheduler, name)(other, *arguments) for name, arguments in chosen]
    other.step()
    for epoch in range(15):
        if epoch in by_hand:
            mine.lr = other.param_groups[0]["lr"] = by_hand[epoch]
        for plan in (*plans, *theirs):
            plan.step()
        assert mine.lr == pytest.approx(other.param_groups[0]["lr"], rel=1e-12)


@both
def test_a_whole_training_goes_pytorchs_way(dtype):
    torch.manual_seed(0)
    ours, theirs = twins([8, 16, 12, 4], [("LeakyReLU", ())] * 3, [True] * 3, dtype)
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(64, 8)).astype(dtype), draw.integers(0, 4, 64)
    mine, other = optim.Adam(ours.parameters(), lr=0.01), torch.optim.Adam(theirs.parameters(), lr=0.01)
    for step in range(40):
        batch = slice(step % 4 * 16, step % 4 * 16 + 16)
        mine.zero_grad()
        other.zero_grad()
        cost = nn.CrossEntropyLoss()(ours(x[batch]), y[batch])
        expected = torch.nn.CrossEntropyLoss()(theirs(tensor(x[batch])), tensor(y[batch]))
        cost.backward()
        expected.backward()
        mine.step()
        other.step()
        near = 1e-4 if dtype == "float32" else 1e-11
        assert cost.item() == pytest.approx(expected.item(), rel=near)


# --- weights to and fro -----------------------------------------------------------------------------------------------


@both
def test_weights_go_to_pytorch_and_back_unchanged(dtype):
    ours, theirs = twins([5, 4, 3], ACTIVATIONS, [True, True], dtype)
    fresh = nn.Sequential(nn.Linear(5, 4, dtype=dtype), nn.Sigmoid(), nn.Linear(4, 3, dtype=dtype))
    theirs.load_state_dict({name: tensor(each) for name, each in fresh.state_dict().items()}, strict=True)
    ours.load_state_dict(theirs.state_dict())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, each in fresh.state_dict().items():
        assert_array_equal(ours.state_dict()[name], each)
        assert_array_equal(theirs.state_dict()[name].numpy(), each)


def test_both_refuse_the_same_states():
    ours, theirs = twins([2, 3, 1], ACTIVATIONS, [True, True], "float64")
    good = theirs.state_dict()
    for bad in (
        {**good, "3.weight": good["0.weight"]},
        {name: each for name, each in good.items() if name != "2.bias"},
        {**good, "0.weight": good["0.weight"].T},
    ):
        for each in (ours, theirs):
            with pytest.raises(RuntimeError):
                each.load_state_dict(bad)
    for each in (ours, theirs):
        with pytest.raises(TypeError):
            each.load_state_dict(each.state_dict)


# --- the benchmarks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("chapter", {"sizes": (20, 8, 5, 10), "batch": 4, "pictures": 12}),
        ("small", {"sizes": (20, 8, 10), "batch": 4, "pictures": 12}),
        ("xor", {}),
    ],
)
def test_either_side_of_a_training_benchmark_computes_the_same(monkeypatch, name, options):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "bench"))
    benchmark = getattr(importlib.import_module("training"), name)
    engines = ["micrograd_kr", "pytorch"] + ["pytorch fused"] * (name == "chapter")
    losses = []
    for engine in engines:
        step = benchmark(engine, **options)
        losses.append([step() for _ in range(8)])
    for each in losses[1:]:
        assert losses[0] == pytest.approx(each, rel=1e-5)
