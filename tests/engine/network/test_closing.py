"""What a network frees, when it is closed and when the last reference to it is gone."""

import gc
import weakref
from functools import partial

import numpy as np
import pytest
from networks import frozen_graph, keras_cnn, photo

from cnnvis_widgets import activations, dream, grad_cam, load, predict, reconstruct
from cnnvis_widgets.engine.dreaming.parameterizations import fourier
from cnnvis_widgets.engine.network.network import Network
from cnnvis_widgets.engine.ops.windows import NotSupported
from cnnvis_widgets.engine.reconstruction import strategies
from cnnvis_widgets.errors import ModelError

USES = {
    "nothing": lambda network: None,
    "activations": lambda network: [activations(network) for _ in range(2)],
    "maps": lambda network: reconstruct(network, None, "conv2/Relu", seed="map"),
    "units": lambda network: reconstruct(network, None, "conv2/Relu"),
    "Grad-CAM": lambda network: grad_cam(network, layer="conv2/Relu"),
    "scores": predict,
    "dream": lambda network: list(dream(network, None, "conv2/Relu", 0, steps=1, octaves=1)),
    "parameters": lambda network: list(dream(network, None, "conv2/Relu", 0, steps=1, parameterization=fourier())),
}


def watched(network: Network) -> list[weakref.ref]:
    weight = next(iter(network.runtime.frozen.weights.values()))
    return [weakref.ref(each) for each in (network, network.runtime, weight, network.runtime.structure)]


@pytest.mark.parametrize("use", USES)
def test_the_last_reference_frees_weights_and_functions_at_once(use):
    network = load(frozen_graph(), photo())
    USES[use](network)
    references = watched(network)
    gc.disable()
    try:
        del network
        assert [reference() for reference in references] == [None] * 4
    finally:
        gc.enable()


def test_so_it_does_where_every_seed_has_a_forward_pass(monkeypatch):
    def refuse(*_):
        raise NotSupported("nothing")

    monkeypatch.setattr(strategies.BatchedPullback, "__init__", refuse)
    test_the_last_reference_frees_weights_and_functions_at_once("maps")


def test_a_closed_network_has_no_weights_and_says_so():
    model = keras_cnn()
    network = load(model, photo())
    activations(network), activations(network), reconstruct(network, None, "layer")
    held = network.runtime._weights.held()
    key = next(iter(network.runtime.cache))
    function = weakref.ref(network.runtime.cache.get(key))
    kept = weakref.ref(network.runtime._weights)
    network.close()
    network.close()
    assert (len(network.runtime.cache), network.runtime.forward_passes.bytes) == (0, 0)
    gc.collect()
    assert (function(), kept()) == (None, None)
    assert len(held) > 4, "these tensors are the model's own"
    assert repr(network) == "<Network: closed>" == network._repr_html_().replace("&lt;", "<").replace("&gt;", ">")
    assert [layer.name for layer in network.select("p")] == [layer.name for layer in load(model).select("p")]
    projected = partial(reconstruct, feed=None, layer="layer")
    for use in (activations, projected, grad_cam, predict, Network.to_bytes, Network.fingerprint, Network.describe):
        with pytest.raises(ModelError, match=r"Expected a network that is open\. Received: one that was closed"):
            use(network)
    with pytest.raises(ModelError, match="Load the model again"):
        list(dream(network, None, "layer", 0, steps=1, octaves=1))
    assert model(photo()).shape == (1, 4)  # it is as it was


def test_with_closes_also_after_an_error_and_networks_of_one_load_are_closed_together():
    network = load(keras_cnn(), photo())
    other = load(network, photo(seed=1))
    with pytest.raises(ZeroDivisionError), network:
        _ = 1 / 0
    with pytest.raises(ModelError):
        predict(other)
    apart = load(keras_cnn(), photo())
    assert np.isfinite(predict(apart).probabilities).all()
