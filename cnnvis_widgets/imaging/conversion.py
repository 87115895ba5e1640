"""Pictures of any Pillow mode become uint8 pixels, upright, grey or RGB.

The rules, for files and for PIL images alike:

- The EXIF orientation is applied, so that a photo of a phone stands upright.
- Mode 'I;16' has 16 bits: 0 is black and 65535 is white. Modes 'I' and 'F' do not say what white is; it is the
  smallest of 1 (mode 'F' only), 255 and 65535 that no value exceeds, and 65535 in PNG and PPM files. Values are
  rounded to the nearest of 0 to 255.
- Palettes are looked up. Transparency is laid on white, as on a page. CMYK and all other colours become RGB.
- RGB becomes grey by the luma of ITU-R BT.601, grey becomes RGB by repetition.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import ExifTags, Image

from ..errors import ImageError

_STRIP = 2**18
"""Pixels that are converted at a time: no second copy of a large picture is ever in memory."""
_SIXTEEN_BITS = {"PNG", "PPM"}
"""Formats whose greys have 16 bits where Pillow gives them mode 'I', as its versions before 10.3 do for PNG."""
_GREY = {"1", "L", "LA", "La", "I", "F"}
_STORED = {
    2: (False, 1, -1),
    3: (False, -1, -1),
    4: (False, -1, 1),
    5: (True, 1, 1),
    6: (True, -1, 1),
    7: (True, -1, -1),
    8: (True, 1, -1),
}
"""From the upright picture to the stored one: whether axes are swapped, then the steps along rows and columns."""


def pixels_of(image: Image.Image, channels: int | None = None, *, label: str = "a PIL image") -> np.ndarray:
    """The pixels of a Pillow image.

    Args:
        image: of any mode.
        channels: 1 for grey, 3 for RGB; ``None`` for what the image has.
        label: what messages call the image.

    Returns:
        uint8 (height, width, channels), upright.

    Raises:
        ImageError: Pillow cannot convert the mode, or no rule says what white is.
    """
    grey = image.mode in _GREY or image.mode.startswith("I;16")
    channels = channels or (1 if grey else 3)
    white = _white(image, label)
    swapped, down, right = _STORED.get(_orientation(image), (False, 1, 1))
    sides = (image.width, image.height) if swapped else (image.height, image.width)
    upright = np.empty((*sides, channels), np.uint8)
    stored = (upright.swapaxes(0, 1) if swapped else upright)[::down, ::right]
    for rows, strip in _strips(image):
        try:
            stored[rows] = _eight_bit(strip, grey, white, channels)
        except ValueError as error:
            raise ImageError(
                f"Expected a grey or coloured image. Received: {label} of mode {image.mode!r}: {error}. "
                "Convert it with image.convert('RGB') or save it as PNG."
            ) from error
    return upright


def with_channels(pixels: np.ndarray, channels: int) -> np.ndarray:
    """A picture in grey (1 channel) or RGB (3 channels), by the same rules.

    Args:
        pixels: uint8 (height, width), or (height, width, channels) with 1, 3 or, with transparency, 4 channels.
        channels: 1 or 3.

    Returns:
        uint8 (height, width, channels).
    """
    if pixels.ndim == 3 and pixels.shape[-1] == channels:
        return pixels
    flat = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels
    return pixels_of(Image.fromarray(flat), channels)


def _orientation(image: Image.Image) -> int:
    """How the camera was held, 1 to 8; 1 if the EXIF data do not say so or are damaged."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # whatever the parser stumbles over: the pixels are whole
        return 1


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """The picture as strips of whole rows, from the top."""
    step = max(1, _STRIP // max(1, image.width))
    for top in range(0, image.height, step):
        rows = slice(top, min(top + step, image.height))
        yield rows, image.crop((0, rows.start, image.width, rows.stop))


def _white(image: Image.Image, label: str) -> int | None:
    """The value of white in a grey image of more than 8 bits; ``None`` for all other images.

    Raises:
        ImageError: values are negative, above 65535 or not finite.
    """
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in _SIXTEEN_BITS):
        return 65535
    if image.mode not in ("I", "F"):
        return None
    ends = [(values.min(), values.max()) for values in map(np.asarray, (strip for _, strip in _strips(image)))]
    least, most = np.min(ends), np.max(ends)  # NaN if any value is
    whites = (1, 255, 65535) if image.mode == "F" else (255, 65535)
    for white in whites:
        if least >= 0 and most <= white:
            return white
    raise ImageError(
        f"Expected grey values from 0 to 1, 255 or 65535. Received: {label} of mode {image.mode!r} with values from "
        f"{least:g} to {most:g}. Scale them to 0 to 255 and convert them to uint8."
    )


def _eight_bit(strip: Image.Image, grey: bool, white: int | None, channels: int) -> np.ndarray:
    """One strip as uint8 (height, width, channels)."""
    if white is not None:
        strip = Image.fromarray(np.rint(np.asarray(strip) * (255.0 / white)).astype(np.uint8))
    elif strip.has_transparency_data:
        strip = _on_white(strip)
    plain = strip.convert("L" if grey else "RGB")  # first its own kind: some modes become grey by other weights
    pixels = np.asarray(plain.convert("L" if channels == 1 else "RGB"))
    return pixels[..., None] if channels == 1 else pixels


def _on_white(strip: Image.Image) -> Image.Image:
    if strip.mode in ("La", "RGBa"):
        strip = strip.convert(strip.mode.upper())
    strip = strip.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip)
