"""Several processes train as one: the same weights, one voice, and an end in bounded time."""

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import ranked

from micrograd_kr import parallel

TESTS, DEMOS = Path(ranked.__file__).parent, Path(ranked.__file__).parents[1] / "demos"
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
LIMIT = 100  # seconds, on a busy machine; alone a run takes one or two

needs_mpi = pytest.mark.skipif(
    not (MPIEXEC and find_spec("mpi4py") and find_spec("threadpoolctl")),
    reason='needs mpi4py and mpiexec: pip install "micrograd-kr[mpi]"',
)


def environment(**more):
    """Without coverage's hook in processes that are killed, and with one thread each."""
    kept = {name: each for name, each in os.environ.items() if not name.startswith("COVERAGE_")}
    path = os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH", "")]))
    return kept | {"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": path} | more


def command(n, case, *arguments):
    started = [MPIEXEC, "-n", str(n)] if n else []
    called = f"import ranked; ranked.{case}({', '.join(repr(str(each)) for each in arguments)})"
    return [*started, sys.executable, "-c", called]


def run(n, case, *arguments, **more):
    """A case on n ranks, or for 0 alone, without mpiexec."""
    given = {"capture_output": True, "text": True, "timeout": LIMIT, "env": environment(**more)}
    return subprocess.run(command(n, case, *arguments), **given)


def checked(n, case, *arguments, measured=True, **more):
    hook = {name: each for name, each in os.environ.items() if measured and name.startswith("COVERAGE_")}
    done = run(n, case, *arguments, **hook | more)
    assert done.returncode == 0, done.stderr
    return done


def of_ranks(folder, name):
    """What each rank has saved under a name."""
    return [dict(np.load(each)) for each in sorted(Path(folder).glob(f"{name}-*.npz"))]


def same(one, other):
    assert one.keys() == other.keys()
    for name, each in one.items():
        np.testing.assert_allclose(other[name], each, rtol=1e-6, atol=1e-13, err_msg=name)


# --- the numbers ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone():
    return {name: ranked.found(name) for name in ranked.RUNS}


@needs_mpi
@pytest.mark.parametrize("n", [1, 2, 4])
def test_weights_losses_and_accuracies_are_those_of_one_process_on_every_rank(n, alone, tmp_path):
    checked(n, "saved", tmp_path, "", *ranked.RUNS)
    for name, expected in alone.items():
        ranks = of_ranks(tmp_path, name)
        assert len(ranks) == n
        same(expected, ranks[0])
        for each in ranks:
            assert {key: value.tobytes() for key, value in each.items()} == {
                key: value.tobytes() for key, value in ranks[0].items()
            }


def test_the_runs_that_are_compared_learn_and_one_of_them_stops_early(alone):
    assert alone["cross-entropy"]["train_loss"][-1] < 0.9 * alone["cross-entropy"]["train_loss"][0]
    assert len(alone["early stopping"]["train_loss"]) < 40
    assert len(alone["squares, no validation"]["valid_loss"]) == 0


@needs_mpi
@pytest.mark.parametrize("fault", ["idle", "mean_of_means", "own dropout"])
def test_a_fault_in_the_gradients_or_the_dropout_is_seen_in_the_weights(fault, alone, tmp_path):
    checked(2, "saved", tmp_path, fault, "cross-entropy", "by hand")
    for name in ("cross-entropy", "by hand"):
        with pytest.raises(AssertionError, match="Not equal to tolerance"):
            same(alone[name], of_ranks(tmp_path, name)[0])


@needs_mpi
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc than glibc's")
def test_what_a_step_takes_of_memory_the_next_one_has_again():
    kept, given_back = (float(checked(2, "kept_memory", *large, measured=False).stdout) for large in ([], ["1"]))
    assert kept < 50 < 500 < given_back  # faults; the gradients alone are 500 pages


# --- one voice --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("answers")
    done = checked(2, "answers", folder, **dict.fromkeys(parallel.THREADS, "")) if MPIEXEC else None
    return folder, of_ranks(folder, "answers"), done


