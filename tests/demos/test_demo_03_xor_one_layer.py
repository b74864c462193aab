"""Demo 3: one layer ends at ln 2 and 0.5 from any start, since the loss is convex and its gradient at 0 is 0."""

import math

import numpy as np
import pytest
from demos_run import Run, run

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run("03_xor_one_layer", tmp_path_factory.mktemp("en"))


def at_ln_2(names) -> None:
    assert len(names["costs"]) == 10001
    assert names["costs"][-1] == pytest.approx(math.log(2), abs=1e-7)
    assert names["outputs"] == pytest.approx(np.full(4, 0.5), abs=1e-7)
    assert np.abs(names["surface_after"] - 0.5).max() < 1e-6


def test_it_ends_at_ln_2_with_half_for_every_input(english):
    at_ln_2(english.names)
    assert english.names["costs"][0] > 0.7
    assert np.abs(english.names["surface_before"] - 0.5).max() > 0.1


def test_every_100_prints_the_chapters_101_lines_and_korean_says_the_same(english, tmp_path):
    korean = run("03_xor_one_layer", tmp_path, "--lang", "ko", "--every", "100", "--seed", "4")
    printed = [line.split() for line in korean.text.splitlines()[:101]]
    assert [int(step) for step, _ in printed] == list(range(0, 10001, 100))
    assert [float(cost) for _, cost in printed] == korean.names["costs"][::100]
    assert korean.text.splitlines()[101].startswith("손실은 0.6931471")
    at_ln_2(korean.names)
    assert korean.names["costs"][0] != english.names["costs"][0]
    assert set(korean.pictures) == set(english.pictures) == {"03_xor_one_layer.png"}


def test_the_gradient_at_0_is_exactly_0(english):
    assert english.names["gradient_at_0"] == [0.0, 0.0, 0.0]


def test_the_loss_curves_upwards_in_every_direction_as_the_formula_has_it(english):
    assert all(each.min() > 0 for each in english.names["curvatures"])
    assert english.names["largest_difference"] < 1e-15


def test_the_hessian_is_that_of_finite_differences(english):
    names, h = english.names, 1e-4

    def loss(point):
        return names["loss_at"](*(names["Value"](float(each)) for each in point)).item()

    for point in names["points"]:
        along = [
            [
                (loss(point + a + b) - loss(point + a - b) - loss(point - a + b) + loss(point - a - b)) / (4 * h * h)
                for b in np.eye(3) * h
            ]
            for a in np.eye(3) * h
        ]
        assert names["hessian"](point) == pytest.approx(np.array(along), abs=1e-6)
