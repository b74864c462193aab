"""Inputs that atheris makes of others, led by the lines they reach: `python tests/bench/guided.py TARGET [-runs=N]`.

What fuzz.py draws from grammars is where it begins. Options are libFuzzer's (-runs=100000 -seed=1); it stops at the
first input that is neither answered nor refused in the house's own words, prints it, and keeps it as ./crash-….
For Linux, Python 3.11 to 3.13; pip install atheris.
"""

import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import atheris

with atheris.instrument_imports(include=["micrograd_kr"]):
    import fuzzed

BEGIN_WITH = 300  # drawn inputs


def text(raw: bytes) -> str:
    return raw.decode("utf-8", "ignore")


def cell(raw: bytes) -> tuple[int, str, str]:
    which = raw[0] % len(fuzzed.asked()) if raw else 0
    keys = [*fuzzed.asked()[which].hand]
    return which, keys[raw[1] % len(keys) if raw[1:] else 0], text(raw[2:])


def of_cell(given: tuple[int, str, str]) -> bytes:
    which, key, written = given
    keys = [*fuzzed.asked()[which].hand]
    return bytes((which, keys.index(key) % 256 if key in keys else 0)) + written.encode("utf-8", "ignore")


def files(raw: bytes) -> tuple[bytes, ...]:
    """A sound data set, of which one file is another."""
    sound = [fuzzed.idx_files()[i % 2] for i in range(4)]
    sound[raw[0] % 4 if raw else 0] = raw[1:]
    return tuple(sound)


def checkpoint(raw: bytes) -> bytes:
    """With a checksum that is right, if there can be one."""
    end = 8 + int.from_bytes(raw[:8], "little")
    header = fuzzed.with_checksum(raw[8:end], raw[end:])
    return raw if header is None else len(header).to_bytes(8, "little") + header + raw[end:]


# Of each target how an input is made of bytes, and bytes of an input.
BYTES: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
    "exercises": (bytes, bytes),
    "cells": (cell, of_cell),
    "formulas": (text, lambda given: given.encode("utf-8", "ignore")),
    "idx": (files, lambda given: b"\0" + given[0]),
    "npz": (bytes, bytes),
    "safetensors": (checkpoint, bytes),
}


def main(name: str = "", *options: str) -> None:
    if name not in BYTES:
        sys.exit(f"expected one of {', '.join(BYTES)}, got {name!r}")
    target, (made, of) = fuzzed.TARGETS[name], BYTES[name]
    with tempfile.TemporaryDirectory() as where:
        folder, begin = Path(where, "used"), Path(where, "begin")
        folder.mkdir()
        begin.mkdir()
        for n in range(BEGIN_WITH):
            (begin / str(n)).write_bytes(of(target.draw(Random(f"{name} {n}"))))

        def use(raw: bytes) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with suppress(target.refusals):
                    target.use(made(raw), folder)
            shutil.rmtree(folder)
            folder.mkdir()

        atheris.Setup([sys.argv[0], str(begin), "-timeout=5", "-rss_limit_mb=2000", *options], use)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
