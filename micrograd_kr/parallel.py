"""Training over several processes or machines by MPI: one line of a program more, and the numbers of one process.

    model = parallel(model)  # then: mpiexec -n 4 python program.py

Every process, a rank, runs the whole program, with the whole batch in sight. Where the model is called, each rank
computes its own rows of the batch on a graph of its own, and the outputs are gathered: the loss, the accuracy and what
is decided by them are those of the whole batch, on every rank. `backward` hands each rank the rows of the gradient that
are its own; it walks back through its graph, and one Allreduce adds up what all of them found, in one flat buffer. So a
gradient is that of the whole batch, whatever the loss, its reduction, a penalty or the length of the last batch, and
every rank takes the same step. Nothing else in a program changes: neither its optimiser, nor its loader, nor `fit`.

Without mpiexec all of this does nothing and needs nothing. With it: pip install "micrograd-kr[mpi]".
"""

import atexit
import os
import pickle
import signal
import sys
import time
import traceback
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, NamedTuple, NoReturn, TypeVar

import numpy as np

from micrograd_kr import files, seeds
from micrograd_kr.engine import Value, gradients, inputs_first, no_grad, watched
from micrograd_kr.nn import Module
from micrograd_kr.ops import Rule
from micrograd_kr.said import SaidError, say

M = TypeVar("M", bound=Module)
T = TypeVar("T")

SIZES = "PMI_SIZE", "OMPI_COMM_WORLD_SIZE"  # set by the mpiexec of MPICH and Intel, and by Open MPI's
THREADS = "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"
EAGER = 1e-3  # seconds of asking without a rest whether the others are there; after that it leaves them the core
REST = 2e-4
LARGE = 2**25 - 2**13  # bytes, just below the most that glibc's malloc may be brought to keep
HEAD = 16  # numbers of a parameter that are compared between ranks
TOLD = 0.3  # seconds for mpiexec to hand on what was printed: of what has ended it prints no more
FORWARD, BACKWARD, FIRST, END = range(4)  # where ranks meet


class ParallelError(SaidError):
    """Ranks that do not do the same: which, in what they differ, and what to do."""


def parallel(model: M, timeout: float = 600) -> M:
    """The same model, which from here on computes each batch in parts, one on each rank; alone, the model as it is.

    Its weights and random generators become those of rank 0. From the first such model on rank 0 alone prints and
    writes checkpoints, an exception on one rank ends all, and so does a rank that is waited for longer than `timeout`
    seconds. Every rank has to call the model alike, with the whole batch; one that is called on rank 0 alone says so.
    What a program writes by itself, a picture, say, it writes `if ranks().rank == 0`.

    The model's inputs and its output have one row for each sample, and a sample's output depends on no other sample:
    the first batch that is trained on is computed in two ways to see that. Batch normalisation is refused.
    """
    if not isinstance(model, Module):
        raise TypeError(f"expected a Module to compute in parts, got {type(model).__name__}: derive it from nn.Module")
    together = ranks()
    if together.size > 1:
        together.timeout = timeout
        states, weights = together.agreed((_states(model), model.state_dict()))
        model.load_state_dict(weights)
        for each, state in zip(model.generators(), states, strict=True):
            each.bit_generator.state = state
        vars(model)["forward"] = _InParts(model, together)  # a Module calls its `forward`
    return model


