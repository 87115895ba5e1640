"""Models by the form in which people hold them, and by their types of number."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .sample import Sample, classified, image, layers, noise, of_keras, returned, trunk

v1 = tf.compat.v1
PHOTO = noise(24, 24, 3)


@cache
def scratch() -> Path:
    """A folder for the models that are files; it is removed when the program ends."""
    folder = Path(tempfile.mkdtemp(prefix="kinds-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def network() -> Any:
    entered = image()
    return keras.Model(entered, classified(trunk(entered)), name="little")


def functional() -> Sample:
    return of_keras(network(), PHOTO)


def sequential() -> Sample:
    parts = [
        keras.Input((24, 24, 3)),
        layers.Conv2D(6, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Conv2D(8, 3, activation="relu", name="maps"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(4, activation="softmax"),
    ]
    return of_keras(keras.Sequential(parts), PHOTO)


def nested() -> Sample:
    inner_input = image()
    inner = keras.Model(inner_input, trunk(inner_input), name="backbone")
    outer = keras.Input((24, 24, 3), name="photo")
    return of_keras(keras.Model(outer, classified(inner(outer))), PHOTO)


class Subclassed(keras.Model):  # type: ignore[misc]
    """A model with a ``call`` of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = layers.Conv2D(8, 3, activation="relu", name="maps")
        self.pooled = layers.GlobalAveragePooling2D()
        self.classes = layers.Dense(4, activation="softmax", name="classes")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.classes(self.pooled(self.maps(x)))


def subclassed() -> Sample:
    return of_keras(Subclassed(), PHOTO)


def file_of_keras(name: str) -> Callable[[], Sample]:
    def make() -> Sample:
        model = network()
        model.save(scratch() / name)
        return Sample(str(scratch() / name), PHOTO, of_keras(model, PHOTO).outputs)

    return make


def exported() -> Sample:
    model = network()
    model.export(scratch() / "exported", verbose=False)
    return Sample(str(scratch() / "exported"), PHOTO, of_keras(model, PHOTO).outputs)


class Module(tf.Module):  # type: ignore[misc]
    """A network without Keras."""

    def __init__(self) -> None:
        super().__init__()
        rng = np.random.default_rng(1)
        self.filters = tf.Variable(rng.standard_normal((3, 3, 3, 8)), dtype=tf.float32)
        self.weights = tf.Variable(rng.standard_normal((8, 4)), dtype=tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, 24, 24, 3], tf.float32, name="image")])
    def __call__(self, pictures: Any) -> Any:
        maps = tf.nn.relu(tf.nn.conv2d(pictures, self.filters, 1, "SAME"), name="maps")
        return {"classes": tf.nn.softmax(tf.reduce_mean(maps, [1, 2]) @ self.weights)}


def tf_function() -> Sample:
    module = Module()
    return Sample(module.__call__, PHOTO, lambda: returned(module(PHOTO)))


def function_of_keras() -> Sample:
    model = network()
    return Sample(tf.function(lambda x: model(x)), PHOTO, of_keras(model, PHOTO).outputs)


def saved_module() -> Sample:
    module = Module()
    tf.saved_model.save(module, str(scratch() / "module"), signatures=module.__call__)
    return Sample(str(scratch() / "module"), PHOTO, lambda: returned(module(PHOTO)))


def _graph() -> tuple[tf.Graph, Any]:
    """A network of TensorFlow 1 with a session that has given its variables values."""
    graph = tf.Graph()
    with graph.as_default():
        v1.set_random_seed(3)
        entered = v1.placeholder(tf.float32, (None, 24, 24, 3), name="x")
        keep = v1.placeholder_with_default(1.0, (), name="keep")
        filters = v1.get_variable("filters", (3, 3, 3, 8), use_resource=True)
        maps = tf.nn.relu(tf.nn.conv2d(entered, filters, 2, "SAME"), name="maps")
        weights = v1.get_variable("weights", (8, 4), use_resource=True)
        features = v1.nn.dropout(tf.reduce_mean(maps, [1, 2]), rate=1 - keep, name="dropout")
        scores = tf.matmul(features, weights, name="scores")
        tf.nn.softmax(scores, name="classes")
        session = v1.Session()
        session.run(v1.global_variables_initializer())
    return graph, session


def _from_session(model: Callable[[tf.Graph, Any], Any]) -> Callable[[], Sample]:
    def make() -> Sample:
        graph, session = _graph()
        outputs = session.run(["classes:0"], {"x:0": PHOTO})
        return Sample(model(graph, session), {"x:0": PHOTO}, lambda: outputs)

    return make


def frozen_file(graph: tf.Graph, session: Any) -> str:
    frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["classes"])
    (scratch() / "frozen.pb").write_bytes(frozen.SerializeToString())
    return str(scratch() / "frozen.pb")


def meta_file(graph: tf.Graph, session: Any) -> str:
    with graph.as_default():
        return f"{v1.train.Saver().save(session, str(scratch() / 'trained'))}.meta"


def training_graph(graph: tf.Graph, session: Any) -> Any:
    with graph.as_default():
        wanted = v1.placeholder(tf.int64, (None,), name="wanted")
        loss = v1.losses.sparse_softmax_cross_entropy(wanted, graph.get_tensor_by_name("scores:0"))
        step = v1.train.AdamOptimizer(0.01)
        step.minimize(loss)
        session.run(v1.variables_initializer(step.variables()))
    return session


def in_precision(policy: str) -> Callable[[], Sample]:
    def make() -> Sample:
        usual = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            return of_keras(network(), PHOTO)
        finally:
            keras.config.set_dtype_policy(usual)

    return make


def with_nan() -> Sample:
    model = network()
    kernel, bias = model.get_layer("maps").get_weights()
    kernel[0, 0, 0, 2] = np.nan
    model.get_layer("maps").set_weights([kernel, bias])
    return of_keras(model, PHOTO, layer="early")


KINDS = {
    "Keras, functional": functional,
    "Keras, Sequential": sequential,
    "Keras, a model in a model": nested,
    "Keras, subclassed": subclassed,
    "`.keras` file": file_of_keras("little.keras"),
    "`.h5` file": file_of_keras("little.h5"),
    "SavedModel of Keras (`model.export`)": exported,
    "SavedModel of a `tf.Module`": saved_module,
    "`tf.function` of a `tf.Module`": tf_function,
    "`tf.function` around a Keras model": function_of_keras,
    "graph of TensorFlow 1 in a session": _from_session(lambda graph, session: session),
    "graph of TensorFlow 1 for training": _from_session(training_graph),
    "frozen graph, `.pb` file": _from_session(frozen_file),
    "checkpoint of TensorFlow 1, `.meta` file": _from_session(meta_file),
    "mixed_float16": in_precision("mixed_float16"),
    "mixed_bfloat16": in_precision("mixed_bfloat16"),
    "float64": in_precision("float64"),
    "weights with NaN": with_nan,
}
