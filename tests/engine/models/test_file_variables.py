"""Models from files are built without their initial values, and leave nothing of them behind."""

import gc
import json
import subprocess
import sys
import warnings
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import export, keras_cnn, photo

from cnnvis_widgets import activations, load
from cnnvis_widgets.engine.graph.freezing import Draft
from cnnvis_widgets.engine.models import file_variables, keras_archives, keras_files, saved_models

computed: list[tuple[int, ...]] = []
"""The shapes of initial values that were computed, not only traced."""


@keras.saving.register_keras_serializable("tests")
class Sevens(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        if tf.executing_eagerly():
            computed.append(tuple(shape))
        return tf.fill(shape, tf.constant(7, dtype or "float32"))


@keras.saving.register_keras_serializable("tests")
class WithTable(keras.layers.Layer):
    """Adds a table that it does not store, as it can be computed."""

    def build(self, shape):
        self.scale = self.add_weight(shape=(256, 128), initializer=Sevens(), name="scale")
        self.table = self.add_weight(shape=(256, 128), initializer=Sevens(), trainable=False, name="table")
        self.built = True

    def call(self, x):
        return x * self.scale + self.table

    def save_own_variables(self, store):
        store["scale"] = self.scale.numpy()

    def load_own_variables(self, store):
        self.scale.assign(store["scale"])


def dense(initializer):
    model = keras.Sequential(
        [keras.Input((64,)), keras.layers.Dense(512, kernel_initializer=initializer, activation="relu", name="wide")]
    )
    model.layers[0].kernel.assign(np.random.default_rng(0).normal(size=(64, 512)))
    return model


def saved(model, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that .h5 is an old format
        model.save(path)
    return path


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_initial_values_of_large_variables_are_not_computed(tmp_path, name):
    model, rows = dense(Sevens()), np.random.default_rng(1).normal(size=(3, 64)).astype(np.float32)
    path = saved(model, tmp_path / name)
    computed.clear()
    values = activations(load(path, rows), None, "wide")[0].values
    assert computed == []
    np.testing.assert_allclose(values, model(rows), atol=1e-5)


def test_what_a_file_does_not_fill_gets_its_initial_value(tmp_path):
    model = keras.Sequential([keras.Input((256, 128)), WithTable(name="table"), keras.layers.ReLU(name="end")])
    model.layers[0].scale.assign(np.full((256, 128), 2))
    path = saved(model, tmp_path / "m.keras")
    computed.clear()
    network = load(path, np.ones((1, 256, 128), np.float32))
    assert computed == [(256, 128)], "the table's alone"
    assert set(activations(network, None, "r")[0].values.ravel()) == {2 + 7}


def test_variables_are_empty_once_they_were_read_and_what_was_read_stays():
    loaded = file_variables.built_from_file(lambda: tf.Variable(lambda: tf.fill([2**15], 3.0)))
    variable = loaded.model
    assert loaded.variables == [variable]
    assert variable.numpy().tolist() == [3.0] * 2**15
    draft = Draft(tf.Graph().as_graph_def(), lambda names: {"v": variable.read_value()})
    values = file_variables.emptied_when_read(draft, loaded.variables).read(["v"])
    assert variable.read_value().shape == 0
    assert values["v"].numpy().tolist() == [3.0] * 2**15


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_no_variable_of_a_file_outlives_its_network(tmp_path, name, monkeypatch):
    created = []

    def built(build):
        created.append(original(build))
        return created[-1]

    original = file_variables.built_from_file
    monkeypatch.setattr(keras_files, "built_from_file", built)
    model = keras_cnn(functional=False)
    network = load(saved(model, tmp_path / name), photo())
    expected = activations(model, photo(), "r")[0].values
    np.testing.assert_allclose(activations(network, None, "r")[0].values, expected, atol=1e-5)
    [loaded] = created
    assert len(loaded.variables) >= len(model.variables) > 0
    assert {int(tf.size(variable.read_value())) for variable in loaded.variables} == {0}


@pytest.fixture
def loaded_whole(monkeypatch):
    """Grows with each SavedModel of which TensorFlow's loader fills the variables."""
    calls = []

    def counted(build):
        calls.append(build)
        return file_variables.built_from_file(build)

    monkeypatch.setattr(saved_models, "built_from_file", counted)
    return calls


def test_a_saved_model_gets_its_weights_from_the_checkpoint_each_once(tmp_path, monkeypatch, loaded_whole):
    read, model = [], keras_cnn()
    export(model, tmp_path)

    def counted(prefix, keys):
        read.append(original(prefix, keys))
        return read[-1]

    original = saved_models.values_under_keys
    monkeypatch.setattr(saved_models, "values_under_keys", counted)
    network = load(tmp_path, photo())
    assert not loaded_whole
    assert sum(value.size for value in read[0].values()) == model.count_params()
    for ours, theirs in zip(activations(network, None, "r"), activations(model, photo(), "r"), strict=True):
        np.testing.assert_allclose(ours.values, theirs.values, atol=1e-6)


def test_a_saved_model_with_a_table_is_loaded_whole(tmp_path, loaded_whole):
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, -1.0)
            self.table.insert(tf.constant([1], tf.int64), [5.0])

        @tf.function(input_signature=[tf.TensorSpec([None, 4, 4, 3], name="image")])
        def __call__(self, image):
            tf.debugging.assert_equal(self.table.size(), tf.constant(1, tf.int64))
            return tf.nn.relu(image, name="seen")

    module = Module()
    tf.saved_model.save(module, str(tmp_path), signatures=module.__call__)
    network = load(tmp_path, np.ones((1, 4, 4, 3), np.float32))
    assert len(loaded_whole) == 1
    assert activations(network, None, "*seen")[0].values.max() == 1


def test_weights_in_an_archive_are_not_read_to_look_at_their_sizes(tmp_path, monkeypatch):
    path, read = saved(dense(Sevens()), tmp_path / "m.keras"), []
    packed = tmp_path / "packed.keras"
    with zipfile.ZipFile(path) as stored, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as other:
        for name in stored.namelist():
            other.writestr(name, stored.read(name))

    def counted(member, buffer):
        read.append(original(member, buffer))
        return read[-1]

    original = keras_archives._StoredMember.readinto
    monkeypatch.setattr(keras_archives._StoredMember, "readinto", counted)
    assert keras_archives.weights_in_archive(path) == 64 * 512 + 512
    assert 0 < sum(read) < path.stat().st_size / 10
    assert keras_archives.weights_in_archive(packed) == 64 * 512 + 512


LOADS = """
import gc, json, sys, time
import numpy as np
import keras
from cnnvis_widgets import activations, load

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20

path, held = sys.argv[1], []
rows = np.ones((1, 4096), np.float32)
load(keras.Sequential([keras.Input((4096,)), keras.layers.Dense(2, activation="relu")]), rows).close()
gc.collect()
gc.disable()
before = resident()
for _ in range(4):
    network = load(path, rows)
    activations(network, None, "r")
    held.append(resident() - before)
    del network
print(json.dumps(held))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_a_file_takes_the_memory_of_its_weights_the_first_time_and_the_fourth(tmp_path, name):
    model = keras.Sequential([keras.Input((4096,)), keras.layers.Dense(8192, activation="relu", name="wide")])
    path = saved(model, tmp_path / name)
    del model
    gc.collect()
    ran = subprocess.run([sys.executable, "-c", LOADS, str(path)], capture_output=True, text=True, check=True)
    held = [round(value / 128, 2) for value in json.loads(ran.stdout.splitlines()[-1])]
    assert max(held) < 1.2, held
