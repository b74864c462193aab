"""Data sets come in as they are in their files, or not at all; and what is done to them loses and leaks nothing."""

import gzip
import io
import os
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meanwhile import at_the_end, longer, replaced

from micrograd_kr.data import (
    NAMED,
    DataError,
    DataLoader,
    Dataset,
    TensorDataset,
    batches,
    erase,
    load,
    noise,
    read_idx,
    rotate,
    scale,
    shift,
    split,
    standardize,
)

FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx(array, code=0x08):
    """An array of bytes as the bytes of an IDX file."""
    return bytes((0, 0, code, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


def arrays(shape=(4, 3), train=6, test=2, classes=10):
    """x_train, y_train, x_test, y_test as a file has them."""
    g = np.random.default_rng(0)
    parts = ((g.integers(0, 256, (n, *shape), np.uint8), g.integers(0, classes, n, np.uint8)) for n in (train, test))
    return [array for part in parts for array in part]


def put(folder, parts, packed=False):
    """The four IDX files of a set, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in zip(FILES, parts, strict=True):
        (folder / f"{name}{'.gz' if packed else ''}").write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    return folder


def npz(parts, **changes):
    """The bytes of an .npz."""
    out = io.BytesIO()
    np.savez_compressed(out, **{**dict(zip(Dataset._fields, parts, strict=True)), **changes})
    return out.getvalue()


def is_the_set(data, parts):
    """Float32 in 0..1 and int64, number by number."""
    x_train, y_train, x_test, y_test = parts
    for got, pixels in ((data.x_train, x_train), (data.x_test, x_test)):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, pixels.astype(np.float32) / np.float32(255))
    for got, labels in ((data.y_train, y_train), (data.y_test, y_test)):
        assert got.dtype == np.int64
        np.testing.assert_array_equal(got, labels)
    return True


@pytest.fixture
def given_folder(tmp_path, monkeypatch):
    """The folder that MICROGRAD_KR_DATA names, with neither torchvision nor a cache to fall back to."""
    monkeypatch.setenv("MICROGRAD_KR_DATA", str(tmp_path / "given"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "torchvision", None)
    return tmp_path / "given"


# --- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_of_idx_files_is_read_number_by_number(tmp_path, packed):
    assert is_the_set(load(put(tmp_path, arrays(), packed)), arrays())


def test_idx_files_are_found_with_a_dot_in_their_name_too(tmp_path):
    put(tmp_path, arrays())
    for path in tmp_path.iterdir():
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert is_the_set(load(tmp_path), arrays())


@given(
    shape=st.lists(st.integers(1, 9), min_size=3, max_size=3),
    images=st.booleans(),
    packed=st.booleans(),
    seed=st.integers(0),
)
def test_an_idx_file_gives_back_what_was_written(tmp_path_factory, shape, images, packed, seed):
    array = np.random.default_rng(seed).integers(0, 256, shape if images else shape[:1], np.uint8)
    path = tmp_path_factory.getbasetemp() / "round-trip"
    path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
    got = read_idx(path, array.ndim)
    assert got.dtype == np.uint8
    np.testing.assert_array_equal(got, array)


def test_an_npz_is_read_number_by_number(tmp_path):
    parts = arrays((4, 3, 3))
    (tmp_path / "set.npz").write_bytes(npz(parts))
    assert is_the_set(load(tmp_path / "set.npz"), parts)
    assert is_the_set(load(str(tmp_path / "set.npz")), parts)


@pytest.mark.parametrize(
    "changed",
    [
        lambda x, y: {"y_train": y.astype(np.int64)[:, None]},  # Keras's (n, 1)
        lambda x, y: {"y_train": y.astype(">u4")},
        lambda x, y: {"x_train": np.asfortranarray(x)},
        lambda x, y: {"x_train": x[::-1][::-1]},
        lambda x, y: {"x_train": (x / 255).astype(np.float32)},
        lambda x, y: {"x_train": (x / 255).astype(">f8")},
    ],
)
def test_an_npz_gives_the_same_numbers_however_they_were_saved(tmp_path, changed):
    parts = arrays()
    (tmp_path / "set.npz").write_bytes(npz(parts, **changed(*parts[:2])))
    data = load(tmp_path / "set.npz")
    np.testing.assert_allclose(data.x_train, parts[0] / 255, rtol=1e-7)
    np.testing.assert_array_equal(data.y_train, parts[1])
    assert data.x_train.dtype == np.float32
    assert data.y_train.shape == (6,)
    assert data.y_train.dtype == np.int64


IMAGES, LABELS = arrays()[:2]
HONEST = idx(IMAGES)
BAD_IDX = {  # what is in the file for the training images: what the error says
    "labels": (idx(LABELS), r"three dimensions \(0x00000803\), got labels, one dimension \(0x00000801\)"),
    "floats": (idx(IMAGES.astype(">f4"), 0x0D), r"\(0x00000803\), got no IDX file of bytes \(0x00000d03\)"),
    "other text": (b"<!DOCTYPE html>", "got no IDX file"),
    "nothing": (b"", "got no IDX file"),
    "half a header": (HONEST[:10], "expected a header of 16 bytes, got 10"),
    "one byte less": (HONEST[:-1], "expected 72 bytes of numbers for its header of .6, 4, 3., got .*71; get the"),
    "one byte more": (HONEST + b"\0", "expected 72 bytes of numbers for its header of .6, 4, 3., got more"),
    "10 GB, it says": (HONEST[:4] + b"\0\0\x27\x10" * 2 + b"\0\0\0\x64" + HONEST[16:], "10,000,000,000 bytes"),
    "2**96 bytes, it says": (HONEST[:4] + b"\xff" * 12 + HONEST[16:], "got a file of a size to hold at most"),
    "no images": (idx(IMAGES[:0]), "at least one, got samples .0, 4, 3."),
    "one image less": (idx(IMAGES[:-1]), "as many labels .n,., at least one, got samples .5, 4, 3. and labels .6,."),
    "images of another size": (idx(IMAGES.transpose(0, 2, 1)), "got .3, 4. to train on, .4, 3. to test on"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("what", BAD_IDX)
def test_a_bad_idx_file_is_an_error_that_names_it_and_says_what_to_do(tmp_path, what, packed):
    content, message = BAD_IDX[what]
    put(tmp_path, arrays(), packed)
    path = tmp_path / f"train-images-idx3-ubyte{'.gz' if packed else ''}"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataError, match=message) as raised:
        load(tmp_path)
    assert str(tmp_path) in str(raised.value)
    assert "; " in str(raised.value)


@pytest.mark.parametrize("packed", [False, True])
def test_an_idx_file_cut_off_anywhere_is_an_error(tmp_path, packed):
    whole = gzip.compress(HONEST) if packed else HONEST
    path = tmp_path / "images"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="images: expected "):
            read_idx(path, 3)


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_file_is_an_error_or_changes_nothing(tmp_path_factory, data):
    kind = data.draw(st.sampled_from(["idx.gz", "npz"]))
    whole = bytearray(gzip.compress(HONEST) if kind == "idx.gz" else npz(arrays()))
    for place, byte in data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), min_size=1)):
        whole[place] = byte
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(whole)
    try:
        read = load(path) if kind == "npz" else read_idx(path, 3)
    except DataError:
        return
    if kind == "npz":
        assert is_the_set(read, arrays())
    else:
        np.testing.assert_array_equal(read, IMAGES)


@pytest.mark.parametrize("name", FILES)
def test_a_file_missing_from_a_folder_is_named(tmp_path, name):
    put(tmp_path, arrays())
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=f"expected a file {name}, or the same with .gz, got none; put all four"):
        load(tmp_path)


def a_bomb(start, size):
    """A gzip file of `size` zeros behind its start, a thousandth as large itself."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(start) + b"".join(packer.compress(bytes(2**20)) for _ in range(size >> 20)) + packer.flush()


@pytest.mark.parametrize(
    ("images", "message"),
    [(1, "of numbers for its header of .1, 256, 256., got more"), (100 * 16, "got a file of a size to hold at most")],
)
def test_a_gzip_bomb_takes_no_more_memory_than_its_header_and_its_size_allow(tmp_path, images, message):
    start = HONEST[:4] + images.to_bytes(4, "big") + b"\0\0\x01\0" * 2
    path = tmp_path / "bomb.gz"
    path.write_bytes(a_bomb(start, 100 << 20))
    assert path.stat().st_size < 2**17
    with pytest.raises(DataError, match=message):
        read_idx(path, 3)
    assert peak_of(lambda: refused(lambda: read_idx(path, 3))) < 2**22


def refused(read):
    with pytest.raises(DataError):
        read()


def peak_of(run):
    """The most memory that a call takes, in bytes."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def an_npz(**members):
    """The bytes of a zip with these bytes as its .npy files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return out.getvalue()


def npy(text, numbers=b""):
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + numbers


HEADER = "{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}\n"


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (npy(HEADER.format("|u1", "(10000, 1000000)"), bytes(100)), "10,000,000,000 bytes"),
        (npy(HEADER.format("<f8", "(1000, 1000)"), bytes(100)), "expected 8,000,000 bytes of numbers .* got 100"),
        (
            npy(HEADER.format("|u1", "(100, 100)"), bytes(50 << 20)),
            "expected 10,000 bytes of numbers .* got more",
        ),
        (npy(HEADER.format("|u1", "(100, 1000000)"), bytes(100 << 20)), "got a file of a size to hold at most"),
        (npy(HEADER.format("|u1", "(" + "1" * 9000 + "x)")), "expected an array of numbers"),
        (npy(HEADER.format("|u1", "(" + "(" * 9000 + ")" * 9001)), "expected an array of numbers"),
        (npy("__import__('os').abort()"), "expected an array of numbers, got ValueError: malformed"),
        (npy(HEADER.format("|u1", "((1,)")), "expected an array of numbers"),
        (npy(HEADER.format("|u1", "(-1, 4)")), r"expected an array of numbers, got ValueError: uint8 \(-1, 4\)"),
        (npy(HEADER.format("|V4", "(4,)"), bytes(16)), "expected an array of numbers"),
        (b"\x93NUMPY\x03\x00" + bytes(20), "expected an array of numbers"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}", "expected an array of numbers"),
        (b"", "expected an array of numbers, got ValueError: EOF"),
    ],
    ids=[
        "10 GB",
        "short",
        "long",
        "bomb",
        "digits",
        "brackets",
        "code",
        "bracket",
        "negative",
        "bytes",
        "version 3",
        "huge header",
        "empty",
    ],
)
def test_a_hostile_array_in_an_npz_is_an_error_that_takes_no_memory(tmp_path, array, message):
    path = tmp_path / "set.npz"
    path.write_bytes(an_npz(x_train=array))
    with pytest.raises(DataError, match=message) as raised:
        load(path)
    assert str(path / "x_train") in str(raised.value)
    assert peak_of(lambda: refused(lambda: load(path))) < 2**22


