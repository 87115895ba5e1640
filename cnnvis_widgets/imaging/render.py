"""Results into tiles: uint8 (tiles, height, width, 1 or 3), whatever the network's rank.

A map of an image network is drawn as it is, a signal as a strip, a volume as its slices along
depth, and a unit of a dense layer as a single cell; ``grid`` puts the tiles together.

Brightness follows one rule. Values that never go below zero run from black (or the dark end of
the colours) at exactly zero to the largest value; as soon as a layer has negative values, zero is
the middle. With ``scale='layer'`` all tiles share one scale and can be compared; with 'map' each
tile has its own. A tile without anything in it is flat in either case, never magnified noise.

Reconstructions need more: a handful of extreme pixels, and a few channels far stronger than the
rest, would leave everything else a dull grey. So in a reconstruction the strongest ``SATURATED``
percent of a tile's non-zero values are clipped, and the shared scale fits all but the strongest
quarter of the tiles, which may be clipped more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..results import FeatureMaps, Reconstruction
from . import colormaps
from .grid import montage
from .normalize import ValueRange, centred, rising, to_uint8

Scale = Literal["layer", "map"]

FLOOR = 1e-5
"""A map weaker than this part of its layer's strongest is not magnified any further."""

SATURATED = 0.5
"""Percent of the non-zero values of a reconstruction that may exceed its full brightness."""

VISIBLE = 0.04
"""The part of full brightness below which nothing is seen, so that it may be cut away."""

TOGETHER = 2**18
"""Values that are coloured at once: as many as stay in the processor's cache."""

LONGEST = 512
"""Signals longer than this are drawn this long, each pixel the strongest value of its stretch."""


def activation_tiles(
    maps: FeatureMaps,
    image: int = 0,
    *,
    channels: Sequence[int] | None = None,
    scale: Scale = "layer",
    limit: float | None = None,
    colours: bool = True,
) -> np.ndarray:
    """The feature maps of one image, each a tile.

    Args:
        maps: of one layer, for one or more images.
        image: which of the images.
        channels: which maps and in which order; all of them by default. A shared scale is that of
            the whole layer all the same, so that a map looks alike on every page.
        scale: 'layer' or 'map'.
        limit: the value of full brightness, in place of ``scale``; what is beyond it is clipped.
        colours: viridis, or blue-white-red where there are negative values; else grey.

    Returns:
        uint8 (maps, height, width, 3), or (maps, height, width, 1) in grey.
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
) -> tuple[np.ndarray, np.ndarray]:
    """The same for the screen, a third of the bytes: numbers of colours, and the colours.

    Maps without any activation are plain grey, which no value is drawn in.

    Returns:
        uint8 (maps, height, width, 1) and a palette, uint8 (256, 3).
    """
    signed, values = _signed(maps, image), np.moveaxis(maps.values[image], -1, 0)
    tiles = _drawn(values, channels, scale, limit, signed, colormaps.NUMBERS)
    shown = values if channels is None else values[list(channels)]
    tiles[~shown.any(axis=tuple(range(1, shown.ndim)))] = colormaps.DEAD_NUMBER
    return tiles, colormaps.palette(signed)


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
    """Some maps of a layer's (maps, any spatial axes), in the colours of a table."""
    values = values[..., np.newaxis]
    whole = float(np.abs(values).max(initial=0.0))
    if channels is not None:
        values = values[list(channels)]
    own = np.abs(values).max(axis=tuple(range(1, values.ndim)), initial=0.0).tolist()
    limits = _limits(own, scale, whole) if limit is None else [limit] * len(values)
    return _flat(_coloured(values, limits, centred if signed else rising, table))


def reconstruction_tiles(
    reconstruction: Reconstruction, image: int = 0, *, scale: Scale = "layer", crop: bool = False
) -> np.ndarray:
    """The projections of one image's channels, each a tile in the colours of the input.

    Middle grey is zero: where it is brighter, more of that colour in the image would make the
    channel fire more strongly. A channel from which nothing came back is black. Inputs of other
    than 1 or 3 channels are drawn as one small grey picture per channel, side by side.

    Args:
        reconstruction: of one layer, for one or more images.
        image: which of the images.
        scale: 'layer' or 'map'.
        crop: cut every tile of a picture to a window around the part to be seen, of one size for
            all. The projection of a single unit is else a speck, where its receptive field is small.

    Returns:
        uint8 (channels, height, width, 1 or 3).
    """
    values = reconstruction.images[image]
    own = [_strength(tile) for tile in values]
    alive = [strength for strength in own if strength] or [1.0]
    limits = _limits(own, scale, float(np.percentile(alive, 75, method="higher")))
    pixels = _coloured(values, limits, centred, colormaps.GREY)
    pixels[np.array(own) == 0] = 0
    if crop and values.ndim == 4:
        visible = [np.abs(tile).max(axis=-1) > VISIBLE * limit for tile, limit in zip(values, limits, strict=True)]
        pixels = _windows(pixels, np.stack(visible))
    return _flat(pixels)


