"""Training steps on tensors: each network as one would write it with each library, the quickest way it offers."""

from collections.abc import Callable
from itertools import cycle, pairwise
from typing import Any, NamedTuple

import numpy as np
from measure import Step

Arrays = list[Any]


def drawn(sizes: list[int], dtype: str) -> Arrays:
    """W, b, W, b, … of a network, W as (out, in)."""
    draw = np.random.default_rng(0)
    shapes = [shape for inputs, outputs in pairwise(sizes) for shape in ((outputs, inputs), (outputs,))]
    return [draw.uniform(-1, 1, shape).astype(dtype) / np.sqrt(shape[-1]).astype(dtype) for shape in shapes]


# --- XOR, 2-10-10-10-1, sigmoid, binary cross-entropy, an update by hand ----------------------------------------------


def xor(engine: str, hidden: int = 10, dtype: str = "float32") -> Step:
    """All four points, forward, backward and update."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype)
    t = np.array([[0], [1], [1], [0]], dtype)
    weights = [np.ascontiguousarray(each.T) for each in drawn([2, hidden, hidden, hidden, 1], dtype)]
    return {"micrograd_kr": xor_ours, "pytorch": xor_pytorch}[engine](x, t, weights)


def xor_ours(x: Any, t: Any, weights: Arrays) -> Step:
    from micrograd_kr.engine import Value
    from micrograd_kr.nn.layers import bce, linear

    parameters = [Value(each.T.copy()) for each in weights]

    def step() -> float:
        p: Any = x
        for w, b in zip(parameters[::2], parameters[1::2], strict=True):
            p = linear((p, w, b), p is not x).sigmoid()
        loss = bce(p, t).mean()
        loss.backward()
        for each in parameters:
            each.data -= 0.5 * each.grad
            each.zero_grad()
        return float(loss.data)

    return step


def xor_pytorch(x: Any, t: Any, weights: Arrays) -> Step:
    import torch

    x, t = torch.tensor(x), torch.tensor(t)
    parameters = [torch.tensor(each, requires_grad=True) for each in weights]

    def step() -> float:
        p = x
        for w, b in zip(parameters[::2], parameters[1::2], strict=True):
            p = torch.sigmoid(torch.addmm(b, p, w))
        loss = torch.nn.functional.binary_cross_entropy(p, t)
        loss.backward()
        with torch.no_grad():
            for each in parameters:
                each -= 0.5 * each.grad
                each.grad = None
        return float(loss.item())

    return step


# --- digits, 784-100-10, relu, cross-entropy, SGD ---------------------------------------------------------------------


class Batch(NamedTuple):
    """x: (n, 784) float32. labels: (n,). share: (n, 10), 1/n at the label, so that a sum over it is a mean."""

    x: Any
    labels: Any
    share: Any


def digits(engine: str, pictures: int = 10_000, batch: int = 100, hidden: int = 100, layout: str = "out, in") -> Step:
    """One batch of 28×28 pictures (random: time does not depend on what they show), forward, backward and update.

    pictures: of the data set in memory, as bytes and then as floats, the way a program that reads one has it. Its
        size is not idle: once an array of many MB has been freed, glibc's malloc keeps what it is given back, where
        it otherwise returns some hundred kB to the system at each step and fetches them again, page by page.
    layout: of our weights, "out, in" as PyTorch has them, or "in, out".
    """
    draw = np.random.default_rng(1)
    x = draw.integers(0, 256, (pictures, 784), np.uint8).astype(np.float32) / np.float32(255)
    labels = draw.integers(0, 10, pictures)
    share = np.eye(10, dtype=np.float32)[labels] / np.float32(batch)
    starts = range(0, pictures, batch)
    batches = [Batch(*(each[start : start + batch] for each in (x, labels, share))) for start in starts]
    of: dict[str, Callable[..., Step]] = {
        "micrograd_kr": {"out, in": digits_ours, "in, out": digits_ours_in_out}[layout],
        "numpy": digits_numpy,
        "pytorch": digits_pytorch,
        "mygrad": digits_mygrad,
        "autograd": digits_autograd,
    }
    return of[engine](batches, drawn([784, hidden, 10], "float32"))


def digits_ours(batches: list[Batch], weights: Arrays) -> Step:
    from micrograd_kr.engine import Value
    from micrograd_kr.nn.layers import linear

    parameters = w1, b1, w2, b2 = [Value(each) for each in weights]
    turn = cycle(batches)

    def step() -> float:
        x, _, share = next(turn)
        logits = linear((linear((x, w1, b1), False).relu(), w2, b2), True)
        loss = -(share * logits.log_softmax()).sum()
        loss.backward()
        for each in parameters:
            each.data -= 0.1 * each.grad
            each.zero_grad()
        return float(loss.data)

    return step


def digits_ours_in_out(batches: list[Batch], weights: Arrays) -> Step:
    from micrograd_kr.engine import Value

    parameters = w1, b1, w2, b2 = [Value(np.ascontiguousarray(each.T)) for each in weights]
    turn = cycle(batches)

    def step() -> float:
        x, _, share = next(turn)
        logits = (x @ w1 + b1).relu() @ w2 + b2
        loss = -(share * logits.log_softmax()).sum()
        loss.backward()
        for each in parameters:
            each.data -= 0.1 * each.grad
            each.zero_grad()
        return float(loss.data)

    return step


def digits_numpy(batches: list[Batch], weights: Arrays) -> Step:
    """By hand: what a person who knows the derivatives writes, in place where nothing is lost."""
    w1, b1, w2, b2 = weights
    turn = cycle(batches)

    def step() -> float:
        x, labels, share = next(turn)
        h = x @ w1.T
        h += b1
        np.maximum(h, 0, out=h)
        logits = h @ w2.T
        logits += b2
        logits -= logits.max(1, keepdims=True)
        e = np.exp(logits)
        sums = e.sum(1, keepdims=True)
        loss = (np.log(sums[:, 0]) - logits[np.arange(len(x)), labels]).mean()
        g = e / sums
        g /= len(x)
        g -= share
        g_h = g @ w2
        g_h *= h > 0
        for parameter, gradient in ((w1, g_h.T @ x), (b1, g_h.sum(0)), (w2, g.T @ h), (b2, g.sum(0))):
            gradient *= 0.1
            parameter -= gradient
        return float(loss)

    return step


def digits_pytorch(batches: list[Batch], weights: Arrays) -> Step:
    import torch
    from torch.nn.functional import cross_entropy, linear

    parameters = w1, b1, w2, b2 = [torch.tensor(each, requires_grad=True) for each in weights]
    optimiser = torch.optim.SGD(parameters, lr=0.1)
    turn = cycle([(torch.from_numpy(x), torch.from_numpy(labels)) for x, labels, _ in batches])

    def step() -> float:
        x, labels = next(turn)
        loss = cross_entropy(linear(torch.relu(linear(x, w1, b1)), w2, b2), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        return float(loss.item())

    return step


def digits_mygrad(batches: list[Batch], weights: Arrays) -> Step:
    import mygrad
    from mygrad.nnet import losses
    from mygrad.nnet.activations import relu

    parameters = w1, b1, w2, b2 = [mygrad.Tensor(each, copy=False) for each in weights]
    turn = cycle(batches)

    def step() -> float:
        x, labels, _ = next(turn)
        loss = losses.softmax_crossentropy(relu(x @ w1.T + b1) @ w2.T + b2, labels)
        loss.backward()
        for each in parameters:
            each.data -= 0.1 * each.grad
        return float(loss)

    return step


def digits_autograd(batches: list[Batch], weights: Arrays) -> Step:
    import autograd
    import autograd.numpy as anp

    turn = cycle(batches)

    def loss_of(parameters: Arrays, x: Any, share: Any) -> Any:
        w1, b1, w2, b2 = parameters
        logits = anp.dot(anp.maximum(anp.dot(x, w1.T) + b1, 0), w2.T) + b2
        shifted = logits - anp.max(logits, axis=1, keepdims=True)
        return -anp.sum(share * (shifted - anp.log(anp.sum(anp.exp(shifted), axis=1, keepdims=True))))

    loss_and_gradient = autograd.value_and_grad(loss_of)

    def step() -> float:
        x, _, share = next(turn)
        loss, gradient = loss_and_gradient(weights, x, share)
        for parameter, g in zip(weights, gradient, strict=True):
            parameter -= 0.1 * g
        return float(loss)

    return step
