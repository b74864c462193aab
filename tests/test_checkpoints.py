"""A checkpoint is whole or not there, comes back bit for bit, and does nothing but be read."""

import io
import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from micrograd_kr.checkpoints import CheckpointError, differences, load, save

ARRAYS = hnp.arrays(
    st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_]), hnp.array_shapes(min_dims=0, min_side=0)
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | ARRAYS
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers() | st.just(("a", 1)), inner)
    ),
    max_leaves=8,
)
EXAMPLE = {
    "epoch": 3,
    "lr": 0.1,
    "model": {"0.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "0.bias": np.array([np.nan, -0.0])},
    "betas": (0.9, 0.999),
    "rng": np.random.default_rng(0).bit_generator.state,
}


def same(a, b):
    """Whether two trees are the same in every type and every bit."""
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    return type(a) is type(b) and repr(a) == repr(b)


@settings(max_examples=60)
@given(tree=TREES)
def test_what_is_saved_comes_back_bit_for_bit(tmp_path_factory, tree):
    path = tmp_path_factory.getbasetemp() / "property.npz"
    save(path, tree)
    assert same(tree, load(path))


def test_nan_minus_zero_and_the_order_in_memory_come_back_too(tmp_path):
    save(
        tmp_path / "c.npz",
        EXAMPLE | {"turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "scalar": np.float32(2)},
    )
    tree = load(tmp_path / "c.npz")
    assert same(EXAMPLE["model"], tree["model"])
    assert tree["turned"].flags.f_contiguous
    assert type(tree["scalar"]) is np.float32


def test_what_is_loaded_may_be_written_to_and_is_aligned(tmp_path):
    save(tmp_path / "c.npz", EXAMPLE)
    array = load(tmp_path / "c.npz")["model"]["0.weight"]
    array += 1
    assert array.flags.aligned


def test_numpy_finds_the_arrays_under_their_paths_without_running_anything(tmp_path):
    save(tmp_path / "c.npz", EXAMPLE)
    with np.load(tmp_path / "c.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["model/0.weight"], EXAMPLE["model"]["0.weight"])


def test_paths_that_read_alike_do_not_overwrite_each_other(tmp_path):
    tree = {
        "a/b": np.ones(1),
        "a": {"b": np.zeros(1)},
        "a\0b": np.full(1, 2.0),
        "a_b": np.full(1, 3.0),
        "tree": np.ones(2),
    }
    save(tmp_path / "c.npz", tree)
    assert same(tree, load(tmp_path / "c.npz"))


@pytest.mark.parametrize("what", [{"f": print}, {"a": np.array([object()])}, {"s": {1, 2}}, {"c": np.array(["text"])}])
def test_what_a_checkpoint_cannot_hold_is_refused_and_the_one_before_stays(tmp_path, what):
    save(tmp_path / "c.npz", EXAMPLE)
    with pytest.raises(TypeError, match=r"expected .* got"):
        save(tmp_path / "c.npz", what)
    assert same(EXAMPLE, load(tmp_path / "c.npz"))
    assert os.listdir(tmp_path) == ["c.npz"]


# --- files that are damaged or meant to harm --------------------------------------------------------------------------


def test_a_changed_byte_is_an_error_or_changes_nothing(tmp_path):
    path = tmp_path / "c.npz"
    save(path, {"a": np.arange(3.0), "n": (1, "text")})
    whole, tree = path.read_bytes(), load(path)
    refused = 0
    for i in range(len(whole)):
        for flipped in (whole[i] ^ 1, whole[i] ^ 128):
            path.write_bytes(whole[:i] + bytes([flipped]) + whole[i + 1 :])
            try:
                assert same(tree, load(path)), i
            except CheckpointError:
                refused += 1
    assert refused > len(whole)


def test_a_file_that_ends_early_is_an_error(tmp_path):
    path = tmp_path / "c.npz"
    save(path, {"a": np.arange(3.0)})
    whole = path.read_bytes()
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="delete it"):
            load(path)


def zipped(compression=zipfile.ZIP_STORED, **entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, entry in entries.items():
            archive.writestr(f"{name}.npy", entry)
    return file.getvalue()


def npy(array, **kwargs):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **kwargs)
    return file.getvalue()


def tree_of(text):
    return npy(np.frombuffer(text.encode(), np.uint8))


class Marks:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


HUGE = npy(np.zeros(1)).replace(b"'shape': (1,), }          ", b"'shape': (999999999,), } ")
HOSTILE = {
    "empty": b"",
    "text": b"epoch = 3",
    "no tree": zipped(a=npy(np.zeros(1))),
    "a header larger than its entry": zipped(tree=tree_of("1"), a=HUGE),
    "compressed": zipped(zipfile.ZIP_DEFLATED, tree=tree_of("1"), a=npy(np.zeros(10**6))),
    "too deep": zipped(tree=tree_of("[" * 10**6)),
    "an unknown kind": zipped(tree=tree_of('{"code": 1}')),
    "two kinds": zipped(tree=tree_of('{"array": "tree", "scalar": "tree"}')),
    "no such array": zipped(tree=tree_of('{"array": "b"}')),
    "a list as a name": zipped(tree=tree_of('{"dict": [[[1], 2]]}')),
    "no JSON": zipped(tree=tree_of("{'a': 1}")),
    "a number of many digits": zipped(tree=tree_of("9" * 10**5)),
    "text in an array": zipped(tree=npy(np.array(["1"]))),
    "a negative shape": zipped(tree=tree_of("1"), a=npy(np.zeros(1)).replace(b"(1,)", b"(-1,)")),
}


@pytest.mark.parametrize("contents", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_that_save_did_not_write_is_an_error_that_names_it(tmp_path, contents):
    (tmp_path / "c.npz").write_bytes(contents)
    with pytest.raises(CheckpointError, match=r"expected a checkpoint that micrograd_kr saved, got .*c\.npz"):
        load(tmp_path / "c.npz")


def test_a_pickled_object_is_refused_before_it_runs(tmp_path):
    entry = npy(np.array([Marks(tmp_path / "mark")], object), allow_pickle=True)
    (tmp_path / "c.npz").write_bytes(zipped(tree=tree_of("1"), a=entry))
    with pytest.raises(CheckpointError, match="array of object"):
        load(tmp_path / "c.npz")
    assert not (tmp_path / "mark").exists()


def test_overlapping_entries_cannot_unfold_to_more_than_the_file(tmp_path):
    one = zipped(tree=npy(np.zeros(1000, np.uint8)))
    directory, end = one.index(b"PK\1\2"), one.index(b"PK\5\6")
    entry = one[directory:end]
    many = entry * 100
    size = len(many).to_bytes(4, "little")
    tail = one[end : end + 8] + (100).to_bytes(2, "little") * 2 + size + one[end + 16 :]
    (tmp_path / "c.npz").write_bytes(one[:directory] + many + tail)
    with pytest.raises(CheckpointError, match="longer than the file"):
        load(tmp_path / "c.npz")


def test_no_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "c.npz")


# --- stopped while it writes ------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
import numpy as np
from micrograd_kr import checkpoints

path, place = sys.argv[1:]
die = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
checkpoints.save(path, {"n": 1, "a": np.zeros(1000), "b": np.zeros(1000)})
places = {"write": (np.lib.format, "write_array"), "sync": (os, "fsync"), "replace": (os, "replace")}
owner, name = places[place.split()[-1]]
real = getattr(owner, name)
def after(*args, **kwargs):
    real(*args, **kwargs)
    die()
setattr(owner, name, after if place.startswith("after") else die)
checkpoints.save(path, {"n": 2, "a": np.ones(1000), "b": np.ones(1000)})
"""


@pytest.mark.parametrize(
    ("place", "n"),
    [("in write", 1), ("after write", 1), ("before sync", 1), ("before replace", 1), ("after replace", 2)],
)
def test_a_program_killed_while_it_saves_leaves_one_whole_checkpoint(tmp_path, place, n):
    path = tmp_path / "c.npz"
    # without coverage's hook: a program that is killed would leave half a data file
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), place], check=False, env=env)
    assert done.returncode == -signal.SIGKILL
    tree = load(path)
    assert tree["n"] == n
    assert (tree["b"] == n - 1).all()
    save(path, {"n": 3})  # what is left of the other is no obstacle
    assert os.listdir(tmp_path) == ["c.npz"]


FULL = """
import resource, sys
import numpy as np
from micrograd_kr import checkpoints

checkpoints.save(sys.argv[1], {"n": 1})
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    checkpoints.save(sys.argv[1], {"n": 2, "a": np.zeros(100_000)})
except OSError as error:
    print(type(error).__name__)
"""


def test_a_disk_that_is_full_is_an_error_and_the_checkpoint_before_stays(tmp_path):
    path = tmp_path / "c.npz"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "OSError\n"
    assert load(path) == {"n": 1}
    assert os.listdir(tmp_path) == ["c.npz"]


def test_differences_name_the_place_and_both_sides():
    here = {"batch": 256, "adam": {"lr": 0.1, "eps": 1e-8}, "new": 1}
    there = {"batch": 128, "adam": {"lr": 0.2, "eps": 1e-8}, "old": 2}
    assert differences(here, there) == [
        "batch: 128 in the checkpoint, 256 here",
        "adam lr: 0.2 in the checkpoint, 0.1 here",
        "new: nothing in the checkpoint, 1 here",
        "old: 2 in the checkpoint, nothing here",
    ]
    assert differences(here, json.loads(json.dumps(here))) == []


def test_a_path_may_be_text_or_a_path(tmp_path):
    save(str(tmp_path / "c.npz"), 1)
    assert load(Path(tmp_path / "c.npz")) == 1
