"""A checkpoint is whole or not there, comes back bit for bit, and does nothing but be read."""

import json
import os
import re
import signal
import subprocess
import sys
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from meanwhile import at_the_end, longer

from micrograd_kr.checkpoints import CheckpointError, _checksum, differences, load, save

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
    path = tmp_path_factory.getbasetemp() / "property.safetensors"
    save(path, tree)
    assert same(tree, load(path))


def test_nan_minus_zero_and_the_order_in_memory_come_back_too(tmp_path):
    save(
        tmp_path / "c.safetensors",
        EXAMPLE | {"turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)), "scalar": np.float32(2)},
    )
    tree = load(tmp_path / "c.safetensors")
    assert same(EXAMPLE["model"], tree["model"])
    assert tree["turned"].flags.f_contiguous
    assert type(tree["scalar"]) is np.float32


def test_what_stands_by_columns_in_memory_stands_by_rows_in_the_file(tmp_path):
    by_columns = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    save(tmp_path / "c.safetensors", {"w": by_columns})
    np.testing.assert_array_equal(safetensors.numpy.load_file(tmp_path / "c.safetensors")["w"], by_columns)
    assert load(tmp_path / "c.safetensors")["w"].flags.f_contiguous


def test_what_is_loaded_may_be_written_to_and_is_aligned(tmp_path):
    save(tmp_path / "c.safetensors", EXAMPLE)
    array = load(tmp_path / "c.safetensors")["model"]["0.weight"]
    array += 1
    assert array.flags.aligned


def test_other_programs_find_the_arrays_under_their_paths(tmp_path):
    save(tmp_path / "c.safetensors", EXAMPLE)
    found = safetensors.numpy.load_file(tmp_path / "c.safetensors")
    np.testing.assert_array_equal(found["model/0.weight"], EXAMPLE["model"]["0.weight"])


def test_an_array_in_another_byte_order_comes_back_as_the_same_numbers(tmp_path):
    save(tmp_path / "c.safetensors", [np.arange(6, dtype=">f8").reshape(2, 3)])
    assert same([np.arange(6.0).reshape(2, 3)], load(tmp_path / "c.safetensors"))


def test_paths_that_read_alike_do_not_overwrite_each_other(tmp_path):
    tree = {
        "a/b": np.ones(1),
        "a": {"b": np.zeros(1)},
        "a\0b": np.full(1, 2.0),
        "a_b": np.full(1, 3.0),
        "__metadata__": np.ones(2),
    }
    save(tmp_path / "c.safetensors", tree)
    assert same(tree, load(tmp_path / "c.safetensors"))


@pytest.mark.parametrize("what", [{"f": print}, {"a": np.array([object()])}, {"s": {1, 2}}, {"c": np.array(["text"])}])
def test_what_a_checkpoint_cannot_hold_is_refused_and_the_one_before_stays(tmp_path, what):
    save(tmp_path / "c.safetensors", EXAMPLE)
    with pytest.raises(TypeError, match=r"expected .* got"):
        save(tmp_path / "c.safetensors", what)
    assert same(EXAMPLE, load(tmp_path / "c.safetensors"))
    assert os.listdir(tmp_path) == ["c.safetensors"]


# --- files that are damaged or meant to harm --------------------------------------------------------------------------


def test_a_changed_byte_is_an_error_or_changes_nothing(tmp_path):
    path = tmp_path / "c.safetensors"
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
    path = tmp_path / "c.safetensors"
    save(path, {"a": np.arange(3.0)})
    whole = path.read_bytes()
    for length in range(0, len(whole), 3):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="delete it"):
            load(path)


def packed(tree, arrays=None, **metadata):
    """The bytes of a checkpoint, its checksum right, with this text as its tree."""
    arrays = arrays or {}
    return safetensors.numpy.save(arrays, {"tree": tree, "crc32": _checksum(tree, arrays)} | metadata)


def headed(header, data=b"", length=None):
    """A file with this header."""
    header = header.encode()
    return (len(header) if length is None else length).to_bytes(8, "little") + header + data


