"""Networks to dream with."""

import keras
import pytest
from networks import keras_cnn, photo

from cnnvis_widgets import load


@pytest.fixture(scope="module")
def network():
    """A classifier for 20 x 20 pixels, with class names and a fed photo."""
    return load(keras_cnn(), photo(), class_names=["ant", "bee", "cat", "dog"])


@pytest.fixture(scope="module")
def free():
    """A network of free size."""
    keras.utils.set_random_seed(1)
    conv = keras.layers.Conv2D(6, 5, activation="relu", name="c")
    return load(keras.Sequential([keras.Input((None, None, 3)), conv]))
