"""Real data sets as numpy arrays, and what is done to them before and during training.

    data = load("MNIST")                                          # images (60000, 28, 28), labels (60000,)
    train, valid = split((data.x_train, data.y_train), (0.8, 0.2), seed=0)
    for x, y in batches(*train, 256, seed=0):
        x = rotate(x, 10, seed=generator)

A set comes from files already there, from scikit-learn, or through torchvision, which downloads it. A file is not
trusted: its header says how large it is, that is compared with the file, and memory grows only with what is really
read. Images keep their shape; `x.reshape(len(x), -1)` gives one row of features for each.

Whatever is random takes a seed, the same each time, or a numpy Generator, which moves on.
"""

import gzip
import math
import os
import re
import sys
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from micrograd_kr import seeds

Array = NDArray[Any]
Seed = seeds.Seed

FOLDER = "MICROGRAD_KR_DATA"  # the environment variable that names a folder of data sets


class DataError(ValueError):
    """A data set that is not there or not as it should be: which file, what was expected, what came, what to do."""


class Dataset(NamedTuple):
    """Samples x, float32 in 0..1 with the first axis counting them, and their labels y, int64 (n,), in two parts."""

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array

    def __repr__(self) -> str:
        parts = zip(self._fields, self, strict=True)
        return f"Dataset({', '.join(f'{name} {part.shape} {part.dtype}' for name, part in parts)})"


# --- loading ----------------------------------------------------------------------------------------------------------

# The shape of an image; all three sets have ten classes.
NAMED = {"MNIST": (28, 28), "FashionMNIST": (28, 28), "CIFAR10": (32, 32, 3)}


def load(name: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> Dataset:
    """A data set by name, from an .npz file, or from a folder of IDX files.

    Parameters
    ----------
    name
        - "MNIST", "FashionMNIST" (60,000 + 10,000 images of (28, 28)) or "CIFAR10" (50,000 + 10,000 of (32, 32, 3)):
          from the folder that the environment variable MICROGRAD_KR_DATA names, where the four files of a set are in
          MNIST/ or FashionMNIST/ and CIFAR10.npz is itself; else through torchvision, which downloads it once.
        - "digits": scikit-learn's 1,797 handwritten digits of (8, 8), no download; in their order, the last 360 are
          the test set.
        - A path to an .npz with x_train, y_train, x_test, y_test: x uint8, or floats in 0..1; y whole numbers.
        - A path to a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
          t10k-labels-idx1-ubyte, each plain or .gz.
    root
        Where torchvision keeps what it downloads; by default a cache folder of the user.

    Raises DataError for what is not there, cannot be downloaded, or is not what it says it is.
    """
    if isinstance(name, str):
        names = {each.lower(): each for each in (*NAMED, "digits")}
        known = names.get(re.sub("[-_ ]", "", name).lower())
        if known == "digits":
            return _digits()
        if known:
            return _named(known, Path(root) if root is not None else _cache())
    path = Path(name).expanduser()
    if path.is_dir():
        return _folder(path)
    if path.is_file():
        return _npz(path)
    raise DataError(
        f"expected {', '.join(NAMED)}, digits, or a path to an .npz or to a folder of IDX files; "
        f"got {os.fspath(name)!r}, which is neither such a name nor a file that is there"
    )


def scale(x: Array) -> Array:
    """Pixels 0..255 (uint8) as float32 in 0..1, as torchvision's ToTensor has them; the shape stays."""
    if x.dtype != np.uint8:
        raise ValueError(f"expected pixels 0..255 as uint8, got {x.dtype}; floats in 0..1 need no scaling")
    return np.divide(x, np.float32(255), dtype=np.float32)


def _named(name: str, root: Path) -> Dataset:
    """A set of NAMED from the user's own files, or else through torchvision."""
    given = os.environ.get(FOLDER)
    if given and name == "CIFAR10" and (path := Path(given, "CIFAR10.npz")).exists():
        return _fits(_npz(path), name, path)
    if given and name != "CIFAR10" and (path := Path(given, name)).is_dir():
        return _fits(_folder(path), name, path)
    return _fits(_cifar10(root) if name == "CIFAR10" else _downloaded(name, root), name, root)


def _fits(data: Dataset, name: str, source: Path) -> Dataset:
    """The set, if its images have the shape of the set of that name and its labels are 0..9."""
    shape, last = data.x_train.shape[1:], max(data.y_train.max(), data.y_test.max())
    if shape != NAMED[name] or last > 9:
        raise DataError(
            f"{source}: expected {name}, images of {NAMED[name]} with labels 0..9, got images of {shape} with labels "
            f"0..{last}; it is another set: load it by its path, or put {name} there"
        )
    return data


def _cache() -> Path:
    """The folder for downloads: XDG's on Linux and macOS, the local application data on Windows."""
    if chosen := os.environ.get("XDG_CACHE_HOME"):
        return Path(chosen, "micrograd_kr")
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local, "micrograd_kr", "cache")
    return Path.home() / ".cache" / "micrograd_kr"


