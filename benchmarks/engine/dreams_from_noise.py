"""How many channels of the embedded network dream from noise.

    python -m benchmarks.engine.dreams_from_noise [--layers NAME ...] [--sheets FOLDER]

24 channels, drawn at random, in each of ten layers and in one that is hard. A dream counts if its channel is on in the
last step and its score has risen. It is the first octave of the usual dream: 32 steps on 82 x 82 pixels. A channel is
alive if it fires on a photo of the demo. With a folder, a sheet of the pictures of each layer is written there: rows of
eight, in the order in which the channels were drawn.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

import cnnvis_widgets as cv
from cnnvis_widgets.imaging.render import picture

LAYERS, CHANNELS, SIZE = 10, 24, (82, 82)
FAILURES = ("refused", "not risen", "off")


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


def counted(words: list[str]) -> str:
    """How many there are of each word."""
    return ", ".join(f"{count} {word}" for word, count in Counter(words).most_common()) or "none"


def ten_layers(network: cv.Network) -> list[str]:
    """Ten activation functions from the first to the last, and one of which the channels are hard to reach."""
    relus = network.select("r")
    names = [relus[round(place)].name for place in np.linspace(0, len(relus) - 1, LAYERS)]
    return [*names[:-2], "block13_depthwise_relu/Relu6", *names[-2:]]


def write_sheet(pictures: list[np.ndarray], path: Path) -> None:
    """Write pictures of one size in rows of eight."""
    rows = [np.concatenate(pictures[start : start + 8], 1) for start in range(0, len(pictures) - 7, 8)]
    Image.fromarray(np.concatenate(rows)).save(path)


def main() -> None:
    """Print a table, one row for each layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", nargs="+", help="names of layers; by default those that the module names")
    parser.add_argument("--sheets", type=Path, help="an existing folder for sheets of the pictures")
    options = parser.parse_args()
    network, photos = cv.demo.network(), list(cv.demo.photos().values())
    names = [network.layer(name).name for name in options.layers] if options.layers else ten_layers(network)
    print("| layer | dream | of them | fail | alive among these |\n|---|---|---|---|---|")
    for name in names:
        strengths = np.max([cv.activations(network, photo, name)[0].strengths[0] for photo in photos], axis=0)
        channels = np.random.default_rng(0).choice(len(strengths), min(CHANNELS, len(strengths)), replace=False)
        found = {int(channel): dreamt(network, name, int(channel)) for channel in channels}
        words = {channel: word for channel, (word, _) in found.items()}
        failed = {channel: word for channel, word in words.items() if word in FAILURES}
        ways, lost = [word for word in words.values() if word not in FAILURES], list(failed.values())
        alive = ", ".join(f"{channel} ({word})" for channel, word in failed.items() if strengths[channel] > 0) or "none"
        print(f"| {name} | {len(ways)} of {len(words)} | {counted(ways)} | {counted(lost)} | {alive} |", flush=True)
        if options.sheets is not None:
            write_sheet([pixels for _, pixels in found.values()], options.sheets / f"{name.replace('/', '_')}.png")


if __name__ == "__main__":
    main()