def test_an_array_of_objects_is_refused_and_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    parts = arrays()
    trap = npz(parts, x_train=np.array([Trap()], object))
    (tmp_path / "set.npz").write_bytes(trap)
    with pytest.raises(
        DataError, match="/x_train: expected an array of numbers, got ValueError: an array of objects; save"
    ):
        load(tmp_path / "set.npz")
    assert not (tmp_path / "sprung").exists()
    with np.load(io.BytesIO(trap), allow_pickle=True) as theirs:
        assert theirs["x_train"].shape == (1,)
    assert (tmp_path / "sprung").exists(), "the trap works"


X, Y = IMAGES, LABELS
BAD_NPZ = [
    ({"y_train": Y[:-1]}, "training samples .n, ….* as many labels"),
    ({"y_test": X}, "test samples .n, ….* as many labels"),
    ({"x_train": X[0, 0]}, "training samples"),
    ({"y_train": Y / 2}, "training labels as whole numbers from 0, got float64; number the classes"),
    ({"y_train": Y.astype(int) - 20}, "training labels as whole numbers from 0, got -2"),
    ({"x_train": X.astype(np.int64)}, "training samples as uint8, or floats in 0..1, got int64"),
    ({"x_train": X.astype(np.float32)}, r"or floats in 0..1, got floats from \d+.0 to 2\d\d.0; save pixels"),
    ({"x_train": np.full(X.shape, np.nan)}, "or floats in 0..1, got floats from nan to nan"),
    ({"x_train": X.astype(complex)}, "expected an array of numbers"),
    ({"x_train": X.astype("U1")}, "expected an array of numbers"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_NPZ)
def test_an_npz_with_a_wrong_array_is_an_error_that_says_which(tmp_path, changes, message):
    path = tmp_path / "set.npz"
    path.write_bytes(npz(arrays(), **changes))
    with pytest.raises(DataError, match=message) as raised:
        load(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            an_npz(images=b"", labels=b""),
            "expected arrays x_train, y_train, x_test, y_test, got images, labels; make it",
        ),
        (an_npz(), "got no array"),
        (an_npz(**{"\x1b[2J": b""}), r"got \\x1b\[2J; make it"),
        (b"x_train,y_train\n1,2\n", "expected a whole, readable file, got BadZipFile"),
        (pickle.dumps({"x_train": 1}), "expected a whole, readable file, got BadZipFile"),
        (npz(arrays())[:-30], "expected a whole, readable file"),
    ],
    ids=[
        "other arrays",
        "no array",
        "what moves a cursor",
        "text",
        "a pickle",
        "cut off",
    ],  # a zip has the time in it, and so would its id
)
def test_a_file_that_is_no_such_npz_is_an_error(tmp_path, content, message):
    (tmp_path / "set.npz").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path / "set.npz")


