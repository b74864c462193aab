"""Demo 9: a network that knows its training data by heart, and remedies that each do better on new digits.

The bounds hold for every seed tried (0 to 5), with room to spare.
"""

import numpy as np
import pytest
from demos_run import run

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")


@pytest.fixture(scope="module", params=["en", "ko"])
def demo(request, tmp_path_factory):
    return run("09_overfitting", tmp_path_factory.mktemp("out"), "--lang", request.param)


def results(demo):
    return {english: result for (english, _), result in demo.names["results"].items()}


def test_the_large_network_knows_the_wrong_labels_by_heart(demo):
    nothing = results(demo)["nothing"]
    assert nothing.train > 0.95
    assert nothing.test < 0.85
    assert 0.15 < demo.names["wrong"].mean() < 0.25


def test_the_loss_on_new_digits_rises_while_that_in_training_falls(demo):
    history = demo.names["history"]
    assert history.valid_loss[-1] > history.best_loss + 0.05
    assert history.train_loss[-1] < history.train_loss[history.best_epoch] - 0.2
    assert results(demo)["nothing"].test_loss == pytest.approx(history.valid_loss[-1])


@pytest.mark.parametrize("remedy", ["more data", "augmentation", "simpler model", "L1", "L2", "dropout"])
def test_each_remedy_does_better_on_new_digits_and_memorises_less(demo, remedy):
    nothing, helped = results(demo)["nothing"], results(demo)[remedy]
    assert helped.test > nothing.test + 0.02
    assert helped.train < nothing.train - 0.05
    assert f"{helped.train:.3f}  {helped.test:.3f}" in demo.text


def test_the_learning_curve_closes_the_gap(demo):
    curve = demo.names["curve"]
    gaps = [each.train - each.test for each in curve]
    assert demo.names["counts"] == (50, 100, 200, 400, 800, 1198)
    assert min(gaps[:3]) > 0.1 > max(gaps[3:])
    assert curve[-1].test > 0.9


def test_the_chapters_networks_have_their_parameters(demo):
    assert demo.names["sizes"] == {"Architecture1": 682, "Architecture2": 262}
    assert demo.names["parameters"] == [26_122, 1_210]


def test_l1_makes_weights_vanish_and_both_make_them_small(demo):
    near_0 = demo.names["near_0"]
    assert near_0["L1"] > near_0["L2"] + 0.2 > near_0[""] + 0.2
    squares = {
        name: sum(float((w.data**2).sum()) for w in demo.names["weights"](model))
        for name, model in demo.names["regularized"].items()
    }
    assert max(squares["L1"], squares["L2"]) < squares[""] / 2


def test_weight_decay_is_another_thing_in_adam(demo):
    assert demo.names["decays"] == pytest.approx({"SGD": 1.8, "Adam": 1.0, "AdamW": 1.8})
    assert (demo.names["optimizer"].lr, demo.names["optimizer"].weight_decay) == (1e-4, 1e-5)


def test_random_networks_answer_better_together(demo):
    alone, together = demo.names["alone"], demo.names["together"]
    assert len(alone) == 100
    assert together > np.mean(alone) + 0.04
    assert together > max(alone)
    assert demo.names["whole"] == pytest.approx(together, abs=0.03)


def test_dropout_turns_neurons_off_in_training_only(demo):
    off = sum((~each).sum() for each in demo.names["on"][1:-1])
    assert 0 < off < 12
    assert all(each.all() for each in demo.names["on"][:: len(demo.names["on"]) - 1])
    assert "[1. 1. 1. 1. 1. 1. 1. 1. 1. 1.]" in demo.text


def test_augmentation_changes_every_digit_but_keeps_its_shape(demo):
    rows = demo.names["rows"]
    assert rows.shape == (5, 5, 64)
    assert all((rows[:, 0] != rows[:, i]).any(axis=1).sum() >= 4 for i in (1, 2, 3))
    assert ((rows[:, 4] == 0) | (rows[:, 4] == rows[:, 0])).all()


def test_its_pictures_are_there(demo):
    assert set(demo.pictures) == {f"09_overfitting{part}.png" for part in ("", "_augmentation", "_dropout")}
