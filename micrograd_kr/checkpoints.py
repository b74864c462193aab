"""Checkpoints: what a run has come to, in one .npz file that is written whole or not at all.

    save("run.npz", {"epoch": 3, "model": model.state_dict()})
    load("run.npz")["epoch"]  # 3

A checkpoint is a tree of dicts, lists, tuples, numbers, texts and arrays. Its arrays stand in the file under the path
that leads to them ("model/0.weight"), where `numpy.load` finds them, too; all the rest is JSON, in the entry "tree".
"""

import io
import json
import math
import os
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

Location = str | os.PathLike[str]

# What Python's zip and JSON readers and numpy's header reader raise for a file that is not as they wrote it.
_UNREADABLE = (
    zipfile.BadZipFile,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    NotImplementedError,
    RuntimeError,  # an encrypted entry; brackets nested too deep
    OverflowError,
    OSError,  # a place before the file's beginning
)


class CheckpointError(ValueError):
    """A file that is no checkpoint, or is one of another run."""


def save(path: Location, tree: Any) -> None:
    """Write a checkpoint: whole, or not at all.

    It is written beside the path, as `.<name>.part`, sent to the disk, then put in its place. Whoever reads the path
    finds the checkpoint before or this one, wherever the program or the machine is stopped.

    Raises TypeError for what a checkpoint cannot hold, OSError where the folder cannot be written to.
    """
    path = Path(path)
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_written(tree, (), arrays))
    arrays["tree"] = np.frombuffer(text.encode(), np.uint8)
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as entries:
                for name, array in arrays.items():
                    with entries.open(f"{name}.npy", "w", force_zip64=True) as entry:
                        np.lib.format.write_array(entry, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Send the new name to the disk, too; Windows has no such call."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _written(tree: Any, path: tuple[str, ...], arrays: dict[str, np.ndarray]) -> Any:
    """A tree as JSON has it, its arrays put aside under their paths."""
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    if isinstance(tree, np.ndarray | np.generic):
        if tree.dtype.kind not in "biuf":
            raise TypeError(f"expected numbers at {'/'.join(path)!r} of a checkpoint, got an array of {tree.dtype}")
        name = re.sub(r"[^\w./+-]", "_", "/".join(path)) or "array"  # zip cuts a name at some characters
        while name in arrays or name == "tree":
            name += "'"
        arrays[name] = np.asarray(tree)
        return {"array" if isinstance(tree, np.ndarray) else "scalar": name}
    if isinstance(tree, Mapping):
        return {"dict": [[_written(k, path, arrays), _written(v, (*path, str(k)), arrays)] for k, v in tree.items()]}
    if isinstance(tree, list | tuple):
        entries = [_written(each, (*path, str(i)), arrays) for i, each in enumerate(tree)]
        return entries if isinstance(tree, list) else {"tuple": entries}
    raise TypeError(
        f"expected dicts, lists, numbers, texts and arrays in a checkpoint, got {type(tree).__name__} at "
        f"{'/'.join(path)!r}: save what it consists of, such as its state_dict()"
    )


def load(path: Location) -> Any:
    """The tree of a checkpoint, bit for bit as it was saved.

    Nothing in the file is run, and what is allocated follows its true length. Raises CheckpointError for anything
    that `save` did not write, FileNotFoundError where there is no file.
    """
    with open(path, "rb") as file:
        try:
            return _loaded(file)
        except _UNREADABLE as error:
            reason = f"{type(error).__name__}: {error}"
            raise CheckpointError(
                f"expected a checkpoint that micrograd_kr saved, got {os.fspath(path)}, which is none or is damaged "
                f"({reason}): delete it, or name another file"
            ) from error


def _loaded(file: Any) -> Any:
    with zipfile.ZipFile(file) as entries:
        infos = entries.infolist()
        if any(info.compress_type for info in infos):
            raise ValueError("its entries are compressed")
        if sum(info.file_size for info in infos) > os.fstat(file.fileno()).st_size:
            raise ValueError("its entries are longer than the file")
        arrays = {info.filename.removesuffix(".npy"): _array(entries.read(info)) for info in infos}
    return _read(json.loads(arrays["tree"].tobytes().decode()), arrays)


def _array(entry: bytes) -> np.ndarray:
    """The array of one entry, whose header has to agree with its length."""
    file = io.BytesIO(entry)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"an array of format {version}")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind not in "biuf" or any(n < 0 for n in shape):
        raise ValueError(f"an array of {dtype} with shape {shape}")
    data = entry[file.tell() :]
    if len(data) != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{len(data)} bytes for an array of {dtype} with shape {shape}")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C").copy("K")


def _read(tree: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The tree that `_written` wrote."""
    if isinstance(tree, list):
        return [_read(each, arrays) for each in tree]
    if not isinstance(tree, dict):
        return tree
    ((kind, held),) = tree.items()
    if kind == "dict":
        return {_read(k, arrays): _read(v, arrays) for k, v in held}
    if kind == "tuple":
        return tuple(_read(each, arrays) for each in held)
    if kind == "array":
        return arrays[held]
    if kind == "scalar":
        return arrays[held][()]
    raise ValueError(f"an entry of kind {kind!r}")


def differences(here: Any, there: Any, at: Sequence[str] = ()) -> list[str]:
    """How two trees without arrays differ, one line for each place: "batch size: 128 in the checkpoint, 256 here"."""
    if isinstance(here, Mapping) and isinstance(there, Mapping):
        names = [*here, *(name for name in there if name not in here)]
        nothing = "nothing"
        return [
            line
            for name in names
            for line in differences(here.get(name, nothing), there.get(name, nothing), (*at, str(name)))
        ]
    return [] if here == there else [f"{' '.join(at)}: {there} in the checkpoint, {here} here"]
