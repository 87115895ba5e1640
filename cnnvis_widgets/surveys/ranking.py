"""The strongest images of every channel: chosen in parts of a data set, and merged to those of the whole.

Images are ordered by value, and equal values by key, numbers in a key by their value ('image2' before 'image10'). So
the result does not depend on how the data set is cut, or on which part is done first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ..imaging.folders import natural_key

_LOW = np.int64(2**32 - 2)
NOTHING = -1
"""Stands for an image where a channel has fewer than the others."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """The strongest images of the channels of a layer, the strongest first.

    Attributes:
        keys: of all images that occur, in natural order.
        images: int32 (channels, rank), indices of ``keys``; ``NOTHING`` where there are fewer images.
        values: float32 (channels, rank), the largest activation of the map.
        units: int32 (channels, rank, spatial axes), where it is.
    """

    keys: tuple[str, ...]
    images: np.ndarray
    values: np.ndarray
    units: np.ndarray


def ordered_keys(keys: Iterable[str]) -> list[str]:
    """Each key once, in natural order; keys that differ only in case or leading zeros by their characters.

    Example:
        >>> ordered_keys(["image10.png", "image2.png", "image2.png"])
        ['image2.png', 'image10.png']
    """
    return sorted(set(keys), key=lambda key: (natural_key(key), key))


def ranking_of(keys: Sequence[str], values: np.ndarray, places: np.ndarray, sizes: np.ndarray, top: int) -> Ranking:
    """Rank the images of one part of a data set.

    Args:
        keys: of the images.
        values: float32 (images, channels), the largest activation of every map.
        places: int32 (images, channels), the index of its unit in the map, row by row.
        sizes: int (images, spatial axes), of the maps of each image.
        top: how many images to keep for each channel.

    Example:
        >>> values, places = np.float32([[1, 0], [3, 0]]), np.int32([[0, 0], [5, 0]])
        >>> ranking = ranking_of(["a", "b"], values, places, np.array([[2, 3], [2, 3]]), 1)
        >>> ranking.images.tolist(), ranking.values.tolist(), ranking.units.tolist()
        ([[1], [0]], [[3.0], [0.0]], [[[1, 2]], [[0, 0]]])
    """
    ordered = ordered_keys(keys)
    number = {key: index for index, key in enumerate(ordered)}
    images = np.array([number[key] for key in keys], np.int32)
    chosen = _first(values.T, np.broadcast_to(images, values.T.shape), top)
    places = np.take_along_axis(places.T, chosen, 1)
    return _compact(ordered, images[chosen], np.take_along_axis(values.T, chosen, 1), _units(places, sizes[chosen]))


def merged(rankings: Sequence[Ranking], top: int) -> Ranking:
    """Rank the images of several parts: the same as ranking all of them at once."""
    ordered = ordered_keys(key for ranking in rankings for key in ranking.keys)
    number = {key: index for index, key in enumerate(ordered)}
    images = np.concatenate([_renumbered(ranking, number) for ranking in rankings], axis=1)
    values = np.concatenate([ranking.values for ranking in rankings], axis=1)
    units = np.concatenate([ranking.units for ranking in rankings], axis=1)
    chosen = _first(values, images, top)
    return _compact(
        ordered,
        np.take_along_axis(images, chosen, 1),
        np.take_along_axis(values, chosen, 1),
        np.take_along_axis(units, chosen[..., None], 1),
    )


def _first(values: np.ndarray, images: np.ndarray, top: int) -> np.ndarray:
    """The columns of the ``top`` largest values of each row, in order; of equal ones those of the first images."""
    bits = (values + np.float32(0)).view(np.int32).astype(np.int64)  # the sum turns -0 into 0
    ordered = np.where(bits < 0, bits ^ 0x7FFFFFFF, bits)  # integers in the order of the floats
    packed = np.ascontiguousarray((ordered << 32) | (_LOW - images))
    count = packed.shape[1]
    if count > 2 * top:
        columns = np.argpartition(packed, count - top, axis=1)[:, count - top :]
        inner = np.argsort(np.take_along_axis(packed, columns, 1), axis=1)[:, ::-1]
        return np.take_along_axis(columns, inner, 1)
    return np.argsort(packed, axis=1)[:, ::-1][:, :top]


def _units(places: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Indices of units as coordinates (..., spatial axes), in maps of these sizes (..., spatial axes)."""
    units = np.zeros(sizes.shape, np.int32)
    for axis in range(sizes.shape[-1])[::-1]:
        places, units[..., axis] = np.divmod(places, sizes[..., axis])
    return units


def _renumbered(ranking: Ranking, number: dict[str, int]) -> np.ndarray:
    table = np.array([number[key] for key in ranking.keys] + [NOTHING], np.int32)  # the last entry is that of NOTHING
    return table[ranking.images]


def _compact(keys: Sequence[str], images: np.ndarray, values: np.ndarray, units: np.ndarray) -> Ranking:
    """A ranking with only those keys that occur in it."""
    used = np.unique(images[images != NOTHING])
    renumbered = np.where(images == NOTHING, NOTHING, np.searchsorted(used, images)).astype(np.int32)
    return Ranking(tuple(keys[index] for index in used), renumbered, values.astype(np.float32, copy=False), units)
