"""Slips of a pen: a number that is written down, or taken over, with other digits than it has.

One digit is wrong, left out, written twice, exchanged with its neighbour or with the next but one; or the point is
moved. Most errors in copying are of this kind (Verhoeff, Error detecting decimal codes, 1969). `misread` makes them of
a number, `meant` undoes them.
"""

import math
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

from micrograd_kr import ops
from micrograd_kr.ops import Rule
from micrograd_kr.said import Said, say
from micrograd_kr.teacher.ask.expressions import Symbol, number
from micrograd_kr.teacher.check.mistakes import Catalogue, Edit, op

SENTENCES: dict[str, Said] = {
    "look-alike": say("a slip in writing: {due} was written as {done}, {at} is wrong"),
    "digit": say("a slip in writing: {due} was written as {done}, {at} is wrong"),
    "digits": say("a slip in writing: {due} was written as {done}, {at} changed places"),
    "left out": say("a slip in writing: {due} was written as {done}, {at} was left out"),
    "doubled": say("a slip in writing: {due} was written as {done}, {at} was written twice"),
    "point": say("a slip in writing: {due} was written as {done}, the decimal point was moved"),
    "rounded": say("{due} was rounded too early, to {done} decimal{s}"),
}
OF_A_PEN = frozenset(SENTENCES) - {"rounded"}
BEFORE, AFTER = say("digit {n} before the point"), say("digit {n} after the point")
EXCHANGED = say("digits {one} and {other} after the point")

SLACK = 1e-6  # for decimals that a float cannot hold
LOOK_ALIKES = ("60", "06", "17", "71", "38", "83", "49", "94")
DIGITS = "0123456789"
TOLD = 3  # digits by which a slip is told from another number


def _shortening(name: str, more: float) -> Rule:
    """A rule that leaves decimals away; what that leaves of an expression is a number."""

    def shortened(x: float, decimals: float) -> float:
        units = abs(x) * 10**decimals + more + SLACK
        return math.copysign(math.floor(units) / 10**decimals, x) if units < 1e16 else x  # very large ones have none

    dx, made_of = lambda g, out, x, y: g, lambda x, y: shortened(number(x), y)
    return Rule(name, shortened, dx, scalar=shortened, made_of=made_of)


ROUNDED, CUT = _shortening("round", 0.5), _shortening("cut", 0.0)  # half up, as people do it


class Slip(NamedTuple):
    """A number that was meant, and what was written instead."""

    kind: str
    meant: str
    written: str

    @property
    def at(self) -> Said:
        """Which digits are concerned."""
        meant, written = (text.lstrip("+-") for text in self[1:])
        point = f"{meant}.".index(".")
        pairs = enumerate(zip(meant, written, strict=False))
        apart = [i for i, (one, other) in pairs if one != other] or [min(len(meant), len(written))]
        first = apart[0] - (self.kind == "doubled")
        if first < point:
            return Said(BEFORE.text, {"n": point - first})
        if self.kind == "digits":
            return Said(EXCHANGED.text, {"one": first - point, "other": apart[-1] - point})
        return Said(AFTER.text, {"n": first - point})


def misread(text: str) -> Iterator[Slip]:
    """All slips that a number can suffer. Nobody mistakes the nought before a point, or the power of ten of 8.1e-4."""
    mantissa, e, power = text.partition("e")
    nought = mantissa.lstrip("+-").startswith("0.") and mantissa.index("0")
    places = [i for i, digit in enumerate(mantissa) if digit.isdigit() and (nought is False or i != nought)]
    found = chain.from_iterable(_at(mantissa, i) for i in places)
    value = Decimal(text)
    for kind, written in chain(found, (("point", f"{Decimal(mantissa).scaleb(by):f}") for by in (-2, -1, 1, 2))):
        if Decimal(written + e + power) != value:
            yield Slip(kind, text, written + e + power)