def test_a_zip_method_that_unpacks_without_a_bound_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "set.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("x_train.npy", bytes(10))
    with pytest.raises(DataError, match="expected a stored or deflated array, got zip method 12"):
        load(tmp_path / "set.npz")


# --- sets by name -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["MNIST", "mnist", "FashionMNIST", "Fashion-MNIST", "FASHION MNIST"])
def test_a_named_set_is_read_from_the_given_folder_which_is_not_written_to(given_folder, spelling):
    parts = arrays((28, 28))
    put(given_folder / ("MNIST" if spelling.lower() == "mnist" else "FashionMNIST"), parts, packed=True)
    before = {path: (path.stat().st_mtime_ns, path.is_dir()) for path in given_folder.rglob("*")}
    assert is_the_set(load(spelling), parts)
    assert {path: (path.stat().st_mtime_ns, path.is_dir()) for path in given_folder.rglob("*")} == before
    assert not (given_folder.parent / "cache").exists()


@pytest.mark.parametrize("spelling", ["CIFAR10", "cifar-10"])
def test_cifar_10_is_read_from_an_npz_in_the_given_folder(given_folder, spelling):
    parts = arrays((32, 32, 3))
    given_folder.mkdir()
    (given_folder / "CIFAR10.npz").write_bytes(npz(parts))
    assert is_the_set(load(spelling), parts)


