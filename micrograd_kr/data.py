"""Real data sets as numpy arrays, and what is done to them before and during training.

    data = load("MNIST")                                          # images (60000, 28, 28), labels (60000,)
    train, valid = split((data.x_train, data.y_train), (0.8, 0.2), seed=0)
    for x, y in batches(*train, 256, seed=0):
        x = rotate(x, 10, seed=generator)

A set comes from files already there, from scikit-learn, or through torchvision, which downloads it. A file is not
trusted: its header says how large it is, that is compared with the file, and no more memory is taken than a file of
its size may need. Images keep their shape; `x.reshape(len(x), -1)` gives one row of features for each.

Whatever is random takes a seed, the same each time, or a numpy Generator, which moves on.
"""

import gzip
import math
import os
import re
import sys
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from micrograd_kr import seeds
from micrograd_kr.files import FileChangedError, steady
from micrograd_kr.printed import displayable
from micrograd_kr.seeds import Seed

Array = NDArray[Any]
Shape = tuple[int, ...] | None
FOLDER = "MICROGRAD_KR_DATA"  # the environment variable that names a folder of data sets


class DataError(ValueError):
    """A data set that is not there or not as it should be: which file, what was expected, what came, what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(displayable(text, "utf-8"))  # what a file says could move a terminal's cursor


class Dataset(NamedTuple):
    """Samples x, float32 in 0..1 with the first axis counting them, and their labels y, int64 (n,), in two parts."""

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array

    def __repr__(self) -> str:
        parts = zip(self._fields, self, strict=True)
        return f"Dataset({', '.join(f'{name} {part.shape} {part.dtype}' for name, part in parts)})"


# The shape of an image; all three sets have ten classes.
NAMED = {"MNIST": (28, 28), "FashionMNIST": (28, 28), "CIFAR10": (32, 32, 3)}


def load(name: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> Dataset:
    """A data set by name, from an .npz file, or from a folder of IDX files.

    "MNIST", "FashionMNIST" (60,000 + 10,000 images of (28, 28)), "CIFAR10" (50,000 + 10,000 of (32, 32, 3)): from the
    folder that the environment variable MICROGRAD_KR_DATA names, where the four files of a set are in MNIST/ or
    FashionMNIST/ and CIFAR10.npz is itself; else through torchvision, which downloads it once into `root`, by default
    a cache folder of the user.
    "digits": scikit-learn's 1,797 handwritten digits of (8, 8), no download; in their order, the last 360 are the test
    set.
    A path to an .npz with x_train, y_train, x_test, y_test: x uint8, or floats in 0..1; y whole numbers.
    A path to a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
    t10k-labels-idx1-ubyte, each plain or .gz.

    Raises DataError for what is not there, cannot be downloaded, or is not what it says it is.
    """
    if isinstance(name, str):
        names = {each.lower(): each for each in (*NAMED, "digits")}
        known = names.get(re.sub("[-_ ]", "", name).lower())
        if known == "digits":
            return _digits()
        if known:
            cache = os.environ.get("XDG_CACHE_HOME" if sys.platform != "win32" else "LOCALAPPDATA")
            return _named(known, Path(root or Path(cache or Path.home() / ".cache", "micrograd_kr")))
    path = Path(name).expanduser()
    if path.is_dir() or path.is_file():
        return _dataset(_folder(path) if path.is_dir() else _npz(path), path)
    got = f"{os.fspath(name)!r}, which is neither such a name nor a file that is there"
    raise DataError(f"expected {', '.join(NAMED)}, digits, or a path to an .npz or a folder of IDX files; got {got}")


def scale(x: Array) -> Array:
    """Pixels 0..255 (uint8) as float32 in 0..1, as torchvision's ToTensor has them; the shape stays."""
    if x.dtype != np.uint8:
        raise ValueError(f"expected pixels 0..255 as uint8, got {x.dtype}; floats in 0..1 need no scaling")
    return np.divide(x, np.float32(255), dtype=np.float32)


