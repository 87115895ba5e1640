"""A survey in plain NumPy: all maps of all images at once, sorted with Python's own sort."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Entry = tuple[str, float, tuple[int, ...]]


def strongest(keys: Sequence[str], maps: np.ndarray, top: int) -> list[list[Entry]]:
    """For each channel of maps (images, ..., channels) the key, value and unit of the strongest images."""
    channels = []
    for channel in range(maps.shape[-1]):
        entries: list[Entry] = []
        for key, values in zip(keys, maps[..., channel], strict=True):
            unit = tuple(map(int, np.unravel_index(int(values.argmax()), values.shape))) if values.ndim else ()
            entries.append((key, float(values[unit]), unit))
        channels.append(sorted(entries, key=lambda entry: (-entry[1], int(entry[0])))[:top])
    return channels
