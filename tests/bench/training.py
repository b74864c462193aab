"""Training with modules, losses and optimisers, as a person writes it with each library."""

from collections.abc import Callable
from importlib import import_module
from itertools import cycle, pairwise
from resource import RUSAGE_SELF, getrusage
from typing import Any

import numpy as np
from measure import Step
from tensors import drawn

CHAPTER = (784, 500, 400, 300, 200, 100, 50, 10)
XOR = (2, 10, 10, 10, 1)


# --- the chapter's network for digits, LeakyReLU, cross-entropy, Adam -------------------------------------------------


def chapter(
    engine: str, sizes: list[int] | tuple[int, ...] = CHAPTER, batch: int = 256, pictures: int = 10_240
) -> Step:
    """One batch of random pictures: forward, backward, Adam's update."""
    of: dict[str, Callable[..., Step]] = {
        "micrograd_kr": chapter_ours,
        "pytorch": chapter_pytorch,
        "pytorch fused": lambda *given: chapter_pytorch(*given, fused=True),
        "numpy": products,
    }
    return of[engine](pictured(pictures, sizes[0], batch), list(sizes), drawn(list(sizes), "float32"))


def pictured(pictures: int, pixels: int, batch: int) -> list[tuple[Any, Any]]:
    """Batches of random pictures and labels, of a data set in memory."""
    draw = np.random.default_rng(1)
    x = draw.integers(0, 256, (pictures, pixels), np.uint8).astype(np.float32) / np.float32(255)
    labels = draw.integers(0, 10, pictures)
    return [(x[start : start + batch], labels[start : start + batch]) for start in range(0, pictures, batch)]


def chapter_ours(batches: list[tuple[Any, Any]], sizes: list[int], weights: list[Any]) -> Step:
    from micrograd_kr.nn import CrossEntropyLoss, LeakyReLU
    from micrograd_kr.optim import Adam

    model = ours(sizes, weights, LeakyReLU)
    return trained(model, CrossEntropyLoss(), Adam(model.parameters()), batches)


def chapter_pytorch(batches: list[tuple[Any, Any]], sizes: list[int], weights: list[Any], **options: Any) -> Step:
    from torch.nn import CrossEntropyLoss, LeakyReLU
    from torch.optim import Adam

    model = pytorch(sizes, weights, LeakyReLU)
    return trained(model, CrossEntropyLoss(), Adam(model.parameters(), **options), tensors(batches))


def products(batches: list[tuple[Any, Any]], sizes: list[int], weights: list[Any]) -> Step:
    """Only the matrix products of a step, in numpy: what no engine built on it can go below."""
    hidden = [np.ones((len(batches[0][0]), size), np.float32) for size in sizes]

    def step() -> float:
        for w, h in zip(weights[::2], hidden, strict=False):
            _ = h @ w.T
        for i, w in enumerate(weights[::2]):
            _ = hidden[i + 1].T @ hidden[i]
            if i:
                _ = hidden[i + 1] @ w
        return 0.0

    return step


# --- 784-128-10, relu, SGD --------------------------------------------------------------------------------------------


def small(
    engine: str, sizes: list[int] | tuple[int, ...] = (784, 128, 10), batch: int = 128, pictures: int = 10_240
) -> Step:
    """One batch of random pictures: forward, backward, an update by SGD."""
    given = pictured(pictures, sizes[0], batch), list(sizes), drawn(list(sizes), "float32")
    return {"micrograd_kr": small_ours, "pytorch": small_pytorch}[engine](*given)


def small_ours(batches: list[tuple[Any, Any]], sizes: list[int], weights: list[Any]) -> Step:
    from micrograd_kr.nn import CrossEntropyLoss, ReLU
    from micrograd_kr.optim import SGD

    model = ours(sizes, weights, ReLU)
    return trained(model, CrossEntropyLoss(), SGD(model.parameters(), lr=0.1), batches)


