"""How much of a picture lies where the truth is; an untrained network and an edge detector get the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnvis_widgets import Network, reconstruct
from cnnvis_widgets.demo import Things

RULES = ("deconvnet", "guided", "gradient")
EDGES = "squared edges"
SOURCES = (*RULES, EDGES)


def dilated(mask: np.ndarray, pixels: int = 1) -> np.ndarray:
    """Widen masks (..., height, width) by some pixels to each side: derivatives lie on both sides of an edge."""
    height, width = mask.shape[-2:]
    around = [(0, 0)] * (mask.ndim - 2) + [(pixels, pixels)] * 2
    padded, moves = np.pad(mask, around), range(2 * pixels + 1)
    return np.any([padded[..., y : y + height, x : x + width] for y in moves for x in moves], axis=0)


def energy_of(pictures: np.ndarray) -> np.ndarray:
    """Square and sum over the colours: (images, height, width, 3) to shares of the whole, (images, height, width)."""
    squares = (pictures.astype(np.float64) ** 2).sum(axis=-1)
    return squares / squares.sum(axis=(1, 2), keepdims=True)


def squared_edges(images: np.ndarray) -> np.ndarray:
    """Square the differences to the next pixel, of each colour: what an edge detector shows, and knows no network."""
    values = images.astype(np.float64)
    return np.stack(np.gradient(values, axis=(1, 2)), axis=-1).reshape(*values.shape[:3], -1)


@dataclass(frozen=True)
class UnitEnergy:
    """Where the energy of one channel's pictures lies, means over its strongest images.

    Attributes:
        part: the part that holds the largest share.
        in_part: that share.
        in_mask: the share in the whole thing.
    """

    part: str
    in_part: float
    in_mask: float


def channels_alive(strengths: np.ndarray, count: int) -> list[int]:
    """Choose channels, evenly spread over those that fire in at least ten images; strengths are (images, channels)."""
    alive = np.flatnonzero((strengths > 0).sum(axis=0) >= 10)
    return [int(channel) for channel in alive[np.unique(np.linspace(0, len(alive) - 1, count).round().astype(int))]]


def unit_energies(
    network: Network, data: Things, layer: str, strengths: np.ndarray, channels: Sequence[int], best: int = 9
) -> dict[str, list[UnitEnergy]]:
    """Project the strongest unit of each channel in its strongest images, and find where the energy lies.

    Returns:
        For each rule and for plain edges inside the same receptive fields, one row for each channel. 'window' is the
        same for a picture that is even over the receptive field: what chance gives.
    """
    found: dict[str, list[UnitEnergy]] = {name: [] for name in (*SOURCES, "window")}
    for channel in channels:
        chosen = np.argsort(-strengths[:, channel])[:best]
        for rule in RULES:
            seen = reconstruct(network, data.images[chosen], layer, channels=[channel], rule=rule)
            if np.abs(seen.images).sum(axis=(1, 2, 3, 4)).all():
                found[rule].append(_located(energy_of(seen.images[:, 0]), data, chosen))
        windows = _windows(network, layer, seen.units[:, 0], data.images.shape[1])
        edges = squared_edges(data.images[chosen]) * windows[..., np.newaxis]
        found[EDGES].append(_located(energy_of(edges), data, chosen))
        found["window"].append(_located(windows / windows.sum(axis=(1, 2), keepdims=True), data, chosen))
    return found


def _windows(network: Network, layer: str, units: np.ndarray, side: int) -> np.ndarray:
    """Ones over the receptive fields of units, (images, side, side)."""
    field, windows = network.receptive_field(layer), np.zeros((len(units), side, side))
    for window, unit in zip(windows, units, strict=True):
        rows, columns = field.window(tuple(int(place) for place in unit))
        window[max(rows.start, 0) : rows.stop, max(columns.start, 0) : columns.stop] = 1
    return windows


def _located(energy: np.ndarray, data: Things, chosen: np.ndarray) -> UnitEnergy:
    parts = data.parts[chosen]
    shares = [
        float((energy * dilated(parts == number)).sum(axis=(1, 2)).mean()) if number else 0.0
        for number in range(len(data.part_names))
    ]
    best = int(np.argmax(shares))
    inside = float((energy * dilated(data.masks[chosen])).sum(axis=(1, 2)).mean())
    return UnitEnergy(data.part_names[best], shares[best], inside)


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Correlate two pictures over all their pixels; 0 if one is constant."""
    if not first.std() or not second.std():
        return 0.0
    return float(np.corrcoef(first.ravel(), second.astype(float).ravel())[0, 1])
