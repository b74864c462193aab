"""How well a classifier did: accuracy, the confusion matrix, precision and recall.

    matrix = confusion_matrix(y, model_says)      # rows are the truth, columns the prediction
    print(as_text(matrix))                        # with the precision of each column and the recall of each row

A binary matrix is written in two layouts. scikit-learn puts class 0 first, [[TN, FP], [FN, TP]]; the textbook puts 참
(true, class 1) first, [[TP, FN], [FP, TN]]. `confusion_matrix` gives scikit-learn's. `Counts` has the four numbers by
name and both layouts; `swap_layout` makes either of the other.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from micrograd_kr.printed import plain
from micrograd_kr.said import say

Matrix = NDArray[Any]


def accuracy(truth: ArrayLike, prediction: ArrayLike) -> float:
    """Correct ÷ all, of labels (n,) and predicted labels (n,). Raises ValueError where there are none."""
    true, predicted = _labels(truth, prediction)
    return float(np.mean(true == predicted))


def confusion_matrix(truth: ArrayLike, prediction: ArrayLike, classes: int | None = None) -> Matrix:
    """How often each true class (row) was predicted as each class (column): int64 (classes, classes).

    Labels are 0..classes−1; by default the largest of both is the last class. Raises ValueError for others.

    >>> confusion_matrix([0, 1, 1, 2], [0, 1, 2, 2]).tolist()
    [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    """
    true, predicted = _labels(truth, prediction)
    if true.dtype.kind not in "iub" or predicted.dtype.kind not in "iub":
        raise ValueError(f"expected whole numbers as labels, got {true.dtype} and {predicted.dtype}; number them")
    both: Matrix = np.stack([true, predicted], dtype=np.int64, casting="unsafe")
    low, high = int(both.min()), int(both.max())
    classes = high + 1 if classes is None else classes
    if low < 0 or high >= classes:
        raise ValueError(f"expected labels in 0..{classes - 1}, got {low}..{high}; number the classes from 0")
    return np.bincount(both[0] * classes + both[1], minlength=classes**2).reshape(classes, classes)


class Counts(NamedTuple):
    """The four numbers of a binary classification. The second word is the prediction, the first whether it is right."""

    TP: int  # said positive, is positive · 참 양성
    FN: int  # said negative, is positive · 거짓 음성
    FP: int  # said positive, is negative · 거짓 양성
    TN: int  # said negative, is negative · 참 음성

    def textbook(self) -> Matrix:
        """[[TP, FN], [FP, TN]]: rows the truth, columns the prediction, 참 before 거짓."""
        return np.array([[self.TP, self.FN], [self.FP, self.TN]])

    def sklearn(self) -> Matrix:
        """[[TN, FP], [FN, TP]]: as scikit-learn has it, class 0 before class 1."""
        return swap_layout(self.textbook())


def count(truth: ArrayLike, prediction: ArrayLike, positive: Any = 1) -> Counts:
    """TP, FN, FP and TN of labels (n,) and predictions (n,), where `positive` is positive and all else negative.

    >>> count([1, 1, 0, 0, 0], [1, 0, 1, 0, 0])
    Counts(TP=1, FN=1, FP=1, TN=2)
    """
    true, said = (each != positive for each in _labels(truth, prediction))  # so that positive comes first
    return Counts(*confusion_matrix(true, said, 2).reshape(-1).tolist())


def swap_layout(matrix: ArrayLike) -> Matrix:
    """A binary matrix (2, 2) from the textbook's layout in scikit-learn's, and the other way round."""
    matrix = _square(matrix)
    if len(matrix) != 2:
        raise ValueError(f"expected the (2, 2) matrix of a binary classification, got one of {matrix.shape}")
    return matrix[::-1, ::-1].copy()


def precision(matrix: ArrayLike, zero_division: float = 0.0) -> NDArray[np.float64]:
    """TP ÷ (TP + FP) of each class (classes,), in the order of the matrix: of what was called this, how much is it.

    A class that was never predicted is 0/0, which counts as `zero_division`: 0, as scikit-learn has it, or 1, or nan.
    """
    matrix = _square(matrix)
    total, share = matrix.sum(axis=0), np.full(len(matrix), zero_division, np.float64)
    np.divide(np.diagonal(matrix), total, out=share, where=total != 0)
    return share


def recall(matrix: ArrayLike, zero_division: float = 0.0) -> NDArray[np.float64]:
    """TP ÷ (TP + FN) of each class (classes,), in the order of the matrix: of what is this, how much was found.

    A class with no sample is 0/0, which counts as `zero_division`.
    """
    return precision(_square(matrix).T, zero_division)


def as_table(matrix: ArrayLike, names: Sequence[str] | None = None, lang: str = "en") -> Any:
    """The matrix as a rich table, with recall at the end of each row and precision below each column.

    Rows are called true_0, true_1 …, columns pred_0, pred_1 …, or both by `names`: ["참", "거짓"] for the textbook's.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    matrix = _square(matrix)
    rows, columns = _names(len(matrix), names)
    table = Table(box=box.SIMPLE)
    for each in (say("truth \\ prediction").in_(lang), *columns, say("recall").in_(lang)):
        table.add_column(Text(each), justify="right" if table.columns else "left", no_wrap=True)
    for name, counts, found in zip(rows, matrix, recall(matrix), strict=True):
        table.add_row(Text(name), *map(str, counts), f"{found:.4f}")
    table.add_section()
    table.add_row(say("precision").in_(lang), *(f"{each:.4f}" for each in precision(matrix)), "")
    return table


def as_text(matrix: ArrayLike, names: Sequence[str] | None = None, lang: str = "en") -> str:
    """The table of `as_table` as plain text, as wide as it needs to be."""
    return plain(as_table(matrix, names, lang))


def as_frame(matrix: ArrayLike, names: Sequence[str] | None = None) -> Any:
    """The matrix as a pandas DataFrame with index true_0, true_1 … and columns pred_0, pred_1 …, or `names`."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError("as_frame needs pandas: pip install pandas; as_text(matrix) needs nothing more") from error
    matrix = _square(matrix)
    rows, columns = _names(len(matrix), names)
    return pandas.DataFrame(matrix, index=rows, columns=columns)


def _names(classes: int, names: Sequence[str] | None) -> tuple[Sequence[str], Sequence[str]]:
    if names is None:
        return [f"true_{i}" for i in range(classes)], [f"pred_{i}" for i in range(classes)]
    if len(names) != classes:
        raise ValueError(f"expected a name for each of {classes} classes, got {len(names)}: {', '.join(names)}")
    return names, names


def _square(matrix: ArrayLike) -> Matrix:
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"expected a confusion matrix (classes, classes), got {counts.shape}")
    return counts


def _labels(truth: ArrayLike, prediction: ArrayLike) -> tuple[Matrix, Matrix]:
    true, predicted = np.asarray(truth), np.asarray(prediction)
    if true.ndim != 1 or true.shape != predicted.shape or not len(true):
        got = f"{true.shape} and {predicted.shape}; of outputs (n, classes) take outputs.argmax(axis=1)"
        raise ValueError(f"expected labels (n,) and as many predicted labels (n,), at least one, got {got}")
    return true, predicted
