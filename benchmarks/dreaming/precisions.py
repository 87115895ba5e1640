"""Dreams of ten classes in float32 and in bfloat16: time, and the score under views that the dream did not use.

The time in bfloat16 means something on CPUs with instructions for it; the scores mean the same on all. Two dreams that
drift apart end in two pictures, so each class is dreamt from several seeds: the precisions are to differ no more than
seeds do.

    python -m benchmarks.dreaming.precisions [--classes NAME ...] [--seeds 3] [--pictures FOLDER]

Each row is kept as soon as it is measured.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.dreaming.classes import CLASSES, SEED, SIDE, judge
from benchmarks.measurements import RESULTS, keep, load_of_machine, machine
from cnnvis_widgets import demo, dream
from cnnvis_widgets.engine.network.network import Network
from cnnvis_widgets.engine.runtime.precision import bfloat16_share
from cnnvis_widgets.imaging import render

FILE = RESULTS / "precisions.json"
PRECISIONS = ("float32", "bfloat16")


def main() -> None:
    """Dream in turns, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", nargs="*", default=CLASSES[:10])
    parser.add_argument("--seeds", type=int, default=3, help="dreams of each class in each precision")
    parser.add_argument("--pictures", type=Path, help="a folder for the pictures")
    options = parser.parse_args()
    about = {**machine("tensorflow"), "convolution, bfloat16 by float32": round(bfloat16_share(), 2)}
    network, rows = demo.network(), []
    for name in options.classes:
        for seed in range(SEED, SEED + options.seeds):
            row: dict[str, object] = {"class": name, "seed": seed, "load": load_of_machine()}
            for precision in PRECISIONS:
                row[precision], picture = dreamt(network, name, seed, precision)
                if options.pictures:
                    options.pictures.mkdir(exist_ok=True)
                    Image.fromarray(picture).save(options.pictures / f"{name} {seed} {precision}.png")
            print(json.dumps(row), flush=True)
            rows = keep(FILE, about, [row], "class", "seed")
    print(json.dumps(compared(rows)), flush=True)


def dreamt(network: Network, name: str, seed: int, precision: str) -> tuple[dict[str, float], np.ndarray]:
    """The figures of one dream, and its picture."""
    since = process_time()
    *_, step = dream(network, None, None, name, size=(SIDE, SIDE), seed=seed, precision=precision)
    took, score = process_time() - since, float(step.scores[0])
    picture = render.picture(step.images[0], step.value_range)
    figures = {
        "score": round(score, 2),
        "mean_probability": judge(network, picture, step.channels[0])["mean_probability"],
        "processor": round(took, 1),
        "score per second": round(score / took, 2),
    }
    return figures, picture


def compared(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The mean score in each precision, how they differ in percent, and the standard error of that.

    The error comes from the differences between two dreams of one class and one seed. ``between seeds`` is the standard
    deviation of scores of one class in float32, in percent.
    """
    scores = {each: np.array([row[each]["score"] for row in rows]) for each in PRECISIONS}
    mean = scores["float32"].mean()
    differences = scores["bfloat16"] - scores["float32"]
    by_class = [
        [row["float32"]["score"] for row in rows if row["class"] == name] for name in {row["class"] for row in rows}
    ]
    return {
        **{f"mean score, {each}": round(float(scores[each].mean()), 2) for each in PRECISIONS},
        "difference, %": round(float(100 * differences.mean() / mean), 1),
        "standard error, %": round(float(100 * differences.std(ddof=1) / np.sqrt(len(rows)) / mean), 1),
        "between seeds, %": round(float(100 * np.sqrt(np.mean([np.var(each, ddof=1) for each in by_class])) / mean), 1),
    }


if __name__ == "__main__":
    main()
