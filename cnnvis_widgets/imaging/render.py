"""Draw results of any rank as tiles: uint8 (tiles, height, width, 1 or 3).

A map of an image network becomes a tile as it is, a signal a strip, a volume its slices along depth, and a channel of
a dense layer a single cell; ``grid`` puts the tiles together.

Brightness follows one rule. If no value is negative, exact zero is black (or the dark end of the colours) and the
largest value is bright. If a layer has negative values, zero is the middle. With ``scale='layer'`` all tiles share one
scale and can be compared; with 'map' each tile has its own. An empty tile is flat in either case: noise is never
magnified.

Reconstructions need more. A few extreme pixels, and a few channels far stronger than the others, would leave
everything else a dull grey. So a reconstruction clips the strongest ``SATURATED`` percent of a tile's non-zero values,
and the shared scale fits three quarters of the tiles; the strongest quarter may be clipped more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..errors import OptionError
from ..methods import METHODS
from ..results import Attribution, FeatureMaps, Reconstruction
from . import busy_regions, colormaps
from .curves import projection_curves
from .grid import montage
from .normalize import ValueRange, centred, rising, to_uint8

Scale = Literal["layer", "map"]

FLOOR = 1e-5
"""A map weaker than this fraction of the strongest map of its layer is not magnified any further."""

SATURATED = 0.5
"""Percent of the non-zero values of a reconstruction that may be stronger than full brightness."""

VISIBLE = 0.04
"""The fraction of full brightness below which a person sees nothing, so that cropping may remove it."""

_CHUNK = 2**18  # values that are coloured at once; as many fit into the cache of a processor

LONGEST = 512
"""A longer signal is drawn with this length; each pixel shows the strongest value of its stretch."""


def activation_tiles(
    maps: FeatureMaps,
    image: int = 0,
    *,
    channels: Sequence[int] | None = None,
    scale: Scale = "layer",
    limit: float | None = None,
    colours: bool = True,
) -> np.ndarray:
    """Draw each feature map of one image as a tile.

    Args:
        maps: the feature maps of one layer, for one or more images.
        image: the index of the image.
        channels: the maps to draw, in this order; all of them by default. A shared scale is always that of the whole
            layer, so that a map looks the same on every page.
        scale: 'layer' or 'map'.
        limit: the value of full brightness, instead of ``scale``; larger values are clipped.
        colours: draw in viridis, or in blue, white and red where there are negative values; otherwise in grey.

    Returns:
        uint8 (maps, height, width, 3), or (maps, height, width, 1) in grey.

    Raises:
        OptionError: an unknown scale. NumericalError: NaN or infinity.
    """
    signed = _signed(maps, image)
    table = colormaps.DIVERGING if signed else colormaps.SEQUENTIAL
    values = np.moveaxis(maps.values[image], -1, 0)
    return _drawn(values, channels, scale, limit, signed, table if colours else colormaps.GREY)


def numbered_tiles(
    maps: FeatureMaps,
    image: int = 0,
    *,
    channels: Sequence[int] | None = None,
    scale: Scale = "layer",
    limit: float | None = None,
    floor: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the same tiles for the screen in a third of the bytes: as numbers of colours, and a palette.

    Maps without any activation are plain grey, a colour that no value has. Values up to ``floor`` are as dark as zero,
    and ``limit`` keeps full colour; where values are negative, the scale stays symmetric and ``floor`` has no use.

    Returns:
        uint8 (maps, height, width, 1) and a palette, uint8 (256, 3).
    """
    signed, values = _signed(maps, image), np.moveaxis(maps.values[image], -1, 0)
    risen = values if signed else above(values, floor)
    within = limit if signed or limit is None else limit - floor
    tiles = _drawn(risen, channels, scale, within, signed, colormaps.NUMBERS)
    drawn = values if channels is None else values[list(channels)]
    tiles[~drawn.any(axis=tuple(range(1, drawn.ndim)))] = colormaps.DEAD_NUMBER
    return tiles, colormaps.palette(signed)


