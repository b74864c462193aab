"""Networks: a module is whatever holds parameters, and a scalar network in micrograd's own words is built from it.

    random.seed(0)
    model = MLP(2, [16, 16, 1])
    score = model([0.5, -1.0])  # one sample, one Value
    score.backward()
    for p in model.parameters():
        p.data -= 0.1 * p.grad
    model.zero_grad()

Weights are drawn as micrograd draws them, from Python's `random` in the same order: a seed gives micrograd's own run.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from micrograd_kr.engine import Value


class Module:
    """Anything with parameters: the Values among its attributes, or in modules, lists, tuples and dicts there."""

    def parameters(self) -> list[Value]:
        """Every Value of this module and of those inside it, in the order of assignment; a shared one once.

        A Value that an operation made is no parameter: a module may keep its last output.
        """
        found: dict[Value, None] = {}
        _collect(self, found, set())
        return list(found)

    def zero_grad(self) -> None:
        """Forget the gradient of every parameter."""
        for p in self.parameters():
            p.zero_grad()


def _collect(part: Any, found: dict[Value, None], entered: set[int]) -> None:
    """Add the parameters of a part of a module to those found; a part that holds itself is entered once."""
    if isinstance(part, Value):
        if part.rule is None:
            found[part] = None
    elif isinstance(part, Module | list | tuple | dict) and id(part) not in entered:
        entered.add(id(part))
        held = vars(part) if isinstance(part, Module) else part
        for each in held.values() if isinstance(held, dict) else held:
            _collect(each, found, entered)


class Neuron(Module):
    """A weighted sum of its inputs plus a bias, through relu unless `nonlin` is false.

    Called with one sample, `nin` numbers or Values; gives a Value. Raises ValueError for more or fewer, or a batch.
    """

    def __init__(self, nin: int, nonlin: bool = True) -> None:
        self.w = [Value(random.uniform(-1, 1)) for _ in range(nin)]
        self.b = Value(0.0)
        self.nonlin = nonlin

    def __call__(self, x: Any) -> Value:
        # From the bias on, left to right: another order would round differently from micrograd.
        act = sum((wi * xi for wi, xi in zip(self.w, _sample(x, len(self.w)), strict=True)), self.b)
        return act.relu() if self.nonlin else act

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


def _sample(x: Any, nin: int) -> list[Any]:
    """The entries of one sample, from a list, an array, a Value or an iterator of them, or the only entry itself."""
    if isinstance(x, list):
        entries = x
    elif isinstance(x, Value | float | int) and not np.ndim(x):
        entries = [x]
    else:
        entries = x.tolist() if isinstance(x, np.ndarray) else list(x)
    batch = getattr(x, "ndim", 1) > 1 or (bool(entries) and isinstance(entries[0], list | tuple))
    if batch or len(entries) != nin:
        came = "several samples" if batch else f"{len(entries)} of them"
        raise ValueError(
            f"expected one sample of {nin} numbers or Values, got {came}: "
            "call it once for each sample, [model(x) for x in samples]"
        )
    return entries


class Layer(Module):
    """Neurons side by side, each on all the inputs; gives a list of Values, or of one neuron the Value itself."""

    def __init__(self, nin: int, nout: int, nonlin: bool = True) -> None:
        self.neurons = [Neuron(nin, nonlin) for _ in range(nout)]

    def __call__(self, x: Any) -> Any:
        sample = list(x) if isinstance(x, Iterator) else x  # an iterator would last for one neuron only
        out = [neuron(sample) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(repr, self.neurons))}]"


class MLP(Module):
    """Layers one after another, from `nin` inputs through the sizes `nouts`; relu after each but the last."""

    def __init__(self, nin: int, nouts: Sequence[int]) -> None:
        last = len(nouts) - 1
        self.layers = [Layer(n, m, nonlin=i != last) for i, (n, m) in enumerate(pairwise([nin, *nouts]))]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"
