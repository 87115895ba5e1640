"""A compiled function in two stages: what does not depend on the last arguments is computed once and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..tensorflow_internals import captured_inputs
from .tracing import calling, eagerly

Kept = Sequence[tf.Tensor]
"""What the first stage hands to the second."""


class Staged:
    """``body(*early, *late) -> (first, second)`` with ``first`` a tensor that depends on ``early`` only."""

    def __init__(
        self,
        body: Callable[..., tuple[tf.Tensor, tf.Tensor]],
        early: Sequence[tf.TensorSpec],
        late: Sequence[tf.TensorSpec],
    ) -> None:
        self._early, self._late = early, late
        self._build(body)

    @eagerly
    def _build(self, body: Callable[..., tuple[tf.Tensor, tf.Tensor]]) -> None:
        whole = tf.compat.v1.wrap_function(body, [*self._early, *self._late])
        self._calling = calling(whole.graph)
        first, second = whole.outputs
        given = whole.inputs[: len(self._early) + len(self._late)]
        late = given[len(self._early) :]
        kept = _kept(whole.graph, late)
        self._first = _callable(whole, given[: len(self._early)], [first, *kept])
        self._second = _callable(whole, [*late, *kept], second)

    @eagerly
    def first(self, *early: Any) -> tuple[np.ndarray, Kept]:
        """The first result, and what the second stage needs of it."""
        with self._calling():
            value, *kept = self._first(*_tensors(early, self._early))
        return value.numpy(), kept

    @eagerly
    def second(self, kept: Kept, *late: Any) -> np.ndarray:
        """The second result."""
        with self._calling():
            result: np.ndarray = self._second(*_tensors(late, self._late), *kept).numpy()
        return result


def _callable(whole: Any, given: Sequence[tf.Tensor], results: Any) -> Any:
    """A part of a function.

    Wrapped once more, since a pruned function tries each call with a signature that it does not have, and writes all
    values into the message of that failure: a fifth of the time of a call with large maps.
    """
    part = whole.prune(given, results)
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in given]
    return tf.compat.v1.wrap_function(lambda *values: part(*values), specs)


def _tensors(arrays: Sequence[Any], specs: Sequence[tf.TensorSpec]) -> list[tf.Tensor]:
    return [tf.convert_to_tensor(array, spec.dtype) for array, spec in zip(arrays, specs, strict=True)]


def _kept(graph: tf.Graph, late: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """The tensors that ops behind ``late`` take from elsewhere, but for constants and captures."""
    behind = {tensor.ref() for tensor in late}
    varying: set[Any] = set()
    captures = {tensor.ref() for tensor in captured_inputs(graph)}
    kept: dict[Any, tf.Tensor] = {}
    for op in graph.get_operations():
        if any(tensor.ref() in behind for tensor in op.inputs):
            behind |= {tensor.ref() for tensor in op.outputs}
            fixed = [each for each in op.inputs if each.ref() in varying - captures and each.ref() not in behind]
            kept |= {tensor.ref(): tensor for tensor in fixed}
        elif op.type == "Placeholder" or any(tensor.ref() in varying for tensor in op.inputs):
            varying |= {tensor.ref() for tensor in op.outputs}
    return list(kept.values())
