"""Accuracy, confusion matrix, precision and recall: counted one by one, beside scikit-learn, and at 0/0."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from micrograd_kr.metrics import (
    Counts,
    accuracy,
    as_frame,
    as_table,
    as_text,
    confusion_matrix,
    count,
    precision,
    recall,
    swap_layout,
)

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)
TRUTH, SAID = [1, 1, 1, 1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]  # TP 3, FN 2, FP 1, TN 4


@given(PAIRS)
def test_the_matrix_counts_each_pair_of_truth_and_prediction(pairs):
    truth, said = zip(*pairs, strict=True)
    matrix = confusion_matrix(truth, said, 5)
    assert matrix.dtype == np.int64
    assert matrix.tolist() == [[pairs.count((i, j)) for j in range(5)] for i in range(5)]
    assert accuracy(truth, said) == pytest.approx(np.trace(matrix) / len(pairs))


@given(PAIRS, st.integers(0, 4))
def test_the_four_counts_are_those_of_the_definitions(pairs, positive):
    counts = count(*zip(*pairs, strict=True), positive)
    truths = [(true == positive, said == positive) for true, said in pairs]
    assert counts._asdict() == {
        "TP": truths.count((True, True)),
        "FN": truths.count((True, False)),
        "FP": truths.count((False, True)),
        "TN": truths.count((False, False)),
    }
    matrix = confusion_matrix(*zip(*pairs, strict=True), 5)
    for each, of_the_matrix in (
        (precision(counts.textbook())[0], precision(matrix)),
        (recall(counts.textbook())[0], recall(matrix)),
    ):
        assert each == of_the_matrix[positive]


def test_a_binary_matrix_has_the_textbooks_layout_and_scikit_learns():
    counts = count(TRUTH, SAID)
    assert counts == Counts(TP=3, FN=2, FP=1, TN=4)
    assert counts.textbook().tolist() == [[3, 2], [1, 4]]  # [[TP, FN], [FP, TN]]
    assert counts.sklearn().tolist() == [[4, 1], [2, 3]]  # [[TN, FP], [FN, TP]]
    np.testing.assert_array_equal(confusion_matrix(TRUTH, SAID), counts.sklearn())
    np.testing.assert_array_equal(swap_layout(counts.sklearn()), counts.textbook())
    np.testing.assert_array_equal(swap_layout(counts.textbook()), counts.sklearn())


def test_precision_and_recall_are_the_textbooks_and_follow_the_layout():
    for matrix, positive in ((count(TRUTH, SAID).textbook(), 0), (count(TRUTH, SAID).sklearn(), 1)):
        assert precision(matrix)[positive] == 3 / (3 + 1)
        assert recall(matrix)[positive] == 3 / (3 + 2)


@pytest.mark.parametrize("zero_division", [0.0, 1.0, float("nan")])
def test_a_class_never_predicted_or_never_there_is_what_zero_division_says(zero_division):
    matrix = [[2, 1, 0], [0, 0, 0], [1, 1, 0]]  # no sample of class 1, class 2 never said
    np.testing.assert_array_equal(precision(matrix, zero_division), [2 / 3, 0, zero_division])
    np.testing.assert_array_equal(recall(matrix, zero_division), [2 / 3, zero_division, 0])
    assert (precision(matrix)[2], recall(matrix)[1]) == (0, 0)


@given(PAIRS, st.sampled_from([0.0, 1.0]))
def test_the_numbers_are_scikit_learns(pairs, zero_division):
    theirs = pytest.importorskip("sklearn.metrics")
    truth, said = zip(*pairs, strict=True)
    matrix = confusion_matrix(truth, said, 5)
    np.testing.assert_array_equal(matrix, theirs.confusion_matrix(truth, said, labels=range(5)))
    assert accuracy(truth, said) == pytest.approx(theirs.accuracy_score(truth, said), rel=1e-15)
    options = {"labels": range(5), "average": None, "zero_division": zero_division}
    np.testing.assert_allclose(
        precision(matrix, zero_division), theirs.precision_score(truth, said, **options), rtol=1e-15
    )
    np.testing.assert_allclose(recall(matrix, zero_division), theirs.recall_score(truth, said, **options), rtol=1e-15)


def test_labels_may_be_bools_and_uint8_and_need_not_be_of_one_dtype():
    assert confusion_matrix(np.array([True, False]), np.array([1, 1], np.uint8)).tolist() == [[0, 1], [0, 1]]
    large = np.array([255, 254], np.uint8)
    assert confusion_matrix(large, large)[254:, 254:].tolist() == [[1, 0], [0, 1]]
    assert accuracy(["cat", "dog"], ["cat", "cat"]) == 0.5
    assert count(["spam", "mail"], ["spam", "spam"], "spam") == Counts(TP=1, FN=0, FP=1, TN=0)


@pytest.mark.parametrize("of", [accuracy, confusion_matrix, count])
@pytest.mark.parametrize(
    ("truth", "said"), [([], []), ([1], [1, 0]), ([[1], [0]], [1, 0]), ([1, 0], [[0.1, 0.9], [0.8, 0.2]])]
)
def test_labels_that_do_not_go_together_are_an_error_that_says_what_to_do(of, truth, said):
    with pytest.raises(ValueError, match=r"expected labels \(n,\) and as many predicted.* outputs.argmax\(axis=1\)"):
        of(truth, said)


@pytest.mark.parametrize(
    ("truth", "said", "classes", "message"),
    [
        ([0, 3], [0, 1], 3, "expected labels in 0..2, got 0..3"),
        ([0, 1], [0, -1], None, "expected labels in 0..1, got -1..1"),
        ([0, 1], [0.2, 0.9], None, "expected whole numbers as labels, got int64 and float64"),
        (["cat"], ["dog"], None, "expected whole numbers as labels, got <U3"),
    ],
)
def test_a_matrix_of_what_is_no_label_is_an_error(truth, said, classes, message):
    with pytest.raises(ValueError, match=message):
        confusion_matrix(truth, said, classes)


@pytest.mark.parametrize("matrix", [[1, 2], [[1, 2, 3], [4, 5, 6]]])
def test_what_is_no_square_is_no_confusion_matrix(matrix):
    for of in (precision, recall, as_text, swap_layout):
        with pytest.raises(ValueError, match=r"expected a confusion matrix \(classes, classes\)"):
            of(matrix)
    with pytest.raises(
        ValueError, match=r"expected the \(2, 2\) matrix of a binary classification, got one of \(3, 3\)"
    ):
        swap_layout(np.eye(3))


def test_the_table_labels_rows_and_columns_and_ends_with_recall_and_precision():
    matrix = np.diag(range(1, 11))
    matrix[3, 5] = 12
    top, _, *rows, last = [line.split() for line in as_text(matrix).splitlines()]
    assert top == ["truth", "\\", "prediction", *(f"pred_{i}" for i in range(10)), "recall"]
    assert [row[0] for row in rows] == [f"true_{i}" for i in range(10)]
    assert [[int(each) for each in row[1:-1]] for row in rows] == matrix.tolist()
    assert [float(row[-1]) for row in rows] == [1, 1, 1, 0.25, 1, 1, 1, 1, 1, 1]
    assert last == ["precision", *["1.0000"] * 5, "0.3333", *["1.0000"] * 4]


def test_the_table_speaks_korean_and_takes_names_as_they_are():
    text = as_text(count(TRUTH, SAID).textbook(), ["참", "[거짓]"], "ko")
    top, _, true, false, last = [line.split() for line in text.splitlines()]
    assert top == ["실제", "\\", "예측", "참", "[거짓]", "재현율"]
    assert (true, false) == (["참", "3", "2", "0.6000"], ["[거짓]", "1", "4", "0.8000"])
    assert last == ["정밀도", "0.7500", "0.6667"]
    assert as_table(np.eye(2, dtype=int)).row_count == 3
    with pytest.raises(ValueError, match="expected a name for each of 2 classes, got 1: 참"):
        as_text(np.eye(2), ["참"])


def test_a_frame_is_the_chapters_with_true_and_pred():
    pytest.importorskip("pandas")
    matrix = confusion_matrix([0, 1, 1], [0, 1, 0])
    frame = as_frame(matrix)
    assert (list(frame.index), list(frame.columns)) == (["true_0", "true_1"], ["pred_0", "pred_1"])
    np.testing.assert_array_equal(frame.to_numpy(), matrix)
    assert list(as_frame(matrix, ["참", "거짓"]).columns) == ["참", "거짓"]


def test_a_frame_without_pandas_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="as_frame needs pandas: pip install pandas; as_text"):
        as_frame(np.eye(2))
