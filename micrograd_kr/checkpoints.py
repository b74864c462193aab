"""Checkpoints: what a run has come to, in one safetensors file that is written whole or not at all.

    save("run.safetensors", {"epoch": 3, "model": model.state_dict()})
    load("run.safetensors")["epoch"]  # 3

A checkpoint is a tree of dicts, lists, tuples, numbers, texts and arrays. Its arrays stand in the file under the path
that leads to them ("model/0.weight"), where other programs find them, too; all the rest is JSON, in its metadata.
"""

import json
import os
import re
import zlib
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

import numpy as np

from micrograd_kr import files
from micrograd_kr.printed import displayable

Location = str | os.PathLike[str]
LONGEST = 40_000_000  # characters of JSON: safetensors takes 100 MB of header, where each may take two

# How an array comes back from its rows in the file.
KINDS: dict[str, Callable[[np.ndarray], Any]] = {
    "array": np.asarray,
    "columns": np.asfortranarray,
    "scalar": itemgetter(()),
}


class CheckpointError(ValueError):
    """A file that is no checkpoint, or is one of another run."""

    def __init__(self, text: str) -> None:
        super().__init__(displayable(text, "utf-8"))  # what a file says could move a terminal's cursor


def save(path: Location, tree: Any) -> None:
    """Write a checkpoint: whole, or not at all.

    Whoever reads the path finds the checkpoint before or this one, wherever the program or the machine is stopped,
    and however many programs write it.

    Raises TypeError for what a checkpoint cannot hold, OSError where the folder cannot be written to.
    """
    from safetensors.numpy import save as packed

    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_written(tree, (), arrays))
    if len(text) > LONGEST:
        raise TypeError(f"expected at most {LONGEST:,} characters beside the arrays of a checkpoint, got {len(text):,}")
    files.put(path, packed(arrays, {"tree": text, "crc32": _checksum(text, arrays)}))


def _written(tree: Any, path: tuple[str, ...], arrays: dict[str, np.ndarray]) -> Any:
    """A tree as JSON has it, its arrays put aside under their paths."""
    if tree is None or type(tree) in (bool, int, float, str):
        return tree
    if isinstance(tree, np.ndarray | np.generic):
        array = np.asarray(tree)
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise TypeError(f"expected numbers at {'/'.join(path)!r} of a checkpoint, got an array of {array.dtype}")
        # A product of matrices may differ in its last bit by their order in memory; in the file all stand by rows.
        by_columns = array.flags.f_contiguous and not array.flags.c_contiguous
        name = re.sub(r"[^\w./+-]", "_", "/".join(path)) or "array"
        while name in arrays or name == "__metadata__":
            name += "'"
        arrays[name] = np.asarray(array, array.dtype.newbyteorder("="), order="C")
        return {"scalar" if isinstance(tree, np.generic) else "columns" if by_columns else "array": name}
    if isinstance(tree, Mapping):
        return {"dict": [[_written(k, path, arrays), _written(v, (*path, str(k)), arrays)] for k, v in tree.items()]}
    if isinstance(tree, list | tuple):
        entries = [_written(each, (*path, str(i)), arrays) for i, each in enumerate(tree)]
        return entries if isinstance(tree, list) else {"tuple": entries}
    got = f"{type(tree).__name__} at {'/'.join(path)!r}: save what it consists of, such as its state_dict()"
    raise TypeError(f"expected dicts, lists, numbers, texts and arrays in a checkpoint, got {got}")


def _checksum(text: str, arrays: Mapping[str, np.ndarray]) -> str:
    """Of all that a checkpoint holds: safetensors has none of its own."""
    crc = zlib.crc32(text.encode())
    for name, array in sorted(arrays.items()):
        crc = zlib.crc32(array.tobytes(), zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc))
    return f"{crc:08x}"


def load(path: Location) -> Any:
    """The tree of a checkpoint, bit for bit as it was saved.

    Nothing in the file is run, and what is allocated follows its true length. Raises CheckpointError for anything
    that `save` did not write, FileNotFoundError where there is no file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load as unpacked

    raw = contents(path, "a checkpoint")
    try:
        arrays = unpacked(raw)  # this checks the header
        kept = metadata(raw)
        if "tree" not in kept:
            got = f"{os.fspath(path)}, a safetensors file of something else"
            remedy = "if it holds a model's weights, interchange.load_model(model, path) takes them"
            raise CheckpointError(f"expected a checkpoint that micrograd_kr saved, got {got}: {remedy}")
        if kept["crc32"] != _checksum(kept["tree"], arrays):
            raise ValueError("its checksum is another")

        def read(node: dict[str, Any]) -> Any:  # {kind: what it holds}, as `_written` wrote it
            ((kind, held),) = node.items()
            if kind in ("dict", "tuple"):
                return dict(held) if kind == "dict" else tuple(held)
            return KINDS[kind](arrays[held])

        return json.loads(kept["tree"], object_hook=read)
    except CheckpointError:
        raise
    except (SafetensorError, ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        got = refused(path, raw, error, "delete it, or name another file")
        raise CheckpointError(f"expected a checkpoint that micrograd_kr saved, got {got}") from error


def contents(path: Location, expected: str) -> bytes:
    """The bytes of a file, of one version of it. Raises CheckpointError where it is written to meanwhile."""
    try:
        with open(path, "rb") as file, files.steady(file.fileno()):
            return file.read()
    except files.FileChangedError as error:
        got = f"{os.fspath(path)}, which was written to meanwhile: load it again"
        raise CheckpointError(f"expected {expected} that stays as it is while it is read, got {got}") from error


def metadata(raw: bytes) -> dict[str, str]:
    """The texts that a safetensors file, whose header has been checked, holds beside its arrays."""
    found: dict[str, str] | None = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")]).get("__metadata__")
    return found or {}


def refused(path: Location, raw: bytes, error: Exception, remedy: str) -> str:
    """What a file is that could not be read as what it was given for, and what to do."""
    name = os.fspath(path)
    if raw.startswith((b"PK", *(bytes([0x80, protocol]) for protocol in range(6)))):
        why = "a pickle or a zip file as torch.save writes it, which is never opened: a pickle can run any code"
        anew = f"safetensors.torch.save_file(torch.load({name!r}, weights_only=True), '….safetensors')"
        return f"{name}, {why}. Where PyTorch is, write its state_dict anew: {anew}"
    why = f"{type(error).__name__}: {error}"[:150]  # a name in the file may be as long as it likes
    return f"{name}, which is none or is damaged ({why}): {remedy}"


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    """How settings differ, one line for each name: "batch size: 128 in the checkpoint, 256 here"."""
    both = [(name, there.get(name, "nothing"), here.get(name, "nothing")) for name in {**here, **there}]
    return [f"{name}: {then} in the checkpoint, {now} here" for name, then, now in both if then != now]
