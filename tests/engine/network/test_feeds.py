"""Feeds in every spelling, found and checked before anything runs."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import frozen_graph, keras_cnn, photo, v1, variable_graph
from PIL import Image

from cnnvis_widgets import activations, load, reconstruct
from cnnvis_widgets.errors import FeedError, GradientError


@pytest.fixture(scope="module")
def graph():
    return frozen_graph()


@pytest.fixture(scope="module")
def first_maps(graph):
    return activations(graph, photo(), "conv1/Relu")[0].values


def maps_of(model, feed, layer="conv1/Relu", **options):
    return activations(load(model, feed, **options), None, layer)[0].values


def test_every_kind_of_key(graph, first_maps):
    tensor = graph.get_tensor_by_name("image:0")
    for key in (tensor, tensor.op, "image", "image:0"):
        np.testing.assert_array_equal(maps_of(graph, {key: photo()}), first_maps)
    for feed in (photo(), photo()[0], [photo()[0]], [photo()], photo().tolist(), photo().astype("float64")):
        np.testing.assert_array_equal(maps_of(graph, feed), first_maps)


def test_keras_tensors_as_keys():
    model = keras_cnn()
    wanted = maps_of(model, photo(), "fused")
    for key in (model.input, model.inputs[0], "image"):
        np.testing.assert_array_equal(maps_of(model, {key: photo()}, "fused"), wanted)


def test_every_order_of_the_feed_gives_the_same():
    values = {"image:0": photo(images=2), "keep_prob": 1.0, "labels": np.zeros((2, 4)), "conv1/Relu": None}
    del values["conv1/Relu"]
    with pytest.warns(UserWarning, match="constant"):
        network = load(variable_graph(keep=True))
    results = []
    for order in itertools.permutations(values):
        feed = {key: values[key] for key in order}
        maps = activations(network, feed, ["conv2/Relu", "probabilities"])
        results.append([*(each.values for each in maps), reconstruct(network, feed, "conv2/Relu").images])
    for result in results[1:]:
        for found, wanted in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_a_list_in_the_order_of_the_placeholders():
    with pytest.warns(UserWarning, match="constant"):
        network = load(variable_graph(keep=True))
    listed = activations(network, [np.zeros((1, 4)), photo(), 1.0], "conv1/Relu")[0].values
    np.testing.assert_array_equal(listed, activations(network, {"image": photo()}, "conv1/Relu")[0].values)


def test_missing_placeholders_are_named_before_anything_runs():
    with pytest.warns(UserWarning, match="constant"):
        network = load(variable_graph(keep=True), {"image": photo()})
    assert activations(network, None, "conv2/Relu")[0].values.shape == (1, 10, 10, 8)  # needs no keep_prob
    with pytest.raises(FeedError, match=r"none for 'keep_prob' \(float32 \)\. Add it to the feed"):
        activations(network, None, "fc/logits")
    with pytest.raises(FeedError, match="keep_prob"):
        reconstruct(network, None, "fc/logits")


def test_labels_first_do_not_become_the_image():
    graph = tf.Graph()
    with graph.as_default():
        labels = v1.placeholder(tf.float32, [None, 8, 8, 3], name="labels")
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        tf.reduce_mean(tf.nn.relu(image, name="relu") - labels)
    assert load(graph).image_input.name == "image"


def test_wrong_feeds(graph):
    with pytest.raises(FeedError, match=r"Received: 'imgae'\. Nearest names: 'image'"):
        load(graph).feeds({"imgae": photo()})
    with pytest.raises(FeedError, match=r"Received: 3 of type int"):
        load(graph).feeds({3: photo()})
    with pytest.raises(FeedError, match=r"shape \(any, 20, 20, 3\) for input 'image'\. Received: shape \(1, 9, 9, 3\)"):
        load(graph).feeds(photo(9))
    with pytest.raises(FeedError, match="Received: an empty list"):
        load(graph).feeds([])
    with pytest.raises(FeedError, match="Expected the path of an image"):
        load(graph).feeds("no/such/file.png")
    with pytest.raises(FeedError, match="Expected the images under 'image'"):
        load(graph).feeds({"conv1/Relu": np.zeros((1, 20, 20, 6))})
    with pytest.raises(FeedError, match="Expected numbers"):
        load(graph).feeds({"image": {"a": 1}})


def test_pictures_paths_and_preprocessing(graph, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype(np.uint8)
    picture = Image.fromarray(pixels)
    picture.save(tmp_path / "picture.png")
    network = load(graph)
    resized = np.asarray(picture.resize((20, 20), Image.Resampling.BICUBIC))[None]
    for feed in (pixels, picture, tmp_path / "picture.png", str(tmp_path / "picture.png"), [picture], [pixels]):
        np.testing.assert_array_equal(network.images(feed), resized)
    assert network.images([picture, tmp_path / "picture.png"]).shape == (2, 20, 20, 3)

    def preprocess(image):
        return image[:20, :20] / 127.5 - 1

    prepared = load(graph, picture, preprocess=preprocess)
    np.testing.assert_allclose(prepared.images(), preprocess(pixels)[None], atol=1e-6)
    low, high = prepared.value_range()
    np.testing.assert_allclose([low, high], [[-1] * 3, [1] * 3], atol=1e-6)
    np.testing.assert_array_equal(prepared.images({"image": photo()}), photo())  # values in a dict go in as they are


def test_grey_pictures_for_colour_networks_and_back(graph, tmp_path):
    grey = Image.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20))
    assert load(graph).images(grey).shape == (1, 20, 20, 3)
    single = keras.Sequential([keras.Input((20, 20, 1)), keras.layers.Conv2D(2, 3, activation="relu")])
    assert load(single).images(Image.new("RGBA", (20, 20), (255, 0, 0, 255))).shape == (1, 20, 20, 1)
    assert load(single).images(np.zeros((20, 20), np.float32)).shape == (1, 20, 20, 1)
    grey.save(tmp_path / "grey.png")
    expected = np.arange(400, dtype=np.uint8).astype(np.float32).reshape(1, 20, 20, 1)
    for path in (tmp_path / "grey.png", str(tmp_path / "grey.png")):
        np.testing.assert_array_equal(load(single).images([path, path]), np.concatenate([expected, expected]))


def test_ranges_without_preprocessing(graph):
    for scale, offset, wanted in ((1, 0, (0, 1)), (2, -1, (-1, 1)), (255, 0, (0, 255)), (300, -20, None)):
        low, high = load(graph).value_range(photo() * scale + offset)
        images = photo() * scale + offset
        assert (low, high) == (wanted or (images.min(), images.max()))
    assert load(graph).value_range() == (0, 255)


def test_flat_inputs_are_seen_through_the_networks_own_reshape():
    graph = tf.Graph()
    with graph.as_default():
        flat = v1.placeholder(tf.float32, [None, 784], name="x")
        image = tf.reshape(flat, [-1, 28, 28, 1])
        tf.nn.relu(tf.nn.conv2d(image, tf.ones([3, 3, 1, 2]), 1, "SAME"), name="relu")
    vectors = np.random.default_rng(0).random((2, 784)).astype("float32")
    network = load(graph, vectors)
    assert network.images().shape == (2, 28, 28, 1)
    assert reconstruct(network, None, "relu").images.shape == (2, 2, 28, 28, 1)
    np.testing.assert_array_equal(network.images(vectors.reshape(2, 28, 28, 1)), network.images())
    np.testing.assert_array_equal(network.images({"x": vectors}), network.images())


def test_images_without_a_channel_axis():
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((28, 28)), layers.Reshape((28, 28, 1)), layers.Conv2D(2, 3, activation="relu", name="c")]
    )
    network = load(model, np.random.default_rng(0).random((3, 28, 28)).astype("float32"))
    assert network.images().shape == (3, 28, 28, 1)
    assert reconstruct(network, None, "c").images.shape == (3, 2, 28, 28, 1)


def test_many_images_equal_one_after_the_other(graph):
    images = photo(images=19)
    together = activations(graph, images, "conv2/Relu")[0].values
    one_by_one = [activations(graph, image, "conv2/Relu")[0].values for image in images]
    assert together.shape == (19, 10, 10, 8)
    np.testing.assert_allclose(together, np.concatenate(one_by_one), atol=1e-5)
    together = reconstruct(graph, images[:3], "conv2/Relu", channels=[1, 5]).images
    one_by_one = [reconstruct(graph, image, "conv2/Relu", channels=[1, 5]).images for image in images[:3]]
    np.testing.assert_allclose(together, np.concatenate(one_by_one), atol=1e-5)


@pytest.mark.parametrize("fixed", [1, 2, 5])
def test_fixed_batches_are_filled_up_and_cut(graph, first_maps, fixed):
    small = tf.Graph()
    with small.as_default():
        image = v1.placeholder(tf.float32, [fixed, 20, 20, 3], name="image")
        tf.graph_util.import_graph_def(graph.as_graph_def(), {"image:0": image}, name="net")
    images = photo(images=3)
    found = activations(small, images, "net/conv2/Relu")[0].values
    np.testing.assert_allclose(found, activations(graph, images, "conv2/Relu")[0].values, atol=1e-5)
    found = reconstruct(small, images, "net/conv2/Relu").images
    np.testing.assert_allclose(found, reconstruct(graph, images, "conv2/Relu").images, atol=1e-5)
    network = load(small, images)
    (last,) = network.runtime.batches.rows_of(network.feeds(), np.array([2])).values()
    np.testing.assert_array_equal(last, images[2:])


def test_scalars_and_flags():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        training = v1.placeholder(tf.bool, [], name="is_training")
        tf.nn.relu(tf.where(training, image * 100, image), name="relu")
    values = maps_of(graph, {"is_training": False, "image": photo(8)}, "relu")
    np.testing.assert_array_equal(values, photo(8))
    assert reconstruct(graph, {"is_training": np.False_, "image": photo(8)}, "relu").images.shape == (1, 3, 8, 8, 3)


def test_defaults_of_placeholders_are_used():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        tf.nn.relu(image * v1.placeholder_with_default(2.0, [], name="gain"), name="relu")
    np.testing.assert_array_equal(maps_of(graph, photo(8), "relu"), photo(8) * 2)
    np.testing.assert_array_equal(maps_of(graph, {"image": photo(8), "gain": 3.0}, "relu"), photo(8) * 3)


def integer_graph():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.uint8, [None, 8, 8, 3], name="image_tensor")
        tf.nn.relu(tf.cast(image, tf.float32, name="to_float") - 100, name="relu")
    return graph


def test_integer_inputs_that_are_cast_pass_the_gradient():
    pixels = np.arange(192, dtype=np.uint8).reshape(1, 8, 8, 3)
    network = load(integer_graph(), pixels)
    assert activations(network, None, "relu")[0].values.max() == 91
    wanted = reconstruct(network, None, "relu").images
    behind = load(integer_graph(), {"to_float:0": pixels.astype("float32")}, image_input="to_float:0")
    np.testing.assert_array_equal(reconstruct(behind, None, "relu").images, wanted)
    with pytest.raises(FeedError, match=r"Expected uint8 values .* Received: float32 values from 0\.5 to 0\.5"):
        network.feeds({"image_tensor": np.full((1, 8, 8, 3), 0.5)})


def test_blocking_ops_are_named():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        chosen = tf.one_hot(tf.argmax(image, -1, name="choice"), 3, name="back")
        tf.nn.relu(chosen, name="relu")
    with pytest.raises(GradientError, match=r"(back|choice)' \((OneHot|ArgMax)\), which passes no gradient"):
        reconstruct(graph, photo(8), "relu")


def test_an_input_without_a_path_to_the_layer():
    graph = tf.Graph()
    with graph.as_default():
        v1.placeholder(tf.float32, [None, 8, 8, 3], name="fresh")
        inner = v1.placeholder(tf.float32, [None, 8, 8, 3], name="inner")
        tf.nn.relu(inner, name="relu")
    assert load(graph).image_input.name == "inner"
    with pytest.raises(GradientError, match="does not"):
        reconstruct(load(graph, {"fresh": photo(8), "inner": photo(8)}, image_input="fresh"), None, "relu")


def test_the_layer_may_be_the_input():
    values = reconstruct(frozen_graph(), photo(), "image", rule="gradient", seed=(3, 4)).images
    wanted = np.zeros((1, 3, 20, 20, 3), np.float32)
    for channel in range(3):
        wanted[0, channel, 3, 4, channel] = photo()[0, 3, 4, channel]
    np.testing.assert_array_equal(values, wanted)


def test_two_inputs():
    left, right = keras.Input((8, 8, 3), name="left"), keras.Input((8, 8, 3), name="right")
    both = keras.layers.ReLU(name="both")(keras.layers.Add()([left, right]))
    model = keras.Model([left, right], both)
    feed = {"right": photo(8, seed=1, images=2), "left": photo(8, images=2)}
    wanted = feed["left"] + feed["right"]
    np.testing.assert_allclose(activations(model, feed, "both")[0].values, wanted, atol=1e-6)
    np.testing.assert_allclose(activations(model, [feed["left"], feed["right"]], "both")[0].values, wanted, atol=1e-6)
    assert reconstruct(model, feed, "both").images.shape == (2, 3, 8, 8, 3)
    with pytest.raises(FeedError, match="none for 'right'"):
        activations(model, {"left": photo(8)}, "both")


def test_class_names_as_list_and_dict(graph):
    assert load(graph, class_names=["a", "b", "c", "d"]).class_names == ("a", "b", "c", "d")
    assert load(graph, class_names={2: "c", 0: "a"}).class_names == ("a", "class 1", "c", "class 3")


def test_a_network_passes_through_and_takes_other_settings(graph):
    network = load(graph)
    assert load(network) is network
    other = load(network, photo(), class_names=list("wxyz"))
    assert other is not network
    assert network.feed is None
    assert other.class_names == ("w", "x", "y", "z")


@pytest.mark.parametrize("modern", [True, False])
def test_conditionals_follow_the_fed_flag(modern):
    graph = tf.Graph()
    with graph.as_default():
        (v1.enable_control_flow_v2 if modern else v1.disable_control_flow_v2)()
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        training = v1.placeholder(tf.bool, [], name="training")
        tf.nn.relu(v1.cond(training, lambda: image - 0.9, lambda: image * 2, name="norm"), name="relu")
        v1.enable_control_flow_v2()
    for flag, wanted in ((False, photo(8) * 2), (True, np.maximum(photo(8) - 0.9, 0))):
        network = load(graph, {"image": photo(8), "training": flag})
        np.testing.assert_allclose(activations(network, None, "relu")[0].values, wanted, atol=1e-6)
        back = reconstruct(network, None, "relu", rule="gradient", seed="ones").images[0].sum(axis=0)
        np.testing.assert_allclose(back, np.where(wanted[0] > 0, 1 if flag else 2, 0), atol=1e-6)


def test_loops_pass_signals():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        _, halved = tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, x * 0.5), [0, image], name="loop")
        tf.nn.relu(halved, name="relu")
    network = load(graph, photo(8))
    np.testing.assert_allclose(activations(network, None, "relu")[0].values, photo(8) / 8, atol=1e-6)
    back = reconstruct(network, None, "relu", rule="gradient", seed="ones").images[0].sum(axis=0)
    np.testing.assert_allclose(back, np.full((8, 8, 3), 0.125), atol=1e-6)
