"""What a graph holds in memory, and what training leaves behind."""

import gc
import os
import tracemalloc
from importlib import import_module
from pathlib import Path

from scalars import drawn, expression


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


def growth(module: str, function: str, steps: int = 1000, **options: int) -> list[float]:
    """With the collector off: bytes the process grows by over so many steps, and objects only a collection frees."""
    step = getattr(import_module(module), function)("micrograd_kr", **options)
    gc.collect()
    gc.disable()
    try:
        for _ in range(max(1, steps // 5)):
            step()
        before = resident()
        for _ in range(steps):
            step()
        return [float(resident() - before), float(gc.collect())]
    finally:
        gc.enable()
