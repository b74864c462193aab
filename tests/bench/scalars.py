"""Training steps on scalars, the same program on micrograd and on ours: `engine` is the name of the package, or
"program" for what `compile` makes of ours.
"""

import random
from importlib import import_module
from typing import Any

import numpy as np
from measure import Step


def expression(value: Any, data: list[float], picks: list[tuple[int, int]]) -> tuple[Any, list[Any]]:
    """relu(a·b + a) of leaves picked at random, summed in pairs: shallow, since micrograd's backward recurses."""
    leaves = [value(each) for each in data]
    terms = []
    for i, j in picks:
        a = leaves[i]
        terms.append((a * leaves[j] + a).relu())
    while len(terms) > 1:
        pairs = zip(terms[::2], terms[1::2], strict=False)
        terms = [left + right for left, right in pairs] + terms[len(terms) & ~1 :]
    return terms[0], leaves


def drawn(nodes: int) -> tuple[list[float], list[tuple[int, int]]]:
    """A hundred leaves, and the picks that make an expression of so many nodes: four to each."""
    draw = random.Random(0)
    return [draw.uniform(-1, 1) for _ in range(100)], [
        (draw.randrange(100), draw.randrange(100)) for _ in range(nodes // 4)
    ]


def graph(engine: str, nodes: int) -> Step:
    """Forward and backward of one expression."""
    value = import_module(f"{engine}.engine").Value
    data, picks = drawn(nodes)

    def step() -> float:
        root, leaves = expression(value, data, picks)
        root.backward()
        return float(root.data + sum(leaf.grad for leaf in leaves))

    return step


def moons(points: int) -> tuple[list[list[float]], list[int]]:
    """Two half circles that reach into each other, classes −1 and 1."""
    draw = np.random.default_rng(1337)
    angle = np.pi * draw.random(points)
    lower = np.arange(points) % 2
    x = np.where(lower, 1 - np.cos(angle), np.cos(angle))
    y = np.where(lower, 0.5 - np.sin(angle), np.sin(angle))
    return (np.stack([x, y], 1) + 0.1 * draw.normal(size=(points, 2))).tolist(), (2 * lower - 1).tolist()


def moons_net(engine: str, points: int = 100, hidden: int = 16) -> Step:
    """micrograd's demonstration: 2-16-16-1, hinge loss and weight decay over all points, one step of descent."""
    value, mlp = import_module(f"{engine}.engine").Value, import_module(f"{engine}.nn").MLP
    random.seed(1337)
    model = mlp(2, [hidden, hidden, 1])
    rows, labels = moons(points)

    def step() -> float:
        scores = [model([value(x), value(y)]) for x, y in rows]
        losses = [(1 - label * score).relu() for label, score in zip(labels, scores, strict=True)]
        loss = sum(losses) * (1.0 / points) + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.5 * p.grad
        return float(loss.data)

    return step


def one_point(engine: str, inputs: str = "numbers") -> Step:
    """2-4-1 on one point, squared error: what a step costs when hardly anything is computed.

    inputs: the point as "numbers", which need no gradient, or as "Values".
    """
    value, mlp = import_module(f"{engine}.engine").Value, import_module(f"{engine}.nn").MLP
    random.seed(2)
    model = mlp(2, [4, 1])

    def step() -> float:
        point = [0.5, -0.3] if inputs == "numbers" else [value(0.5), value(-0.3)]
        loss = (model(point) - 0.7) ** 2
        model.zero_grad()
        loss.backward()
        for p in model.parameters():
            p.data -= 0.01 * p.grad
        return float(loss.data)

    return step


def one_sample(engine: str, hidden: int = 16) -> Step:
    """2-16-16-1 on one sample, squared error, forward and backward, as the engine records it or as a "program"."""
    package = "micrograd_kr" if engine == "program" else engine
    value, mlp = import_module(f"{package}.engine").Value, import_module(f"{package}.nn").MLP
    random.seed(3)
    model = mlp(2, [hidden, hidden, 1])
    sample = [0.5, -0.3]
    parameters = model.parameters()

    def loss(x: list[Any]) -> Any:
        return (model(x) - 0.7) ** 2

    if engine == "program":
        inputs = [value(each) for each in sample]
        compiled = import_module(package).compile(loss(inputs), inputs)

    def step() -> float:
        for each in parameters:
            each.grad = 0.0
        if engine == "program":
            out = compiled(*sample)
        else:
            found = loss([value(each) for each in sample])
            found.backward()
            out = found.data
        return float(out + parameters[0].grad + parameters[-1].grad)

    return step


def chapter(engine: str, samples: int = 10_000) -> Step:
    """The chapter's 2-2-2 net on many samples at once: its program, written for one, or PyTorch eager on the batch."""
    draw = np.random.default_rng(0)
    batch, weights = draw.random((4, samples)), draw.random(8).tolist()
    return {"program": chapter_program, "pytorch": chapter_pytorch}[engine](batch, weights)


def chapter_program(batch: Any, weights: list[float]) -> Step:
    from micrograd_kr import Value, compile

    w, inputs = [Value(each) for each in weights], [Value(0.5) for _ in batch]
    x1, x2, t1, t2 = inputs
    h1, h2 = (w[0] * x1 + w[1] * x2).sigmoid(), (w[2] * x1 + w[3] * x2).sigmoid()
    o1, o2 = (w[4] * h1 + w[5] * h2).sigmoid(), (w[6] * h1 + w[7] * h2).sigmoid()
    compiled = compile(0.5 * (t1 - o1) ** 2 + 0.5 * (t2 - o2) ** 2, inputs)

    def step() -> float:
        for each in w:
            each.zero_grad()
        return float(compiled(*batch).sum() + sum(each.grad for each in w))

    return step


def chapter_pytorch(batch: Any, weights: list[float]) -> Step:
    import torch

    w = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in weights]
    x1, x2, t1, t2 = map(torch.tensor, batch)

    def step() -> float:
        for each in w:
            each.grad = None
        h1, h2 = torch.sigmoid(w[0] * x1 + w[1] * x2), torch.sigmoid(w[2] * x1 + w[3] * x2)
        o1, o2 = torch.sigmoid(w[4] * h1 + w[5] * h2), torch.sigmoid(w[6] * h1 + w[7] * h2)
        loss = (0.5 * (t1 - o1) ** 2 + 0.5 * (t2 - o2) ** 2).sum()
        loss.backward()
        return float(loss.item() + sum(each.grad.item() for each in w))

    return step


def chain(engine: str, nodes: int) -> Step:
    """A graph as deep as it is large."""
    value = import_module(f"{engine}.engine").Value

    def step() -> float:
        x = y = value(1e-3)
        for _ in range(nodes // 2):
            y = (y + x) * 0.5
        y.backward()
        return float(x.grad)

    return step


def doublings(engine: str, times: int = 28) -> Step:
    """y = y + y: as many paths to the leaf as 2 to the power of `times`; each node is to be visited once."""
    value = import_module(f"{engine}.engine").Value

    def step() -> float:
        x = y = value(1.0)
        for _ in range(times):
            y = y + y
        y.backward()
        return float(x.grad)

    return step