@pytest.mark.parametrize(
    ("shape", "classes", "message"),
    [
        ((3, 32, 32), 10, r"expected CIFAR10, images of \(32, 32, 3\) .*, got images of \(3, 32, 32\)"),
        ((32, 32, 3), 100, r"with labels 0..9, got images of \(32, 32, 3\) with labels 0..\d\d; it is another set"),
    ],
)
def test_another_set_under_the_name_of_one_is_an_error(given_folder, shape, classes, message):
    given_folder.mkdir()
    (given_folder / "CIFAR10.npz").write_bytes(npz(arrays(shape, classes=classes)))
    with pytest.raises(DataError, match=message):
        load("CIFAR10")


@pytest.mark.parametrize("name", NAMED)
def test_without_files_and_without_torchvision_one_error_says_what_to_do(given_folder, name):
    with pytest.raises(DataError) as raised:
        load(name)
    for remedy in ('pip install "micrograd-kr[demos]"', "MICROGRAD_KR_DATA", 'load("digits")', name):
        assert remedy in str(raised.value)


@pytest.mark.parametrize("name", NAMED)
def test_without_files_and_without_a_network_one_error_says_what_to_do(tmp_path, monkeypatch, capsys, name):
    datasets = pytest.importorskip("torchvision.datasets")
    monkeypatch.delenv("MICROGRAD_KR_DATA", raising=False)
    nobody = "http://127.0.0.1:9/"  # the port "discard", which nothing listens to
    monkeypatch.setattr(getattr(datasets, name), *(("url", nobody) if name == "CIFAR10" else ("mirrors", [nobody])))
    with pytest.raises(DataError) as raised:
        load(name, root=tmp_path)
    for text in (f"expected to download {name} into {tmp_path}, got: ", "connect to the internet", "MICROGRAD_KR_DATA"):
        assert text in str(raised.value)


@pytest.mark.parametrize("by_default", [False, True])
def test_what_torchvision_has_downloaded_is_read_without_torchvision(given_folder, tmp_path, by_default):
    root = tmp_path / "cache" / "micrograd_kr"
    put(root / "MNIST" / "raw", arrays((28, 28)))
    assert is_the_set(load("MNIST") if by_default else load("MNIST", root), arrays((28, 28)))


