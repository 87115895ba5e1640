"""The two picture helpers of tf_cnnvis, with the arguments of its README and of its later code."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked
from ..errors import OptionError
from . import normalize
from .grid import Grid

_MOST_PADDING = 10_000


@checked
def image_normalization(
    image: ArrayLike, ubound: float = 255.0, epsilon: float = 1e-07, *, s: float | None = None
) -> np.ndarray:
    """Stretch an image to the range 0 to ``ubound``.

    Args:
        image: numbers in any shape, usually (height, width, channels).
        ubound: the new largest value, at most 255.
        epsilon: an image with less contrast than this is stretched less; a constant one becomes 0.
        s: an argument of later versions of tf_cnnvis. It had no effect there and has none here. Those versions took
            ``(image, s, ubound)``: a second argument below 1, or a third one that is not smaller than the second, is
            read in that order, with a DeprecationWarning.

    Returns:
        uint8, rounded, of the same shape.

    Raises:
        NumericalError: the image contains NaN or infinity.
        OptionError: ``ubound`` is not within 0 to 255.

    Example:
        >>> from cnnvis_widgets import image_normalization
        >>> image_normalization([[-1.0, 0.0, 1.0]]).tolist()
        [[0, 128, 255]]
    """
    if 0 < ubound < 1 or epsilon >= ubound > 0:
        s, ubound, epsilon = ubound, epsilon if epsilon >= 1 else 255.0, 1e-07
        warnings.warn(
            "The second argument of image_normalization is ubound, at least 1, and the third is epsilon, smaller than "
            f"that. Received: {s}, read as s, and ubound={ubound}. Write ubound={ubound}.",
            DeprecationWarning,
            stacklevel=3,
        )
    if not 0 < ubound <= 255:
        raise OptionError(
            f"Expected ubound within 0 to 255, since the result is uint8. Received: ubound={ubound}. "
            "Choose a smaller one."
        )
    return np.rint(normalize.min_max(image, upper=ubound, epsilon=epsilon)).astype(np.uint8)


@checked
def convert_into_grid(Xs: ArrayLike, padding: int = 1, ubound: float = 255.0) -> np.ndarray:  # noqa: N803
    """Lay images out in a square grid, row by row. No value is stretched.

    Args:
        Xs: (images, height, width, channels).
        padding: black pixels between the images.
        ubound: the largest value of a pixel; larger ones become ``ubound``. Later versions of tf_cnnvis took
            ``(Xs, ubound, padding)``: a second argument with a decimal point is read in that order, with a
            DeprecationWarning.

    Returns:
        (height, width, channels), uint8 if every value is a whole number from 0 to 255. Otherwise the values keep
        their floating-point type: tf_cnnvis cut them to uint8, which made a grid of probabilities black.

    Raises:
        OptionError: ``Xs`` does not have four axes, or ``padding`` is below 0.
        NumericalError: ``Xs`` contains NaN or infinity.

    Example:
        >>> import numpy as np
        >>> from cnnvis_widgets import convert_into_grid
        >>> grid = convert_into_grid(np.full((3, 4, 4, 1), 7.0))
        >>> grid.shape, grid.dtype, int(grid.max())
        ((9, 9, 1), dtype('uint8'), 7)
    """
    if isinstance(padding, float):
        warnings.warn(
            "The second argument of convert_into_grid is the padding, an integer. "
            f"Received: {padding}, read as ubound. Write ubound={padding}.",
            DeprecationWarning,
            stacklevel=3,
        )
        padding, ubound = ubound if isinstance(ubound, int) else 1, padding
    images = np.asarray(Xs)
    if images.ndim != 4:
        raise OptionError(
            f"Expected shape (images, height, width, channels). Received: Xs of {images.shape}. Add the missing axes."
        )
    if not 0 <= padding <= _MOST_PADDING:
        raise OptionError(f"Expected padding from 0 to {_MOST_PADDING}. Received: padding={padding!r}.")
    values = np.minimum(normalize.finite(images), ubound)
    whole = bool(((values >= 0) & (values <= 255) & (values == np.rint(values))).all())
    return Grid.of(values, gap=padding, square=True).montage(values.astype(np.uint8) if whole else values)
