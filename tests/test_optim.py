"""Optimisers and schedules: the formulas by hand, what is left alone, what is refused, and going on from a state."""

import math

import numpy as np
import pytest
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


def test_an_array_is_updated_in_place_and_the_gradient_is_not_touched():
    array, g = np.ones(3), np.full(3, 0.5)
    parameter = Value(array)
    for optimizer in (SGD([parameter], momentum=0.5, weight_decay=0.5), AdamW([parameter])):
        steps(optimizer, parameter, [g, g])
        assert parameter.data is array
    assert_array_equal(g, 0.5)


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
    model = MLP(2, [3, 1])
    descent = optimizer(model.parameters(), lr=lr / 5)
    losses = []
    for _ in range(10):
        descent.zero_grad()
        loss = (model([1.0, -1.0]) - 0.5) ** 2
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
        (after_a_step(Adam, 3, 3), r"exp_avg of parameter 1 of shape \(2,\), got \(3,\)"),
        (after_a_step(SGD, 3, 2, momentum=0.9), "expected a state of Adam, got one without betas, eps, amsgrad"),
        (after_a_step(Adam, 3, 2, amsgrad=True), "got step, exp_avg, exp_avg_sq, max_exp_avg_sq"),
    ]:
        before = adam.state_dict()["state"][0]["exp_avg"]
        with pytest.raises(ValueError, match=message):
            adam.load_state_dict(other.state_dict())
        assert_array_equal(adam.state_dict()["state"][0]["exp_avg"], before)
    plain = after_a_step(SGD, 3)
    with pytest.raises(ValueError, match="expected nothing for each parameter, got momentum_buffer"):
        plain.load_state_dict(after_a_step(SGD, 3, momentum=0.9).state_dict())


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": -1}, "lr to be 0 or more, got -1"),
        ({"lr": math.nan}, "lr to be 0 or more, got nan"),
        ({"momentum": -0.1}, "momentum to be 0 or more"),
        ({"weight_decay": -0.1}, "weight_decay to be 0 or more"),
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


@pytest.mark.parametrize("schedule", [StepLR, CosineAnnealingLR])
def test_a_schedule_needs_at_least_one_epoch(schedule):
    with pytest.raises(ValueError, match="at least one epoch, got 0"):
        schedule(SGD([Value(1.0)]), 0)
