"""Finite differences: the engine's gradients, checked entry by entry against what the function itself does.

    gradcheck(lambda x, y: x * y.exp(), 3.0, np.ones(4))
    gradcheck(grad(lambda x: x**4), 2.0)  # the second derivative

Each entry x is moved by a step h to both sides. The slope that is measured, (f(x + h) − f(x − h)) / 2h, is off by
h²f‴/6 for the curve and by about ε|f|/h for rounding, ε the precision of the numbers; the step ∛ε·max(1, |x|) keeps
both small. Everything is measured at h and again at h/4: a smooth function gives one slope twice (where it is steep,
two from which the limit follows), a kink gives two sides that do not close up, and a jump grows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from micrograd_kr.engine import Value, gradients, inputs_first
from micrograd_kr.ops import Rule

Entry = tuple[int, ...]


class GradcheckError(AssertionError):
    """The engine's gradient is not the function's: an assertion that does not hold, so that a test fails by it."""


@dataclass(frozen=True)
class Kink:
    """An entry within a quarter step of a kink: no one slope to compare with; the engine's lies between the two sides'.

    input: its number; left, right: the slopes measured.
    """

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


# Σ weight·entry as one operation, so that no other rule takes part in judging a rule.
_weighted_sum = Rule("Σw", lambda x, w: np.sum(w * x, dtype=np.float64), dx=lambda g, out, x, w: g * w)


def gradcheck(
    f: Callable[..., Value],
    *inputs: Any,
    atol: float | None = None,
    rtol: float | None = None,
    step: float | None = None,
) -> Checked:
    """Compare the engine's gradient of f with central differences, for every entry of every input.

    Parameters
    ----------
    f
        Takes a Value for each input and gives a Value. A tensor is summed with fixed, unequal weights, so that wrong
        entries do not cancel. It may be a gradient itself, grad(f): then second derivatives are compared.
    inputs
        Floats, float32 or float64 arrays, or Values, of which only the data is used. None is changed. The engine works
        in the precision given; the difference is taken in float64 at the very same numbers, and only where f computes
        in float32 by itself with float32's longer step.
    atol, rtol
        An entry passes within atol + rtol·|measured| + 4ε|f|/(h/4), the rounding of the difference. Default 1e-7 and
        1e-6; 1e-5 and 1e-4 where anything is float32.
    step
        The larger of the two steps, for every entry. Default ∛ε·max(1, |x|).

    An entry at a kink is not compared but returned as a Kink, unless the engine's number lies outside the slopes of the
    two sides.

    Raises
    ------
    GradcheckError
        An entry that disagrees, is not finite or cannot be measured (a jump, the edge of a domain); a gradient of the
        wrong shape or dtype; an f that gives two results for the same numbers, or uses none of its inputs.
    """
    if not inputs:
        raise TypeError("expected at least one input after f, got none: gradcheck(f, x)")
    given = [each if isinstance(each, Value) else Value(each) for each in inputs]
    names = [f"input {k}" + (f" ({each.label!r})" if each.label else "") for k, each in enumerate(given)]

    def summed(values: list[Value]) -> Value:
        out = f(*values)
        if not isinstance(out, Value):
            raise TypeError(f"expected f to give a Value, got {type(out).__name__}: stay in the graph, stack several")
        # Between ½ and 3⁄2, no two alike, and float32 holds every digit.
        weights = (0.5 + np.random.default_rng(0).random(out.shape, np.float32)).astype(float) if out.ndim else 1.0
        return _weighted_sum(out, weights)  # type: ignore[no-any-return]

    def moved(number: float | None = None, k: int = 0, entry: Entry = ()) -> Value:
        """f where all is in float64, and one entry is set to a number."""
        copies = [np.array(each.data, np.float64) for each in given]
        if number is not None:
            copies[k][entry] = number
        return summed([Value(each) for each in copies])

    with np.errstate(all="ignore"):
        values = [Value(np.array(each.data)) for each in given]
        root, middle = summed(values), moved()
        slopes = gradients(root, values)
        for value, slope, name in zip(values, slopes, names, strict=True):
            due, got = _form(value.data), _form(slope)
            if due != got:
                raise GradcheckError(f"{name}: expected a gradient like the input, {due}, got {got}")
        eps = _precision(middle)
        # How large the numbers are that were summed; their rounding does not shrink where they cancel.
        size = float(np.sum(np.abs(middle.x_data * middle.y_data)))
        # What central differences of a well-conditioned function reach in float64, with a factor of about 100 to spare;
        # in float32 the same for the rounding of the gradient itself.
        coarse = max(eps, _precision(root)) > np.finfo(np.float64).eps
        absolute, relative = (1e-5, 1e-4) if coarse else (1e-7, 1e-6)
        if abs(root.data - middle.data) > absolute + relative * size:  # differences of one say nothing of the other
            remedy = "fix what is drawn at random; or float32 does not suffice here, then check in float64"
            got = f"{root.data:.10g} and {middle.data:.10g}"
            raise GradcheckError(f"f gave two results at the same point, {got}: {remedy}")
        absolute, relative = absolute if atol is None else atol, relative if rtol is None else rtol
        errors, failed, kinks, moving = list[float](), list[tuple[float, str]](), list[Kink](), False
        for k, entry in [(k, entry) for k, slope in enumerate(slopes) for entry in np.ndindex(np.shape(slope))]:
            x, engine = (float(np.asarray(each)[entry]) for each in (given[k].data, slopes[k]))
            far_step = step or float(np.cbrt(eps)) * max(1.0, abs(x))
            far, near = (_slopes(partial(moved, k=k, entry=entry), x, middle.data, h) for h in (far_step, far_step / 4))
            tolerance = absolute + relative * abs(near.across) + 4 * eps * size / near.step
            measured, used, remark = _judged(engine, far, near, tolerance)
            moving |= measured != 0
            if remark is None:
                kinks.append(Kink(k, entry, near.left, near.right, engine))
                continue
            errors.append(abs(engine - measured))
            if not errors[-1] <= tolerance:  # nan, too, is no agreement
                line = (
                    f"{names[k]}, entry {entry}: engine {engine:.10g}, difference {measured:.10g} "
                    f"with step {used:.3g}, error {errors[-1]:.3g}, tolerance {tolerance:.3g}{remark}"
                )
                failed.append((errors[-1], line))
    if failed:
        failed.sort(key=lambda each: np.nan_to_num(each[0], nan=np.inf), reverse=True)
        lines = [line for _, line in failed[:5]] + [f"… and {len(failed) - 5} more"] * (len(failed) > 5)
        total = len(errors) + len(kinks)
        raise GradcheckError(f"{len(failed)} of {total} gradients disagree, the worst first:\n" + "\n".join(lines))
    if not moving and inputs_first(root).keys().isdisjoint(values):
        raise GradcheckError("nothing was checked, since f used none of its inputs: let it use the Values it is given")
    return Checked(len(errors), tuple(kinks), max(errors, default=0.0))


def _slopes(f: Callable[[float], Value], x: float, middle: float, step: float) -> _Slopes:
    ahead, behind = x + step, x - step  # rounded, so what divides is the distance that they have
    after, before = f(ahead).item(), f(behind).item()
    left, right = (middle - before) / (x - behind), (after - middle) / (ahead - x)
    return _Slopes(step, left, right, (after - before) / (ahead - behind))


def _judged(engine: float, far: _Slopes, near: _Slopes, tolerance: float) -> tuple[float, float, str | None]:
    """The measured slope nearest to the engine's number, its step, and a remark; None for a kink that excuses it.

    Over a quarter of the step a smooth function bends a quarter as much, and the slope across stays what it was. A kink
    at x bends as much as before, one beside x changes the slope across. At a jump the bend grows fourfold.
    """
    if not np.isfinite([engine, *near, *far]).all():
        return np.nan, near.step, "; not finite here: move the point into the domain, or give a smaller step"
    limit = (16 * near.across - far.across) / 15  # where h² counts, the two together are off by h⁴ only
    found = [(near.across, near.step), (far.across, far.step), (limit, near.step)]
    measured, step = min(found, key=lambda each: abs(engine - each[0]))
    bend, far_bend = abs(near.right - near.left), abs(far.right - far.left)
    if bend > max(2 * far_bend, tolerance):
        return measured, step, "; the function jumps here"
    beside = abs(engine - measured) > tolerance and abs(near.across - far.across) > tolerance
    if bend <= tolerance or not (beside or bend > far_bend / 2):
        return measured, step, ""
    # The true slope is that of a side without the kink, up to what its curvature changes between the steps.
    sides = [(near.left, abs(near.left - far.left)), (near.right, abs(near.right - far.right))]
    low, high = min(slope - slack for slope, slack in sides), max(slope + slack for slope, slack in sides)
    if low - tolerance <= engine <= high + tolerance:
        return measured, step, None
    return measured, step, f"; there is a kink here, with the slopes {near.left:.6g} and {near.right:.6g}"


def _form(data: Any) -> str:
    return f"{data.dtype} of shape {data.shape}" if isinstance(data, np.ndarray) else type(data).__name__


def _precision(root: Value) -> float:
    """ε of the coarsest numbers that root was computed from."""
    return max(float(np.finfo(each.dtype).eps) for each in inputs_first(root))
