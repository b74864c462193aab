"""Benchmarks, each beside its peer: `python tests/bench [WORD …]` prints one table.

With words: of the lines that have one of them. Both sides compute the same numbers, on float64 scalars or float32
tensors, in fresh processes that take turns. An entry is the median of all their steps, the ratio that of the medians
(in brackets: of the quickest steps). The verdict compares the ratio of medians with what it may be at most, and with
the goal. Python's collector of cyclic garbage is as the line says: "on" is how a training loop meets it, "collected"
after a collection before each step, "off" without it. numpy and PyTorch have one thread unless the line says two.

Nothing else should run meanwhile; all of it takes some eight minutes. Exits with 1 where a bar is missed. Peers
(micrograd, torch, mygrad, autograd) that are not installed are left out, and the table says so; microgpt is a file that
MICROGRAD_KR_MICROGPT names.
"""

import importlib.util
import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import measure
import microgpt
import numpy as np
import startup
from memory import TRAININGS
from rich.console import Console
from rich.table import Table

PACKAGES = {"pytorch": "torch", "pytorch fused": "torch"}


class Line(NamedTuple):
    """One line of the table, before it is measured: a peer's name, and what measures either side."""

    what: str
    peer: str
    call: Callable[[str], list[float]]
    at_most: float | None = None
    goal: float | None = None
    rounds: int = 5
    ours: str = "micrograd_kr"
    unit: str = "s"


def steps(
    module: str, function: str, collector: str, repeat: int, threads: int = 1, **options: Any
) -> Callable[[str], list[float]]:
    return lambda engine: measure.fresh(
        "measure", "seconds", module, function, engine, collector, repeat, threads=threads, **options
    )


