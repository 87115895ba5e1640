"""Which ops are layers, what they are called, and how they are chosen."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import frozen_graph, keras_cnn, photo, v1

from cnnvis_widgets import activations, dream, load, reconstruct
from cnnvis_widgets.errors import LayerError

layers = keras.layers


def graph_of(function, shape=(None, 8, 8, 4), dtype=tf.float32):
    graph = tf.Graph()
    with graph.as_default():
        function(v1.placeholder(dtype, shape, name="image"))
    return graph


def kinds(model, family):
    return [layer.kind for layer in load(model).select(family)]


RELATIVES = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "leaky_relu": tf.nn.leaky_relu,
    "elu": tf.nn.elu,
    "selu": tf.nn.selu,
    "silu": tf.nn.silu,
    "gelu": lambda x: tf.nn.gelu(x, approximate=False),
}


@pytest.mark.parametrize("kind", RELATIVES)
def test_relatives_of_relu(kind):
    assert kinds(graph_of(RELATIVES[kind]), "r") == [kind]


SPELLINGS = {
    "gelu by tanh": ("gelu", lambda x: tf.nn.gelu(x, approximate=True)),
    "gelu by hand": ("gelu", lambda x: 0.5 * x * (1 + tf.math.erf(x / np.sqrt(2)))),
    "silu by hand": ("silu", lambda x: tf.sigmoid(x) * x),
    "leaky by maximum": ("leaky_relu", lambda x: tf.maximum(0.1 * x, x)),
    "prelu by absolute value": ("prelu", lambda x: tf.nn.relu(x) + [0.1, 0.2, 0.3, 0.4] * (x - abs(x)) * 0.5),
    "hard swish": ("hard_swish", lambda x: x * tf.nn.relu6(x + 3) / 6),
    "hard swish by clipping": ("hard_swish", lambda x: x * tf.clip_by_value(x + 3, 0, 6) / 6),
    "relu with a ceiling": ("clipped_relu", lambda x: tf.clip_by_value(x, 0, 4)),
    "celu": ("celu", keras.activations.celu),
    "squareplus": ("squareplus", keras.activations.squareplus),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_units_of_several_ops_are_one_layer(spelling):
    kind, function = SPELLINGS[spelling]
    network = load(graph_of(lambda x: tf.nn.relu(function(x), name="after")), photo(8, 4) - 0.5)
    assert [layer.kind for layer in network.select("r")] == [kind, "relu"]
    values = activations(network, None, network.select("r")[0])[0].values
    np.testing.assert_allclose(values, function(tf.constant(photo(8, 4) - 0.5)).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (layers.PReLU(), "prelu"),
        (layers.LeakyReLU(), "leaky_relu"),
        (layers.ReLU(6), "relu6"),
        (layers.Activation("silu"), "silu"),
        (layers.Activation("gelu"), "gelu"),
        (layers.Activation("hard_silu"), "hard_swish"),
        (layers.ELU(), "elu"),
    ],
)
def test_relatives_of_relu_in_keras(layer, kind):
    model = keras.Sequential([keras.Input((8, 8, 4)), layer])
    assert kinds(model, "r") == [kind]


def test_pools_of_every_rank():
    model = keras.Sequential([keras.Input((16, 3)), layers.MaxPooling1D(2), layers.AveragePooling1D(2)])
    found = load(model).select("p")
    assert [(layer.kind, layer.shape, layer.channels) for layer in found] == [
        ("max_pool", (None, 8, 3), 3),
        ("average_pool", (None, 4, 3), 3),
    ]
    model = keras.Sequential(
        [keras.Input((8, 8, 8, 2)), layers.MaxPooling3D(2), layers.AveragePooling3D(2), layers.GlobalAveragePooling3D()]
    )
    assert kinds(model, "p") == ["max_pool", "average_pool", "global_average_pool"]


def test_convolutions_of_every_rank():
    flat = keras.Sequential([keras.Input((8, 8, 4)), layers.SeparableConv2D(4, 3), layers.Conv2DTranspose(3, 3)])
    assert kinds(flat, "c") == ["depthwise_convolution", "convolution", "transposed_convolution"]
    line = keras.Sequential([keras.Input((16, 3)), layers.Conv1D(5, 3, name="line")])
    assert [(layer.kind, layer.shape) for layer in load(line).select("c")] == [("convolution", (None, 14, 5))]
    solid = keras.Sequential([keras.Input((8, 8, 8, 2)), layers.Conv3D(3, 3)])
    assert [(layer.kind, layer.spatial_shape) for layer in load(solid).select("c")] == [("convolution", (6, 6, 6))]


def test_values_and_pictures_of_every_rank():
    line = keras.Sequential([keras.Input((16, 3)), layers.Conv1D(5, 3, activation="relu", name="line")])
    signal = np.random.default_rng(0).random((2, 16, 3)).astype("float32")
    assert activations(line, signal, "line")[0].values.shape == (2, 14, 5)
    assert reconstruct(line, signal, "line").images.shape == (2, 5, 16, 3)
    solid = keras.Sequential([keras.Input((8, 8, 8, 2)), layers.Conv3D(3, 3, activation="relu", name="solid")])
    volume = np.random.default_rng(0).random((1, 8, 8, 8, 2)).astype("float32")
    assert activations(solid, volume, "solid")[0].values.shape == (1, 6, 6, 6, 3)
    assert reconstruct(solid, volume, "solid", seed=(1, 2, 3)).images.shape == (1, 3, 8, 8, 8, 2)


def channels_first(x, weights):
    x = tf.nn.relu(tf.nn.conv2d(x, weights, [1, 1, 2, 2], "SAME", data_format="NCHW", name="conv"), name="relu")
    x = tf.nn.max_pool2d(x, 2, 2, "VALID", data_format="NCHW", name="pool")
    return tf.nn.avg_pool2d(x, 2, 1, "SAME", data_format="NCHW", name="average")


def test_channels_first_runs_on_a_cpu_and_equals_channels_last():
    weights = np.random.default_rng(1).standard_normal((3, 3, 4, 5)).astype("float32")
    first = load(graph_of(lambda x: channels_first(x, weights), (None, 4, 8, 8)), photo(8, 4))

    def last(x):
        x = tf.nn.relu(tf.nn.conv2d(x, weights, 2, "SAME", name="conv"), name="relu")
        return tf.nn.avg_pool2d(tf.nn.max_pool2d(x, 2, 2, "VALID", name="pool"), 2, 1, "SAME", name="average")

    same = load(graph_of(last), photo(8, 4))
    assert first.layer("relu").shape == (None, 5, 4, 4)
    assert [first.layer(name).channels for name in ("relu", "pool", "average")] == [5, 5, 5]
    for name in ("conv", "relu", "pool", "average"):
        found, wanted = (activations(network, None, name)[0].values for network in (first, same))
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, atol=1e-5)
        for rule in ("deconvnet", "guided", "gradient"):
            found, wanted = (reconstruct(network, None, name, rule=rule).images for network in (first, same))
            assert found.shape == wanted.shape
            np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_array_equal(first.images(), photo(8, 4))


@pytest.mark.parametrize("shuffle", [tf.nn.depth_to_space, tf.nn.space_to_depth])
def test_pixels_shuffled_with_channels_first(shuffle):
    kernel = np.random.default_rng(1).standard_normal((1, 1, 4, 4)).astype("float32")

    def function(x, layout):
        return shuffle(tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME", data_format=layout)), 2, layout, name="out")

    image = np.random.default_rng(2).standard_normal((1, 4, 6, 4)).astype("float32")
    last = load(graph_of(lambda x: function(x, "NHWC"), (None, 4, 6, 4)), image)
    first = load(graph_of(lambda x: function(x, "NCHW"), (None, 4, 4, 6)), {"image": np.moveaxis(image, -1, 1)})
    assert first.layer("out").channel_axis == 1
    for rule in ("guided", "gradient"):
        found, wanted = (reconstruct(network, None, "out", rule=rule).images for network in (first, last))
        assert wanted.any()
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_channels_first_is_known_from_the_op_behind():
    def before_the_convolution(x):
        x = tf.nn.relu(x * 2, name="first")
        return tf.nn.conv2d(x, tf.ones([1, 1, 4, 2]), 1, "VALID", data_format="NCHW", name="conv")

    network = load(graph_of(before_the_convolution, (None, 4, 8, 9)), np.ones((1, 8, 9, 4), np.float32))
    assert network.layer("first").channels == 4
    assert activations(network, None, "first")[0].values.shape == (1, 8, 9, 4)
    assert reconstruct(network, None, "first").images.shape == (1, 4, 8, 9, 4)


def test_selections():
    network = load(frozen_graph())
    names = lambda selection: [layer.name for layer in network.select(selection)]  # noqa: E731
    assert names("r") == ["conv1/Relu", "conv2/Relu"]
    assert names("p") == ["pool1/MaxPool", "pool2/MaxPool"]
    assert names("c") == ["conv1/Conv2D", "conv2/Conv2D"]
    assert names("conv1/Relu:0") == names("conv1/Relu") == ["conv1/Relu"]
    assert names("conv1/*") == ["conv1/Conv2D", "conv1/Relu"]
    assert names(["pool1/MaxPool", "r", "conv1/Relu"]) == ["pool1/MaxPool", "conv1/Relu", "conv2/Relu"]
    assert names(network.layers[0]) == ["conv1/Conv2D"]
    assert names("flat") == ["flat"]
    assert [layer.kind for layer in network.layers][-2:] == ["dense", "softmax"]
    assert network.logits.name == "fc/logits"


def test_a_layer_that_is_called_like_a_family():
    network = load(graph_of(lambda x: tf.nn.relu(tf.nn.relu(x, name="r"), name="other")))
    assert [layer.name for layer in network.select("r")] == ["r", "other"]


def test_keras_names_give_the_output_of_the_layer():
    network = load(keras_cnn())
    assert network.layer("fused").name == "fused/Relu"
    assert network.layer("plain").name == "plain/BiasAdd"
    assert network.layer("plain").kind == "convolution"
    assert network.layer("inner").name == network.layer("nested/inner").name == "nested/inner/Relu"
    assert network.layer("scores").kind == "softmax"
    assert network.logits.name == "scores/BiasAdd"


def test_wrong_selections():
    network = load(frozen_graph())
    with pytest.raises(LayerError, match=r"Received: layer='conv1/Rleu'\. Nearest names: 'conv1/Relu'"):
        network.select("conv1/Rleu")
    with pytest.raises(LayerError, match="Received: an empty list"):
        network.select([])
    with pytest.raises(LayerError, match="means 2: conv1/Relu, conv2/Relu"):
        network.layer("r")
    bare = load(graph_of(lambda x: tf.nn.relu(x)))
    with pytest.raises(LayerError, match=r"Expected a network with pooling\. Received: layers='p'"):
        bare.select("p")


def test_training_graphs_show_only_their_forward_part():
    from networks import variable_graph

    with pytest.warns(UserWarning, match="constant"):
        network = load(variable_graph())
    assert [layer.name for layer in network.select(["c", "r", "p"])] == [
        "conv1/Conv2D", "conv2/Conv2D", "conv1/Relu", "conv2/Relu", "pool1/MaxPool", "pool2/MaxPool",
    ]  # fmt: skip


def test_sizes_as_fed():
    conv = layers.Conv2D(4, 3, strides=2, name="c")
    free = keras.Sequential([keras.Input((None, None, 3)), conv, layers.ReLU(name="r")])
    network = load(free, photo(21))
    assert network.layer("r").label.endswith("? × ? × 4")
    assert [layer.shape for layer in network.runtime.layers_as_fed(network.feeds())] == [(None, 10, 10, 4)] * 2
    assert network.runtime.layers_as_fed(network.feeds(photo(11)))[0].label.endswith("5 × 5 × 4")
    fixed = load(frozen_graph(), photo())
    assert fixed.runtime.layers_as_fed(fixed.feeds()) == fixed.layers == load(frozen_graph()).layers


def test_description():
    network = load(keras_cnn())
    text = network.describe()
    assert "input (images)  image" in text
    assert "nested/inner/Relu" in text
    assert "? × 20 × 20 × 6" in text
    assert repr(network).startswith("<Network: images to 'image' ? × 20 × 20 × 3; 4 activation functions")
    assert "<td>nested/inner/Relu</td>" in network._repr_html_()
    assert [(info.name, info.dtype, info.shape) for info in network.outputs] == [("scores", "float32", (None, 4))]


def test_groups_with_a_bias_run_without_onednn():
    """TensorFlow's optimiser fuses the two into an op that CPUs without AVX-512 have no kernel for."""
    keras.utils.set_random_seed(0)
    grouped = keras.layers.Conv2D(8, 3, groups=4, padding="same", bias_initializer="random_normal")
    model = keras.Sequential([keras.Input((12, 12, 8)), grouped, keras.layers.ReLU(name="relu")])
    image = np.random.default_rng(0).normal(size=(1, 12, 12, 8)).astype(np.float32)
    network = load(model, image)
    expected = model(image).numpy()
    np.testing.assert_allclose(activations(network, None, "relu")[0].values, expected, rtol=1e-5, atol=1e-5)
    assert np.abs(reconstruct(network, None, "relu", channels=[3], seed="map").images).max() > 0
    step = next(dream(network, None, "relu", 3, start="feed"))
    assert np.isfinite(step.images).all()


def test_a_layer_leads_to_those_that_need_it():
    network = load(frozen_graph())
    structure, (first, *_, last) = network.runtime.structure, network.layers
    assert structure.leads_to(first, last)
    assert structure.leads_to(first, first)
    assert not structure.leads_to(last, first)