def picture(image: ArrayLike, value_range: ValueRange) -> np.ndarray:
    """An image as fed, (height, width, channels) in the network's range, as uint8 to look at.

    Signals (length, channels), volumes (depth, height, width, channels) and any number of
    channels are drawn as in ``reconstruction_tiles``.
    """
    return _flat(to_uint8(image, value_range)[np.newaxis])[0]


def _limits(own: list[float], scale: Scale, whole: float) -> list[float]:
    """What full brightness stands for in each tile, of its own strength and the whole layer's; never zero."""
    if scale == "layer":
        return [whole or 1.0] * len(own)
    if scale == "map":
        return [max(strength, FLOOR * whole) or 1.0 for strength in own]
    raise ValueError(f"Expected scale 'layer' or 'map'. Received: scale={scale!r}.")


def _strength(tile: np.ndarray) -> float:
    """The magnitude that all but ``SATURATED`` percent of the non-zero values stay within; 0 if there are none."""
    values = tile[tile != 0]
    some = np.abs(values[:: 1 + values.size // 20_000])  # 20,000 tell as much as a million
    return float(np.percentile(some, 100 - SATURATED, method="higher")) if values.size else 0.0


def _windows(pixels: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Tiles (tiles, height, width, channels) cut to windows of one size, each around its visible part.

    ``visible`` is bool (tiles, height, width).
    """
    starts, sides = [], []
    for axis in (1, 2):
        lines = np.asarray(visible.any(axis=3 - axis))
        first, length = lines.argmax(axis=1), lines.shape[1]
        extent = np.where(lines.any(axis=1), length - lines[:, ::-1].argmax(axis=1) - first, 0)
        side = max(1, int(extent.max()))
        starts.append(np.clip(first - (side - extent) // 2, 0, length - side))
        sides.append(side)
    corners = zip(pixels, *starts, strict=True)
    return np.stack([tile[y : y + sides[0], x : x + sides[1]] for tile, y, x in corners])


def _coloured(
    values: np.ndarray,
    limits: list[float],
    fractions: Callable[[ArrayLike, ArrayLike], np.ndarray],
    table: np.ndarray,
) -> np.ndarray:
    """Tiles (tiles, any spatial axes, channels) as uint8; a single channel takes the table's colours.

    A few tiles at a time: the reconstructions of a layer together may take half a gigabyte.
    """
    values = _shortened(values)
    pixels = np.empty((*values.shape, table.shape[-1]), np.uint8)
    together = max(1, TOGETHER // max(1, values[:1].size))
    each = np.reshape(limits, (-1, *[1] * (values.ndim - 1)))
    for first in range(0, len(values), together):
        some = slice(first, first + together)
        pixels[some] = colormaps.apply(fractions(values[some], each[some]), table)
    return pixels.reshape(*values.shape[:-1], -1)


def _shortened(values: np.ndarray) -> np.ndarray:
    """Signals (tiles, length, channels) brought within ``LONGEST``; anything else as it is.

    The strongest value of each stretch is kept: a mean would hide the short peaks one looks for.
    """
    if values.ndim != 3 or values.shape[1] <= LONGEST:
        return values
    stretches = np.split(values, np.arange(1, LONGEST) * values.shape[1] // LONGEST, axis=1)
    strongest = [np.abs(each).argmax(axis=1, keepdims=True) for each in stretches]
    pairs = zip(stretches, strongest, strict=True)
    return np.concatenate([np.take_along_axis(each, where, axis=1) for each, where in pairs], axis=1)


def _flat(pixels: np.ndarray) -> np.ndarray:
    """Pixels (tiles, any spatial axes, channels) as (tiles, height, width, 1 or 3)."""
    tiles, *space, channels = pixels.shape
    if channels not in (1, 3):
        split = np.moveaxis(pixels, -1, 1).reshape(tiles * channels, *space, 1)
        split = _flat(split)
        return _montages(split.reshape(tiles, channels, *split.shape[1:]))
    if len(space) == 2:
        return pixels
    if len(space) == 0:
        return pixels.reshape(tiles, 1, 1, channels)
    if len(space) == 1:
        return pixels[:, np.newaxis].repeat(max(1, min(16, space[0] // 4)), axis=1)
    return _montages(pixels.reshape(tiles, -1, *space[-2:], channels))


def _montages(parts: np.ndarray) -> np.ndarray:
    """(tiles, parts, height, width, channels): the parts of each tile in a grid of their own."""
    return np.stack([montage(each) for each in parts])
