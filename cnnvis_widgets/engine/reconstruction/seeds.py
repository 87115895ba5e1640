"""Seeds: what is put into a layer before going backwards, as places on the maps and as tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import ChannelError, OptionError
from ...results import Layer
from ..ops.signals import of_channels

Seed = str | tuple[int, ...]
"""'strongest', 'map', 'ones', or the place of one unit on the map."""

SEEDS = ("strongest", "map", "ones")


def kind_of(seed: Seed) -> str:
    """The kind of tensor that a seed needs: 'unit', 'map' or 'ones'."""
    return seed if isinstance(seed, str) and seed in ("map", "ones") else "unit"


def seeded_units(values: np.ndarray, seed: Seed, layer: Layer) -> np.ndarray:
    """Find the unit that each channel is seeded at.

    Args:
        values: of the layer for one image, (height, width, channels) or with other spatial axes.
        seed: as ``reconstruct`` takes it.
        layer: the layer, for errors.

    Returns:
        int (channels, spatial axes): places on the map, or -1 where the seed is a whole map.

    Raises:
        OptionError: no such seed. ChannelError: the place lies outside the map.
    """
    *spatial, channels = values.shape
    if isinstance(seed, str) and seed == "strongest":
        if not spatial:
            return np.zeros((channels, 0), int)
        return np.stack(np.unravel_index(values.reshape(-1, channels).argmax(axis=0), spatial), -1)
    require_seed(seed, spatial, layer)
    if isinstance(seed, str) and seed in SEEDS:
        return np.full((channels, len(spatial)), -1)
    return np.broadcast_to(np.array(seed), (channels, len(spatial))).copy()


def require_seed(seed: Seed, spatial: Sequence[int | None], layer: Layer) -> None:
    """Check that a layer has the place of a seed.

    Args:
        seed: as ``reconstruct`` takes it.
        spatial: the size of the map, ``None`` where it is not known.
        layer: the layer, for errors.

    Raises:
        OptionError: no such seed. ChannelError: the place lies outside the map.
    """
    if isinstance(seed, str) and seed in SEEDS:
        return
    listed = isinstance(seed, tuple | list) or (isinstance(seed, np.ndarray) and seed.ndim > 0)
    place: tuple[Any, ...] = tuple(seed) if listed else ()
    integers = all(isinstance(coordinate, int | np.integer) for coordinate in place)
    if not place or len(place) != len(spatial) or not integers:
        raise OptionError(
            f"Expected seed to be {', '.join(map(repr, SEEDS))}, or the place of a unit as {len(spatial)} integers."
            f" Received: seed={seed!r}."
        )
    ends = (coordinate + 1 if size is None else size for coordinate, size in zip(place, spatial, strict=True))
    if not all(0 <= coordinate < end for coordinate, end in zip(place, ends, strict=True)):
        raise ChannelError(
            f"Expected a unit within the map of {' x '.join(map(str, spatial))} of layer {layer.name!r}. "
            f"Received: seed={seed!r}."
        )


def seeds_of(values: tf.Tensor, channels: tf.Tensor, units: tf.Tensor, kind: str, channel_axis: int) -> tf.Tensor:
    """Build seeds over all channels: zero everywhere but at one unit, or on one map.

    Args:
        values: of the layer for one image, without image axis.
        channels: int32 (seeds,), the channel of each seed.
        units: int32 (seeds, spatial axes), the place of each seed; only read for the kind 'unit'.
        kind: 'unit' (the value at the place), 'map' (the values of the channel) or 'ones'.
        channel_axis: of the layer, counted with an image axis.

    Returns:
        The seeds, with the shape of ``values`` behind an axis of seeds.
    """
    count, axis = tf.shape(channels)[0], channel_axis - 1
    if kind == "unit":
        places = tf.concat([units[:, :axis], channels[:, None], units[:, axis:]], 1)
        rows = tf.concat([tf.range(count)[:, None], places], 1)
        seeds = tf.scatter_nd(rows, tf.gather_nd(values, places), tf.concat([[count], tf.shape(values)], 0))
        return tf.ensure_shape(seeds, [None, *values.shape])
    chosen = tf.one_hot(channels, tf.shape(values)[axis], dtype=values.dtype)
    spread = [1] * values.shape.rank
    spread[axis] = tf.shape(values)[axis]
    chosen = tf.reshape(chosen, [-1, *spread])
    return chosen * (values if kind == "map" else tf.ones_like(values))


def one_channel_seeds(target: tf.Tensor, channels: tf.Tensor, units: tf.Tensor, kind: str) -> tf.Tensor:
    """Build the one channel of each seed that is not zero: (seeds, height, width, 1).

    Args:
        target: the layer's values, (1, height, width, channels).
        channels, units, kind: as for ``seeds_of``.
    """
    maps = of_channels(target, channels)
    if kind == "map":
        return maps
    if kind == "ones":
        return tf.ones_like(maps)
    height, width = (tf.one_hot(units[:, axis], tf.shape(target)[1 + axis], dtype=maps.dtype) for axis in (0, 1))
    return maps * height[:, :, None, None] * width[:, None, :, None]
