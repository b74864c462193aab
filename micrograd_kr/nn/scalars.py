"""micrograd's networks: a Neuron, a Layer and an MLP take one sample of scalars.

Their weights are drawn as micrograd draws them, from Python's `random` in the same order: a seed gives micrograd's own
run. What they compute is labelled as a textbook writes it, w₂₁⁽²⁾ for the weight from node 1 to node 2 of layer 2.
"""

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from micrograd_kr.engine import Value
from micrograd_kr.nn.modules import Module

__all__ = ["MLP", "Layer", "Neuron"]

_LOW, _HIGH = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"), str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def _label(letter: str, *indices: int | None, layer: int | None) -> str:
    """A name as the textbook writes it, w₂₁⁽²⁾: node 1 to node 2, into layer 2."""
    known = [str(each) for each in indices if each is not None]
    low = ("," if any(len(each) > 1 for each in known) else "").join(known).translate(_LOW)
    return letter + low + ("" if layer is None else f"⁽{str(layer).translate(_HIGH)}⁾")


class Neuron(Module):
    """A weighted sum of its inputs plus a bias, through relu unless `nonlin` is false.

    Called with one sample, `nin` numbers or Values; gives a Value. Raises ValueError for more or fewer, or a batch.
    node, layer: its numbers in a network, from 1 (layer 1 are the inputs), for the labels w, b, z and a.
    """

    def __init__(self, nin: int, nonlin: bool = True, *, node: int | None = None, layer: int | None = None) -> None:
        self.w = [Value(random.uniform(-1, 1), _label("w", node, i + 1, layer=layer)) for i in range(nin)]
        self.b = Value(0.0, _label("b", node, layer=layer))
        self.z, self.a = _label("z", node, layer=layer), _label("a", node, layer=layer)
        self.nonlin = nonlin

    def __call__(self, x: Any) -> Value:
        act = self.b  # from the bias on, left to right: another order would round differently from micrograd
        for wi, xi in zip(self.w, _sample(x, len(self.w)), strict=True):
            act = act + wi * xi
        if self.w:  # else it is the bias itself
            act.label = self.z
        if self.nonlin:
            act = act.relu()
            act.label = self.a
        return act

    def parameters(self) -> list[Value]:  # as Module's, at a fiftieth of its time: it is asked for at each step
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


def _sample(x: Any, nin: int) -> list[Any]:
    """The entries of one sample, from a list, an array, a Value or an iterator of them, or the only entry itself."""
    if type(x) is list and len(x) == nin and x and type(x[0]) in (Value, float):  # the usual case, at once
        return x
    bare = isinstance(x, Value | float | int) and not np.ndim(x)
    entries = [x] if bare else x.tolist() if isinstance(x, np.ndarray) else list(x)
    batch = getattr(x, "ndim", 1) > 1 or (bool(entries) and isinstance(entries[0], list | tuple))
    if batch or len(entries) != nin:
        came = "several samples: call it for each, [model(x) for x in samples]" if batch else f"{len(entries)} of them"
        raise ValueError(f"expected one sample of {nin} numbers or Values, got {came}")
    return entries


class Layer(Module):
    """Neurons side by side, each on all the inputs; gives a list of Values, or of one neuron the Value itself."""

    def __init__(self, nin: int, nout: int, nonlin: bool = True, *, layer: int | None = None) -> None:
        self.neurons = [Neuron(nin, nonlin, node=i + 1, layer=layer) for i in range(nout)]

    def __call__(self, x: Any) -> Any:
        sample = list(x) if isinstance(x, Iterator) else x  # an iterator would last for one neuron only
        out = [neuron(sample) for neuron in self.neurons]
        return out[0] if len(out) == 1 else out

    def parameters(self) -> list[Value]:
        return [p for neuron in self.neurons for p in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer of [{', '.join(map(repr, self.neurons))}]"


class MLP(Module):
    """Layers one after another, from `nin` inputs through the sizes `nouts`; relu after each but the last."""

    def __init__(self, nin: int, nouts: Sequence[int]) -> None:
        last = len(nouts) - 1
        self.layers = [Layer(n, m, nonlin=i != last, layer=i + 2) for i, (n, m) in enumerate(pairwise([nin, *nouts]))]

    def __call__(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x

    def parameters(self) -> list[Value]:
        return [p for layer in self.layers for p in layer.parameters()]

    def __repr__(self) -> str:
        return f"MLP of [{', '.join(map(repr, self.layers))}]"
