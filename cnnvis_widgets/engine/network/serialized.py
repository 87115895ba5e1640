"""A network as bytes: its graph, weights, names and heads, in a format that holds numbers and text only.

A network in memory holds compiled functions, which cannot leave their process. These bytes hold what they are compiled
from. Reading them runs no code, and the ops of the graph are looked at as those of any other model.

The format: 8 bytes of magic, the length of the header as a little-endian uint64, the header as JSON in UTF-8, the
serialized GraphDef, then the values of the weights, little-endian and row by row. Offsets in the header count from the
end of the header.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError

from ...arguments import odd_fields
from ...errors import ModelError
from ...results import Head, Layer
from ..graph.freezing import FrozenGraph
from ..graph.graphdef import GraphDef, Value
from ..models.admission import admitted
from ..models.soundness import require_sound

_Fields = TypeVar("_Fields", Head, Layer)

MAGIC = b"CNNVIS1\n"
_LENGTH = struct.Struct("<Q")
_NAMES = ("inputs", "outputs", "keras_names")


def network_bytes(frozen: FrozenGraph, image_input: str, fed: tuple[str, ...], heads: tuple[Head, ...]) -> bytes:
    """Write what a network is made from.

    Args:
        frozen: the graph and its weights.
        image_input: the full name of the tensor that takes the images.
        fed: names of further tensors that can be fed.
        heads: of the network.

    Raises:
        ModelError: a weight holds no numbers.
    """
    graph = frozen.graph_def.SerializeToString(deterministic=True)
    parts, places, end = [graph], {}, len(graph)
    for name, value in frozen.weights.items():
        array = _as_numbers(name, value)
        places[name] = {"dtype": tf.as_dtype(array.dtype).name, "shape": array.shape, "start": end}
        parts.append(array.tobytes())
        end += array.nbytes
    header = {
        "graph": len(graph),
        "weights": places,
        "image_input": image_input,
        "fed": fed,
        "heads": [asdict(head) for head in heads],
    } | {name: dict(getattr(frozen, name)) for name in _NAMES}
    text = json.dumps(header, separators=(",", ":")).encode()
    return b"".join([MAGIC, _LENGTH.pack(len(text)), text, *parts])


def read_network(data: bytes, *, trusted: bool = False) -> tuple[FrozenGraph, str, tuple[str, ...], tuple[Head, ...]]:
    """Read what ``network_bytes`` wrote: the graph, the image input, what can be fed, and the heads.

    Raises:
        ModelError: these are no such bytes, or not all of them.
        TrustError: the graph does more than compute, and is not trusted.
    """
    begin = len(MAGIC) + _LENGTH.size
    try:
        if not data.startswith(MAGIC):
            raise ValueError(f"it begins with {bytes(data[:8])!r}")
        (length,) = _LENGTH.unpack_from(data, len(MAGIC))
        header = json.loads(bytes(data[begin : begin + length]))
        body = memoryview(data).toreadonly()[begin + length :]
        graph_def = GraphDef.FromString(bytes(body[: header["graph"]]))
        weights = {name: _array(body, place) for name, place in header["weights"].items()}
        frozen = FrozenGraph(graph_def, weights, *(header[name] for name in _NAMES))
        heads = tuple(map(_head, header["heads"]))
        image_input, fed = str(header["image_input"]), tuple(header["fed"])
    except (ValueError, KeyError, TypeError, AttributeError, struct.error, DecodeError) as error:
        raise ModelError(
            f"Expected the bytes of a network. Received: {len(data):,} bytes that cannot be read: {error}. "
            "Write them with network.to_bytes()."
        ) from error
    require_sound(graph_def)
    return admitted(frozen, trusted=trusted), image_input, fed, heads


def _as_numbers(name: str, value: Value) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind in "OSU":
        raise ModelError(
            f"Expected weights of numbers. Received: {name!r} of {array.dtype}. Such a network cannot be written."
        )
    return np.asarray(array, order="C")


def _array(body: memoryview, place: Mapping[str, Any]) -> np.ndarray:
    dtype = tf.as_dtype(place["dtype"]).as_numpy_dtype
    count = int(np.prod(place["shape"], dtype=np.int64))
    return np.frombuffer(body, dtype, count, place["start"]).reshape(place["shape"])


def _head(fields: Mapping[str, Any]) -> Head:
    layers = {name: _layer(fields[name]) for name in ("output", "scores")}
    names = None if fields["names"] is None else tuple(fields["names"])
    return _of_known_fields(Head(**{**fields, **layers, "names": names}))


def _layer(fields: Mapping[str, Any]) -> Layer:
    layer = _of_known_fields(Layer(**{**fields, "shape": tuple(fields["shape"])}))
    if layer.shape and not 0 <= layer.channel_axis < len(layer.shape):
        raise ValueError(f"a channel axis {layer.channel_axis} of {len(layer.shape)} axes")
    return layer


def _of_known_fields(value: _Fields) -> _Fields:
    if odd := odd_fields(value):
        raise ValueError(f"{type(value).__name__} with an odd {odd[0]}")
    return value