def _named(name: str, root: Path) -> Dataset:
    """A set of NAMED: from the user's own files, else from what torchvision downloads, once, into `root`."""
    given, raw = os.environ.get(FOLDER), root / name / "raw"
    if given and (source := Path(given, "CIFAR10.npz" if name == "CIFAR10" else name)).exists():
        data = load(source)
    # torchvision unpacks a file only once its md5 is right, and takes four unpacked files for a finished download.
    elif all((raw / each).is_file() for each in FILES):
        source, data = raw, load(raw)
    else:
        source, data = root, _dataset(_fetched(name, root), root)
    shape, last = data.x_train.shape[1:], max(data.y_train.max(), data.y_test.max())
    if shape != NAMED[name] or last > 9:
        wanted, came = (f"images of {each} with labels 0..{n}" for each, n in ((NAMED[name], 9), (shape, last)))
        raise _wrong(source, f"{name}, {wanted}", came, f"it is another set: load it by its path, or put {name} there")
    return data


def _fetched(name: str, root: Path) -> list[Array]:
    """What torchvision has of a set, downloaded if it is not in `root`; whatever goes wrong is one DataError."""
    files = "CIFAR10.npz (x_train, y_train, x_test, y_test)" if name == "CIFAR10" else f"the four .gz files of {name}/"
    instead = f'or put {files} into a folder and name that in {FOLDER}; load("digits") needs no download'
    try:
        from http.client import HTTPException  # which torchvision loads, too; elsewhere it would only take long

        from torchvision import datasets

        with warnings.catch_warnings():
            # torchvision unpickles CIFAR-10 in a way numpy 2.4 warns of: github.com/pytorch/vision/issues/9340
            warnings.simplefilter("ignore", np.exceptions.VisibleDeprecationWarning)
            parts = [getattr(datasets, name)(root, train=each, download=True) for each in (True, False)]
        return [np.asarray(each) for part in parts for each in (part.data, part.targets)]
    except ImportError as error:
        needs = f'load("{name}") found no files of it and needs torchvision to download them'
        raise DataError(f'{needs}: pip install "micrograd-kr[demos]", {instead}') from error
    except (RuntimeError, OSError, EOFError, HTTPException) as error:
        came = str(error).strip() or type(error).__name__
        remedy = f"connect to the internet once and load it again, {instead}"
        raise DataError(f"expected to download {name} into {root}, got: {came}; {remedy}") from error


def _digits() -> Dataset:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError('load("digits") needs scikit-learn: pip install "micrograd-kr[demos]"') from error
    digits = load_digits()
    x, y = (digits.images / 16).astype(np.float32), digits.target.astype(np.int64)  # 16 is the darkest
    return Dataset(x[:-360], y[:-360], x[-360:], y[-360:])


def _dataset(arrays: Iterable[Array], source: Path) -> Dataset:
    """The four arrays as a source has them, checked, as a Dataset."""
    x_train, y_train, x_test, y_test = arrays
    data = Dataset(*_checked(x_train, y_train, "training", source), *_checked(x_test, y_test, "test", source))
    one, other = data.x_train.shape[1:], data.x_test.shape[1:]
    if one != other:
        raise _wrong(source, "samples of one shape", f"{one} to train on, {other} to test on", "take both from one set")
    return data


def _checked(x: Array, y: Array, part: str, source: Path) -> tuple[Array, Array]:
    """The samples of one part as float32 in 0..1 and its labels as int64 (n,)."""
    if y.ndim == 2 and y.shape[1] == 1:  # as Keras keeps CIFAR-10's
        y = y[:, 0]
    if x.ndim < 2 or y.ndim != 1 or len(x) != len(y) or not x.size:
        wanted, came = f"{part} samples (n, …) and as many labels (n,), at least one", f"samples {x.shape}"
        raise _wrong(source, wanted, f"{came} and labels {y.shape}", "take images and labels from one set")
    if y.dtype.kind not in "iu" or y.min() < 0:
        came = str(y.min() if y.dtype.kind == "i" else y.dtype)
        raise _wrong(source, f"{part} labels as whole numbers from 0", came, "number the classes 0, 1, 2 …")
    if x.dtype == np.uint8:
        return scale(x), y.astype(np.int64)
    if x.dtype.kind != "f" or not (x.min() >= 0 and x.max() <= 1):  # nan fails both
        came = f"floats from {x.min()} to {x.max()}" if x.dtype.kind == "f" else f"{x.dtype}"
        raise _wrong(source, f"{part} samples as uint8, or floats in 0..1", came, "save pixels 0..255 as uint8")
    return x.astype(np.float32), y.astype(np.int64)


