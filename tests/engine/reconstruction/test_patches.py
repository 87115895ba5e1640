"""What one unit sees: the arithmetic, and signals that are computed within that patch only."""

import numpy as np
import pytest
import tensorflow as tf
from networks import network_of, weights

from cnnvis_widgets import load, reconstruct
from cnnvis_widgets.engine.ops.windows import Axis, ReceptiveField
from cnnvis_widgets.engine.reconstruction.reconstruct import lay_patches
from cnnvis_widgets.engine.reconstruction.strategies import (
    BatchedPullback,
    PatchPullback,
    Route,
    TiledGradients,
    fastest_strategy,
)


def convolved(x, size, channels, stride=1, padding="SAME", dilation=1, seed=0):
    return (
        tf.nn.conv2d(x, weights(size, size, x.shape[-1], channels, seed=seed), stride, padding, dilations=dilation)
        + 0.1
    )


def residual(x):
    x = tf.nn.relu(convolved(x, 3, 4, 2))
    inner = convolved(tf.nn.relu(convolved(x, 3, 4, seed=1)), 3, 4, seed=2)
    return tf.nn.relu(x + inner)


def inception(x):
    x = convolved(x, 3, 4)
    parts = [convolved(x, 1, 2), convolved(tf.nn.relu(convolved(x, 3, 3)), 5, 2), tf.nn.max_pool2d(x, 3, 1, "SAME")]
    return tf.nn.relu(tf.concat(parts, -1))


