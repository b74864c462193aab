"""Where a number went wrong: nan, inf, or an array that was written to, found at the operation that met it."""

import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from micrograd_kr.engine import Value, set_mode
from micrograd_kr.ops import Rule


class AnomalyError(FloatingPointError):
    """A nan, an inf or an array written to, found inside `anomaly()`."""


def anomaly() -> Any:
    """A context in which what goes wrong is an AnomalyError with the operation, its label and the line that computed
    it.

    That is: a nan or inf in the forward pass, a nan or inf in the backward pass, an array that was written to between
    the two (setting `.data` to another array is no harm). What is recorded here is watched, wherever it is
    differentiated. It costs time; use it to find a fault.
    """
    return set_mode(watch=_watched)


def _watched(rule: Rule, inputs: tuple[Any, Any], x: Any, y: Any, out: Any) -> Rule:
    """The same rule, which checks its numbers."""
    frame: Any = sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("micrograd_kr."):
        frame = frame.f_back
    place = f"{rule.symbol} at {frame.f_code.co_filename}:{frame.f_lineno}"
    if not _finite(out):
        labels = ", ".join(repr(each) for each in inputs if each is not None)
        raise AnomalyError(f"nan or inf in the forward pass: {place}, computed from {labels}")
    held = (*(x if type(x) is tuple else (x,)), *(y if type(y) is tuple else (y,)), out)  # an index may hold arrays
    arrays = [each for each in held if type(each) is np.ndarray]

    def checksums() -> list[int]:
        return [zlib.crc32(np.ascontiguousarray(each).tobytes()) for each in arrays]

    before = checksums()

    def checked(derivative: Callable[..., Any]) -> Callable[..., Any]:
        def check(*numbers: Any) -> Any:
            if checksums() != before:
                raise AnomalyError(f"an array was written to between the forward and the backward pass: {place}")
            r = derivative(*numbers)
            if not all(_finite(each) for each in (r if isinstance(r, tuple | list) else (r,))):
                raise AnomalyError(f"nan or inf in the backward pass: {place}")
            return r

        return check

    return Rule(rule.symbol, rule.forward, checked(rule.dx), rule.dy and checked(rule.dy), scalar=rule.scalar)


def _finite(number: Any) -> bool:
    return bool(np.isfinite(number._numbers if isinstance(number, Value) else number).all())
