"""Builds models from files without computing initial values, and empties their variables once the values were read.

Keras fills every variable with random numbers before it reads the file. TensorFlow keeps the memory in which these
were computed, almost three times that of the weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from ..devices import device_policy
from ..graph.freezing import Draft
from ..graph.graphdef import Value
from ..graph.shared_memory import as_tensor, blank_array

_SMALLEST = 2**16
"""Bytes. The initial values of smaller variables are computed, which takes no time."""


@dataclass(frozen=True)
class FileModel:
    """A model that was built from a file, so that nobody else holds it.

    Attributes:
        model: of Keras 3 or tf_keras.
        variables: those that were created for it.
    """

    model: Any
    variables: Sequence[tf.Variable]


def built_from_file(build: Callable[[], Any]) -> FileModel:
    """Build a model that fills its variables from a file, without their initial values.

    A variable that the file does not fill gets its initial value afterwards.

    Args:
        build: returns the model; it runs in eager mode.
    """
    with _blank_variables() as created:
        model = build()
    for variable, blank, initial in created:
        if blank is not None and np.asarray(variable.value()).ctypes.data == blank.ctypes.data:
            variable.assign(initial())
    return FileModel(model, [variable for variable, _, _ in created])


def emptied_when_read(draft: Draft, variables: Sequence[tf.Variable]) -> Draft:
    """Return a draft that empties variables when the values of its own were read. These values stay.

    A model refers to itself, so that its variables would keep the weights until the next full garbage collection, also
    of a network that is gone.
    """

    def read(names: Sequence[str]) -> Mapping[str, Value]:
        values = draft.read(names)
        for variable in variables:
            tf.raw_ops.AssignVariableOp(resource=variable.handle, value=tf.zeros([0], variable.dtype))
        return values

    return replace(draft, read=read)


@contextmanager
def _blank_variables() -> Iterator[list[tuple[tf.Variable, np.ndarray | None, Any]]]:
    """Within this context, large variables begin as zeros in memory that is not touched.

    Yields:
        A list that grows with each variable: the variable, its zeros (``None`` if it got its initial value), and what
        it was to begin with.
    """
    created: list[tuple[tf.Variable, np.ndarray | None, Any]] = []

    def create(next_creator: Callable[..., tf.Variable], **options: Any) -> tf.Variable:
        initial = options.get("initial_value")
        blank = _blank_for(initial)
        if blank is not None:
            options["initial_value"] = as_tensor(blank)
        variable = next_creator(**options)
        created.append((variable, blank, initial))
        return variable

    with tf.variable_creator_scope(create):
        yield created


def _blank_for(initial: Any) -> np.ndarray | None:
    """Return zeros in the place of an initial value; ``None`` where it is small, no number, or known already."""
    if not callable(initial) or not device_policy().shares_weights:
        return None
    try:
        with tf.Graph().as_default():  # nothing is computed
            value = tf.convert_to_tensor(initial())
    except Exception:  # whatever an initialiser raises in a graph; it runs as usual
        return None
    dtype = value.dtype.as_numpy_dtype
    if np.dtype(dtype).kind not in "fiu" or not value.shape.is_fully_defined():
        return None
    return blank_array(value.shape, dtype) if value.shape.num_elements() * value.dtype.size >= _SMALLEST else None
