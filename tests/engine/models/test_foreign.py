"""Models of other libraries are refused in one line that says which way leads here."""

import sys
import types
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets import load
from cnnvis_widgets.errors import ModelError, ModelFormError

ONNX = b"\x08\x07\x12\x07pytorch\x1a\x052.4.0"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.onnx", ONNX, r"a model of ONNX, which is not read: convert it with the package onnx2tf"),
        ("no_suffix", ONNX, r"a model of ONNX"),
        ("m.tflite", b"\x1c\0\0\0TFL3" + b"\0" * 8, r"TFLite keeps no gradients\. Pass the model .* model\.export"),
        ("m.pth", b"\x80\x02", r"a model of PyTorch, which is not read: write it with torch\.onnx\.export"),
        ("m.safetensors", b"\x08\0\0\0\0\0\0\0{}", r"safetensors, .* weights alone: build the network in Keras"),
        ("model.json", b"{}", r"TensorFlow\.js, .* tensorflowjs_converter"),
        ("m.pkl", b"\x80\x04", r"pickles are not read, because they can run any code"),
    ],
)
def test_files_of_other_libraries(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=words) as caught:
        load(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_archives_and_folders_of_other_libraries(tmp_path):
    with zipfile.ZipFile(tmp_path / "weights.zip", "w") as archive:
        archive.writestr("weights/data.pkl", b"")
    with pytest.raises(ModelError, match="a model of PyTorch"):
        load(tmp_path / "weights.zip")
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "model.json").write_text("{}")
    with pytest.raises(ModelError, match=r"a model of TensorFlow\.js"):
        load(tmp_path / "web")


def test_a_checkpoint_without_a_graph_says_that_it_holds_weights_only(tmp_path):
    tf.train.Checkpoint(kernel=tf.Variable([1.0])).save(str(tmp_path / "m"))
    with pytest.raises(ModelError, match=r"holds weights only\. Build the model in Python, restore them"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("library", "words"),
    [("torch", "a model of PyTorch"), ("onnx", "a model of ONNX"), ("flax", r"JAX, .*jax2tf\.convert")],
)
def test_objects_of_other_libraries(library, words):
    module = types.ModuleType(library)
    module.Model = type("Model", (), {"__module__": f"{library}.nn"})
    with pytest.raises(ModelFormError, match=words):
        load(module.Model())
    assert library not in sys.modules  # nothing is imported to find out


def test_other_objects(tmp_path):
    with pytest.raises(
        ModelFormError, match=r"Received: model=<function .* of type function\. .*tf\.function\(model\)"
    ):
        load(lambda x: x)
    with pytest.raises(ModelFormError, match=r"Received: model=array\(.* \.\.\. of type ndarray\.$"):
        load(np.random.default_rng(0).random((4, 4, 4)))
