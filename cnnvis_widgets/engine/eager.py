"""The engine computes eagerly, whatever mode its caller is in.

People call from within ``with graph.as_default():``, and after ``disable_v2_behavior()``; in both,
TensorFlow would add ops to a graph of theirs instead of computing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


def traced(body: Callable[..., Any], signature: Sequence[tf.TensorSpec]) -> Callable[..., Any]:
    """Compile a function of tensors once, as a function of NumPy arrays.

    Not tf.function: ``tf.config.run_functions_eagerly`` would run its body op by op, and a frozen
    graph cannot be imported so.
    """
    function = eagerly(tf.compat.v1.wrap_function)(body, signature)

    @eagerly
    def wrapped(*arrays: Any) -> Any:
        given = [tf.convert_to_tensor(array, spec.dtype) for array, spec in zip(arrays, signature, strict=True)]
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), function(*given))

    return wrapped


def captured(value: tf.Tensor) -> tf.Tensor:
    """A value computed eagerly, as a tensor of the function that is being traced, without an op of its own."""
    return tf.compat.v1.get_default_graph().capture(value)
