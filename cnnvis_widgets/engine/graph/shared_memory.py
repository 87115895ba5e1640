"""Weights become tensors in the memory where they are, so that none of them is there twice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import DTypeLike

from ..devices import device_policy
from ..tensorflow_internals import eager_mode
from .graphdef import NodeDef, Value

_ALIGNMENT = 64
"""TensorFlow ends the process where a kernel meets memory that does not begin at a multiple of so many bytes."""

_SMALLEST = 2**12
"""Bytes. Smaller values are copied, which takes no time."""


class LazyTensor:
    """An array that becomes a tensor when something computes with it, since that takes a copy.

    A look at the first layers of a VGG needs a tenth of its weights.

    Args:
        array: nobody else may write to it.

    Attributes:
        dtype, shape: of the tensor.
    """

    def __init__(self, array: np.ndarray) -> None:
        self.dtype, self.shape = tf.as_dtype(array.dtype), tf.TensorShape(array.shape)
        self._value: Value = array
        self._lock = Lock()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.asarray(self._value, dtype)
        return array.copy() if copy else array

    def tensor(self) -> tf.Tensor:
        """Return the tensor. The array is gone when it was copied."""
        with self._lock:
            self._value = as_tensor(self._value)
            return self._value


def lazy_tensor(value: Value | LazyTensor) -> tf.Tensor | LazyTensor:
    """Return a tensor where that takes no copy, and otherwise a value that is copied when it is needed.

    Args:
        value: nobody else may write to an array. A read-only array is copied now, because its memory may be another's.
    """
    if isinstance(value, LazyTensor):
        return value
    if isinstance(value, np.ndarray) and value.flags.writeable and _shareable(value) and not _fits(value):
        return LazyTensor(value)
    return as_tensor(value)


def as_tensor(value: Value | LazyTensor) -> tf.Tensor:
    """Return an eager tensor of a value, without a copy where TensorFlow can compute with the value's memory.

    The tensor keeps that memory. An array that begins at another place is copied once; ``tf.constant`` copies twice.

    Args:
        value: nobody else may write to an array. A read-only array is copied, because its memory may be another's.
    """
    if isinstance(value, tf.Tensor):
        return value
    if isinstance(value, LazyTensor):
        return value.tensor()
    array = np.asarray(value)
    with eager_mode():
        if not _shareable(array):
            return tf.constant(array)
        return tf.experimental.dlpack.from_dlpack((array if _fits(array) else _aligned(array)).__dlpack__())


def _shareable(array: np.ndarray) -> bool:
    """Whether a tensor is to share its memory with an array. The weights of a GPU belong into its own memory."""
    return array.dtype.kind in "fiu" and array.nbytes >= _SMALLEST and device_policy().shares_weights


def _fits(array: np.ndarray) -> bool:
    """Whether TensorFlow's kernels can read an array where it is."""
    return array.flags.c_contiguous and array.flags.writeable and array.ctypes.data % _ALIGNMENT == 0


def blank_array(shape: Sequence[int], dtype: DTypeLike) -> np.ndarray:
    """Return zeros where TensorFlow's kernels can read them. Large ones take memory when they are written to."""
    return _aligned_array(shape, dtype, np.zeros)


def _aligned(array: np.ndarray) -> np.ndarray:
    """Copy an array to memory where TensorFlow's kernels can read it."""
    copied = _aligned_array(array.shape, array.dtype, np.empty)
    copied[...] = array
    return copied


def _aligned_array(shape: Sequence[int], dtype: DTypeLike, allocate: Callable[..., np.ndarray]) -> np.ndarray:
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = allocate(size + _ALIGNMENT, np.uint8)
    begin = -memory.ctypes.data % _ALIGNMENT
    return memory[begin : begin + size].view(dtype).reshape(shape)


def constant_of(node: NodeDef) -> np.ndarray:
    """Return the value of a constant. A large one lies in a copy of the message's own bytes and is read-only."""
    tensor = node.attr["value"].tensor
    if not tensor.tensor_content:
        return tf.make_ndarray(tensor)
    shape = [dim.size for dim in tensor.tensor_shape.dim]
    return np.frombuffer(tensor.tensor_content, tf.as_dtype(tensor.dtype).as_numpy_dtype).reshape(shape)
