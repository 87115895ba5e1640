"""Graphs and architectures that would take all memory or all time are refused before anything is allocated."""

import json
import subprocess
import sys
import time
import warnings
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import frozen_graph, v1

from cnnvis_widgets import load
from cnnvis_widgets.engine.models import soundness
from cnnvis_widgets.engine.models.soundness import require_sound
from cnnvis_widgets.errors import ModelError

SECONDS = 20  # of processor time; each takes much less


@pytest.fixture(autouse=True)
def quick():
    start = time.process_time()
    yield
    assert time.process_time() - start < SECONDS


def node(name, op="Identity", *inputs):
    made = tf.compat.v1.NodeDef(name=name, op=op, input=inputs)
    if op == "Identity":
        made.attr["T"].type = tf.float32.as_datatype_enum
    return made


def constant(name, shape, dtype=tf.float32, **content):
    made = node(name, "Const")
    made.attr["dtype"].type = dtype.as_datatype_enum
    made.attr["value"].tensor.dtype = dtype.as_datatype_enum
    made.attr["value"].tensor.tensor_shape.CopyFrom(tf.TensorShape(None).as_proto())
    made.attr["value"].tensor.tensor_shape.unknown_rank = False
    for size in shape:
        made.attr["value"].tensor.tensor_shape.dim.add(size=size)
    for key, value in content.items():
        if key == "tensor_content":
            made.attr["value"].tensor.tensor_content = value
        else:
            getattr(made.attr["value"].tensor, key).append(value)
    return made


def graph_def(*nodes):
    result = frozen_graph().as_graph_def()
    result.node.extend(nodes)
    return result


BROKEN = {
    "a circle": ([node("a", "Identity", "b"), node("b", "Identity", "a")], "depend on themselves"),
    "a node that takes itself": ([node("a", "Identity", "a")], "depend on themselves"),
    "40 GB of a constant": ([constant("big", [10**5, 10**5], float_val=1.0)], r"'big', which takes 37\.3 GB"),
    "a petabyte of text": ([constant("big", [10**9, 10**6], tf.string, string_val=b"")], "GB. Close other notebooks"),
    "a size below zero": ([constant("odd", [-1, 3], float_val=1.0)], r"shape \[-1, 3\]"),
    "content of another size": ([constant("odd", [2], tensor_content=b"123")], "with 3 bytes"),
    "one name twice": ([node("a", "NoOp"), node("a", "NoOp")], "nodes with"),
    "no name": ([node("", "NoOp")], "nodes with"),
    "an input that is not there": ([node("a", "Identity", "gone")], "takes 'gone', which is not there"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_graph_without_end_or_room_is_refused(what):
    nodes, words = BROKEN[what]
    with pytest.raises(ModelError, match=words):
        load(graph_def(*nodes))


def test_an_unknown_type_is_refused():
    odd = constant("odd", [1])
    odd.attr["value"].tensor.dtype = 99
    with pytest.raises(ModelError, match="unknown type 99"):
        load(graph_def(odd))


def calling(*called):
    """A function of the library that calls others."""
    function = tf.compat.v1.GraphDef().library.function.add()
    for place, name in enumerate(called):
        call = function.node_def.add(name=f"call_{place}", op="PartitionedCall")
        call.attr["f"].func.name = name
    return function


def test_calls_that_unfold_to_billions_of_nodes_are_refused():
    bomb = graph_def(calling("f0").node_def[0])
    for level in range(40):
        function = calling(f"f{level + 1}", f"f{level + 1}") if level < 39 else calling()
        function.signature.name = f"f{level}"
        bomb.library.function.append(function)
    with pytest.raises(ModelError, match="more than 1,000,000 nodes"):
        load(bomb)


def test_functions_that_call_themselves_are_refused():
    circle = graph_def(calling("f0").node_def[0])
    for name, called in (("f0", "f1"), ("f1", "f0")):
        function = calling(called)
        function.signature.name = name
        circle.library.function.append(function)
    with pytest.raises(ModelError, match="call themselves"):
        load(circle)


def test_loops_of_tensorflow_1_are_no_circles():
    graph = tf.Graph()
    with graph.as_default():
        v1.disable_control_flow_v2()
        try:
            image = v1.placeholder(tf.float32, [None, 4, 4, 3], "image")
            tf.while_loop(lambda step, _: step < 3, lambda step, value: (step + 1, value * 2), [0, image])
        finally:
            v1.enable_control_flow_v2()
    assert any(each.op == "NextIteration" for each in graph.as_graph_def().node)
    require_sound(graph.as_graph_def())


def test_the_limit_is_the_memory_that_is_left(monkeypatch):
    monkeypatch.setattr(soundness, "spare_memory", lambda: 2**21)
    require_sound(graph_def(constant("small", [2**18], float_val=1.0)))
    with pytest.raises(ModelError, match="of which the largest is 'big'"):
        load(graph_def(constant("big", [2**20], float_val=1.0)))


def test_an_initial_value_of_40_gb_is_not_computed():
    """In a process of its own, whose memory is limited: it must not even begin."""
    script = """
import resource, tensorflow as tf
resource.setrlimit(resource.RLIMIT_AS, (12 * 2**30, 12 * 2**30))
from cnnvis_widgets import load
v1 = tf.compat.v1
graph = tf.Graph()
with graph.as_default():
    image = v1.placeholder(tf.float32, [None, 4, 4, 3], "image")
    whole = tf.reduce_sum(tf.fill([10**5, 10**5], 1.0))
    tf.nn.relu(image * tf.Variable(lambda: whole * tf.ones([3]), shape=[3]), name="seen")
try:
    load(graph.as_graph_def())
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.startswith("ModelError Expected a network that fits into the "), (
        done.stdout + done.stderr[-2000:]
    )


# ---- Keras


def keras_file(path, edit):
    model = keras.Sequential([keras.Input((6, 6, 3)), keras.layers.Conv2D(2, 3), keras.layers.Dense(3)])
    if path.suffix == ".keras":
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        config = json.loads(parts["config.json"])
        edit(config)
        parts["config.json"] = json.dumps(config).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content)
        return path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that .h5 is an old format
        model.save(path)
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        edit(config)
        file.attrs["model_config"] = json.dumps(config)
    return path


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_a_layer_with_more_units_than_the_file_has_weights(tmp_path, name):
    def edit(config):
        config["config"]["layers"][-1]["config"]["units"] = 10**9

    with pytest.raises(ModelError, match=r"has 1,000,000,000 units, and which holds 65 numbers"):
        load(keras_file(tmp_path / name, edit))


def test_an_architecture_that_is_too_deep_or_none(tmp_path):
    path = keras_file(tmp_path / "m.keras", lambda config: None)
    for text in ("[" * 10**5, "3", "{", '{"class_name": 3}'):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", text)
        with pytest.raises(ModelError):
            load(path)


def test_weights_that_state_40_gb(tmp_path):
    path = keras_file(tmp_path / "m.h5", lambda config: None)
    with h5py.File(path, "r+") as file:
        file.create_dataset("model_weights/big", (10**5, 10**6), np.float32, chunks=(1000, 1000))
    assert path.stat().st_size < 2**20
    with pytest.raises(ModelError, match=r"the weights of '.*', which takes 372\.5 GB"):
        load(path)


def test_an_archive_that_unpacks_to_more_than_there_is(tmp_path, monkeypatch):
    path = keras_file(tmp_path / "m.keras", lambda config: None)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/zeros", bytes(2**24))
    monkeypatch.setattr(soundness, "spare_memory", lambda: 2**22)
    with pytest.raises(ModelError, match="unpacks to"):
        load(path)
