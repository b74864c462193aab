"""The benchmarks compute what they say: each engine the same numbers, step by step. Nothing is timed here."""

import gc
import importlib
import math
import os
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCH = Path(__file__).parent

Benchmark = Callable[..., Callable[[], float]]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Any]:
    """A function of the benchmarks, by its module and name."""
    monkeypatch.syspath_prepend(str(BENCH))
    return lambda module, name: getattr(importlib.import_module(module), name)


def steps(benchmark: Benchmark, engine: str, options: dict[str, Any]) -> list[float]:
    step = benchmark(engine, **options)
    return [step() for _ in range(4)]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("graph", {"nodes": 400}),
        ("moons_net", {"points": 6, "hidden": 3}),
        ("one_point", {}),
        ("one_sample", {"hidden": 3}),
        ("chain", {"nodes": 100}),
        ("doublings", {"times": 9}),
    ],
)
def test_scalar_steps_are_micrograds_own(bench: Any, name: str, options: dict[str, Any]) -> None:
    pytest.importorskip("micrograd")
    benchmark = bench("scalars", name)
    assert steps(benchmark, "micrograd_kr", options) == pytest.approx(steps(benchmark, "micrograd", options), rel=1e-12)


def test_a_program_takes_the_steps_of_what_it_was_written_from(bench: Any) -> None:
    benchmark = bench("scalars", "one_sample")
    ours, program = (steps(benchmark, engine, {"hidden": 3}) for engine in ("micrograd_kr", "program"))
    assert program == pytest.approx(ours, rel=1e-13)


def test_the_chapters_program_on_a_batch_takes_pytorchs_steps(bench: Any) -> None:
    pytest.importorskip("torch")
    benchmark = bench("scalars", "chapter")
    program, theirs = (steps(benchmark, engine, {"samples": 7}) for engine in ("program", "pytorch"))
    assert program == pytest.approx(theirs, rel=1e-12)


# As long as a listing of microgpt need be: its own Value, the names it reads, a loop that trains, and what comes after.
LISTING = """
import random
random.seed(42)
from pathlib import Path
docs = Path("input.txt").read_text().split()
class Value:
    def __init__(self, data):
        self.data, self.grad = data, 0
    def __mul__(self, other):
        made = Value(self.data * other.data)
        made.inputs = self, other
        return made
    def backward(self):
        x, y = self.inputs
        x.grad += y.data
        y.grad += x.data
w = Value(random.gauss(0, 1))
num_steps = 1000
for step in range(num_steps):
    loss = w * Value(float(len(docs[step])))
    loss.backward()
    w.data -= 0.01 * w.grad
    w.grad = 0
raise SystemExit("what comes after the training is not run")
"""


