"""Feature maps of a layer together with those of the layers around it."""

import numpy as np
import pytest
from networks import keras_cnn, photo

import cnnvis_widgets
from cnnvis_widgets.engine.activations import layer_runs, maps_with_neighbours
from cnnvis_widgets.errors import NumericalError


@pytest.fixture(scope="module")
def network():
    return cnnvis_widgets.load(keras_cnn(), photo())


def test_layers_are_cut_into_runs_of_limited_size(network):
    sizes = {layer.name: 4 * int(np.prod(layer.shape[1:])) for layer in network.layers}
    limit = 2 * max(sizes.values())
    runs = layer_runs(network, None, limit)
    assert [name for run in runs for name in run] == [layer.name for layer in network.layers]
    assert all(sum(map(sizes.get, run)) <= limit for run in runs)
    assert 1 < len(runs) < len(network.layers) / 2
    assert [len(run) for run in layer_runs(network, None, 1)] == [1] * len(network.layers)


def test_neighbours_come_along_and_are_right(network):
    found = maps_with_neighbours(network, None, "plain/convolution")
    assert len(found) == len(network.layers)
    for maps in found[::5]:
        (alone,) = cnnvis_widgets.activations(network, None, maps.layer.name)
        np.testing.assert_allclose(maps.values, alone.values, rtol=1e-5, atol=1e-6)


def test_any_tensor_is_a_layer(network):
    nodes = network.runtime.structure.nodes.values()  # what adds the bias depends on the version of Keras
    name = next(node.name for node in nodes if node.name.startswith("plain/") and node.op in ("BiasAdd", "AddV2"))
    assert name not in [layer.name for layer in network.layers]
    (maps,) = maps_with_neighbours(network, None, name)
    assert maps.layer.name == name


def test_nan_in_a_neighbour_does_not_hide_a_layer():
    model = keras_cnn()
    kernel = model.get_layer("last").kernel
    kernel.assign(kernel * np.nan)
    network = cnnvis_widgets.load(model, photo())
    (maps,) = maps_with_neighbours(network, None, "pool")
    assert np.isfinite(maps.values).all()
    with pytest.raises(NumericalError):
        maps_with_neighbours(network, None, "scores")
