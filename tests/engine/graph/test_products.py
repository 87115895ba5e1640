"""Dense layers on maps and tokens: one layer, with its bias, and a place for each of its values."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import network_of, photo, v1, weights

from cnnvis_widgets import activations, grad_cam, load, occlusion, reconstruct
from cnnvis_widgets.errors import GradientError, LayerError

layers = keras.layers
KERNEL, BIAS = np.random.default_rng(1).standard_normal((3, 5)).astype("float32"), np.arange(5, dtype="float32")


def by_hand(image):
    return tf.reshape(tf.matmul(tf.reshape(image, [-1, 3]), KERNEL), [-1, 6, 7, 5]) + BIAS


SPELLINGS = {
    "tensordot": lambda image: tf.nn.bias_add(tf.tensordot(image, KERNEL, [[3], [0]]), BIAS),
    "einsum": lambda image: tf.einsum("nhwc,cd->nhwd", image, KERNEL) + BIAS,
    "a product of batches": lambda image: tf.matmul(image, KERNEL) + BIAS,
    "reshapes by hand": by_hand,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("images", [None, 2])
def test_a_dense_layer_on_maps_is_one_layer_with_its_maps(spelling, images):
    network = network_of(SPELLINGS[spelling], (6, 7, 3), images)
    dense = [layer for layer in network.layers if layer.kind == "dense"]
    assert [(layer.shape, layer.channels) for layer in dense] == [((images, 6, 7, 5), 5)]
    fed = np.random.default_rng(2).standard_normal((2, 6, 7, 3)).astype("float32")
    (maps,) = activations(network, fed, dense[0])
    assert maps.values.shape == (2, 6, 7, 5)
    np.testing.assert_allclose(maps.values, fed @ KERNEL + BIAS, atol=1e-5)
    if images is None:
        picture = reconstruct(network, fed[:1], dense[0], channels=[2], seed=(3, 4), rule="gradient").images[0, 0]
        expected = np.zeros((6, 7, 3), "float32")
        expected[3, 4] = KERNEL[:, 2] * maps.values[0, 3, 4, 2]
        np.testing.assert_allclose(picture, expected, atol=1e-5)


def test_a_dense_layer_on_maps_of_any_size():
    model = keras.Sequential([keras.Input((None, None, 3)), layers.Dense(5, name="dense")])
    network = load(model, photo(9))
    assert network.layer("dense").shape[-1] == 5
    values = activations(network, None, "dense")[0].values
    assert values.shape == (1, 9, 9, 5)
    np.testing.assert_allclose(values, model(photo(9)).numpy(), atol=1e-6)


def test_rows_of_pixels_are_no_layers():
    network = network_of(by_hand, (6, 7, 3))
    assert network.runtime.structure.apart >= {"Reshape:0", "MatMul:0"}
    assert [layer.tensor for layer in network.layers] == ["add:0"]
    with pytest.raises(LayerError, match=r"layer='MatMul', the rows of which are other than images"):
        activations(network, None, "MatMul")


def test_a_flattened_map_keeps_its_images():
    network = network_of(lambda image: tf.matmul(tf.reshape(image, [-1, 126]), weights(126, 4)), (6, 7, 3))
    assert [(layer.kind, layer.shape) for layer in network.layers] == [("dense", (None, 4))]
    assert network.runtime.structure.apart == frozenset()


def test_a_product_of_two_maps_is_no_dense_layer():
    network = network_of(lambda image: tf.nn.relu(tf.matmul(image, image, transpose_b=True)), (6, 7, 3))
    assert [layer.kind for layer in network.layers] == ["relu"]


def test_a_convnext_block_is_explained_by_its_maps():
    keras.utils.set_random_seed(0)
    image = keras.Input((12, 12, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", name="stem")(image)
    y = layers.LayerNormalization(name="normal")(layers.DepthwiseConv2D(7, padding="same", name="depthwise")(x))
    x = x + layers.Dense(8, name="narrow")(layers.Dense(16, activation="gelu", name="wide")(y))
    model = keras.Model(image, layers.Dense(3, name="scores")(layers.GlobalAveragePooling2D(name="mean")(x)))
    network = load(model, photo(12))
    found = {layer.keras_name: (layer.kind, layer.shape) for layer in network.layers}
    assert found["normal"] == ("layer_normalization", (None, 12, 12, 8))
    assert found["narrow"] == ("dense", (None, 12, 12, 8))
    assert network.layer("wide").kind == "gelu"
    assert [layer.keras_name for layer in network.select("p")] == ["mean"]
    maps = keras.Model(image, model.get_layer("narrow").output)(photo(12))
    result = grad_cam(network, None, 1, layer="narrow")
    assert result.images.shape == (1, 1, 12, 12)
    weight = model.get_layer("scores").kernel.numpy()[:, 1] / 144  # of the mean over places
    np.testing.assert_allclose(result.images[0, 0], np.maximum((maps[0].numpy() * weight).sum(-1), 0), atol=1e-6)


def test_each_call_of_a_layer_has_a_name():
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 4), name="image")
    dense, other = layers.Dense(4, activation="relu", name="dense"), layers.Dense(4, activation="relu", name="dense_2")
    model = keras.Model(image, other(dense(dense(image))))
    network, fed = load(model, photo(8, 4)), photo(8, 4)
    once = dense(fed)
    for name, expected in {"dense": once, "dense.2": dense(once), "dense_2": other(dense(once))}.items():
        assert network.layer(name).keras_name == name
        np.testing.assert_allclose(activations(network, None, name)[0].values, expected.numpy(), atol=1e-6)


def test_each_call_of_a_model_has_a_name():
    part = keras.Input((8, 8, 3))
    tower = keras.Model(part, layers.Conv2D(4, 3, activation="relu", name="inner")(part), name="tower")
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    both = layers.Concatenate()([layers.GlobalAveragePooling2D()(tower(each)) for each in (left, right)])
    model = keras.Model([left, right], layers.Dense(2, name="scores")(both))
    network = load(model, {"left": photo(8), "right": photo(8, seed=1)})
    assert network.layer("inner").name == network.layer("tower/inner").name == "tower/inner/Relu"
    assert network.layer("tower.2/inner").name == "tower.2/inner/Relu"
    np.testing.assert_allclose(activations(network, None, "inner")[0].values, tower(photo(8)).numpy(), atol=1e-6)
    second = activations(network, None, "tower.2/inner")[0].values
    np.testing.assert_allclose(second, tower(photo(8, seed=1)).numpy(), atol=1e-6)
    assert grad_cam(network, None, 1).maps.name == "tower/inner/Relu"
    assert occlusion(network, None, 1, size=4, stride=4).maps.name == "tower/inner/Relu"
    for method in (grad_cam, occlusion):
        with pytest.raises(LayerError, match=r"depends on the image 'left'\. Received: 'tower\.2/inner/Relu'"):
            method(network, None, 1, layer="tower.2/inner")
    with pytest.raises(GradientError):
        reconstruct(network, None, "tower.2/inner")
    other = load(network, image_input="right")
    assert grad_cam(other, None, 1).maps.name == "tower.2/inner/Relu"


def test_a_layer_of_a_private_class_loads():
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, name="_private", activation="relu")])
    network = load(model, photo(8))
    np.testing.assert_allclose(activations(network, None, "_private")[0].values, model(photo(8)).numpy(), atol=1e-6)


def test_what_trains_a_graph_is_no_output():
    graph = tf.Graph()
    with graph.as_default():
        image, labels = v1.placeholder(tf.float32, [None, 4], "image"), v1.placeholder(tf.int64, [None], "labels")
        weight = v1.get_variable("weight", initializer=np.ones((4, 3), "float32"))
        scores = tf.matmul(image, weight, name="scores")
        probabilities = tf.nn.softmax(scores, name="probabilities")
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores), name="loss")
        v1.train.AdamOptimizer().minimize(loss)
        tf.gradients(loss, [weight], name="slopes")
        v1.metrics.accuracy(labels, tf.argmax(scores, 1), name="accuracy")
        v1.summary.histogram("probabilities", probabilities)
        v1.summary.merge_all()
    with pytest.warns(UserWarning, match="constant"):
        network = load(graph)
    assert {info.name for info in network.outputs} == {"probabilities", "loss"}
    assert [head.name for head in network.heads] == ["probabilities"]
