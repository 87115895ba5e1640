"""A stream: the activations of a data set of any size, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..arguments import checked
from ..engine.activations import activations
from ..engine.network.labelled_images import count_of, labelled_images, listed
from ..engine.network.loading import load
from ..engine.network.network import Network
from ..engine.reduced_activations import REDUCTIONS, reduced_activations
from ..errors import FeedError, OptionError, described, warn_of_feed
from ..results import Layer, StreamedBatch, Unread
from .decoding import DecodedBatch, chunks_of, decoded_chunks
from .progress import Progress

Reduction = str | Callable[[np.ndarray], np.ndarray] | None
"""'max', 'mean', a function of float32 (images, height, width, channels), or ``None``."""

_SHOWN = 3


@checked
def stream(
    network: Any,
    images: Any,
    layers: str | Layer | Iterable[str | Layer] = "r",
    *,
    batch: int = 16,
    reduce: Reduction = None,
    progress: bool = True,
) -> Iterator[StreamedBatch]:
    """Compute the activations of a data set of any size, batch by batch.

    Threads decode the next images while the network computes. Only a few batches are in memory at a time.

    Args:
        network: a ``Network``, or anything that ``load`` takes.
        images: a folder, a glob pattern, paths, a pandas Series, arrays, a ``tf.data.Dataset`` of images or of (image,
            label), or an iterator of images, of (image, label) or of (image, label, key).
        layers: a selection (see ``Network.select``).
        batch: how many images run together.
        reduce: 'max' or 'mean' of every map, which the graph computes without keeping the maps; or a function from
            float32 (images, height, width, channels) to an array with images in front; ``None`` for the maps.
        progress: whether a bar shows how far the stream is, in scripts and notebooks.

    Yields:
        Batches with the keys of their images, one array for each layer, and the images that could not be read. Images
        of several sizes come in several batches.

    Raises:
        LayerError: no such layer. OptionError: no such reduction.
        FeedError: there are no images, or none can be read. NumericalError: NaN or infinity in a layer.

    Warns:
        FeedWarning: at the end, if images could not be read.

    Example:
        >>> from cnnvis_widgets import demo, stream
        >>> digits = demo.digits()
        >>> batches = stream(demo.small_cnn(), digits.test_images[:40], "conv3", reduce="max", progress=False)
        >>> [batch.values[0].shape for batch in batches]
        [(16, 32), (16, 32), (8, 32)]
    """
    if batch < 1:
        raise OptionError(f"Expected at least one image in a batch. Received: batch={batch}.")
    if isinstance(reduce, str) and reduce not in REDUCTIONS:
        known = " or ".join(map(repr, REDUCTIONS))
        raise OptionError(f"Expected {known}, a function, or None. Received: reduce={reduce!r}.")
    network = load(network)
    chosen = network.select(layers)
    return _batches(network, listed(images), chosen, batch, reduce, progress)


def _batches(
    network: Network, images: Any, chosen: Sequence[Layer], batch: int, reduce: Reduction, progress: bool
) -> Iterator[StreamedBatch]:
    chunks = chunks_of(labelled_images(network.runtime.layout, images), batch)
    read, unread = 0, list[Unread]()
    with Progress(count_of(network.runtime.layout, images), shown=progress) as bar:
        for decoded, missing in decoded_chunks(network, chunks):
            unread += missing
            bar.advance(len(missing), unread=len(unread))
            for index, part in enumerate(decoded):
                values = _values(network, part, chosen, reduce)
                read += len(part.keys)
                bar.advance(len(part.keys), unread=len(unread))
                yield StreamedBatch(part.keys, part.labels, tuple(chosen), values, () if index else tuple(missing))
    require_some(read, unread)
    warn_of_unread(unread)


def _values(network: Network, part: DecodedBatch, chosen: Sequence[Layer], reduce: Reduction) -> tuple[np.ndarray, ...]:
    if isinstance(reduce, str):
        reduced = reduced_activations(network, part.feeds, chosen, reduce)
        if not all(np.isfinite(values).all() for values in reduced):
            raise network.runtime.nonfinite_error(part.feeds)
        return tuple(reduced)
    maps = tuple(maps.values for maps in activations(network, part.feeds, chosen))
    if reduce is None:
        return maps
    try:
        return tuple(np.asarray(reduce(values)) for values in maps)
    except Exception as error:
        raise OptionError(
            f"Expected reduce to take float32 {maps[0].shape}. Received: {reduce!r}, which raised {described(error)}"
        ) from error


def require_some(read: int, unread: Sequence[Unread]) -> None:
    """Check that there was an image that could be read.

    Raises:
        FeedError: there was none; the error says why the first one could not be read.
    """
    if read:
        return
    if not unread:
        raise FeedError("Expected at least one image. Received: an empty data set.")
    raise FeedError(
        f"Expected images that can be read. Received: {len(unread)}, none of which can. "
        f"The first, {unread[0].key!r}: {unread[0].reason}"
    )


def warn_of_unread(unread: Sequence[Unread]) -> None:
    """Warn of images that could not be read, and name the first ones."""
    if unread:
        named = ", ".join(repr(image.key) for image in unread[:_SHOWN])
        more = f" and {len(unread) - _SHOWN} more" if len(unread) > _SHOWN else ""
        warn_of_feed(f"Skipped images that cannot be read: {named}{more}. The first: {unread[0].reason}")