@needs_mpi
def test_all_ranks_have_the_weights_and_the_shuffling_of_rank_0(answers):
    first, second = answers[1]
    assert (first["weight"] == ranked.network()[0].weight.data).all()
    assert (first["weight"] == second["weight"]).all()
    assert (first["unseeded"] == second["unseeded"]).all()


@needs_mpi
def test_a_copy_of_the_model_has_its_own_weights_on_the_same_ranks(answers):
    assert all(each["again"] and each["twin"] > 0.1 for each in answers[1])


@needs_mpi
def test_a_batch_of_values_gets_its_gradient_on_every_rank(answers):
    expected = answers[1][0]["input"]
    assert (np.abs(expected).sum(axis=1) > 0).all()
    assert (answers[1][1]["input"] == expected).all()


@needs_mpi
def test_what_is_not_finite_is_found_by_all(answers):
    reasons = [str(each["reason"]) for each in answers[1]]
    assert reasons[0] == reasons[1]
    assert reasons[0].startswith("The loss is nan in epoch 0, batch 0: the inputs hold nan or inf.")
    assert answers[2].stderr.count("The loss is nan") == 1


@needs_mpi
def test_rank_0_alone_writes_and_what_it_cannot_write_is_an_error_of_all(answers):
    folder, seen, _ = answers
    assert [each.name for each in folder.glob("*.safetensors")] == ["of 0.safetensors"]
    assert all("No such file" in str(each["unwritable"]) for each in seen)


@needs_mpi
def test_the_cores_are_shared_out_among_the_ranks(answers):
    assert all(each["threads"] <= max(1, os.cpu_count() // 2) for each in answers[1])


@needs_mpi
def test_rank_0_alone_prints_and_a_program_that_is_fine_ends_well():
    done = checked(4, "apart", "fine", measured=False)
    assert done.stdout == "rank 0\nfine\n"
    assert done.stderr == ""


@needs_mpi
def test_the_demo_prints_once_and_draws_its_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("sklearn")
    demo = [sys.executable, DEMOS / "08_images.py", "--out", tmp_path, "--epochs", "2"]
    given = environment()
    given["PYTHONPATH"] += os.pathsep + str(DEMOS)  # where Python may not look beside a program by itself
    whole, shared = (
        subprocess.run([*start, *demo], capture_output=True, text=True, timeout=3 * LIMIT, env=given)
        for start in ([], [MPIEXEC, "-n", "2"])
    )
    assert shared.returncode == 0, shared.stderr
    assert shared.stderr == ""
    kinds = [[line.split()[:1] for line in each.stdout.splitlines()] for each in (whole, shared)]
    assert kinds[0] == kinds[1]
    assert len(os.listdir(tmp_path)) == 4


# --- what is refused, and how a run ends ------------------------------------------------------------------------------


@needs_mpi
@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("Centred", "expected a model that computes each sample for itself, got Centred"),
        ("Noisy", "a layer that draws takes micrograd_kr.seeds.uniform"),
        ("Summed", r"to give a row for each of 101 samples, got ()"),
        ("Choosy", "their weights differ"),
        ("Sly", "expected a model to get the output of another by its input"),
    ],
)
def test_a_model_that_cannot_be_computed_in_parts_is_refused(model, words):
    done = run(2, "refused", model)
    assert done.returncode != 0
    assert words in done.stderr
    assert done.stderr.count("rank 0 of 2 · 랭크 0 (모두 2개):") == 1
    assert "rank 1 of 2" not in done.stderr


@needs_mpi
def test_dropout_that_is_drawn_for_each_rank_is_refused_too(tmp_path):
    assert "computes each sample for itself" in run(2, "saved", tmp_path, "own dropout, checked", "by hand").stderr


