"""The functions that are compiled for a network stay within a number, and those that are dropped are freed."""

import gc
import weakref

import numpy as np
from networks import keras_cnn, photo

from cnnvis_widgets import load
from cnnvis_widgets.engine.reconstruction.reconstruct import reconstruct
from cnnvis_widgets.engine.runtime.caches import FUNCTIONS, function_cache


def test_a_network_keeps_few_functions(monkeypatch):
    network = load(keras_cnn(), photo())
    assert network.runtime.cache._limit == FUNCTIONS
    monkeypatch.setattr(network.runtime, "cache", function_cache(2))
    first = reconstruct(network, None, "layer", rule="deconvnet").images
    (key,) = [each for each in network.runtime.cache if each[0] == "backward strategy"]
    strategy = network.runtime.cache.get(key).strategy
    watched = [weakref.ref(strategy), weakref.ref(strategy._function._second.graph)]
    del strategy
    for rule in ("guided", "gradient"):
        reconstruct(network, None, "layer", rule=rule)
        assert len(network.runtime.cache) <= 2
    gc.collect()
    assert [each() for each in watched] == [None, None]
    np.testing.assert_array_equal(reconstruct(network, None, "layer", rule="deconvnet").images, first)
