"""Arrays that `w.data -= …` has written to, while anybody holds them: a graph made from one has lost its numbers."""

import weakref
from collections.abc import Iterable
from typing import Any

import numpy as np

# By what owns their memory, so that whether an array is one of them costs a look.
owners: dict[int, list[weakref.ref[Any]]] = {}


def note(array: Any) -> None:
    """Remember an array, until it is gone."""
    owner = _owner(array)

    def forget(gone: weakref.ref[Any]) -> None:
        owners[owner].remove(gone)
        if not owners[owner]:
            del owners[owner]

    owners.setdefault(owner, []).append(weakref.ref(array, forget))


def to(data: Any) -> bool:
    """Whether something is, or shares memory with, an array that was written to."""
    arrays = [each() for each in owners.get(_owner(data), ())]
    return any(np.shares_memory(each, data) for each in arrays if each is not None)


def check(nodes: Iterable[Any]) -> None:
    """A graph cannot give the gradient at numbers that are there no more: raise RuntimeError at the first such node."""
    for node in nodes:
        for value, data in (*node.inputs(), (node, node.out)):
            if node.rule is not None and to(data):
                name = "a constant" if value is None else f"Value {value.label!r}" if value.label else "a Value"
                raise RuntimeError(
                    f"{node.rule.symbol} has lost its numbers: the array of {name} of shape {data.shape} was written "
                    "to. Write w.data = w.data - …, a new array, in place of w.data -= …, or take the step after the "
                    "last backward pass"
                )


def _owner(data: Any) -> int:
    while isinstance(data, np.ndarray) and data.base is not None:
        data = data.base
    return id(data)
