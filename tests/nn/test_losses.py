"""Losses: formulas, reductions, ends, second derivatives, and mistakes that PyTorch lets through or only warns of."""

import warnings

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose, assert_array_equal
from strategies import TABLE, fixed, numbers, shapes, slope_of, tensors

from micrograd_kr.differences import gradcheck
from micrograd_kr.engine import Value, gradients
from micrograd_kr.nn import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    L1Loss,
    LogSoftmax,
    MSELoss,
    NLLLoss,
    Sigmoid,
    Softmax,
    layers,
)
from micrograd_kr.ops import Rule

ENTRIES = {
    MSELoss: lambda p, t: (p - t) ** 2,
    L1Loss: lambda p, t: abs(p - t),
    BCELoss: lambda p, t: -t * np.log(p) - (1 - t) * np.log(1 - p),
    BCEWithLogitsLoss: lambda z, t: np.log(1 + np.exp(-z)) + (1 - t) * z,
}
REDUCE = {"mean": np.mean, "sum": np.sum, "none": np.asarray}


def of_classes(logits, classes):
    """−log softmax at the class of each sample, one sample after the other."""
    rows = np.exp(np.moveaxis(np.atleast_2d(logits), 1, -1)).reshape(-1, np.atleast_2d(logits).shape[1])
    picked = [row[k] / row.sum() for row, k in zip(rows, np.ravel(classes), strict=True)]
    return -np.log(picked).reshape(np.shape(classes))


# --- formulas ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", REDUCE)
@pytest.mark.parametrize("loss", ENTRIES)
@settings(max_examples=15)
@given(data=st.data())
def test_a_loss_of_entries_is_its_formula_reduced_and_differentiable_twice(loss, reduction, data):
    shape = data.draw(shapes())
    p, t = (data.draw(tensors(shape, numbers(*ends))) for ends in ((0.1, 0.9), (0, 1)))
    out = loss(reduction)(Value(p), t)
    assert_allclose(out.data, REDUCE[reduction](ENTRIES[loss](p, t)), rtol=1e-13, atol=1e-15)
    assert out.shape == (shape if reduction == "none" else ())

    def f(x):
        return loss(reduction)(x, t)

    if not gradcheck(f, p).kinks:  # there the gradient jumps
        gradcheck(slope_of(f), p)


