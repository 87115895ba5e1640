"""How many channels of the embedded network dream from noise.

    python -m benchmarks.engine.dreams_from_noise [--layers NAME ...] [--sheets FOLDER]

24 channels, drawn at random, in each of ten layers and in one that is hard. A dream counts if its channel is on in the
last step and its score has risen. It is the first octave of the usual dream: 32 steps on 82 x 82 pixels. A channel is
alive if it fires on a photo of the demo.

Figures go to benchmarks/results/dreams_from_noise.json, which docs/truth.md shows; with names of some of these layers,
only theirs are replaced. With a folder, a sheet of the pictures of each layer is written there: rows of eight, in the
order in which the channels were drawn.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import cnnvis_widgets as cv
from cnnvis_widgets.imaging.render import picture

from ..measurements import RESULTS

LAYERS, CHANNELS, SIZE = 10, 24, (82, 82)
FAILURES = ("refused", "not risen", "off")
FILE = RESULTS / "dreams_from_noise.json"


def dreamt(network: cv.Network, layer: str, channel: int) -> tuple[str, np.ndarray]:
    """What becomes of one dream, in a word or two, and its picture."""
    try:
        *_, last = cv.dream(network, None, layer, channel, size=SIZE, octaves=1)
    except cv.errors.GradientError:
        return "refused", np.zeros((*SIZE, 3), np.uint8)
    note, pixels = last.notes[0], picture(last.images[0], last.value_range)
    if "has not risen" in note:
        return "not risen", pixels
    if last.scores[0] <= 0:
        return "off", pixels
    ways = ["louder"] * ("as strong" in note) + ["entered"] * ("through" in note)
    return " and ".join(ways) or "as it is", pixels


def ten_layers(network: cv.Network) -> list[str]:
    """Ten activation functions from the first to the last, and one of which the channels are hard to reach."""
    relus = network.select("r")
    names = [relus[round(place)].name for place in np.linspace(0, len(relus) - 1, LAYERS)]
    return [*names[:-2], "block13_depthwise_relu/Relu6", *names[-2:]]


def row_of(network: cv.Network, layer: str, photos: list[np.ndarray]) -> tuple[dict[str, Any], list[np.ndarray]]:
    """The figures of one layer, and the pictures."""
    strengths = np.max([cv.activations(network, photo, layer)[0].strengths[0] for photo in photos], axis=0)
    channels = np.random.default_rng(0).choice(len(strengths), min(CHANNELS, len(strengths)), replace=False)
    found = {int(channel): dreamt(network, layer, int(channel)) for channel in channels}
    failed = {channel: word for channel, (word, _) in found.items() if word in FAILURES}
    ways = Counter(word for word, _ in found.values() if word not in FAILURES)
    row = {
        "layer": layer,
        "channels": len(found),
        "dreamt": sum(ways.values()),
        "ways": dict(ways.most_common()),
        "failures": dict(Counter(failed.values()).most_common()),
        "alive": {str(channel): word for channel, word in failed.items() if strengths[channel] > 0},
    }
    return row, [picture for _, picture in found.values()]


def write_sheet(pictures: list[np.ndarray], path: Path) -> None:
    """Write pictures of one size in rows of eight."""
    rows = [np.concatenate(pictures[start : start + 8], 1) for start in range(0, len(pictures) - 7, 8)]
    Image.fromarray(np.concatenate(rows)).save(path)


def main() -> None:
    """Print the figures of each layer, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", nargs="+", help="names of layers; by default those that the module names")
    parser.add_argument("--sheets", type=Path, help="an existing folder for sheets of the pictures")
    options = parser.parse_args()
    network, photos = cv.demo.network(), list(cv.demo.photos().values())
    names = [network.layer(name).name for name in options.layers] if options.layers else ten_layers(network)
    rows = {row["layer"]: row for row in json.loads(FILE.read_text())} if FILE.exists() else {}
    for name in names:
        rows[name], found = row_of(network, name, photos)
        print(*rows[name].values(), sep=" | ", flush=True)
        if options.sheets is not None:
            write_sheet(found, options.sheets / f"{name.replace('/', '_')}.png")
        order = [layer for layer in ten_layers(network) if layer in rows]
        FILE.write_text(json.dumps([rows[layer] for layer in order], indent=1) + "\n")


if __name__ == "__main__":
    main()
