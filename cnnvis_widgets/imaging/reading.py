"""The one reader of images: paths, bytes, binary files and PIL images become uint8 pixels, within limits.

Sizes are checked before anything is decoded, since a file of a few kilobytes can hold a picture of gigabytes. The
limits, and why they are what they are: docs/design/0007-image-files.md.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import IO, Any, BinaryIO, TypeGuard

import numpy as np
from PIL import Image

from ..errors import ImageError
from .conversion import pixels_of

ImageSource = str | os.PathLike[str] | bytes | bytearray | BinaryIO | Image.Image
"""What can be read: a path, the content of a file, a file opened in binary mode, or a PIL image."""

MOST_BYTES = 2**28
"""Of an image file: 256 MiB, more than the largest picture takes uncompressed."""
MOST_PIXELS = 8192 * 6144
"""Of a picture that is decoded at its full size, as phones with 50 megapixels take it."""
HALVED = 4
"""JPEG files of up to so many times ``MOST_PIXELS`` are decoded at half their height and width."""

_DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    TypeError,
    EOFError,
    ArithmeticError,
    AssertionError,
    NotImplementedError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow's decoders raise on files that are cut short or damaged."""


def is_image_source(value: Any) -> TypeGuard[ImageSource]:
    """Whether ``read_image`` takes a value; arrays and tensors are none of its sources."""
    kinds = (str, os.PathLike, bytes, bytearray, Image.Image)
    return isinstance(value, kinds) or callable(getattr(value, "read", None))


def read_image(source: ImageSource, *, channels: int | None = None, name: str = "") -> np.ndarray:
    """The pixels of an image, upright; of an animation, those of its first frame.

    ``imaging.conversion`` says how orientation, palettes, transparency and greys of more than 8 bits are treated.

    Args:
        source: a path, the content of a file, a file opened in binary mode (it is read from its beginning and
            stays open), or a PIL image.
        channels: 1 for grey, 3 for RGB; ``None`` for what the image has.
        name: what messages call the image; by default its path.

    Returns:
        uint8 (height, width, channels).

    Raises:
        ImageError: there is no such file, it holds no image, is damaged, or is too large.

    Example:
        >>> from PIL import Image
        >>> read_image(Image.new("LA", (4, 3))).shape
        (3, 4, 1)
    """
    label = _label(source, name)
    with opened(source, name=name) as image:
        try:
            image.load()
        except _DAMAGED as error:
            raise ImageError(
                f"Expected a whole image file. Received: {label}, {_kind(image)}, which cannot be decoded: {error}. "
                "It is damaged or cut short; copy or download it again."
            ) from error
        return pixels_of(image, channels, label=label)


def pixels_if_image(value: Any) -> Any:
    """The pixels of a value that is an image, as ``read_image`` gives them; any other value as it is."""
    return read_image(value) if is_image_source(value) else value


@contextmanager
def opened(source: ImageSource, *, name: str = "") -> Iterator[Image.Image]:
    """An image whose header alone was read and whose sizes are within the limits.

    Args:
        source: as for ``read_image``; a PIL image is passed on as it is.
        name: what messages call the image; by default its path.

    Raises:
        ImageError: there is no such file, it holds no image, or is too large.
    """
    label = _label(source, name)
    if isinstance(source, Image.Image):
        _check_pixels(source, label)
        yield source
        return
    with _file(source, label) as file:
        image = _parsed(file, label)
        if not image.info.get("progressive") and image.format in ("JPEG", "MPO"):
            _halve(image)
        _check_pixels(image, label)
        yield image


def _label(source: ImageSource, name: str) -> str:
    """What messages call a source."""
    if name:
        return repr(name)
    if isinstance(source, str | os.PathLike):
        return repr(os.fspath(source))
    if isinstance(source, Image.Image):
        return "a PIL image"
    return "bytes" if isinstance(source, bytes | bytearray) else "a file object"


def _kind(image: Image.Image) -> str:
    return f"{image.format or 'an image'} of {image.height} x {image.width} pixels (height x width)"