def test_cifar_10_comes_through_torchvision(tmp_path, monkeypatch, recwarn):
    datasets = pytest.importorskip("torchvision.datasets")
    monkeypatch.delenv("MICROGRAD_KR_DATA", raising=False)
    parts = arrays((32, 32, 3))
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name, x, y in (("a", *parts[:2]), ("b", *parts[2:])):
        rows = x.transpose(0, 3, 1, 2).reshape(len(x), -1)  # as its files have them
        (folder / name).write_bytes(pickle.dumps({"data": rows, "labels": y.tolist()}))
    (folder / "meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    for attribute, files in (("train_list", [["a", None]]), ("test_list", [["b", None]])):
        monkeypatch.setattr(datasets.CIFAR10, attribute, files)
    monkeypatch.setattr(datasets.CIFAR10, "meta", {"filename": "meta", "key": "label_names", "md5": None})
    assert is_the_set(load("CIFAR10", root=tmp_path), parts)
    assert not recwarn.list


def test_digits_need_no_download_and_are_split_the_same_way_each_time():
    pytest.importorskip("sklearn")
    data = load("digits")
    assert [each.shape for each in data] == [(1437, 8, 8), (1437,), (360, 8, 8), (360,)]
    assert (data.x_train.dtype, data.y_train.dtype) == (np.float32, np.int64)
    assert (data.x_train.min(), data.x_train.max()) == (0, 1)
    assert set(data.y_train) == set(data.y_test) == set(range(10))
    assert all(np.array_equal(a, b) for a, b in zip(data, load("digits"), strict=True))


def test_digits_without_scikit_learn_say_which_extra_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(DataError, match=r'needs scikit-learn: pip install "micrograd-kr\[demos\]"'):
        load("digits")


@pytest.mark.parametrize("name", ["MINST", "CIFAR-100", "nowhere/set.npz", Path("MNIST")])
def test_an_unknown_name_or_path_is_an_error_that_lists_the_names(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"expected MNIST, FashionMNIST, CIFAR10, digits, or a path .*{str(name)!r}"):
        load(name)


@pytest.mark.parametrize("change", [longer, replaced])
def test_a_set_of_which_a_file_changes_while_another_is_read_is_an_error(tmp_path, monkeypatch, change):
    def then_changed(path, dims):
        found = read_idx(path, dims)
        if path.name == FILES[-1]:
            change(tmp_path / FILES[0])
        return found

    put(tmp_path, arrays())
    monkeypatch.setattr("micrograd_kr.data.read_idx", then_changed)
    with pytest.raises(DataError, match=r"expected a file that stays as it is while it is read, .*; read it again"):
        load(tmp_path)


def test_an_idx_file_that_changes_while_it_is_read_is_an_error(tmp_path, monkeypatch):
    path = put(tmp_path, arrays()) / FILES[-1]
    at_the_end(monkeypatch, longer, path)
    with pytest.raises(DataError, match=r"expected a file that stays as it is while it is read, .*; read it again"):
        read_idx(path, 1)


def test_an_npz_that_changes_while_it_is_read_is_an_error(tmp_path, monkeypatch):
    path = tmp_path / "set.npz"
    path.write_bytes(npz(arrays()))
    at_the_end(monkeypatch, longer, path)
    with pytest.raises(DataError, match=r"expected a file that stays as it is while it is read, .*; read it again"):
        load(path)


def test_a_data_set_prints_its_shapes_and_not_its_numbers():
    parts = arrays()
    shown = "x_train (6, 4, 3) uint8, y_train (6,) uint8, x_test (2, 4, 3) uint8, y_test (2,) uint8"
    assert repr(Dataset(*parts)) == f"Dataset({shown})"


# --- the real files ---------------------------------------------------------------------------------------------------

REAL = {  # shape, images in all, in each class where all are equal, and the first labels, as torchvision has them
    "MNIST": ((28, 28), (60_000, 10_000), (None, None), [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], [7, 2, 1, 0, 4]),
    "FashionMNIST": ((28, 28), (60_000, 10_000), (6_000, 1_000), [9, 0, 0, 3, 0, 2, 7, 2, 5, 5], [9, 2, 1, 1, 6]),
    "CIFAR10": ((32, 32, 3), (50_000, 10_000), (5_000, 1_000), [6, 9, 9, 4, 1, 1, 2, 7, 8, 3], [3, 8, 8, 0, 6]),
}


@pytest.mark.parametrize("name", REAL)
def test_the_real_sets_have_their_sizes_labels_and_split(name):
    folder = os.environ.get("MICROGRAD_KR_DATA")
    if not folder:
        pytest.skip("MICROGRAD_KR_DATA names no folder with the real sets")
    if not Path(folder, "CIFAR10.npz" if name == "CIFAR10" else name).exists():
        pytest.skip(f"no {name} in MICROGRAD_KR_DATA")
    shape, (n_train, n_test), each_class, first, first_of_the_test = REAL[name]
    data = load(name)
    assert [each.shape for each in data] == [(n_train, *shape), (n_train,), (n_test, *shape), (n_test,)]
    assert (data.y_train[:10].tolist(), data.y_test[:5].tolist()) == (first, first_of_the_test)
    assert (data.x_train.min(), data.x_train.max(), data.x_train.dtype) == (0, 1, np.float32)
    for labels, equal in zip((data.y_train, data.y_test), each_class, strict=True):
        counts = Counter(labels.tolist())
        assert set(counts) == set(range(10))
        assert equal is None or set(counts.values()) == {equal}
    train, valid = split(n_train, (0.8, 0.2), seed=0)
    assert (len(train), len(valid)) == (n_train * 4 // 5, n_train // 5)


def test_the_real_mnist_is_torchvisions(tmp_path):
    folder = os.environ.get("MICROGRAD_KR_DATA")
    if not folder or not Path(folder, "MNIST").exists():
        pytest.skip("no MNIST in MICROGRAD_KR_DATA")
    datasets = pytest.importorskip("torchvision.datasets")
    (tmp_path / "MNIST").mkdir()
    (tmp_path / "MNIST" / "raw").mkdir()
    for path in Path(folder, "MNIST").glob("t*.gz"):
        (tmp_path / "MNIST" / "raw" / path.name).symlink_to(path)
    theirs = datasets.MNIST(tmp_path, train=False, download=True)  # there, md5 checked and unpacked: no network
    data = load("MNIST")
    np.testing.assert_array_equal(data.x_test, theirs.data.float().numpy() / 255)
    np.testing.assert_array_equal(data.y_test, theirs.targets.numpy())


# --- split, batches ---------------------------------------------------------------------------------------------------

RATIOS = st.lists(st.integers(0, 20), min_size=1, max_size=5).filter(any).map(lambda w: [each / sum(w) for each in w])


@given(n=st.integers(0, 2000), ratios=RATIOS, seed=st.integers(0, 2**32))
def test_the_parts_of_a_split_always_add_up_and_share_nothing(n, ratios, seed):
    parts = split(n, ratios, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(n))
    assert len(parts) == len(ratios)
    for part, ratio in zip(parts[:-1], ratios, strict=False):
        assert n * ratio - 1 < len(part) <= n * ratio + 1e-6
    assert 0 <= len(parts[-1]) < n * ratios[-1] + len(parts)


@pytest.mark.parametrize(
    ("n", "ratios", "sizes"),
    [
        (60_000, (0.8, 0.2), [48_000, 12_000]),
        (50_000, (0.8, 0.2), [40_000, 10_000]),
        (7, (0.8, 0.2), [5, 2]),  # 5 + 1 if both are rounded down
        (100, (0.29, 0.71), [29, 71]),  # 100 × 0.29 is 28.999999999999996
        (10, (0.7, 0.2, 0.1), [7, 2, 1]),
        (5, (1,), [5]),
    ],
)
def test_the_sizes_of_a_split(n, ratios, sizes):
    assert [len(each) for each in split(n, ratios, seed=0)] == sizes


@given(n=st.integers(1, 50), seed=st.integers(0, 2**32))
def test_a_split_of_arrays_keeps_every_sample_with_its_label(n, seed):
    x, y = np.arange(2 * n, dtype=np.float32).reshape(n, 2), np.arange(n)
    for (x_part, y_part), chosen in zip(split((x, y), (0.6, 0.4), seed), split(n, (0.6, 0.4), seed), strict=True):
        np.testing.assert_array_equal(y_part, chosen)
        np.testing.assert_array_equal(x_part, x[chosen])
        assert x_part.dtype == np.float32


def test_a_seed_splits_and_shuffles_the_same_way_and_a_generator_moves_on():
    y = np.arange(100)
    for draw in (lambda seed: split(100, seed=seed)[0], lambda seed: next(batches(y, y, 50, seed))[0]):
        generator = np.random.default_rng(7)
        first, second = draw(generator), draw(generator)
        np.testing.assert_array_equal(draw(7), first)
        assert not np.array_equal(first, second)
        assert not np.array_equal(draw(None), draw(None))


@pytest.mark.parametrize("ratios", [(), (0.8, 0.3), (0.8,), (1.2, -0.2), (float("nan"), 1.0)])
def test_ratios_that_do_not_add_up_are_an_error(ratios):
    with pytest.raises(ValueError, match="expected ratios of 0 or more that add up to 1"):
        split(10, ratios)


def test_arrays_that_do_not_go_together_are_an_error_at_the_call():
    x, y = np.zeros((3, 2)), np.zeros(4)
    with pytest.raises(ValueError, match=r"expected arrays of one length, got lengths \[3, 4\]"):
        split((x, y))
    with pytest.raises(ValueError, match="expected arrays of one length"):
        batches(x, y, 2)
    with pytest.raises(ValueError, match="expected a batch of at least 1 sample, got 0"):
        batches(x, x, 0)
    with pytest.raises(TypeError, match=r"expected arrays as \(x, y\), or how many samples, got ndarray"):
        split(x)


@given(n=st.integers(0, 60), size=st.integers(1, 70), shuffle=st.booleans(), seed=st.integers(0, 2**32))
def test_batches_give_every_sample_once_with_its_label_and_only_the_last_is_short(n, size, shuffle, seed):
    x, y = np.arange(2 * n, dtype=np.float32).reshape(n, 2), np.arange(n)
    found = list(batches(x, y, size, seed, shuffle))
    assert [len(each) for _, each in found] == [min(size, n - start) for start in range(0, n, size)]
    labels = [int(label) for _, each in found for label in each]
    assert sorted(labels) == list(range(n))
    assert shuffle or labels == list(range(n))
    for x_batch, y_batch in found:
        np.testing.assert_array_equal(x_batch, x[y_batch])
        assert x_batch.dtype == np.float32
        assert np.shares_memory(x_batch, x) is not shuffle


@given(n=st.integers(0, 20), size=st.integers(1, 8), drop_last=st.booleans(), shuffle=st.booleans())
def test_a_data_loader_has_len_batches_and_each_sample_once_in_a_new_order_each_time(n, size, drop_last, shuffle):
    x, y = np.arange(n)[:, None], np.arange(n)
    loader = DataLoader(TensorDataset(x, y), size, shuffle, drop_last=drop_last, seed=0)
    kept = n // size * size if drop_last else n
    for _ in range(2):
        found = list(loader)
        assert len(found) == len(loader)
        labels = np.concatenate([y[:0], *(labels for _, labels in found)])
        assert all((inputs[:, 0] == labels).all() for inputs, labels in found)
        assert len(labels) == len({*labels.tolist()}) == kept
        assert shuffle or labels.tolist() == list(range(kept))
    again = DataLoader((x, y), size, shuffle, drop_last=drop_last, seed=0)
    assert [labels.tolist() for _, labels in again] == [
        labels.tolist() for _, labels in DataLoader((x, y), size, shuffle, drop_last=drop_last, seed=0)
    ]


def test_a_data_loader_shuffles_anew_each_epoch_and_refuses_what_makes_no_batch():
    loader = DataLoader(TensorDataset(np.arange(50), np.arange(50)), batch_size=50, shuffle=True, seed=0)
    (first,), (second,) = ([labels.tolist() for _, labels in loader] for _ in range(2))
    assert first != second
    assert [part.tolist() for part in loader.dataset[3]] == [3, 3]
    with pytest.raises(ValueError, match="expected a batch of at least 1 sample, got 0"):
        DataLoader((X, Y), 0)
    with pytest.raises(ValueError, match="expected arrays of one length"):
        TensorDataset(X, Y[:-1])


def test_the_module_is_imported_without_what_only_a_download_needs():
    program = "import sys, micrograd_kr.data; print('http.client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_copy_no_more_than_a_batch_at_a_time(shuffle):
    x, y = np.zeros((5_000, 200), np.float32), np.zeros(5_000, np.int64)
    order = y.nbytes  # the one array of indices
    peak = peak_of(lambda: [None for _ in batches(x, y, 100, 0, shuffle)])
    assert peak < 2 * (x.nbytes + y.nbytes) / 50 + order + 10_000


# --- numbers for a network --------------------------------------------------------------------------------------------


def test_scale_makes_floats_of_pixels_and_refuses_floats():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert scale(pixels).dtype == np.float32
    np.testing.assert_array_equal(scale(pixels), pixels.astype(np.float32) / np.float32(255))
    with pytest.raises(ValueError, match="as uint8, got float32; floats in"):
        scale(scale(pixels))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, (0, 1), None])
