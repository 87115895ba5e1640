"""How long until the first picture of a dream at 224 x 224, each time in a new process.

From the call of ``dream`` on a loaded network to its first step, with the picture: a class of the embedded default from
noise, and a layer on a photo. 'processor' is the time that the processor worked for it, which other work on the
machine changes less than the wall clock.

    python -m benchmarks.dreaming.first_picture [processes]
"""

from __future__ import annotations

import json
import subprocess
import sys
from time import perf_counter, process_time

import numpy as np

from benchmarks.measurements import RESULTS, ROOT

WAYS = ("noise", "photo")
FILE = RESULTS / "first_picture.json"


def first(way: str) -> dict[str, float]:
    """Seconds in this process, which must not have dreamt before."""
    from cnnvis_widgets import demo, dream

    network, photo = demo.network(), demo.preprocess(demo.photos()["flower"], (224, 224))
    wall, processor = perf_counter(), process_time()
    steps = (
        dream(network, None, network.logits, "daisy")
        if way == "noise"
        else dream(network, None, "block9_add", start=photo, size=(224, 224))
    )
    picture = next(steps).images
    assert picture.ndim == 4
    return {"wall": perf_counter() - wall, "processor": process_time() - processor}


def main() -> None:
    """Start the processes one after the other and print the medians."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(first(sys.argv[2])))
        return
    count, found = int(sys.argv[1]) if len(sys.argv) > 1 else 5, {}
    for way in WAYS:
        command = [sys.executable, "-m", "benchmarks.dreaming.first_picture", "--one", way]
        runs = [
            json.loads(subprocess.check_output(command, cwd=ROOT, text=True).splitlines()[-1]) for _ in range(count)
        ]
        found[way] = {name: round(float(np.median([each[name] for each in runs])), 2) for name in runs[0]}
        found[way]["longest wall"] = round(max(each["wall"] for each in runs), 2)
        print(way, found[way], flush=True)
    FILE.write_text(json.dumps({"processes": count, "seconds": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