def _file(source: str | os.PathLike[str] | bytes | bytearray | BinaryIO, label: str) -> BinaryIO:
    """The source as a binary file at its beginning, its size checked."""
    if isinstance(source, str | os.PathLike):
        return _opened_path(source, label)
    content = source if isinstance(source, bytes | bytearray) else _content(source, label)
    _check_bytes(len(content), label)
    return BytesIO(content)


def _opened_path(path: str | os.PathLike[str], label: str) -> BinaryIO:
    expected = f"Expected the path of an image file. Received: {label}"
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise ImageError(f"{expected}, which is a folder. Give one of the files in it.")
        _check_bytes(status.st_size, label)
        return open(path, "rb")
    except FileNotFoundError as error:
        raise ImageError(
            f"{expected}, which does not exist. Check the spelling; relative paths begin at {os.getcwd()!r}."
        ) from error
    except ImageError:  # it is an OSError, too
        raise
    except (OSError, ValueError) as error:
        raise ImageError(f"{expected}, which cannot be opened: {error}. Check the name and the permissions.") from error


def _content(file: BinaryIO, label: str) -> bytes:
    """What a file object holds, and one byte too many where it holds more than the limit."""
    try:
        if file.seekable():
            file.seek(0)
        content = file.read(MOST_BYTES + 1)
    except (AttributeError, OSError, ValueError) as error:
        raise ImageError(
            f"Expected a file that can be read. Received: {label}: {error}. Open it with open(path, 'rb')."
        ) from error
    if not isinstance(content, bytes):
        raise ImageError(
            f"Expected a file opened in binary mode. Received: {label} that gives {type(content).__name__}. "
            "Open it with open(path, 'rb')."
        )
    return content


def _check_bytes(size: int, label: str) -> None:
    if size == 0:
        raise ImageError(
            f"Expected an image file. Received: {label} of 0 bytes. Its copy or download failed; repeat it."
        )
    if size > MOST_BYTES:
        raise ImageError(
            f"Expected an image file of at most {MOST_BYTES:,} bytes. Received: {label} of more. "
            "Save it smaller, for instance as JPEG."
        )


def _check_pixels(image: Image.Image, label: str) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise ImageError(
            f"Expected an image of at most {MOST_PIXELS:,} pixels. Received: {label}, {_kind(image)}. "
            "Save a smaller copy: networks see a few hundred pixels on each side."
        )
    if not image.width * image.height:
        raise ImageError(f"Expected an image with pixels. Received: {label}, {_kind(image)}. Give another one.")


def _halve(image: Image.Image) -> None:
    """Have a large JPEG decoded at half its size, for which its decoder needs a quarter of the memory.

    This does not hold for progressive files: their decoder keeps all coefficients of the full size.
    """
    if MOST_PIXELS < image.width * image.height <= HALVED * MOST_PIXELS:
        image.draft(None, (image.width // 2, image.height // 2))


def _parsed(file: IO[bytes], label: str) -> Image.Image:
    """The image of a file, its header read.

    ``Image.open`` does the same and then checks the size, but by a limit of the whole process; beyond it, it warns
    or raises without the size. To silence a warning is not safe while other threads run.
    """
    prefix, reason, seen = file.read(16), "", set()
    for initialize in (Image.preinit, Image.init):  # the common formats first: to import all takes a while
        initialize()
        for format_name in [known for known in Image.ID if known not in seen]:
            seen.add(format_name)
            factory, accept = Image.OPEN[format_name]
            try:
                accepted = not accept or accept(prefix)
                if isinstance(accepted, str):
                    reason = f": {accepted}"
                elif accepted:
                    file.seek(0)
                    return factory(file, "")
            except _DAMAGED as error:
                if accept:  # the file begins as this format does
                    reason = f" as {format_name}: {error}"
    raise ImageError(
        "Expected an image file, such as PNG or JPEG. "
        f"Received: {label}, which cannot be read{reason or ' as an image'}. "
        "Check that it is whole, or save it as PNG or JPEG."
    )
