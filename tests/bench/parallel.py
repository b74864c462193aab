"""What a training step costs on N machines: a formula, its constants measured here, and what it says for many.

    python tests/bench/parallel.py         # a minute; prints what it measured, and three tables

The chapter's network (784-500-400-300-200-100-50-10, 799,060 parameters in float32, Adam), n samples in a batch:

    step = walk₀ + walk₁·n/N        forward and backward through a machine's own rows; walk₀ is what no row saves
         + alone₀ + alone₁·n        what every machine does in full: Adam; taking the batch, its loss
         + 5·⌈log₂N⌉·latency        outputs and two headers are gathered, the gradients added there and back
         + (N−1)/N·(2·4·parameters + 4·10·n)/bandwidth

The last two are Rabenseifner's Allreduce and a gathering by doubling (Thakur, Rabenseifner and Gropp, 2005). Latency
and bandwidth of the networks are textbook values and assumed, not measured: NETWORKS. So are all numbers for more than
two ranks: there were two cores. Constants of a machine are processor time.

Measured, two cores with AVX-512 that nobody else used: walk 0.5 ms + 18.7 µs a sample, alone 0.93 ms + 0.22 µs a
sample; an older machine took four times as long for each. Between two ranks of one machine: a message 0.08 ms, the
Allreduce of 3.2 MB 0.7 ms. A step of 256: alone 6.3 ms (formula 6.3), on two ranks 6.7 (5.0), PyTorch's two 11.3; the
formula knows nothing of the memory and the cache that ranks of one machine share. With 1,024 samples it is 22 ms
alone, 15 on two ranks and 14 alone with two threads: on one machine BLAS's own threads are the better tool. Times as
many samples a second as one machine, by the formula:

                       256 samples in all     8,192 in all     256 for each machine
    machines             8   100  1,000      8   100  1,000      8   100  1,000
    Ethernet 1 Gb/s    0.1   0.1    0.1    2.2   2.6    2.6    0.9   8.6     32
    Ethernet 10 Gb/s   0.9   0.8    0.8    5.7    14     16    4.3    34     83
    Ethernet 100 Gb/s  2.3   2.5    2.3    6.8    27     34    6.8    49     99
    InfiniBand 200     2.7   3.4    3.4    6.9    31     43    7.3    52    101

What that says. A batch of 256 is 6 ms of work: over 10 Gb/s and less one machine is the quickest. Large batches go well
to about 30 machines. Beyond that every machine still takes the whole batch from the data, judges the whole output and
does all of Adam, which is what makes the numbers those of one process and one line enough: a thousandfold batch is
worth 100 machines. The quicker a machine, the fewer of them a network is worth. PyTorch's DistributedDataParallel,
whose processes each see their own part of the data and which may share out the optimiser, too (ZeRO), has no such term.
Where more than some 30 machines are to be worth their price, where a GPU is at hand or the network has convolutions,
PyTorch is the tool.

An Allreduce that is begun while the walk goes on was tried: in flight during matrix products (`at once`) it took from
0.74 to 1.0 of the time of one after the other with two ranks, from 0.7 to 1.2 with four: on one machine the cores that
compute copy the bytes. In a walk it would bring less: half of the bytes are the first layer's gradient, which comes
last. At 256 samples on 8 machines it could save 0.7 of 7.1 ms over 10 Gb/s, 0.1 of 2.3 on InfiniBand. It is not done.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from measure import environment

SIZES = (784, 500, 400, 300, 200, 100, 50, 10)
PARAMETERS = sum((inputs + 1) * outputs for inputs, outputs in pairwise(SIZES))
FLOAT = 4  # bytes
LARGE = 1024  # samples


class Network(NamedTuple):
    latency: float  # seconds for a message without content
    bandwidth: float  # bytes in a second


NETWORKS = {
    "Ethernet 1 Gb/s": Network(50e-6, 0.12e9),
    "Ethernet 10 Gb/s": Network(25e-6, 1.2e9),
    "Ethernet 100 Gb/s": Network(15e-6, 12e9),
    "InfiniBand 200 Gb/s": Network(2e-6, 24e9),
}


class Machine(NamedTuple):
    """Seconds: walk₀ and walk₁, alone₀ and alone₁; the second of each for every sample."""

    walk: float
    walk_a_sample: float
    alone: float
    alone_a_sample: float


def exchanged(machines: int, batch: int, network: Network) -> float:
    """Seconds a step spends in the network."""
    sent = (machines - 1) / machines * FLOAT * (2 * PARAMETERS + SIZES[-1] * batch)
    return 5 * math.ceil(math.log2(machines)) * network.latency + sent / network.bandwidth


def step(machines: int, batch: int, machine: Machine, network: Network) -> float:
    """Seconds of a step."""
    own = machine.walk + machine.walk_a_sample * batch / machines + machine.alone + machine.alone_a_sample * batch
    return own + exchanged(machines, batch, network)


def hidden(machines: int, batch: int, machine: Machine, network: Network) -> float:
    """The most seconds that an Allreduce begun during the walk could save: all but the first layer's gradient, which is
    the last to be there; and no more than the walk back takes, two thirds.
    """
    walk = machine.walk + machine.walk_a_sample * batch / machines
    first_layer = (SIZES[0] + 1) * SIZES[1] / PARAMETERS
    return min(exchanged(machines, batch, network) * (1 - first_layer), walk * 2 / 3)


PROCESSES = "alone", "alone with two threads", "two ranks"
BATCHES: dict[str, Callable[[int], int]] = {
    "256 samples in all": lambda machines: 256,
    "8,192 samples in all": lambda machines: 8192,
    "256 samples for each machine": lambda machines: 256 * machines,
}


# --- measured here ----------------------------------------------------------------------------------------------------


def seconds(work: Callable[[], object], repeat: int, clock: Callable[[], float] = time.process_time) -> float:
    """The median of the quicker half, after a few to warm up. Processor time, which others on this machine take little
    of; between ranks the clock's.
    """
    taken = []
    for _ in range(max(2, repeat // 10) + repeat):
        start = clock()
        work()
        taken.append(clock() - start)
    return statistics.median(sorted(taken[-repeat:])[: (repeat + 1) // 2])


def of_a_machine(repeat: int) -> dict[str, Any]:
    """The constants of a machine, one thread; and a whole step of 256 samples."""
    from micrograd_kr.engine import Value

    model, loss, optimizer, x, y = network()
    batches = (64, 128, 256, 512, 1024)

    def walked(n: int) -> float:
        seed = np.ones((n, SIZES[-1]), np.float32)
        return seconds(lambda: model(x[:n]).backward(seed), repeat)

    def looked_at(n: int) -> float:
        order, output = np.arange(n), Value(np.zeros((n, SIZES[-1]), np.float32))
        return seconds(lambda: (np.take(x, order, axis=0), loss(output, y[:n]).backward()), repeat)

    walk_a_sample, walk = np.polyfit(batches, [walked(n) for n in batches], 1)
    alone_a_sample, begun = np.polyfit(batches, [looked_at(n) for n in batches], 1)
    alone = max(begun, 0.0) + seconds(optimizer.step, repeat)
    machine = Machine(walk, walk_a_sample, alone, alone_a_sample)
    return {"machine": machine, "step": whole(repeat, time.process_time), **of_threads(repeat)}


def of_threads(repeat: int) -> dict[str, float]:
    """A step of a large batch, with as many threads as there are."""
    return {"large": whole(repeat, time.perf_counter, LARGE)}


def network() -> tuple[Any, ...]:
    """Model, loss, optimiser, samples and labels."""
    from tensors import drawn
    from training import ours, pictured

    from micrograd_kr.nn import CrossEntropyLoss, LeakyReLU
    from micrograd_kr.optim import Adam
    from micrograd_kr.parallel import parallel

    model = parallel(ours(list(SIZES), drawn(list(SIZES), "float32"), LeakyReLU))
    ((x, y),) = pictured(1024, SIZES[0], 1024)
    return model, CrossEntropyLoss(), Adam(model.parameters()), x, y


def whole(repeat: int, clock: Callable[[], float], batch: int = 256) -> float:
    """Seconds of a step, the loop that a person writes."""
    model, loss, optimizer, x, y = network()
    order = np.arange(batch)

    def one() -> None:
        optimizer.zero_grad()
        loss(model(np.take(x, order, axis=0)), y[:batch]).backward()
        optimizer.step()

    return seconds(one, repeat, clock)


def of_ranks(repeat: int) -> dict[str, Any]:
    """What ranks on this machine need: for a message, for each byte of an Allreduce, for a step; and what it brings to
    compute while the Allreduce is on its way.
    """
    from mpi4py import MPI

    from micrograd_kr.parallel import ranks

    together = ranks()
    comm, flat, left = together.comm, np.ones(PARAMETERS, np.float32), np.ones((256, 500), np.float32)
    few, all_of_them = np.ones(5), np.ones((together.size, 5))
    pieces = [np.ones((500, 500), np.float32)] * 8  # work as a walk has it, between whose products MPI may go on

    def both(at_once: bool) -> None:
        request = comm.Iallreduce(MPI.IN_PLACE, flat)
        if not at_once:
            together.wait(request)
        for each in pieces:
            _ = left @ each
            request.Test()
        together.wait(request)

    def taken(work: Callable[[], object], times: int = repeat) -> float:
        return seconds(work, times, time.perf_counter)

    latency = taken(lambda: together.wait(comm.Iallgather(few, all_of_them)), 10 * repeat)
    added = taken(lambda: together.wait(comm.Iallreduce(MPI.IN_PLACE, flat)))
    in_turn, at_once = taken(lambda: both(False)), taken(lambda: both(True))
    times = {"latency": latency, "added": added, "in turn": in_turn, "at once": at_once}
    return {**times, "step": whole(repeat, time.perf_counter), **of_threads(repeat)}


def of_pytorch(repeat: int) -> dict[str, Any]:
    """A step of 256 with PyTorch's DistributedDataParallel over gloo, on as many processes."""
    import torch
    from tensors import drawn
    from training import pictured, pytorch

    rank, size = (int(os.environ[name]) for name in ("PMI_RANK", "PMI_SIZE"))
    torch.distributed.init_process_group("gloo", f"file://{os.environ['MEETING']}", rank=rank, world_size=size)
    model = pytorch(list(SIZES), drawn(list(SIZES), "float32"), torch.nn.LeakyReLU)
    model, loss = torch.nn.parallel.DistributedDataParallel(model), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    ((x, y),) = pictured(256, SIZES[0], 256)
    rows = slice(256 * rank // size, 256 * (rank + 1) // size)
    x, y = torch.from_numpy(x[rows]), torch.from_numpy(y[rows])

    def one() -> None:
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()

    step = seconds(one, repeat, time.perf_counter)
    torch.distributed.destroy_process_group()
    return {"step": step}


def measured(case: str, ranks: int, repeat: int, threads: int = 1) -> dict[str, Any]:
    """What a function finds in processes of their own, with so many threads each."""
    mpiexec = [Path(sys.executable).with_name("mpiexec"), "-n", str(ranks)] if ranks > 1 else []
    command = [*mpiexec, sys.executable, __file__, case, str(repeat)]
    with tempfile.TemporaryDirectory() as folder:
        told = environment(threads) | {"MEETING": str(Path(folder, "meeting"))}
        done = subprocess.run(command, env=told, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{case} on {ranks} ranks failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


# --- printed ----------------------------------------------------------------------------------------------------------


def milli(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"


def main(repeat: int = 60) -> None:
    from rich.console import Console

    alone, two, four = measured("of_a_machine", 1, repeat), *(measured("of_ranks", n, repeat) for n in (2, 4))
    machine, here = Machine(*alone["machine"]), Network(two["latency"], FLOAT * PARAMETERS / two["added"])
    walk, walk_a_sample, own, own_a_sample = machine
    print(f"walk {milli(walk)} + {walk_a_sample * 1e6:.1f} µs a sample, one thread, processor time")
    print(f"alone {milli(own)} + {own_a_sample * 1e6:.2f} µs a sample")
    for n, found in ((2, two), (4, four)):
        told = {name: milli(each) for name, each in found.items()}
        print(f"{n} ranks: a message {told['latency']}, Allreduce of {FLOAT * PARAMETERS:,} bytes {told['added']};")
        print(f"  then 8 products {told['in turn']}, at once with them {told['at once']}")
    for n, found in ((1, alone), (2, two), (4, four)):
        print(f"a step of 256 on {n}: {milli(found['step'])}, by the formula {milli(step(n, 256, machine, here))}")
    threads = measured("of_threads", 1, repeat, 2)
    large = ", ".join(
        f"{name} {milli(each['large'])}" for name, each in zip(PROCESSES, (alone, threads, two), strict=True)
    )
    print(f"a step of {LARGE:,}: {large}")
    if find_spec("torch"):
        peer = measured("of_pytorch", 2, repeat)["step"]
        print(f"the same on 2 by PyTorch's DistributedDataParallel over gloo: {milli(peer)}")
    for name, each in NETWORKS.items():
        saved, whole_step = hidden(8, 256, machine, each), step(8, 256, machine, each)
        print(f"an Allreduce begun in the walk saves at most {milli(saved)} of {milli(whole_step)}: 8 machines, {name}")
    for title, batch in BATCHES.items():
        Console().print(predicted(title, batch, machine))


def predicted(title: str, batch: Callable[[int], int], machine: Machine) -> Any:
    """A table of steps on many machines, whose batch is so large."""
    from rich.table import Table

    table = Table(title=f"{title}: ms a step, and how many times the samples a second of one machine", box=None)
    for name in ("machines", *NETWORKS):
        table.add_column(name, justify="right")
    for n in (8, 32, 100, 1000):
        steps = [step(n, batch(n), machine, each) for each in NETWORKS.values()]
        one = step(1, batch(1), machine, Network(0, math.inf)) / batch(1)
        table.add_row(f"{n:,}", *(f"{each * 1e3:.1f}  ×{one * batch(n) / each:.1f}" for each in steps))
    return table


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    if len(sys.argv) > 2:
        answer = json.dumps(globals()[sys.argv[1]](int(sys.argv[2])))
        if os.environ.get("PMI_RANK", "0") == "0":
            print(answer)
    else:
        main(*map(int, sys.argv[1:]))
