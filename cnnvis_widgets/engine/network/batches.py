"""Feeds as batches: what a compiled function takes, and runs of a few images at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import tensorflow as tf

from ..graph.layers import Shapes

Feeds = dict[str, np.ndarray]
"""Arrays by tensor name, as the network's inputs want them."""

_TOGETHER = 16  # images that run together where the graph leaves the batch size free


class Batches:
    """Cuts the feeds of one network.

    Args:
        shapes: dtype and shape of every tensor of the graph.
        image: the tensor that takes the images.
    """

    def __init__(self, shapes: Shapes, image: str) -> None:
        self._shapes, self._image = shapes, image

    @property
    def fixed(self) -> int | None:
        """How many images the graph insists on, or ``None``."""
        shape = self._shapes[self._image][1]
        return shape[0] if shape else None

    def signature(self, feeds: Iterable[str]) -> list[tf.TensorSpec]:
        """What a compiled function takes for these feeds: sizes that the graph leaves free stay free."""
        return [tf.TensorSpec(self._shapes[tensor][1], self._shapes[tensor][0]) for tensor in feeds]

    def signature_for_one(self, feeds: Feeds) -> list[tf.TensorSpec]:
        """The same for a feed of one image: its own sizes, but with an image axis that the graph knows nothing of."""

        def size(tensor: str, array: np.ndarray) -> list[int | None]:
            shape = self._shapes[tensor][1]
            images = array.ndim > 0 and len(array) == 1 and (shape is None or shape[:1] in ((None,), (1,)))
            whole = tensor == self._image or images
            return [None, *array.shape[1:]] if whole else list(array.shape)

        return [tf.TensorSpec(size(tensor, array), self._shapes[tensor][0]) for tensor, array in feeds.items()]

    def chunks(self, feeds: Feeds) -> Iterator[tuple[Feeds, int]]:
        """The feeds cut to runs of a few images, with how many of them count; fixed batches are filled up."""
        images, fixed = len(feeds[self._image]), self.fixed
        size = fixed or _TOGETHER
        for start in range(0, images, size):
            count = min(size, images - start)
            yield self.rows_of(feeds, np.arange(start, start + (fixed or count)) % images), count

    def rows_of(self, feeds: Feeds, rows: np.ndarray) -> Feeds:
        """The feeds of chosen images; what is not one value for each image (a keep_prob) stays."""
        images = len(feeds.get(self._image, [None]))

        def chosen(tensor: str, array: np.ndarray) -> np.ndarray:
            shape = self._shapes[tensor][1]
            batched = shape is None or shape[:1] in ((None,), (self.fixed,))
            return array[rows] if array.ndim > 0 and len(array) == images and batched else array

        return {tensor: chosen(tensor, array) for tensor, array in feeds.items()}
