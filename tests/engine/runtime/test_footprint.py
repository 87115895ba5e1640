"""Estimates of what a network takes while it runs."""

import numpy as np
import pytest
import tensorflow as tf
from networks import frozen_graph

from cnnvis_widgets import load
from cnnvis_widgets.engine.graph.shapes import static_shapes
from cnnvis_widgets.engine.runtime import footprint
from cnnvis_widgets.engine.runtime.footprint import backward_bytes, bytes_of_tensor, forward_bytes, require_memory
from cnnvis_widgets.errors import NotEnoughMemoryError


def nodes_and_shapes():
    runtime = load(frozen_graph()).runtime
    shapes = static_shapes(runtime.frozen, {"image:0": (None, 20, 20, 3)})
    return [node for name, node in runtime.structure.nodes.items() if name in runtime.structure.varying], shapes


def test_values_are_dropped_after_their_last_use():
    nodes, shapes = nodes_and_shapes()
    conv1, pool1, conv2 = (4 * 20 * 20 * 6, 4 * 10 * 10 * 6, 4 * 10 * 10 * 8)
    most = 1.3 * (conv1 + pool1)
    image = 4 * 20 * 20 * 3
    assert forward_bytes(nodes, shapes, ["probabilities:0"]) == pytest.approx(max(1.3 * (image + conv1), most))
    kept = forward_bytes(nodes, shapes, ["conv1/Relu:0", "probabilities:0"])
    assert kept == pytest.approx(1.3 * (conv1 + max(pool1 + conv2, image)), rel=0.05)
    assert forward_bytes(nodes, shapes, ["probabilities:0"], 5) == pytest.approx(5 * max(1.3 * (image + conv1), most))


def test_a_gradient_keeps_everything():
    nodes, shapes = nodes_and_shapes()
    named = {"conv1/Conv2D", "conv1/Relu", "pool1/MaxPool"}
    part = [node for node in nodes if node.name in named]
    conv1, pool1 = 4 * 20 * 20 * 6, 4 * 10 * 10 * 6
    assert backward_bytes(part, shapes) == pytest.approx(1.3 * (conv1 + pool1 + 2 * conv1))


def test_what_has_no_size_takes_nothing():
    shapes = {"a:0": (tf.float32, None), "b:0": (tf.float32, (None, None, 3)), "c:0": (tf.float16, (None, 2, 3))}
    assert [bytes_of_tensor(shapes, name, 4) for name in ("a:0", "b:0", "c:0", "d:0")] == [0, 0, 48, 0]


def test_the_memory_of_a_gpu_counts_too(monkeypatch):
    monkeypatch.setattr(footprint, "kept_by_tensorflow", lambda: 0)
    monkeypatch.setattr(footprint, "spare_memory", lambda: 9e9)
    assert footprint.gpu_memory_limit() is not None or footprint.free_memory() == 9e9
    monkeypatch.setattr(footprint, "gpu_memory_limit", lambda: 8e9)
    monkeypatch.setattr(tf.config.experimental, "get_memory_info", lambda device: {"current": 5e9, "peak": 7e9})
    assert footprint.free_memory() == 3e9
    monkeypatch.setattr(footprint, "spare_memory", lambda: 2e9)
    assert footprint.free_memory() == 2e9


def test_what_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(footprint, "gpu_memory_limit", lambda: None)
    monkeypatch.setattr(footprint, "spare_memory", lambda: 2e9)
    monkeypatch.setattr(footprint, "kept_by_tensorflow", lambda: 5e8)
    require_memory(2.5e9, {}, "everything")
    words = r"Received: image 1 × 3 × 4, for which 'conv' takes about 2\.6 GB; 2\.5 GB are free\. Resize"
    with pytest.raises(NotEnoughMemoryError, match=words):
        require_memory(2.6e9, {"image:0": np.zeros((1, 3, 4)).shape}, "'conv'")
