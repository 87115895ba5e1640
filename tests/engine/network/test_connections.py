"""Which layers feed which."""

from __future__ import annotations

import keras
import numpy as np

from cnnvis_widgets import demo, load
from cnnvis_widgets.engine.network.connections import INPUT, connections

layers = keras.layers


def named(network):
    """The layers before each layer, by Keras name."""
    names = ["image" if name is None else name for name in [layer.keras_name for layer in network.layers]]
    return {
        names[number]: [names[source] if source != INPUT else "image" for source in sources]
        for number, sources in enumerate(connections(network))
    }


def test_a_skip_connection_and_a_branch():
    image = keras.Input((8, 8, 3))
    first = layers.Conv2D(4, 3, padding="same", name="first")(image)
    second = layers.Conv2D(4, 3, padding="same", name="second")(first)
    other = layers.Conv2D(4, 1, name="other")(image)
    total = layers.Add(name="sum")([first, second])
    joined = layers.Concatenate(name="joined")([total, other])
    found = named(load(keras.Model(image, joined)))
    assert found["first"] == ["image"]
    assert found["second"] == ["first"]
    assert found["other"] == ["image"]
    assert sorted(found["sum"]) == ["first", "second"]
    assert sorted(found["joined"]) == ["other", "sum"]


def test_ops_between_layers_are_passed_through():
    image = keras.Input((8, 8, 3))
    first = layers.Conv2D(4, 3, name="first")(image)
    turned = keras.ops.transpose(first * 2.0, (0, 2, 1, 3))
    network = load(keras.Model(image, layers.Conv2D(2, 3, name="second")(turned)))
    assert named(network)["second"] == ["first"]


def test_the_embedded_network_has_nine_skip_connections():
    network = demo.network()
    found = connections(network)
    additions = [number for number, layer in enumerate(network.layers) if layer.kind == "add"]
    assert len(additions) == 9
    assert [len(found[number]) for number in additions] == [2] * 9
    others = [sources for number, sources in enumerate(found) if number not in additions]
    assert all(len(sources) == 1 for sources in others)


def test_only_the_layers_that_are_given_count():
    image = keras.Input((4, 4, 1))
    first = layers.Conv2D(2, 1, name="first")(image)
    middle = layers.Conv2D(2, 1, name="middle")(first)
    network = load(keras.Model(image, layers.Conv2D(2, 1, name="last")(middle)), np.ones((1, 4, 4, 1)))
    ends = [network.layer("first"), network.layer("last")]
    assert connections(network, ends) == ((INPUT,), (0,))
