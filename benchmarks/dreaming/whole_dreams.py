"""A whole class dream, from the call to its files, beside tf_cnnvis: time, and what the network sees in the pictures.

Both get the same TF1 graph and session, with images from 0 to 255. The embedded network is trained, so its pictures are
judged: under 24 views that no dream used, the mean score and probability of the class, and how often it is the first
guess. Networks with random weights tell times only. Pictures go to a folder, to be looked at. Each row is kept as soon
as it is measured.

    python -m benchmarks.dreaming.whole_dreams [--networks NAME ...] [--classes NAME ...] [--pictures FOLDER]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
import tensorflow as tf
from PIL import Image

from benchmarks import older_library
from benchmarks.dreaming.classes import SIDE, VIEWS, view
from benchmarks.measurements import RESULTS, keep, load_of_machine, machine
from benchmarks.networks import alexnet, application
from cnnvis_widgets import deepdream_visualization, demo, load
from cnnvis_widgets.engine.network.network import Network

v1 = tf.compat.v1

FILE = RESULTS / "whole_dreams.json"
TRAINED = "EfficientNet-Lite0"
CLASSES = ("daisy", "goldfish", "ladybug", "strawberry", "jellyfish", "flamingo")
NETWORKS: dict[str, Callable[[], Network]] = {
    TRAINED: demo.network,
    "AlexNet": lambda: load(alexnet()),
    "MobileNetV2": lambda: load(application("MobileNetV2")),
    "VGG16": lambda: load(application("VGG16")),
}


@dataclass(frozen=True)
class Model:
    """A graph with variables, as users of tf_cnnvis have it: 'input' from 0 to 255, 'logits' and 'probabilities'."""

    graph: tf.Graph
    session: v1.Session
    side: int

    @classmethod
    def of(cls, network: Network) -> Model:
        """Write a frozen network as such a graph. A free input size becomes 224."""
        frozen, side = network.runtime.frozen, network.runtime.layout.picture_shape[0] or SIDE
        graph = tf.Graph()
        with graph.as_default():
            image = v1.placeholder(tf.float32, [None, side, side, 3], name="input")
            weights = {f"{name}:0": _variable(value) for name, value in frozen.weights.items()}
            feed = {network.runtime.image_tensor: image / 127.5 - 1, **weights}
            [scores] = tf.graph_util.import_graph_def(frozen.graph_def, feed, [network.logits.tensor], name="network")
            tf.nn.softmax(tf.identity(scores, name="logits"), name="probabilities")
            session = v1.Session(graph=graph)
            for weight, value in zip(weights.values(), frozen.weights.values(), strict=True):
                if isinstance(weight, v1.Variable):
                    weight.load(np.asarray(value), session)
        return cls(graph, session, side)

    def judged(self, picture: np.ndarray, number: int) -> dict[str, float]:
        """What the network sees in a picture under views that no dream used."""
        random = np.random.default_rng(12345)
        small = np.asarray(Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
        views = [Image.fromarray(view(small, random)).resize((self.side, self.side)) for _ in range(VIEWS)]
        fed = {"input:0": np.stack([np.asarray(each, np.float32) for each in views])}
        scores, probabilities = self.session.run(["logits:0", "probabilities:0"], fed)
        return {
            "score": round(float(scores[:, number].mean()), 3),
            "probability": round(float(probabilities[:, number].mean()), 4),
            "first guess": round(float((probabilities.argmax(1) == number).mean()), 2),
        }


def _variable(value: tf.Tensor) -> tf.Tensor | v1.Variable:
    """A variable that begins as zeros: initial values would make the graph as large as the weights."""
    if value.dtype != tf.float32:
        return tf.constant(np.asarray(value))
    name = f"weight_{len(v1.global_variables())}"
    return v1.get_variable(name, value.shape, initializer=v1.zeros_initializer, use_resource=False)


def ours(model: Model, number: int, folder: Path) -> np.ndarray:
    """The whole call of ours with its files, and the picture that it wrote."""
    photo = Image.fromarray(demo.photos()["flower"]).resize((model.side, model.side))
    feed = {"input:0": np.asarray(photo, np.float32)[None]}
    with redirect_stdout(StringIO()):
        deepdream_visualization(model.session, feed, "logits", number, path_logdir=str(folder), path_outdir=str(folder))
    return np.asarray(Image.open(next(folder.rglob("*.png"))).convert("RGB"))


def older(model: Model, number: int, folder: Path) -> np.ndarray:
    """The whole call of tf_cnnvis."""
    return older_library.dream(model.graph, model.session, "input:0", "logits:0", number, folder)


def measured(
    model: Model, dream: Callable[[Model, int, Path], np.ndarray], number: int
) -> tuple[dict[str, float], np.ndarray]:
    """Seconds of a whole call and of the processor, what is seen in its picture, and the picture."""
    with tempfile.TemporaryDirectory() as folder:
        wall, processor = perf_counter(), process_time()
        picture = dream(model, number, Path(folder))
        times = {
            "seconds": round(perf_counter() - wall, 1),
            "processor": round(process_time() - processor, 1),
        }
    return times | model.judged(picture, number), picture


def main() -> None:
    """Dream in turns, judge, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="*", default=[TRAINED, "AlexNet", "MobileNetV2"], choices=NETWORKS)
    parser.add_argument("--classes", nargs="*", default=CLASSES, help="for the trained network")
    parser.add_argument("--pictures", type=Path, help="a folder for the pictures")
    options = parser.parse_args()
    for name in options.networks:
        model = Model.of(NETWORKS[name]())
        for title in options.classes if name == TRAINED else ["class 7"]:
            number = demo.class_names().index(title) if name == TRAINED else 7
            row: dict[str, object] = {"network": name, "class": title, "load": load_of_machine()}
            for key, dream in (("tf_cnnvis", older), ("ours", ours)):
                row[key], picture = measured(model, dream, number)
                if options.pictures:
                    options.pictures.mkdir(exist_ok=True)
                    Image.fromarray(picture).save(options.pictures / f"{name} {title} {key}.png")
            print(json.dumps(row), flush=True)
            keep(FILE, machine("tensorflow"), [row], "network", "class")


if __name__ == "__main__":
    main()
