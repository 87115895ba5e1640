"""Image files of a folder or of a glob pattern, in natural order."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import ImageError, warn_of_feed

_SUFFIXES = "avif bmp dib gif ico jfif jp2 jpe jpeg jpg pbm pgm png pnm ppm tga tif tiff webp"
SUFFIXES = frozenset(f".{name}" for name in _SUFFIXES.split(" "))
"""Of files that are taken from a folder. A file that is named itself may have any suffix."""

_HIDDEN = {"desktop.ini", "thumbs.db"}
_SHOWN = 5


def image_paths(path: str | os.PathLike[str]) -> list[Path]:
    """List the image files that a path means.

    Args:
        path: a folder (its image files, not those of its sub-folders), a glob pattern ('photos/*.jpg', 'photos/**/*'),
            or the path of one file, which is returned as it is.

    Returns:
        Paths in natural order: 'image2.png' stands before 'image10.png'.

    Raises:
        ImageError: a folder or pattern without image files.

    Warns:
        FeedWarning: a folder holds, or a pattern matches, files of other kinds. They are skipped and named.

    Example:
        >>> image_paths("photo.jpg")
        [PosixPath('photo.jpg')]
    """
    text = os.fspath(path)
    if os.path.isdir(text):
        return _images_among(Path(text).iterdir(), f"folder {text!r}")
    if glob.has_magic(text) and not os.path.exists(text):
        return _images_among(map(Path, glob.glob(text, recursive=True)), f"pattern {text!r}")
    return [Path(text)]


def natural_key(path: str | os.PathLike[str]) -> list[tuple[int, int, str]]:
    """A key that sorts names as people do: numbers by their value, letters without regard to case.

    Example:
        >>> sorted(["b10", "b9", "A1"], key=natural_key)
        ['A1', 'b9', 'b10']
    """
    pieces = re.split(r"([0-9]+)", os.fspath(path))
    return [(0, int(piece), "") if index % 2 else (1, 0, piece.lower()) for index, piece in enumerate(pieces)]


def _images_among(candidates: Iterable[Path], label: str) -> list[Path]:
    visible = [path for path in candidates if not path.name.startswith(".") and path.name.lower() not in _HIDDEN]
    ordered = sorted(visible, key=natural_key)
    images = [path for path in ordered if path.suffix.lower() in SUFFIXES and not path.is_dir()]
    others = [path for path in ordered if path.suffix.lower() not in SUFFIXES and not path.is_dir()]
    folders = [path for path in ordered if path.is_dir()]
    if not images:
        raise ImageError(
            f"Expected image files, such as PNG or JPEG. Received: {label}, which has {_none(others)}."
            f"{_hint(label, folders)}"
        )
    if others:
        warn_of_feed(
            f"Skipped what is no image file in the {label}: {_listed(others)}. Name a file itself to have it read."
        )
    return images


def _none(others: list[Path]) -> str:
    return f"none, but {_listed(others)}" if others else "none"


def _hint(label: str, folders: list[Path]) -> str:
    if not folders:
        return ""
    return f" Its sub-folders ({_listed(folders)}) are not searched; give a pattern such as '{folders[0]}/*'."


def _listed(paths: list[Path]) -> str:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    return ", ".join(repr(path.name) for path in paths[:_SHOWN]) + more
