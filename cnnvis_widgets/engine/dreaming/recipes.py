"""How a dream was made, as plain JSON: enough to make it again."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from io import BytesIO
from typing import Any

import numpy as np

from ...imaging.reading import pixels_if_image
from ...results import Layer
from .objectives import Objective
from .parameterizations import Fourier, Maco, Pixels
from .transforms import Transform

_KINDS = {kind.__name__: kind for kind in (Objective, Transform, Fourier, Maco, Pixels)}


def encoded(value: Any) -> Any:
    """A value as JSON has it: numbers, texts, lists, and dicts with a 'kind' for everything else."""
    if type(value) in _KINDS.values() and is_dataclass(value):
        parts = {each.name: encoded(getattr(value, each.name)) for each in fields(value)}
        return {"kind": type(value).__name__} | parts
    if isinstance(value, Layer):
        return value.name
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"kind": "array", "data": _packed(value)}
    if isinstance(value, Mapping):
        return {"kind": "dict", "items": {key: encoded(each) for key, each in value.items()}}
    if isinstance(value, list | tuple):
        return [encoded(each) for each in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return encoded(np.asarray(pixels_if_image(value)))  # a PIL image as guide, for instance


def decoded(value: Any) -> Any:
    """The value that ``encoded`` was given; tuples come back as lists.

    Raises:
        ValueError: it was not made by ``encoded``.
    """
    if isinstance(value, list):
        return [decoded(each) for each in value]
    if not isinstance(value, dict):
        return value
    rest = {key: each for key, each in value.items() if key != "kind"}
    if value.get("kind") == "array":
        return np.load(BytesIO(zlib.decompress(base64.b64decode(value["data"]))), allow_pickle=False)
    if value.get("kind") == "dict":
        return {key: decoded(each) for key, each in value["items"].items()}
    if value.get("kind") not in _KINDS:
        raise ValueError(f"Expected a recipe of this version. Received: kind={value.get('kind')!r}.")
    return _KINDS[value["kind"]](**{key: decoded(each) for key, each in rest.items()})


def fingerprint(array: np.ndarray) -> str:
    """A hash of an array's shape and values."""
    array = np.ascontiguousarray(array, np.float32)
    found = hashlib.sha256(str(array.shape).encode())
    found.update(array.data)
    return found.hexdigest()[:16]


def _packed(array: np.ndarray) -> str:
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()
