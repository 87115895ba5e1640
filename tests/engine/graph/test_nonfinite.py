"""NaN and infinity are named where they begin, in what is fed, in a layer or in the weights, and never shown."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import frozen_graph, keras_cnn, network_of, photo, v1, weights_of

from cnnvis_widgets import activations, dream, grad_cam, load, occlude, predict, reconstruct
from cnnvis_widgets.engine.graph import nonfinite
from cnnvis_widgets.engine.graph.nonfinite import is_finite, listed
from cnnvis_widgets.errors import NumericalError

CALLS = pytest.mark.parametrize("call", [activations, reconstruct])


@CALLS
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_feed_that_is_not_finite(call, value):
    image = photo()
    image[0, 3, 3, 0] = value
    with pytest.raises(NumericalError, match=r"finite values to feed. Received: NaN or infinity for '\w+'. Check"):
        call(frozen_graph(), image, "conv1/Relu")


@CALLS
def test_the_first_layer_that_is_not_finite(call):
    def function(x):
        fine = tf.nn.relu(x * 0 + 1e30, name="fine")
        return tf.nn.relu(tf.nn.relu(fine * 1e30, name="broken") + 1, name="later")

    with pytest.raises(NumericalError, match=r"NaN or infinity first in layer 'broken'. Check the range"):
        call(network_of(function, (4, 4, 2)), None, "later")


def test_the_first_layer_is_looked_for_among_those_of_finite_weights():
    def function(x):
        tf.nn.relu(x * tf.constant([np.nan, 1.0]), name="of_nan")
        return tf.nn.relu(tf.nn.relu(x * 0 + 1e30) * 1e30, name="broken")

    with pytest.raises(NumericalError, match=r"first in layer 'broken'"):
        activations(network_of(function, (4, 4, 2)), None, "broken")


def test_large_values_whose_sum_is_infinite_are_finite():
    network = network_of(lambda x: tf.nn.relu(x * 0 + 3e38), (4, 4, 2))
    assert (activations(network, None, "out")[0].values > 2e38).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_among_many(monkeypatch, dtype, value):
    monkeypatch.setattr(nonfinite, "_CHUNK", 10)
    values = tf.cast(tf.fill([5, 7], tf.constant(dtype).shape.rank + 6e4), dtype).numpy()
    assert is_finite(values)
    assert is_finite(values.T[::2])
    assert is_finite(tf.constant(values))
    for place in ((0, 0), (1, 3), (4, 6)):
        broken = values.copy()
        broken[place] = value
        assert not is_finite(broken)
        assert not is_finite(broken.T)
        assert not is_finite(tf.constant(broken))


def test_numbers_that_are_always_finite():
    assert is_finite(np.arange(3))
    assert is_finite(np.array([True]))
    assert is_finite(np.array(["text"]))
    assert not is_finite(np.array([1, complex(0, np.nan)]))


def with_weight(name, value):
    """The classifier of ``networks``, with one value of one weight replaced."""
    model = keras_cnn()
    (variable,) = [each for each in model.weights if each.path == name]
    values = variable.numpy()
    values.flat[-1] = value
    variable.assign(values)
    return model


@pytest.fixture(scope="module")
def whole():
    return load(keras_cnn(), photo())


@pytest.fixture(scope="module")
def broken():
    return load(with_weight("last/kernel", np.nan), photo())


@pytest.mark.parametrize(("name", "first"), [("last/kernel", "last/convolution"), ("last/bias", "Relu")])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_layers_behind_a_weight_that_is_not_finite_raise(name, first, value):
    """-inf as a bias gives 0 behind a ReLU on every CPU, NaN does where TensorFlow computes with oneDNN."""
    network = load(with_weight(name, value), photo())
    assert network.nonfinite_weights() == (name,)
    behind = [layer for layer in network.layers if network.nonfinite_weights(layer)]
    assert behind == list(network.layers[network.layers.index(network.layer(first)) :])
    for layer in behind:
        with pytest.raises(NumericalError, match=f"finite weights. Received: NaN or infinity in '{name}'. Check how"):
            activations(network, None, layer)


def test_layers_before_it_are_computed(whole, broken):
    names = [layer.name for layer in broken.layers if not broken.nonfinite_weights(layer)]
    found, expected = (activations(network, None, names) for network in (broken, whole))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.values, theirs.values)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda network: activations(network, None, ["pool", "Relu"]), id="activations"),
        pytest.param(lambda network: reconstruct(network, None, "Relu"), id="reconstruct"),
        pytest.param(lambda network: reconstruct(network, None, "Relu", precision="bfloat16"), id="bfloat16"),
        pytest.param(predict, id="predict"),
        pytest.param(lambda network: grad_cam(network, None, 0, layer="pool"), id="grad_cam"),
        pytest.param(lambda network: occlude(network, None, (2, 2, 4, 4)), id="occlude"),
        pytest.param(lambda network: list(dream(network, None, "scores", 0, steps=1, octaves=1)), id="dream"),
    ],
)
def test_every_method_raises_behind_a_weight_that_is_not_finite(broken, call):
    for _ in range(2):  # a call that failed leaves nothing compiled behind
        with pytest.raises(NumericalError, match="NaN or infinity in 'last/kernel'"):
            call(broken)


def test_methods_work_before_a_weight_that_is_not_finite(whole, broken):
    ours, theirs = (reconstruct(network, None, "layer").images for network in (broken, whole))
    np.testing.assert_array_equal(ours, theirs)


def test_a_network_says_which_weights_are_not_finite(whole, broken):
    assert broken.describe().splitlines()[-1].split("  ")[:2] == ["NaN or infinity", "last/kernel"]
    assert repr(broken).endswith("NaN or infinity in the weights 'last/kernel'>")
    assert "NaN or infinity in the weights &#x27;last/kernel&#x27;" in broken._repr_html_()
    assert whole.nonfinite_weights() == whole.nonfinite_weights("scores") == ()
    assert "NaN" not in whole.describe() + repr(whole)


@pytest.mark.parametrize("name", ["w1", "b1"])  # one that is kept beside the graph, and a constant within
def test_constants_of_a_graph_are_looked_at_as_well(name):
    values = weights_of()
    values[name][..., -1] = np.nan
    network = load(frozen_graph(values), photo())
    (found,) = network.nonfinite_weights()
    with pytest.raises(NumericalError, match=f"NaN or infinity in '{found}'"):
        activations(network, None, "conv2/Relu")


def test_what_a_function_captured_is_called_by_the_name_of_its_variable():
    kernel = tf.Variable(tf.fill([3, 3, 3, 2], np.nan), name="mine")
    function = tf.function(lambda x: tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "SAME")), autograph=False)
    assert load(function, photo()).nonfinite_weights() == ("mine",)


def test_a_variance_below_zero_is_found_in_what_is_made_of_it():
    network = load(with_weight("norm/moving_variance", -1), photo())
    assert network.nonfinite_weights() == ()
    assert network.nonfinite_weights("layer") == ("norm/batchnorm/mul", "norm/batchnorm/sub")
    with pytest.raises(NumericalError, match="NaN or infinity in 'norm/batchnorm/mul', 'norm/batchnorm/sub'"):
        activations(network, None, "layer")
    assert activations(network, None, "pool")[0].values.max() > 0


def test_infinity_may_be_a_bound_and_nan_may_not():
    def function(x, bound):
        bounds = tf.reshape(tf.constant([bound, 1.0], name="bound"), [1, 1, 1, 2])
        padded = tf.pad(tf.minimum(x, bounds), [[0, 0], [1, 1], [1, 1], [0, 0]], constant_values=-bound)
        return tf.nn.relu(tf.nn.max_pool2d(padded, 3, 1, "VALID"))

    fine = network_of(lambda x: function(x, np.inf), (4, 4, 2))
    assert fine.nonfinite_weights() == ()
    assert activations(fine, None, "out")[0].values.shape == (1, 4, 4, 2)
    broken = network_of(lambda x: function(x, np.nan), (4, 4, 2))
    assert "bound" in broken.nonfinite_weights("out")


def test_minus_infinity_may_be_a_mask_that_is_added():
    def function(x, hidden):
        scores = tf.reshape(x, [-1, 3, 3])
        return tf.nn.relu(tf.nn.softmax(scores + tf.constant([[0, hidden, hidden], [0, 0, hidden], [0, 0, 0]])))

    fine = network_of(lambda x: function(x, -np.inf), (3, 3, 1))
    assert fine.nonfinite_weights() == ()
    found = activations(fine, None, "out")[0].values
    np.testing.assert_array_equal(found[0] == 0, np.triu(np.ones((3, 3)), 1))
    np.testing.assert_allclose(found.sum(-1), 1, atol=1e-6)
    for broken in (np.inf, np.nan):
        assert network_of(lambda x, broken=broken: function(x, broken), (3, 3, 1)).nonfinite_weights("out")


def test_a_value_fed_in_place_of_a_weight_that_is_not_finite():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 4], name="image")
        weight = tf.constant(np.full(256, np.nan, np.float32), name="weight")
        tf.nn.relu(image * weight[:4], name="out")
    network = load(graph.as_graph_def())
    ones = np.ones((1, 4), np.float32)
    with pytest.raises(NumericalError, match="NaN or infinity in 'weight'"):
        activations(network, ones, "out")
    fed = {"image:0": ones, "weight:0": np.full(256, 5, np.float32)}
    np.testing.assert_array_equal(activations(network, fed, "out")[0].values.reshape(4), [5] * 4)


def test_weights_are_looked_at_once(monkeypatch):
    looked = []
    monkeypatch.setattr(nonfinite, "is_finite", lambda values: looked.append(values) or True)
    network = load(classifier := keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)]), photo(8))
    assert looked == []
    for _ in range(2):
        activations(network, None, "c")
        network.describe()
    kernels = [each for each in looked if each.shape == classifier.weights[0].shape]
    assert len(kernels) == 1


def test_long_lists_of_names_are_cut():
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed(["a", "b", "c", "d"], most=2) == "'a', 'b' and 2 more"