# --- files that may lie -----------------------------------------------------------------------------------------------

FILES = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
# A file may unpack to 64 MB, or to a hundred times its own size: MNIST to 4.8 times, an empty image to 1,000.
UNPACKED, RATIO = 2**26, 100
IDX_HOLDS = {b"\0\0\x08\x01": "labels, one dimension", b"\0\0\x08\x03": "images, three dimensions"}  # of uint8


def _wrong(path: Path, expected: str, got: str, remedy: str = "get the file again") -> DataError:
    return DataError(f"{path}: expected {expected}, got {got}; {remedy}")


@contextmanager
def _reading(path: Path, expected: str = "a whole, readable file", *remedy: str) -> Iterator[None]:
    """Whatever is wrong with what is read is a DataError: an OSError, zlib's, zipfile's, Python's of a header …"""
    try:
        yield
    except DataError:
        raise
    except FileChangedError as error:
        raise _wrong(
            path, "a file that stays as it is while it is read", "another at the end", "read it again"
        ) from error
    except Exception as error:
        raise _wrong(path, expected, f"{type(error).__name__}: {error}".splitlines()[0][:150], *remedy) from error


def _array(stream: Any, raw: Any, path: Path, shape: tuple[int, ...], dtype: Any) -> Array:
    """All that is left of a stream unpacked from a raw file; no more is read than a file of its size may hold."""
    need, most = math.prod(shape) * dtype.itemsize, max(UNPACKED, RATIO * os.fstat(raw.fileno()).st_size)
    expected = f"{need:,} bytes of numbers for its header of {shape}"
    if need > most:
        raise _wrong(path, expected, f"a file of a size to hold at most {most:,}")
    data = bytearray(stream.read(need + 1))  # one more: to see the end
    if len(data) != need:
        raise _wrong(path, expected, f"{len(data):,}" if len(data) < need else "more")
    return np.frombuffer(data, dtype).reshape(shape)


def _folder(folder: Path) -> Iterator[Array]:
    """The arrays of an IDX set's four files; packed ones first, since gzip has a checksum."""
    paths = [_found(folder, name) for name in FILES]
    with _reading(folder), steady(*paths):
        for path, name in zip(paths, FILES, strict=True):
            yield read_idx(path, 3 if "images" in name else 1)


def _found(folder: Path, name: str) -> Path:
    """One of the files of a set, by any of its names."""
    spellings = (f"{each}{end}" for end in (".gz", "") for each in (name, name.replace("-idx", ".idx")))
    for each in spellings:
        if (folder / each).is_file():
            return folder / each
    raise _wrong(folder, f"a file {name}, or the same with .gz", "none", "put all four files of the set there")


def read_idx(path: str | os.PathLike[str], dims: int) -> Array:
    """The uint8 array in an IDX file, plain or gzipped: images (n, h, w) for `dims` 3, labels (n,) for `dims` 1.

    Two zero bytes, the type (0x08), the number of dimensions, each dimension as a big-endian uint32, then the numbers:
    yann.lecun.com/exdb/mnist. Raises DataError for any other type or number of dimensions, for a file that is longer
    or shorter than its header says, or damaged.
    """
    path = Path(path)
    with _reading(path), path.open("rb") as raw, steady(raw.fileno()):
        stream = gzip.GzipFile(fileobj=raw) if raw.peek(2)[:2] == b"\x1f\x8b" else raw
        magic, wanted = stream.read(4), bytes((0, 0, 0x08, dims))
        if magic != wanted:
            said = [f"{IDX_HOLDS.get(each, 'no IDX file of bytes')} (0x{each.hex()})" for each in (wanted, magic)]
            raise _wrong(path, said[0], said[1], "give each file the name of what is in it")
        header = stream.read(4 * dims)
        if len(header) < 4 * dims:
            raise _wrong(path, f"a header of {4 + 4 * dims} bytes", f"{4 + len(header)}")
        return _array(stream, raw, path, tuple(np.frombuffer(header, ">u4").tolist()), np.dtype(np.uint8))


