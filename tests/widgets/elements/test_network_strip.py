"""The strip of layers without a browser: what is sent to the page, and what comes back."""

from __future__ import annotations

import numpy as np
import pytest
from networks import keras_cnn

from cnnvis_widgets import load
from cnnvis_widgets.widgets.elements.network_strip import NetworkStrip
from cnnvis_widgets.widgets.state.fed_images import FedImages
from cnnvis_widgets.widgets.views.registry import FullState


@pytest.fixture(scope="module")
def fed_images():
    network = load(keras_cnn())
    return FedImages(network, np.zeros((1, 20, 20, 3), np.float32))


def test_a_box_for_each_layer_in_the_order_of_the_graph(fed_images):
    network = fed_images.network
    strip = NetworkStrip(FullState(fed_images), network.layers)
    assert [box[0] for box in strip.layers] == [layer.name for layer in network.layers]
    for (_, text, family, height, width), layer in zip(strip.layers, network.layers, strict=True):
        assert layer.label in text
        assert family == layer.family
        assert 8 <= height <= 44
        assert 5 <= width <= 16
    largest = int(np.argmax([np.prod([size or 0 for size in layer.spatial_shape]) for layer in network.layers]))
    assert strip.layers[largest][3] == max(box[3] for box in strip.layers)


def test_it_follows_the_state_and_the_state_follows_it(fed_images):
    network = fed_images.network
    state = FullState(fed_images)
    strip = NetworkStrip(state, network.layers)
    assert strip.selected == state.layer
    state.layer = network.layers[-1].name
    assert strip.selected == state.layer
    strip.set_state({"selected": network.layers[0].name})  # as a message from the page does
    assert state.layer == network.layers[0].name
