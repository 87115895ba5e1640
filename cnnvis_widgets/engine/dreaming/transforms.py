"""Transforms: random views of a picture, drawn anew for every step. A dream must raise its score under all of them.

A seeded generator draws the views, so a run can be repeated. Several transforms become one resampling: rotation, scale
and shift one after the other would blur the picture three times.

Reference:
    C. Olah, A. Mordvintsev and L. Schubert, "Feature Visualization", Distill, 2017,
    DOI 10.23915/distill.00007 (transformation robustness).
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tensorflow as tf

from ...arguments import checked
from ...errors import OptionError
from ..backward.gradient_overrides import spreading

_USUAL_SIDE = 224  # of the pictures for which the distances of ``robust`` were chosen


@dataclass(frozen=True, eq=False)
class View:
    """One view that was drawn.

    Attributes:
        matrix: 3 x 3, from (x, y, 1) in the view to (x, y, 1) in the picture, both in pixels from the centre.
        size: (height, width) of the view.
        noise: standard deviation of the noise on it, as a fraction of the range of brightness.
        seed: of that noise, two int32.
    """

    matrix: np.ndarray
    size: tuple[int, int]
    noise: float = 0.0
    seed: tuple[int, int] = (0, 0)

    def resized(self, size: tuple[int, int]) -> View:
        """The same view at another size in pixels."""
        zoom = np.diag([self.size[1] / size[1], self.size[0] / size[0], 1])
        return View(self.matrix @ zoom, size, self.noise, self.seed)

    def coefficients(self, size: tuple[int, int]) -> np.ndarray:
        """The matrix as ``apply`` takes it, float32 (1, 8), for a picture of a size (height, width)."""
        to_centre = _shift(-(self.size[1] - 1) / 2, -(self.size[0] - 1) / 2)
        whole = _shift((size[1] - 1) / 2, (size[0] - 1) / 2) @ self.matrix @ to_centre
        return whole.reshape(1, 9)[:, :8].astype(np.float32)


@dataclass(frozen=True, eq=False)
class Transform:
    """A distribution of views. The functions of this module make transforms.

    Attributes:
        name: of the function that made it.
        arguments: of that function.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def draw(self, random: np.random.Generator, size: tuple[int, int]) -> View:
        """Draw one view of a picture of a size (height, width)."""
        return _DRAWS[self.name](random, size, **self.arguments)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={value!r}' for name, value in self.arguments.items())})"


@checked
def jitter(pixels: int) -> Transform:
    """Shift by a whole number of pixels, up to ``pixels`` in each direction.

    Example:
        >>> import numpy as np
        >>> from cnnvis_widgets import transforms
        >>> view = transforms.jitter(8).draw(np.random.default_rng(0), (64, 64))
        >>> view.size, bool(abs(view.matrix[:2, 2]).max() <= 8)
        ((64, 64), True)
    """
    return Transform("jitter", {"pixels": pixels})


@checked
def scale(smallest: float, largest: float) -> Transform:
    """Magnify by a factor between ``smallest`` and ``largest``. The view keeps the size of the picture.

    Raises:
        OptionError: a factor is not above 0, or the larger one comes first.

    Example:
        >>> from cnnvis_widgets import transforms
        >>> transforms.scale(0.9, 1.1)
        scale(smallest=0.9, largest=1.1)
    """
    _require(0 < smallest <= largest, "scale factors above 0, the smaller first", (smallest, largest))
    return Transform("scale", {"smallest": smallest, "largest": largest})


@checked
def rotate(degrees: float) -> Transform:
    """Rotate by an angle of up to ``degrees`` in each direction.

    Example:
        >>> from cnnvis_widgets import transforms
        >>> transforms.rotate(5)
        rotate(degrees=5)
    """
    return Transform("rotate", {"degrees": degrees})


@checked
def pad(pixels: int) -> Transform:
    """Add a grey margin of ``pixels`` on all sides. The view grows by it.

    Raises:
        OptionError: the margin is negative.

    Example:
        >>> import numpy as np
        >>> from cnnvis_widgets import transforms
        >>> transforms.pad(4).draw(np.random.default_rng(0), (64, 64)).size
        (72, 72)
    """
    _require(pixels >= 0, "a margin of at least 0 pixels", pixels)
    return Transform("pad", {"pixels": pixels})


@checked
def crop(smallest: float, largest: float) -> Transform:
    """Cut a box from anywhere in the picture and enlarge it to the size of the picture.

    Args:
        smallest, largest: the limits of the box's side, as a fraction of the picture's, in (0, 1].

    Raises:
        OptionError: the limits are outside (0, 1], or the larger one comes first.

    Example:
        >>> from cnnvis_widgets import transforms
        >>> transforms.crop(0.3, 0.6)
        crop(smallest=0.3, largest=0.6)
    """
    _require(0 < smallest <= largest <= 1, "fractions of the picture in (0, 1], the smaller first", (smallest, largest))
    return Transform("crop", {"smallest": smallest, "largest": largest})


