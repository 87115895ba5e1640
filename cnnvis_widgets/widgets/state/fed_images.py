"""What is looked at: a network, and the images that it is fed one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...imaging.busy_regions import Box

if TYPE_CHECKING:
    from ...engine.network.network import Network
    from ...engine.ops.windows import ReceptiveField

Where = tuple[Any, Any, Any, str]
"""Network, feed of one image, a key that names that feed, and layer, as ``work`` takes them."""


class Subject:
    """The images of one explorer, each with its own feed.

    Args:
        network: that is explored.
        feed: of one or more images, in any spelling; what else the network takes comes from it, too.

    Attributes:
        network: the same.
        images: float32 (height, width, channels) each, as fed.
        value_range: (low, high) of the network's input.
    """

    def __init__(self, network: Network, feed: Any) -> None:
        self.network = network
        self.images = list(network.images(feed))
        self.value_range = network.value_range(feed)
        whole = network.feeds(feed)
        self._feeds = [network.runtime.batches.rows_of(whole, np.array([index])) for index in range(len(self.images))]
        self._keys = [object() for _ in self.images]
        self._fields: dict[Any, ReceptiveField | None] = {}

    def where(self, image: int, layer: str) -> Where:
        """All that a computation on one image needs to know."""
        return self.network, self._feeds[image], self._keys[image], layer

    def field(self, image: int, layer: str) -> ReceptiveField | None:
        """The receptive field of the units of a layer in an image of this size, or None where it is not known."""
        size = self.images[image].shape[:-1]
        if (layer, size) not in self._fields:
            self._fields[layer, size] = self.network.receptive_field(layer, size)
        return self._fields[layer, size]

    def seen_by(self, image: int, layer: str, unit: tuple[int, ...]) -> Box | tuple[()]:
        """What a unit sees of an image, cut to its borders; () where that is not known, or all of it."""
        size, field = self.images[image].shape[:-1], self.field(image, layer)
        if field is None or len(size) != 2 or len(unit) != 2:
            return ()
        windows = zip(field.window(unit), size, strict=True)
        (top, bottom), (left, right) = ((max(0, each.start), min(side, each.stop)) for each, side in windows)
        return left, top, right - left, bottom - top

    def add(self, picture: Any) -> int:
        """Take in one more image, which goes through the network's preprocessing.

        Args:
            picture: uint8 (height, width, 3), a path, the content of a file, a binary file or a PIL image.

        Returns:
            Its index.

        Raises:
            FeedError: the network does not take such a picture.
        """
        return self._take_in(self.network.feeds(picture)[self.network.runtime.image_tensor], len(self.images))

    def put(self, values: np.ndarray, index: int | None = None) -> int:
        """Take in one more image as it is, or in place of another one.

        Args:
            values: float32 (height, width, channels), in the range of the input; nothing is preprocessed.
            index: of the image to replace.

        Returns:
            Its index.

        Raises:
            FeedError: the network does not take such an image.
        """
        fed = self._feeds[0][self.network.runtime.image_tensor]
        whole = np.rint(values) if np.issubdtype(fed.dtype, np.integer) else values
        batch = self.network.runtime.from_images(whole[np.newaxis])
        return self._take_in(batch, len(self.images) if index is None else index)

    def _take_in(self, fed: np.ndarray, index: int) -> int:
        feed = {**self._feeds[0], self.network.runtime.image_tensor: fed}
        image = self.network.images(feed)[0]
        # the key last: what is kept under the new one must never come from the old feed
        new: tuple[tuple[list[Any], Any], ...] = (self.images, image), (self._feeds, feed), (self._keys, object())
        for kept, value in new:
            kept[index : index + 1] = [value]
        return index
