"""Finite differences: the engine's gradients, checked entry by entry against what the function itself does.

    gradcheck(lambda x, y: x * y.exp(), 3.0, np.ones(4))

Each entry x is moved by a step h to both sides. The slope that is measured, (f(x + h) − f(x − h)) / 2h, is off by
h²f‴/6 for the curve and by about ε|f|/h for rounding, ε the precision of the numbers; the step ∛ε·max(1, |x|) keeps
both small. Everything is measured at h and again at h/4: a smooth function gives one slope twice (where it is steep,
two from which the limit follows), a kink gives two sides that do not close up, and a jump grows.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from micrograd_kr.engine import Value, gradients
from micrograd_kr.ops import Rule

Entry = tuple[int, ...]


class GradcheckError(AssertionError):
    """The engine's gradient is not the function's.

    An AssertionError: a test that checks a gradient fails, as with any comparison that does not hold.
    """


@dataclass(frozen=True)
class Kink:
    """An entry within a quarter step of a kink: no one slope to compare with; the engine's lies between the two sides'.

    order: 1 of the function, 2 of its gradient; input: its number; left, right: the slopes measured.
    """

    order: int
    input: int
    entry: Entry
    left: float
    right: float
    engine: float


@dataclass(frozen=True)
class Checked:
    """What a check that passed has seen: how many entries were compared, those at a kink, the largest error."""

    entries: int
    kinks: tuple[Kink, ...]
    largest_error: float


class _Slopes(NamedTuple):
    """What one entry shows at one step: the slope on the left, on the right, and across."""

    step: float
    left: float
    right: float
    across: float

    @property
    def bend(self) -> float:
        return abs(self.right - self.left)


class _Compared(NamedTuple):
    """One entry: the engine's number, the measured one, and what came of it."""

    input: int
    entry: Entry
    engine: float
    measured: float
    step: float
    tolerance: float
    kink: Kink | None = None
    remark: str = ""

    @property
    def error(self) -> float:
        """|engine − measured|; what is not finite agrees with nothing."""
        error = abs(self.engine - self.measured)
        return error if np.isfinite(error) else np.inf

    @property
    def failed(self) -> bool:
        return self.kink is None and (self.error == np.inf or self.error > self.tolerance)


class _Limits(NamedTuple):
    """What the caller asked for; None: by the precision of the numbers."""

    atol: float | None
    rtol: float | None
    step: float | None


# By ε, (absolute, relative): in float64 what central differences of a well-conditioned function reach, with a factor
# of about 100 to spare; in float32 the same for the rounding of the gradient itself.
_TOLERANCES = {float(np.finfo(np.float64).eps): (1e-7, 1e-6), float(np.finfo(np.float32).eps): (1e-5, 1e-4)}

# Σ weight·entry over tensors, as one operation, so that no other rule takes part in judging a rule.
_weighted_sum = Rule(
    "Σw",
    lambda xs, weights: sum(np.sum(w * x, dtype=np.float64) for x, w in zip(xs, weights, strict=True)),
    dx=lambda g, out, xs, weights: [g * w for w in weights],
)