@pytest.mark.parametrize("reduction", REDUCE)
@pytest.mark.parametrize("shape", [(4,), (3, 4), (3, 4, 2), (1, 1), (2, 3, 2, 2)])
def test_the_losses_of_classes_are_the_same_formula(shape, reduction):
    logits = fixed(shape)
    count = shape[0] if len(shape) == 1 else shape[1]
    classes = np.arange(np.prod(shape) // count).reshape(shape[:1] * (len(shape) > 1) + shape[2:]) % count
    expected = REDUCE[reduction](of_classes(logits, classes))
    x, again = Value(logits), Value(logits)
    out, other = (
        CrossEntropyLoss(reduction)(x, classes),
        NLLLoss(reduction)(LogSoftmax(min(1, x.ndim - 1))(again), classes),
    )
    for each in (out, other):
        assert_allclose(each.data, expected, rtol=1e-13, atol=1e-15)
        each.sum().backward()
    assert_allclose(x.grad, again.grad, rtol=1e-12, atol=1e-15)
    for f in (of_logits := lambda x: CrossEntropyLoss(reduction)(x, classes), slope_of(of_logits)):
        gradcheck(f, logits)


def test_a_target_may_be_a_probability_for_each_class():
    logits, classes = fixed((4, 3)), np.array([0, 2, 1, 1])
    certain = CrossEntropyLoss("none")(logits, np.eye(3)[classes])
    assert_allclose(certain.data, CrossEntropyLoss("none")(logits, classes).data, rtol=1e-14)
    shares = np.full((4, 3), 1 / 3)
    log_p = Value(logits).log_softmax().data
    assert CrossEntropyLoss()(logits, shares).data == pytest.approx(-(shares * log_p).sum() / 4)


@pytest.mark.parametrize("loss", [MSELoss, BCELoss, BCEWithLogitsLoss])
def test_a_target_that_is_a_value_is_differentiated_too(loss):
    for f in (loss(), slope_of(loss())):
        gradcheck(f, fixed((2, 3), 0.1, 0.9), fixed((2, 3), 0.1, 0.9, grain=256))


@pytest.mark.parametrize("loss", [MSELoss, BCELoss, BCEWithLogitsLoss])
@pytest.mark.parametrize("target", [[[0.0], [1.0]], [[0], [1]], [[False], [True]], np.array([[0.0], [1.0]])])
def test_float32_stays_float32_whatever_the_target_is(loss, target):
    p = Value(np.array([[0.25], [0.5]], np.float32))
    out = loss("none")(p, target)
    out.sum().backward()
    assert out.dtype == p.grad.dtype == np.float32
    assert_allclose(out.data, ENTRIES[loss](p.data, np.array(target, float)), rtol=1e-5)


def test_scalars_have_losses_too():
    p = Value(0.25)
    BCELoss()(p, 1.0).backward()
    assert p.grad == -4
    assert MSELoss()(Value(3.0), 1).data == 4


# --- ends -------------------------------------------------------------------------------------------------------------


def test_a_wrong_certainty_costs_100_and_a_right_one_nothing():
    p = Value([0.0, 1.0, 0.0, 1.0])
    losses = BCELoss("none")(p, [1, 0, 0, 1])
    losses.sum().backward()
    assert losses.data.tolist() == [100, 100, 0, 0]
    assert_allclose(p.grad, [-1e12, 1e12, 0, 0], rtol=1e-8)


@pytest.mark.parametrize("z", [40.0, 1000.0, -1000.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loss_of_logits_is_exact_where_the_sigmoid_is_0_or_1(z, dtype):
    x = Value(np.array([z, z], dtype))
    losses = BCEWithLogitsLoss("none")(x, [0, 1])
    losses.sum().backward()
    assert_allclose(losses.data, [max(z, 0), max(-z, 0)], atol=1e-15)
    assert np.isfinite(x.grad).all()


def test_cross_entropy_of_logits_far_from_0_has_all_its_digits():
    x = Value(np.array([[1e4, 1e4, 1e4], [-1e4, 1e4, 0]], np.float32))
    losses = CrossEntropyLoss("none")(x, [2, 0])
    assert_allclose(losses.data, [np.log(3), 2e4], rtol=1e-7)
    losses.sum().backward()
    assert_allclose(x.grad, [[1 / 3, 1 / 3, -2 / 3], [-1, 1, 0]], rtol=1e-6)


def test_the_gradient_of_sigmoid_and_binary_cross_entropy_is_prediction_minus_target():
    z = Value(fixed((3, 2)))
    p = Sigmoid()(z)
    BCELoss("sum")(p, np.ones((3, 2))).backward()
    assert_allclose(z.grad, p.data - 1, rtol=1e-12)
    (slope,) = gradients(BCEWithLogitsLoss("sum")(z, np.ones((3, 2))), [z])
    assert_allclose(slope, p.data - 1, rtol=1e-12)


def test_a_nan_stays_a_nan():
    assert np.isnan(BCELoss()(np.array([np.nan, 0.5]), [1.0, 1.0]).data)
    assert np.isnan(CrossEntropyLoss()([[np.nan, 0.5]], [1]).data)


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [MSELoss, BCELoss, BCEWithLogitsLoss])
def test_a_column_against_a_row_is_an_error_and_not_a_table_of_pairs(loss):
    with pytest.raises(ValueError, match=rf"{loss.__name__} needs a prediction and a target of one shape, "
                       r"got \(4, 1\) and \(4,\); reshape one"):  # fmt: skip
        loss()(np.full((4, 1), 0.5), np.ones(4))
    with pytest.raises(ValueError, match=r"got \(4,\) and \(3,\)"):
        loss()(np.full(4, 0.5), np.ones(3))
    with pytest.raises(ValueError, match=r"got \(4,\) and \(\)"):
        loss()(np.full(4, 0.5), 1.0)


@pytest.mark.parametrize("p", [[1.5, 0.5], [0.5, -0.1]])
def test_bce_of_what_is_no_probability_is_an_error_that_names_the_loss_for_logits(p):
    with pytest.raises(ValueError, match=r"between 0 and 1, got numbers from .* take BCEWithLogitsLoss"):
        BCELoss()(p, [1.0, 1.0])


@pytest.mark.parametrize("loss", [CrossEntropyLoss, NLLLoss])
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([0, 1, 3], r"needs classes from 0 to 2, got 0 to 3"),
        ([0, 1, -100], r"needs classes from 0 to 2, got -100 to 1"),
        ([[0], [1], [2]], r"of shape \(3,\).*got a target of shape \(3, 1\); drop the axis"),
        ([0, 1], r"of shape \(3,\) for an input of shape \(3, 3\), got a target of shape \(2,\)"),
        ([0.0, 1.0, 2.0], r"needs classes as integers, got float64; convert them with y.astype"),
        (np.eye(3, dtype=int), r"got a target of shape \(3, 3\)"),
    ],
)
def test_classes_that_do_not_fit_are_an_error(loss, target, message):
    with pytest.raises(ValueError, match=f"{loss.__name__} {message}" if message.startswith("needs") else message):
        loss()(-np.arange(9.0).reshape(3, 3), target)