def _npz(path: Path) -> Iterator[Array]:
    """The arrays x_train, y_train, x_test, y_test of an .npz, a zip of .npy files. Nothing is ever unpickled."""
    with _reading(path), path.open("rb") as raw, steady(raw.fileno()), zipfile.ZipFile(raw) as archive:
        there = archive.namelist()
        for name in Dataset._fields:
            if f"{name}.npy" not in there:
                came = ", ".join(each.removesuffix(".npy")[:40] for each in there[:10]) or "no array"
                remedy = "make it with np.savez(file, x_train=…, y_train=…, x_test=…, y_test=…)"
                raise _wrong(path, f"arrays {', '.join(Dataset._fields)}", came, remedy)
            method = archive.getinfo(f"{name}.npy").compress_type
            if method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # other methods unpack without a bound
                raise _wrong(path / name, "a stored or deflated array", f"zip method {method}", "save it with np.savez")
            remedy = "save it with np.savez as uint8, float32 or int64"
            with archive.open(f"{name}.npy") as stream, _reading(path / name, "an array of numbers", remedy):
                # numpy reads the header, of the version that it writes: at most 64 KB of text
                if (version := np.lib.format.read_magic(stream)) != (1, 0):
                    raise ValueError(f"version {version} of its format")
                shape, by_column, dtype = np.lib.format.read_array_header_1_0(stream, max_header_size=1_000)
                if dtype.kind not in "biuf" or any(n < 0 for n in shape):
                    raise ValueError("an array of objects" if dtype.hasobject else f"{dtype} {shape}")
                array = _array(stream, raw, path / name, shape[::-1] if by_column else shape, dtype)
                yield array.T if by_column else array


# --- split, batches, standard numbers ---------------------------------------------------------------------------------


def split(whole: Any, ratios: Sequence[float] = (0.8, 0.2), seed: Seed = None) -> tuple[Any, ...]:
    """Shuffle, and part without loss: each part has its ratio of the samples, rounded down, and the last the rest.

    whole: arrays of one length, as (x, y): gives for each part the same arrays. Or a number n: gives for each part the
    indices, of 0..n−1. ratios: one for each part, none negative, adding up to 1.

    >>> train, valid = split((np.zeros((7, 784)), np.arange(7)), (0.8, 0.2), seed=0)
    >>> train[0].shape, valid[0].shape
    ((5, 784), (2, 784))
    """
    if not ratios or not all(each >= 0 for each in ratios) or not math.isclose(sum(ratios), 1, abs_tol=1e-9):
        raise ValueError(f"expected ratios of 0 or more that add up to 1, got {tuple(ratios)}; for example (0.8, 0.2)")
    alone = isinstance(whole, int | np.integer)
    if not alone and not isinstance(whole, tuple | list):
        raise TypeError(f"expected arrays as (x, y), or how many samples, got {type(whole).__name__}; one is (x,)")
    n = int(whole) if alone else _length(*whole)
    # 100 × 0.29 is 28.999999999999996
    ends = np.cumsum([math.floor(n * ratio + 1e-9) for ratio in ratios[:-1]], dtype=int).clip(max=n)
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
    parts = [slice(start, start + size) for start in range(0, n, size)]
    if not shuffle:
        return ((x[part], y[part]) for part in parts)
    order = seeds.generator(seed).permutation(n)
    return ((np.take(x, order[part], axis=0), np.take(y, order[part], axis=0)) for part in parts)


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
    low, high = np.min(train, axis=axis, keepdims=True), np.max(train, axis=axis, keepdims=True)
    # Equal numbers have a standard deviation of some 1e-17 rather than 0: the mean is rounded.
    mean = np.where(low == high, high, mean).astype(dtype)
    std = np.where(low == high, 1, std).astype(dtype)
    return Standardized(tuple((each - mean) / std for each in (train, *others)), mean, std)


# --- augmentation -----------------------------------------------------------------------------------------------------
#
# Each takes a batch of floats, (n, h, w), (n, h, w, channels), or flat with `shape` saying (h, w) or (h, w, channels),
# and gives a new one of the same shape and dtype. Each image has its own draw.


