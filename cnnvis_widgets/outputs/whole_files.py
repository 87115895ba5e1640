"""Write files that appear complete or not at all."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryFile

from ..errors import OutputError


def require_writable(folders: Iterable[Path], remedy: str) -> None:
    """Check that files can be written to folders, or that these can be made. Nothing stays behind.

    Args:
        folders: need not exist.
        remedy: the last sentence of the error message.

    Raises:
        OutputError: a folder, or the nearest one above it that exists, is a file or cannot be written to.
    """
    checked = set[Path]()
    for folder in folders:
        nearest = next((each for each in (folder, *folder.parents) if each.exists()), folder)
        if nearest in checked:  # many layers share one
            continue
        checked.add(nearest)
        try:
            with TemporaryFile(dir=nearest):  # permissions alone do not tell that a disk is mounted read-only
                pass
        except OSError as error:
            raise _not_writable(folder, error, remedy) from error


def write_whole(path: Path, content: bytes, remedy: str) -> None:
    """Write a file, and create its folder if needed. A reader sees the old file or the new one, never a part.

    Args:
        path: the file.
        content: what it will contain.
        remedy: the last sentence of the error message: what to do if the file cannot be written.

    Raises:
        OutputError: the file cannot be written. Nothing stays behind.
    """
    with appearing(path, remedy) as temporary:
        temporary.write_bytes(content)


def own_text(name: str) -> str:
    """Return a text file of this folder, from which pages are made.

    Raises:
        OutputError: it cannot be read, for instance because no file handle is left.
    """
    try:
        return Path(__file__).with_name(name).read_text("utf-8")
    except OSError as error:
        raise OutputError(
            f"Expected a file of the package. Received: {name!r} ({error}). Close files first."
        ) from error


@contextmanager
def appearing(path: Path, remedy: str) -> Iterator[Path]:
    """Give the name under which a file is written; when that is done, the file gets its own name.

    A reader sees the old file or the new one, never a part. Of two writers, the last one stays. Whoever is killed
    leaves at most a file whose name begins with a dot and ends in '.tmp'.

    Args:
        path: the file. Its folder is created if needed.
        remedy: the last sentence of the error message: what to do if the file cannot be written.

    Raises:
        OutputError: the file cannot be written. Nothing stays behind.
    """
    try:
        temporary = _beside(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            _replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        if isinstance(error, OutputError):
            raise
        raise _not_writable(path, error, remedy) from error


def appear_new(content: Path, names: Iterable[Path]) -> Path:
    """Move a file to the first of several names that no file has, so that two writers never share one.

    Args:
        content: a file, whole, in the same folder.
        names: where it may go, in order.

    Returns:
        The name that it got.

    Raises:
        OSError: it cannot be moved, or every name is taken.
    """
    for path in names:
        try:
            os.link(content, path)  # unlike a rename, it never replaces
        except FileExistsError:
            continue
        except OSError:  # a file system without links
            if path.exists():
                continue
            os.rename(content, path)
            return path
        content.unlink()
        return path
    raise FileExistsError("every name is taken")


def _beside(path: Path) -> Path:
    """A new hidden name in the same folder, since a file can only be renamed within one file system."""
    return path.with_name(f".{path.stem[:32]}.{token_hex(4)}.tmp")


def _replace(temporary: Path, path: Path) -> None:
    """Rename a file. On Windows that fails while a program shows the old file, so try for a second."""
    for attempt in range(10):
        try:
            os.replace(temporary, path)
            return
        except PermissionError:
            if os.name != "nt" or attempt == 9:
                raise
            time.sleep(0.1)


def write_folder(folder: Path, files: Mapping[str, bytes], remedy: str) -> None:
    """Write a folder of files. It gets its name when all of them are written, and replaces an older one.

    Args:
        folder: the folder.
        files: contents by name.
        remedy: the last sentence of the error message.

    Raises:
        OutputError: a file cannot be written. Nothing stays behind.
    """
    temporary, old = _beside(folder), _beside(folder)
    try:
        try:
            temporary.mkdir(parents=True)
            for name, content in files.items():
                (temporary / name).write_bytes(content)
            if folder.exists():  # a folder that is removed file by file would be there in part
                os.rename(folder, old)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
            shutil.rmtree(old, ignore_errors=True)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL
        raise _not_writable(folder, error, remedy) from error


def _not_writable(path: Path, error: Exception, remedy: str) -> OutputError:
    return OutputError(f"Expected a folder that can be written to. Received: {str(path)!r} ({error}). {remedy}")
