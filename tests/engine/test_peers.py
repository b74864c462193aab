"""The same numbers as autograd, MyGrad and PyTorch have, where these are installed, beside the finite differences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from strategies import TABLE, VALUE_FUNCTIONS, Graph, graphs

from micrograd_kr import Value, gradients
from micrograd_kr.differences import gradcheck

Numbers = tuple[Any, list[Any]]
SHARED = ("exp", "log", "log2", "log10", "sqrt", "abs", "sin", "cos", "tanh")  # called alike everywhere


@dataclass(frozen=True)
class Peer:
    """Another engine: the functions of a random graph, operations of the table by name, and how it differentiates.

    differentiate: f and the inputs as arrays to the value and the gradients of the sum of value × weights.
    """

    functions: Any
    operations: dict[str, Callable[..., Any]]
    differentiate: Callable[[Callable[..., Any], tuple[Any, ...], Any], Numbers]


def ours(f: Callable[..., Value], inputs: tuple[Any, ...], weights: Any) -> Numbers:
    values = [Value(each) for each in inputs]
    out = f(*values)
    return out.data, gradients((out * weights).sum(), values)


def autograd() -> Peer:
    pytest.importorskip("autograd")
    import autograd.numpy as anp
    from autograd import grad

    def differentiate(f: Callable[..., Any], inputs: tuple[Any, ...], weights: Any) -> Numbers:
        slopes = grad(lambda all_of_them: anp.sum(f(*all_of_them) * weights))(tuple(np.array(x) for x in inputs))
        return f(*inputs), list(slopes)

    def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return anp.log(anp.sum(anp.exp(x), axis=axis, keepdims=keepdims))

    def softplus(x: Any) -> Any:
        return anp.logaddexp(0.0, x)

    def sigmoid(x: Any) -> Any:
        return 1 / (1 + anp.exp(-x))

    return Peer(
        _functions(anp, sigmoid, softplus),
        _numpy_like(anp)
        | {
            "sigmoid": sigmoid,
            "softplus": softplus,
            "logsigmoid": lambda x: -softplus(-x),
            "log1p": anp.log1p,
            "expm1": anp.expm1,
            "var": anp.var,
            "norm": lambda x, axis, keepdims: anp.sqrt(anp.sum(x**2, axis=axis, keepdims=keepdims)),
            "logsumexp": logsumexp,
            "softmax": lambda x, axis: anp.exp(x - logsumexp(x, axis, keepdims=True)),
            "log_softmax": lambda x, axis: x - logsumexp(x, axis, keepdims=True),
            "concatenate": lambda *xs, axis: anp.concatenate(xs, axis),
            "stack": lambda *xs, axis: anp.stack(xs, axis),
            "squeeze": anp.squeeze,
        },
        differentiate,
    )


def mygrad() -> Peer:
    pytest.importorskip("mygrad")
    import mygrad as mg
    from mygrad.nnet.activations import logsoftmax, sigmoid, softmax

    def softplus(x: Any) -> Any:
        return mg.logaddexp(0.0, x)

    def differentiate(f: Callable[..., Any], inputs: tuple[Any, ...], weights: Any) -> Numbers:
        tensors = [mg.tensor(x, dtype=np.float64) for x in inputs]
        out = f(*tensors)
        mg.sum(out * weights).backward()
        return out.data, [
            np.zeros(np.shape(x)) if t.grad is None else t.grad for x, t in zip(inputs, tensors, strict=True)
        ]

    return Peer(
        _functions(mg, sigmoid, softplus),
        _numpy_like(mg)
        | {
            "sigmoid": sigmoid,
            "softplus": softplus,
            "logsigmoid": lambda x: -softplus(-x),
            "log1p": mg.log1p,
            "expm1": mg.expm1,
            "var": mg.var,
            "where": lambda x, y, mask: mg.where(mask, x, y),
            "broadcast_to": lambda x, shape: mg.broadcast_to(x, shape),
            "softmax": softmax,
            "log_softmax": logsoftmax,
            "concatenate": lambda *xs, axis: mg.concatenate(xs, axis),
            "stack": lambda *xs, axis: mg.stack(xs, axis),
            "squeeze": mg.squeeze,
        },
        differentiate,
    )


def pytorch() -> Peer:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional

    def differentiate(f: Callable[..., Any], inputs: tuple[Any, ...], weights: Any) -> Numbers:
        tensors = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in inputs]
        out = f(*tensors)
        (out * torch.tensor(weights)).sum().backward()
        slopes = [torch.zeros_like(each) if each.grad is None else each.grad for each in tensors]
        return out.detach().numpy(), [each.numpy() for each in slopes]

    def norm(x: Any, axis: Any, keepdims: bool) -> Any:
        return torch.linalg.vector_norm(x, dim=axis, keepdim=keepdims)

    return Peer(
        _functions(torch, torch.sigmoid, functional.softplus),
        {name: getattr(torch, name) for name in (*SHARED, "log1p", "expm1", "sign", "sigmoid")}
        | {
            "neg": torch.neg,
            "add": torch.add,
            "sub": torch.sub,
            "mul": torch.mul,
            "div": torch.div,
            "power": torch.pow,
            "power of a number": lambda x, n: torch.pow(x, n),
            "root of a number": lambda x, n: torch.pow(x, n),
            "number to a power": lambda x, c: torch.pow(c, x),
            "matmul": torch.matmul,
            "softplus": lambda x: functional.softplus(x, threshold=1e9),
            "logsigmoid": functional.logsigmoid,
            "relu": torch.relu,
            "leaky_relu": lambda x, slope: functional.leaky_relu(x, slope),
            "step": lambda x: torch.heaviside(x.detach(), torch.zeros((), dtype=x.dtype)) + 0 * x,
            "clip": torch.clip,
            "maximum": torch.maximum,
            "minimum": torch.minimum,
            "where": lambda x, y, mask: torch.where(torch.tensor(mask), x, y),
            "sum": lambda x, axis, keepdims: torch.sum(x, axis, keepdims),
            "mean": lambda x, axis, keepdims: torch.mean(x, axis, keepdims),
            "var": lambda x, axis, keepdims, ddof: torch.var(x, axis, correction=ddof, keepdim=keepdims),
            "max": lambda x, axis, keepdims: torch.amax(x, axis, keepdims),
            "min": lambda x, axis, keepdims: torch.amin(x, axis, keepdims),
            "logsumexp": lambda x, axis, keepdims: torch.logsumexp(x, axis, keepdims),
            "norm": norm,
            "softmax": torch.softmax,
            "log_softmax": torch.log_softmax,
            "reshape": torch.reshape,
            "transpose": lambda x, axes: x.permute(axes),
            "T": lambda x: x.T,
            "swapaxes": lambda x, axis: x.transpose(axis, 0),
            "squeeze": torch.squeeze,
            "expand_dims": torch.unsqueeze,
            "broadcast_to": lambda x, shape: torch.broadcast_to(x, shape),
            "concatenate": lambda *xs, axis: torch.cat(xs, axis),
            "stack": lambda *xs, axis: torch.stack(xs, axis),
            "index": lambda x, key: x[key],
        },
        differentiate,
    )


def _functions(numpy: Any, sigmoid: Callable[..., Any], softplus: Callable[..., Any]) -> Any:
    same = {name: getattr(numpy, name) for name in ("tanh", "sin", "cos", "exp", "log", "sqrt")}
    return SimpleNamespace(**same, sigmoid=sigmoid, softplus=softplus)


def _numpy_like(numpy: Any) -> dict[str, Callable[..., Any]]:
    """The rows of the table that are functions, operators or indexing in a package that is spelled like numpy."""
    return {name: getattr(numpy, name) for name in (*SHARED, "maximum", "minimum", "sum", "mean", "max", "min")} | {
        "add": lambda x, y: x + y,
        "sub": lambda x, y: x - y,
        "mul": lambda x, y: x * y,
        "div": lambda x, y: x / y,
        "neg": lambda x: -x,
        "power": lambda x, y: x**y,
        "power of a number": lambda x, n: x**n,
        "root of a number": lambda x, n: x**n,
        "number to a power": lambda x, c: c**x,
        "matmul": numpy.matmul,
        "relu": lambda x: numpy.maximum(x, 0.0),
        "leaky_relu": lambda x, slope: numpy.where(x > 0, x, slope * x),
        "clip": lambda x, min, max: numpy.clip(x, min, max),
        "reshape": lambda x, shape: numpy.reshape(x, shape),
        "transpose": lambda x, axes: numpy.transpose(x, axes),
        "T": lambda x: x.T,
        "swapaxes": lambda x, axis: numpy.swapaxes(x, axis, 0),
        "expand_dims": lambda x, axis: numpy.expand_dims(x, axis),
        "index": lambda x, key: x[key],
    }


every_peer = pytest.mark.parametrize("make", [autograd, mygrad, pytorch])


def compare(
    peer: Peer, f: Callable[..., Value], theirs: Callable[..., Any], inputs: tuple[Any, ...], name: str
) -> None:
    shape = np.shape(f(*map(Value, inputs)).data)
    weights = np.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape)
    value, slopes = ours(f, inputs, weights)
    their_value, their_slopes = peer.differentiate(theirs, inputs, weights)
    np.testing.assert_allclose(value, their_value, rtol=1e-10, atol=1e-10, err_msg=name)
    for slope, their_slope in zip(slopes, their_slopes, strict=True):
        np.testing.assert_allclose(slope, their_slope, rtol=1e-10, atol=1e-10, err_msg=name)


@every_peer
def test_the_operations_agree_with_the_peer_and_the_finite_differences(make: Callable[[], Peer]) -> None:
    peer = make()
    rows = {row.name: row for row in TABLE}
    assert set(peer.operations) <= set(rows)
    assert len(peer.operations) > 30
    for name, theirs in peer.operations.items():
        case = rows[name].sample
        f, g = (partial(_with_options, call, case.options) for call in (rows[name].call, theirs))
        gradcheck(f, *case.inputs)
        compare(peer, f, g, case.inputs, name)


def _with_options(call: Callable[..., Any], options: Mapping[str, Any], *inputs: Any) -> Any:
    return call(*inputs, **options)


@every_peer
@settings(max_examples=25)
@given(graph=graphs())
def test_random_graphs_agree_with_the_peer_and_the_finite_differences(graph: Graph, make: Callable[[], Peer]) -> None:
    peer = make()

    def f(*inputs: Value) -> Value:
        return graph(*inputs, functions=VALUE_FUNCTIONS)

    gradcheck(f, *graph.inputs)
    compare(peer, f, lambda *inputs: graph(*inputs, functions=peer.functions), graph.inputs, "graph")
