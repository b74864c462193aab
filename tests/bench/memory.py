"""What a graph holds in memory, and what training leaves behind.

`python tests/bench/memory.py [STEPS]` trains for so many steps, by default 100,000, in each of the ways of TRAININGS,
with the collector off: one line for each, and 1 as exit status if a process grew by more than LEFT, or an object is
left that only a collection frees.
"""

import gc
import os
import sys
import time
import tracemalloc
from importlib import import_module
from pathlib import Path
from typing import Any

from measure import fresh
from scalars import drawn, expression

TRAININGS = (("scalars", "one_point"), ("tensors", "xor"), ("training", "xor"), ("memory", "fitted"))
LEFT = 2**20  # bytes: of 100,000 steps ten each, where a number takes 24


def resident() -> int:
    """The memory of this process that is in use now, in bytes (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


def per_node(engine: str, nodes: int, resident_set: bool = False) -> list[float]:
    """Bytes for each node of a graph held after its backward pass: as Python allocated, or as the process grew."""
    value = import_module(f"{engine}.engine").Value
    expression(value, *drawn(1000))[0].backward()
    data, picks = drawn(nodes)
    gc.collect()
    if resident_set:
        before = resident()
        root, _ = expression(value, data, picks)
        root.backward()
        gc.collect()
        return [(resident() - before) / nodes]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    root, _ = expression(value, data, picks)
    root.backward()
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return [held / nodes]


def fitted(engine: str) -> Any:
    """A step of `fit`, with dropout, a schedule, augmentation and validation: an epoch is a hundred of them."""
    import numpy as np

    from micrograd_kr import nn, optim, train

    draw = np.random.default_rng(0)
    x = draw.normal(size=(400, 3)).astype(np.float32)
    layers = nn.Linear(3, 8, seed=draw), nn.Tanh(), nn.Dropout(0.2, seed=draw), nn.Linear(8, 2, seed=draw)
    model, classes = nn.Sequential(*layers), (x.sum(axis=1) > 0).astype(int)
    optimizer = optim.Adam(model.parameters())
    schedule = optim.ExponentialLR(optimizer, 0.999)
    calls = 0

    def step() -> float:
        nonlocal calls
        calls += 1
        if calls % 100:
            return 0.0
        options = {"epochs": 1, "batch_size": 4, "schedule": schedule, "seed": draw, "verbose": False}
        known = (x, classes), (x[:40], classes[:40])
        return train.fit(
            model, nn.CrossEntropyLoss(), optimizer, *known, augment=lambda b, _: b + 0, **options
        ).best_loss

    return step


def growth(module: str, function: str, steps: int = 1000, **options: int) -> list[float]:
    """With the collector off: bytes the process grows by over so many steps, and objects only a collection frees."""
    step = getattr(import_module(module), function)("micrograd_kr", **options)
    gc.collect()
    gc.disable()
    try:
        for _ in range(max(1, steps // 5)):
            step()
        gc.collect()  # what a first step leaves once, of modules that it loads
        before = resident()
        for _ in range(steps):
            step()
        return [float(resident() - before), float(gc.collect())]
    finally:
        gc.enable()


def main(steps: int) -> int:
    is_missed = False
    for module, function in TRAININGS:
        start = time.perf_counter()
        grown, left = fresh("memory", "growth", module, function, steps)
        is_missed |= grown > LEFT or left > 0
        took = time.perf_counter() - start
        print(f"{module}.{function}: {steps:,} steps grew by {grown:,.0f} B, left {left:,.0f} objects, {took:.0f} s")
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