def test_standardize_takes_mean_and_deviation_of_the_training_samples_alone(dtype, axis):
    g = np.random.default_rng(0)
    train, test = (g.normal(3, 2, (n, 5, 4)).astype(dtype) for n in (200, 30))
    (a, b), mean, std = standardize(train, test, axis=axis)
    assert a.dtype == b.dtype == mean.dtype == std.dtype == dtype
    np.testing.assert_allclose(a.mean(axis), 0, atol=1e-6)
    np.testing.assert_allclose(a.std(axis), 1, atol=1e-5)
    np.testing.assert_array_equal(b, (test - mean) / std)
    (again, _), *_ = standardize(train, test * 100, axis=axis)
    np.testing.assert_array_equal(again, a)


@pytest.mark.parametrize("value", [0, 0.1, 1e6 / 3, -7])
def test_a_feature_that_is_constant_becomes_exactly_zero(value):
    train = np.column_stack([np.full(1_000, value), np.arange(1_000)]).astype(np.float32)
    (a,), _, std = standardize(train)
    assert not a[:, 0].any()
    assert std[0, 0] == 1
    assert a[:, 1].std() == pytest.approx(1, rel=1e-5)


def test_standardize_makes_floats_of_whole_numbers_and_refuses_none():
    (a,), _, _ = standardize(np.array([[0], [255]], np.uint8))
    assert (a.dtype, a.tolist()) == (np.float32, [[-1.0], [1.0]])
    with pytest.raises(ValueError, match="expected training samples to take the mean of"):
        standardize(np.zeros((0, 3)))


