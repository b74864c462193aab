"""What is left of the derivative by an input of softmax where cross-entropy follows: p − t.

Σ −tᵢ/pᵢ · pᵢ(δᵢⱼ − pⱼ) is multiplied out: the p below cancel, and the t, which add up to 1, are gathered.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import chain
from typing import Any

from micrograd_kr import ops
from micrograd_kr.teacher.ask.arrays import log_share, share
from micrograd_kr.teacher.ask.expressions import Symbol, factored, multiplied, simplified, terms
from micrograd_kr.teacher.derive.lines import Lines

TERMS = 2  # of what is left; more say no more than the sum over paths


def left_over(lines: Lines, a: str, b: str, given: Collection[str]) -> Any:
    """∂a/∂b in two terms at most, or None where b does not reach a through softmax, or more than that is left.

    given: names whose numbers are exact.
    """
    users = lines.steps(a, b)
    if not users or any(getattr(lines.lines[user].formula, "rule", None) not in (share, log_share) for user in users):
        return None
    slopes = [(_along(lines, a, user), lines.lines[user].partials[b]) for user in users]
    if any(slope is None for slope, _ in slopes):
        return None
    products = chain.from_iterable(_multiplied_out(slope * partial) for slope, partial in slopes)
    left = _gathered(simplified(sum(products, 0.0)), given)
    return left if len(list(terms(left))) <= TERMS else None


def _along(lines: Lines, a: str, b: str) -> Any:
    """∂a/∂b over the only path there is; None where there are several."""
    slope: Any = 1.0
    while b != a:
        users = lines.steps(a, b)
        if len(users) != 1:
            return None
        slope, b = lines.lines[users[0]].partials[b] * slope, users[0]
    return slope


def _multiplied_out(of: Any) -> Iterator[Any]:
    """The terms of an expression, brackets multiplied out."""
    rule = of.rule if isinstance(of, Symbol) else None
    if rule in (ops.add, ops.sub):
        yield from _multiplied_out(of.x)
        yield from (each if rule is ops.add else -each for each in _multiplied_out(of.y))
    elif rule is ops.neg:
        yield from (-each for each in _multiplied_out(of.x))
    elif rule is ops.mul:
        yield from (x * y for x in _multiplied_out(of.x) for y in _multiplied_out(of.y))
    elif rule is ops.div:
        yield from (x / of.y for x in _multiplied_out(of.x))
    else:
        yield of


def _gathered(of: Any, given: Collection[str]) -> Any:
    """A sum of products in which t0·p + t1·p + t2·p is p, where the given t add up to 1; what is added comes first."""
    others: list[tuple[bool, Any]] = []  # whether it is subtracted, and its size
    alike = defaultdict[Any, list[tuple[float, bool, Any, Any]]](list)  # by what stands beside a given number
    for term, sign in terms(of):
        above, below, powers = factored(term)
        weights = [key for key, (base, exponent) in powers.items() if exponent == 1 and base.name in given]
        rest = {key: each for key, each in powers.items() if key not in weights}
        whole, part = (multiplied(abs(above), below, each.values()) for each in (powers, rest))
        if len(weights) == 1 and rest:
            weight = powers[weights[0]][0].number
            alike[sign * above / below, *rest].append((weight, sign * above < 0, whole, part))
        else:
            others.append((sign * above < 0, whole))
    for same in alike.values():
        if math.isclose(sum(weight for weight, *_ in same), 1.0):
            others.append((same[0][1], same[0][3]))
        else:
            others += [(is_negative, whole) for _, is_negative, whole, _ in same]
    out: Any = 0.0
    for is_negative, size in sorted(others, key=lambda each: each[0]):
        out = out - size if is_negative else out + size
    return out
