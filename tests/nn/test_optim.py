"""Optimisers and schedules: the formulas by hand, what is left alone, what is refused, and going on from a state."""

import copy
import math
import random
import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose, assert_array_equal

from micrograd_kr.engine import UNSET, Value
from micrograd_kr.nn import MLP, Linear
from micrograd_kr.optim import PIECE, SGD, Adam, AdamW, CosineAnnealingLR, ExponentialLR, StepLR

SETTINGS = [
    (SGD, {"lr": 0.1}),
    (SGD, {"lr": 0.1, "weight_decay": 0.01}),
    (SGD, {"lr": 0.1, "momentum": 0.9}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (Adam, {}),
    (Adam, {"lr": 0.1, "weight_decay": 0.1}),
    (Adam, {"lr": 0.1, "amsgrad": True, "betas": (0.5, 0.6)}),
    (AdamW, {"lr": 0.1, "eps": 0.1}),
]
every_setting = pytest.mark.parametrize(
    ("optimizer", "settings"), SETTINGS, ids=lambda each: getattr(each, "__name__", str(each))
)


def by_hand(name, w, gradients, lr, momentum=0, dampening=0, nesterov=False, weight_decay=None, **options):
    """The textbook's formulas, one step after another, every number an array of its own."""
    decay = {"SGD": 0, "Adam": 0, "AdamW": 0.01}[name] if weight_decay is None else weight_decay
    (b1, b2), eps, amsgrad = (options.get(k, d) for k, d in [("betas", (0.9, 0.999)), ("eps", 1e-8), ("amsgrad", 0)])
    m = v = top = 0.0
    for t, g in enumerate(gradients, 1):
        if name == "AdamW":
            w = w - lr * decay * w
        else:
            g = g + decay * w
        if name == "SGD":
            v = g if t == 1 else momentum * v + (1 - dampening) * g
            w = w - lr * ((g + momentum * v if nesterov else v) if momentum else g)
            continue
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        top = np.maximum(top, v)
        m_hat, v_hat = m / (1 - b1**t), (top if amsgrad else v) / (1 - b2**t)
        w = w - lr * m_hat / (np.sqrt(v_hat) + eps)
    return w


def steps(optimizer, parameter, gradients):
    for g in gradients:
        optimizer.zero_grad()
        parameter.grad = g
        optimizer.step()


@pytest.fixture
def draw():
    return np.random.default_rng(3)


# --- formulas ---------------------------------------------------------------------------------------------------------


@every_setting
@pytest.mark.parametrize("shape", [(3,), (2, 3), ()])
def test_steps_are_the_textbooks(optimizer, settings, shape, draw):
    w, gradients = draw.normal(size=shape), list(draw.normal(size=(6, *shape)))
    if not shape:
        w, gradients = float(w), list(map(float, gradients))
    parameter = Value(w.copy() if shape else w)
    steps(optimizer([parameter], **settings), parameter, gradients)
    expected = by_hand(optimizer.__name__, w, gradients, **{"lr": 1e-3, **settings})
    assert_allclose(parameter.data, expected, rtol=1e-12)
    assert isinstance(parameter.data, np.ndarray if shape else float)


@every_setting
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pieces_of_a_large_parameter_are_updated_as_a_whole_would_be(optimizer, settings, dtype, draw):
    rows = 2 * PIECE // np.dtype(dtype).itemsize // 100 + 7
    w, gradients = draw.normal(size=(rows, 100)).astype(dtype), draw.normal(size=(2, rows, 100)).astype(dtype)
    large, parts = Value(w.copy()), [Value(each.copy()) for each in w[:: rows - 1]]
    whole, separate = optimizer([large], **settings), optimizer(parts, **settings)
    for g in gradients:
        large.grad = g
        for part, own in zip(parts, g[:: rows - 1], strict=True):
            part.grad = own
        whole.step()
        separate.step()
    assert large.dtype == dtype
    assert_array_equal(large.data[:: rows - 1], [each.data for each in parts])
    assert (large.data != w).all()


@pytest.mark.parametrize(("optimizer", "settings"), [(SGD, {"momentum": 0.9}), (Adam, {"weight_decay": 0.1})])
def test_the_layout_of_an_array_in_memory_changes_nothing(optimizer, settings, draw):
    w, g = draw.normal(size=(2, 400, 300))
    straight, turned = Value(w.copy()), Value(np.asfortranarray(w))
    for parameter in (straight, turned):
        steps(optimizer([parameter], lr=0.1, **settings), parameter, [g, np.asfortranarray(g)])
    assert_array_equal(straight.data, turned.data)
    assert (turned.data != w).all()


@pytest.mark.parametrize("size", [3, PIECE // 8 + 5])
@every_setting
def test_a_step_writes_into_no_array_that_a_caller_holds(optimizer, settings, size):
    start, g = np.ones(size), np.full(size, 0.5)
    parameter = Value(start)
    made = optimizer([parameter], **settings)
    for _ in range(3):
        before = parameter.data
        held = before.copy()
        parameter.grad = g
        made.step()
        assert_array_equal(before, held)
        assert not np.shares_memory(parameter.data, before)
        assert (parameter.data != held).all()
    assert_array_equal(start, 1)
    assert_array_equal(g, 0.5)


@every_setting
def test_a_graph_gives_the_gradient_at_the_numbers_it_was_computed_from(optimizer, settings):
    w = Value([1.0, 2.0])
    descent = optimizer([w], **settings)
    first, second = (w * w).sum(), (w**3).sum()
    first.backward()
    descent.step()
    descent.zero_grad()
    second.backward()
    assert_array_equal(w.grad, [3, 12])


@pytest.mark.parametrize("rate", [0.25, np.float64(0.25)])
@pytest.mark.parametrize("g", [0.5, np.full(3, 0.5)])
def test_a_rate_or_a_gradient_of_another_dtype_leaves_the_parameters_own(rate, g):
    parameter = Value(np.ones(3, np.float32))
    steps(SGD([parameter], lr=rate), parameter, [g])
    assert parameter.dtype == np.float32
    assert_array_equal(parameter.data, 0.875)


def test_zero_grad_sets_zeros_where_it_is_asked_to():
    tensor, scalar, untouched = Value(np.ones(2, np.float32)), Value(1.0), Value(1.0)
    (tensor.sum() * scalar).backward()
    held = tensor.grad
    SGD([tensor, scalar, untouched]).zero_grad(set_to_none=False)
    assert_array_equal(tensor.grad, [0, 0])
    assert tensor.grad.dtype == np.float32
    assert_array_equal(held, 1)
    assert scalar.grad == 0
    assert scalar.grad is not UNSET
    assert untouched.grad is UNSET
    SGD([tensor]).zero_grad()
    assert tensor.grad is UNSET


def test_a_parameter_without_a_gradient_and_its_state_are_left_alone():
    still, moving = Value(np.ones(2)), Value(np.ones(2))
    optimizer = Adam([still, moving], weight_decay=0.1)
    moving.grad = np.ones(2)
    optimizer.step()
    assert_array_equal(still.data, 1)
    assert (moving.data < 1).all()
    assert list(optimizer.state) == [1]
    optimizer.zero_grad()
    assert still.grad is UNSET
    assert moving.grad is UNSET


def test_a_gradient_of_0_is_a_gradient():
    parameter = Value(1.0)
    steps(SGD([parameter], lr=0.1, weight_decay=0.5), parameter, [0.0])
    assert parameter.data == pytest.approx(0.95)


def test_the_learning_rate_may_be_set_at_any_time():
    parameter = Value(0.0)
    optimizer = SGD([parameter], lr=1.0)
    steps(optimizer, parameter, [1.0])
    optimizer.lr = 0.25
    steps(optimizer, parameter, [1.0])
    assert parameter.data == -1.25


@pytest.mark.parametrize(("optimizer", "lr"), [(SGD, 0.1), (Adam, 0.05), (AdamW, 0.05)])
def test_the_minimum_of_a_parabola_is_found_and_scalar_nets_learn(optimizer, lr):
    x = Value([3.0, -2.0])
    descent = optimizer([x], lr=lr)
    for _ in range(400):
        descent.zero_grad()
        ((x - [1.0, 0.5]) ** 2).sum().backward()
        descent.step()
    assert_allclose(x.data, [1.0, 0.5], atol=0.03)
    for seed in range(20):
        random.seed(seed)
        model = MLP(2, [3, 1])
        target = model([1.0, -1.0]).data + 1  # a net that starts at its target is carried past it by Adam's even steps
        descent = optimizer(model.parameters(), lr=lr / 5)
        losses = []
        for _ in range(10):
            descent.zero_grad()
            loss = (model([1.0, -1.0]) - target) ** 2
            loss.backward()
            descent.step()
            losses.append(loss.data)
        assert losses[-1] < losses[0]


# --- going on ---------------------------------------------------------------------------------------------------------


@every_setting
def test_a_run_that_goes_on_from_a_state_is_the_same_bit_for_bit(optimizer, settings, draw):
    w, gradients = draw.normal(size=(4, 5)), draw.normal(size=(6, 4, 5))
    unbroken, resumed = Value(w.copy()), Value(w.copy())
    steps(optimizer([unbroken], **settings), unbroken, gradients)
    first = optimizer([resumed], **settings)
    steps(first, resumed, gradients[:3])
    state = first.state_dict()
    steps(first, Value(resumed.data.copy()), gradients)  # the state is a copy
    second = optimizer([resumed], lr=7.0, **{k: v for k, v in settings.items() if k != "lr"})
    second.load_state_dict(state)
    steps(second, resumed, gradients[3:])
    assert_array_equal(resumed.data, unbroken.data)


def test_a_state_has_pytorchs_layout():
    layer = Linear(2, 3, seed=0)
    optimizer = Adam(layer.parameters(), lr=0.5, amsgrad=True)
    for each in layer.parameters():
        each.grad = np.ones_like(each.data)
    optimizer.step()
    state = optimizer.state_dict()
    assert list(state) == ["state", "param_groups"]
    assert list(state["state"]) == [0, 1]
    assert list(state["state"][0]) == ["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]
    (group,) = state["param_groups"]
    assert group == {
        "lr": 0.5, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0, "amsgrad": True, "params": [0, 1],
    }  # fmt: skip


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing():
    def after_a_step(optimizer, *shapes, **settings):
        parameters = [Value(np.ones(each)) for each in shapes]
        for each in parameters:
            each.grad = each.data
        made = optimizer(parameters, **settings)
        made.step()
        return made

    adam = after_a_step(Adam, 3, 2)
    with pytest.raises(TypeError, match=r"expected what Adam.state_dict\(\) returns, got list"):
        adam.load_state_dict([])
    for other, message in [
        (after_a_step(Adam, 3), "state of 2 parameters, got that of 1"),
        (after_a_step(Adam, 3, 3), r"shape \(2,\) for exp_avg of parameter 1, got float64 of shape \(3,\)"),
        (after_a_step(SGD, 3, 2, momentum=0.9), "expected a state of Adam, got one without betas, eps, amsgrad"),
    ]:
        before = adam.state_dict()["state"][0]["exp_avg"]
        with pytest.raises(ValueError, match=message):
            adam.load_state_dict(other.state_dict())
        assert_array_equal(adam.state_dict()["state"][0]["exp_avg"], before)


def test_the_options_are_those_that_were_saved():
    def made(*steps_taken, **settings):
        parameter = Value(np.ones(3))
        optimizer = SGD([parameter], **settings)
        steps(optimizer, parameter, steps_taken)
        return optimizer

    g = np.full(3, 0.5)
    saved, plain = made(g, lr=0.5, momentum=0.9), made(g)
    plain.load_state_dict(saved.state_dict())
    assert (plain.lr, plain.momentum) == (0.5, 0.9)
    for optimizer in (saved, plain):
        optimizer.params[0].data = np.ones(3)
        steps(optimizer, optimizer.params[0], [g])
    assert_array_equal(plain.params[0].data, saved.params[0].data)


ODD = st.sampled_from(
    [
        *["x", "", None, math.nan, math.inf, -1, -0.5, 10**400, 1j, 2, True, b"", object()],
        *[[], [1.0], [[1.0], [1.0, 2.0]], (), {}, {"lr": 1}, {1: {}}],
        *[np.ones(3), np.ones((0, 2)), np.array(["a"]), np.array(None), np.array(2.0)],
    ]
)


@st.composite
def mangled(draw, state_dict):
    """A state_dict in which one place holds something else, or is missing, or is there besides."""
    part = copied = copy.deepcopy(state_dict)
    while True:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        key = draw(st.sampled_from(keys)) if keys else None
        if key is not None and isinstance(part[key], dict | list) and part[key] and draw(st.booleans()):
            part = part[key]
            continue
        kind = draw(st.sampled_from(["set", "delete", "add"]))
        if kind == "set" and key is not None:
            part[key] = draw(ODD)
        elif kind == "delete" and key is not None:
            del part[key]
        elif isinstance(part, dict):
            part[draw(st.sampled_from(["x", -1, 7, None, 0.5, "0", (1,)]))] = draw(ODD)
        else:
            part.append(draw(ODD))
        return copied


def seen(optimizer):
    return repr([{name: value for name, value in vars(optimizer).items() if name != "optimizer"}, optimizer])


@every_setting
@settings(max_examples=200, derandomize=True)
@given(data=st.data())
def test_an_odd_state_is_refused_in_words_and_changes_nothing(optimizer, settings, data):
    parameters = [Value(np.ones(3)), Value(2.0)]
    made = optimizer(parameters, **settings)
    for each in parameters:
        each.grad = each.data
    made.step()
    state = data.draw(mangled(made.state_dict()) | ODD)
    before = seen(made)
    refusal = ""
    try:
        made.load_state_dict(state)
    except (TypeError, ValueError) as error:
        refusal = str(error)
    if refusal:
        assert re.search("expected|needs", refusal)
        assert seen(made) == before
    else:
        made.step()  # what was accepted can be gone on from


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("lr", "x", "expected lr to be a number, 0 or more, got 'x'"),
        ("lr", math.nan, "expected lr to be a number, 0 or more, got nan"),
        ("lr", -1, "expected lr to be a number, 0 or more, got -1"),
        ("lr", [0.1] * 10**6, r"expected lr to be a number, 0 or more, got \[0.1, .*\.\.\.\]$"),
        ("lr", None, "expected lr to be a number"),
        ("betas", 0.9, "expected betas to be two numbers from 0 to less than 1, got 0.9"),
        ("betas", (0.9,), "expected betas to be two numbers"),
        ("betas", (0.9, "x"), "expected betas to be two numbers"),
        ("betas", (0.9, 1.0), "expected betas to be two numbers from 0 to less than 1"),
        ("eps", -1e-8, "expected eps to be a number, 0 or more"),
        ("weight_decay", math.inf, "expected weight_decay to be a number, 0 or more, got inf"),
        ("amsgrad", "no", "expected amsgrad to be True or False, got 'no'"),
        ("maximize", True, "where Adam minimizes"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_when_it_is_loaded(option, value, message):
    optimizer = Adam([Value(1.0)])
    state = optimizer.state_dict()
    state["param_groups"][0][option] = value
    with pytest.raises((TypeError, ValueError), match=message):
        optimizer.load_state_dict(state)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": -1}, "lr to be a number, 0 or more, got -1"),
        ({"lr": math.nan}, "lr to be a number, 0 or more, got nan"),
        ({"momentum": -0.1}, "momentum to be a number, 0 or more"),
        ({"weight_decay": -0.1}, "weight_decay to be a number, 0 or more"),
        ({"nesterov": True}, "nesterov needs a momentum and no dampening"),
        ({"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "got momentum=0.9, dampening=0.1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        SGD([Value(1.0)], **settings)


@pytest.mark.parametrize("settings", [{"betas": (1.0, 0.9)}, {"betas": (0.9, -0.1)}, {"eps": -1e-8}])
def test_adams_settings_are_checked_too(settings):
    with pytest.raises(ValueError, match="expected"):
        Adam([Value(1.0)], **settings)


def test_parameters_are_a_list_of_values_each_once():
    one = Value(1.0)
    with pytest.raises(ValueError, match=r"got none: give model.parameters\(\)"):
        SGD([])
    with pytest.raises(ValueError, match="some of them twice"):
        SGD([one, one])
    with pytest.raises(TypeError, match="expected a list of parameters, got one"):
        SGD(one)
    with pytest.raises(TypeError, match=r"with \.data and \.grad, got dict"):
        SGD([{"params": [one]}])
    with pytest.raises(TypeError, match=r"with \.data and \.grad, got ndarray"):  # it has .data
        SGD([np.ones(3)])
    assert SGD(each for each in [one]).params == [one]


def test_an_optimizer_shows_its_settings():
    assert repr(SGD([Value(1.0)], lr=0.5)) == (
        "SGD(1 parameters, lr=0.5, momentum=0, dampening=0, weight_decay=0, nesterov=False)"
    )


# --- schedules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (lambda o: StepLR(o, step_size=2, gamma=0.5), [8, 8, 4, 4, 2, 2]),
        (lambda o: ExponentialLR(o, gamma=0.5), [8, 4, 2, 1, 0.5, 0.25]),
        (lambda o: CosineAnnealingLR(o, T_max=4, eta_min=4), [8, 6 + 2**0.5, 6, 6 - 2**0.5, 4, 6 - 2**0.5]),
    ],
    ids=["step", "exponential", "cosine"],
)
def test_a_schedule_sets_the_learning_rate_epoch_by_epoch(schedule, expected):
    optimizer = SGD([Value(1.0)], lr=8.0)
    plan, rates = schedule(optimizer), []
    for _ in expected:
        rates += plan.get_last_lr()
        plan.step()
    assert rates == pytest.approx(expected)
    again = SGD([Value(1.0)], lr=3.0)
    resumed = schedule(again)
    resumed.load_state_dict(plan.state_dict())
    again.load_state_dict(optimizer.state_dict())
    for each in (plan, resumed):
        each.step()
    assert again.lr == optimizer.lr


def test_a_rate_set_by_hand_stays_and_two_schedules_combine():
    optimizer = SGD([Value(1.0)], lr=1.0)
    plans = [StepLR(optimizer, 2, gamma=0.5), ExponentialLR(optimizer, 0.5)]
    rates = []
    for _ in range(3):
        for plan in plans:
            plan.step()
        rates.append(optimizer.lr)
    assert rates == [0.5, 0.125, 0.0625]
    optimizer.lr = 8.0
    for plan in plans:
        plan.step()
    assert optimizer.lr == 2.0


@pytest.mark.parametrize("schedule", [StepLR, CosineAnnealingLR])
def test_a_schedule_takes_whole_epochs_one_or_more(schedule):
    optimizer = SGD([Value(1.0)])
    schedule(optimizer, 1).step()
    assert optimizer.lr in (1e-4, 0)
    with pytest.raises(TypeError, match=r"a whole number of epochs, 1 or more, got 2\.5"):
        schedule(optimizer, 2.5)


@pytest.mark.parametrize("schedule", [lambda o: StepLR(o, 2), lambda o: CosineAnnealingLR(o, 3)])
@settings(max_examples=100, derandomize=True)
@given(data=st.data())
def test_an_odd_state_of_a_schedule_is_refused_in_words_and_changes_nothing(schedule, data):
    plan = schedule(SGD([Value(1.0)]))
    state = data.draw(mangled(plan.state_dict()) | ODD)
    before = seen(plan)
    refusal = ""
    try:
        plan.load_state_dict(state)
    except (TypeError, ValueError) as error:
        refusal = str(error)
    if refusal:
        assert re.search("expected|needs", refusal)
        assert seen(plan) == before
    else:
        plan.step()


@pytest.mark.parametrize("schedule", [StepLR, CosineAnnealingLR])
def test_a_schedule_needs_at_least_one_epoch(schedule):
    with pytest.raises(ValueError, match="a whole number of epochs, 1 or more, got 0"):
        schedule(SGD([Value(1.0)]), 0)