NETWORKS = {
    "vgg": lambda x: tf.nn.max_pool2d(
        tf.nn.relu(convolved(tf.nn.relu(convolved(x, 3, 4)), 3, 5, seed=1)), 2, 2, "SAME"
    ),
    "strided": lambda x: tf.nn.relu(convolved(tf.nn.relu(convolved(x, 7, 4, 2)), 5, 5, 3, seed=1)),
    "valid": lambda x: tf.nn.relu(convolved(tf.nn.max_pool2d(convolved(x, 5, 4, 2, "VALID"), 3, 2, "VALID"), 3, 4)),
    "overlapping pools": lambda x: tf.nn.max_pool2d(
        tf.nn.relu(convolved(tf.nn.max_pool2d(x, 3, 2, "SAME"), 3, 4)), 3, 2, "SAME"
    ),
    "negative pools": lambda x: tf.nn.max_pool2d(convolved(tf.nn.relu(convolved(x, 3, 4)), 3, 4) - 9, 3, 2, "SAME"),
    "average pools": lambda x: tf.nn.avg_pool2d(
        tf.nn.relu(convolved(tf.nn.avg_pool2d(x, 3, 2, "SAME"), 3, 4)), 2, 2, "SAME"
    ),
    "residual": residual,
    "inception": inception,
    "dilated": lambda x: tf.nn.relu(convolved(tf.nn.relu(convolved(x, 3, 4, dilation=2)), 3, 3)),
    "depthwise": lambda x: tf.nn.relu6(
        tf.nn.depthwise_conv2d(convolved(x, 3, 4), weights(3, 3, 4, 2), (1, 2, 2, 1), "SAME")
    ),
    "normalised": lambda x: tf.nn.local_response_normalization(tf.nn.relu(convolved(x, 3, 6)), 2, 1.0, 0.3, 0.75),
    "padded": lambda x: tf.nn.relu(convolved(tf.pad(x, [[0, 0], [3, 2], [1, 4], [0, 0]]), 5, 4, 2, "VALID")),
    "added map": lambda x: tf.nn.relu(convolved(x, 3, 4)) * weights(1, 33, 36, 4, seed=3),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_patch_holds_what_the_whole_image_has(name):
    network = network_of(NETWORKS[name], (33, 36, 3))
    layer, feeds = network.layer("out"), network.feeds()
    height, width = layer.spatial_shape
    corners = [(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1), (height // 2, width // 3), (1, 1)]
    values = network.runtime.run(feeds, [layer.tensor])[0][0]
    channels = np.array([np.abs(values[corner]).argmax() for corner in corners])
    for rule in ("gradient", "deconvnet", "guided"):
        route = Route(network, layer, rule, "unit")
        strategy = fastest_strategy(route, feeds, tf.float32).strategy
        assert type(strategy) is PatchPullback
        signals, field = strategy.backward(strategy.forward(feeds)[1], channels, np.array(corners))
        found = np.zeros((len(corners), 33, 36, 3), np.float32)
        lay_patches(signals, field, np.array(corners), found)
        expected = TiledGradients(route, feeds).backward(feeds, channels, np.array(corners))[0]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
        if rule == "gradient":
            assert (np.abs(expected).max((1, 2, 3)) > 0).sum() > 1


@pytest.mark.parametrize(("last", "expected"), [(5, PatchPullback), (7, BatchedPullback)])
def test_a_unit_that_sees_most_of_the_image_has_a_patch_and_one_that_sees_all_has_none(last, expected):
    network = network_of(lambda x: tf.nn.relu(convolved(tf.nn.relu(convolved(x, 7, 4)), last, 5, 1)), (12, 12, 3))
    layer, feeds = network.layer("out"), network.feeds()
    size = network.receptive_field(layer, (12, 12)).size
    assert size == (6 + last,) * 2
    for rule in ("gradient", "deconvnet", "guided"):
        route = Route(network, layer, rule, "unit")
        strategy = fastest_strategy(route, feeds, tf.float32).strategy
        assert type(strategy) is expected
        unit, channels = np.array([[5, 6], [0, 11]]), np.array([1, 3])
        found, field = strategy.backward(strategy.forward(feeds)[1], channels, unit)
        if field is not None:
            patches, found = found, np.zeros((2, 12, 12, 3), np.float32)
            lay_patches(patches, field, unit, found)
        wanted = TiledGradients(route, feeds).backward(feeds, channels, unit)[0]
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_an_operand_along_one_axis_of_the_map_is_not_cut():
    network = network_of(lambda x: convolved(x, 3, 4) * weights(1, 33, 1, 4, seed=3), (33, 36, 3))
    route = Route(network, network.layer("out"), "gradient", "unit")
    strategy = fastest_strategy(route, network.feeds(), tf.float32).strategy
    assert type(strategy) is not PatchPullback


def first(x, size, channels, stride=1, padding="SAME", seed=0):
    kernel = weights(size, size, x.shape[1], channels, seed=seed)
    convolution = tf.nn.conv2d(x, kernel, stride, padding, data_format="NCHW")
    return tf.nn.bias_add(convolution, weights(channels, seed=seed + 1), "NC..")


def inception_first(x):
    x = first(x, 3, 4)
    pooled = tf.nn.max_pool2d(x, 3, 1, "SAME", data_format="NCHW")
    joined = tf.nn.relu(tf.concat([first(x, 1, 2), first(tf.nn.relu(first(x, 3, 3)), 5, 2), pooled], 1))
    return tf.concat([part * at for at, part in enumerate(tf.split(joined, 2, 1), 1)], 1)


def batch_norm(x):
    mean, variance = weights(4, seed=7), tf.square(weights(4, seed=8)) + 0.5
    options = {"mean": mean, "variance": variance, "is_training": False, "data_format": "NCHW"}
    return tf.nn.relu(tf.compat.v1.nn.fused_batch_norm(first(x, 3, 4, 2), weights(4) + 1, mean, **options)[0])


CHANNELS_FIRST = {
    "pools": lambda x: tf.nn.avg_pool2d(
        tf.nn.max_pool2d(tf.nn.relu(first(x, 3, 5)), 3, 2, "SAME", data_format="NCHW"), 2, 2, "SAME", data_format="NCHW"
    ),
    "inception": inception_first,
    "batch norm": batch_norm,
    "padded": lambda x: tf.nn.relu(first(tf.pad(x, [[0, 0], [0, 0], [3, 2], [1, 4]]), 5, 4, 2, "VALID")),
    "maps, channels": lambda x: tf.nn.relu(first(x, 3, 4)) * weights(1, 4, 33, 36) + weights(4, 1, 1) * first(x, 1, 4),
    "turned within": lambda x: tf.transpose(
        tf.nn.local_response_normalization(tf.transpose(tf.nn.relu(first(x, 3, 6)), [0, 2, 3, 1]), 2, 1.0, 0.3, 0.75),
        [0, 3, 1, 2],
    ),
}


@pytest.mark.parametrize("name", CHANNELS_FIRST)
def test_patches_of_networks_with_channels_first(name):
    """The same function behind a transpose has channels last outside; both go by patches, to the same pictures."""
    network = network_of(CHANNELS_FIRST[name], (3, 33, 36))
    behind = network_of(
        lambda x: tf.transpose(CHANNELS_FIRST[name](tf.transpose(x, [0, 3, 1, 2])), [0, 2, 3, 1]), (33, 36, 3)
    )
    feeds = network.feeds()
    image = np.moveaxis(feeds[network.runtime.image_tensor], 1, -1)
    layer = network.layer("out")
    bottom, right = (side - 1 for side in layer.spatial_shape)
    units = np.array([(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 3), (1, 1)])
    channels = np.arange(6) % layer.channels
    assert network.receptive_field("out") == behind.receptive_field("out") is not None
    for rule in ("gradient", "deconvnet", "guided"):
        found = []
        ways = ((network, feeds), (behind, {"image:0": image}))
        for each, fed in ways if rule == "guided" else ways[:1]:
            route = Route(each, each.layer("out"), rule, "unit")
            strategy = fastest_strategy(route, fed, tf.float32).strategy
            assert type(strategy) is PatchPullback
            signals, field = strategy.backward(strategy.forward(fed)[1], channels, units)
            found.append(np.zeros((6, 33, 36, 3), np.float32))
            lay_patches(signals, field, units, found[-1])
        tiled = TiledGradients(Route(network, layer, rule, "unit"), feeds)
        expected = tiled.backward(feeds, channels, units)[0]
        expected = np.moveaxis(expected, 1, -1)
        for each in found:
            np.testing.assert_allclose(each, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
        assert (np.abs(expected).max((1, 2, 3)) > 0).sum() > 1


def test_a_gate_that_sees_the_whole_image_is_not_cut():
    network = network_of(
        lambda x: convolved(x, 3, 4) * tf.sigmoid(tf.reduce_mean(convolved(x, 1, 4), [1, 2], keepdims=True)),
        (33, 36, 3),
    )
    route = Route(network, network.layer("out"), "gradient", "unit")
    strategy = fastest_strategy(route, network.feeds(), tf.float32).strategy
    assert type(strategy) is not PatchPullback
    assert np.count_nonzero(reconstruct(network, None, "out", channels=[0]).images) > 33 * 36


def test_strongest_units_alone():
    """Of several images, and laid where each unit looks."""
    network = network_of(NETWORKS["vgg"], (33, 36, 3))
    images = np.random.default_rng(1).standard_normal((2, 33, 36, 3)).astype(np.float32)
    found = reconstruct(network, None, "out")
    assert found.images.shape == (1, 5, 33, 36, 3)
    both = reconstruct(load(network, {"image": images}), None, "out")
    assert both.images.shape == (2, 5, 33, 36, 3)
    field = ReceptiveField((2, 2), (-2, -2), (6, 6))
    for image, channel in np.ndindex(2, 5):
        window = field.window(tuple(both.units[image, channel]))
        inside = tuple(slice(max(part.start, 0), part.stop) for part in window)
        outside = both.images[image, channel].copy()
        assert outside[inside].any()
        outside[inside] = 0
        assert not outside.any()


def test_receptive_fields_by_hand():
    field = ReceptiveField.unit(1).below((Axis(2, 2),)).below((Axis(3, 1, 1, 1, 1),)).below((Axis(3, 1, 1, 1, 1),))
    assert field == ReceptiveField((2,), (-2,), (6,))
    assert field.window((3,)) == (slice(4, 10),)
    strided = ReceptiveField.unit(1).below((Axis(3, 2, 2, 1),)).below((Axis(5, 3),))
    assert strided == ReceptiveField((6,), (-3,), (17,))
    assert field.joined(ReceptiveField((2,), (1,), (8,))) == ReceptiveField((2,), (-2,), (11,))


def test_receptive_fields_of_a_network():
    """Checked against the pixels that the gradient of a unit in the middle reaches."""
    for name, function in NETWORKS.items():
        network = network_of(function, (33, 36, 3))
        layer = network.layer("out")
        unit = tuple(side // 2 for side in layer.spatial_shape)
        graph_field = network.receptive_field("out")
        rng, reached = np.random.default_rng(0), np.zeros((33, 36), bool)
        for _ in range(12):  # a pool sends its signal to one place at a time, a ReLU may be off
            feed = {"image": rng.standard_normal((1, 33, 36, 3)).astype(np.float32)}
            found = reconstruct(load(network, feed), None, "out", rule="gradient", seed=unit)
            reached |= found.images[0].any((0, -1))
        rows, columns = (np.flatnonzero(reached.any(axis)) for axis in (1, 0))
        assert rows.size, name
        seen = graph_field.window(unit)
        assert seen[0].start <= rows[0], name
        assert rows[-1] < seen[0].stop, name
        assert seen[1].start <= columns[0], name
        assert columns[-1] < seen[1].stop, name
        if name in ("vgg", "strided", "residual", "average pools", "normalised", "padded", "added map"):
            assert (rows[0], rows[-1] + 1) == (max(seen[0].start, 0), min(seen[0].stop, 33)), name


def test_no_receptive_field_of_a_dense_layer():
    network = network_of(lambda x: tf.matmul(tf.reshape(x, [-1, 300]), weights(300, 4)), (10, 10, 3))
    assert network.receptive_field("out") is None


def test_a_unit_that_sees_nothing_but_padding_leaves_its_picture_black():
    picture = np.zeros((1, 4, 4, 1), np.float32)
    for start in (-1, 4):
        lay_patches(np.ones((1, 1, 1, 1)), ReceptiveField((1, 1), (start, 0), (1, 1)), np.array([[0, 0]]), picture)
    assert not picture.any()