ONE = {"a": np.zeros(1)}
TENSOR = '{{"__metadata__":{{"tree":"1","crc32":"0"}},"a":{{"dtype":"{}","shape":{},"data_offsets":{}}}}}'
HOSTILE = {
    "empty": b"",
    "text": b"epoch = 3",
    "a header of 16 exabytes": b"\xff" * 100,
    "a header longer than the file": headed("{}", length=10**9),
    "foreign": safetensors.numpy.save(ONE),
    "no tree": safetensors.numpy.save(ONE, {"format": "np"}),
    "another checksum": packed("1", ONE, crc32="00000000"),
    "an array of 8 GB": headed(TENSOR.format("F64", [10**9], [0, 8 * 10**9])),
    "an array that overflows": headed(TENSOR.format("F64", [2**62, 2**62], [0, 8]), bytes(8)),
    "numbers that numpy does not have": headed(TENSOR.format("BF16", [4], [0, 8]), bytes(8)),
    "an array of another size": headed(TENSOR.format("F32", [1], [0, 8]), bytes(8)),
    "a negative shape": headed(TENSOR.format("F64", [-1], [0, 8]), bytes(8)),
    "a hole": headed(TENSOR.format("F64", [1], [8, 16]), bytes(16)),
    "metadata of numbers": headed('{"__metadata__":{"tree":1,"crc32":2}}'),
    "a header too deep": headed("[" * 10**5),
    "too deep": packed("[" * 10**6),
    "an unknown kind": packed('{"code": 1}'),
    "a name without end": packed('{"array": "' + "a" * 10**6 + '"}'),
    "a kind that moves a cursor": packed('{"\\u001b[2J": 1}'),
    "two kinds": packed('{"array": "a", "scalar": "a"}', ONE),
    "no such array": packed('{"array": "b"}', ONE),
    "a list as a name": packed('{"dict": [[[1], 2]]}'),
    "no JSON": packed("{'a': 1}"),
    "a bracket missing": packed('{"dict": [[1, 2]}'),
    "a number of many digits": packed("9" * 10**5),
}


@pytest.mark.parametrize("contents", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_that_save_did_not_write_is_an_error_that_names_it(tmp_path, contents):
    (tmp_path / "c.safetensors").write_bytes(contents)
    with pytest.raises(
        CheckpointError, match=r"expected a checkpoint that micrograd_kr saved, got .*c\.safetensors"
    ) as e:
        load(tmp_path / "c.safetensors")
    assert str(e.value).isprintable()
    assert len(str(e.value)) < 1_000


def test_weights_of_another_program_are_told_from_what_is_damaged(tmp_path):
    (tmp_path / "c.safetensors").write_bytes(HOSTILE["foreign"])
    with pytest.raises(
        CheckpointError, match=r"of something else: .* interchange\.load_model\(model, path\) takes them"
    ):
        load(tmp_path / "c.safetensors")


# Packed once: the order of what is in its metadata is not always the same.
WHOLE = packed('{"dict": [["a", {"array": "a"}], ["n", {"tuple": [1, "text"]}]]}', {"a": np.arange(3.0)})
PLACES = st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
HEADERS = st.text(alphabet='{}[]":,0129aFI_\\\n', max_size=60)


def with_bytes(changes):
    changed = bytearray(WHOLE)
    for place, byte in changes:
        changed[place] = byte
    return bytes(changed)


@settings(max_examples=300)
@given(
    contents=st.binary(max_size=100)
    | st.builds(headed, HEADERS, st.binary(max_size=20))
    | st.builds(with_bytes, st.lists(PLACES, min_size=1, max_size=4))
    | st.integers(0, len(WHOLE) - 1).map(lambda end: WHOLE[:end])
    | st.binary(min_size=1).map(lambda more: WHOLE + more)
)
def test_any_bytes_are_that_checkpoint_or_an_error_of_one_kind(tmp_path_factory, contents):
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(contents)
    try:
        assert same(load(path), {"a": np.arange(3.0), "n": (1, "text")})
    except CheckpointError:
        assert contents != WHOLE


@settings(max_examples=100)
@given(tree=HEADERS | st.just("") | st.text(max_size=20))
def test_any_text_as_a_tree_is_read_or_an_error_of_one_kind(tmp_path_factory, tree):
    path = tmp_path_factory.getbasetemp() / "tree.safetensors"
    path.write_bytes(packed(tree, ONE))
    with suppress(CheckpointError):
        load(path)


def test_a_header_that_lies_takes_no_memory(tmp_path):
    (tmp_path / "c.safetensors").write_bytes(headed(TENSOR.format("F64", [10**9], [0, 8 * 10**9]), length=10**10))
    tracemalloc.start()
    try:
        with pytest.raises(CheckpointError):
            load(tmp_path / "c.safetensors")
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_tree_that_would_not_be_read_again_is_not_written(tmp_path):
    with pytest.raises(TypeError, match="expected at most 40,000,000 characters beside the arrays"):
        save(tmp_path / "c.safetensors", "x" * 40_000_001)
    assert os.listdir(tmp_path) == []


def test_a_checkpoint_that_is_written_to_while_it_is_read_is_no_damaged_one(tmp_path, monkeypatch):
    path = tmp_path / "c.safetensors"
    save(path, {"a": np.arange(3.0)})
    at_the_end(monkeypatch, longer, path)
    with pytest.raises(CheckpointError, match=r"expected a checkpoint that stays as it is .* load it again"):
        load(path)


def test_no_file_is_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "c.safetensors")


