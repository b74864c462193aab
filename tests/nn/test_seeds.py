"""One seed for all that has none of its own: what is created and drawn after it, and what is not touched by it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import micrograd_kr as mk
from micrograd_kr import data
from micrograd_kr.nn import CrossEntropyLoss, Dropout, Linear, Sequential
from micrograd_kr.optim import SGD
from micrograd_kr.train import fit

IMAGES, LABELS = np.random.default_rng(0).random((8, 5, 5)).astype(np.float32), np.arange(8) % 3
INPUTS = IMAGES.reshape(8, -1)


@pytest.fixture(autouse=True)
def unseeded():
    yield
    mk.manual_seed(None)


def after_fit():
    model = Sequential(Linear(25, 6), Dropout(0.5), Linear(6, 3))
    fit(model, CrossEntropyLoss(), SGD(model.parameters(), lr=0.1), (INPUTS, LABELS), epochs=2, batch_size=2, verbose=0)
    return model[0].weight.data


DRAWN = {
    "weights": lambda: Linear(5, 4).weight.data,
    "dropout": lambda: Dropout(0.5)(np.ones(50)),
    "split": lambda: data.split(50, (0.5, 0.5))[0],
    "batches": lambda: next(data.batches(INPUTS, LABELS, 8))[0],
    "DataLoader": lambda: next(iter(data.DataLoader(data.TensorDataset(INPUTS, LABELS), 8, shuffle=True)))[0],
    "rotate": lambda: data.rotate(IMAGES, 20),
    "shift": lambda: data.shift(IMAGES, 2),
    "noise": lambda: data.noise(IMAGES, 0.1),
    "erase": lambda: data.erase(IMAGES, 2),
    "fit": after_fit,
}


@pytest.mark.parametrize("drawn", DRAWN.values(), ids=DRAWN)
def test_one_manual_seed_is_one_run_and_nothing_is_drawn_twice(drawn):
    runs = []
    for seed in (0, 0, 1, None, None):
        mk.manual_seed(seed)
        runs.append(np.stack([drawn() for _ in range(4)]))
    assert_array_equal(runs[0], runs[1])
    for one, other in [(0, 2), (0, 3), (3, 4)]:
        assert (runs[one] != runs[other]).any()
    assert any((each != runs[0][0]).any() for each in runs[0][1:])


def test_a_seed_of_ones_own_is_not_touched():
    own, generator = Linear(3, 2, seed=5).weight.data, np.random.default_rng(5)
    mk.manual_seed(0)
    first = Linear(3, 2).weight.data
    mk.manual_seed(0)
    assert_array_equal(Linear(3, 2, seed=5).weight.data, own)
    assert_array_equal(Linear(3, 2, seed=generator).weight.data, own)
    assert_array_equal(Linear(3, 2).weight.data, first)


@pytest.mark.parametrize("seed", [-1, 0.5, "x"])
def test_what_is_no_seed_is_refused(seed):
    with pytest.raises((TypeError, ValueError), match=r"expected non-negative integer|expects int|seed string"):
        mk.manual_seed(seed)