def small_pytorch(batches: list[tuple[Any, Any]], sizes: list[int], weights: list[Any]) -> Step:
    from torch.nn import CrossEntropyLoss, ReLU
    from torch.optim import SGD

    model = pytorch(sizes, weights, ReLU)
    return trained(model, CrossEntropyLoss(), SGD(model.parameters(), lr=0.1), tensors(batches))


# --- XOR, 2-10-10-10-1, sigmoid, binary cross-entropy, SGD ------------------------------------------------------------


def xor(engine: str, sizes: list[int] | tuple[int, ...] = XOR) -> Step:
    """All four points: forward, backward, an update by SGD."""
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    t = np.array([[0], [1], [1], [0]], np.float32)
    given = [(x, t)], list(sizes), drawn(list(sizes), "float32")
    return {"micrograd_kr": xor_ours, "pytorch": xor_pytorch}[engine](*given)


def xor_ours(batches: list[tuple[Any, Any]], sizes: list[int], weights: list[Any]) -> Step:
    from micrograd_kr.nn import BCELoss, Sequential, Sigmoid
    from micrograd_kr.optim import SGD

    model = Sequential(*ours(sizes, weights, Sigmoid), Sigmoid())
    return trained(model, BCELoss(), SGD(model.parameters(), lr=1), batches)


def xor_pytorch(batches: list[tuple[Any, Any]], sizes: list[int], weights: list[Any]) -> Step:
    from torch.nn import BCELoss, Sequential, Sigmoid
    from torch.optim import SGD

    model = Sequential(*pytorch(sizes, weights, Sigmoid), Sigmoid())
    return trained(model, BCELoss(), SGD(model.parameters(), lr=1), tensors(batches))


def xor_run(engine: str, steps: int = 10_001) -> Step:
    """The whole run: so many steps."""

    def run() -> float:
        step = xor(engine)
        for _ in range(steps):
            loss = step()
        return loss

    return run


# --- what they share --------------------------------------------------------------------------------------------------


def ours(sizes: list[int], weights: list[Any], activation: Any) -> Any:
    from micrograd_kr.nn import Linear, Sequential

    model = Sequential(*between([Linear(*each) for each in pairwise(sizes)], activation))
    model.load_state_dict(dict(zip(model.state_dict(), weights, strict=True)))
    return model


def pytorch(sizes: list[int], weights: list[Any], activation: Any) -> Any:
    import torch

    model = torch.nn.Sequential(*between([torch.nn.Linear(*each) for each in pairwise(sizes)], activation))
    model.load_state_dict({name: torch.tensor(w) for name, w in zip(model.state_dict(), weights, strict=True)})
    return model


def between(layers: list[Any], activation: Any) -> list[Any]:
    """The layers, with an activation after each but the last."""
    return [each for layer in layers for each in (layer, activation())][:-1]


def tensors(batches: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    import torch

    return [(torch.from_numpy(x), torch.from_numpy(y)) for x, y in batches]


def trained(model: Any, loss: Any, optimizer: Any, batches: list[tuple[Any, Any]]) -> Step:
    """The loop that every program has, the same lines for each library."""
    turn = cycle(batches)

    def step() -> float:
        x, y = next(turn)
        optimizer.zero_grad()
        cost = loss(model(x), y)
        cost.backward()
        optimizer.step()
        return float(cost.item())

    return step


# --- memory -----------------------------------------------------------------------------------------------------------


def peak(engine: str, steps: int = 20, **options: Any) -> list[float]:
    """Bytes by which steps of the chapter's network raise the process's peak over that of its imports (Linux)."""
    for module in {"micrograd_kr": ("micrograd_kr.nn", "micrograd_kr.optim")}.get(engine, ("torch", "torch._dynamo")):
        import_module(module)
    before = getrusage(RUSAGE_SELF).ru_maxrss
    step = chapter(engine, pictures=1024, **options)
    for _ in range(steps):
        step()
    return [(getrusage(RUSAGE_SELF).ru_maxrss - before) * 1024.0]