def above(values: np.ndarray, floor: float) -> np.ndarray:
    """How far values are above ``floor``; 0 for those that are not.

    Example:
        >>> above(np.array([0.0, 1.0, 3.0]), 1.0).tolist()
        [0.0, 0.0, 2.0]
    """
    return np.maximum(values - np.float32(floor), np.float32(0)) if floor else values


def _signed(maps: FeatureMaps, image: int) -> bool:
    return bool(maps.values[image].min(initial=0.0) < 0)


def _drawn(
    values: np.ndarray,
    channels: Sequence[int] | None,
    scale: Scale,
    limit: float | None,
    signed: bool,
    table: np.ndarray,
) -> np.ndarray:
    """Draw some of a layer's maps, ``values`` (maps, any spatial axes), in the colours of a table."""
    space = tuple(range(1, values.ndim))
    own = np.maximum(values.max(axis=space, initial=0.0), -values.min(axis=space, initial=0.0))  # no copy, as abs makes
    whole = float(own.max(initial=0.0))
    if channels is not None:
        values, own = values[list(channels)], own[list(channels)]
    limits = _limits(own.tolist(), scale, whole) if limit is None else [limit] * len(values)
    return _flat(_coloured(values[..., np.newaxis], limits, centred if signed else rising, table))


def reconstruction_tiles(
    reconstruction: Reconstruction, image: int = 0, *, scale: Scale = "layer", crop: bool = False
) -> np.ndarray:
    """Draw the projection of each channel of one image as a tile in the colours of the input.

    Middle grey is zero. Where a tile is brighter, more of that colour in the image would make the channel fire more
    strongly. A tile is black if no signal came back from its channel. If the input has neither 1 nor 3 channels, a
    tile shows one small grey picture for each input channel, side by side.

    Args:
        reconstruction: the projections of one layer, for one or more images.
        image: the index of the image.
        scale: 'layer' or 'map'.
        crop: cut every tile to a window around its visible part; all windows have one size. Without it, the
            projection of a unit with a small receptive field is a speck.

    Returns:
        uint8 (channels, height, width, 1 or 3).

    Raises:
        OptionError: an unknown scale. NumericalError: NaN or infinity.
    """
    values = reconstruction.images[image]
    own = [_strength(tile) for tile in values]
    alive = [strength for strength in own if strength] or [1.0]
    limits = _limits(own, scale, float(np.percentile(alive, 75, method="higher")))
    pixels = _coloured(values, limits, centred, colormaps.GREY)
    pixels[np.array(own) == 0] = 0
    if crop and values.ndim == 4:
        visible = [np.abs(tile).max(axis=-1) > VISIBLE * limit for tile, limit in zip(values, limits, strict=True)]
        pixels = busy_regions.windows(pixels, np.stack(visible))
    return _flat(pixels)


def projections(reconstruction: Reconstruction) -> np.ndarray:
    """Draw the projections of the first image for the screen: those of signals as curves, others as tiles.

    Returns:
        uint8 (channels, height, width, 1 or 3).
    """
    if reconstruction.images.ndim == 4:
        return projection_curves(reconstruction.images[0])
    return reconstruction_tiles(reconstruction)


def picture(image: ArrayLike, value_range: ValueRange) -> np.ndarray:
    """Draw an image as it is fed, (height, width, channels) in the network's range, as uint8.

    Signals (length, channels), volumes (depth, height, width, channels) and any number of channels are drawn as in
    ``reconstruction_tiles``.

    Example:
        >>> picture(np.full((1, 2, 1), 0.5), (0, 1)).tolist()
        [[[128], [128]]]
    """
    return _flat(to_uint8(image, value_range)[np.newaxis])[0]


def attribution_values(result: Attribution, image: int, target: int) -> np.ndarray:
    """Lay the attribution of one image for one target out as float32 (height, width), to be coloured.

    Channels are summed. Signals, volumes and flat inputs are laid out as ``picture`` does, so that one can be drawn
    over the other.
    """
    values, axes = result.images[image, target], result.images.ndim - 2
    if METHODS[result.method].per_channel:
        axes -= 1
        values = values.sum(axis=-1) if axes else values  # each value of a flat input stands for itself
    if not axes:  # a flat input: its values are its channels
        return _flat(values.reshape(1, -1))[0, ..., 0]
    return _flat(_shortened(values[np.newaxis, ..., np.newaxis]))[0, ..., 0]


