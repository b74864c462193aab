"""Inputs that nobody meant, by the hundred thousand: `python tests/bench/fuzz.py all|TARGET… [--inputs N]`.

Each target (tests/fuzzed.py) draws inputs and uses them; input n of a --seed is the same each time, and `--only n` runs
it alone, with its traceback. Anything counts as a failure but an answer or a refusal in the house's own words: another
error, more than two seconds of work twice over, more than 200 MB, a file that is no whole one or lies elsewhere, code
that is run, a process that dies. One line for each target: inputs, how many of them were refused, how many a second,
the slowest; after Ctrl-C as far as it came. Failures are printed, and their inputs kept as files in --keep. Exits with
1 if there are any. For Linux.

Inputs are drawn by grammars and by changes to valid ones: a seed repeats a run with nothing installed. atheris, which
changes bytes and is led by the lines that these reach, goes on from there: guided.py. hypothesis takes seven times as
long to draw a sheet (141 a second, where these are 1,015).
"""

import argparse
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a process without threads can be forked
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fuzzed import TARGETS, Target, half_written

from micrograd_kr.said import SaidError

SECONDS, BYTES = 2.0, 200 * 2**20  # of the processor's time, since other programs may have it meanwhile
WAIT = 30.0  # seconds of the clock
STUCK = 90.0  # seconds until a process is ended that not even an alarm reaches
ROOM = 2**30  # bytes a process may ask for beyond what it has: the machine is not to suffer
MOST = 20  # failures of a target, after which it is left
UNSEEN = {chr(i) for i in range(32)} - {"\n"}  # characters that a terminal acts on
FORK = multiprocessing.get_context("fork")
QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # a disk would be most of the time
CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
HARMFUL = ("exec", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen", "pickle.find_class",
           "socket.connect", "ctypes.dlopen", "code.__new__")  # fmt: skip


class TooLong(BaseException):
    """An input that takes more than SECONDS; no `except Exception` stops it."""


class Failure(NamedTuple):
    number: int
    what: str


class Some(NamedTuple):
    """What some inputs came to. slowest: the seconds of the slowest, and its number."""

    count: int = 0
    refused: int = 0
    slowest: tuple[float, int] = (0.0, 0)
    seconds: float = 0.0


class Tally:
    """What the inputs of a target have come to."""

    def __init__(self, name: str) -> None:
        self.name, self.some, self.failures = name, Some(), list[Failure]()

    @property
    def count(self) -> int:
        return self.some.count

    def take(self, found: Some | Failure) -> None:
        if isinstance(found, Failure):
            self.failures.append(found)
            return
        count, refused, slowest, seconds = self.some
        slowest = max(slowest, found.slowest)
        self.some = Some(count + found.count, refused + found.refused, slowest, seconds + found.seconds)

    def line(self) -> str:
        count, refused, (longest, which), seconds = self.some
        speed = f"{count / seconds:,.0f}/s" if seconds else "–"
        what = f"{self.name:12} {count:>9,} inputs  {refused:>9,} refused  {speed:>9}"
        return f"{what}  slowest {longest * 1000:,.0f} ms (input {which})  {len(self.failures)} failures"


