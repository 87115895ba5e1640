"""Scales behind convolutions become part of the kernels: the same values, fewer ops, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets.engine.graph.graphdef import copy_of
from cnnvis_widgets.engine.runtime.batch_norm_folding import fold_batch_norms


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


WEIGHTS = {
    "kernel": numbers(3, 3, 2, 4),
    "depth": numbers(3, 3, 4, 2),
    "bias": numbers(4),
    "scale": numbers(4),
    "shift": numbers(1, 1, 1, 4),
    "scale8": numbers(1, 1, 1, 8),
    "shift8": numbers(8),
    "one": numbers(1),
}


def values_of(network, asked):
    """What a network gives, built plainly and built folded, and the ops of both."""
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, (2, 9, 9, 2), "image")
        weights = {name: tf.compat.v1.placeholder(tf.float32, value.shape, name) for name, value in WEIGHTS.items()}
        network(image, weights)
    nodes = [node for node in graph.as_graph_def().node if node.op != "Placeholder"]
    ops = sorted(node.op for node in nodes)
    known = {f"{name}:0": tf.constant(value) for name, value in WEIGHTS.items()}
    kept: dict = {}
    left, made = fold_batch_norms(nodes, asked, known, lambda key, make: kept.setdefault(key, make()))
    picture = numbers(2, 9, 9, 2)
    found = []
    for some, given in ((graph.as_graph_def().node, {}), (left, made)):
        with tf.Graph().as_default() as part, tf.compat.v1.Session() as session:
            inputs = {"image:0": tf.constant(picture)} | {
                name: tf.constant(value.numpy()) for name, value in {**known, **given}.items()
            }
            referred = {each if ":" in each else f"{each}:0" for node in some for each in node.input}
            some = [node for node in some if node.op != "Placeholder"]
            outputs = tf.graph_util.import_graph_def(
                copy_of(part.as_graph_def(), some),
                {name: value for name, value in inputs.items() if name in referred},
                return_elements=asked,
                name="",
            )
            found.append(session.run(outputs))
    return *found, ops, sorted(node.op for node in left)


def conv(x, w):
    return tf.nn.conv2d(x, w["kernel"], 1, "SAME", name="conv")


def normalised(x, w):
    tf.nn.relu6(conv(x, w) * w["scale"] + w["shift"], name="out")


def with_a_bias(x, w):
    tf.nn.relu(w["shift"] + w["scale"] * tf.nn.bias_add(conv(x, w), w["bias"]), name="out")


def depthwise(x, w):
    first = conv(x, w) * w["scale"] + w["shift"]
    second = tf.nn.depthwise_conv2d(first, w["depth"], [1, 1, 1, 1], "VALID", name="deep")
    tf.identity(second * w["scale8"] + w["shift8"], name="out")


@pytest.mark.parametrize(
    ("network", "gone"),
    [
        (normalised, ["AddV2", "Mul"]),
        (with_a_bias, ["Mul"]),
        (depthwise, ["AddV2", "AddV2", "Mul", "Mul"]),
    ],
)
def test_values_stay_and_ops_go(network, gone):
    plain, found, before, after = values_of(network, ["out:0"])
    np.testing.assert_allclose(found[0], plain[0], rtol=1e-4, atol=1e-5)
    assert [op for op in before if op in ("Mul", "AddV2")] != [op for op in after if op in ("Mul", "AddV2")]
    for op in set(gone):
        assert before.count(op) - after.count(op) == gone.count(op)
    assert after.count("BiasAdd") == max(before.count("BiasAdd"), gone.count("AddV2"))


def seen_inside(x, w):
    tf.identity(tf.multiply(conv(x, w), w["scale"], name="scaled") + w["shift"], name="out")


def taken_twice(x, w):
    seen = conv(x, w)
    tf.add(seen * w["scale"], seen, name="out")


def one_for_all(x, w):
    tf.multiply(conv(x, w), w["one"], name="out")


def awaited(x, w):
    seen = conv(x, w)
    scaled = seen * w["scale"]
    with tf.control_dependencies([seen]):
        tf.identity(scaled, name="out")


@pytest.mark.parametrize(
    ("network", "asked"),
    [
        (seen_inside, ["conv:0", "out:0"]),
        (taken_twice, ["out:0"]),
        (one_for_all, ["out:0"]),
        (awaited, ["out:0"]),
    ],
)
def test_what_others_need_stays(network, asked):
    plain, found, before, after = values_of(network, asked)
    assert after == before
    for one, other in zip(plain, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_asked_for_stays_although_it_is_a_product():
    plain, found, before, after = values_of(seen_inside, ["scaled:0", "out:0"])
    assert after == before
    np.testing.assert_array_equal(plain[0], found[0])
