"""Small max-pool networks that know the things, with weights of our own that come with the package."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import keras
import numpy as np

from ...arguments import checked
from ...engine.network.loading import load
from ...engine.network.network import Network
from ...errors import OptionError
from ...imaging.cropping import fitted_picture
from ..preprocessing import photograph
from .data import things
from .shapes import NAMES

SIDE = 64
WEIGHTS = {"honest": "honest.npz", "shortcut": "shortcut.npz"}
"""The files of the trained weights, float16, by what the network relies on."""

_FOLDER = Path(__file__).parent
_BLOCKS = (((16, 5),), ((32, 3), (32, 3)), ((64, 3), (64, 3)), ((64, 3),))
"""Of each block between two max-pools: the filters and the kernel side of its convolutions."""
_SHOWN = 40
_SEED_SHOWN = 2014


@checked
def things_model(weights: str | None = "honest", *, seed: int = 0) -> keras.Model:
    """Make the network of the things: float32 (batch, 64, 64, 3), picture / 255 - 0.5 -> probabilities (batch, 10).

    Six convolutions conv1_1, conv2_1, conv2_2, conv3_1, conv3_2, conv4_1 with ReLUs and three max-pools between the
    blocks, then the mean of each map, ``scores`` and ``probabilities``. The call leaves the global random state of
    Keras as it is.

    Args:
        weights: 'honest' for those trained on ``things``, 'shortcut' for those trained on things of which every clock
            carried a watermark, ``None`` for random ones.
        seed: of the random weights.

    Raises:
        OptionError: there are no such weights.

    Example:
        >>> from cnnvis_widgets import demo
        >>> demo.things_model().count_params()
        108106
    """
    if weights is not None and weights not in WEIGHTS:
        raise OptionError(f"Expected weights {', '.join(map(repr, WEIGHTS))} or None. Received: weights={weights!r}.")
    x = image = keras.Input((SIDE, SIDE, 3), name="image")
    number = 100 * seed
    for block, convolutions in enumerate(_BLOCKS, 1):
        if block > 1:
            x = keras.layers.MaxPooling2D(name=f"pool{block - 1}")(x)
        for place, (filters, side) in enumerate(convolutions, 1):
            number += 1
            start = keras.initializers.HeNormal(seed=number)
            options = {"padding": "same", "activation": "relu", "kernel_initializer": start}
            x = keras.layers.Conv2D(filters, side, name=f"conv{block}_{place}", **options)(x)
    x = keras.layers.GlobalAveragePooling2D(name="means")(x)
    start = keras.initializers.GlorotUniform(seed=number + 1)
    x = keras.layers.Dense(len(NAMES), kernel_initializer=start, name="scores")(x)
    model = keras.Model(image, keras.layers.Softmax(name="probabilities")(x), name="things")
    if weights is not None:
        with np.load(_FOLDER / WEIGHTS[weights]) as stored:
            model.set_weights([stored[weight.path].astype(np.float32) for weight in model.weights])
    return model


@checked
@lru_cache(maxsize=3)
def things_network(weights: str | None = "honest") -> Network:
    """Load a network that knows the ten things, fed forty pictures that it was not trained on.

    Args:
        weights: see ``things_model``. With 'shortcut', the network has learnt that a watermark means 'clock' (a
            "Clever Hans"); ``None`` is the untrained network, a control for every picture that looks convincing.

    Returns:
        The network, with class names and preprocessing, made once and kept.

    Raises:
        OptionError: there are no such weights.

    Example:
        >>> from cnnvis_widgets import demo, predict
        >>> data = demo.things(10, seed=1)
        >>> predict(demo.things_network(), data.images[:1]).top(1)[0][1]
        'house'
    """
    shown = things(_SHOWN, seed=_SEED_SHOWN).images
    return load(things_model(weights), shown, class_names=NAMES, preprocess=things_preprocess)


@checked
def things_preprocess(image: np.ndarray) -> np.ndarray:
    """Turn a picture into what the network of the things expects.

    Args:
        image: uint8 (height, width, 3), also grey or with transparency; its largest centred square is taken.

    Returns:
        float32 (64, 64, 3), from -0.5 to 0.5.

    Raises:
        FeedError: the image is not uint8, or has another number of axes or channels.

    Example:
        >>> things_preprocess(np.full((80, 100, 3), 255, np.uint8)).max()
        np.float32(0.5)
    """
    return fitted_picture(photograph(image), SIDE, SIDE).astype(np.float32) / 255 - 0.5