# --- augmentation -----------------------------------------------------------------------------------------------------

AUGMENT = {  # as it is used, and so that it changes nothing
    "rotate": (lambda x, **kw: rotate(x, 30, **kw), lambda x, **kw: rotate(x, 0, **kw)),
    "shift": (lambda x, **kw: shift(x, 2, **kw), lambda x, **kw: shift(x, 0, **kw)),
    "noise": (lambda x, shape=None, **kw: noise(x, 0.1, **kw), lambda x, shape=None, **kw: noise(x, 0, **kw)),
    "erase": (lambda x, **kw: erase(x, 3, **kw), lambda x, **kw: erase(x, 0, **kw)),
}


def images(shape, dtype=np.float32, n=5):
    return np.random.default_rng(1).uniform(0.1, 1, (n, *shape)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(7, 6), (7, 6, 3)])
@pytest.mark.parametrize("name", AUGMENT)
def test_augmentation_keeps_shape_and_dtype_and_leaves_its_batch_alone(name, shape, dtype):
    change, leave = AUGMENT[name]
    x = images(shape, dtype)
    before = x.copy()
    changed = change(x, seed=3)
    assert (changed.shape, changed.dtype) == (x.shape, dtype)
    assert all((a != b).any() for a, b in zip(changed, x, strict=True))
    np.testing.assert_array_equal(leave(x, seed=3), x)
    changed[:] = 0
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("shape", [(7, 6), (7, 6, 3)])
@pytest.mark.parametrize("name", AUGMENT)
def test_flat_images_with_their_shape_are_augmented_as_images_are(name, shape):
    change, _ = AUGMENT[name]
    x = images(shape)
    flat = change(x.reshape(len(x), -1), seed=3, shape=shape)
    np.testing.assert_array_equal(flat, change(x, seed=3).reshape(len(x), -1))


@pytest.mark.parametrize("name", AUGMENT)
def test_augmentation_repeats_with_a_seed_and_moves_on_with_a_generator(name):
    change, _ = AUGMENT[name]
    x, generator = images((9, 9), n=8), np.random.default_rng(5)
    first, second = change(x, seed=generator), change(x, seed=generator)
    np.testing.assert_array_equal(change(x, seed=5), first)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", AUGMENT)
def test_augmentation_takes_an_empty_batch_and_refuses_pixels(name):
    change, _ = AUGMENT[name]
    assert change(images((7, 6), n=0), seed=0).shape == (0, 7, 6)
    with pytest.raises(ValueError, match="expected images as float32 or float64, got uint8; scale"):
        change(np.zeros((2, 7, 6), np.uint8), seed=0)


