"""What people type: numpy's functions on Values, and the names that PyTorch has for what a Value spells otherwise.

Nothing here knows of graphs; the engine looks up what it is asked for.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from micrograd_kr import ops
from micrograd_kr.ops import Rule

# --- numpy's ----------------------------------------------------------------------------------------------------------


def _plain(ufunc: np.ufunc, *inputs: Any) -> Any:
    return ufunc(*(each.data if hasattr(each, "_record") else each for each in inputs))


def _dot(x: Any, y: Any) -> Any:
    if not np.ndim(x) or not np.ndim(y):
        return x * y
    if np.ndim(x) > 1 and np.ndim(y) > 2:
        raise TypeError("numpy.dot has no rule for two stacks of matrices: use @, or value.data outside the graph")
    return np.matmul(x, y)


def _hstack(values: Sequence[Any]) -> Any:
    values = [each if np.ndim(each) else np.reshape(each, 1) for each in values]
    return np.concatenate(values, min(np.ndim(values[0]) - 1, 1))


def _vstack(values: Sequence[Any]) -> Any:
    return np.concatenate([each if np.ndim(each) > 1 else np.reshape(each, (1, -1)) for each in values])


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    return a.clip(a_min if min is None else min, a_max if max is None else max)


# fmt: off
UFUNCS: dict[Any, Callable[..., Any]] = {
    each: partial(_plain, each)
    for each in (np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
                 np.isfinite, np.isinf, np.isnan, np.signbit)
} | {
    each.forward: each for each in vars(ops).values() if isinstance(each, Rule) and isinstance(each.forward, np.ufunc)
} | {
    np.matmul: lambda x, y: x @ y if hasattr(x, "_record") else y.__rmatmul__(x),
    np.square: lambda x: x**2.0,
    np.reciprocal: lambda x: 1.0 / x,
}
# A name is that of a method.
FUNCTIONS: dict[Any, Any] = {
    getattr(np, name): name
    for name in ("sum", "mean", "var", "std", "prod", "max", "min", "argmax", "argmin",
                 "ravel", "swapaxes", "squeeze", "expand_dims", "broadcast_to")
} | {
    np.amax: "max",
    np.amin: "min",
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: a.size,
    np.clip: _clip,
    np.linalg.norm: lambda x, *, axis=None, keepdims=False: x.norm(axis, keepdims=keepdims),
    np.reshape: lambda a, shape=None, *, newshape=None: a.reshape(newshape if shape is None else shape),
    np.transpose: lambda a, axes=None: a.transpose(*(axes or ())),
    np.hstack: _hstack,
    np.vstack: _vstack,
    np.dot: _dot,
    np.outer: lambda a, b: np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1)),
}
# fmt: on


# --- PyTorch's --------------------------------------------------------------------------------------------------------


class Missing:
    """An attribute that a Value does not have: asking for it, or setting it, says what to write.

    A descriptor for each name, since with a __getattr__ or __setattr__ CPython reads or sets every slot in the slow
    way.
    """

    def __init__(self, name: str, instead: str) -> None:
        self.said = f"a Value has no {name!r}: {instead}"

    def __get__(self, value: Any, owner: Any = None) -> Any:
        raise AttributeError(self.said)

    def __set__(self, value: Any, data: Any) -> None:
        raise AttributeError(self.said)


MISSING = {
    name: Missing(name, instead)
    for instead, names in {
        "write reshape": ("view",),
        "write expand_dims": ("unsqueeze",),
        "write transpose": ("permute",),
        "write .T": ("t",),
        "write broadcast_to": ("expand",),
        "write clip": ("clamp",),
        "write ndim": ("dim",),
        "write size": ("numel",),
        "write @": ("mm", "matmul", "dot"),
        "write **": ("pow", "square"),
        "write np.where(mask, number, value)": ("masked_fill",),
        "write astype(np.float32) or astype(np.float64)": ("float", "double"),
        "leave it out, all is computed here": ("cpu", "cuda", "to"),
        "every Value records; write a number or an array for what gets no gradient": (
            "requires_grad",
            "requires_grad_",
        ),
        "leave it out, every computed Value keeps its gradient": ("retain_grad",),
        "write .rule": ("grad_fn",),
        "write .label": ("name",),
        "write p -= … under no_grad, or p.data = …": ("add_", "sub_", "mul_", "div_", "zero_"),
    }.items()
    for name in names
}