def _instead(name: str) -> str:
    """How to do without a download."""
    files = "CIFAR10.npz (x_train, y_train, x_test, y_test)" if name == "CIFAR10" else f"the four .gz files of {name}/"
    return f'or put {files} into a folder and name that in {FOLDER}; load("digits") needs no download'


def _torchvision(name: str) -> Any:
    try:
        from torchvision import datasets
    except ImportError as error:
        raise DataError(
            f'load("{name}") found no files of it and needs torchvision to download them: '
            f'pip install "micrograd-kr[demos]", {_instead(name)}'
        ) from error
    return datasets


def _fetched(name: str, root: Path, **options: Any) -> Any:
    """torchvision's data set, downloaded if it is not in `root`; whatever goes wrong is one DataError."""
    make = getattr(_torchvision(name), name)
    from http.client import HTTPException  # which torchvision has loaded; without it, loading takes long

    try:
        with warnings.catch_warnings():
            # torchvision unpickles CIFAR-10 in a way numpy 2.4 warns of: github.com/pytorch/vision/issues/9340
            warnings.simplefilter("ignore", np.exceptions.VisibleDeprecationWarning)
            return make(root, download=True, **options)
    except (RuntimeError, OSError, EOFError, HTTPException) as error:
        raise DataError(
            f"expected to download {name} into {root}, got: {str(error).strip() or type(error).__name__}; "
            f"connect to the internet once and load it again, {_instead(name)}"
        ) from error


def _downloaded(name: str, root: Path) -> Dataset:
    """MNIST or FashionMNIST where torchvision keeps it; torchvision itself is needed only while it is not there."""
    raw = root / name / "raw"
    # torchvision unpacks a file only once its md5 is right, and takes four unpacked files for a finished download.
    if not all((raw / f"{part}-{kind}-ubyte").is_file() for part in PARTS.values() for kind in KINDS):
        _fetched(name, root)
    return _folder(raw)


def _cifar10(root: Path) -> Dataset:
    train, test = (_fetched("CIFAR10", root, train=each) for each in (True, False))
    return _dataset([train.data, np.asarray(train.targets), test.data, np.asarray(test.targets)], root)


def _digits() -> Dataset:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError('load("digits") needs scikit-learn: pip install "micrograd-kr[demos]"') from error
    digits = load_digits()
    x, y = (digits.images / 16).astype(np.float32), digits.target.astype(np.int64)  # 16 is the darkest
    return Dataset(x[:-360], y[:-360], x[-360:], y[-360:])


def _dataset(arrays: Sequence[Array], source: Path) -> Dataset:
    """The four arrays as a source has them, checked, as a Dataset."""
    x_train, y_train, x_test, y_test = arrays
    x_train, y_train = _checked(x_train, y_train, "training", source)
    x_test, y_test = _checked(x_test, y_test, "test", source)
    if x_train.shape[1:] != x_test.shape[1:]:
        came = f"{x_train.shape[1:]} to train on, {x_test.shape[1:]} to test on"
        raise _wrong(source, "samples of one shape", came, "take both parts from one set")
    return Dataset(x_train, y_train, x_test, y_test)


