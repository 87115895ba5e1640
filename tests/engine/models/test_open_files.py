"""A second load of a file shares the weights of the first, while that is in use and the file is as it was."""

import os
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import export, frozen_graph, keras_cnn, photo

from cnnvis_widgets import activations, load
from cnnvis_widgets.engine.models.open_files import OPEN_FILES, stamp_of

v1 = tf.compat.v1


@pytest.fixture(autouse=True)
def nothing_registered():
    """Other tests register classes with Keras, in the whole process."""
    registered = keras.saving.get_custom_objects()
    before = dict(registered)
    registered.clear()
    yield
    registered.clear()
    registered.update(before)


def checkpoint(folder, scale: float = 1.0) -> str:
    """Save a network of TensorFlow 1, and return its prefix."""
    with tf.Graph().as_default(), v1.Session() as session:
        image = v1.placeholder(tf.float32, [None, 6, 6, 3], "image")
        kernel = v1.get_variable("kernel", initializer=np.full((3, 3, 3, 40), scale, np.float32))
        tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"), name="edges")
        session.run(v1.global_variables_initializer())
        saver = v1.train.Saver()
        return saver.save(session, str(folder / "model.ckpt"))


def saved_in(form: str, folder) -> str:
    """Save the network of the tests in a form, and return its path."""
    path = folder / {"keras": "a.keras", "hdf5": "a.h5", "graph": "a.pb", "folder": "a"}.get(form, "")
    if form == "checkpoint":
        return checkpoint(folder)
    if form == "graph":
        path.write_bytes(frozen_graph().as_graph_def().SerializeToString())
    elif form == "folder":
        export(keras_cnn(), path)
    else:
        keras_cnn(functional=False).save(path)
    return str(path)


def weights(network) -> list[int]:
    return [id(tensor) for tensor in network.runtime.frozen.weights.values()]


@pytest.mark.parametrize("form", ["keras", "hdf5", "graph", "folder", "checkpoint"])
def test_a_second_load_shares_weights_and_nothing_that_is_closed_with_the_other(form, tmp_path):
    path = saved_in(form, tmp_path)
    image = photo(6) if form == "checkpoint" else photo()
    first = load(path, image)
    expected = activations(first)[0].values
    second = load(path, image)
    assert weights(first) == weights(second) != []
    assert second.runtime is not first.runtime
    first.close()
    np.testing.assert_array_equal(activations(second)[0].values, expected)
    assert weights(load(path)) == weights(second), "without a feed, too"


def test_a_file_that_changed_is_read_again(tmp_path):
    path = checkpoint(tmp_path)
    first = load(path, np.ones((6, 6, 3), np.float32))
    checkpoint(tmp_path, scale=2.0)
    second = load(path, np.ones((6, 6, 3), np.float32))
    assert not set(weights(first)) & set(weights(second))
    np.testing.assert_allclose(activations(second)[0].values, 2 * activations(first)[0].values, rtol=1e-6)


def test_a_file_that_nobody_uses_any_more_is_forgotten(tmp_path):
    path = saved_in("graph", tmp_path)
    kept = load(path)
    weight = weakref.ref(next(iter(kept.runtime.frozen.weights.values())))
    other = load(path)
    kept.close()
    assert weight() is not None
    other.close()
    assert weight() is None
    assert OPEN_FILES.find(stamp_of(path), ()) is None


def test_what_is_fed_inside_counts(tmp_path):
    path = saved_in("graph", tmp_path)
    whole = load(path, photo())
    inside = load(path, image_input="conv1/Relu:0")
    assert inside.runtime.image_tensor == "conv1/Relu:0"
    assert not set(weights(whole)) & set(weights(inside)), "another part of the graph"
    named = load(path, {"image:0": photo()})
    assert weights(named) == weights(whole)


class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def test_files_that_name_python_code_are_read_again(tmp_path):
    keras.Sequential([keras.Input((4, 4, 3)), keras.layers.ReLU(), Doubled()]).save(tmp_path / "own.keras")
    keras.Sequential([keras.Input((4, 4, 3)), keras.layers.ReLU()]).save(tmp_path / "plain.keras")
    keras.Sequential([keras.Input((4,)), keras.layers.Lambda(lambda x: x)]).save(tmp_path / "code.keras")
    stamps = [stamp_of(tmp_path / f"{name}.keras") for name in ("own", "plain", "code")]
    assert [stamp is None for stamp in stamps] == [True, False, True]
    keras.saving.get_custom_objects()["Doubled"] = Doubled
    assert stamp_of(tmp_path / "plain.keras") is None, "a function of that name could be anything"


def test_the_state_of_what_is_no_file(tmp_path):
    assert stamp_of(keras_cnn()) is stamp_of(None) is stamp_of(tmp_path / "nothing") is stamp_of("\0") is None
    (tmp_path / "folder").mkdir()
    assert stamp_of(tmp_path / "folder") is None


def test_the_state_is_that_of_all_files_of_a_model(tmp_path):
    prefix = checkpoint(tmp_path)
    before = stamp_of(prefix)
    assert stamp_of(prefix, trusted=True) != before
    assert {os.path.basename(name) for name, *_ in before} == {
        "trusted",
        "model.ckpt.meta",
        "model.ckpt.index",
        "model.ckpt.data-00000-of-00001",
    }
    os.utime(prefix + ".data-00000-of-00001", (1, 1))
    assert stamp_of(prefix) != before
    assert stamp_of(prefix + ".meta") == stamp_of(prefix)
