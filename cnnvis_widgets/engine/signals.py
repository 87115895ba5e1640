"""Signals on their way back: several at once in the batch dimension, over a forward pass of batch 1.

A signal covers whole maps, or only patches of them: what one unit of each can see (see ``receptive_field``).
Then every stored tensor is cut to the same patches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import tensorflow as tf

from .receptive_field import ReceptiveField


class UnknownOpError(Exception):
    """An op for which no backward step is written; the ordinary gradient takes over."""


@dataclass(frozen=True)
class Signal:
    """What comes back to a tensor: ``values`` has the number of signals in front, ``field`` is ``None`` for maps."""

    values: tf.Tensor
    field: ReceptiveField | None = None


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
        return Signal(signal.values * inside, signal.field)


def stored(tensor: tf.Tensor, signal: Signal, patches: Patches | None, outside: float = 0) -> tf.Tensor:
    """A tensor of the forward pass, cut to the patches of a signal where it has a place on the map.

    Raises:
        UnknownOpError: it is smaller than the map but spreads over it.
    """
    if signal.field is None or patches is None or tensor.shape.rank == 0:
        return tensor
    if tensor.shape.rank == 4 and list(tensor.shape[1:3]) != [1, 1]:
        return patches.cut(tensor, signal.field, outside)
    if tensor.shape.rank is None or (any(size != 1 for size in tensor.shape[:-1]) and tensor.shape.rank != 4):
        raise UnknownOpError("a tensor of unknown place")
    return tensor


def total(signals: Sequence[Signal]) -> Signal:
    """The sum of what comes back over several ways."""
    if len(signals) == 1:
        return signals[0]
    if signals[0].field is None:
        return Signal(tf.add_n([signal.values for signal in signals]))
    fields = [signal.field for signal in signals if signal.field is not None]
    if len({field.stride for field in fields}) > 1:
        raise UnknownOpError("ways of unequal strides")
    whole = reduce(ReceptiveField.joined, fields)
    return Signal(tf.add_n([_widened(signal, whole) for signal in signals]), whole)


def _widened(signal: Signal, to: ReceptiveField) -> tf.Tensor:
    field = signal.field
    if field is None or field == to:
        return signal.values
    before = [a - b for a, b in zip(field.start, to.start, strict=True)]
    after = [n - m - first for n, m, first in zip(to.size, field.size, before, strict=True)]
    return tf.pad(signal.values, [[0, 0], *map(list, zip(before, after, strict=True)), [0, 0]])