class Ranks:
    """The processes that run one program together. rank: which of them this one is, from 0; size: how many they are."""

    def __init__(self, comm: Any = None) -> None:
        self.comm, self.rank, self.size = comm, comm.rank if comm else 0, comm.size if comm else 1
        self.timeout, self.interrupted, self.pressed = 600.0, False, 0.0

    def __reduce__(self) -> Any:  # a copy of a model is on the same ranks
        return ranks, ()

    def first(self, work: Callable[[], T]) -> T:
        """What `work` gives on rank 0, which alone does it, on every rank; or the exception that it raised there."""
        if self.size == 1:
            return work()
        self.meet(FIRST)
        packed = b""
        if self.rank == 0:
            try:
                packed = pickle.dumps((work(), None))
            except Exception as error:
                packed = pickle.dumps((None, error))
        length = np.array([len(packed)])
        self.wait(self.comm.Ibcast(length))
        buffer = bytearray(packed or int(length[0]))
        self.wait(self.comm.Ibcast(buffer))
        done: tuple[T, Exception | None] = pickle.loads(buffer)
        if done[1] is not None:
            raise done[1]
        return done[0]

    def agreed(self, own: T) -> T:
        """What rank 0 has, on every rank."""
        return self.first(lambda: own)

    def meet(self, place: int, **facts: int) -> None:
        """Wait until all ranks are here, and see that it is the same place with the same facts.

        Raises KeyboardInterrupt on all of them where one was interrupted, ParallelError where they differ.
        """
        own = np.array([self.interrupted, place, *facts.values(), 0, 0, 0][:5], np.int64)
        table = np.empty((self.size, len(own)), np.int64)
        self.wait(self.comm.Iallgather(own, table), forever=place == END)
        if table[:, 0].any():
            self.interrupted, self.pressed = False, time.monotonic()
            raise KeyboardInterrupt
        other = np.flatnonzero((table != own).any(axis=1))
        if len(other):
            differ = table[other[0]] != own
            name = ["end" if END in table[:, 1] else "place", *facts][int(differ[1:].argmax())]
            first, second = sorted((self.rank, int(other[0])))
            what = DIFFERENCES[name]
            raise ParallelError("ranks {first} and {second}: {what}", first=first, second=second, what=what)

    def add(self, numbers: np.ndarray) -> None:
        """What all ranks have in such an array, added up, in its place."""
        from mpi4py import MPI

        self.meet(BACKWARD)
        self.wait(self.comm.Iallreduce(MPI.IN_PLACE, numbers))

    def wait(self, request: Any, forever: bool = False) -> None:
        """Until what was begun is done; a rank that waits leaves its core to others, of which one may be waited for."""
        start = time.perf_counter()
        while not request.Test():
            waited = time.perf_counter() - start
            if waited > self.timeout and not forever:
                gaps = {"seconds": waited}
                said = say("waited {seconds:.0f} s for the others; every rank has to call a model alike", **gaps)
                self.abort(str(said), said.in_("ko"))
            time.sleep(0 if waited < EAGER else REST)

    def abort(self, *lines: str) -> NoReturn:
        """End all ranks, with a message. Where all have the same to say rank 0 is the one that says it."""
        if self.rank:
            time.sleep(1)
        head = say("rank {rank} of {size}", rank=self.rank, size=self.size)
        print("\n".join(["", f"{head} · {head.in_('ko')}:", *lines]), file=sys.__stderr__, flush=True)
        time.sleep(TOLD)
        self.comm.Abort(1)
        os._exit(1)

    def failed(self, kind: type[BaseException], error: BaseException, trace: Any) -> NoReturn:
        """What Python does with an exception that nobody catches."""
        korean = [error.korean] if isinstance(error, SaidError) else []
        self.abort("".join(traceback.format_exception(kind, error, trace)), *korean)

    def interrupt(self, number: int, frame: Any) -> None:
        """Ctrl-C reaches every rank at another place and moment: it is kept until they meet, unless pressed again."""
        if (now := time.monotonic()) - self.pressed > 1:
            if self.interrupted:
                raise KeyboardInterrupt
            self.interrupted, self.pressed = True, now

    def end(self) -> None:
        """This rank's program is over."""
        with suppress(ParallelError, KeyboardInterrupt):
            self.meet(END)


# What ranks may differ in.
DIFFERENCES = {
    "place": say("they are at different places of the program; every rank has to call a model alike"),
    "end": say("one has ended its program, the other goes on; every rank has to call a model alike"),
    "batch": say(
        "their batches differ; give a seed to all that splits and shuffles, or call micrograd_kr.manual_seed(0) first"
    ),
    "weights": say(
        "their weights differ; what changes or chooses them, as a state_dict that is loaded, must do so on every rank"
    ),
    "shape": say("their outputs are of other forms; what is computed may not depend on the numbers of a sample"),
}


