"""Perceptrons: a weighted sum and a step, the gates made of one, and XOR made of three.

    AND_gate([1, 1])  # 1
    [XOR_gate(x) for x in INPUTS]  # [0, 1, 1, 0]

Textbooks state two rules for when a perceptron fires. They differ only where the sum is exactly 0, and there a gate may
become another one: the weights 1, 1 with bias −1 are AND under ">" and OR under "≥".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

# ">": fires when the sum exceeds the threshold. "≥": when it reaches it.
Rule = Literal[">", "≥"]

INPUTS = ((0, 0), (0, 1), (1, 0), (1, 1))


def step(x: Any, rule: Rule = ">") -> Any:
    """The step function: 1 where x > 0 (or ≥ 0), else 0; an int for a number, integers for an array."""
    if rule not in (">", "≥"):
        raise ValueError(f'expected the rule ">" or "≥", got {rule!r}')
    fired = np.greater(x, 0) if rule == ">" else np.greater_equal(x, 0)
    return fired.astype(int) if np.ndim(fired) else int(fired)


@dataclass(frozen=True)
class Perceptron:
    """1 where w·x + b > 0 (or ≥ 0), else 0. The same with a threshold: w·x > theta, theta = −b.

    w: one weight for each input. Called with one sample (n,), which gives an int, or a batch (m, n), which gives (m,).
    """

    w: tuple[float, ...]
    b: float
    rule: Rule = ">"

    @property
    def theta(self) -> float:
        """The threshold that the weighted sum has to exceed (or to reach)."""
        return -self.b

    def __call__(self, x: Any) -> Any:
        return step(self.weighted_sum(x), self.rule)

    def weighted_sum(self, x: Any) -> Any:
        """w·x + b, from the first input to the last and then the bias: where it is 0, rounding decides."""
        columns = np.moveaxis(np.asarray(x, np.float64), -1, 0) if np.ndim(x) else np.empty(0)
        if len(columns) != len(self.w):
            raise ValueError(f"expected {len(self.w)} inputs, one for each weight, got an x of shape {np.shape(x)}")
        return sum(w * column for w, column in zip(self.w, columns, strict=True)) + self.b

    def __neg__(self) -> "Perceptron":
        """All signs turned: AND becomes NAND, unless the sum is 0 for some input."""
        return Perceptron(tuple(-each for each in self.w), -self.b, self.rule)


AND = Perceptron((0.5, 0.5), -0.7)
NAND = Perceptron((-0.5, -0.5), 0.7)
OR = Perceptron((0.6, 0.6), -0.5)
AND_WEIGHTS = (AND, Perceptron((0.5, 0.5), -0.8), Perceptron((1.0, 1.0), -1.0))  # the last only under ">"
AND_gate, NAND_gate, OR_gate = AND, NAND, OR  # as the chapter's programs call them


def XOR_gate(x: Any) -> Any:  # noqa: N802  (the chapter's name)
    """1 where one input is 1 and the other 0: AND of NAND and OR, since no single perceptron does it."""
    return AND(np.stack([NAND(x), OR(x)], axis=-1))


def xor_table(inputs: Sequence[Sequence[int]] = INPUTS) -> list[tuple[int, ...]]:
    """Rows x1, x2, s1 (NAND), s2 (OR), y (XOR)."""
    return [(x1, x2, NAND([x1, x2]), OR([x1, x2]), XOR_gate([x1, x2])) for x1, x2 in inputs]
