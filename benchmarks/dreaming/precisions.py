"""Dreams of ten classes in float32 and in bfloat16: time, and the score under views that the dream did not use.

The time in bfloat16 means something on CPUs with instructions for it; the scores mean the same on all.

    python -m benchmarks.dreaming.precisions [--classes NAME ...] [--pictures FOLDER]

Each row is kept as soon as it is measured.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import process_time

import numpy as np
from PIL import Image

from benchmarks.dreaming.classes import CLASSES, SEED, SIDE, judge
from benchmarks.measurements import RESULTS, keep, load_of_machine, machine
from cnnvis_widgets import demo, dream
from cnnvis_widgets.engine.runtime.precision import bfloat16_share
from cnnvis_widgets.imaging import render

FILE = RESULTS / "precisions.json"


def main() -> None:
    """Dream in turns, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", nargs="*", default=CLASSES[:10])
    parser.add_argument("--pictures", type=Path, help="a folder for the pictures")
    options = parser.parse_args()
    about = {**machine("tensorflow"), "convolution, bfloat16 by float32": round(bfloat16_share(), 2)}
    network, rows = demo.network(), []
    for name in options.classes:
        row: dict[str, object] = {"class": name, "load": load_of_machine()}
        for precision in ("float32", "bfloat16"):
            since = process_time()
            *_, step = dream(network, None, None, name, size=(SIDE, SIDE), seed=SEED, precision=precision)
            took = process_time() - since
            picture = render.picture(step.images[0], step.value_range)
            if options.pictures:
                options.pictures.mkdir(exist_ok=True)
                Image.fromarray(picture).save(options.pictures / f"{name} {precision}.png")
            judged = judge(network, picture, step.channels[0])
            score = float(step.scores[0])
            row[precision] = {
                "score": round(score, 2),
                "mean_probability": judged["mean_probability"],
                "processor": round(took, 1),
                "score per second": round(score / took, 2),
            }
        print(json.dumps(row), flush=True)
        rows = keep(FILE, about, [row], "class")
    for precision in ("float32", "bfloat16"):
        print(precision, "mean score", round(float(np.mean([row[precision]["score"] for row in rows])), 3))


if __name__ == "__main__":
    main()
