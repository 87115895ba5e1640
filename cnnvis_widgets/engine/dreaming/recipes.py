"""Recipes as plain JSON: encode what a dream was made with, and decode it again."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from io import BytesIO
from math import prod
from typing import Any

import numpy as np

from ...errors import OptionError, nearest
from ...imaging.reading import pixels_if_image
from ...results import Head, Layer, Target
from .objectives import Objective
from .parameterizations import Fourier, Maco, Pixels
from .transforms import Transform

MOST_BYTES = 2**28
"""Of an array in a recipe, such as a mask."""

_KINDS = {kind.__name__: kind for kind in (Objective, Target, Transform, Fourier, Maco, Pixels)}


def encoded(value: Any) -> Any:
    """A value as JSON has it: numbers, texts, lists, and dicts with a 'kind' for everything else."""
    if type(value) in _KINDS.values() and is_dataclass(value):
        parts = {item.name: encoded(getattr(value, item.name)) for item in fields(value)}
        return {"kind": type(value).__name__} | parts
    if isinstance(value, Layer | Head):
        return value.name
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"kind": "array", "data": _packed(value)}
    if isinstance(value, Mapping):
        return {"kind": "dict", "items": {key: encoded(item) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        return [encoded(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return encoded(np.asarray(pixels_if_image(value)))  # a PIL image as guide, for instance


def decoded(value: Any) -> Any:
    """The value that ``encoded`` was given. Tuples come back as lists.

    Raises:
        OptionError: ``encoded`` of this version did not make it.
    """
    if isinstance(value, list):
        return [decoded(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("kind")
    if kind == "array":
        return _unpacked(value["data"])
    if kind == "dict":
        return {key: decoded(item) for key, item in value["items"].items()}
    if kind not in _KINDS:
        raise OptionError(
            f"Expected a recipe of this version. Received: kind={kind!r}. {nearest(str(kind), _KINDS)} "
            "Use the version that the recipe names."
        )
    parts = {key: decoded(item) for key, item in value.items() if key != "kind"}
    require_names(parts, [item.name for item in fields(_KINDS[kind])], f"a part of {kind} in the recipe")
    return _KINDS[kind](**parts)


def require_names(names: Iterable[str], known: Iterable[str], kind: str) -> None:
    """Check names.

    Raises:
        OptionError: one of them is unknown; the message has the nearest names.
    """
    known = tuple(known)
    for name in names:
        if name not in known:
            raise OptionError(f"Expected {kind}. Received: {name!r}. {nearest(name, known)}")


def fingerprint(array: np.ndarray) -> str:
    """A hash of the shape and the values of an array, as float32."""
    array = np.ascontiguousarray(array, np.float32)
    digest = hashlib.sha256(str(array.shape).encode())
    digest.update(array.data)
    return digest.hexdigest()[:16]


def _packed(array: np.ndarray) -> str:
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


def _unpacked(text: str) -> np.ndarray:
    """The array in a recipe, after a look at the size that it states."""
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(base64.b64decode(text), MOST_BYTES)
    file = BytesIO(content)
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    if unpacker.unconsumed_tail or prod(shape) * dtype.itemsize > len(content):
        raise OptionError(f"Expected an array of at most {MOST_BYTES:,} bytes in a recipe. Received: shape {shape}.")
    return np.load(BytesIO(content), allow_pickle=False)
