"""Files that are written whole or not at all."""

import os
import threading
from pathlib import Path

from micrograd_kr.said import SaidError, say


class FileError(SaidError):
    """A file that cannot be written."""


def write(path: str | os.PathLike[str], contents: bytes) -> Path:
    """The whole file or nothing: written beside its place, then put there. Raises FileError where it cannot be."""
    path = Path(path)
    temporary = path.parent / f".{path.name}.{os.getpid()}.{threading.get_ident()}"
    try:
        try:
            temporary.write_bytes(contents)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        what = error.strerror or error
        raise FileError(
            say(
                "expected to write {path!r}, got: {what}. Choose a folder that is there and that you may write to",
                path=str(path),
                what=str(what),
            )
        ) from error
    return path
