"""Slips of a pen: a number that is written down, or taken over, with other digits than it has."""

import math
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from typing import Any

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.teacher.ask.expressions import Symbol, number
from micrograd_kr.teacher.check.mistakes import Catalogue, Edit, op

SLACK = 1e-6  # for decimals that a float cannot hold
POWERS_OF_TEN = (0.01, 0.1, 10.0, 100.0)


def _shortening(name: str, more: float) -> Rule:
    """A rule that leaves decimals away; what that leaves of an expression is a number."""

    def shortened(x: float, decimals: float) -> float:
        units = abs(x) * 10**decimals + more + SLACK
        return math.copysign(math.floor(units) / 10**decimals, x) if units < 1e16 else x  # very large ones have none

    dx, made_of = lambda g, out, x, y: g, lambda x, y: shortened(number(x), y)
    return Rule(name, shortened, dx, scalar=shortened, made_of=made_of)


ROUNDED, CUT = _shortening("round", 0.5), _shortening("cut", 0.0)  # half up, as people do it


class Slips:
    """All single slips in a working; where they are made is what its catalogue of mistakes says."""

    def __init__(self, catalogue: Catalogue, decimals: int) -> None:
        self.catalogue, self.working, self.known = catalogue, catalogue.working, catalogue.known
        self.decimals = decimals

    def edits(self) -> Iterator[Edit]:
        """In each operand, in each path of a derivative, in each quantity as a whole."""
        for operand, nodes in chain(*(each.items() for each in self.catalogue.uses.values())):
            yield from self._miscopied(operand, nodes)
        for node in self.catalogue.operations:
            if node.rule in (ops.add, ops.sub) and self.working.place[node] in self.known.forms.gradients:
                for each in (node.x, node.y):
                    if isinstance(each, Symbol) and each not in self.working.called:  # a path, on many a sheet
                        yield from self._miscopied(each, [node])
            yield from self._of_result(node)

    def _of_result(self, node: Symbol) -> Iterator[Edit]:
        """In a quantity as a whole."""
        place = self.working.place[node]
        if self.working.roots[place] is not node:
            return
        again, number = op(node.rule or ops.identity, node.x, node.y), self.working.carried[node]
        for power in POWERS_OF_TEN:
            if ROUNDED.compute(power * number, self.decimals):
                yield self.catalogue.put(node, "point", node, None, op(ops.mul, again, power))
        if place == self.working.name:
            for shortened in self._shortened(again, number):
                yield self.catalogue.put(node, "rounded", node, shortened)

    def _miscopied(self, operand: Any, nodes: list[Symbol]) -> Iterator[Edit]:
        """A number with digits transposed, as it is on the sheet or would be, or rounded before it is used."""
        number, text = self.working.carried[operand], self.known.texts.get(self.working.called.get(operand, ""))
        if text is None:
            texts = {f"{rule.compute(number, self.decimals):.{self.decimals}f}" for rule in (ROUNDED, CUT)}
        else:
            texts = {text, f"{Decimal(text):.{self.decimals}f}"}  # zeros behind it may have been dropped
        for misread in dict.fromkeys(chain(*map(transposed, sorted(texts)))):
            yield from self.catalogue.used("digits", operand, nodes, float(misread))
        if operand.name not in self.known.start:
            for shortened in self._shortened(operand, number):
                yield from self.catalogue.used("rounded", operand, nodes, shortened)

    def _shortened(self, operand: Symbol, number: float) -> Iterator[Symbol]:
        """A number with fewer decimals, in every way that leaves something of it."""
        for rule in (ROUNDED, CUT):
            for decimals in range(1, self.decimals):
                if rule.compute(number, decimals):
                    yield op(rule, operand, float(decimals))


def transposed(text: str) -> Iterator[str]:
    """A number with two neighbouring digits exchanged, in every way."""
    for at in range(len(text) - 1):
        one, other = text[at], text[at + 1]
        if one.isdigit() and other.isdigit() and one != other:
            changed = text[:at] + other + one + text[at + 2 :]
            if Decimal(changed) != Decimal(text):
                yield changed
