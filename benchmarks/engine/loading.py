"""Memory and time of loading VGG16 from each form, each in a process of its own, and of loading it again and again.

    python -m benchmarks.engine.loading [--again 10]

Memory is what the process holds above TensorFlow alone, in MiB and as a multiple of the weights. For a session and a
Keras object, which hold the weights themselves, it is what is held above them. ``peak`` is the most at one time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measurements import memory

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

FORMS = ("session", "object", "keras", "h5", "saved_model")
LAYER = "*block3_pool*"


def write_files(folder: Path) -> None:
    """Write VGG16 with random weights in all forms of file."""
    from benchmarks.networks import application

    model = application("VGG16")
    model.save(folder / "vgg.keras")
    model.save(folder / "vgg.h5")
    model.export(str(folder / "vgg"), verbose=False)


def opened(form: str, folder: Path) -> Any:
    """What a person holds of a form: a path, a model or a session."""
    from benchmarks.networks import application

    if form == "object":
        return application("VGG16")
    if form == "session":
        return vgg_session()
    return folder / {"keras": "vgg.keras", "h5": "vgg.h5", "saved_model": "vgg"}[form]


def vgg_session() -> Any:
    """A session of TensorFlow 1 with VGG16, its variables initialised at random."""
    import tensorflow as tf

    from benchmarks.peers.work import BLOCKS

    v1, graph = tf.compat.v1, tf.Graph()
    with graph.as_default():

        def variable(*shape: int) -> Any:
            return v1.Variable(tf.random.normal(shape, stddev=0.02))

        x, channels = v1.placeholder(tf.float32, [None, 224, 224, 3], "image"), 3
        for number, block in enumerate(BLOCKS, 1):
            for count in block:
                x = tf.nn.relu(tf.nn.conv2d(x, variable(3, 3, channels, count), 1, "SAME") + variable(count))
                channels = count
            x = tf.nn.max_pool2d(x, 2, 2, "SAME", name=f"block{number}_pool")
        x = tf.reshape(x, [-1, 7 * 7 * 512])
        for entering, leaving in ((7 * 7 * 512, 4096), (4096, 4096), (4096, 1000)):
            x = tf.matmul(x, variable(entering, leaving)) + variable(leaving)
        session = v1.Session(graph=graph)
        session.run(v1.global_variables_initializer())
    return session


def measured(form: str, folder: Path, again: int) -> dict[str, Any]:
    """Load one form and compute a layer; with ``again``, so often, each network dropped before the next."""
    from benchmarks.networks import image_for
    from cnnvis_widgets import activations, load

    image, model = image_for((224, 224, 3)), opened(form, folder)
    before, wall, used = memory(), time.perf_counter(), time.process_time()
    network = load(model, image)
    loaded = time.process_time() - used
    activations(network, None, LAYER)
    row: dict[str, Any] = {
        "form": form,
        "before": before,
        "held": memory() - before,
        "peak": memory("VmHWM") - before,
        "load cpu s": round(loaded, 2),
        "first maps cpu s": round(time.process_time() - used, 2),
        "first maps s": round(time.perf_counter() - wall, 2),
    }
    weights = sum(int(value.shape.num_elements()) * 4 for value in network.runtime.frozen.weights.values())
    row["of weights"] = round(row["held"] / (weights / 2**20), 2)
    row["dropped"] = []
    for _ in range(again):
        del network
        row["dropped"].append(memory())
        network = load(model, image)
        activations(network, None, LAYER)
    return row


def main() -> None:
    """Measure each form, or one of them in this process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", type=int, default=0, help="load each form so often after the first time")
    parser.add_argument("--forms", nargs="*", default=FORMS)
    parser.add_argument("--in-process", nargs=2, metavar=("FORM", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_process:
        form, folder = options.in_process
        print(json.dumps(measured(form, Path(folder), options.again)), flush=True)
        return
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(
            [sys.executable, "-c", f"from benchmarks.engine.loading import *; write_files(Path({name!r}))"], check=True
        )
        for form in options.forms:
            command = [sys.executable, "-m", "benchmarks.engine.loading", "--in-process", form, name]
            subprocess.run([*command, "--again", str(options.again)], check=True)


if __name__ == "__main__":
    main()
