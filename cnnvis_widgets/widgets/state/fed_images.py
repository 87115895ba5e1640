"""The network that is explored, and the images that it is fed one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...errors import FeedError
from ...imaging.busy_regions import Box

if TYPE_CHECKING:
    from ...engine.network.network import Network
    from ...engine.network.runtime import Runtime
    from ...engine.ops.windows import ReceptiveField


class FedLayer(NamedTuple):
    """One layer of a network that is fed one image: what every computation needs.

    Attributes:
        network: the network.
        feed: what it is fed, with one image.
        key: equal for equal feeds of one explorer, and hashable: results are cached under it.
        layer: name of the layer.
    """

    network: Network
    feed: Any
    key: Any
    layer: str


class FedImages:
    """The images of one explorer, each with its own feed. It alone holds the network; everybody else reads it here.

    Args:
        network: the network to explore.
        feed: one or more images, in any form that the network takes; its other inputs come from the feed, too.

    Attributes:
        network: the network; a network with the same layers may take its place.
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

    def at(self, image: int, layer: str) -> FedLayer:
        """A layer of the network, fed the image of this index."""
        return FedLayer(self.network, self._feeds[image], self._keys[image], layer)

    def feed(self, image: int) -> Any:
        """The feed of the image of this index alone."""
        return self._feeds[image]

    def with_pixels(self, fed: FedLayer, values: np.ndarray, about: Any) -> FedLayer:
        """A layer that is fed other pixels in place of its image, which stays as it is.

        Args:
            fed: the layer, fed an image.
            values: float32 of the shape of that image, in the range of the input.
            about: hashable, and equal for equal values; with ``fed`` it is the key of the new feed.
        """
        runtime = fed.network.runtime
        feed = {**fed.feed, runtime.image_tensor: _batch(runtime, values)}
        return fed._replace(feed=feed, key=(fed.key, about))

    def receptive_field(self, image: int, layer: str) -> ReceptiveField | None:
        """The receptive field of the units of a layer in an image of this size, or None where it is not known."""
        return self.network.receptive_field(layer, self.images[image].shape[:-1])

    def seen_by(self, image: int, layer: str, unit: tuple[int, ...]) -> Box | tuple[()]:
        """What a unit sees of an image, (left, top, width, height) cut to its borders; () where that is not known."""
        size, field = self.images[image].shape[:-1], self.receptive_field(image, layer)
        if field is None or len(size) != 2 or len(unit) != 2:
            return ()
        windows = zip(field.window(unit), size, strict=True)
        (top, bottom), (left, right) = ((max(0, span.start), min(side, span.stop)) for span, side in windows)
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
        batch = self.network.feeds(picture)[self.network.runtime.image_tensor]
        if len(batch) != 1:
            raise FeedError(f"Expected one image. Received: {len(batch)} images. Add them one by one.")
        return self._store(batch, len(self.images))

    def put(self, values: np.ndarray, index: int | None = None) -> int:
        """Take in one more image as it is, or replace one.

        Args:
            values: float32 (height, width, channels), in the range of the input; nothing is preprocessed.
            index: of the image to replace.

        Returns:
            Its index.

        Raises:
            FeedError: the network does not take such an image.
        """
        batch = _batch(self.network.runtime, values)
        return self._store(batch, len(self.images) if index is None else index)

    def _store(self, batch: np.ndarray, index: int) -> int:
        feed = {**self._feeds[0], self.network.runtime.image_tensor: batch}
        image = self.network.images(feed)[0]
        # the key last: a result that is cached under the new key must never come from the old feed
        columns: tuple[tuple[list[Any], Any], ...] = (self.images, image), (self._feeds, feed), (self._keys, object())
        for column, value in columns:
            column[index : index + 1] = [value]
        return index


def _batch(runtime: Runtime, values: np.ndarray) -> np.ndarray:
    """One image, (height, width, channels), as what the network is fed."""
    rounded = np.rint(values) if runtime.layout.whole_numbers else values
    return runtime.from_images(rounded[np.newaxis])