def _checked(x: Array, y: Array, part: str, source: Path) -> tuple[Array, Array]:
    """The samples of one part as float32 in 0..1 and its labels as int64 (n,)."""
    if y.ndim == 2 and y.shape[1] == 1:  # as Keras keeps CIFAR-10's
        y = y[:, 0]
    if x.ndim < 2 or y.ndim != 1 or len(x) != len(y) or not x.size:
        raise _wrong(
            source,
            f"{part} samples (n, …) and as many labels (n,), at least one",
            f"samples {x.shape} and labels {y.shape}",
            "take images and labels from one set",
        )
    if y.dtype.kind not in "iu" or y.min() < 0:
        came = f"{y.dtype}" if y.dtype.kind not in "iu" else f"{y.min()}"
        raise _wrong(source, f"{part} labels as whole numbers from 0", came, "number the classes 0, 1, 2 …")
    if x.dtype == np.uint8:
        return scale(x), y.astype(np.int64)
    if x.dtype.kind != "f" or not (x.min() >= 0 and x.max() <= 1):  # nan fails both
        came = f"floats from {x.min()} to {x.max()}" if x.dtype.kind == "f" else f"{x.dtype}"
        raise _wrong(source, f"{part} samples as uint8, or floats in 0..1", came, "save pixels 0..255 as uint8")
    return x.astype(np.float32), y.astype(np.int64)


# --- files that may lie -----------------------------------------------------------------------------------------------

PARTS = {"train": "train", "test": "t10k"}
KINDS = {"images-idx3": 3, "labels-idx1": 1}  # dimensions
READ = 2**20  # bytes at a time
# A packed file may unpack to 64 MB, or to a hundred times its own size: MNIST to 4.8 times, an empty image to 1,000.
UNPACKED, RATIO = 2**26, 100
IDX_TYPES = {0x08: "uint8", 0x09: "int8", 0x0B: "int16", 0x0C: "int32", 0x0D: "float32", 0x0E: "float64"}
IDX_HOLDS = {1: "labels, one dimension", 3: "images, three dimensions"}
BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError)


def _wrong(path: Path, expected: str, got: str, remedy: str) -> DataError:
    return DataError(f"{path}: expected {expected}, got {got}; {remedy}")


def _files(folder: Path, part: str, kind: str) -> list[Path]:
    """Which files of a folder are that part of an IDX set; packed first, since gzip has a checksum."""
    spellings = (f"{part}-{each}-ubyte{end}" for end in (".gz", "") for each in (kind, kind.replace("-", ".")))
    return [folder / each for each in spellings if (folder / each).is_file()]


def _folder(folder: Path) -> Dataset:
    """A set from its four IDX files."""
    arrays = []
    for part in PARTS.values():
        for kind, dims in KINDS.items():
            found = _files(folder, part, kind)
            if not found:
                remedy = "put all four files of the set there"
                raise _wrong(folder, f"a file {part}-{kind}-ubyte, or the same with .gz", "none", remedy)
            arrays.append(read_idx(found[0], dims))
    return _dataset(arrays, folder)


def read_idx(path: str | os.PathLike[str], dims: int) -> Array:
    """The uint8 array in an IDX file, plain or gzipped: images (n, h, w) for `dims` 3, labels (n,) for `dims` 1.

    Two zero bytes, the type (0x08), the number of dimensions, each dimension as a big-endian uint32, then the numbers:
    yann.lecun.com/exdb/mnist. Raises DataError for any other type or number of dimensions, for a file that is longer
    or shorter than its header says, or damaged.
    """
    path = Path(path)
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            size = os.fstat(raw.fileno()).st_size
            if not packed:
                return _idx(raw, path, dims, size)
            with gzip.GzipFile(fileobj=raw) as stream:
                return _idx(stream, path, dims, max(UNPACKED, RATIO * size))
    except DataError:
        raise
    except BROKEN as error:
        raise _damaged(path, error) from error