@needs_mpi
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("batch", "ranks 0 and 1: their batches differ; give a seed to all that splits and shuffles"),
        ("weights", "ranks 0 and 1: their weights differ; what changes or chooses them"),
        ("error", "rank 1 of 2 · 랭크 1 (모두 2개):\nTraceback"),
        ("error on all", "rank 0 of 2 · 랭크 0 (모두 2개):\nTraceback"),
        ("exit", "one has ended its program, the other goes on"),
        ("alone", "하나는 프로그램을 끝냈는데 다른 하나는 계속합니다"),
        ("backward", "they are at different places of the program"),
        ("late", "waited 1 s for the others; every rank has to call a model alike"),
    ],
)
def test_ranks_that_do_not_do_the_same_end_with_a_message(how, words):
    start = time.monotonic()
    done = run(2, "apart", how)
    assert time.monotonic() - start < 40
    assert done.returncode != 0
    assert done.stdout == "rank 0\n"
    assert words in done.stderr
    assert done.stderr.count("ZeroDivisionError: on purpose") == how.startswith("error")


@needs_mpi
def test_an_exit_of_all_keeps_its_status():
    done = run(2, "apart", "exit of all")
    assert (done.returncode, done.stdout) == (3, "rank 0\n")


@needs_mpi
@pytest.mark.parametrize(("n", "then"), [(2, 4), (4, 1), (2, 0)])
def test_a_rank_that_is_killed_ends_the_run_and_another_number_of_ranks_goes_on(n, then, tmp_path):
    start = time.monotonic()
    assert run(n, "killed", tmp_path / "c.safetensors", 3, 6).returncode != 0
    assert time.monotonic() - start < 40
    assert os.listdir(tmp_path) == ["c.safetensors"]
    checked(then, "killed", tmp_path / "c.safetensors", -1, 6)
    ranked.killed(tmp_path / "whole.safetensors", -1, 6)
    same(*(dict(np.load(tmp_path / f"{name}.safetensors.npz")) for name in ("whole", "c")))


@needs_mpi
def test_ctrl_c_ends_the_training_on_all_ranks_at_one_step_and_the_program_goes_on(tmp_path):
    path = tmp_path / "c.safetensors"
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment()}
    with subprocess.Popen(command(2, "endless", path), **given) as started:
        assert started.stdout.readline() == "ready\n"
        while not path.exists() or time.time() - path.stat().st_mtime > 5:
            time.sleep(0.1)
        time.sleep(1)
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=LIMIT)
    assert [line for line in out.splitlines() if "[mpiexec" not in line] == ["interrupted True True"]
    assert "Interrupted in epoch" in err
    assert started.returncode == 0


# --- without MPI ------------------------------------------------------------------------------------------------------


def test_without_mpiexec_mpi_is_not_loaded_and_the_model_stays_as_it_is():
    program = (
        "import sys, micrograd_kr, micrograd_kr.train, ranked; ranked.found('by hand'); "
        "assert 'forward' not in vars(ranked.parallel.parallel(ranked.network())); "
        "print(*[each for each in sys.modules if 'mpi4py' in each or 'threadpoolctl' in each])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment())
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_what_is_no_module_is_refused_without_mpiexec_too():
    with pytest.raises(TypeError, match="expected a Module to compute in parts, got function"):
        parallel.parallel(ranked.network)


def test_without_mpi4py_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PMI_SIZE", "2")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    parallel.ranks.cache_clear()
    with pytest.raises(ImportError, match=r'2 ranks need mpi4py and threadpoolctl: pip install "micrograd-kr\[mpi\]"'):
        parallel.parallel(ranked.network())
    monkeypatch.undo()
    parallel.ranks.cache_clear()


@needs_mpi
def test_the_mpiexec_of_another_mpi_is_an_error_rather_than_as_many_runs_of_one():
    program = "from micrograd_kr.parallel import ranks; ranks()"
    told = environment(OMPI_COMM_WORLD_SIZE="2")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=told)
    assert done.returncode == 1
    assert "expected 2 ranks, got one: mpiexec is another MPI's than mpi4py, which is 'MPICH" in done.stderr
