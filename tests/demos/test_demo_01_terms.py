"""Demo 1: what it splits, tunes, counts and stops is right by other means too, scikit-learn's among them."""

import numpy as np
import pytest
from demos_run import Run, run

from micrograd_kr.metrics import swap_layout
from micrograd_kr.nn import CrossEntropyLoss
from micrograd_kr.train import evaluate

pytest.importorskip("matplotlib")
metrics = pytest.importorskip("sklearn.metrics")


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run("01_terms", tmp_path_factory.mktemp("en"))


def test_the_three_parts_hold_every_sample_once_scaled_by_the_training_data_alone(english):
    parts, sklearn_data = english.names["cancer"], pytest.importorskip("sklearn.datasets").load_breast_cancer()
    assert [len(x) for x, _ in parts] == [len(y) for _, y in parts] == [341, 113, 115]
    train = parts.train[0]
    assert np.abs(train.mean(axis=0)).max() < 1e-5
    assert np.abs(train.std(axis=0) - 1).max() < 1e-4
    assert np.abs(parts.test[0].mean(axis=0)).max() > 0.01
    assert sum(int(y.sum()) for _, y in parts) == int((sklearn_data.target == 0).sum())
    assert len(np.unique(np.concatenate([x for x, _ in parts]), axis=0)) == len(sklearn_data.data)


def test_the_counts_precision_and_recall_are_scikit_learns(english):
    names, binary = english.names, english.names["binary"]
    theirs = metrics.confusion_matrix(binary.target, binary.predicted)
    assert names["counts"].sklearn().tolist() == theirs.tolist()
    assert names["counts"].textbook().tolist() == swap_layout(theirs).tolist()
    assert names["right"] == pytest.approx(metrics.precision_score(binary.target, binary.predicted))
    assert names["found"] == pytest.approx(metrics.recall_score(binary.target, binary.predicted))
    assert f"precision {names['counts'].TP}/" in english.text
    assert binary.accuracy > 0.93


def test_a_model_that_never_says_yes_has_the_precision_chosen_for_0_over_0(english):
    zero, one, nan = english.names["undefined"]
    assert (zero, one) == (0.0, 1.0)
    assert np.isnan(nan)
    assert english.names["never"].TP == english.names["never"].FP == 0


def test_the_best_setting_in_validation_is_chosen_and_it_alone_meets_the_test_data(english):
    names = english.names
    digits, chosen = names["digits"], names["chosen"]
    accuracies = [evaluate(model, CrossEntropyLoss(), *digits.valid).accuracy for model in names["models"]]
    assert accuracies == names["valid_accuracies"]
    assert accuracies[chosen] == max(accuracies) > 0.95
    assert min(accuracies) < 0.9
    test_accuracy = evaluate(names["models"][chosen], CrossEntropyLoss(), *digits.test).accuracy
    assert names["multiclass"].accuracy == test_accuracy > 0.95
    _, table = english.text.split("neurons dropout")
    assert table.count("←") == 2  # the row, and the line that says what ← means
    assert table.count("test accuracy") == 1


def test_the_regression_is_better_than_the_mean(english):
    names = english.names
    error = metrics.root_mean_squared_error(names["diabetes"].test[1], names["predicted"])
    assert names["rmse"] == pytest.approx(error, rel=1e-5)
    assert names["rmse"] < 0.9 * names["rmse_of_mean"]


def test_overfitting_knows_the_training_data_by_heart_and_early_stopping_does_better_elsewhere(english):
    (under_train, *_), (train, valid, test), (over_train, over_valid, over_test) = english.names["table"]
    assert under_train < train < over_train
    assert over_train == 1.0
    assert valid > over_valid
    assert test > over_test
    stopped, whole = english.names["stopped_history"], english.names["history"]
    assert stopped.stopped_by == "early stopping"
    assert stopped.valid_loss == whole.valid_loss[: len(stopped.valid_loss)]
    assert whole.valid_loss[-1] > 2 * stopped.best_loss == 2 * min(whole.valid_loss)
    assert len(stopped.valid_loss) == stopped.best_epoch + 1 + 20


def test_in_korean_it_prints_the_same_numbers_and_draws_the_same_pictures(english, tmp_path):
    korean = run("01_terms", tmp_path, "--lang", "ko")
    assert korean.names["table"] == english.names["table"]
    assert korean.names["binary"].accuracy == english.names["binary"].accuracy
    for word in ("유방암", "혼동", "정밀도", "재현율", "조기 종료", "과적합", "참", "거짓"):
        assert word in korean.text
    assert set(korean.pictures) == set(english.pictures) == {"01_terms.png", "01_terms_fitting.png"}