def _idx(stream: Any, path: Path, dims: int, most: int) -> Array:
    """What `read_idx` gives, from a stream of at most so many bytes."""
    magic = bytes(stream.read(4))
    wanted = bytes((0, 0, 0x08, dims))
    if magic != wanted:
        what = "no IDX file"
        if len(magic) == 4 and magic[:2] == b"\0\0" and magic[2] in IDX_TYPES:
            what = f"{IDX_TYPES[magic[2]]}, {IDX_HOLDS.get(magic[3], f'{magic[3]} dimensions')}"
        expected = f"uint8, {IDX_HOLDS.get(dims, f'{dims} dimensions')} (0x{wanted.hex()})"
        raise _wrong(path, expected, f"{what} (0x{magic.hex()})", "give each file the name of what is in it")
    header = bytes(stream.read(4 * dims))
    if len(header) < 4 * dims:
        raise _wrong(path, f"a header of {4 + 4 * dims} bytes", f"{4 + len(header)}", "get the file again")
    shape = tuple(int.from_bytes(header[i : i + 4], "big") for i in range(0, 4 * dims, 4))
    return _filled(stream, path, shape, most - 4 - 4 * dims).reshape(shape)


def _filled(stream: Any, path: Path, shape: tuple[int, ...], most: int) -> Array:
    """The flat bytes of an array, all that is left of a stream, which holds `most` bytes at most.

    Memory grows with what is read, never with what a header promises.
    """
    need = math.prod(shape)
    expected = f"{need:,} bytes of numbers for its header of {shape}"
    if need > most:
        raise _wrong(path, expected, f"a file of a size to hold at most {most:,}", "get the file again")
    data = bytearray()
    while len(data) <= need and (chunk := stream.read(min(READ, need + 1 - len(data)))):  # one more: to see the end
        data += chunk
    if len(data) != need:
        raise _wrong(path, expected, f"{len(data):,}" if len(data) < need else "more", "get the file again")
    return np.frombuffer(data, np.uint8)


def _damaged(path: Path, error: Exception) -> DataError:
    return _wrong(path, "a whole, readable file", f"{type(error).__name__}: {error}", "get the file again")


def _npz(path: Path) -> Dataset:
    """A set from an .npz with x_train, y_train, x_test, y_test. Nothing is ever unpickled."""
    try:
        with path.open("rb") as raw, zipfile.ZipFile(raw) as archive:
            size = os.fstat(raw.fileno()).st_size
            arrays = [_member(archive, name, path, size) for name in Dataset._fields]
    except DataError:
        raise
    except BROKEN as error:
        raise _damaged(path, error) from error
    return _dataset(arrays, path)