def chain(collector: str) -> Callable[[str], list[float]]:
    """Seconds for each node; two sizes stand where two engines do."""

    def call(size: str) -> list[float]:
        nodes = int(size.split()[0].replace(",", ""))
        repeat = max(2, 1_000_000 // nodes)
        times = measure.fresh("measure", "seconds", "scalars", "chain", "micrograd_kr", collector, repeat, nodes=nodes)
        return [each / nodes for each in times]

    return call


def memory(resident_set: bool) -> Callable[[str], list[float]]:
    return lambda engine: measure.fresh("memory", "per_node", engine, 50_000, resident_set)


def scalar_lines() -> Iterator[Line]:
    for collector, at_most, goal in (("on", 0.12, 0.07), ("collected", None, None), ("off", None, None)):
        call = steps("scalars", "graph", collector, 6, nodes=50_000)
        yield Line(
            f"scalar graph, 50,000 nodes, forward + backward, collector {collector}", "micrograd", call, at_most, goal
        )
    for collector, at_most, goal in (("on", 0.12, 0.08), ("collected", None, None), ("off", None, None)):
        call = steps("scalars", "moons_net", collector, 4)
        yield Line(
            f"scalar net 2-16-16-1, 100 points, one step, collector {collector}", "micrograd", call, at_most, goal
        )
    for collector, at_most, goal in (("on", 0.6, 0.4), ("off", None, None)):
        what = f"scalar net 2-4-1, one point, one step, collector {collector}"
        yield Line(what, "micrograd", steps("scalars", "one_point", collector, 60, block=50), at_most, goal, 10)
    call = steps("scalars", "one_point", "on", 60, block=50, inputs="Values")
    yield Line("scalar net 2-4-1, inputs that get gradients, too, collector on", "micrograd", call, rounds=10)


def program_lines() -> Iterator[Line]:
    call = steps("scalars", "one_sample", "on", 60, block=10)
    for peer, at_most, goal in (("micrograd_kr", 0.12, 0.09), ("micrograd", 0.02, None)):
        what = f"program of a scalar net 2-16-16-1, forward + backward, collector on, and {peer}"
        yield Line(what, peer, call, at_most, goal, ours="program")
    for threads in (1, 2):
        call = steps("scalars", "chapter", "on", 100, threads)
        what = f"program of the chapter's 2-2-2 net, 10,000 samples, forward + backward, threads {threads}"
        yield Line(what, "pytorch", call, 1.0, ours="program")


def microgpt_lines() -> Iterator[Line]:
    call = steps("microgpt", "training", "on", 1, steps=10)
    yield Line("microgpt's own listing, 10 steps, collector on", "microgpt", call, 0.6, 0.5)
    call = steps("microgpt", "one_step", "on", 40)  # Python itself warms to a program's lines in the first ten
    yield Line("microgpt's own listing, one step, recorded, collector on", "microgpt", call, 0.5, rounds=3)
    what = "program of microgpt's own listing, one step, collector on"
    yield Line(what, "microgpt", call, 0.15, rounds=3, ours="program")


def tensor_lines() -> Iterator[Line]:
    for dtype, threads, at_most, goal in (
        ("float32", 1, 0.5, 0.33),
        ("float32", 2, None, None),
        ("float64", 1, None, None),
    ):
        call = steps("tensors", "xor", "on", 60, threads, block=20, dtype=dtype)
        yield Line(
            f"XOR net 2-10-10-10-1, one step, {dtype}, threads {threads}, collector on", "pytorch", call, at_most, goal
        )
    what = "784-100-10, batch 100, one step"
    for layout in ("out, in", "in, out"):
        call = steps("tensors", "digits", "on", 200, layout=layout)
        yield Line(f"{what}, weights ({layout}), threads 1, collector on", "numpy", call, 1.35, 1.15)
    call = steps("tensors", "digits", "on", 200, pictures=100)
    yield Line(f"{what}, no data set in memory, threads 1, collector on", "numpy", call)
    for peer, threads in (("numpy", 2), ("pytorch", 1), ("pytorch", 2), ("mygrad", 1), ("autograd", 1)):
        yield Line(f"{what}, threads {threads}, collector on", peer, steps("tensors", "digits", "on", 200, threads))


def training_lines() -> Iterator[Line]:
    what = "784-500-400-300-200-100-50-10, batch 256, Adam, one step"
    bars = (
        ("pytorch", 2, 0.95, 0.8),
        ("pytorch fused", 2, 1.1, 1.0),
        ("numpy", 2, 1.28, 1.2),
        ("pytorch", 1, 0.9, None),
    )
    for peer, threads, at_most, goal in bars:
        label = f"{what}, threads {threads}" + (" (the matrix products alone)" if peer == "numpy" else "")
        yield Line(label, peer, steps("training", "chapter", "on", 150, threads), at_most, goal)
    yield Line(f"{what}: peak memory over the imports'", "pytorch", memory_of_training, 1.0, rounds=3, unit="B")
    for threads in (1, 2):
        call = steps("training", "small", "on", 300, threads)
        yield Line(f"784-128-10, batch 128, SGD, one step, threads {threads}", "pytorch", call, 0.9)
        call = steps("training", "xor_run", "on", 1, threads)
        yield Line(f"XOR net, BCELoss, SGD, 10001 steps, threads {threads}", "pytorch", call, 0.42, 0.33)


def memory_of_training(engine: str) -> list[float]:
    found: list[float] = measure.fresh("training", "peak", engine)
    return found


def other_lines() -> Iterator[Line]:
    for collector, at_most in (("off", 1.5), ("on", 2.0)):
        what = f"time per node of a chain, forward + backward, collector {collector}"
        yield Line(what, "10,000 nodes", chain(collector), at_most, ours="1,000,000 nodes")
    for measured, at_most, goal in (("allocated", 0.4, 0.2), ("resident", None, None)):
        call = memory(measured == "resident")
        yield Line(
            f"memory {measured} for each scalar node held, after backward",
            "micrograd",
            call,
            at_most,
            goal,
            3,
            unit="B",
        )
    yield Line("import micrograd_kr", "numpy", startup.import_seconds, 1.25, rounds=25)


class Limit(NamedTuple):
    """One line that has no peer: what was measured, and the most it may be."""

    what: str
    call: Callable[[], list[float]]
    at_most: float
    unit: str


def growth(module: str, function: str, entry: int) -> Callable[[], list[float]]:
    return lambda: [measure.fresh("memory", "growth", module, function)[entry]]


def limits() -> Iterator[Limit]:
    doublings = steps("scalars", "doublings", "on", 1000)
    yield Limit(
        "28 doublings y = y + y, forward + backward, collector on", lambda: doublings("micrograd_kr"), 1e-3, "s"
    )
    for module, function in (*TRAININGS, ("tensors", "digits")):
        # 256 kB is 256 bytes a step: less than one node that stays behind would take.
        what = f"1,000 steps of {module}.{function}, collector off"
        yield Limit(f"{what}: the process grew by", growth(module, function, 0), 256 * 1024, "B")
        yield Limit(f"{what}: objects left to collect", growth(module, function, 1), 0, "")


def shown(number: float, unit: str) -> str:
    if unit == "s":
        scale, prefix = next((each for each in ((1, ""), (1e3, "m"), (1e6, "µ")) if number * each[0] >= 1), (1e9, "n"))
        return f"{number * scale:.3g} {prefix}s"
    return f"{number:,.0f} {unit}".strip()


def verdict(ratio: float, at_most: float | None, goal: float | None) -> str:
    if at_most is None:
        return ""
    if ratio > at_most:
        return "MISSED"
    return "met" if goal is None or ratio > goal else "goal met"


def compared(line: Line) -> tuple[str, ...]:
    found = measure.in_turn([line.ours, line.peer], line.rounds, line.call)
    ours, peer = found[line.ours], found[line.peer]
    ratio = statistics.median(ours) / statistics.median(peer)
    return (
        line.what,
        shown(statistics.median(ours), line.unit),
        f"{line.peer} {shown(statistics.median(peer), line.unit)}",
        f"{ratio:.3f} ({min(ours) / min(peer):.3f})",
        "" if line.at_most is None else f"{line.at_most:g}",
        "" if line.goal is None else f"{line.goal:g}",
        verdict(ratio, line.at_most, line.goal),
    )


def limited(limit: Limit) -> tuple[str, ...]:
    found = statistics.median(limit.call())
    return (
        limit.what,
        shown(found, limit.unit),
        "",
        "",
        shown(limit.at_most, limit.unit),
        "",
        verdict(found, limit.at_most, None),
    )


def installed(peer: str) -> bool:
    if peer == "microgpt":
        return bool(microgpt.LISTING)
    return peer.endswith("nodes") or importlib.util.find_spec(PACKAGES.get(peer, peer)) is not None


def main(words: list[str]) -> int:
    console = Console()
    table = Table(title=f"Python {sys.version.split()[0]}, numpy {np.__version__}, {sys.platform}")
    for name in ("what", "ours", "peer", "ratio (of minima)", "at most", "goal", "verdict"):
        table.add_column(name, overflow="fold")
    rows: list[Line | Limit] = [
        *scalar_lines(),
        *program_lines(),
        *microgpt_lines(),
        *tensor_lines(),
        *training_lines(),
        *other_lines(),
        *limits(),
    ]
    missed = 0
    for each in rows:
        if words and not any(word in each.what for word in words):
            continue
        if isinstance(each, Line) and not installed(each.peer):
            table.add_row(each.what, "", f"{each.peer} is not installed")
            continue
        row = compared(each) if isinstance(each, Line) else limited(each)
        table.add_row(*row)
        missed += row[-1] == "MISSED"
        console.print(*row, sep=" | ", style="dim", highlight=False, soft_wrap=True)
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
