"""The way back that is written down as nodes: the same numbers as those of ``tf.gradients``, to the bit."""

import numpy as np
import pytest
import tensorflow as tf
from networks import v1

from cnnvis_widgets import load
from cnnvis_widgets.engine.backward import rules
from cnnvis_widgets.engine.runtime.subgraphs import gradient_of

RANDOM = np.random.default_rng(0)


def kernel(*shape):
    return tf.constant(RANDOM.normal(size=shape).astype(np.float32))


def rectified(x):
    return tf.nn.relu6(3 * tf.nn.relu(tf.nn.conv2d(x, kernel(3, 3, 3, 4), 2, "SAME")), name="end")


def depthwise(x):
    return tf.nn.depthwise_conv2d(x, kernel(3, 3, 3, 2), [1, 1, 1, 1], "VALID", name="end")


def sums(x):
    y = tf.nn.bias_add(x, kernel(3)) + kernel(3)
    return tf.identity(kernel(1, 3) - (y - kernel(1, 1, 3)), name="end")


def products(x):
    return tf.identity(kernel(3) * x / kernel(1, 1, 1, 3), name="end")


def residual(x):
    y = tf.nn.conv2d(x, kernel(1, 1, 3, 3), 1, "SAME")
    return tf.subtract(tf.nn.relu(y) + y, x, name="end")


def gated(x):
    """Two inputs that depend on the image, one spread over the other."""
    gate = tf.nn.avg_pool2d(x, 8, 8, "VALID")
    return tf.multiply(x * gate, tf.nn.relu(x) + gate, name="end")


def spread_weight(x):
    """What enters is spread over a weight."""
    return tf.multiply(tf.nn.avg_pool2d(x, 8, 8, "VALID"), kernel(1, 4, 4, 3), name="end")


def pooled(x):
    padded = tf.pad(x, [[0, 0], [1, 2], [0, 1], [0, 0]])
    parts = [tf.nn.max_pool2d(padded, 3, 2, "SAME"), tf.nn.avg_pool2d(padded, 2, 2, "VALID")]
    parts[1] = tf.pad(parts[1], [[0, 0], [0, 1], [0, 1], [0, 0]])
    return tf.concat([parts[0], parts[1], parts[0]], -1, name="end")


def branching(x):
    """Five signals meet at one tensor, after ways of different lengths: their sum depends on the order."""
    y = tf.nn.relu(x)
    ways = [tf.nn.relu(tf.nn.conv2d(y, kernel(3, 3, 3, 3), 1, "SAME")) * kernel(3), y, kernel(3) * y]
    return tf.concat([*ways, tf.nn.relu(tf.nn.max_pool2d(y, 3, 1, "SAME") + y)], -1, name="end")


def passing(x):
    """Nothing is done to the signal."""
    return tf.nn.bias_add(x, kernel(3), name="end")


def half_known(x):
    """An op in the middle that is left to ``tf.gradients``, and one beside it."""
    y = tf.nn.relu(tf.nn.conv2d(x, kernel(3, 3, 3, 4), 1, "SAME"))
    return tf.add(tf.nn.relu(tf.tanh(y) * kernel(4)), y, name="end")


def reshaped(x):
    """An op that takes the shape alone of a known one, and sends nothing back to it."""
    y = tf.nn.relu(x)
    return tf.identity(tf.reshape(y, tf.stack([tf.shape(y)[0], 64, 3])), name="end")


KNOWN = (rectified, depthwise, sums, products, residual, gated, spread_weight, pooled, branching)