def _at(text: str, i: int) -> Iterator[tuple[str, str]]:
    """What one digit may become, with those behind it."""
    before, digit, behind = text[:i], text[i], text[i + 1 :]
    for other in DIGITS:
        yield "look-alike" if digit + other in LOOK_ALIKES else "digit", before + other + behind
    for over in (1, 2):
        if behind[over - 1 : over].isdigit() and behind[:over].isdigit():
            yield "digits", before + behind[over - 1] + behind[: over - 1] + digit + behind[over:]
    if "." in before and digit != behind[:1]:
        if before[-1] + behind != ".":
            yield "left out", before + behind
        yield "doubled", before + digit + digit + behind


def meant(text: str, decimals: int) -> Iterator[Slip]:
    """The numbers of so many decimals, or fewer, that a slip makes the written one of."""
    for slip in misread(text):
        if slip.kind not in ("left out", "doubled"):
            yield Slip(slip.kind, slip.written, text)
    whole, point, fraction = text.partition(".")
    if not point or "e" in text:
        return
    for i in range(len(fraction) + 1):
        before, behind = fraction[:i], fraction[i:]
        if before[-1:] == behind[:1] != behind[1:2]:
            yield Slip("doubled", f"{whole}.{before}{behind[1:]}", text)
        if len(fraction) < decimals:
            yield from (Slip("left out", f"{whole}.{before}{digit}{behind}", text) for digit in DIGITS)


def between(due: float, text: str) -> Slip | None:
    """The slip that makes a number of one that is due, if it can be told: any digit may stand for any other.

    Fewer than three digits have to be all of what is due.
    """
    for slip in meant(text, len(text.partition(".")[2]) + 1) if Decimal(text) else ():
        number = Decimal(slip.meant)
        off, digits = abs(float(number) - due), number.as_tuple()
        is_written = off <= 0.5 * 10.0 ** int(digits.exponent) if len(digits.digits) >= TOLD else False
        if slip.kind not in ("digit", "look-alike") and (is_written or off <= SLACK**2 * abs(due)):
            return slip
    return None


class Slips:
    """All single slips in a working, in a number that is taken over; where, its catalogue of mistakes says."""

    def __init__(self, catalogue: Catalogue, decimals: int) -> None:
        self.catalogue, self.working, self.known = catalogue, catalogue.working, catalogue.known
        self.decimals = decimals

    def places(self) -> Iterator[tuple[Any, list[Symbol]]]:
        """What is taken over, and the operations it is used in: operands, and the paths of a derivative."""
        yield from chain(*(each.items() for each in self.catalogue.uses.values()))
        for node in self.catalogue.operations:
            if node.rule in (ops.add, ops.sub) and self.working.place[node] in self.known.forms.gradients:
                for each in (node.x, node.y):
                    if isinstance(each, Symbol) and each not in self.working.called:
                        yield each, [node]

    def of(self, operand: Any) -> list[Slip]:
        """A number misread, as it is on the sheet or would be."""
        number, name = self.working.carried[operand], self.working.called.get(operand, "")
        text = self.known.texts.get(name)
        if text is None:
            texts = {f"{rule.compute(number, self.decimals):.{self.decimals}f}" for rule in (ROUNDED, CUT)}
        elif name in self.known.start:
            texts = {text}
        else:
            texts = {text, f"{Decimal(text):.{self.decimals}f}"}  # zeros behind it may have been dropped
        found = chain(*map(misread, sorted(texts)))
        # whoever reads 0.0 for 0.5 looks again
        return list({value: slip for slip in found if (value := Decimal(slip.written))}.values()) if number else []

    def rounded(self) -> Iterator[Edit]:
        """Numbers that lose decimals, before they are used or in the end."""
        for operand, nodes in self.places():
            if operand.name not in self.known.start:
                for shortened in self._shortened(operand, self.working.carried[operand]):
                    yield from self.catalogue.used("rounded", operand, nodes, shortened)
        root = self.working.root
        if isinstance(root, Symbol):
            again = op(root.rule or ops.identity, root.x, root.y)
            for shortened in self._shortened(again, self.working.carried[root]):
                yield self.catalogue.put(root, "rounded", root, shortened)

    def _shortened(self, operand: Symbol, number: float) -> Iterator[Symbol]:
        """A number with fewer decimals, in every way that leaves something of it."""
        for rule in (ROUNDED, CUT):
            for decimals in range(1, self.decimals):
                if rule.compute(number, decimals):
                    yield op(rule, operand, float(decimals))
