"""The engine computes eagerly, whatever mode its caller is in.

People call from within ``with graph.as_default():``, and after ``disable_v2_behavior()``; in both,
TensorFlow would add ops to a graph of theirs instead of computing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import tensorflow as tf
from tensorflow.python.eager.context import eager_mode

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def eagerly(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """The same function, run in eager mode."""

    @wraps(function)
    def wrapped(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        with eager_mode():
            return function(*args, **kwargs)

    return wrapped


def arrays_in_and_out(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of tensors as one of NumPy arrays."""

    @eagerly
    def wrapped(*arrays: Any) -> Any:
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), function(*arrays))

    return wrapped
