"""A small CNN with max-pooling for the classroom, and the handwritten digits to train it on.

The embedded default has no max-pooling. Without switches to follow, the projections of its deep layers blur. This
network has the convolution, ReLU and max-pool blocks of Zeiler and Fergus, and trains in half a minute.

The digits are those of E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998, DOI 10.24432/C50P49
(CC BY 4.0), 8 x 8 pixels each. They are packaged in ``digits.npz``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from ..arguments import checked

SIDE = 32
_TEST = 360  # the last ones of 1797; most of their writers differ from those of the others


@dataclass(frozen=True, eq=False)
class Digits:
    """Handwritten digits. Images are float32 (images, 32, 32, 1) in [0, 1], labels int64 in [0, 9]."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


@lru_cache(maxsize=1)
def digits() -> Digits:
    """Read 1437 digits for training and 360 for testing, enlarged from 8 x 8 pixels; the arrays are read-only.

    Example:
        >>> from cnnvis_widgets import demo
        >>> demo.digits().train_images.shape
        (1437, 32, 32, 1)
    """
    with np.load(Path(__file__).with_name("digits.npz")) as file:
        small, labels = file["images"], file["labels"].astype(np.int64)
    images = np.stack([_enlarged(np.float32(image) / 16) for image in small])[..., np.newaxis]
    for array in (images, labels):
        array.setflags(write=False)
    return Digits(images[:-_TEST], labels[:-_TEST], images[-_TEST:], labels[-_TEST:])


def _enlarged(image: np.ndarray) -> np.ndarray:
    """Enlarge a digit of 8 x 8 pixels to SIDE x SIDE, smoothly and within [0, 1]."""
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)).clip(0, 1)


@checked
def small_cnn(*, seed: int = 0) -> keras.Model:
    """Make the untrained network: float32 (batch, 32, 32, 1) -> probabilities (batch, 10).

    Its layers are conv1, pool1, conv2, pool2, conv3, scores and probabilities. The call leaves the global random state
    of Keras as it is.

    Args:
        seed: of the weights; the same seed gives the same weights.

    Example:
        >>> from cnnvis_widgets import demo
        >>> demo.small_cnn().output_shape
        (None, 10)
    """
    layers = keras.layers

    def initializer(number: int) -> keras.initializers.Initializer:
        return keras.initializers.GlorotUniform(seed=100 * seed + number)

    def convolution(number: int, filters: int, side: int) -> keras.layers.Layer:
        options = {"padding": "same", "activation": "relu", "kernel_initializer": initializer(number)}
        return layers.Conv2D(filters, side, name=f"conv{number}", **options)

    return keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 1), name="image"),
            convolution(1, 12, 5),
            layers.MaxPooling2D(name="pool1"),
            convolution(2, 24, 5),
            layers.MaxPooling2D(name="pool2"),
            convolution(3, 32, 3),
            layers.GlobalMaxPooling2D(name="strongest"),
            layers.Dense(10, name="scores", kernel_initializer=initializer(4)),
            layers.Softmax(name="probabilities"),
        ],
        name="small_cnn",
    )


@checked
def train_small_cnn(
    *, epochs: int = 12, examples: int | None = None, callbacks: Sequence[keras.callbacks.Callback] = (), seed: int = 0
) -> keras.Model:
    """Train ``small_cnn`` on ``digits``. Twelve epochs get over 95 % of the test digits right.

    Args:
        epochs: passes through the training digits.
        examples: the number of digits to train on; all by default.
        callbacks: Keras callbacks, such as ``WatchTraining``.
        seed: of the initial weights and of the order of the digits.

    Returns:
        The trained model, compiled with the metric 'accuracy'.

    Example:
        >>> from cnnvis_widgets import demo
        >>> demo.train_small_cnn(epochs=1, examples=32).name
        'small_cnn'
    """
    data, model = digits(), small_cnn(seed=seed)
    order = np.random.default_rng(seed).permutation(len(data.train_images))[:examples]
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        data.train_images[order],
        data.train_labels[order],
        validation_data=(data.test_images, data.test_labels),
        epochs=epochs,
        batch_size=32,
        shuffle=False,  # the digits are shuffled already; so the global random state stays as it is
        callbacks=list(callbacks),
        verbose=0,
    )
    return model
