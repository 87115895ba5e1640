"""The memory of class methods on a photo of 3000 x 3000 pixels, each in a process of its own that may hold 2 GB.

The limit is what the engine believes to be free: the limit less what the process holds. Printed are the most that the
process ever held, TensorFlow included, and its processor time. A method that is refused prints the error.

    python -m benchmarks.attribution.large_photo [METHOD ...] [--limit BYTES] [--side PIXELS]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np
from PIL import Image

from benchmarks.measurements import RESULTS, keep, load_of_machine, machine

FILE = RESULTS / "large_photo.json"
CLASS = 285
METHODS = (
    "predict",
    "grad_cam",
    "layer_cam",
    "layer_cam block10_add",
    "layer_cam block2_add",
    "gradient_times_input",
    "guided_grad_cam",
)


def bytes_held(name: str = "VmRSS") -> int:
    """What this process holds; with 'VmHWM' the most it ever held."""
    return int(Path("/proc/self/status").read_text().split(f"{name}:")[1].split()[0]) * 1024


def measured(method: str, limit: float, side: int) -> dict[str, object]:
    """Run one method in this process."""
    from cnnvis_widgets import demo, grad_cam, gradient_times_input, layer_cam, load, predict
    from cnnvis_widgets.engine.runtime import footprint

    footprint.spare_memory = lambda: max(1, int(limit - bytes_held()))
    photo = Image.fromarray(demo.photos()["chelsea"]).resize((side, side), Image.Resampling.BICUBIC)
    network = load(demo.network(), np.asarray(photo, np.float32)[None] / 127.5 - 1)
    name, *layer = method.split()
    calls: dict[str, Callable[[], object]] = {
        "predict": lambda: predict(network),
        "grad_cam": lambda: grad_cam(network, None, CLASS),
        "layer_cam": lambda: layer_cam(network, None, CLASS, layer=layer[0] if layer else None),
        "gradient_times_input": lambda: gradient_times_input(network, None, CLASS),
        "guided_grad_cam": lambda: grad_cam(network, None, CLASS, guided=True),
    }
    before, since = bytes_held(), process_time()
    try:
        calls[name]()
        refused = ""
    except MemoryError as error:
        refused = str(error)
    return {
        "method": method,
        "side": side,
        "limit MB": round(limit / 1e6),
        "before MB": round(before / 1e6),
        "most MB": round(bytes_held("VmHWM") / 1e6),
        "processor s": round(process_time() - since, 1),
        "refused": refused,
    }


def main() -> None:
    """Measure each method in a new process, and keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("methods", nargs="*", default=METHODS)
    parser.add_argument("--limit", type=float, default=2e9)
    parser.add_argument("--side", type=int, default=3000)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measured(options.methods[0], options.limit, options.side)))
        return
    for method in options.methods:
        given = ["--limit", str(options.limit), "--side", str(options.side), "--here", method]
        command = [sys.executable, "-m", "benchmarks.attribution.large_photo", *given]
        load, answer = load_of_machine(), subprocess.run(command, check=True, capture_output=True, text=True).stdout
        row = {**json.loads(answer.splitlines()[-1]), "load": load}
        print(json.dumps(row), flush=True)
        keep(FILE, machine("tensorflow"), [row], "method", "side", "limit MB")


if __name__ == "__main__":
    main()
