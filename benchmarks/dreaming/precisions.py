"""Dreams of ten classes in float32 and in bfloat16: time, and the score under views that the dream did not use.

The time in bfloat16 means something on CPUs with instructions for it; the scores mean the same on all.

    python -m benchmarks.dreaming.precisions
"""

from __future__ import annotations

import json
from time import process_time

import numpy as np

from benchmarks.dreaming.classes import CLASSES, SEED, SIDE, judge
from benchmarks.measurements import RESULTS, machine
from cnnvis_widgets import demo, dream
from cnnvis_widgets.engine.runtime.precision import bfloat16_share
from cnnvis_widgets.imaging import render

FILE = RESULTS / "precisions.json"


def main() -> None:
    """Dream in turns, judge, print, write."""
    network, rows = demo.network(), []
    for name in CLASSES[:10]:
        row: dict[str, object] = {"class": name}
        for precision in ("float32", "bfloat16"):
            since = process_time()
            *_, step = dream(network, None, None, name, size=(SIDE, SIDE), seed=SEED, precision=precision)
            took = process_time() - since
            judged = judge(network, render.picture(step.images[0], step.value_range), step.channels[0])
            score = float(step.scores[0])
            row[precision] = {
                "score": round(score, 2),
                "mean_probability": judged["mean_probability"],
                "processor": round(took, 1),
                "score per second": round(score / took, 2),
            }
        rows.append(row)
        print(json.dumps(row), flush=True)
    means = {
        precision: round(float(np.mean([row[precision]["score"] for row in rows])), 3)  # type: ignore[index]
        for precision in ("float32", "bfloat16")
    }
    print(means)
    share = round(bfloat16_share(), 2)
    figures = {"machine": dict(machine("tensorflow")), "convolution, bfloat16 by float32": share, "mean score": means}
    FILE.write_text(json.dumps(figures | {"classes": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