def rotate(x: Array, degrees: float | tuple[float, float], seed: Seed = None, shape: Shape = None) -> Array:
    """Each image turned about its middle, by an angle drawn from −degrees..degrees or from (low, high).

    Positive is counter-clockwise. Between pixels it interpolates (bilinear); from outside comes 0.
    """
    images = _images(x, shape)
    n, h, w, _ = images.shape
    low, high = degrees if isinstance(degrees, tuple) else (-degrees, degrees)
    angles = np.deg2rad(seeds.generator(seed).uniform(low, high, (n, 1, 1)))
    cos, sin = np.cos(angles), np.sin(angles)
    down, right = (np.arange(h) - (h - 1) / 2)[:, None], np.arange(w) - (w - 1) / 2  # from the middle
    # Where the pixel that lands here comes from, in an image with a frame of zeros one pixel wide.
    row = np.clip(down * cos + right * sin + (h + 1) / 2, 0, h + 1)
    column = np.clip(right * cos - down * sin + (w + 1) / 2, 0, w + 1)
    top, left = np.minimum(row.astype(np.intp), h), np.minimum(column.astype(np.intp), w)
    below, along = (each.astype(images.dtype)[..., None] for each in (row - top, column - left))
    framed, i = _framed(images)
    upper, lower = (framed[i, y, left] * (1 - along) + framed[i, y, left + 1] * along for y in (top, top + 1))
    return np.reshape(upper * (1 - below) + lower * below, x.shape)


def shift(x: Array, pixels: int, seed: Seed = None, shape: Shape = None) -> Array:
    """Each image moved by whole pixels, −pixels..pixels down and as many to the right; what comes in is 0."""
    images = _images(x, shape)
    if pixels < 0:
        raise ValueError(f"expected a shift of 0 pixels or more, got {pixels}")
    n, h, w, _ = images.shape
    down, right = seeds.generator(seed).integers(-pixels, pixels, (2, n, 1), endpoint=True)
    rows, columns = (np.arange(h) - down + 1).clip(0, h + 1), (np.arange(w) - right + 1).clip(0, w + 1)
    framed, i = _framed(images)
    return np.reshape(framed[i, rows[:, :, None], columns[:, None, :]], x.shape)


def noise(x: Array, std: float, seed: Seed = None) -> Array:
    """Normal noise of this standard deviation added to every number; nothing is cut off at 0 or 1."""
    _floats(x)
    if not std >= 0:
        raise ValueError(f"expected a standard deviation of 0 or more, got {std}")
    noisy: Array = seeds.generator(seed).standard_normal(x.shape, dtype=x.dtype)
    noisy *= std
    noisy += x
    return noisy


def erase(x: Array, size: int, seed: Seed = None, shape: Shape = None) -> Array:
    """A square of size × size pixels, anywhere in each image, set to 0 (cutout: DeVries and Taylor, 2017)."""
    images = _images(x, shape)
    n, h, w, _ = images.shape
    if not 0 <= size <= min(h, w):
        raise ValueError(f"expected a square that fits into images of {(h, w)}, got {size} pixels a side")
    generator = seeds.generator(seed)
    # How far from the square's upper left corner each pixel is.
    down, right = (np.arange(side) - generator.integers(0, side - size + 1, (n, 1)) for side in (h, w))
    rows, columns = ((each >= 0) & (each < size) for each in (down, right))
    return np.where(rows[:, :, None, None] & columns[:, None, :, None], images.dtype.type(0), images).reshape(x.shape)


def _framed(images: Array) -> tuple[Array, Array]:
    """The images in a frame of zeros one pixel wide, and what stands before rows and columns of pixels to take."""
    return np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0))), np.arange(len(images))[:, None, None]


def _floats(x: Array) -> None:
    if x.dtype not in (np.float32, np.float64):
        raise ValueError(f"expected images as float32 or float64, got {x.dtype}; scale(x) turns pixels into floats")


def _images(x: Array, shape: Shape) -> Array:
    """The batch as (n, h, w, channels), a view of it."""
    _floats(x)
    size = x.shape[1:] if shape is None else tuple(shape)
    fits = math.prod(size) == math.prod(x.shape[1:]) if x.ndim == 2 else size == x.shape[1:]
    if len(size) not in (2, 3) or not fits:
        got = f"{x.shape} and shape {shape}; for rows of 784 give shape=(28, 28)"
        raise ValueError(f"expected images (n, h, w) or (n, h, w, channels), or flat ones and their shape, got {got}")
    return x.reshape(len(x), *size[:2], size[2] if len(size) == 3 else 1)
