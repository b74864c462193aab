"""What people type: numpy's functions on Values, and the names that PyTorch has for what a Value spells otherwise.

Nothing here knows of graphs; the engine looks up what it is asked for.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from micrograd_kr import ops
from micrograd_kr.ops import Rule


def no_rule(what: str) -> TypeError:
    return TypeError(f"numpy.{what} has no rule for Values: use an operation of Value, or value.data outside the graph")


def array_ufunc(value: Any, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    """What numpy calls for np.exp(value)."""
    if method == "__call__" and not options and ufunc in UFUNCS:
        return UFUNCS[ufunc](*inputs)
    name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    raise no_rule(f"{name} with {', '.join(options)}" if options else name)


def array_function(value: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    """What numpy calls for np.sum(value, axis=0)."""
    if function not in FUNCTIONS:
        raise no_rule(function.__name__)
    call = FUNCTIONS[function]
    try:
        return (getattr(type(value), call) if type(call) is str else call)(*args, **kwargs)
    except TypeError as error:
        if error.__traceback__ and error.__traceback__.tb_next:
            raise
        raise no_rule(f"{function.__name__} with these arguments ({error})") from error  # they are numpy's, not ours


def _plain(ufunc: np.ufunc, *inputs: Any) -> Any:
    return ufunc(*(each.data if hasattr(each, "_record") else each for each in inputs))


def _dot(x: Any, y: Any) -> Any:
    if not np.ndim(x) or not np.ndim(y):
        return x * y
    if np.ndim(x) > 1 and np.ndim(y) > 2:
        raise no_rule("dot of stacks of matrices (write @)")
    return np.matmul(x, y)


def _hstack(values: Sequence[Any]) -> Any:
    values = [each if np.ndim(each) else np.reshape(each, 1) for each in values]
    return np.concatenate(values, min(np.ndim(values[0]) - 1, 1))


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
    np.clip: lambda a, a_min=None, a_max=None, *, min=None, max=None:
        a.clip(a_min if min is None else min, a_max if max is None else max),
    np.linalg.norm: lambda x, *, axis=None, keepdims=False: x.norm(axis, keepdims=keepdims),
    np.reshape: lambda a, shape=None, *, newshape=None: a.reshape(newshape if shape is None else shape),
    np.transpose: lambda a, axes=None: a.transpose(*(axes or ())),
    np.hstack: _hstack,
    np.vstack: lambda tup: np.concatenate([v if np.ndim(v) > 1 else np.reshape(v, (1, -1)) for v in tup]),
    np.dot: _dot,
    np.outer: lambda a, b: np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1)),
}
# fmt: on


def _missing(name: str, instead: str) -> Any:
    """An attribute that a Value does not have: asking for it, or setting it, says what to write.

    One for each name, since with a __getattr__ or __setattr__ CPython reads or sets every slot in the slow way.
    """

    def refuse(*_: Any) -> Any:
        raise AttributeError(f"a Value has no {name!r}: {instead}")

    return property(refuse, refuse)


# fmt: off
MISSING = {
    name: _missing(name, instead)
    for names, instead in {
        "view": "write reshape", "unsqueeze": "write expand_dims", "permute": "write transpose", "t": "write .T",
        "expand": "write broadcast_to", "clamp": "write clip", "dim": "write ndim", "numel": "write size",
        "mm matmul dot": "write @", "pow square": "write **", "grad_fn": "write .rule", "name": "write .label",
        "masked_fill": "write np.where(mask, number, value)",
        "float double": "write astype(np.float32) or astype(np.float64)",
        "cpu cuda to": "leave it out, all is computed here",
        "retain_grad": "leave it out, every computed Value keeps its gradient",
        "requires_grad requires_grad_": "every Value records; write a number or an array for what gets no gradient",
        "add_ sub_ mul_ div_ zero_": "write p -= … under no_grad, or p.data = …",
    }.items()
    for name in names.split()
}
# fmt: on
