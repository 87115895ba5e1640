"""Signals on their way back: several at once in the batch dimension, over a forward pass of batch 1.

A signal covers whole maps, or only patches of them: what one unit of each can see (see ``receptive_field``).
Then every stored tensor is cut to the same patches. Whole maps lie as the tensor does that they come back to; patches
have their channels last always, also where that tensor has them first. Between a layer and the first convolution below
it, a signal on whole maps may be narrow: it has the channel of its seed only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import tensorflow as tf

from ..tensorflow_internals import gradient_function
from .windows import ReceptiveField


class UnknownOpError(Exception):
    """An op for which no backward step is written; the ordinary gradient takes over."""


@dataclass(frozen=True)
class Signal:
    """What comes back to a tensor.

    Attributes:
        values: with the number of signals in front.
        field: of patches; ``None`` for whole maps.
        channels: of narrow signals, int32 (signals,): ``values`` has one channel, and this is which of the tensor's it
            is; the others are zero.
        first: of patches, whether the tensor has its channels first.
    """

    values: tf.Tensor
    field: ReceptiveField | None = None
    channels: tf.Tensor | None = None
    first: bool = False

    def with_values(self, values: tf.Tensor) -> Signal:
        """Other values at the same place."""
        return replace(self, values=values)

    def widened(self, count: int | None) -> Signal:
        """With all ``count`` channels.

        Raises:
            UnknownOpError: a narrow signal, and it is not known how many there are.
        """
        if self.channels is None:
            return self
        if count is None:
            raise UnknownOpError("an unknown number of channels")
        chosen = tf.one_hot(self.channels, count, dtype=self.values.dtype)
        return Signal(self.values * chosen[:, None, None, :], self.field)

    def axis(self, axis: int) -> int:
        """Where an axis of the tensor lies in ``values``."""
        return _LAID_OUT.index(axis) if self.first else axis

    def turned(self, sizes: Any) -> list[Any]:
        """What belongs to the axes of the tensor, in the order of the axes of ``values``."""
        return [sizes[axis] for axis in _LAID_OUT] if self.first else list(sizes)


_LAID_OUT = (0, 2, 3, 1)  # the axes of a tensor with its channels first, as patches have them


class Patches:
    """Cuts tensors of a forward pass to what chosen units see.

    ``units`` is int32 (signals, 2): the place of the unit that each signal started from.
    """

    def __init__(self, units: tf.Tensor) -> None:
        self._units = units
        self._places: dict[tuple[ReceptiveField, tuple[int, ...]], tf.Tensor] = {}

    def _flat_places(self, field: ReceptiveField, sizes: tuple[int, ...]) -> tf.Tensor:
        """Where each element of a patch lies in the flattened map; behind its end if it is outside."""
        key = field, sizes
        if key not in self._places:
            rows, columns = (
                self._units[:, axis, None] * field.stride[axis] + field.start[axis] + tf.range(field.size[axis])
                for axis in (0, 1)
            )
            rows, columns = rows[:, :, None], columns[:, None, :]
            within = (rows >= 0) & (rows < sizes[0]) & (columns >= 0) & (columns < sizes[1])
            self._places[key] = tf.where(within, rows * sizes[1] + columns, sizes[0] * sizes[1])
        return self._places[key]

    def cut(self, tensor: tf.Tensor, field: ReceptiveField, outside: float = 0) -> tf.Tensor:
        """(1, height, width, channels) -> (signals, *patch, channels)."""
        _, *sizes, channels = tensor.shape
        flat = tf.reshape(tensor, [-1, channels])
        edge = tf.fill([1, channels], tf.cast(outside, tensor.dtype))
        return tf.gather(tf.concat([flat, edge], 0), self._flat_places(field, tuple(sizes)))

    def within(self, signal: Signal, sizes: Sequence[int]) -> Signal:
        """The signal without what lies outside a map: nothing comes back from padding."""
        if signal.field is None:
            return signal
        places = self._flat_places(signal.field, tuple(sizes))
        inside = tf.cast(places < sizes[0] * sizes[1], signal.values.dtype)[..., None]
        return signal.with_values(signal.values * inside)


def stored(tensor: tf.Tensor, signal: Signal, patches: Patches | None, outside: float = 0) -> tf.Tensor:
    """A tensor of the forward pass, cut to the patches and channels of a signal where it has a place on the map.

    Raises:
        UnknownOpError: it is smaller than the map but spreads over it.
    """
    if signal.channels is not None and tensor.shape.rank and tensor.shape[-1] != 1:
        return of_channels(tensor, signal.channels)
    if signal.field is None or patches is None or tensor.shape.rank == 0:
        return tensor
    if signal.first and tensor.shape.rank is not None:
        missing = tf.ones([4 - tensor.shape.rank], tf.int32)
        whole = tf.reshape(tensor, tf.concat([missing, tf.shape(tensor)], 0))
        tensor = tf.transpose(tf.ensure_shape(whole, [*[1] * missing.shape[0], *tensor.shape]), _LAID_OUT)
    if tensor.shape.rank == 4 and list(tensor.shape[1:3]) != [1, 1]:
        return patches.cut(tensor, signal.field, outside)
    if tensor.shape.rank is None or (any(size != 1 for size in tensor.shape[:-1]) and tensor.shape.rank != 4):
        raise UnknownOpError("a tensor of unknown place")
    return tensor


def of_channels(tensor: tf.Tensor, channels: tf.Tensor) -> tf.Tensor:
    """(1, height, width, all channels), or (all channels,), -> (signals, height or 1, width or 1, 1)."""
    chosen = tf.gather(tensor, channels, axis=-1)
    if tensor.shape.rank == 1:
        return chosen[:, None, None, None]
    return tf.transpose(chosen, [3, 1, 2, 0])


def total(signals: Sequence[Signal], channels: int | None) -> Signal:
    """The sum of what comes back to a tensor of so many channels; over several ways it has all of them."""
    if len(signals) == 1:
        return signals[0]
    signals = [signal.widened(channels) for signal in signals]
    if signals[0].field is None:
        return Signal(tf.add_n([signal.values for signal in signals]))
    fields = [signal.field for signal in signals if signal.field is not None]
    if len({field.stride for field in fields}) > 1 or len({signal.first for signal in signals}) > 1:
        raise UnknownOpError("ways of unequal strides or layouts")
    whole = reduce(ReceptiveField.joined, fields)
    return Signal(tf.add_n([_widened(signal, whole) for signal in signals]), whole, first=signals[0].first)


def _widened(signal: Signal, to: ReceptiveField) -> tf.Tensor:
    field = signal.field
    if field is None or field == to:
        return signal.values
    before = [a - b for a, b in zip(field.start, to.start, strict=True)]
    after = [n - m - first for n, m, first in zip(to.size, field.size, before, strict=True)]
    return tf.pad(signal.values, [[0, 0], *map(list, zip(before, after, strict=True)), [0, 0]])


def true_gradient(op: tf.Operation, values: tf.Tensor) -> tf.Tensor:
    """TensorFlow's own gradient of an op, over the forward pass."""
    result = gradient_function(op.type)(op, values)
    return result[0] if isinstance(result, list | tuple) else result


def static(tensor: tf.Tensor, whole: bool = False) -> Any:
    """The value of a constant of the graph: an integer, or an array if ``whole``.

    Raises:
        UnknownOpError: it is computed.
    """
    value = tf.get_static_value(tensor)
    if value is None:
        raise UnknownOpError(f"an axis that is computed: {tensor.name}")
    return value if whole else int(value)
