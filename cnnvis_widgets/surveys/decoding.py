"""Images decoded in threads while the network computes, a few batches ahead, so that memory does not grow."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..engine.network.feeds import Feeds
from ..engine.network.labelled_images import LabelledImage
from ..engine.network.network import Network
from ..errors import FeedError
from ..results import Unread

THREADS = min(4, os.cpu_count() or 1)
"""Threads that decode. More do not help: the network takes longer than the decoders."""
_AHEAD = 2
"""Chunks that are decoded while the network computes."""


@dataclass(frozen=True, eq=False)
class DecodedBatch:
    """Images of one size, ready to be fed.

    Attributes:
        keys, labels: of the images.
        feeds: arrays by tensor name.
    """

    keys: tuple[str, ...]
    labels: tuple[str | None, ...]
    feeds: Feeds


Chunk = tuple[Sequence[DecodedBatch], Sequence[Unread]]
"""The batches of a chunk of images, one for each size, and the images that could not be read."""


def chunks_of(images: Iterable[LabelledImage], size: int) -> Iterator[list[LabelledImage]]:
    """Cut images into chunks of at most ``size``, and read no more of them than the next chunk needs."""
    iterator = iter(images)
    while chunk := list(islice(iterator, size)):
        yield chunk


def decoded_chunks(network: Network, chunks: Iterable[Sequence[LabelledImage]]) -> Iterator[Chunk]:
    """Decode chunks of images in threads, ``_AHEAD`` chunks before they are needed.

    Args:
        network: its feed gives the values of inputs beside the images, which are the same for all images.
        chunks: of images.

    Yields:
        For each chunk its batches and what could not be read. Images of several sizes make several batches.
    """
    constant = constant_feeds(network)
    with ThreadPoolExecutor(THREADS, "decode") as pool:
        pending: deque[tuple[Sequence[LabelledImage], list[Future[np.ndarray | Unread]]]] = deque()
        try:
            for chunk in chunks:
                pending.append((chunk, [pool.submit(_decoded, network, image) for image in chunk]))
                if len(pending) > _AHEAD:
                    yield _batches(network, constant, *pending.popleft())
            while pending:
                yield _batches(network, constant, *pending.popleft())
        finally:
            pool.shutdown(cancel_futures=True)


def constant_feeds(network: Network) -> Feeds:
    """What is fed beside the images, such as the probability to keep a unit: from the network's own feed.

    Raises:
        FeedError: an input has a value for each of several images.
    """
    if not isinstance(network.feed, Mapping) and len(network.runtime.frozen.inputs) < 2:
        return {}
    feeds = network.feeds(images=False)
    images = feeds.pop(network.runtime.image_tensor, np.zeros(1))
    for tensor, array in feeds.items():
        if array.ndim and len(array) == len(images) > 1:
            raise FeedError(
                f"Expected one value for all images under {tensor.removesuffix(':0')!r}. Received: {len(array)}. "
                "Load the network with a feed of one image."
            )
    return feeds


def feeds_of(network: Network, image: LabelledImage) -> Feeds:
    """What is fed for one image alone."""
    tensor = network.runtime.image_tensor
    return {tensor: network.feeds(image.source)[tensor], **constant_feeds(network)}


def _decoded(network: Network, image: LabelledImage) -> np.ndarray | Unread:
    """An image as the network takes it, or why it cannot be read."""
    try:
        array = network.feeds(image.source)[network.runtime.image_tensor]
        if len(array) != 1:
            raise FeedError(f"Expected one image. Received: {len(array)} under one key.")
        if not np.isfinite(array).all():
            raise FeedError("Expected finite values. Received: NaN or infinity.")
    except FeedError as error:  # an ImageError, too
        return Unread(image.key, str(error))
    return array


def _batches(
    network: Network,
    constant: Feeds,
    chunk: Sequence[LabelledImage],
    futures: Sequence[Future[np.ndarray | Unread]],
) -> Chunk:
    """Join what was decoded of a chunk."""
    unread = list[Unread]()
    by_shape: dict[tuple[int, ...], list[tuple[LabelledImage, np.ndarray]]] = {}
    for image, future in zip(chunk, futures, strict=True):
        decoded = future.result()
        if isinstance(decoded, Unread):
            unread.append(decoded)
        else:
            by_shape.setdefault(decoded.shape, []).append((image, decoded))
    return [_batch(network, constant, pairs) for pairs in by_shape.values()], unread


def _batch(network: Network, constant: Feeds, pairs: Sequence[tuple[LabelledImage, np.ndarray]]) -> DecodedBatch:
    images, arrays = zip(*pairs, strict=True)
    shapes, count = network.runtime.structure.shapes, len(arrays)
    others = {
        tensor: np.repeat(array, count, 0) if len(array.shape) and (shapes[tensor][1] or ())[:1] == (None,) else array
        for tensor, array in constant.items()
    }
    feeds = {network.runtime.image_tensor: np.concatenate(arrays), **others}
    return DecodedBatch(tuple(image.key for image in images), tuple(image.label for image in images), feeds)
