"""Write files that appear complete or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
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
    # os.replace is atomic within one folder only, so the temporary file cannot be in the system's folder
    temporary = path.with_name(f".{path.stem}.{token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise _not_writable(path, error, remedy) from error


def write_folder(folder: Path, files: Mapping[str, bytes], remedy: str) -> None:
    """Write a folder of files. It gets its name when all of them are written, and replaces an older one.

    Args:
        folder: the folder.
        files: contents by name.
        remedy: the last sentence of the error message.

    Raises:
        OutputError: a file cannot be written. Nothing stays behind.
    """
    temporary = folder.with_name(f".{folder.name}.{token_hex(4)}.tmp")
    try:
        try:
            temporary.mkdir(parents=True)
            for name, content in files.items():
                (temporary / name).write_bytes(content)
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise _not_writable(folder, error, remedy) from error


def _not_writable(path: Path, error: OSError, remedy: str) -> OutputError:
    return OutputError(f"Expected a folder that can be written to. Received: {str(path)!r} ({error}). {remedy}")
