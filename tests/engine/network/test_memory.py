"""Where memory is short, batches are halved and that is told; what cannot fit is refused before it is computed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets import activations, load
from cnnvis_widgets.errors import FeedError, FeedWarning, NotEnoughMemoryError


def network():
    keras.utils.set_random_seed(0)
    return load(keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, activation="relu", name="maps")]))


def images(count):
    return np.random.default_rng(0).random((count, 8, 8, 3), np.float32)


def short_of_memory(monkeypatch, loaded, most):
    """Let TensorFlow refuse batches of more than so many images, as it does when memory runs out."""
    run, sizes = loaded.runtime._function, []

    def limited(feeds, tensors):
        function = run(feeds, tensors)

        def called(*arrays):
            sizes.append(len(arrays[0]))
            if len(arrays[0]) > most:
                raise NotEnoughMemoryError("Expected room. Received: none.")
            return function(*arrays)

        return called

    monkeypatch.setattr(loaded.runtime, "_function", limited)
    return sizes


@pytest.mark.parametrize(("count", "most"), [(40, 3), (17, 1), (5, 4)])
def test_batches_are_halved_until_they_fit(monkeypatch, count, most):
    loaded = network()
    (wanted,) = activations(loaded, images(count), "maps")
    sizes = short_of_memory(monkeypatch, loaded, most)
    with pytest.warns(FeedWarning, match=r"Memory is too short for \d+ images at once"):
        (found,) = activations(loaded, images(count), "maps")
    np.testing.assert_allclose(found.values, wanted.values, atol=1e-6)
    assert sum(size for size in sizes if size <= most) == count


def test_one_image_that_does_not_fit_is_an_error(monkeypatch):
    loaded = network()
    activations(loaded, images(3), "maps")
    short_of_memory(monkeypatch, loaded, 0)
    with pytest.warns(FeedWarning, match="too short"), pytest.raises(NotEnoughMemoryError):
        activations(loaded, images(3), "maps")


def test_what_tensorflow_refuses_is_an_error_of_ours():
    graph = tf.Graph()
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3], "image")
        maps = tf.nn.relu(tf.nn.conv2d(image, np.ones((3, 3, 3, 2), np.float32), 1, "SAME"), name="maps")
        tf.nn.relu(maps + tf.constant(np.ones((8, 8, 2), np.float32)), name="shifted")
    loaded = load(graph)
    for _ in range(2):  # op by op, then compiled
        with pytest.raises(FeedError, match=r"TensorFlow says: .*(Incompatible shapes|required broadcastable shapes)"):
            activations(loaded, {"image:0": np.ones((1, 7, 7, 3), np.float32)}, "shifted")
