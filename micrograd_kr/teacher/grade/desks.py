"""Papers judged side by side: a process for each processor, which one paper may cost and the others not.

Whoever takes too long over a paper, or dies over it, is replaced, and the paper says so.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from queue import SimpleQueue
from threading import Timer

from micrograd_kr.said import say
from micrograd_kr.teacher.grade.paper import Paper, judged, unusable

Judge = Callable[[Path, str], Paper]
PATIENCE = 60.0  # seconds for a paper; the slowest in the tests take a tenth of it


def all_judged(
    files: Sequence[tuple[Path, str]], patience: float = PATIENCE, judge: Judge = judged
) -> Iterator[tuple[int, Paper]]:
    """The papers of files, each with what it is called, as they get ready, with their places."""
    count = max(1, min(_processors(), len(files)))
    free: SimpleQueue[ProcessPoolExecutor] = SimpleQueue()
    for _ in range(count):
        free.put(_desk())
    threads = ThreadPoolExecutor(count)
    try:
        places = {threads.submit(_at_a_desk, free, patience, judge, *each): place for place, each in enumerate(files)}
        for done in as_completed(places):
            yield places[done], done.result()
    finally:
        threads.shutdown(cancel_futures=True)
        for _ in range(count):
            free.get().shutdown()


def _processors() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _desk() -> ProcessPoolExecutor:
    """One process. It starts afresh everywhere, and leaves Ctrl-C to the one who asked."""
    quiet = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=quiet)


def _at_a_desk(free: SimpleQueue[ProcessPoolExecutor], patience: float, judge: Judge, path: Path, file: str) -> Paper:
    desk, start = free.get(), time.monotonic()
    try:
        return desk.submit(_in_time, patience, judge, path, file).result()
    except BrokenProcessPool:
        desk = _desk()
        why = say("{name}: the check came to a sudden end; try micrograd-kr check with it alone", name=path.name)
        if time.monotonic() - start >= patience:
            gaps = {"name": path.name, "seconds": patience}
            why = say("{name}: the check took more than {seconds:g} s; is it meant to be so large?", **gaps)
    except Exception as error:  # a mistake of ours costs the one paper, too
        why = say("{name}: the check failed, which is not the file's fault: {error}", name=path.name, error=repr(error))
    finally:
        free.put(desk)
    return unusable(file, why)


def _in_time(patience: float, judge: Judge, path: Path, file: str) -> Paper:
    """A paper; a process that has not got it in time ends, whatever it is at."""
    bell = Timer(patience, os._exit, [1])
    bell.daemon = True
    bell.start()
    try:
        return judge(path, file)
    finally:
        bell.cancel()