def _limits(own: list[float], scale: Scale, whole: float) -> list[float]:
    """The value of full brightness in each tile, from its own strength and that of the whole layer; never zero."""
    if scale == "layer":
        return [whole or 1.0] * len(own)
    if scale == "map":
        return [max(strength, FLOOR * whole) or 1.0 for strength in own]
    raise OptionError(f"Expected scale 'layer' or 'map'. Received: scale={scale!r}. Choose one of the two.")


def _strength(tile: np.ndarray) -> float:
    """The magnitude that ``SATURATED`` percent of the non-zero values exceed; 0 if there are none."""
    values = tile[tile != 0]
    sample = np.abs(values[:: 1 + values.size // 20_000])  # 20,000 values give the same percentile as a million
    return float(np.percentile(sample, 100 - SATURATED, method="higher")) if values.size else 0.0


def _coloured(
    values: np.ndarray,
    limits: list[float],
    fractions: Callable[[ArrayLike, ArrayLike], np.ndarray],
    table: np.ndarray,
) -> np.ndarray:
    """Turn values (tiles, any spatial axes, channels) into uint8; a single channel takes the colours of the table.

    The values are read in the order in which they lie in memory, where the channels of a layer lie beside each other.
    The loop takes a part at a time, because all reconstructions of a layer may take half a gigabyte.
    """
    values = _shortened(values)
    bounds = np.reshape(limits, (-1, *[1] * (values.ndim - 1)))
    order = sorted(range(values.ndim), key=lambda axis: -values.strides[axis])
    stored, bounds = values.transpose(order), bounds.transpose(order)
    pixels = np.empty((*stored.shape, table.shape[-1]), np.uint8)
    together = max(1, _CHUNK // max(1, stored[:1].size))
    for first in range(0, len(stored), together):
        chunk = slice(first, first + together)
        own = bounds[chunk] if order[0] == 0 else bounds
        pixels[chunk] = colormaps.apply(fractions(stored[chunk], own), table)
    places = [*np.argsort(order).tolist(), values.ndim]
    return pixels.transpose(places).reshape(*values.shape[:-1], -1)


def _shortened(values: np.ndarray) -> np.ndarray:
    """Shorten signals (tiles, length, channels) to ``LONGEST``; leave everything else as it is.

    Each pixel keeps the strongest value of its stretch: a mean would hide the short peaks that matter.
    """
    if values.ndim != 3 or values.shape[1] <= LONGEST:
        return values
    stretches = np.split(values, np.arange(1, LONGEST) * values.shape[1] // LONGEST, axis=1)
    strongest = [np.abs(stretch).argmax(axis=1, keepdims=True) for stretch in stretches]
    pairs = zip(stretches, strongest, strict=True)
    return np.concatenate([np.take_along_axis(stretch, place, axis=1) for stretch, place in pairs], axis=1)


def _flat(pixels: np.ndarray) -> np.ndarray:
    """Lay pixels (tiles, any spatial axes, channels) out as (tiles, height, width, 1 or 3)."""
    tiles, *space, channels = pixels.shape
    if channels not in (1, 3):
        split = np.moveaxis(pixels, -1, 1).reshape(tiles * channels, *space, 1)
        split = _flat(split)
        gap = 1 if space else 0  # the values of a flat input are the pixels of one picture
        return _montages(split.reshape(tiles, channels, *split.shape[1:]), gap)
    if len(space) == 2:
        return pixels
    if len(space) == 0:
        return pixels.reshape(tiles, 1, 1, channels)
    if len(space) == 1:
        return pixels[:, np.newaxis].repeat(max(1, min(16, space[0] // 4)), axis=1)
    return _montages(pixels.reshape(tiles, -1, *space[-2:], channels), 1)


def _montages(parts: np.ndarray, gap: int) -> np.ndarray:
    """Lay the parts of each tile, (tiles, parts, height, width, channels), out in a grid."""
    return np.stack([montage(tile, gap=gap) for tile in parts])