def _member(archive: zipfile.ZipFile, name: str, path: Path, size: int) -> Array:
    """One array of an .npz, a zip of .npy files, read by numpy once its sizes agree. `size` is that of the .npz."""
    if f"{name}.npy" not in archive.namelist():
        came = ", ".join(each.removesuffix(".npy")[:40] for each in archive.namelist()[:10]) or "no array"
        remedy = "make it with np.savez(file, x_train=…, y_train=…, x_test=…, y_test=…)"
        raise _wrong(path, f"arrays {', '.join(Dataset._fields)}", came, remedy)
    info, inside = archive.getinfo(f"{name}.npy"), path / name  # as errors name it
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # other methods unpack without a bound
        raise _wrong(inside, "a stored or deflated array", f"zip method {info.compress_type}", "save it with np.savez")
    with archive.open(info) as stream:
        shape, dtype = _npy_header(stream, inside)
        need, held = math.prod(shape) * dtype.itemsize, info.file_size - stream.tell()
        expected = f"{need:,} bytes of numbers for its header of {shape}"
        most = size if info.compress_type == zipfile.ZIP_STORED else max(UNPACKED, RATIO * size)
        if need > most:
            raise _wrong(inside, expected, f"a file of a size to hold at most {most:,}", "get the file again")
        if need != held:
            raise _wrong(inside, expected, f"{held:,}", "get the file again")
    with archive.open(info) as stream:
        return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def _npy_header(stream: Any, inside: Path) -> tuple[tuple[int, ...], Any]:
    """Shape and dtype of the numbers in an .npy, which numpy reads as a literal of at most 1,000 characters."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, _, dtype = readers[np.lib.format.read_magic(stream)](stream, max_header_size=1_000)
    except Exception as error:  # whatever Python's parser makes of such a text: TokenError, MemoryError, SyntaxError …
        came = str(error).partition("\n")[0][:80] or type(error).__name__
        raise _wrong(inside, "an array of numbers", came, "save it with np.savez") from error
    if dtype.kind not in "biuf" or any(n < 0 for n in shape):
        came = "an array of objects" if dtype.hasobject else f"{dtype} {shape}"
        raise _wrong(inside, "an array of numbers", came, "save it with np.savez as uint8, float32 or int64")
    return shape, dtype


# --- split, batches ---------------------------------------------------------------------------------------------------


@overload
def split(whole: int, ratios: Sequence[float] = ..., seed: Seed = ...) -> tuple[Array, ...]: ...
@overload
def split(
    whole: tuple[Array, ...] | list[Array], ratios: Sequence[float] = ..., seed: Seed = ...
) -> tuple[tuple[Array, ...], ...]: ...
def split(whole: Any, ratios: Sequence[float] = (0.8, 0.2), seed: Seed = None) -> Any:
    """Shuffle, and part without loss: each part has its ratio of the samples, rounded down, and the last the rest.

    Parameters
    ----------
    whole
        Arrays of one length, as (x, y): gives for each part the same arrays. Or a number n: gives for each part the
        indices, of 0..n−1.
    ratios
        One for each part, none negative, adding up to 1.

    >>> train, valid = split((np.zeros((7, 784)), np.arange(7)), (0.8, 0.2), seed=0)
    >>> train[0].shape, valid[0].shape
    ((5, 784), (2, 784))
    """
    if not ratios or not all(each >= 0 for each in ratios) or not math.isclose(sum(ratios), 1, abs_tol=1e-9):
        raise ValueError(f"expected ratios of 0 or more that add up to 1, got {tuple(ratios)}; for example (0.8, 0.2)")
    alone = isinstance(whole, int | np.integer)
    if not alone and not isinstance(whole, tuple | list):
        raise TypeError(
            f"expected arrays as (x, y), or how many samples, got {type(whole).__name__}; give (x,) for one"
        )
    n = int(whole) if alone else _length(*whole)
    ends, left = [], n
    for ratio in ratios[:-1]:
        count = min(left, math.floor(n * ratio + 1e-9))  # 100 × 0.29 is 28.999999999999996
        left -= count
        ends.append(n - left)
    parts = np.split(seeds.generator(seed).permutation(n), ends)
    return tuple(parts) if alone else tuple(tuple(np.take(each, i, axis=0) for each in whole) for i in parts)


def _length(*arrays: Array) -> int:
    lengths = [len(each) for each in arrays]
    if len(set(lengths)) != 1:
        raise ValueError(f"expected arrays of one length, got lengths {lengths}; x and y go sample by sample")
    return lengths[0]


def batches(x: Array, y: Array, size: int, seed: Seed = None, shuffle: bool = True) -> Iterator[tuple[Array, Array]]:
    """Samples and labels, `size` at a time, each once; the last batch may be shorter.

    Shuffled, a batch is a copy of its own samples; in their order it is a view. No more than a batch is ever copied.
    """
    n = _length(x, y)
    if size < 1:
        raise ValueError(f"expected a batch of at least 1 sample, got {size}")
    order = seeds.generator(seed).permutation(n) if shuffle else None

    def each() -> Iterator[tuple[Array, Array]]:  # apart, so that a mistake above is raised at the call
        for start in range(0, n, size):
            if order is None:
                yield x[start : start + size], y[start : start + size]
            else:
                chosen = order[start : start + size]
                yield np.take(x, chosen, axis=0), np.take(y, chosen, axis=0)

    return each()


class TensorDataset:
    """Arrays of one length, as PyTorch has them: `dataset[i]` is sample i and its label."""

    def __init__(self, x: Any, y: Any) -> None:
        self.tensors = np.asarray(x), np.asarray(y)
        _length(*self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(each[index] for each in self.tensors)


class DataLoader:
    """The `batches` of a TensorDataset, or of a pair (x, y), in PyTorch's words; each pass over it shuffles anew.

    len is the number of batches; drop_last: one that would be shorter is left out.

    >>> loader = DataLoader(TensorDataset(np.zeros((7, 2)), np.arange(7)), batch_size=3, shuffle=True, seed=0)
    >>> len(loader), [len(y) for x, y in loader]
    (3, [3, 3, 1])
    """

    def __init__(
        self, dataset: Any, batch_size: int = 1, shuffle: bool = False, *, drop_last: bool = False, seed: Seed = None
    ) -> None:
        self.dataset = dataset if isinstance(dataset, TensorDataset) else TensorDataset(*dataset)
        self.batch_size, self.shuffle, self.drop_last = batch_size, shuffle, drop_last
        self.generator = seeds.generator(seed)
        iter(self)  # so that a batch of no sample is refused here

    def __len__(self) -> int:
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        return islice(batches(*self.dataset.tensors, self.batch_size, self.generator, self.shuffle), len(self))


# --- numbers for a network --------------------------------------------------------------------------------------------


class Standardized(NamedTuple):
    """Arrays less the mean, over the standard deviation, of the first of them."""

    arrays: tuple[Array, ...]
    mean: Array
    std: Array


def standardize(train: Array, *others: Array, axis: int | tuple[int, ...] | None = 0) -> Standardized:
    """Mean 0 and standard deviation 1 for the training samples; the others moved and scaled by the same numbers.

    The mean and the standard deviation (over n, as numpy's) are those of `train` alone: what the test set looks like
    must not reach the training. Along `axis`: 0 for each feature, (0, 1, 2) for each channel of images, None for one
    of all. What is constant is only moved, to 0. float32 stays float32; whole numbers become floats.

    >>> (train, test), mean, std = standardize(np.array([[0.0, 5.0], [2.0, 5.0]]), np.array([[4.0, 5.0]]))
    >>> train.tolist(), test.tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[3.0, 0.0]])
    """
    if not train.size:
        raise ValueError(f"expected training samples to take the mean of, got an array of {train.shape}")
    dtype = np.result_type(train, np.float32)
    mean = np.mean(train, axis=axis, keepdims=True, dtype=np.float64)
    std = np.std(train, axis=axis, keepdims=True, dtype=np.float64, mean=mean)
    # Equal numbers have a standard deviation of some 1e-17 rather than 0: the mean is rounded.
    constant = np.max(train, axis=axis, keepdims=True) == np.min(train, axis=axis, keepdims=True)
    mean, std = mean.astype(dtype), np.where(constant, 1, std).astype(dtype)
    mean = np.where(constant, np.max(train, axis=axis, keepdims=True), mean).astype(dtype)
    arrays = tuple((each - mean) / std for each in (train, *others))
    return Standardized(arrays, mean, std)


# --- augmentation -----------------------------------------------------------------------------------------------------
#
# Each takes a batch of floats, (n, h, w), (n, h, w, channels), or flat with `shape` saying (h, w) or (h, w, channels),
# and gives a new one of the same shape and dtype. Each image has its own draw.


def rotate(
    x: Array, degrees: float | tuple[float, float], seed: Seed = None, shape: tuple[int, ...] | None = None
) -> Array:
    """Each image turned about its middle, by an angle drawn from −degrees..degrees or from (low, high).

    Positive is counter-clockwise. Between pixels it interpolates (bilinear); from outside comes 0.
    """
    images = _images(x, shape)
    low, high = degrees if isinstance(degrees, tuple) else (-degrees, degrees)
    angles = np.deg2rad(seeds.generator(seed).uniform(low, high, len(images)))
    return _turned(images, angles).reshape(x.shape)


def _turned(images: Array, angles: Array) -> Array:
    """Images (n, h, w, c), each turned by its angle in radians."""
    n, h, w, _ = images.shape
    cos, sin = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    down, right = (np.arange(h) - (h - 1) / 2)[:, None], np.arange(w) - (w - 1) / 2  # from the middle
    # Where the pixel that lands here comes from, in an image with a frame of zeros one pixel wide.
    row = np.clip(down * cos + right * sin + (h + 1) / 2, 0, h + 1)
    column = np.clip(right * cos - down * sin + (w + 1) / 2, 0, w + 1)
    top, left = np.minimum(row.astype(np.intp), h), np.minimum(column.astype(np.intp), w)
    low, along = (each.astype(images.dtype)[..., None] for each in (row - top, column - left))
    framed, i = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0))), np.arange(n)[:, None, None]
    above = framed[i, top, left] * (1 - along) + framed[i, top, left + 1] * along
    below = framed[i, top + 1, left] * (1 - along) + framed[i, top + 1, left + 1] * along
    turned: Array = above * (1 - low) + below * low
    return turned


def shift(x: Array, pixels: int, seed: Seed = None, shape: tuple[int, ...] | None = None) -> Array:
    """Each image moved by whole pixels, −pixels..pixels down and as many to the right; what comes in is 0."""
    images = _images(x, shape)
    if pixels < 0:
        raise ValueError(f"expected a shift of 0 pixels or more, got {pixels}")
    n, h, w, _ = images.shape
    down, right = seeds.generator(seed).integers(-pixels, pixels, (2, n, 1), endpoint=True)
    rows, columns = np.arange(h) - down, np.arange(w) - right  # (n, h), (n, w): where a pixel comes from
    inside = ((rows >= 0) & (rows < h))[:, :, None] & ((columns >= 0) & (columns < w))[:, None, :]
    moved: Array = images[
        np.arange(n)[:, None, None], rows.clip(0, h - 1)[:, :, None], columns.clip(0, w - 1)[:, None, :]
    ]
    moved[~inside] = 0
    return moved.reshape(x.shape)


def noise(x: Array, std: float, seed: Seed = None) -> Array:
    """Normal noise of this standard deviation added to every number; nothing is cut off at 0 or 1."""
    _floats(x)
    if not std >= 0:
        raise ValueError(f"expected a standard deviation of 0 or more, got {std}")
    noisy: Array = seeds.generator(seed).standard_normal(x.shape, dtype=x.dtype)
    noisy *= std
    noisy += x
    return noisy


def erase(x: Array, size: int, seed: Seed = None, shape: tuple[int, ...] | None = None) -> Array:
    """A square of size × size pixels, anywhere in each image, set to 0 (cutout: DeVries and Taylor, 2017)."""
    images = _images(x, shape)
    n, h, w, _ = images.shape
    if not 0 <= size <= min(h, w):
        raise ValueError(f"expected a square that fits into images of {(h, w)}, got {size} pixels a side")
    generator = seeds.generator(seed)
    top, left = generator.integers(0, h - size + 1, (n, 1)), generator.integers(0, w - size + 1, (n, 1))
    rows = (np.arange(h) >= top) & (np.arange(h) < top + size)
    columns = (np.arange(w) >= left) & (np.arange(w) < left + size)
    gone = rows[:, :, None, None] & columns[:, None, :, None]
    return np.where(gone, images.dtype.type(0), images).reshape(x.shape)


def _floats(x: Array) -> None:
    if x.dtype not in (np.float32, np.float64):
        raise ValueError(f"expected images as float32 or float64, got {x.dtype}; scale(x) turns pixels into floats")


def _images(x: Array, shape: tuple[int, ...] | None) -> Array:
    """The batch as (n, h, w, channels), a view of it."""
    _floats(x)
    size = x.shape[1:] if shape is None else tuple(shape)
    fits = math.prod(size) == math.prod(x.shape[1:]) if x.ndim == 2 else size == x.shape[1:]
    if len(size) not in (2, 3) or not fits:
        raise ValueError(
            f"expected images (n, h, w) or (n, h, w, channels), or flat ones (n, features) and their shape, got "
            f"{x.shape} and shape {shape}; for rows of 784 give shape=(28, 28)"
        )
    return x.reshape(len(x), *size[:2], size[2] if len(size) == 3 else 1)
