"""Layers of Keras 2 that Keras 3 no longer has and that can be said in a line of TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import keras
import tensorflow as tf

from ...errors import ModelError

ELLIPSIS = "..."
"""In place of '...' among the slices of a call."""

_COMPUTING = ("__operators__.", "math.", "nn.", "image.", "linalg.", "signal.")
_NAMES = """
abs add_n argmax argmin argsort batch_to_space boolean_mask broadcast_to cast clip_by_norm clip_by_value concat cos
cumsum divide einsum equal exp expand_dims floor gather gather_nd greater identity less matmul maximum meshgrid minimum
multiply norm not_equal one_hot ones ones_like pad pow range rank repeat reshape reverse roll round shape sigmoid sign
sin size slice sort space_to_batch split sqrt square squeeze stack stop_gradient strided_slice subtract tanh tensordot
tile transpose truediv unstack where zeros zeros_like
"""
_BY_NAME = frozenset(_NAMES.split())
"""Public functions of TensorFlow that only compute. A file may name any function, and one that writes is not called."""


def is_computation(function: str) -> bool:
    """Return whether a function that a file names, such as 'math.add', only computes.

    Example:
        >>> is_computation("math.add"), is_computation("io.write_file")
        (True, False)
    """
    function = function.removeprefix("compat.v1.")
    return function in _BY_NAME or function.startswith((*_COMPUTING, "reduce_"))


class TFOpLambda(keras.layers.Layer):
    """A function of TensorFlow that was called on the tensors of a functional model.

    Args:
        function: its public name without 'tf.', such as 'math.add'.
        keywords: of every layer.

    Raises:
        ModelError: the function does more than compute, or this TensorFlow has none of that name.
    """

    def __init__(self, function: str, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._allow_non_tensor_positional_args = True
        self.function_name, self._function = function, _function_of(function)

    def call(self, *arguments: Any, **keywords: Any) -> Any:
        return self._function(*arguments, **{key: value for key, value in keywords.items() if key != "name"})


class SlicingOpLambda(TFOpLambda):
    """The same for slices, which a file holds as dictionaries."""

    def call(self, *arguments: Any, **keywords: Any) -> Any:
        return super().call(*map(_slices, arguments), **{key: _slices(value) for key, value in keywords.items()})


class ThresholdedReLU(keras.layers.Layer):
    """Values above a threshold as they are, and zero elsewhere."""

    def __init__(self, theta: float = 1.0, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.theta = float(theta)

    def call(self, values: Any) -> Any:
        return values * tf.cast(values > tf.cast(self.theta, values.dtype), values.dtype)


class RandomHeight(keras.layers.Layer):
    """Stretches images in training, and returns them as they are otherwise.

    Args:
        factor, interpolation, seed, rng_type: of the training.
        keywords: of every layer.
    """

    def __init__(
        self, factor: Any = None, interpolation: str = "", seed: Any = None, rng_type: str = "", **keywords: Any
    ) -> None:
        super().__init__(**keywords)

    def call(self, images: Any) -> Any:
        return images


class RandomWidth(RandomHeight):
    """The same along the other axis."""


_KNOWN = (TFOpLambda, SlicingOpLambda, ThresholdedReLU, RandomHeight, RandomWidth)
LAYERS: Mapping[str, type] = {layer.__name__: layer for layer in _KNOWN}
"""By the name of their class in a file."""


def _function_of(name: str) -> Callable[..., Any]:
    if not is_computation(name):
        raise ModelError(f"Expected a function of TensorFlow that only computes. Received: 'tf.{name}', in the file.")
    try:
        found: Callable[..., Any] = reduce(getattr, name.split("."), tf)
    except AttributeError as error:
        raise ModelError(f"Expected a function of TensorFlow {tf.__version__}. Received: 'tf.{name}'.") from error
    return found


def _slices(value: Any) -> Any:
    """Slices and ellipses in place of what a file holds for them."""
    if isinstance(value, list):
        return [_slices(item) for item in value]
    if isinstance(value, dict) and {"start", "stop", "step"} == value.keys():
        return slice(value["start"], value["stop"], value["step"])
    return ... if isinstance(value, str) and value == ELLIPSIS else value
