"""A data set of drawn things whose masks, parts and factors are known exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...arguments import checked
from ...errors import OptionError, nearest
from .pen import PARTS
from .scenes import FACTORS, Setting, scene
from .shapes import NAMES

_LEAST_SIDE = 16


@dataclass(frozen=True, eq=False)
class Things:
    """Pictures of things, and all that is known of them.

    Attributes:
        images: uint8 (images, side, side, 3).
        labels: int64 (images,), 0 to 9.
        names: of the ten classes.
        parts: uint8 (images, side, side): the part that the centre of each pixel shows, an index of ``part_names``;
            0 for the background.
        part_names: of the parts, such as 'wheel' and 'eye'; the first is 'background'.
        factors: a structured array (images,), which NumPy indexes by name and pandas takes as a table. ``variant`` is
            the form of the thing, 0 or 1, such as a smile or a sad mouth. ``x``, ``y`` are the centre of the thing and
            ``size`` half its width, in pixels. ``angle`` is how far it is turned clockwise, in degrees, and
            ``flipped`` whether it was mirrored before. ``hue``, ``saturation``, ``value`` are those of its main
            colour, 0 to 1. ``background`` is the kind of pattern, ``forms`` the number of loose forms, ``noise`` the
            standard deviation of the noise as a share of the range, and ``tagged`` whether there is a watermark.

    Example:
        >>> data = things(10, seed=0)
        >>> wheels = data.part("wheel")
        >>> [data.names[label] for label in data.labels[wheels.any(axis=(1, 2))]]
        ['car']
    """

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, ...]
    parts: np.ndarray
    part_names: tuple[str, ...]
    factors: np.ndarray

    @property
    def masks(self) -> np.ndarray:
        """Whether each pixel shows the thing, bool (images, side, side). The watermark is no part of it."""
        return (self.parts > 0) & ~self.part("watermark")

    def part(self, name: str) -> np.ndarray:
        """Whether each pixel shows a part, bool (images, side, side).

        Raises:
            OptionError: no thing has such a part.
        """
        if name not in self.part_names:
            raise OptionError(f"Expected the name of a part. Received: {name!r}. {nearest(name, self.part_names)}")
        return self.parts == self.part_names.index(name)


@checked
def things(
    count: int, *, seed: int, side: int = 64, clutter: int = 1, tagged: Mapping[str, float] | None = None
) -> Things:
    """Draw pictures of ten things built of parts: house, fish, tree, face, car, flower, boat, cat, butterfly, clock.

    Everything random follows from the seed, and each concern has its own random numbers. So a larger count only adds
    pictures, and ``tagged`` adds watermarks to pictures that are otherwise the same. Labels are 0 to 9 in turn. No
    class has a colour of its own.

    Args:
        count: of the pictures.
        seed: of the random numbers, 0 or more. Use different seeds for training and for testing.
        side: of the pictures, in pixels.
        clutter: 0 for quiet backgrounds, 1 for patterns and loose forms, 2 for stronger ones.
        tagged: the share of pictures of a class that carry a small watermark in the lower left corner, by class name.

    Returns:
        The pictures with their masks, parts and factors; see ``Things``. A picture takes about 2 ms.

    Raises:
        OptionError: an argument is out of range, or there is no such class.

    Example:
        >>> from cnnvis_widgets import demo
        >>> data = demo.things(20, seed=0, tagged={"clock": 1.0})
        >>> data.images.shape, data.names[data.labels[3]], int(data.part("eye")[3].sum())
        ((20, 64, 64, 3), 'face', 89)
        >>> data.names[data.labels[data.factors["tagged"]][0]]
        'clock'
    """
    shares = dict(tagged or {})
    _check(count, seed, side, clutter, shares)
    setting = Setting(seed, side, clutter)
    labels = np.arange(count) % len(NAMES)
    scenes = [scene(setting, index, NAMES[label], shares.get(NAMES[label], 0.0)) for index, label in enumerate(labels)]
    arrays = (
        np.stack([each.image for each in scenes]),
        labels.astype(np.int64),
        np.stack([each.parts for each in scenes]),
        np.array([each.factors for each in scenes], FACTORS),
    )
    for array in arrays:
        array.setflags(write=False)
    images, labels, parts, factors = arrays
    return Things(images, labels, NAMES, parts, PARTS, factors)


def _check(count: int, seed: int, side: int, clutter: int, shares: Mapping[str, float]) -> None:
    for name, value, low in (("count", count, 1), ("seed", seed, 0), ("side", side, _LEAST_SIDE)):
        if value < low:
            raise OptionError(f"Expected a {name} of {low} or more. Received: {name}={value}.")
    if clutter not in (0, 1, 2):
        raise OptionError(f"Expected clutter 0, 1 or 2. Received: clutter={clutter!r}.")
    for name, share in shares.items():
        if name not in NAMES:
            known = nearest(name, NAMES)
            raise OptionError(f"Expected names of classes. Received: tagged={{{name!r}: {share}}}. {known}")
        if not 0 <= share <= 1:
            raise OptionError(f"Expected shares from 0 to 1. Received: tagged={{{name!r}: {share}}}.")
