"""The number of each cell of a sheet; what a person left to be worked, 0.5*(1 - 0.5), is worked here."""

import math
from collections.abc import Iterable
from typing import Any

from micrograd_kr.engine import Value, gradients
from micrograd_kr.teacher.ask.cell import Unreadable
from micrograd_kr.teacher.ask.expressions import renamed
from micrograd_kr.teacher.ask.formula import Literal, leaves, read_worked
from micrograd_kr.teacher.ask.messages import ExerciseError
from micrograd_kr.teacher.ask.number import Hand, computed, distance, hand
from micrograd_kr.teacher.ask.solution import Solution

NOISE = 1e-12  # of floats, relative


def exact_in(solution: Solution) -> list[float]:
    """What is exact wherever it is written: ½, and what an exercise starts from."""
    return [*solution.start.values(), 0.5]


def known_to(written: Hand, exact: Iterable[float]) -> float:
    """How far a number in an expression is known: to a unit of its last decimal, if it is neither whole nor exact."""
    is_exact = any(math.isclose(written.number, each, rel_tol=NOISE) for each in exact)
    return 0.0 if not written.decimals or is_exact else written.unit


class Results:
    """hands: the number of each cell, in the order of the sheet. unreadable: those that come to no number, 1/0.

    In an expression a name stands for the number that is written for it, else for the engine's.
    """

    def __init__(self, solution: Solution) -> None:
        self.solution, cells = solution, solution.exercise.cells
        self.hands = {name: cell.result for name, cell in cells.items() if cell.result}
        self.unreadable = list[Unreadable]()
        for name, cell in cells.items():
            if cell.result is None:
                try:
                    self.hands[name] = self._worked(name, cell.parts[-1])
                except ExerciseError as error:
                    self.unreadable.append(Unreadable(name, cell.parts[-1], error.said))
        self.hands = {name: self.hands[name] for name in cells if name in self.hands}

    def _worked(self, name: str, text: str) -> Hand:
        formula = read_worked(text, self.solution.exercise.positions)
        known = {leaf: self._operand(name, leaf) for leaf in leaves(formula)}
        values = {leaf: Value(number) for leaf, (number, _) in known.items()}
        out = renamed(formula.expression, values.__getitem__)
        slopes = gradients(out, list(values.values()))
        units = (unit for _, unit in known.values())
        unit = sum(abs(slope) * unit for slope, unit in zip(slopes, units, strict=True) if unit)
        return computed(out.item(), unit)

    def _operand(self, name: str, leaf: Any) -> tuple[float, float]:
        """The number of a leaf, and how far it is known."""
        if isinstance(leaf.name, Literal):
            return leaf.number, known_to(hand(leaf.name), exact_in(self.solution))
        if leaf.name == "lr":
            return self.solution.start["lr"], 0.0
        quantity = self.solution.meant(name, leaf.name)
        value, on_sheet = self.solution.value(quantity), self.hands.get(str(quantity))
        if on_sheet is None or str(quantity) in self.solution.start:
            return value, 0.0
        is_exact = distance(on_sheet, value) <= 4 * math.ulp(value)  # 1 and 0.1, zeros at its end left out
        return float(on_sheet.number), 0.0 if is_exact else on_sheet.unit
