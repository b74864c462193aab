"""A few of the inputs that tests/bench/fuzz.py and guided.py make by the hundred thousand; and that they see faults."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="this system does not tell the memory that a process had"
)

BENCH = Path(__file__).parents[1] / "bench"
SEED = os.environ.get("MICROGRAD_KR_SEED", "a few")
FEW = {
    "exercises": 60,
    "cells": 120,
    "formulas": 400,
    "commands": 60,
    "idx": 250,
    "npz": 150,
    "safetensors": 400,
    "states": 300,
}


def fuzzed(folder: Path, *words: object, program: str = "") -> subprocess.CompletedProcess[str]:
    """The bench, or a program that puts something into it first."""
    places = [str(BENCH), str(BENCH.parent)]
    code = f"import sys; sys.path[:0] = {places}\n{program}\nimport fuzz; sys.exit(fuzz.main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *map(str, words), "--keep", str(folder / "kept")]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300)


@pytest.mark.parametrize("target", FEW)
def test_a_few_inputs_of_each_target_are_answered_or_refused(tmp_path: Path, target: str) -> None:
    done = fuzzed(tmp_path, target, "--inputs", FEW[target], "--seed", SEED)
    assert done.returncode == 0, f"MICROGRAD_KR_SEED={SEED}\n{done.stdout}\n{done.stderr}"
    assert f"{FEW[target]} inputs" in done.stdout


FAULTS = {
    "a TypeError": ("len(3)", "TypeError: object of type 'int' has no len()"),
    "words of numpy's": ("raise KeyError('x')", "does not say what was expected"),
    "a busy loop": ("while True: pass", "more than 2 s"),
    "a wait": ("time.sleep(9)", "more than 2 s"),
    "memory": ("bytearray(300 * 2**20)", "MB"),
    "memory that stays": ("kept.append(bytearray(30 * 2**20))", "MB left behind"),
    "half a file": ("(folder / 'a.html').write_text('<html>')", "left half a file, or a name that nobody gave: a.html"),
    "a part left": ("(folder / '.7.part').write_text('<html></html>')", "left half a file"),
    "a file elsewhere": ("open(elsewhere, 'w').close()", "wrote elsewhere"),
    "a formula that is run": ("eval('1 + 1')", "ran code: exec"),
    "a program that is run": ("os.system('true')", "ran code: os.system"),
    "an unpickled class": (
        "pickle.loads(pickle.dumps(datetime.date(2026, 1, 1)))",
        "ran code: pickle.find_class ('datetime', 'date')",
    ),
    "a sudden end": ("os._exit(3)", "the process was stuck or died: exit status 3"),
}


PLANTED = """
import datetime, os, pickle, time
import fuzz
fuzz.WAIT = {wait}
kept, elsewhere = [], {elsewhere!r}
def use(given, folder):
    if given == bad or {always}:
        {code}
fuzz.TARGETS["planted"] = fuzz.Target(lambda draw: draw.random(), use, (KeyError,))
bad = fuzz.drawn(fuzz.TARGETS["planted"], "planted", "1", 7)
"""


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_the_failure_of_one_input_which_is_kept(tmp_path: Path, fault: str) -> None:
    code, said = FAULTS[fault]
    gaps = {"elsewhere": str(tmp_path / "elsewhere"), "code": code, "always": fault == "memory that stays"}
    gaps["wait"] = 2.0 if fault == "a wait" else 60.0  # of the clock, which runs on while others work
    done = fuzzed(tmp_path, "planted", "--inputs", 20, "--seed", 1, program=PLANTED.format(**gaps))
    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stdout
    assert "20 inputs" in done.stdout
    kept = [each.name for each in (tmp_path / "kept").iterdir()]
    assert kept == ["planted-1-7"] or (fault == "memory that stays" and kept)


def test_what_only_refuses_in_its_own_words_is_no_failure(tmp_path: Path) -> None:
    program = """
import fuzz
def use(given, folder):
    raise KeyError(f"expected another number, got {given}")
fuzz.TARGETS["planted"] = fuzz.Target(lambda draw: draw.random(), use, (KeyError,))
"""
    done = fuzzed(tmp_path, "planted", "--inputs", 40, program=program)
    assert (done.returncode, done.stderr) == (0, "")
    assert "40 inputs" in done.stdout
    assert "40 refused" in done.stdout


# --- led by the lines that are reached --------------------------------------------------------------------------------

needs_atheris = pytest.mark.skipif(find_spec("atheris") is None, reason="needs atheris: pip install atheris")


def guided(folder: Path, *words: object, program: str = "") -> subprocess.CompletedProcess[str]:
    places = [str(BENCH), str(BENCH.parent)]
    code = f"import sys; sys.path[:0] = {places}\nimport guided\n{program}\nguided.main(*sys.argv[1:])"
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300, cwd=folder)


@needs_atheris
@pytest.mark.parametrize("target", ["exercises", "cells", "formulas", "idx", "npz", "safetensors"])
def test_inputs_made_of_others_are_answered_or_refused(tmp_path: Path, target: str) -> None:
    done = guided(tmp_path, target, "-runs=400", "-seed=1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Done 400 runs" in done.stderr


PLANTED_THERE = """
def use(given, folder):
    if given[:1] == "1":
        raise {error}("planted")
guided.fuzzed.TARGETS["formulas"] = guided.fuzzed.Target(lambda draw: str(draw.randrange(2)), use, (KeyError,))
"""


@needs_atheris
@pytest.mark.parametrize(("error", "is_refusal"), [("TypeError", False), ("KeyError", True)])
def test_a_planted_fault_ends_the_run_and_its_input_is_kept(tmp_path: Path, error: str, is_refusal: bool) -> None:
    done = guided(tmp_path, "formulas", "-runs=400", "-seed=1", program=PLANTED_THERE.format(error=error))
    assert (done.returncode == 0) == is_refusal, done.stdout + done.stderr
    assert is_refusal or f"{error}: planted" in done.stdout + done.stderr
    assert [each.read_text("utf-8")[0] for each in tmp_path.glob("crash-*")] == ["1"] * (not is_refusal)
