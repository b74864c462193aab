"""What another program does to a file while it is read."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def longer(path: Path) -> None:
    """Write into the file that is there."""
    with path.open("ab") as file:
        file.write(b"\n")


def replaced(path: Path) -> None:
    """Put another file in its place, in one step."""
    other = path.with_name("other")
    other.write_bytes(path.read_bytes() + b"\n")
    os.replace(other, path)


def at_the_end(monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], path: Path) -> None:
    """Change a file once it was read, before its descriptor is looked at for the second time."""
    seen, stat = [], os.stat

    def looked_at(file: Any, **options: Any) -> os.stat_result:
        if isinstance(file, int):
            seen.append(file)
            if len(seen) == 2:
                change(path)
        return stat(file, **options)

    monkeypatch.setattr("micrograd_kr.files.os.stat", looked_at)
