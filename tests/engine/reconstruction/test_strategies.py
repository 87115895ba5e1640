"""Many seeds over one forward pass give what TensorFlow's own gradient gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import keras_cnn, network_of, photo, v1, weights

from cnnvis_widgets import load
from cnnvis_widgets import rules as every_rule
from cnnvis_widgets.engine.reconstruction.strategies import BatchedPullback, Route, TiledGradients, fastest_strategy

layers = keras.layers
PAPERS = ("gradient", "deconvnet", "guided")


def same_as_copies(network, name="out", seed="map", count=3, kind=BatchedPullback, tolerance=1e-5, rules=PAPERS):
    layer, feeds = network.layer(name), network.runtime.batches.rows_of(network.feeds(), np.array([0]))
    for rule in rules:
        route = Route(network, layer, rule, seed)
        strategy = fastest_strategy(route, feeds, tf.float32).strategy
        assert isinstance(strategy, kind)
        tiled = TiledGradients(route, feeds)
        values, residuals = strategy.forward(feeds)
        slow_values, slow_residuals = tiled.forward(feeds)
        np.testing.assert_allclose(values, slow_values, rtol=1e-6, atol=1e-6)
        channels = np.arange(count) % layer.channels
        units = np.array(
            [[(each * 2 + axis) % size for axis, size in enumerate(layer.spatial_shape)] for each in range(count)]
        )
        units = units.reshape(count, len(layer.spatial_shape))
        if strategy.seeds_per_call > 8:
            continue  # patches have tests of their own
        found, _ = strategy.backward(residuals, channels, units)
        expected, _ = tiled.backward(slow_residuals, channels, units)
        assert found.shape == expected.shape
        assert found.dtype == np.float32
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


OPS = {
    "flipped": lambda x: tf.nn.conv2d(x, weights(3, 2, 4, 5), 1, "SAME"),
    "dilated": lambda x: tf.nn.conv2d(x, weights(3, 3, 4, 5), 1, "VALID", dilations=2),
    "phases": lambda x: tf.nn.conv2d(x, weights(5, 3, 4, 5), 2, "SAME"),
    "phases with a rest": lambda x: tf.nn.conv2d(x, weights(3, 3, 4, 5), 4, "VALID"),
    "phases, explicit": lambda x: tf.nn.conv2d(x, weights(7, 7, 4, 5), 3, [[0, 0], [2, 3], [3, 1], [0, 0]]),
    "one by one, strided": lambda x: tf.nn.conv2d(x, weights(1, 1, 4, 5), 2, "SAME"),
    "unequal strides": lambda x: tf.nn.conv2d(x, weights(3, 3, 4, 5), (1, 2), "SAME"),
    "depthwise": lambda x: tf.nn.depthwise_conv2d(x, weights(3, 3, 4, 2), (1, 2, 2, 1), "SAME"),
    "groups": lambda x: tf.nn.conv2d(x, weights(3, 3, 2, 6), 1, "SAME"),
    "unpooled": lambda x: tf.nn.max_pool2d(tf.nn.relu(x), 2, 2, "VALID"),
    "unpooled, padded": lambda x: tf.nn.max_pool2d(x, 3, 3, "SAME"),
    "overlapping": lambda x: tf.nn.max_pool2d(tf.nn.relu(x), 3, 2, "SAME"),
    "average": lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME"),
    "normalised": lambda x: tf.nn.local_response_normalization(x, 1, 1.0, 0.3, 0.75),
    "gated": lambda x: x * tf.sigmoid(tf.reduce_mean(x, [1, 2], keepdims=True)),
    "divided": lambda x: x / (1 + tf.square(x)),
    "larger": lambda x: tf.maximum(x, 0.3 * x) + tf.minimum(x, 0.1),
    "split": lambda x: tf.concat([part * at for at, part in enumerate(tf.split(x, 2, -1))], -1),
    "one part": lambda x: tf.split(x, [1, 3], -1)[1],
    "padded": lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 3], [0, 0]]),
    "mirrored": lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 3], [0, 0]], "REFLECT"),
    "sliced": lambda x: x[:, 1:, 2:-1],
    "transposed": lambda x: tf.transpose(x, [0, 2, 3, 1]),
    "flattened": lambda x: tf.matmul(tf.reshape(x, [-1, 13 * 14 * 4]), weights(13 * 14 * 4, 5)),
    "global maximum": lambda x: tf.reduce_max(x, [1, 2]),
    "upsampled": lambda x: tf.image.resize(x, [26, 30], method="nearest"),
    "interpolated": lambda x: tf.image.resize(x, [20, 30]),
    "attended": lambda x: x * tf.nn.softmax(x),
    "selected": lambda x: tf.where(x > 0.2, x, -x),
    "sum of three": lambda x: tf.add_n([x, x * 2, tf.nn.relu(x)]),
    "smooth": lambda x: tf.nn.elu(x) + tf.nn.gelu(x) + tf.nn.silu(x) + tf.nn.softplus(x),
    "transposed convolution": lambda x: tf.nn.conv2d_transpose(x, weights(3, 3, 5, 4), [tf.shape(x)[0], 26, 28, 5], 2),
}


@pytest.mark.matrix
@pytest.mark.parametrize("name", OPS)
def test_op(name):
    network = network_of(lambda x: OPS[name](tf.nn.conv2d(tf.nn.relu(x), weights(1, 1, 3, 4), 1, "SAME")), (13, 14, 3))
    same_as_copies(network)


NARROW = {  # from a layer down to its first convolution: what works channel by channel, or takes parts of the channels
    "rectified": lambda x: tf.nn.relu6(tf.nn.max_pool2d(tf.nn.relu(x), 2, 2, "SAME")),
    "normalised": lambda x: tf.nn.relu(tf.nn.batch_normalization(x, 0.1, weights(4) ** 2 + 1, 0.2, weights(4), 1e-3)),
    "normalised by one op": lambda x: tf.nn.relu(
        v1.nn.fused_batch_norm(x, weights(4), weights(4), weights(4), weights(4) ** 2 + 1, is_training=False)[0]
    ),
    "one unit of several ops": lambda x: tf.nn.relu(x) - weights(4) * tf.nn.relu(-x),
    "joined": lambda x: tf.concat([tf.nn.relu(x), tf.nn.elu(-x), x], -1),
    "added": lambda x: tf.nn.relu(tf.nn.relu(x) + x),
    "gated": lambda x: x * tf.sigmoid(tf.reduce_mean(x, [1, 2], keepdims=True)),
    "scaled, by three axes": lambda x: tf.nn.relu(x * weights(1, 1, 4)),
    "over channels": lambda x: tf.nn.relu(x - tf.reduce_mean(x, -1, keepdims=True)),
    "one channel spread": lambda x: x[..., :1] * weights(5),
}


@pytest.mark.parametrize(
    ("name", "seed"), [*((name, "map") for name in NARROW), ("joined", "unit"), ("joined", "ones")]
)
def test_seeds_of_one_channel(name, seed):
    def network(x):
        x = tf.nn.conv2d(tf.nn.conv2d(x, weights(3, 3, 3, 6), 1, "SAME"), weights(5, 3, 6, 4), 1, "SAME")
        return NARROW[name](x)

    same_as_copies(network_of(network, (13, 14, 3)), seed=seed, count=9)


def test_a_rule_that_looks_over_channels_sees_them_all(monkeypatch):
    monkeypatch.setattr(every_rule, "_RULES", dict(every_rule._RULES))
    every_rule.register("only the strongest channel", lambda signal, _: signal * tf.cast(
        signal == tf.reduce_max(signal, -1, keepdims=True), signal.dtype))  # fmt: skip
    network = network_of(lambda x: tf.nn.relu(tf.nn.conv2d(x, weights(3, 3, 3, 4), 1, "SAME")), (9, 9, 3))
    same_as_copies(network, rules=("only the strongest channel",))


def test_signals_and_volumes():
    def signal(x):
        return tf.nn.max_pool1d(tf.nn.relu(tf.nn.conv1d(x, weights(3, 3, 4), 2, "SAME")), 3, 2, "SAME")

    def volume(x):
        return tf.nn.max_pool3d(
            tf.nn.relu(tf.nn.conv3d(x, weights(3, 3, 3, 2, 4), [1, 2, 2, 2, 1], "SAME")), 2, 2, "SAME"
        )

    same_as_copies(network_of(signal, (21, 3)))
    same_as_copies(network_of(volume, (8, 7, 6, 2)))


@pytest.mark.parametrize("seed", ["unit", "map", "ones"])
def test_seeds_of_a_keras_network(seed):
    network = load(keras_cnn(), photo())
    for name in ("fused", "pool", "norm", "inner", "average"):
        same_as_copies(network, network.layer(name), seed)


def test_a_dense_layer():
    network = load(keras_cnn(), photo())
    same_as_copies(network, network.logits, "unit")


def test_channels_first():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, (None, 3, 12, 12), name="image")
        x = tf.nn.relu(tf.nn.conv2d(image, weights(3, 3, 3, 4), 1, "SAME", data_format="NCHW"))
        tf.nn.max_pool2d(x, 2, 2, "SAME", data_format="NCHW", name="out")
    network = load(graph, {"image": photo(12).transpose(0, 3, 1, 2)})
    for seed in ("unit", "map"):
        same_as_copies(network, seed=seed)


def test_a_graph_for_one_image():
    network = network_of(lambda x: tf.nn.relu(tf.nn.conv2d(x, weights(3, 3, 3, 4), 1, "SAME")), (9, 9, 3), images=1)
    layer, feeds = network.layer("out"), network.feeds()
    route = Route(network, layer, "guided", "map")
    strategy = fastest_strategy(route, feeds, tf.float32).strategy
    assert type(strategy) is BatchedPullback
    values, residuals = strategy.forward(feeds)
    signals, _ = strategy.backward(residuals, [0, 1, 2], np.zeros((3, 2), int))
    tiled = TiledGradients(route, feeds)
    expected = [tiled.backward(feeds, [channel], np.zeros((1, 2), int))[0][0] for channel in range(3)]
    np.testing.assert_allclose(signals, expected, atol=1e-6)
    assert values.shape == (1, 9, 9, 4)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: tf.cumsum(x, 1),
        lambda x: tf.reverse(x, [1]) * x,
        lambda x: tf.reshape(tf.reshape(x, [-1, 4]) * 2, [-1, 13, 14, 4]),
        lambda x: x - tf.reduce_mean(x, 0, keepdims=True) * 0.5,
    ],
    ids=["unknown", "unknown within", "images mixed with places", "mean over images"],
)
def test_an_op_without_a_step_takes_the_ordinary_gradient(function):
    network = network_of(lambda x: function(tf.nn.conv2d(tf.nn.relu(x), weights(1, 1, 3, 4), 1, "SAME")), (13, 14, 3))
    same_as_copies(network, kind=TiledGradients, count=1)
