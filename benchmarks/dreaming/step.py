"""Time of a step of gradient ascent at 224 x 224 against a plain tf.GradientTape loop over the same Keras model.

The loops take turns, so that other work on the machine slows all of them alike. 'tape' is what a tutorial
shows; 'compiled tape' is the same in a tf.function.

    python -m benchmarks.dreaming.step [rounds]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from time import perf_counter

import keras
import numpy as np
import tensorflow as tf

from benchmarks.measurements import RESULTS
from cnnvis_widgets import demo, dream, load

FILE = RESULTS / "step.json"
CLASS, STEP = 7, 0.01


def models() -> Iterator[tuple[str, keras.Model, str]]:
    """Name, model, and the layer of class scores."""
    yield "EfficientNet-Lite0", demo.model(), "logits"
    for name in ("MobileNetV2", "ResNet50", "VGG16"):
        keras.utils.set_random_seed(0)
        yield name, getattr(keras.applications, name)(weights=None, classifier_activation=None), "predictions"


def taped(scores: keras.Model, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """One step as tutorials write it."""
    with tf.GradientTape() as tape:
        tape.watch(image)
        score = scores(image, training=False)[0, CLASS]
    gradient = tape.gradient(score, image)
    gradient /= tf.reduce_mean(tf.abs(gradient)) + 1e-12
    return tf.clip_by_value(image + STEP * gradient, -1.0, 1.0), score


def loops(model: keras.Model, layer: str) -> dict[str, Callable[[], object]]:
    """Each a step that goes on from its last."""
    scores = keras.Model(model.input, model.get_layer(layer).output)
    start = np.random.default_rng(0).uniform(-0.1, 0.1, (1, 224, 224, 3)).astype(np.float32)
    compiled = tf.function(lambda image: taped(scores, image), autograph=False)
    state = {"tape": tf.constant(start), "compiled tape": tf.constant(start)}

    def plain(name: str, step: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]) -> Callable[[], object]:
        def run() -> object:
            state[name], score = step(state[name])
            return float(score)

        return run

    network = load(model)

    def ours(**options: object) -> Callable[[], object]:
        steps = dream(
            network, None, layer, CLASS, start=start[0], octaves=1, steps=100_000, value_range=(-1, 1), **options
        )
        return lambda: next(steps)

    return {
        "tape": plain("tape", lambda image: taped(scores, image)),
        "compiled tape": plain("compiled tape", compiled),
        "ours": ours(laplacian_levels=0),
        "ours, with Laplacian normalisation": ours(),
    }


def main() -> None:
    """Time them in turns and print the medians and their ratios to the tape."""
    rounds, found = int(sys.argv[1]) if len(sys.argv) > 1 else 15, {}
    for name, model, layer in models():
        running = loops(model, layer)
        times: dict[str, list[float]] = {each: [] for each in running}
        for turn in range(rounds + 2):
            for each, step in running.items():
                since = perf_counter()
                step()
                if turn >= 2:  # the first two compile and warm up
                    times[each].append(perf_counter() - since)
        middle = {each: float(np.median(values)) for each, values in times.items()}
        found[name] = {
            each: {"ms": round(1000 * value, 1), "times as fast as tape": round(middle["tape"] / value, 2)}
            for each, value in middle.items()
        }
        print(name, json.dumps(found[name], indent=1), flush=True)
    FILE.write_text(json.dumps({"rounds": rounds, "size": 224, "models": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