@pytest.mark.parametrize(
    "change", [lambda x, s: rotate(x, 5, 0, s), lambda x, s: shift(x, 1, 0, s), lambda x, s: erase(x, 1, 0, s)]
)
@pytest.mark.parametrize(
    ("size", "shape"), [((5, 42), None), ((5, 42), (7, 7)), ((5, 42), (42,)), ((5, 7, 6), (6, 7)), ((42,), None)]
)
def test_images_of_no_known_shape_are_an_error_that_says_what_to_give(change, size, shape):
    with pytest.raises(ValueError, match=r"expected images \(n, h, w\).* for rows of 784 give shape=\(28, 28\)"):
        change(np.zeros(size), shape)


@pytest.mark.parametrize("shape", [(5, 5), (4, 4), (6, 6, 3)])
@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_quarter_turn_is_rot90(shape, quarters):
    x = images(shape, np.float64)
    turned = rotate(x, (90.0 * quarters, 90.0 * quarters), seed=0)
    np.testing.assert_allclose(turned, np.rot90(x, quarters, axes=(1, 2)), atol=1e-12)


@pytest.mark.parametrize("degrees", [-37, 10, 123])
@pytest.mark.parametrize("shape", [(28, 28), (9, 14)])
def test_a_turn_is_torchvisions_bilinear_one(shape, degrees):
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchvision.transforms.functional")
    x = images(shape)
    bilinear = pytest.importorskip("torchvision.transforms").InterpolationMode.BILINEAR
    theirs = functional.rotate(torch.from_numpy(x)[:, None], degrees, bilinear)[:, 0].numpy()
    np.testing.assert_allclose(rotate(x, (degrees, degrees), seed=0), theirs, atol=1e-4)


def test_each_image_is_turned_by_its_own_angle_within_the_bounds():
    x = np.zeros((200, 21, 21))
    x[:, 10, 20] = 1  # a pixel at the right, which goes up when turned counter-clockwise
    turned = rotate(x, 20, seed=0)
    rows = (turned * np.arange(21)[:, None]).sum((1, 2)) / turned.sum((1, 2))
    angles = np.rad2deg(np.arcsin((10 - rows) / 10))
    assert np.abs(angles).max() < 22
    assert angles.std() == pytest.approx(20 / np.sqrt(3), rel=0.15)  # of a uniform draw
    assert (rotate(x, (45, 45), seed=0)[:, 3, 17] > 0.2).all()


def test_a_shift_moves_each_image_by_whole_pixels_and_brings_in_zeros():
    x = images((6, 5), n=300)
    moves = Counter()
    for image, moved in zip(x, shift(x, 2, seed=0), strict=True):
        frame = np.pad(image, 2)
        fits = [(i, j) for i in range(5) for j in range(5) if np.array_equal(moved, frame[i : i + 6, j : j + 5])]
        moves.update(fits)
        assert len(fits) == 1
    assert len(moves) == 25, "each of the moves comes up"


def test_a_shift_out_of_the_image_leaves_zeros():
    far = shift(images((4, 4), n=50), 10**9, seed=0)
    assert not far.any()


def test_noise_has_its_standard_deviation():
    x = np.full((50, 40, 40), 0.5, np.float32)
    added = noise(x, 0.2, seed=0) - x
    assert added.std() == pytest.approx(0.2, rel=0.01)
    assert abs(added.mean()) < 0.003


@pytest.mark.parametrize("shape", [(6, 9), (6, 9, 3)])
@pytest.mark.parametrize("size", [1, 4, 6])
def test_erase_takes_one_square_anywhere_and_leaves_the_rest(shape, size):
    x = images(shape, n=200)
    erased = erase(x, size, seed=0)
    np.testing.assert_array_equal(erased[erased != 0], x[erased != 0])
    gone = (erased == 0).reshape(200, 6, 9, -1).all(axis=-1)
    corners = set()
    for each in gone:
        rows, columns = np.nonzero(each.any(axis=1))[0], np.nonzero(each.any(axis=0))[0]
        assert (len(rows), len(columns), each.sum()) == (size, size, size**2)
        assert (np.ptp(rows), np.ptp(columns)) == (size - 1, size - 1)
        corners.add((int(rows[0]), int(columns[0])))
    assert len(corners) > 0.8 * (7 - size) * (10 - size)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: shift(x, -1), "a shift of 0 pixels or more, got -1"),
        (lambda x: noise(x, -1), "a standard deviation of 0 or more, got -1"),
        (lambda x: noise(x, float("nan")), "a standard deviation of 0 or more, got nan"),
        (lambda x: erase(x, 8), r"a square that fits into images of \(7, 7\), got 8 pixels a side"),
        (lambda x: erase(x, -1), "a square that fits"),
    ],
)
def test_an_augmentation_that_cannot_be_is_an_error(change, message):
    with pytest.raises(ValueError, match=message):
        change(images((7, 7)))
