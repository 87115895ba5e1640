"""Turn a photograph into the array that the embedded network expects."""

from __future__ import annotations

import numpy as np

from ..arguments import checked, require_counts
from ..errors import FeedError
from ..imaging.conversion import with_channels
from ..imaging.cropping import fitted_picture
from ..imaging.reading import ImageSource, pixels_if_image

MEAN, SCALE = 127.0, 128.0
"""The network was trained on images (RGB - 127) / 128."""


@checked
def preprocess(image: np.ndarray | ImageSource, size: tuple[int, int] | None = (224, 224)) -> np.ndarray:
    """Cut out the centre of a photograph, at the size and in the range of the network.

    Args:
        image: uint8 (height, width, 3), grey (height, width) or (height, width, 1), with transparency
            (height, width, 4), or an image: a path, the content of a file, a binary file or a PIL image.
        size: (height, width) of the result. The function takes the largest centred part of the image with these
            proportions and resizes it bicubically. ``None`` keeps the whole image and its size.

    Returns:
        float32 (height, width, 3), from -127/128 to 1.

    Raises:
        FeedError: the image is not uint8, or has another number of axes or channels.
        ImageError: it cannot be read. OptionError: a size that is no number of pixels.

    Example:
        >>> preprocess(np.zeros((40, 60, 3), np.uint8)).shape
        (224, 224, 3)
    """
    picture = photograph(image)
    if size is not None:
        require_counts(height=size[0], width=size[1])
        picture = fitted_picture(picture, *size)
    return (picture.astype(np.float32) - MEAN) / SCALE


def photograph(image: np.ndarray | ImageSource) -> np.ndarray:
    """Return a photograph as uint8 (height, width, 3).

    Raises:
        FeedError: the image is not uint8, or has another number of axes or channels.
        ImageError: it cannot be read.
    """
    pixels = np.asarray(pixels_if_image(image))
    if (
        pixels.dtype != np.uint8
        or not (pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (1, 3, 4)))
        or not pixels.size
    ):
        raise FeedError(
            "Expected a photograph as uint8 (height, width, 3). "
            f"Received: image of dtype {pixels.dtype} and shape {pixels.shape}. "
            "Scale it to 0..255 and convert it with .astype('uint8'), one image at a time."
        )
    return with_channels(pixels, 3)