@cache
def ranks() -> Ranks:
    """The processes that mpiexec started for this program; the first call connects them.

    From then on rank 0 alone prints, and writes what the package writes; an exception on one rank ends all. Without
    mpiexec there is one rank, and MPI is not loaded. Raises ImportError where mpi4py is missing.
    """
    launched = max(int(os.environ.get(name, "1")) for name in SIZES)
    if launched == 1 and "PMIX_RANK" not in os.environ and "mpi4py.MPI" not in sys.modules:
        return Ranks()
    try:
        from mpi4py import MPI
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        needs = f"{launched} ranks need mpi4py and threadpoolctl"
        raise ImportError(f'{needs}: pip install "micrograd-kr[mpi]"') from error
    together = Ranks(MPI.COMM_WORLD)
    if together.size == 1:
        if launched > 1:
            beside = os.path.join(os.path.dirname(sys.executable), "mpiexec")
            got = f"one: mpiexec is another MPI's than mpi4py, which is {MPI.Get_library_version().split(',')[0]!r}"
            raise ImportError(f"expected {launched} ranks, got {got}; start it with {beside}")
        return Ranks()
    if together.rank:
        sys.stdout = sys.stderr = silent = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (until the end)
        atexit.register(silent.close)
        files.writing = False
    sys.excepthook = together.failed
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, together.interrupt)
    atexit.register(together.end)
    np.empty(LARGE, np.uint8)  # freed at once: from now on glibc keeps what is smaller, and MPI's own copy of gradients
    if not any(map(os.environ.get, THREADS)):  # the cores of a machine are shared by the ranks on it
        neighbours = MPI.COMM_WORLD.Split_type(MPI.COMM_TYPE_SHARED).size
        threadpool_limits(max(1, (os.cpu_count() or 1) // neighbours), "blas")
    return together


def ranks_of(model: Any) -> Ranks:
    """The ranks that a model is computed on."""
    found: Ranks = getattr(getattr(model, "forward", None), "ranks", None) or Ranks()
    return found


class _InParts:
    """The forward of a model whose batches are computed in parts."""

    def __init__(self, model: Module, together: Ranks) -> None:
        self.model, self.ranks, self.checked = model, together, False

    def whole(self, *batch: Any) -> Any:
        """As the model itself computes."""
        return type(self.model).forward(self.model, *batch)

    def __call__(self, *batch: Any) -> Any:
        # Inside of a model that is computed in parts; or watched by `anomaly()`, so that every rank finds the fault.
        if seeds.in_part() or watched():
            return self.whole(*batch)
        # A Value that comes in is where the graph of these rows begins: what it was computed from is not cut in parts.
        begins = {Value(each.data): each for each in batch if isinstance(each, Value)}
        stand_in = {each: new for new, each in begins.items()}
        batch = tuple(stand_in[each] if isinstance(each, Value) else np.asarray(each) for each in batch)
        lengths = {each.shape[:1] for each in batch}
        if len(lengths) != 1 or lengths <= {(), (0,)}:
            got = " and ".join(str(each.shape) for each in batch) or "nothing"
            raise ValueError(f"expected inputs with one row for each sample to compute in parts, got {got}")
        ((n,),) = lengths
        if self.model.training and not self.checked and n > 1:
            self.check(batch, n)
            self.checked = True
        start, stop = (n * each // self.ranks.size for each in (self.ranks.rank, self.ranks.rank + 1))
        # One that has no row computes the first all the same: it draws what the others draw, and has their graph.
        out = self.part(batch, start, stop, n) if start < stop else self.part(batch, 0, 1, n)
        numbers = out.data if isinstance(out, Value) else np.asarray(out)
        recorded = isinstance(out, Value) and out.rule is not None
        graph = list(inputs_first(out)) if isinstance(out, Value) else []
        if any(each.rule is in_parts for each in graph):
            raise ValueError(
                "expected a model to get the output of another by its input, got one that came another way"
            )
        leaves = [each for each in graph if each.rule is None]
        self.ranks.meet(
            FORWARD,
            batch=zlib.crc32(b"".join(_ends(each) for each in batch), n),
            weights=zlib.crc32(b"".join(map(_head, leaves))) if recorded else 0,
            shape=zlib.crc32(f"{numbers.dtype} {numbers.shape[1:]} {recorded}".encode()),
        )
        whole = np.empty((n, *numbers.shape[1:]), numbers.dtype)
        own = np.ascontiguousarray(numbers[: stop - start])
        bounds = n * np.arange(self.ranks.size + 1) // self.ranks.size
        self.ranks.wait(self.ranks.comm.Iallgatherv(own, [whole, np.diff(bounds) * (whole.size // n)]))
        if not isinstance(out, Value):
            return whole
        return in_parts(
            tuple([begins.get(each, each) for each in leaves]),
            _Part(out, leaves, whole, slice(start, stop), self.ranks),
        )

    def part(self, batch: tuple[Any, ...], start: int, stop: int, n: int) -> Any:
        """The model's output for these rows of a batch of n."""
        with seeds.part(start, stop, n):
            out = self.whole(*(each[start:stop] for each in batch))
        if not isinstance(out, Value | np.ndarray) or out.shape[:1] != (stop - start,):
            got = str(out.shape) if isinstance(out, Value | np.ndarray) else type(out).__name__
            raise ValueError(
                f"expected a model to compute in parts to give a row for each of {stop - start} samples, got {got}"
            )
        return out

    def check(self, batch: tuple[Any, ...], n: int) -> None:
        """Raise ValueError where a sample's output is another beside fewer samples."""

        def computed(start: int, stop: int) -> Any:
            with _untouched(self.model), no_grad():
                out = self.part(batch, start, stop, n)
            return out.data if isinstance(out, Value) else out

        whole, parts = computed(0, n), np.concatenate([computed(0, n // 2), computed(n // 2, n)])
        near = np.sqrt(np.finfo(whole.dtype).eps) * np.abs(whole).max(initial=0)
        if np.isfinite(whole).all() and not (np.abs(whole - parts) <= near).all():
            got = f"{self.model!r}, for which the same samples in two parts give other numbers than in one"
            remedy = "batch normalisation is not computed in parts; a layer that draws takes micrograd_kr.seeds.uniform"
            raise ValueError(f"expected a model that computes each sample for itself, got {got}: {remedy}")


@contextmanager
def _untouched(model: Module) -> Iterator[None]:
    """Afterwards the model is as it was: what it draws from, and what its modules hold."""
    held = [(module, dict(vars(module))) for module in model.modules()]
    states = _states(model)
    try:
        yield
    finally:
        for module, before in held:
            vars(module).clear()
            vars(module).update(before)
        for each, state in zip(model.generators(), states, strict=True):
            each.bit_generator.state = state


def _states(model: Module) -> list[Any]:
    return [each.bit_generator.state for each in model.generators()]


def _ends(array: Any) -> bytes:
    """The first and the last sample: of two orders or two draws hardly any has the same."""
    numbers = array.data if isinstance(array, Value) else array
    return numbers[:1].tobytes() + numbers[-1:].tobytes()  # type: ignore[no-any-return]


def _head(leaf: Value) -> bytes:
    return str(leaf.shape).encode() + np.asarray(np.atleast_1d(leaf.data).flat[:HEAD]).tobytes()


class _Part(NamedTuple):
    """What one rank has of a batch: the graph of its rows and what it begins with, and the output of all rows."""

    out: Value
    leaves: list[Value]
    whole: np.ndarray
    rows: slice
    ranks: Ranks

    def back(self, g: Any) -> list[Any]:
        """The gradient of each leaf for the whole batch, from that of the whole output."""
        if isinstance(g, Value):
            raise TypeError("gradients of gradients are not computed over several ranks: start the program alone")
        own = np.zeros(self.out.shape, self.out.dtype)
        own[: self.rows.stop - self.rows.start] = g[self.rows]
        found = gradients((self.out * own).sum(), self.leaves)
        flat = np.concatenate([np.ravel(each) for each in found])
        self.ranks.add(flat)
        cuts = np.split(flat, np.cumsum([np.size(each) for each in found])[:-1])
        return [cut.reshape(np.shape(each)) for cut, each in zip(cuts, found, strict=True)]


# The output of a whole batch, from the parameters that are used for it.
in_parts = Rule("in parts", lambda leaves, part: part.whole, dx=lambda g, out, leaves, part: part.back(g))