@pytest.fixture(autouse=True)
def literally():
    """The optimiser turns sums of more than two, in an order that depends on their names."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False} | before)


def network_of(build, size=(None, None, None, 3)):
    graph = tf.Graph()
    with graph.as_default():
        build(v1.placeholder(tf.float32, size, name="image"))
    return load(graph.as_graph_def(), image_input="image:0")


def squares(tensors, shown):
    return sum(tf.reduce_sum(tf.square(each)) for each in tensors)


def gradients(network, asked=("end",), score=squares, rule="gradient", image=None):
    """By ``tf.gradients`` and by the nodes; what was left of the way to TensorFlow, and the kinds of the nodes."""
    tensors = [network.layer(name).tensor for name in asked]
    ends, kinds = [], []

    def plain(image):
        inputs, shown = {network.runtime.image_tensor: 2 * image}, image - 1
        return tf.gradients(score(network.runtime.build(inputs, tensors, rule), shown), image)[0]

    def quick(image):
        inputs, shown = {network.runtime.image_tensor: 2 * image}, image - 1
        subgraph = network.runtime.build_with_gradient(inputs, tensors, rule)
        found = gradient_of(score(subgraph.tensors, shown), image, shown, [subgraph])
        ends.extend(each.op.name.removeprefix("network/") for each in subgraph.ends)
        kinds.extend(op.type for op in image.graph.get_operations() if op.name.startswith("back/"))
        return found

    image = RANDOM.uniform(0, 1, (2, 8, 8, 3)).astype(np.float32) if image is None else image
    signature = [tf.TensorSpec([2, None, None, 3], tf.float32)]
    found = [network.runtime.compiled(each.__name__, each, signature)(image) for each in (plain, quick)]
    return found, ends, kinds


def equal(found, expected):
    """Equal but for the order of sums, in which kernels of some processors differ."""
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("build", KNOWN)
def test_the_nodes_send_back_what_tensorflow_does(build):
    found, ends, kinds = gradients(network_of(build))
    assert np.ptp(found[0]) > 0
    equal(*found)
    assert ends == ["end"]  # nothing is left to TensorFlow
    assert kinds


def test_a_signal_may_pass_unchanged():
    found, ends, kinds = gradients(network_of(passing))
    equal(*found)
    assert ends == ["end"]
    assert not kinds


def test_what_is_not_known_is_left_to_tensorflow():
    found, ends, _ = gradients(network_of(half_known))
    equal(*found)
    assert ends == ["Relu"]


def test_an_op_that_sends_nothing_back_is_passed_over():
    found, _, _ = gradients(network_of(reshaped))
    equal(*found)


def test_where_sizes_are_known_to_be_equal_nothing_is_summed():
    assert "Sum" in gradients(network_of(residual))[2]
    found, _, kinds = gradients(network_of(residual, (2, 8, 8, 3)))
    equal(*found)
    assert "Sum" not in kinds


def test_several_tensors_and_the_picture_itself_may_be_looked_at():
    def score(tensors, shown):
        return squares(tensors, shown) + tf.reduce_sum(tf.abs(shown))

    found, ends, _ = gradients(network_of(rectified), ["Relu", "end"], score)
    equal(*found)
    assert ends == ["Relu", "end"]
    found, _, _ = gradients(network_of(rectified), ["end"], lambda tensors, shown: tf.reduce_sum(shown**3))
    equal(*found)


def test_a_redirected_gradient_is_left_to_tensorflow():
    def dead(x):
        return tf.nn.relu(tf.nn.relu(x) - 100, name="end")

    def score(tensors, shown):
        return tf.reduce_sum(tensors[0])

    found, ends, _ = gradients(network_of(dead), score=score, rule=rules.REDIRECTED)
    equal(*found)
    assert ends == []
    assert found[1].all()
    assert not gradients(network_of(dead), score=score)[0][1].any()


@pytest.mark.parametrize("options", [{"dilations": 2}, {"groups": 3}])
def test_convolutions_without_a_gradient_everywhere_are_left_to_the_portable_one(options):
    def build(x):
        weight = kernel(3, 3, 3 // options.get("groups", 1), 3)
        return tf.identity(tf.nn.conv2d(x, weight, 1, "SAME", dilations=options.get("dilations")), name="end")

    found, ends, kinds = gradients(network_of(build))
    equal(*found)
    assert not ends
    assert not kinds