@checked
def noise(deviation: float) -> Transform:
    """Add Gaussian noise; ``deviation`` is its standard deviation, as a fraction of the range of brightness.

    Example:
        >>> from cnnvis_widgets import transforms
        >>> transforms.noise(0.05)
        noise(deviation=0.05)
    """
    return Transform("noise", {"deviation": deviation})


def compose(*parts: Transform) -> Transform:
    """Apply transforms one after another.

    Example:
        >>> from cnnvis_widgets import transforms
        >>> transforms.compose(transforms.pad(4), transforms.jitter(2))
        compose(parts=(pad(pixels=4), jitter(pixels=2)))
    """
    return Transform("compose", {"parts": tuple(parts)})


def apply(images: tf.Tensor, coefficients: tf.Tensor, size: tf.Tensor, noise: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Resample pictures to a view, inside a function that is being traced.

    Grey surrounds each picture. The gradient is resampled by the inverse matrix; it differs from the exact gradient by
    a factor that is equal for all pixels of a picture.

    Args:
        images: float32 (pictures, height, width, channels) in [0, 1].
        coefficients: float32 (1, 8) for all pictures or (pictures, 8), of ``View.coefficients``.
        size: int32 (height, width) of the views.
        noise: float32, standard deviation of the noise.
        seed: two int32, of the noise; each row of coefficients has noise of its own.
    """
    viewed = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=coefficients,
        output_shape=size,
        fill_value=0.5,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    viewed = tf.ensure_shape(viewed, [images.shape[0], None, None, images.shape[-1]])
    # all pictures under one view share its noise, so that no picture depends on its place among them
    shape = tf.concat([[coefficients.shape[0]], tf.shape(viewed)[1:]], 0)
    grain = noise * tf.random.stateless_normal(shape, seed)
    with spreading():
        return viewed + grain


def _shift(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def _jittered(random: np.random.Generator, size: tuple[int, int], pixels: int) -> View:
    x, y = random.integers(-pixels, pixels + 1, 2)
    return View(_shift(x, y), size)


def _scaled(random: np.random.Generator, size: tuple[int, int], smallest: float, largest: float) -> View:
    factor = random.uniform(smallest, largest)
    return View(np.diag([1 / factor, 1 / factor, 1]), size)


def _rotated(random: np.random.Generator, size: tuple[int, int], degrees: float) -> View:
    angle = np.deg2rad(random.uniform(-degrees, degrees))
    cosine, sine = np.cos(angle), np.sin(angle)
    return View(np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]]), size)


def _padded(random: np.random.Generator, size: tuple[int, int], pixels: int) -> View:
    return View(np.eye(3), (size[0] + 2 * pixels, size[1] + 2 * pixels))


def _cropped(random: np.random.Generator, size: tuple[int, int], smallest: float, largest: float) -> View:
    part = random.uniform(smallest, largest)
    y, x = random.uniform(-0.5, 0.5, 2) * (1 - part) * size
    return View(_shift(x, y) @ np.diag([part, part, 1]), size)


def _noised(random: np.random.Generator, size: tuple[int, int], deviation: float) -> View:
    first, second = random.integers(0, 2**31 - 1, 2)
    return View(np.eye(3), size, deviation, (int(first), int(second)))


def _composed(random: np.random.Generator, size: tuple[int, int], parts: Sequence[Transform]) -> View:
    matrix, variance, seed = np.eye(3), 0.0, (0, 0)
    for part in parts:
        view = part.draw(random, size)
        matrix, size, variance = matrix @ view.matrix, view.size, variance + view.noise**2
        seed = view.seed if view.noise else seed
    return View(matrix, size, float(np.sqrt(variance)), seed)


_DRAWS: dict[str, Callable[..., View]] = {
    "jitter": _jittered,
    "scale": _scaled,
    "rotate": _rotated,
    "pad": _padded,
    "crop": _cropped,
    "noise": _noised,
    "compose": _composed,
}


def _require(holds: bool, expected: str, received: Any) -> None:
    if not holds:
        raise OptionError(f"Expected {expected}. Received: {received!r}. Change the arguments of the transform.")


@checked
def robust(size: Sequence[int] = (_USUAL_SIDE, _USUAL_SIDE)) -> Transform:
    """Make the usual transform for pictures of a size (height, width).

    Its distances were chosen for 224 pixels; they shrink in proportion for smaller pictures.

    Raises:
        OptionError: the size is not a list or tuple of positive numbers.

    Example:
        >>> from cnnvis_widgets import transforms
        >>> transforms.robust((112, 160)).arguments["parts"][:2]
        (pad(pixels=6), jitter(pixels=10))
    """
    fits = isinstance(size, list | tuple) and bool(size)
    fits = fits and all(isinstance(side, numbers.Real) and 0 < side < np.inf for side in size)
    _require(fits, "the height and width of pictures, such as (224, 224)", size)
    share = min(1.0, *(side / _USUAL_SIDE for side in size))
    return compose(pad(round(12 * share)), jitter(round(20 * share)), scale(0.8, 1.5), rotate(8))


ROBUST = robust()
"""The transform of dreams from noise, by default, for pictures of at least 224 x 224."""
