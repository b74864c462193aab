"""Files that are written whole or not at all, read as one version, in whatever encoding people's programs write."""

import codecs
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from micrograd_kr.said import SaidError

# False in a process that helps another, which writes the same files (parallel).
writing = True


class FileError(SaidError):
    """A file that cannot be written."""


class FileChangedError(OSError):
    """A file that was another at the end of reading it: parts of two may be mixed in what was read."""


def put(path: str | os.PathLike[str], contents: bytes) -> None:
    """The whole file or nothing, whenever the program or the machine is stopped; its mode stays. Raises OSError.

    It is written beside its place under a name of its own, sent to the disk, then put there: several programs may
    write one file. A link stays one. A program that is killed meanwhile leaves its `.….part` behind.
    """
    if not writing:
        return
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        Path(path).write_bytes(contents)  # a pipe or a device, such as /dev/stdout, is no file to put another for
        return
    path = Path(os.path.realpath(path))
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with open(part, "xb") as file:
            if path.is_file():
                os.chmod(part, stat.S_IMODE(path.stat().st_mode))
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        if error.filename == str(part):  # a name that nobody has heard of
            error.filename = str(path)
        raise
    finally:
        part.unlink(missing_ok=True)
    if os.name == "posix":  # the new name is sent to the disk, too; Windows has no such call
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write(path: str | os.PathLike[str], contents: bytes) -> Path:
    """`put`, for what a person asked for: raises FileError where it cannot be written."""
    with _asked_for(path):
        put(path, contents)
    return Path(path)


def write_all(folder: str | os.PathLike[str], contents: Mapping[str, bytes]) -> Path:
    """Files by their names into a folder, which is made if it is not there: all of them or, if one fails, none.

    They are written beside it, then moved. Raises FileError where they cannot be written.
    """
    if not writing:
        return Path(os.path.realpath(folder))
    with _asked_for(folder):
        folder = Path(os.path.realpath(folder))
        part = folder.with_name(f".{secrets.token_hex(8)}.part")
        try:
            part.mkdir()
            for name, each in contents.items():
                put(part / name, each)
            if folder.is_dir():
                for name in contents:
                    os.replace(part / name, folder / name)
            else:
                os.rename(part, folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return folder


@contextmanager
def steady(*files: int | str | os.PathLike[str]) -> Iterator[None]:
    """A context in which files, or descriptors, are read: FileChangedError if one is changed or replaced meanwhile."""

    def versions() -> list[tuple[int, ...]]:
        found = map(os.stat, files)
        return [(each.st_dev, each.st_ino, each.st_size, each.st_mtime_ns) for each in found]

    before = versions()
    yield
    if versions() != before:
        raise FileChangedError


def decoded(contents: bytes) -> str:
    """The text of a file: UTF-8, UTF-16 with its mark, as Windows' PowerShell makes it, or the bytes of Korean Windows.

    Raises UnicodeDecodeError, of UTF-8, for none of them.
    """
    if contents.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        with suppress(UnicodeDecodeError):
            return contents.decode("utf-16")
    try:
        return contents.decode("utf-8-sig")
    except UnicodeDecodeError:
        with suppress(UnicodeDecodeError):
            return contents.decode("cp949")
        raise


@contextmanager
def _asked_for(path: str | os.PathLike[str]) -> Iterator[None]:
    """What keeps a person's file from being written is a FileError; a name with a NUL in it, too, a ValueError."""
    try:
        yield
    except (OSError, ValueError) as error:
        gaps = {"path": str(path), "what": str(getattr(error, "strerror", None) or error)}
        raise FileError(
            "expected to write {path!r}, got: {what}. Choose a folder that is there and that you may write to", **gaps
        ) from error
