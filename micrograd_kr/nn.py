"""Networks: a module is whatever holds parameters. PyTorch's layers and losses for arrays, micrograd's for scalars.

    generator = np.random.default_rng(0)
    model = Sequential(Linear(2, 10, seed=generator), Sigmoid(), Linear(10, 1, seed=generator), Sigmoid())
    loss = BCELoss()(model(x), target)
    loss.backward()

Names, defaults and the layout of `state_dict` are PyTorch's. Where PyTorch only warns about a mistake this raises.
What draws random numbers takes a `seed`: a number, or a Generator that several share.

micrograd's Neuron, Layer and MLP take one sample of scalars. Their weights are drawn as micrograd draws them, from
Python's `random` in the same order: a seed gives micrograd's own run. What they compute is labelled as a textbook
writes it, w₂₁⁽²⁾ for the weight from node 1 to node 2 of layer 2.
"""

import math
import random
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np

from micrograd_kr import ops
from micrograd_kr.engine import UNSET, Value

Reduction = Literal["mean", "sum", "none"]
Seed = int | np.random.Generator | None


# --- modules ----------------------------------------------------------------------------------------------------------


class Module:
    """Anything with parameters: the Values among its attributes, or in modules, lists, tuples and dicts there.

    A module defines `forward`, and is called.
    """

    training: bool = True

    def __call__(self, *args: Any) -> Any:
        return self.forward(*args)

    def forward(self, *args: Any) -> Any:
        """What the module computes; each module defines its own."""
        raise NotImplementedError(f"{type(self).__name__} has no forward: define what it computes from its inputs")

    def parameters(self) -> list[Value]:
        """Every Value of this module and of those inside it, in the order of assignment; a shared one once.

        A Value that an operation made is no parameter: a module may keep its last output.
        """
        found: dict[Value, None] = {}
        _collect(self, found, set())
        return list(found)

    def named_parameters(self) -> list[tuple[str, Value]]:
        """The parameters with their names, "0.weight"; a shared one once, by its first name."""
        first: dict[Value, str] = {}
        for name, each in _named(self):
            first.setdefault(each, name)
        return [(name, each) for each, name in first.items()]

    def count_parameters(self) -> int:
        """How many numbers a training changes."""
        return sum(each.size for each in self.parameters())

    def modules(self) -> list["Module"]:
        """This module and all those inside it, each once."""
        found: dict[Module, None] = {}
        waiting: list[Any] = [self]
        while waiting:
            each = waiting.pop()
            if each not in found:
                found[each] = None
                waiting += [child for _, child in reversed(_children(each))]
        return list(found)

    def train(self, mode: bool = True) -> Self:
        """Switch to training, where dropout drops; or with false, as `eval` does, to evaluation."""
        for each in self.modules():
            each.training = mode
        return self

    def eval(self) -> Self:
        """Switch to evaluation."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradient of every parameter."""
        for p in self.parameters():
            p.grad = UNSET

    def state_dict(self) -> dict[str, Any]:
        """The numbers of every parameter by name, copied: training on does not change them."""
        return {name: each.data.copy() if each.ndim else each.data for name, each in _named(self)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> None:
        """Take over the numbers of a state_dict: arrays, floats, or PyTorch's tensors. Dtypes stay.

        strict: every name must be there, and no other. Raises TypeError for what is no mapping, RuntimeError, as
        PyTorch does, for what does not fit; then nothing has been changed.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(
                f"expected a mapping from names to arrays, got {type(state_dict).__name__}: "
                "give what model.state_dict() returns (with its parentheses)"
            )
        own = dict(_named(self))
        wrong = [f"missing {name}" for name in own if strict and name not in state_dict]
        wrong += [f"unexpected {name}" for name in state_dict if strict and name not in own]
        new = {name: np.asarray(state_dict[name]) for name in own if name in state_dict}
        for name, array in new.items():
            if array.shape != own[name].shape:
                wrong.append(f"{name} has shape {array.shape} where this model has {own[name].shape}")
            elif array.dtype.kind not in "fiub":
                wrong.append(f"{name} holds {array.dtype}, not real numbers")
        if wrong:
            raise RuntimeError(
                f"expected the state_dict of a {type(self).__name__} like this one, got one that does not fit: "
                f"{'; '.join(wrong)}. Build the model it was saved from"
            )
        for name, array in new.items():
            own[name].data = array.astype(own[name].dtype)

    def to(self, device: str) -> Self:
        """Nothing: all is computed on the CPU. It is here so that programs written for PyTorch run."""
        if not isinstance(device, str):
            raise TypeError(
                f'expected the name of a device such as "cpu", got {device!r}: '
                "a layer's dtype is chosen when it is made, Linear(…, dtype=np.float64)"
            )
        return self

    def extra_repr(self) -> str:
        """What stands in the parentheses of repr; a layer with options defines it."""
        return ""

    def __repr__(self) -> str:
        children = [f"({name}): {each!r}".replace("\n", "\n  ") for name, each in _children(self)]
        lines = [each for each in (self.extra_repr(), *children) if each]
        inside = "\n  ".join(["", *lines]) + "\n" if children else "".join(lines)
        return f"{type(self).__name__}({inside})"


def _parts(part: Any) -> Any:
    """The names and the parts of a module, a list, a tuple or a dict."""
    if isinstance(part, Module):
        return vars(part).items()
    return part.items() if isinstance(part, dict) else enumerate(part)


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


def _named(part: Any, name: str = "", above: tuple[int, ...] = ()) -> Iterator[tuple[str, Value]]:
    """The parameters of a part with their names, a shared one by each of its names."""
    if isinstance(part, Value):
        if part.rule is None:
            yield name, part
    elif isinstance(part, Module | list | tuple | dict) and id(part) not in above:
        for key, each in _parts(part):
            yield from _named(each, f"{name}.{key}" if name else str(key), (*above, id(part)))


def _children(part: Any, name: str = "", above: tuple[int, ...] = ()) -> list[tuple[str, Module]]:
    """The modules directly inside a part, with their names; those in lists too."""
    found: list[tuple[str, Module]] = []
    for key, each in _parts(part):
        path = f"{name}.{key}" if name else str(key)
        if isinstance(each, Module):
            found.append((path, each))
        elif isinstance(each, list | tuple | dict) and id(each) not in above:
            found += _children(each, path, (*above, id(part)))
    return found


class Sequential(Module):
    """Modules one after another. Called with the first one's input; `model[0]`, `len(model)` and iteration work."""

    def __init__(self, *modules: Module) -> None:
        for i, each in enumerate(modules):
            if not isinstance(each, Module):
                raise TypeError(
                    f"expected modules, got {each!r} in place {i}: give Sequential(first, second, …), not a list"
                )
            setattr(self, str(i), each)

    def forward(self, x: Any) -> Any:
        for each in self:
            x = each(x)
        return x

    def __iter__(self) -> Iterator[Module]:
        return (each for each in vars(self).values() if isinstance(each, Module))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __getitem__(self, i: int | slice) -> Module:
        found = list(self)[i]
        return Sequential(*found) if isinstance(found, list) else found


# --- layers -----------------------------------------------------------------------------------------------------------


class Linear(Module):
    """x Wᵀ + b. weight: (out_features, in_features); bias: (out_features,).

    Both start uniform between ±1/√in_features, as PyTorch's do.

    dtype: float32, as PyTorch has it, or float64. Numbers and arrays that come in are taken in this dtype.
    Raises ValueError for inputs that do not end in in_features columns.
    """

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, dtype: Any = np.float32, seed: Seed = None
    ) -> None:
        if min(in_features, out_features) < 1 or np.dtype(dtype) not in (np.float32, np.float64):
            raise ValueError(
                "expected at least one feature in and out, float32 or float64, "
                f"got Linear({in_features}, {out_features}, dtype={np.dtype(dtype)})"
            )
        draw, bound = np.random.default_rng(seed), 1 / math.sqrt(in_features)
        self.weight = Value(draw.uniform(-bound, bound, (out_features, in_features)).astype(dtype), "weight")
        self.bias = Value(draw.uniform(-bound, bound, out_features).astype(dtype), "bias") if bias else None
        self.in_features, self.out_features = in_features, out_features

    def forward(self, x: Any) -> Value:
        if not isinstance(x, Value):
            x = np.asarray(x, self.weight.dtype)
        if x.shape[-1:] != (self.in_features,):
            flatten = len(x.shape) > 2 and math.prod(x.shape[1:]) == self.in_features
            remedy = "flatten it with x.reshape(len(x), -1)" if flatten else "its last axis holds the features"
            raise ValueError(
                f"Linear({self.in_features}, {self.out_features}) needs {self.in_features} features, "
                f"got an input of shape {x.shape}; {remedy}"
            )
        rows = x if len(x.shape) > 1 else x.reshape(1, -1)
        given = (rows, self.weight) if self.bias is None else (rows, self.weight, self.bias)
        out: Value = ops.linear(given, isinstance(x, Value))
        return out if rows is x else out.reshape(-1)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Flatten(Module):
    """The axes from start_dim to end_dim made one: (n, 28, 28) becomes (n, 784). An array stays a constant array."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, x: Any) -> Any:
        if not isinstance(x, Value):
            x = np.asarray(x)
        axes = range(len(x.shape))
        if not {self.start_dim, self.end_dim} <= {*axes, *(each - len(axes) for each in axes)}:
            raise ValueError(f"{self} needs an input that has these axes, got one of shape {x.shape}")
        start, end = axes[self.start_dim], axes[self.end_dim] + 1
        return x.reshape((*x.shape[:start], math.prod(x.shape[start:end]), *x.shape[end:]))

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Dropout(Module):
    """In training each entry is zero with probability p, the others are divided by 1 − p; in evaluation nothing.

    The expected value of an entry stays the same. An array stays a constant array.
    """

    def __init__(self, p: float = 0.5, *, seed: Seed = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"expected a probability between 0 and 1, got Dropout(p={p})")
        self.p = p
        self.generator = np.random.default_rng(seed)

    def forward(self, x: Any) -> Any:
        if not isinstance(x, Value):
            x = np.asarray(x)
        if not self.training or not self.p:
            return x
        kept = self.generator.random(x.shape, np.float32) >= self.p
        factor = np.where(kept, 1 / (1 - self.p) if self.p < 1 else 0.0, 0.0)
        return x * factor.astype(x.dtype) if x.dtype.kind == "f" else x * factor

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace=False"


class Sigmoid(Module):
    """1 / (1 + e⁻ˣ), entry by entry."""

    def forward(self, x: Any) -> Value:
        return _value(x).sigmoid()


class Tanh(Module):
    """The hyperbolic tangent, entry by entry."""

    def forward(self, x: Any) -> Value:
        return _value(x).tanh()


class ReLU(Module):
    """max(0, x), entry by entry."""

    def forward(self, x: Any) -> Value:
        return _value(x).relu()


class LeakyReLU(Module):
    """x where it is positive, else negative_slope · x."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Value:
        return _value(x).leaky_relu(self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class Softmax(Module):
    """eˣ over its sum along the axis dim: positive, with sum 1. Before CrossEntropyLoss it does not belong."""

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Value:
        return _value(x).softmax(self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of softmax along the axis dim, exact where softmax itself is 0; NLLLoss goes with it."""

    def forward(self, x: Any) -> Value:
        return _value(x).log_softmax(self.dim)


def _value(x: Any) -> Value:
    return x if isinstance(x, Value) else Value(x)


# --- losses -----------------------------------------------------------------------------------------------------------


class _Loss(Module):
    """What all losses share: how the losses of the entries or samples are made one number."""

    def __init__(self, reduction: Reduction = "mean") -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(f'expected the reduction "mean", "sum" or "none", got {reduction!r}')
        self.reduction = reduction

    def reduced(self, losses: Value) -> Value:
        if self.reduction == "none" or not losses.ndim:
            return losses
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def pair(self, prediction: Any, target: Any) -> tuple[Value, Any]:
        """The prediction as a Value and a target of the same shape, in its dtype unless it is a Value itself."""
        p = _value(prediction)
        t = target if isinstance(target, Value) else np.asarray(target, p.dtype)
        if t.shape != p.shape:
            one = "reshape one of them, so that they are not broadcast to every pair"
            raise ValueError(
                f"{type(self).__name__} needs a prediction and a target of one shape, got {p.shape} and {t.shape}; "
                + (one if p.size == t.size else "is each prediction's own target there?")
            )
        return p, t if t.ndim or isinstance(t, Value) else float(t)


class MSELoss(_Loss):
    """(prediction − target)², over all entries. Their shapes must be equal (ValueError)."""

    def forward(self, prediction: Any, target: Any) -> Value:
        p, t = self.pair(prediction, target)
        difference = p - t
        return self.reduced(difference * difference)


class BCELoss(_Loss):
    """Binary cross-entropy −y log p − (1 − y) log(1 − p) of probabilities p, over all entries.

    Logarithms are not less than −100, as in PyTorch. Raises ValueError for unequal shapes and for a p outside 0…1.
    """

    def forward(self, prediction: Any, target: Any) -> Value:
        p, t = self.pair(prediction, target)
        numbers = np.asarray(p.data)
        if numbers.size and (numbers.min() < 0 or numbers.max() > 1):
            raise ValueError(
                f"BCELoss needs probabilities, between 0 and 1, got numbers from {numbers.min():g} to "
                f"{numbers.max():g}; for logits take BCEWithLogitsLoss, or end the model with Sigmoid()"
            )
        return self.reduced(ops.bce(p, t))


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy from logits z, p = sigmoid(z), exact where p is 0 or 1 to all digits. One shape for both."""

    def forward(self, prediction: Any, target: Any) -> Value:
        z, t = self.pair(prediction, target)
        return self.reduced(ops.bce_with_logits(z, t))


class CrossEntropyLoss(_Loss):
    """−log softmax(logits) at the right class, over samples.

    Called with logits (N, C), (C,) or (N, C, …) and the classes as integers (N,), () or (N, …); or with a target of
    the logits' own shape that holds a probability for each class.
    Softmax is part of it. Where probabilities come instead of logits it warns, once: training on them is slow and
    ends worse. Raises ValueError for shapes that do not fit, and for a class outside 0…C − 1.
    """

    warned = False

    def forward(self, logits: Any, target: Any) -> Value:
        x = _value(logits)
        axis = min(x.ndim - 1, 1)
        classes = target.data if isinstance(target, Value) else np.asarray(target)
        if not self.warned and _sums_to_one(x.data, axis):
            self.warned = True
            warnings.warn(
                "CrossEntropyLoss got probabilities (between 0 and 1, each sample's sum 1) where it expects logits: "
                "it applies softmax itself, so leave the model's Softmax out",
                stacklevel=3,
            )
        if x.ndim and np.shape(classes) == x.shape and np.asarray(classes).dtype.kind == "f":
            shares = target if isinstance(target, Value) else classes.astype(x.dtype)
            return self.reduced(-(x.log_softmax(axis) * shares).sum(axis))
        return self.reduced(ops.cross_entropy(x, _classes(self, x, classes)))


class NLLLoss(_Loss):
    """−log p at the right class, from log-probabilities, such as LogSoftmax gives; shapes as in CrossEntropyLoss."""

    def forward(self, log_probabilities: Any, target: Any) -> Value:
        x = _value(log_probabilities)
        classes = _classes(self, x, target)
        place = list(np.indices(classes.shape, sparse=True))
        place.insert(min(x.ndim - 1, 1), classes)
        return self.reduced(-x[tuple(place)])


def _classes(loss: Module, x: Value, target: Any) -> Any:
    """The target as the numbers of classes, one for each sample."""
    name, classes = type(loss).__name__, np.asarray(target.data if isinstance(target, Value) else target)
    shape = x.shape[:1] * (x.ndim > 1) + x.shape[2:]
    if not x.ndim or classes.shape != shape:
        raise ValueError(
            f"{name} needs the number of the class for each sample, of shape {shape} for an input of shape {x.shape}, "
            f"got a target of shape {classes.shape}"
            + ("; drop the axis of length 1 with y.reshape(-1)" if classes.size == math.prod(shape) else "")
        )
    if classes.dtype.kind not in "iu":
        raise ValueError(f"{name} needs classes as integers, got {classes.dtype}; convert them with y.astype(np.int64)")
    count = x.shape[min(x.ndim - 1, 1)]
    if classes.size and (classes.min() < 0 or classes.max() >= count):
        raise ValueError(
            f"{name} needs classes from 0 to {count - 1}, got {classes.min()} to {classes.max()}; "
            "the model gives one number for each class"
        )
    return classes


def _sums_to_one(x: Any, axis: int) -> bool:
    """Whether all samples look like probabilities of two or more classes."""
    if not np.ndim(x) or not x.size or x.shape[axis] < 2 or x.min() < 0 or x.max() > 1:
        return False
    return bool(np.all(np.abs(x.sum(axis) - 1) < 1e-4))


def l1_penalty(parameters: Iterable[Value]) -> Value:
    """Σ|w| over all parameters; times a factor it is added to a loss."""
    return _value(sum((abs(each).sum() for each in parameters), 0.0))


def l2_penalty(parameters: Iterable[Value]) -> Value:
    """Σw² over all parameters. An optimiser's weight_decay=λ is λ/2 times this in the loss, where Adam is not used."""
    return _value(sum(((each * each).sum() for each in parameters), 0.0))


# --- micrograd's networks of scalars ----------------------------------------------------------------------------------

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

    def parameters(self) -> list[Value]:
        return [*self.w, self.b]

    def __repr__(self) -> str:
        return f"{'ReLU' if self.nonlin else 'Linear'}Neuron({len(self.w)})"


def _sample(x: Any, nin: int) -> list[Any]:
    """The entries of one sample, from a list, an array, a Value or an iterator of them, or the only entry itself."""
    if type(x) is list and len(x) == nin and x and type(x[0]) in (Value, float):  # the usual case, at once
        return x
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
