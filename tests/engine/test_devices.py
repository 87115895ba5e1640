"""Each field of a policy turns one way of computing on or off, and none changes results.

No GPU is needed, since a policy can be assumed; and these tests pass on a machine with one.
"""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from networks import keras_cnn, photo

from cnnvis_widgets import activations, dream, grad_cam, load, reconstruct
from cnnvis_widgets.engine.devices import assumed, cpu, device_policy, gpu
from cnnvis_widgets.engine.graph import channels_last
from cnnvis_widgets.engine.graph.graphdef import GraphDef
from cnnvis_widgets.engine.graph.shared_memory import as_tensor
from cnnvis_widgets.engine.reconstruction import precision
from cnnvis_widgets.engine.runtime.tracing import _options, as_arrays


def test_the_policy_is_that_of_what_tensorflow_sees(monkeypatch):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["a CPU"] if kind == "CPU" else [])
    assert device_policy() == cpu()
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind=None: ["a GPU"] if kind == "GPU" else [])
    assert device_policy() == gpu()
    with assumed(cpu()):
        assert device_policy() == cpu()
    assert device_policy() == gpu()


@pytest.mark.parametrize("seed", ["strongest", "map", "ones"])
def test_reconstructions_are_those_of_tensorflows_own_gradient(seed):
    with assumed(cpu()):
        expected = reconstruct(load(keras_cnn(), photo()), None, "layer", seed=seed, rule="guided")
    with assumed(replace(gpu(), fast_pullbacks=False)):
        result = reconstruct(load(keras_cnn(), photo()), None, "layer", seed=seed, rule="guided", precision="auto")
    assert expected.strategy != result.strategy == "tiled gradients"
    assert "on a GPU" in result.strategy_reason
    assert (result.precision, result.precision_reason) == ("float32", "that of the network")
    np.testing.assert_allclose(result.images, expected.images, atol=1e-5 * np.abs(expected.images).max())


@pytest.mark.parametrize("seed", ["strongest", "map"])
def test_a_gpu_takes_the_strategies_of_a_cpu(seed):
    results = []
    for policy in (cpu(), gpu()):
        with assumed(policy):
            results.append(reconstruct(load(keras_cnn(), photo()), None, "layer", seed=seed))
    on_cpu, on_gpu = results
    assert (on_gpu.strategy, on_gpu.strategy_reason) == (on_cpu.strategy, "")
    assert on_gpu.strategy == {"strongest": "patch pullback", "map": "batched pullback"}[seed]
    np.testing.assert_allclose(on_gpu.images, on_cpu.images, atol=1e-5 * np.abs(on_cpu.images).max())


def test_nothing_is_timed_in_bfloat16_on_a_gpu(monkeypatch):
    monkeypatch.setattr(precision, "bfloat16_share", lambda: pytest.fail("it was measured"))
    with assumed(gpu()):
        reconstruct(load(keras_cnn(), photo()), None, "layer", precision="auto")
    with assumed(cpu()), pytest.raises(pytest.fail.Exception, match="measured"):
        reconstruct(load(keras_cnn(), photo()), None, "layer", precision="auto")


def test_other_results_do_not_depend_on_the_policy():
    def results():
        network = load(keras_cnn(), photo())
        (picture,) = (step.images for step in list(dream(network, None, "layer", 1, steps=2, octaves=1))[-1:])
        return [maps.values for maps in activations(network)], grad_cam(network).images, picture

    with assumed(gpu()):
        on_gpu = results()
    with assumed(cpu()):
        on_cpu = results()
    for one, other in zip(tf.nest.flatten(on_cpu), tf.nest.flatten(on_gpu), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_ops_with_channels_first_stay_as_they_are_where_nobody_needs_them_turned():
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [None, 3, 8, 8])
        tf.nn.max_pool2d(image, 2, 2, "SAME", data_format="NCHW", name="pool")
    nodes = list(GraphDef.FromString(graph.as_graph_def().SerializeToString()).node)
    with assumed(cpu()):
        assert [node.name for node in channels_last.for_device(nodes)] != [node.name for node in nodes]
    with assumed(replace(gpu(), channels_last=False)):
        assert channels_last.for_device(nodes) == nodes


def test_weights_are_shared_on_a_cpu_only_and_results_taken_over_on_both():
    """The tensors lie in the memory of the CPU, on any machine: that of a GPU is never an array's."""
    memory = np.zeros(2**16 + 16, np.float32)
    start = -memory.ctypes.data % 64 // 4
    weight = memory[start : start + 2**16]  # aligned as TensorFlow wants it
    with tf.device("CPU:0"):
        maps = tf.random.uniform([4, 50])
        with assumed(gpu()):
            own = as_tensor(weight)
        with assumed(cpu()):
            shared = as_tensor(weight)
    weight[0] = 1
    assert (float(own[0]), float(shared[0])) == (0, 1)
    for policy in (cpu(), gpu()):
        with assumed(policy):
            assert as_arrays(maps).ctypes.data == np.asarray(maps).ctypes.data
        with assumed(replace(policy, takes_over_results=False)):
            assert as_arrays(maps).ctypes.data != np.asarray(maps).ctypes.data


def test_a_quick_start_places_memory_on_a_gpu():
    def rewriting():
        return _options(True, False).graph_options.rewrite_options

    with assumed(cpu()):
        plain = rewriting()
    with assumed(gpu()):
        assert rewriting().memory_optimization != plain.memory_optimization
        assert rewriting().layout_optimizer != plain.layout_optimizer
