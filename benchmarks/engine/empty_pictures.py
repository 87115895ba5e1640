"""How many reconstructions of the embedded network are empty, and why.

    python -m benchmarks.engine.empty_pictures

It writes benchmarks/results/empty_pictures.json, which docs/truth.md shows.

The first 64 tiles of the explorer, which are the channels with the largest activation, of ten layers under each rule.
"Before" seeds the first of the units that share the largest value; since ties at 6 are broken by the value before the
clip, "now" can be another unit.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np

import cnnvis_widgets as cv

from ..measurements import RESULTS

LAYERS, TILES = 10, 64
RULES = ("deconvnet", "guided", "gradient")
FILE = RESULTS / "empty_pictures.json"


def tiles_of(network: cv.Network, layer: str) -> tuple[list[int], np.ndarray]:
    """The channels of the first tiles, and the first of the strongest units of every channel."""
    maps = cv.activations(network, None, layer)[0].values[0]
    rows = maps.reshape(-1, maps.shape[-1])
    channels = np.argsort(-rows.max(axis=0), kind="stable")[:TILES].tolist()
    return channels, np.stack(np.unravel_index(rows.argmax(axis=0), maps.shape[:-1]), -1)


def empty_before(network: cv.Network, layer: str, rule: str, channels: list[int], first: np.ndarray) -> int:
    """How many pictures were empty when the first of several strongest units was seeded."""
    result = cv.reconstruct(network, None, layer, channels=channels, rule=rule)
    empty = 0
    for place, channel in enumerate(channels):
        picture, unit = result.images[0, place], tuple(first[channel].tolist())
        if unit != tuple(result.units[0, place].tolist()):
            picture = cv.reconstruct(network, None, layer, channels=[channel], rule=rule, seed=unit).images[0, 0]
        empty += not picture.any()
    return empty


def row_of(network: cv.Network, layer: str, rule: str) -> dict[str, Any]:
    """The figures of one layer under one rule."""
    channels, first = tiles_of(network, layer)
    result = cv.reconstruct(network, None, layer, channels=channels, rule=rule)
    notes = Counter(note.partition("; the next unit")[0] for note in result.notes[0] if note)
    return {
        "layer": layer,
        "rule": rule,
        "tiles": len(channels),
        "before": empty_before(network, layer, rule, channels, first),
        "now": sum(not picture.any() for picture in result.images[0]),
        "reasons": dict(notes.most_common()),
        "offered": sum(map(bool, result.next_units[0])),
    }


def main() -> None:
    """Print the figures of each layer and rule, and write them."""
    network = cv.load(cv.demo.network(), next(iter(cv.demo.photos().values())))
    relus = network.select("r")
    chosen = [relus[round(place)].name for place in np.linspace(0, len(relus) - 1, LAYERS)]
    rows = []
    for layer in chosen:
        for rule in RULES:
            rows.append(row_of(network, layer, rule))
            print(*rows[-1].values(), sep=" | ", flush=True)
    FILE.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