class Watch:
    """What an audit hook sees while an input is used: code that is run, files opened or removed outside a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen, self.on = str(folder), list[str](), False
        sys.addaudithook(self)

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in HARMFUL:
            by = [f"{each.name} {Path(each.filename).name}:{each.lineno}" for each in traceback.extract_stack()[-2::-1]]
            is_late = any(each.startswith("_find_and_load ") for each in by)  # a module, with what it makes of itself
            is_ours = any(each.startswith("_bootstrap_inner ") for each in by)  # a thread that hears from a process
            if not is_late and not is_ours and not (event == "subprocess.Popen" and Path(str(given[0])).name == "dot"):
                self.seen.append(f"ran code: {event} {str(given[:2])[:200]} by {' < '.join(by[:4])}")
        elif event in CHANGES or (event == "open" and isinstance(given[0], str) and given[2] & WRITING):
            self.check(given[0])

    def check(self, path: Any) -> None:
        where = os.path.realpath(os.fspath(path))
        if not where.startswith((self.folder, "/dev/")) and not where.endswith(".pyc"):
            self.seen.append(f"wrote elsewhere: {where}")


@contextmanager
def alarmed() -> Iterator[None]:
    """A context that TooLong ends after so many seconds of the processor, or of the clock."""

    def ring(*_: Any) -> None:
        raise TooLong

    # The alarm counts ticks of the clock, and under load too many: it only ends what is far too long.
    kinds = (signal.ITIMER_PROF, signal.SIGPROF, 2 * SECONDS), (signal.ITIMER_REAL, signal.SIGALRM, WAIT)
    for timer, sign, seconds in kinds:
        signal.signal(sign, ring)
        signal.setitimer(timer, seconds)
    try:
        yield
    finally:
        for timer, _, _ in kinds:
            signal.setitimer(timer, 0)


PAGE = os.sysconf("SC_PAGESIZE")


def memory() -> tuple[int, int]:
    """The bytes of memory that this process has, and of addresses."""
    with open("/proc/self/statm", "rb", buffering=0) as file:
        addresses, resident = file.read().split()[:2]
    return int(resident) * PAGE, int(addresses) * PAGE


def peak() -> int:
    """The most memory that this process had, in bytes, since that was forgotten."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def emptied(folder: Path) -> Path:
    if os.listdir(folder):
        shutil.rmtree(folder)
        folder.mkdir()
    return folder


def used(target: Target, given: Any, folder: Path, watch: Watch) -> tuple[bool, str, float]:
    """One input used: whether it was refused, what is wrong with how (or ""), and the seconds that it took."""
    refused, wrong = False, ""
    emptied(folder)
    before, _ = memory()
    start = time.process_time()
    try:
        with alarmed(), warnings.catch_warnings():
            warnings.simplefilter("error")
            watch.on = True
            refused = bool(target.use(given, folder))
    except TooLong:
        wrong = f"more than {SECONDS:g} s"
    except target.refusals as error:
        refused, wrong = True, badly_said(error)
    except BaseException as error:
        wrong = f"{type(error).__name__}: {error}\n{traceback.format_exc()}"
    finally:
        watch.on = False
    taken = time.process_time() - start
    if taken > SECONDS:
        wrong = wrong or f"more than {SECONDS:g} s"
    if watch.seen:
        wrong = "; ".join(watch.seen)
        watch.seen.clear()
    if (more := peak() - before) > BYTES:
        wrong = wrong or f"{more / 2**20:,.0f} MB"
        forget_peak()
    for each in half_written(folder):
        wrong = wrong or f"left half a file, or a name that nobody gave: {each}"
    return refused, wrong, taken


def badly_said(error: Exception) -> str:
    """What is wrong with a refusal: it is a line of text in both languages, or it says what is expected or needed."""
    if isinstance(error, SaidError):
        said = [str(error), error.korean]
        return (
            "" if all(each and each.isprintable() for each in said) else f"a refusal that is no line of text: {said!r}"
        )
    text = str(error)
    if ("expected" in text or " needs " in text) and len(text) < 2_000 and not set(text) & UNSEEN:
        return ""
    return f"a refusal that does not say what was expected: {''.join(traceback.format_exception(error))}"


