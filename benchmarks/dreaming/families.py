"""The defaults of ``dream`` on networks of every family: how far does each score rise, by spectrum and by pixels?

For every network, a few steps from noise raise a class and a channel of a middle layer; with the spectrum also under
one view that stays. 'gain' is the last score less the first, in standard deviations of that score over 8 pictures of
faint noise. Figures of networks that are not named stay as they are in the file.

    python -m benchmarks.dreaming.families [names ...]
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from benchmarks.measurements import RESULTS
from cnnvis_widgets import demo, dream, load
from cnnvis_widgets.engine.dreaming import parameterizations, transforms
from cnnvis_widgets.engine.network.network import Network

RANDOM = {
    "VGG16": "block3_conv3",
    "ResNet50": "conv3_block4_out",
    "InceptionV3": "mixed4",
    "MobileNetV2": "block_6_expand",
}
WAYS = {
    "spectrum": {},
    "pixels": {"laplacian_levels": 4},
    "one view": {"parameterization": parameterizations.fourier(), "transform": transforms.jitter(0)},
}
FILE = RESULTS / "families.json"


def networks() -> Iterator[tuple[str, Network, str]]:
    """Name, network, and a layer in the middle."""
    yield "EfficientNet-Lite0", demo.network(), "block9_add"
    yield "trained max-pools", load(trained()), "second"
    for name, layer in RANDOM.items():
        keras.utils.set_random_seed(0)
        yield name, load(getattr(keras.applications, name)(weights=None, input_shape=(224, 224, 3))), layer


def trained() -> keras.Model:
    """A small network with max-pools that reads digits, enlarged to 64 x 64, in colour."""
    keras.utils.set_random_seed(0)
    with np.load(Path(demo.__file__).with_name("digits.npz")) as file:
        digits, labels = file["images"], file["labels"]
    images = np.kron(digits[..., np.newaxis] / 8 - 1, np.ones((1, 8, 8, 3))).astype(np.float32)
    model = keras.Sequential(
        [
            keras.Input((64, 64, 3)),
            keras.layers.Conv2D(16, 5, strides=2, activation="relu", name="first"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu", name="second"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(10, name="digits"),
            keras.layers.Softmax(),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, batch_size=64, epochs=6, verbose=0)
    return model


def gain(network: Network, layer: object, channel: int, **options: object) -> dict[str, float]:
    """How far the score of a dream rises."""
    size, ends = (64, 64) if network.runtime.layout.picture_shape[0] == 64 else (224, 224), (-1.0, 1.0)
    noise = [
        float(
            next(
                dream(
                    network, None, layer, channel, seed=seed, size=size, octaves=1, steps=1, value_range=ends, **options
                )
            ).scores[0]
        )
        for seed in range(100, 108)
    ]
    steps = list(dream(network, None, layer, channel, size=size, octaves=2, steps=10, value_range=ends, **options))
    first, last = float(steps[0].scores[0]), float(steps[-1].scores[0])
    return {
        "first": float(f"{first:.3g}"),
        "last": float(f"{last:.3g}"),
        "gain": round(float((last - first) / np.std(noise)), 1),
        "contrast": round(float(steps[-1].images.std()) / 2, 3),
        "seconds": round(steps[-1].seconds, 1),
    }


def main() -> None:
    """Dream and print."""
    found = json.loads(FILE.read_text()) if FILE.exists() else {}
    for name, network, middle in networks():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        for target, channel in ((network.logits, 3), (network.layer(middle), 5)):
            for way, options in WAYS.items():
                key = f"{name}, {target.name}, {way}"
                found[key] = gain(network, target, channel, **options)
                print(key, found[key], flush=True)
    FILE.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
