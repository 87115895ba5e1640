"""What one pass over a partition of a data set finds out: maxima, rankings and counts of every channel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..engine.network.labelled_images import LabelledImage
from ..engine.network.network import Network
from ..engine.reduced_activations import strongest_units
from ..results import Layer, Unread
from .decoding import DecodedBatch, chunks_of, decoded_chunks
from .ranking import Ranking, merged, ranking_of


@dataclass(frozen=True, eq=False)
class Counts:
    """Sums over images of the largest activation of each channel; all arrays have the shape (channels,).

    Attributes:
        images: int64, how many there are.
        fired: int64, those in which the largest activation is above 0.
        total, squares: float64, the sums of the activation and of its square.
        lowest, highest: float32.
    """

    images: np.ndarray
    fired: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray

    @classmethod
    def of(cls, maxima: np.ndarray) -> Counts:
        """Count the maxima (images, channels) of one partition."""
        wide = maxima.astype(np.float64)
        return cls(
            np.full(maxima.shape[1], len(maxima), np.int64),
            np.count_nonzero(maxima > 0, axis=0).astype(np.int64),
            wide.sum(axis=0),
            (wide * wide).sum(axis=0),
            maxima.min(axis=0, initial=np.inf).astype(np.float32),
            maxima.max(axis=0, initial=-np.inf).astype(np.float32),
        )

    def joined(self, other: Counts) -> Counts:
        """Count this part and another one together."""
        return Counts(
            self.images + other.images,
            self.fired + other.fired,
            self.total + other.total,
            self.squares + other.squares,
            np.minimum(self.lowest, other.lowest),
            np.maximum(self.highest, other.highest),
        )


@dataclass(frozen=True, eq=False)
class LayerSummary:
    """What was found out about one layer: the strongest images of its channels, and their counts."""

    ranking: Ranking
    counts: Counts


@dataclass(frozen=True, eq=False)
class Summary:
    """What was found out about some images.

    Attributes:
        layers: one ``LayerSummary`` for each surveyed layer.
    """

    layers: tuple[LayerSummary, ...]

    def joined(self, other: Summary, top: int) -> Summary:
        """Summarise these images and others together."""
        return Summary(
            tuple(
                LayerSummary(merged([a.ranking, b.ranking], top), a.counts.joined(b.counts))
                for a, b in zip(self.layers, other.layers, strict=True)
            )
        )


NumberedImages = tuple[int, Sequence[LabelledImage]]
"""The number and the images of a partition."""


@dataclass(frozen=True, eq=False)
class Partition:
    """The images of a partition and their summary.

    Attributes:
        number: of the partition, counted from 0.
        keys, labels: of the images that could be read.
        maxima: for each surveyed layer float32 (images, channels), the largest activation of every map.
        summary: of these.
        unread: the images that could not be read.
    """

    number: int
    keys: tuple[str, ...]
    labels: tuple[str | None, ...]
    maxima: tuple[np.ndarray, ...]
    summary: Summary
    unread: tuple[Unread, ...]


@dataclass(frozen=True, eq=False)
class _Measured:
    """The maxima of one batch: for each layer values and places (images, channels), and sizes of maps."""

    keys: tuple[str, ...]
    labels: tuple[str | None, ...]
    values: list[np.ndarray]
    places: list[np.ndarray]
    sizes: list[np.ndarray]


def summarised(
    network: Network, layers: Sequence[Layer], partitions: Iterable[NumberedImages], *, batch: int, top: int
) -> Iterator[Partition]:
    """Run partitions through a network. The next one is decoded while the last batches of one are computed.

    Args:
        network: the network.
        layers: that are surveyed.
        partitions: the number and the images of each. Batches never hold images of two partitions.
        batch: how many images run together.
        top: how many images to keep for each channel.
    """
    pending: list[tuple[int, int]] = []  # the number of a partition, and how many chunks it has

    def chunks() -> Iterator[Sequence[LabelledImage]]:
        for number, images in partitions:
            pending.append((number, -(-len(images) // batch)))
            yield from chunks_of(images, batch)

    measured, unread = list[_Measured](), list[Unread]()
    best, done = _Best(layers, top), 0
    for decoded, missing in decoded_chunks(network, chunks()):
        unread += missing
        for part in decoded:
            measured.append(_measured(network, layers, part, best.floors, unread))
            best.add(measured[-1].values)
        done += 1
        number, count = pending[0]
        if done == count:
            yield _partition(number, layers, measured, unread, top)
            measured, unread, best, done = [], [], _Best(layers, top), 0
            pending.pop(0)


class _Best:
    """The largest values of each channel until now.

    Attributes:
        floors: for each layer float32 (channels,), what an image must reach to be among them.
    """

    def __init__(self, layers: Sequence[Layer], top: int) -> None:
        self._values = [np.full((top, layer.channels or 0), -np.inf, np.float32) for layer in layers]

    @property
    def floors(self) -> list[np.ndarray]:
        return [values[0] for values in self._values]

    def add(self, values: Sequence[np.ndarray]) -> None:
        """Take in the values (images, channels) of each layer in some more images."""
        for index, (best, more) in enumerate(zip(self._values, values, strict=True)):
            if len(more):
                self._values[index] = np.partition(np.concatenate([best, more]), len(more), axis=0)[len(more) :]


def _measured(
    network: Network, layers: Sequence[Layer], part: DecodedBatch, floors: Sequence[np.ndarray], unread: list[Unread]
) -> _Measured:
    """Run a batch. Images with NaN or infinity in a layer are left out and added to ``unread``."""
    units = strongest_units(network, part.feeds, layers, floors)
    finite = np.stack([np.isfinite(values).all(axis=1) for values, _, _ in units])
    for index in np.flatnonzero(~finite.all(axis=0)):
        name = layers[int(finite[:, index].argmin())].name
        unread.append(Unread(part.keys[index], f"NaN or infinity in layer {name!r}"))
    kept = np.flatnonzero(finite.all(axis=0))
    return _Measured(
        tuple(part.keys[index] for index in kept),
        tuple(part.labels[index] for index in kept),
        *([arrays[kept] for arrays in kind] for kind in zip(*units, strict=True)),
    )


def _partition(
    number: int, layers: Sequence[Layer], measured: Sequence[_Measured], unread: Sequence[Unread], top: int
) -> Partition:
    keys = tuple(key for part in measured for key in part.keys)
    labels = tuple(label for part in measured for label in part.labels)
    maxima, summaries = [], []
    for index, layer in enumerate(layers):
        empty = np.zeros((0, layer.channels or 0), np.float32)
        values = np.concatenate([empty, *(part.values[index] for part in measured)])
        places = np.concatenate([empty.astype(np.int32), *(part.places[index] for part in measured)])
        no_sizes = np.zeros((0, len(layer.spatial_shape)), np.int32)
        sizes = np.concatenate([no_sizes, *(part.sizes[index] for part in measured)])
        maxima.append(values)
        summaries.append(LayerSummary(ranking_of(keys, values, places, sizes, top), Counts.of(values)))
    return Partition(number, keys, labels, tuple(maxima), Summary(tuple(summaries)), tuple(unread))


def joined(summaries: Iterable[Summary], top: int) -> Summary | None:
    """Summarise several parts together, in their order; ``None`` without any."""
    whole: Summary | None = None
    for summary in summaries:
        whole = summary if whole is None else whole.joined(summary, top)
    return whole