def test_microgpts_listing_trains_alike_with_its_value_and_with_ours(
    bench: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    (tmp_path / "microgpt.py").write_text(LISTING, "utf-8")
    training = bench("microgpt", "training")
    monkeypatch.setattr("microgpt.LISTING", str(tmp_path / "microgpt.py"))
    own, ours, less = (training(*each)() for each in (("microgpt", 5), ("micrograd_kr", 5), ("microgpt", 4)))
    assert own == ours != less


# The same with a model: what `one_step` asks of a listing.
MODEL = """
import random
from pathlib import Path
random.seed(42)
docs = Path("input.txt").read_text().split()
uchars = sorted(set("".join(docs)))
BOS, vocab_size, n_layer = len(uchars), len(uchars) + 1, 1
class Value:
    pass
matrix = lambda: [[Value(random.gauss(0, 0.3)) for _ in range(3)] for _ in range(vocab_size)]
state_dict = {"wte": matrix(), "head": matrix()}
params = [p for matrix in state_dict.values() for row in matrix for p in row]
def softmax(logits):
    exps = [each.exp() for each in logits]
    return [each / sum(exps) for each in exps]
def gpt(token_id, pos_id, keys, values):
    keys[0].append(state_dict["wte"][token_id])
    x = [sum(each) for each in zip(*keys[0])]
    return [sum(w * each for w, each in zip(row, x)) for row in state_dict["head"]]
num_steps = 1000
for step in range(num_steps):
    tokens = [BOS] + [uchars.index(ch) for ch in docs[step]] + [BOS]
    n = len(tokens) - 1
    keys, values = [[] for _ in range(n_layer)], [[] for _ in range(n_layer)]
    losses = []
    for pos_id in range(n):
        losses.append(-softmax(gpt(tokens[pos_id], pos_id, keys, values))[tokens[pos_id + 1]].log())
    loss = (1 / n) * sum(losses)
    loss.backward()
    for p in params:
        p.data -= 0.5 * p.grad
        p.grad = 0
"""


def test_a_listings_model_as_a_program_takes_its_steps(bench: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "model.py").write_text(MODEL, "utf-8")
    one_step = bench("microgpt", "one_step")
    monkeypatch.setattr("microgpt.LISTING", str(tmp_path / "model.py"))
    ours, program = (steps(one_step, engine, {"letters": 2}) for engine in ("micrograd_kr", "program"))
    assert program == pytest.approx(ours, rel=1e-12)
    assert len(set(ours)) == len(ours)


def test_a_listing_without_a_training_is_refused(bench: Any) -> None:
    with pytest.raises(ValueError, match="none"):
        bench("microgpt", "trained")("num_steps = 3", "microgpt", 1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_xor_steps_are_pytorchs(bench: Any, dtype: str) -> None:
    pytest.importorskip("torch")
    xor = bench("tensors", "xor")
    ours, theirs = (steps(xor, engine, {"hidden": 4, "dtype": dtype}) for engine in ("micrograd_kr", "pytorch"))
    assert ours == pytest.approx(theirs, rel=1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize(
    ("peer", "package"), [("numpy", "numpy"), ("pytorch", "torch"), ("mygrad", "mygrad"), ("autograd", "autograd")]
)
def test_digits_steps_are_those_of_each_peer(bench: Any, peer: str, package: str) -> None:
    pytest.importorskip(package)
    digits = bench("tensors", "digits")
    options = {"pictures": 12, "batch": 4, "hidden": 5}
    assert steps(digits, "micrograd_kr", options) == pytest.approx(steps(digits, peer, options), rel=1e-5)


def test_digits_steps_do_not_depend_on_the_layout_of_the_weights(bench: Any) -> None:
    digits = bench("tensors", "digits")
    options = {"pictures": 12, "batch": 4, "hidden": 5}
    first, second = (steps(digits, "micrograd_kr", options | {"layout": layout}) for layout in ("out, in", "in, out"))
    assert first == pytest.approx(second, rel=1e-5)


@pytest.mark.parametrize("peer", ["numpy", "autograd"])
def test_a_peer_is_itself_whatever_our_layout_is(bench: Any, peer: str) -> None:
    pytest.importorskip(peer)
    options = {"pictures": 4, "batch": 4, "hidden": 5, "layout": "in, out"}
    assert f"digits_{peer}" in bench("tensors", "digits")(peer, **options).__qualname__


@pytest.mark.parametrize(("module", "name"), [("scalars", "one_point"), ("tensors", "xor"), ("tensors", "digits")])
def test_training_lowers_the_loss(bench: Any, module: str, name: str) -> None:
    losses = steps(
        bench(module, name), "micrograd_kr", {"pictures": 4, "batch": 4, "hidden": 5} if name == "digits" else {}
    )
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0]


def test_a_chain_of_20000_nodes_needs_no_recursion(bench: Any) -> None:
    assert bench("scalars", "chain")("micrograd_kr", nodes=20_000)() == pytest.approx(1.0)


def test_28_doublings_are_2_to_the_28th(bench: Any) -> None:
    assert bench("scalars", "doublings")("micrograd_kr", times=28)() == 2.0**28


@pytest.mark.parametrize(
    ("module", "name", "options"),
    [
        ("scalars", "graph", {"nodes": 400}),
        ("scalars", "one_point", {}),
        ("tensors", "xor", {}),
        ("tensors", "digits", {"pictures": 8, "batch": 4}),
    ],
)
def test_a_training_step_leaves_nothing_for_the_collector(
    bench: Any, module: str, name: str, options: dict[str, Any]
) -> None:
    step = bench(module, name)("micrograd_kr", **options)
    step()
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            step()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_node_takes_less_memory_than_micrograds(bench: Any) -> None:
    pytest.importorskip("micrograd")
    per_node = bench("memory", "per_node")
    assert per_node("micrograd_kr", 2000)[0] < 0.4 * per_node("micrograd", 2000)[0]


@pytest.mark.parametrize("collector", ["on", "collected", "off"])
def test_steps_are_timed_with_the_collector_as_asked_and_left_on(bench: Any, collector: str) -> None:
    seconds = bench("measure", "seconds")("scalars", "doublings", "micrograd_kr", collector, 3, block=2, times=3)
    assert len(seconds) == 3
    assert min(seconds) > 0
    assert gc.isenabled()


def test_a_fresh_process_answers_and_its_failure_is_told(bench: Any) -> None:
    fresh = bench("measure", "fresh")
    assert len(fresh("measure", "seconds", "scalars", "doublings", "micrograd_kr", "on", 3)) == 3
    with pytest.raises(RuntimeError, match="no_such_engine"):
        fresh("measure", "seconds", "scalars", "doublings", "no_such_engine", "on", 3)


def test_an_import_takes_time(bench: Any) -> None:
    (seconds,) = bench("startup", "import_seconds")("json")
    assert 0 < seconds < math.inf


@pytest.mark.parametrize(
    ("ratio", "at_most", "goal", "verdict"),
    [(0.3, 0.5, 0.4, "goal met"), (0.45, 0.5, 0.4, "met"), (0.6, 0.5, 0.4, "MISSED"), (9.0, None, None, "")],
)
def test_the_verdict_compares_with_the_bar_and_the_goal(
    bench: Any, ratio: float, at_most: float | None, goal: float | None, verdict: str
) -> None:
    pytest.importorskip("rich")
    table = runpy.run_path(str(BENCH / "__main__.py"), run_name="bench")
    assert table["verdict"](ratio, at_most, goal) == verdict


def test_a_missed_bar_is_an_exit_status(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    table = runpy.run_path(str(BENCH / "__main__.py"), run_name="bench")
    namespace = table["main"].__globals__
    for slow, status in ((0.5, 0), (1.5, 1)):
        line = table["Line"](
            "a line", "10 nodes", lambda engine, slow=slow: [slow if engine == "micrograd_kr" else 1.0], 1.0
        )
        monkeypatch.setitem(namespace, "scalar_lines", lambda line=line: iter([line]))
        assert table["main"](["a line"]) == status


def test_a_model_elsewhere_is_measured_and_one_that_is_not_the_same_is_seen(bench: Any, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model, differences, to_torch = (bench("elsewhere", name) for name in ("chapter", "differences", "to_torch"))
    draw = np.random.default_rng(0)
    x, y, model = draw.random((20, 784), np.float32), draw.integers(0, 10, 20), model().eval()
    theirs = to_torch(model)
    for each in differences(model, theirs, tmp_path, x, y):
        assert each.found <= each.at_most, each
    with torch.no_grad():
        theirs[3].weight[0] += 0.01
    missed = [each.what for each in differences(model, theirs, tmp_path, x, y) if each.found > each.at_most]
    assert {"outputs, PyTorch", "gradients of every parameter, PyTorch"} < {*missed}
    assert "onnxruntime: our file and PyTorch's own of it" in missed
    assert "outputs, onnxruntime" not in missed
    for what, found in bench("elsewhere", "costs")(model, theirs, tmp_path, x):
        assert all(number > 0 for number in found.values()), what


def test_the_parts_of_a_step_on_many_machines_add_up(bench: Any) -> None:
    machine, network = bench("parallel", "Machine")(4e-3, 70e-6, 5e-3, 1e-6), bench("parallel", "Network")(1e-5, 1e9)
    step, exchanged, hidden = (bench("parallel", name) for name in ("step", "exchanged", "hidden"))
    assert bench("parallel", "PARAMETERS") == 799_060
    assert exchanged(1, 256, network) == 0
    assert step(1, 256, machine, network) == pytest.approx(4e-3 + 256 * 70e-6 + 5e-3 + 256e-6)
    assert exchanged(2, 256, network) == pytest.approx(5e-5 + (8 * 799_060 + 40 * 256) / 2 / 1e9)
    for n in (2, 8, 1000):
        own = step(n, 256, machine, network) - exchanged(n, 256, network)
        assert own == pytest.approx(4e-3 + 256 / n * 70e-6 + 5e-3 + 256e-6)
        assert 0 < hidden(n, 256, machine, network) <= exchanged(n, 256, network)
    table = bench("parallel", "predicted")(
        "256 samples in all", bench("parallel", "BATCHES")["256 samples in all"], machine
    )
    assert len(table.columns) == 1 + len(bench("parallel", "NETWORKS"))


@pytest.mark.parametrize(("case", "ranks"), [("of_a_machine", 1), ("of_ranks", 2)])
def test_a_machine_and_its_ranks_are_measured_in_processes_of_their_own(bench: Any, case: str, ranks: int) -> None:
    pytest.importorskip("mpi4py")
    found = bench("parallel", "measured")(case, ranks, 2)
    assert found["step"] > 0
    assert ranks == 2 or len(found["machine"]) == 4


@pytest.mark.parametrize("which", range(4))
def test_two_thousand_steps_leave_no_memory_behind(bench: Any, which: int) -> None:
    module, function = bench("memory", "TRAININGS")[which]
    grown, left = bench("measure", "fresh")("memory", "growth", module, function, 2_000)
    assert (module, function, left) == (module, function, 0)
    assert grown < 256 * 1024


PLANTED = """
def keeping(engine):
    kept = []
    return lambda: kept.append(bytearray(1_000)) or 0.0
def round(engine):
    def step():
        held = []
        held.append(held)
    return step
"""


def test_what_a_step_keeps_and_what_only_a_collection_frees_is_seen(
    bench: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "planted.py").write_text(PLANTED, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    fresh = bench("measure", "fresh")
    assert fresh("memory", "growth", "planted", "keeping", 2_000)[0] > 256 * 1024
    assert fresh("memory", "growth", "planted", "round", 2_000)[1] >= 2_000
