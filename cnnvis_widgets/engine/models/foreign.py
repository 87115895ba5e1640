"""Recognises models of other libraries, which are not read, to say which way leads here."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

_ONNX = "convert it with the package onnx2tf, which writes a SavedModel, and pass that folder"
_TFLITE = (
    "TFLite keeps no gradients. Pass the model that it was converted from: the Keras model, or the folder that "
    "model.export('folder') or tf.saved_model.save(model, 'folder') writes"
)
_TORCH = (
    "write it with torch.onnx.export(model, example, 'model.onnx'), convert that file with the package onnx2tf, which "
    "writes a SavedModel, and pass that folder"
)
_JAX = (
    "wrap it as tf.function(jax2tf.convert(call, with_gradient=False)), with the weights bound to call, and pass that "
    "with trusted=True, because it runs as one op of compiled code; a Keras model "
    "on JAX: save it, and load the file where KERAS_BACKEND=tensorflow is set"
)
_OTHER = "build the network in Keras, give it these weights with set_weights, and pass the Keras model"
_TFJS = "convert it with tensorflowjs_converter --input_format=tfjs_layers_model --output_format=keras, and pass that"

_LIBRARIES = {
    "torch": ("PyTorch", _TORCH),
    "torchvision": ("PyTorch", _TORCH),
    "timm": ("PyTorch", _TORCH),
    "onnx": ("ONNX", _ONNX),
    "onnxruntime": ("ONNX", _ONNX),
    "jax": ("JAX", _JAX),
    "jaxlib": ("JAX", _JAX),
    "flax": ("JAX", _JAX),
    "sklearn": ("scikit-learn", _OTHER),
    "mxnet": ("MXNet", _OTHER),
}
_SUFFIXES = {
    ".onnx": ("ONNX", _ONNX),
    ".tflite": ("TFLite", _TFLITE),
    ".lite": ("TFLite", _TFLITE),
    ".pt": ("PyTorch", _TORCH),
    ".pth": ("PyTorch", _TORCH),
    ".safetensors": ("safetensors", "they are weights alone: " + _OTHER),
    ".caffemodel": ("Caffe", _OTHER),
    ".mlmodel": ("Core ML", "pass the model that it was converted from"),
    ".npz": ("NumPy", "they are weights alone: " + _OTHER),
    ".pkl": ("pickle", "unpickle it yourself and pass the model; pickles are not read, because they can run any code"),
}


def way_for_object(model: Any) -> str:
    """Return the library of an object and what to do with it, as a sentence; '' if it is of none that is known."""
    if type(model).__module__.startswith("tensorflow.lite") or type(model).__module__.startswith("ai_edge_litert"):
        return _sentence("TFLite", _TFLITE)
    for base in type(model).__mro__:
        library = base.__module__.partition(".")[0]
        if library in _LIBRARIES:
            return _sentence(*_LIBRARIES[library])
    if callable(model) and not isinstance(model, type):
        return "A Python function or object that can be called is read as tf.function(model), with a feed."
    return ""


def way_for_file(path: Path) -> str:
    """Return the library of a file and what to do with it, as a sentence; '' if it is of none that is known.

    The content decides; the suffix does where the content says nothing.
    """
    if path.is_dir():
        return _sentence("TensorFlow.js", _TFJS) if (path / "model.json").is_file() else ""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        begin = file.read(64)
    if begin[4:8] == b"TFL3":
        return _sentence("TFLite", _TFLITE)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(name.endswith("data.pkl") for name in archive.namelist()):
                return _sentence("PyTorch", _TORCH)
    if path.name == "model.json":
        return _sentence("TensorFlow.js", _TFJS)
    known = _SUFFIXES.get(path.suffix.lower())
    if known is None and begin[:1] == b"\x08" and (b"onnx" in begin.lower() or b"pytorch" in begin.lower()):
        known = _SUFFIXES[".onnx"]
    return _sentence(*known) if known is not None else ""


def _sentence(library: str, remedy: str) -> str:
    return f"This is a model of {library}, which is not read: {remedy}."
