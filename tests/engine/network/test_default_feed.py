"""What a network is fed if nobody says so."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from cnnvis_widgets import activations, demo, dream, load, occlusion, predict, reconstruct
from cnnvis_widgets.engine.network.default_feed import default_feed, range_from_graph
from cnnvis_widgets.errors import FeedError, FeedWarning

layers = keras.layers


def net(shape, *first, **kind):
    maps = layers.Conv2D(4, 3, activation="relu", name="maps", **kind)
    rest = maps, layers.GlobalAveragePooling2D(), layers.Dense(3, activation="softmax")
    return keras.Sequential([keras.Input(shape, name="image"), *first, *rest])


def cat(height, width):
    """The packaged photograph, its centre cut out and resized."""
    pixels = Image.fromarray(demo.photos()["chelsea"])
    side = min(pixels.width, round(pixels.height * width / height))
    rows = min(pixels.height, round(pixels.width * height / width))
    left, top = (pixels.width - side) // 2, (pixels.height - rows) // 2
    cut = pixels.crop((left, top, left + side, top + rows))
    return np.asarray(cut.resize((width, height), Image.Resampling.BICUBIC))


def images(network):
    with pytest.warns(FeedWarning, match="No feed was given, so"):
        return network.images()


@pytest.mark.parametrize(("first", "most"), [
    ((), None),
    ((layers.Rescaling(1 / 255),), 255),
    ((layers.Rescaling(1 / 127.5, -1),), 255),
    ((layers.Rescaling(2.0, -1),), 1),
    ((layers.Normalization(mean=[0.48, 0.45, 0.41], variance=[0.05, 0.05, 0.05]),), 1),
    ((layers.Normalization(mean=[123.0, 116.0, 103.0], variance=[3400.0, 3300.0, 3400.0]),), 255),
    ((layers.Rescaling(1.0, -120),), 255),
    ((layers.Rescaling(1000.0),), None),
])  # fmt: skip
def test_the_first_layers_tell_the_range(first, most):
    network = load(net((20, 30, 3), *first))
    found = range_from_graph(network.runtime)
    assert (None if most is None else (0, most)) == (None if found is None else tuple(map(float, found)))
    wanted = cat(20, 30) * np.float32((most or 255) / 255)
    np.testing.assert_allclose(images(network), wanted[None], atol=1e-5)
    assert tuple(map(float, network.value_range())) == (0, most or 255)


def test_photographs_fit_every_input_of_pictures():
    grey = np.asarray(Image.fromarray(cat(28, 28)).convert("L"))
    np.testing.assert_array_equal(images(load(net((28, 28, 1)))), grey[None, ..., None])
    np.testing.assert_array_equal(images(load(net((28, 28, 4)))), np.repeat(grey[None, ..., None], 4, -1))
    np.testing.assert_array_equal(images(load(net((3, 20, 30), data_format="channels_first"))), cat(20, 30)[None])
    np.testing.assert_array_equal(images(load(net((None, None, 3)))), cat(224, 224)[None])
    half = load(net((8, 8, 3)), preprocess=lambda picture: picture[:8, :8] / 510)
    assert images(half).max() <= 0.5


@pytest.mark.parametrize(
    ("shape", "size"), [((48,), (48,)), ((None, 2), (64, 2)), ((6, 7, 8, 1), (6, 7, 8, 1)), ((1, 1, 64), (1, 1, 64))]
)
def test_other_inputs_get_a_random_signal(shape, size):
    network = load(keras.Sequential([keras.Input(shape), layers.Dense(3, activation="relu", name="maps")]))
    wanted = np.random.default_rng(0).standard_normal((1, *size)).astype(np.float32)
    np.testing.assert_array_equal(images(network), wanted)
    assert network.value_range() == (wanted.min(), wanted.max())


def test_every_call_works_without_a_feed_and_says_so_once():
    network = load(net((20, 30, 3)))
    with pytest.warns(FeedWarning, match=r"'chelsea' is fed, cropped to 20 × 30, with values from 0 to 255") as caught:
        maps = activations(network, None, "maps")[0].values
    assert len(caught) == 1
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(maps, activations(network, cat(20, 30), "maps")[0].values)
    assert predict(network).scores.shape == (1, 3)  # warnings are errors: it was said once
    assert reconstruct(network, None, "maps", channels=[1]).images.shape == (1, 1, 20, 30, 3)
    assert occlusion(network, None, 0).scores.shape[:2] == (1, 1)
    next(iter(dream(load(net((20, 30, 3))), None, "maps", 1, steps=1)))  # from noise, which needs no images


def test_other_inputs_are_filled_and_named():
    graph = tf.Graph()
    with graph.as_default():
        placeholder = tf.compat.v1.placeholder
        image = placeholder(tf.float32, [None, 8, 8, 3], name="image")
        keep, training = placeholder(tf.float32, [], name="keep"), placeholder(tf.bool, [], name="training")
        vector, label = placeholder(tf.float32, [None, 5], name="vector"), placeholder(tf.int64, [None], name="label")
        gain = tf.compat.v1.placeholder_with_default(2.0, [], name="gain")
        total = vector[0, 0] + tf.cast(label[0], tf.float32)
        tf.nn.relu(tf.where(training, image, image * keep * gain + 0 * total), name="relu")
    made = default_feed(load(graph).runtime, None, ("chelsea", "coffee"))
    assert {name: array.shape for name, array in made.feeds.items()} == {
        "image:0": (2, 8, 8, 3), "keep:0": (), "training:0": (), "vector:0": (2, 5), "label:0": (2,)
    }  # fmt: skip
    assert made.names == ("chelsea", "coffee")
    assert "filled with 1, 0 or random numbers: 'keep', 'training', 'vector', 'label'." in made.notice
    np.testing.assert_array_equal(activations(graph, made.feeds, "relu")[0].values, made.feeds["image:0"] * 2)


def test_a_model_without_a_graph_needs_a_feed():
    with pytest.raises(FeedError, match=r"no graph until it sees an input\. Received: feed=None"):
        load(tf.function(lambda x: x * 2))