def worker(name: str, seed: str, first: int, last: int, folder: Path, at: Any, pipe: Any) -> None:
    """Inputs `first` to `last` of a target, in a process of their own: what is found goes into a pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked for them ends this process, too
    target, watch, asked_by = TARGETS[name], Watch(folder), os.getppid()
    os.chdir(folder)
    for n in range(50):  # what is loaded when it is first used, is
        at.value = -n
        used(target, target.draw(random.Random(f"warm {n}")), inside(folder), watch)
    start, addresses = memory()
    resource.setrlimit(resource.RLIMIT_AS, (addresses + ROOM,) * 2)
    forget_peak()
    some, began = Some(), time.perf_counter()
    for n in range(first, last):
        if os.getppid() != asked_by:  # which was ended
            return
        at.value = n
        given = drawn(target, name, seed, n)
        no, wrong, taken = used(target, given, inside(folder), watch)
        if wrong.startswith("more than"):  # once more: another program may have taken the time
            no, wrong, taken = used(target, given, inside(folder), watch)
        if (left := memory()[0] - start) > BYTES:
            wrong = wrong or f"{left / 2**20:,.0f} MB left behind by {n - first:,} inputs"
            start += BYTES
        some = Some(some.count + 1, some.refused + no, max(some.slowest, (taken, n)), time.perf_counter() - began)
        if wrong:
            pipe.send(Failure(n, wrong))
        if wrong or some.count == 100 or n == last - 1:
            pipe.send(some)
            some, began = Some(), time.perf_counter()


def inside(folder: Path) -> Path:
    """Where an input may write: beside it, its `..`, stands nothing."""
    place = folder / "a" / "b"
    if not place.is_dir():
        place.mkdir(parents=True)
    return place


def drawn(target: Target, name: str, seed: str, n: int) -> Any:
    return target.draw(random.Random(f"{seed} {name} {n}"))


def fuzz(tally: Tally, inputs: int, seed: str) -> None:
    """A target on so many inputs; a process that dies is replaced by one that goes on behind what it died of."""
    while tally.count < inputs and len(tally.failures) < MOST:
        with tempfile.TemporaryDirectory(prefix="fuzz-", dir=QUICK) as folder:
            at, (ours, theirs) = FORK.Value("q", 0), FORK.Pipe(duplex=False)
            given = tally.name, seed, tally.count, inputs, Path(folder).resolve(), at, theirs
            child = FORK.Process(target=worker, args=given)
            child.start()
            theirs.close()
            try:
                listen(tally, ours, at)
            finally:
                child.kill()
                child.join()
        if tally.count < inputs and len(tally.failures) < MOST:
            n = max(at.value, tally.count)
            why = f"the process was stuck or died: exit status {child.exitcode}"
            tally.take(Failure(n, why))
            tally.take(Some(n + 1 - tally.count))


def listen(tally: Tally, pipe: Any, at: Any) -> None:
    """Take what a process finds, until it ends, is stuck at an input, or has found enough."""
    before, moved = at.value, time.monotonic()
    while len(tally.failures) < MOST and time.monotonic() - moved < STUCK:
        if pipe.poll(0.5):
            try:
                tally.take(pipe.recv())
            except EOFError:
                return
        if at.value != before:
            before, moved = at.value, time.monotonic()


def keep(name: str, seed: str, failure: Failure, folder: Path) -> Path:
    """The input of a failure as a file: as it is if it is one, else as Python has it."""
    given = drawn(TARGETS[name], name, seed, failure.number)
    path = folder / f"{name}-{seed}-{failure.number}"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_bytes(given if isinstance(given, bytes) else repr(given).encode("utf-8", "backslashreplace"))
    return path


def alone(name: str, seed: str, n: int) -> int:
    """One input by its number, with its traceback."""
    target = TARGETS[name]
    given = drawn(target, name, seed, n)
    print(repr(given)[:2_000])
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=QUICK) as folder:
        place = inside(Path(folder).resolve())
        os.chdir(place)
        _, wrong, taken = used(target, given, place, Watch(Path(folder).resolve()))
        os.chdir("/")
    print(f"{taken:.3f} s  {wrong or 'nothing is wrong'}")
    return int(bool(wrong))


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Inputs that nobody meant.")
    parser.add_argument("targets", nargs="+", choices=["all", *TARGETS], metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--inputs", type=int, default=2_000, help="of each target")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--only", type=int, metavar="N", help="input N alone")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "fuzz-failures")
    given = parser.parse_args(list(words))
    names = list(TARGETS) if "all" in given.targets else given.targets
    if given.only is not None:
        return alone(names[0], given.seed, given.only)
    has_failed = False
    for tally in map(Tally, names):
        is_interrupted = False
        try:
            fuzz(tally, given.inputs, given.seed)
        except KeyboardInterrupt:  # what was seen until then is told
            is_interrupted = True
        print(tally.line(), flush=True)
        for each in tally.failures:
            path = keep(tally.name, given.seed, each, given.keep)
            print(f"  input {each.number}, kept as {path}: {each.what}", flush=True)
        has_failed |= bool(tally.failures)
        if is_interrupted:
            return 130
    return int(has_failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
