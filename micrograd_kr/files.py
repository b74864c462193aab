"""Errors that speak both languages, and files that are written whole or not at all."""

import os
import threading
from pathlib import Path


class BilingualError(ValueError):
    """What was expected, what came and what to do: str(error) is English, error.korean says the same in Korean."""

    def __init__(self, english: str, korean: str) -> None:
        super().__init__(english, korean)
        self.english, self.korean = english, korean

    def __str__(self) -> str:
        return self.english


class FileError(BilingualError):
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
            f"expected to write {str(path)!r}, got: {what}. Choose a folder that is there and that you may write to",
            f"{str(path)!r} 파일을 쓸 수 없습니다: {what}. 쓸 수 있는 폴더를 고르세요",
        ) from error
    return path
