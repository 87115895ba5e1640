"""Networks of keras.applications: preprocessing, names, and what is said without a connection."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from cnnvis_widgets import demo
from cnnvis_widgets.demo import applications
from cnnvis_widgets.errors import ModelError, OptionError


@pytest.fixture(autouse=True)
def _forget():
    applications.application.__wrapped__.cache_clear()
    yield
    applications.application.__wrapped__.cache_clear()


def offline(**options):
    raise Exception("URL fetch failure on https://example.org/vgg16.h5: None -- [Errno -2] Name or service not known")


def test_without_a_connection_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setattr(keras.applications, "VGG16", offline)
    with pytest.raises(ModelError) as refused:
        demo.vgg16()
    message = str(refused.value)
    assert message.startswith("Expected to download the weights of VGG16 from Keras")
    assert "URL fetch failure" in message
    assert "demo.things_network()" in message


def test_pictures_are_prepared_as_keras_does(monkeypatch):
    def tiny(weights):
        assert weights == "imagenet"
        image = keras.Input((224, 224, 3))
        means = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3, activation="relu")(image))
        return keras.Model(image, keras.layers.Dense(1000, activation="softmax")(means))

    monkeypatch.setattr(keras.applications, "VGG16", tiny)
    network = demo.vgg16()
    assert network.class_names[1] == "goldfish"
    assert network.images().shape == (1, 224, 224, 3)
    red = np.zeros((224, 224, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    values = network.images(red)[0, 0, 0]
    assert values == pytest.approx([-103.939, -116.779, 255 - 123.68], abs=1e-3)  # blue, green, red


def test_an_unknown_network():
    with pytest.raises(OptionError, match=r"Received: 'VGG13'\. Nearest names: 'VGG1"):
        demo.application("VGG13")


def test_every_application_exists():
    for name, application in applications.APPLICATIONS.items():
        module = getattr(keras.applications, application.module)
        assert getattr(keras.applications, name) is getattr(module, name)
        assert callable(module.preprocess_input)
