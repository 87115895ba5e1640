"""A network to explain."""

from __future__ import annotations

import pytest
from networks import keras_cnn, photo

from cnnvis_widgets import load


@pytest.fixture(scope="module")
def network():
    """A classifier of three fed photos, with class names."""
    return load(keras_cnn(), photo(images=3), class_names=["ant", "bee", "cat", "dog"])
