"""A photo dream on a large picture: time, and the most memory that the process ever held.

python benchmarks/dream_large.py [width height [octaves steps [picture.jpg]]]
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from cnnvis_widgets import demo, dream
from cnnvis_widgets.imaging import render

LAYER, CHANNEL = "block12_add", 0


def main() -> None:
    """Dream, print, write the picture."""
    given = sys.argv[1:]
    width, height, octaves, steps = (int(each) for each in (*given[:4], *("4000", "3000", "4", "2")[len(given[:4]) :]))
    path = Path(given[4] if len(given) > 4 else f"dream_{width}x{height}.jpg")
    photo = Image.fromarray(demo.photos()["flower"]).resize((width, height), Image.Resampling.LANCZOS)
    network = demo.network()
    print(f"before the dream: {peak():.2f} GB", flush=True)
    start = demo.preprocess(np.asarray(photo), None)
    running = dream(network, None, LAYER, CHANNEL, start=start, octaves=octaves, steps=steps)
    del photo, start  # the dream has its own
    for step in running:
        shape = " x ".join(map(str, step.images.shape[2:0:-1]))
        print(f"step {step.index + 1}/{step.total}: {shape}, {step.seconds:.1f} s, peak {peak():.2f} GB", flush=True)
    Image.fromarray(render.picture(step.images[0], step.value_range)).save(path, quality=90)


def peak() -> float:
    """The most memory the process held so far, in 10^9 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


if __name__ == "__main__":
    main()
