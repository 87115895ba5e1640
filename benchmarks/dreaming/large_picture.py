"""A photo dream on a large picture: time, and the most memory that the process ever held.

python -m benchmarks.dreaming.large_picture [--size WIDTH HEIGHT] [--octaves 4] [--steps 2] [--save FILE]
"""

from __future__ import annotations

import argparse
import resource
from pathlib import Path

import numpy as np
from PIL import Image

from cnnvis_widgets import demo, dream
from cnnvis_widgets.imaging import render

LAYER, CHANNEL = "block12_add", 0


def main() -> None:
    """Dream, print, and save the picture where that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", nargs=2, type=int, default=(4000, 3000), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--octaves", type=int, default=4)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--save", type=Path, help="a file for the last picture")
    options = parser.parse_args()
    width, height = options.size
    photo = Image.fromarray(demo.photos()["flower"]).resize((width, height), Image.Resampling.LANCZOS)
    network = demo.network()
    print(f"before the dream: {peak():.2f} GB", flush=True)
    start = demo.preprocess(np.asarray(photo), None)
    running = dream(network, None, LAYER, CHANNEL, start=start, octaves=options.octaves, steps=options.steps)
    del photo, start  # the dream has its own
    for step in running:
        shape = " x ".join(map(str, step.images.shape[2:0:-1]))
        print(f"step {step.index + 1}/{step.total}: {shape}, {step.seconds:.1f} s, peak {peak():.2f} GB", flush=True)
    if options.save:
        Image.fromarray(render.picture(step.images[0], step.value_range)).save(options.save, quality=90)


def peak() -> float:
    """The most memory the process held so far, in 10^9 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main()