def gradcheck(
    f: Callable[..., Value],
    *inputs: Any,
    atol: float | None = None,
    rtol: float | None = None,
    step: float | None = None,
    order: int = 1,
) -> Checked:
    """Compare the engine's gradient of f with central differences, for every entry of every input.

    Parameters
    ----------
    f
        Takes a Value for each input and gives a Value. A tensor is summed with fixed, unequal weights, so that wrong
        entries do not cancel.
    inputs
        Floats, float32 or float64 arrays, or Values, of which only the data is used. None is changed. The engine works
        in the precision given; the difference is taken in float64 at the very same numbers, and only where f computes
        in float32 by itself with float32's longer step.
    atol, rtol
        An entry passes within atol + rtol·|measured| + 4ε|f|/(h/4), the rounding of the difference. Default 1e-7 and
        1e-6; 1e-5 and 1e-4 where anything is float32.
    step
        The larger of the two steps, for every entry. Default ∛ε·max(1, |x|).
    order
        2: also the gradient of the gradient, the engine's against differences of the engine's gradient, once that
        has passed.

    An entry at a kink is not compared but returned as a Kink, unless the engine's number lies outside the slopes of the
    two sides.

    Raises
    ------
    GradcheckError
        An entry that disagrees, is not finite or cannot be measured (a jump, the edge of a domain); a gradient of the
        wrong shape or dtype; an f that gives two results for the same numbers, or uses none of its inputs.
    """
    if order not in (1, 2):
        raise ValueError(f"expected order 1 or 2, got {order!r}")
    if not inputs:
        raise TypeError("expected at least one input after f, got none: gradcheck(f, x)")
    given = [each if isinstance(each, Value) else Value(each) for each in inputs]
    data = [each.data for each in given]
    names = [f"input {k}" + (f" ({each.label!r})" if each.label else "") for k, each in enumerate(given)]
    limits = _Limits(atol, rtol, step)

    def value(values: Sequence[Value]) -> Value:
        out = f(*values)
        if not isinstance(out, Value):
            raise TypeError(
                f"expected f to give a Value, got {type(out).__name__}: stay in the graph, or stack several"
            )
        return _contracted([out])

    def gradient(values: Sequence[Value]) -> Value:
        return _contracted(gradients(value(values), values, create_graph=True))

    def plain_gradient(values: Sequence[Value]) -> Value:
        return _contracted([Value(each) for each in gradients(value(values), values)])

    with np.errstate(all="ignore"):
        seen = _compare(value, value, data, limits, 1, names)
        if order == 2:
            at_kinks = {(each.input, each.entry) for each in seen if each.kink}
            seen += _compare(gradient, plain_gradient, data, limits, 2, names, at_kinks)
    errors = [each.error for each in seen if not each.kink]
    return Checked(len(errors), tuple(each.kink for each in seen if each.kink), max(errors, default=0.0))


def _compare(
    recorded: Callable[[Sequence[Value]], Value],
    measured: Callable[[Sequence[Value]], Value],
    data: Sequence[Any],
    limits: _Limits,
    order: int,
    names: Sequence[str],
    at_kinks: Set[tuple[int, Entry]] = frozenset(),
) -> list[_Compared]:
    """The engine's gradient of one function against differences of another that should be the same.

    Entries at kinks of the function itself are left out of the second order: the gradient jumps there.
    """
    values = [Value(np.array(each)) for each in data]
    root = recorded(values)
    slopes = gradients(root, values)
    for value, slope, name in zip(values, slopes, names, strict=True):
        _check_form(value, slope, name)
    middle = measured(_moved(data))
    eps = _precision(middle)
    atol, rtol = _TOLERANCES[max(eps, _precision(root))]
    size = _size(middle)
    _check_same(root.data, middle.data, atol + rtol * size, order)
    atol, rtol = atol if limits.atol is None else limits.atol, rtol if limits.rtol is None else limits.rtol
    seen: list[_Compared] = []
    for k, slope in enumerate(slopes):
        for entry in np.ndindex(np.shape(slope)):
            if (k, entry) in at_kinks:
                continue
            x = float(np.asarray(data[k])[entry])
            step = limits.step or float(np.cbrt(eps)) * max(1.0, abs(x))

            def at(number: float, k: int = k, entry: Entry = entry) -> float:
                return measured(_moved(data, k, entry, number)).item()

            far, near = (_slopes(at, x, middle.data, h) for h in (step, step / 4))
            tolerance = atol + rtol * abs(near.across) + 4 * eps * size / near.step
            seen.append(_judged(order, k, entry, float(np.asarray(slope)[entry]), far, near, tolerance))
    _raise_failures(seen, names, order)
    if order == 1 and _nodes(root).isdisjoint(values) and not any(each.measured for each in seen):
        raise GradcheckError("nothing was checked, since f used none of its inputs: let it use the Values it is given")
    return seen


def _slopes(at: Callable[[float], float], x: float, middle: float, step: float) -> _Slopes:
    ahead, behind = x + step, x - step  # rounded, so what divides is the distance that they have
    after, before = at(ahead), at(behind)
    return _Slopes(
        step, (middle - before) / (x - behind), (after - middle) / (ahead - x), (after - before) / (ahead - behind)
    )


