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


def cells(network):
    return [(layer.name, layer.label, "other", layer.name, "8 × 8", "8 × 8 × 4") for layer in network.layers]


def test_it_follows_the_state_and_the_state_follows_it(fed_images):
    network = fed_images.network
    state = FullState(fed_images)
    strip = NetworkStrip(state, layers=cells(network))
    assert strip.selected == state.layer
    state.layer = network.layers[-1].name
    assert strip.selected == state.layer
    strip.set_state({"selected": network.layers[0].name})  # as a message from the page does
    assert state.layer == network.layers[0].name
    state.thumbnails = "strongest"
    assert strip.kind == "strongest"
    strip.set_state({"kind": "mean"})
    assert state.thumbnails == "mean"


def test_the_innermost_block_of_a_layer_is_found_and_folded(fed_images):
    network, state = fed_images.network, FullState(fed_images)
    blocks = [("stage", "s", 0, 4, 4, -1), ("a", "a", 0, 1, 1, 0), ("b", "b", 2, 4, 4, 0), ("c", "c", 5, 6, 6, -1)]
    strip = NetworkStrip(state, layers=cells(network), blocks=blocks)
    assert [strip.block_of(network.layers[number].name) for number in (0, 3, 6)] == [1, 2, 3]
    assert strip.block_of(network.layers[7].name) == -1
    strip.unfolded = 2
    strip._receive(None, {"event": "fold"}, [])
    assert strip.unfolded == 0, "first the block, then its stage"
    strip._receive(None, {"event": "fold"}, [])
    assert strip.unfolded == -1
    strip._receive(None, {"event": "fold"}, [])
    assert strip.unfolded == -1
