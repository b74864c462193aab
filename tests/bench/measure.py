"""Measures in fresh processes, ours and a peer's in turn, so that what slows one slows the other.

A benchmark is a function `(engine, …)` that prepares its data and returns one training step, a function without
arguments that returns a number. Both sides compute the same numbers; `tests/bench/test_bench.py` holds them to it.
"""

import gc
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Step = Callable[[], float]

# Libraries read these when they are loaded.
# A core type or cache size set by hand would show numpy other than as installed.
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SET_BY_HAND = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE")


def in_turn(engines: Sequence[str], rounds: int, call: Callable[[str], list[float]]) -> dict[str, list[float]]:
    """What call(engine) measured, over several rounds, the engines one after the other in each."""
    found: dict[str, list[float]] = {engine: [] for engine in engines}
    for _ in range(rounds):
        for engine in engines:
            found[engine] += call(engine)
    return found


def fresh(module: str, function: str, *args: Any, threads: int = 1, **options: Any) -> Any:
    """What a function of this folder returns in a process of its own, through JSON."""
    command = [sys.executable, __file__, json.dumps([module, function, args, options])]
    done = subprocess.run(command, env=environment(threads), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{module}.{function}{args} failed in a process of its own:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def environment(threads: int = 1) -> dict[str, str]:
    """This process's environment, with so many threads for matrix products."""
    kept = {name: value for name, value in os.environ.items() if name not in SET_BY_HAND}
    return kept | dict.fromkeys(THREADS, str(threads))


def seconds(
    module: str, function: str, engine: str, collector: str, repeat: int, block: int = 1, **options: Any
) -> list[float]:
    """The time of a step, `repeat` times, after a few to warm up.

    It is processor time where one thread works: what the clock shows, less what other programs took. With more threads
    it is the clock's.

    block: of so many steps each time is the mean. Where steps are far shorter than the time between two collections,
        single ones would show either none or all of a collection's cost.
    collector: of cyclic garbage. "on": as a training loop meets it, with what the steps before left behind;
        "collected": on, but each step starts after a collection that is not timed; "off": off, with a collection that
        is not timed between.
    """
    step: Step = getattr(importlib.import_module(module), function)(engine, **options)
    warm_up = max(1, repeat // 10)
    clock = time.process_time if os.environ.get(THREADS[0]) == "1" else time.perf_counter
    taken = []
    for _ in range(warm_up + repeat):
        if collector != "on":
            gc.collect()
        if collector == "off":
            gc.disable()
        start = clock()
        for _ in range(block):
            step()
        taken.append((clock() - start) / block)
        gc.enable()
    return taken[warm_up:]


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    named, called, given, chosen = json.loads(sys.argv[1])
    print(json.dumps(getattr(importlib.import_module(named), called)(*given, **chosen)))