# --- stopped while it writes ------------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
import numpy as np
from micrograd_kr import checkpoints

path, place = sys.argv[1:]
die = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)
checkpoints.save(path, {"n": 1, "a": np.zeros(1000), "b": np.zeros(1000)})
when, name = place.split()
real = getattr(os, name)
def after(*args, **kwargs):
    real(*args, **kwargs)
    die()
setattr(os, name, after if when == "after" else die)
checkpoints.save(path, {"n": 2, "a": np.ones(1000), "b": np.ones(1000)})
"""


@pytest.mark.parametrize(
    ("place", "n"),
    [("before chmod", 1), ("before fsync", 1), ("after fsync", 1), ("before replace", 1), ("after replace", 2)],
)
def test_a_program_killed_while_it_saves_leaves_one_whole_checkpoint(tmp_path, place, n):
    path = tmp_path / "c.safetensors"
    # without coverage's hook: a program that is killed would leave half a data file
    env = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), place], check=False, env=env)
    assert done.returncode == -signal.SIGKILL
    tree = load(path)
    assert tree["n"] == n
    assert (tree["b"] == n - 1).all()
    save(path, {"n": 3})  # what is left of the other is no obstacle
    assert load(path) == {"n": 3}
    left = [each for each in os.listdir(tmp_path) if each != "c.safetensors"]
    assert len(left) == (n == 1)
    assert all(re.fullmatch(r"\.[0-9a-f]{16}\.part", each) for each in left)


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
    path = tmp_path / "c.safetensors"
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "OSError\n"
    assert load(path) == {"n": 1}
    assert os.listdir(tmp_path) == ["c.safetensors"]


SAVING = """
import sys
import numpy as np
from micrograd_kr import checkpoints

for i in range(150):
    checkpoints.save(sys.argv[1], {"n": i, "a": np.full(2000, float(i))})
"""


def test_two_programs_may_write_one_checkpoint_while_a_third_reads_it(tmp_path):
    path = tmp_path / "c.safetensors"
    save(path, {"n": 0, "a": np.zeros(2000)})
    writers = [subprocess.Popen([sys.executable, "-c", SAVING, str(path)]) for _ in range(2)]
    reads = 0
    while any(each.poll() is None for each in writers):
        tree = load(path)
        assert (tree["a"] == tree["n"]).all()
        reads += 1
    assert [each.returncode for each in writers] == [0, 0]
    assert reads
    assert os.listdir(tmp_path) == ["c.safetensors"]


def test_differences_name_the_place_and_both_sides():
    here = {"batch": 256, "adam's lr": 0.1, "adam's eps": 1e-8, "new": 1}
    there = {"batch": 128, "adam's lr": 0.2, "adam's eps": 1e-8, "old": 2}
    assert differences(here, there) == [
        "batch: 128 in the checkpoint, 256 here",
        "adam's lr: 0.2 in the checkpoint, 0.1 here",
        "new: nothing in the checkpoint, 1 here",
        "old: 2 in the checkpoint, nothing here",
    ]
    assert differences(here, json.loads(json.dumps(here))) == []


def test_a_path_may_be_text_or_a_path(tmp_path):
    save(str(tmp_path / "c.safetensors"), 1)
    assert load(Path(tmp_path / "c.safetensors")) == 1