def _judged(
    order: int, k: int, entry: Entry, engine: float, far: _Slopes, near: _Slopes, tolerance: float
) -> _Compared:
    """Whether the engine's number is a slope that was measured.

    Over a quarter of the step a smooth function bends a quarter as much, and the slope across stays what it was. A kink
    at x bends as much as before, one beside x changes the slope across. At a jump the bend grows fourfold.
    """
    limit = (16 * near.across - far.across) / 15  # where h² counts, the two together are off by h⁴ only
    found = [(near.across, near.step), (far.across, far.step), (limit, near.step)]
    measured, step = min(found, key=lambda each: abs(engine - each[0]))
    seen = _Compared(k, entry, engine, measured, step, tolerance)
    if not np.isfinite([engine, *near, *far]).all():
        return seen._replace(
            measured=np.nan, remark="; not finite here: move the point into the domain, or give a smaller step"
        )
    if near.bend > max(2 * far.bend, tolerance):
        return seen._replace(remark="; the function jumps here")
    beside = seen.failed and abs(near.across - far.across) > tolerance
    if near.bend <= tolerance or not (beside or near.bend > far.bend / 2):
        return seen
    # The true slope is that of a side without the kink, up to what its curvature changes between the steps.
    sides = [(near.left, abs(near.left - far.left)), (near.right, abs(near.right - far.right))]
    low, high = min(slope - slack for slope, slack in sides), max(slope + slack for slope, slack in sides)
    if low - tolerance <= engine <= high + tolerance:
        return seen._replace(kink=Kink(order, k, entry, near.left, near.right, engine))
    return seen._replace(remark=f"; there is a kink here, with the slopes {near.left:.6g} and {near.right:.6g}")


def _raise_failures(seen: Sequence[_Compared], names: Sequence[str], order: int) -> None:
    failed = sorted((each for each in seen if each.failed), key=lambda each: each.error, reverse=True)
    if not failed:
        return
    what = "gradients" if order == 1 else "second derivatives"
    lines = [
        f"{names[each.input]}, entry {each.entry}: engine {each.engine:.10g}, difference {each.measured:.10g} "
        f"with step {each.step:.3g}, error {each.error:.3g}, tolerance {each.tolerance:.3g}{each.remark}"
        for each in failed[:5]
    ]
    more = f"\n… and {len(failed) - 5} more" if len(failed) > 5 else ""
    raise GradcheckError(f"{len(failed)} of {len(seen)} {what} disagree, the worst first:\n" + "\n".join(lines) + more)


def _check_form(value: Value, slope: Any, name: str) -> None:
    """A gradient of another shape or dtype than its input's is wrong whatever its numbers."""
    expected, got = _form(value.data), _form(slope)
    if got != expected:
        raise GradcheckError(f"{name}: expected a gradient like the input, {expected}, got {got}")


def _form(data: Any) -> str:
    return f"{data.dtype} of shape {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__


def _check_same(first: float, second: float, tolerance: float, order: int) -> None:
    """Differences of one function say nothing of another: dropout, say, draws anew each time."""
    if np.isfinite([first, second]).all() and abs(first - second) > tolerance:
        what = "f" if order == 1 else "the gradient, recorded and not,"
        raise GradcheckError(
            f"{what} gave two results at the same point, {first:.10g} and {second:.10g}: fix what is drawn at random; "
            "or float32 does not suffice here, then check in float64"
        )


def _contracted(outs: Sequence[Value]) -> Value:
    return _weighted_sum(tuple(outs), tuple(_weights(each.shape) for each in outs))  # type: ignore[no-any-return]


def _weights(shape: tuple[int, ...]) -> Any:
    """Between ½ and 1½, no two alike (multiples of the golden ratio, of which float32 holds every digit used)."""
    if not shape:
        return 1.0
    steps = np.arange(1, 1 + np.prod(shape, dtype=int)) * 0.6180339887498949 % 1
    return (0.5 + np.round(steps * 2**16) / 2**16).reshape(shape)


def _size(root: Value) -> float:
    """How large the numbers are that were summed; their rounding does not shrink where they cancel."""
    return float(sum(np.sum(np.abs(x * w)) for x, w in zip(root.x_data, root.y_data, strict=True)))


def _moved(data: Sequence[Any], k: int = 0, entry: Entry = (), number: float | None = None) -> list[Value]:
    """The inputs in float64, each a copy, with one entry set to a number."""
    copies = [np.array(each, np.float64) for each in data]
    if number is not None:
        copies[k][entry] = number
    return [Value(each) for each in copies]


def _nodes(root: Value) -> set[Value]:
    """All Values that root was computed from, and root."""
    found: set[Value] = set()
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in found:
            found.add(node)
            waiting += node.x if isinstance(node.x, tuple) else (node.x, node.y)
    return found


def _precision(root: Value) -> float:
    """ε of the coarsest numbers that root was computed from."""
    return max(float(np.finfo(each.dtype).eps) for each in _nodes(root))