def test_an_unknown_reduction_is_an_error():
    with pytest.raises(ValueError, match='the reduction "mean", "sum" or "none", got \'average\''):
        MSELoss("average")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_given_to_cross_entropy_are_noticed_and_said_once(dtype):
    x, loss = fixed((5, 3)).astype(dtype), CrossEntropyLoss()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(3):
            loss(Softmax(dim=-1)(x), [0, 1, 2, 0, 1])
    assert [each.category for each in said] == [UserWarning]
    assert "leave the model's Softmax out" in str(said[0].message)
    assert said[0].filename == __file__
    with pytest.warns(UserWarning, match="got probabilities"):
        CrossEntropyLoss()(Softmax(dim=-1)(x), [0, 1, 2, 0, 1])  # another loss says it too


@pytest.mark.parametrize(
    "logits",
    [[[0.2, 0.3], [0.5, 0.5]], [[1.5, -0.5], [0.5, 0.5]], [[1.0], [1.0]], [[0.0, 0.0], [0.0, 0.0]], np.empty((0, 3))],
)
def test_logits_are_not_taken_for_probabilities(logits):
    loss = CrossEntropyLoss("sum")
    loss(logits, np.zeros(len(logits), int))
    assert not loss.warned


def test_a_loss_shows_its_name():
    assert [repr(each()) for each in (MSELoss, CrossEntropyLoss)] == ["MSELoss()", "CrossEntropyLoss()"]
    assert MSELoss().parameters() == []
    assert_array_equal(MSELoss().to("cpu")([1.0], [2.0]).data, 1)


def test_l1_is_the_size_of_the_difference():
    p = Value([1.0, -2.0, 0.5])
    loss = L1Loss()(p, [0.0, 0.0, 0.5])
    loss.backward()
    assert loss.data == 1.0
    assert_array_equal(p.grad, [1 / 3, -1 / 3, 0])
    assert L1Loss("sum")(p, [0.0, 0.0, 0.5]).data == 3.0


@pytest.mark.parametrize("target", [[-0.1, 1.0], [0.0, 1.1], [0.0, 2.0]])
@pytest.mark.parametrize("wrapped", [np.array, Value])
def test_binary_cross_entropy_refuses_targets_outside_0_to_1(target, wrapped):
    with pytest.raises(ValueError, match=r"BCELoss needs targets between 0 and 1, got numbers from"):
        BCELoss()(Value([0.5, 0.5]), wrapped(target))


def test_the_slope_by_a_target_keeps_the_floor_of_100_at_either_end():
    p, y = Value([0.0, 1.0, 0.5]), Value([0.5, 0.5, 0.5])
    BCELoss("sum")(p, y).backward()
    assert_array_equal(y.grad, [100, -100, 0])


@pytest.mark.parametrize("row", [each for each in TABLE if each.rule.made_of], ids=lambda row: row.name)
def test_a_rule_is_what_it_says_it_is_made_of(row):
    rule = row.rule
    made = Rule("made", rule.made_of, dx=rule.dx, dy=rule.dy)
    inputs, options = row.sample.inputs, row.sample.options
    given = (inputs, True) if rule is layers.linear else (*inputs, *options.values())
    assert_allclose(np.asarray(made.compute(*given)), np.asarray(rule.compute(*given)), rtol=1e-12)
