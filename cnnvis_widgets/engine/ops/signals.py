"""Signals that travel backwards: many at once, over the forward pass of one image.

The batch axis of a signal counts the signals; tensors of the forward pass have 1 there, so products of the two
broadcast. A signal covers whole maps or patches. A patch is the receptive field of one unit (see ``windows``), and
every tensor of the forward pass is cut to the same patch. A whole map has the layout of the tensor that it belongs
to; a patch always has its channels last. A signal of whole maps may be narrow: it holds one channel, and all others
are zero. Signals are narrow from their layer down to the first convolution below it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import tensorflow as tf

from ..tensorflow_internals import gradient_function
from .windows import Axis, NotSupported, ReceptiveField


@dataclass(frozen=True)
class Signal:
    """The gradient-like signal at one tensor.

    Attributes:
        values: (signals, ...), as the tensor, or (signals, rows, columns, channels) for patches.
        field: the receptive field that the patches cover; ``None`` for whole maps.
        channels: int32 (signals,), for narrow signals: which channel of the tensor the one channel of ``values`` is.
        first: for patches, whether the tensor has its channels first.
    """

    values: tf.Tensor
    field: ReceptiveField | None = None
    channels: tf.Tensor | None = None
    first: bool = False

    def with_values(self, values: tf.Tensor) -> Signal:
        """A signal with other values at the same place."""
        return replace(self, values=values)

    def widened(self, count: int | None) -> Signal:
        """The signal with all ``count`` channels; one that is not narrow is returned as it is.

        Raises:
            NotSupported: a narrow signal, and ``count`` is unknown.
        """
        if self.channels is None:
            return self
        if count is None:
            raise NotSupported("a tensor with an unknown number of channels")
        chosen = tf.one_hot(self.channels, count, dtype=self.values.dtype)
        return Signal(self.values * chosen[:, None, None, :], self.field)

    def axis(self, axis: int) -> int:
        """The axis of ``values`` that belongs to an axis of the tensor."""
        return _CHANNELS_LAST.index(axis) if self.first else axis

    def turned(self, sizes: Any) -> list[Any]:
        """Reorder numbers, one for each axis of the tensor, to the axes of ``values``."""
        return [sizes[axis] for axis in _CHANNELS_LAST] if self.first else list(sizes)


Signals = Sequence[Signal | None]
Pullback = Callable[[tf.Operation, Signals, "Patches | None"], Signals]
"""(op, one signal for each output, patches) -> one signal for each input.

``None`` stands for no signal. The patches are ``None`` if the signals cover whole maps. Raises ``NotSupported``.
"""

_CHANNELS_LAST = (0, 2, 3, 1)  # the axes of a tensor with its channels first, in the order that patches have


class Patches:
    """Cuts tensors of the forward pass to the receptive fields of chosen units.

    ``units`` is int32 (signals, 2): the row and column of the unit that each signal started from.
    """

    def __init__(self, units: tf.Tensor) -> None:
        self._units = units
        self._places: dict[tuple[ReceptiveField, tuple[int, ...]], tf.Tensor] = {}

    def _flat_places(self, field: ReceptiveField, sizes: tuple[int, ...]) -> tf.Tensor:
        """The index of each element of each patch in the flattened map; one past its end for elements outside."""
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
        """Cut (1, height, width, channels) to (signals, rows, columns, channels); ``outside`` fills the padding."""
        _, *sizes, channels = tensor.shape
        flat = tf.reshape(tensor, [-1, channels])
        edge = tf.fill([1, channels], tf.cast(outside, tensor.dtype))
        return tf.gather(tf.concat([flat, edge], 0), self._flat_places(field, tuple(sizes)))

    def within(self, signal: Signal, sizes: Sequence[int]) -> Signal:
        """Set a signal to zero outside a map of these sizes: the padding sends nothing back."""
        if signal.field is None:
            return signal
        places = self._flat_places(signal.field, tuple(sizes))
        inside = tf.cast(places < sizes[0] * sizes[1], signal.values.dtype)[..., None]
        return signal.with_values(signal.values * inside)


def stored(tensor: tf.Tensor, signal: Signal, patches: Patches | None, outside: float = 0) -> tf.Tensor:
    """Cut a tensor of the forward pass to the patches or to the one channel of a signal, so that the two broadcast.

    Raises:
        NotSupported: the signal covers patches, and the tensor is not a map of the same size.
    """
    if signal.channels is not None and tensor.shape.rank and tensor.shape[-1] != 1:
        return of_channels(tensor, signal.channels)
    if signal.field is None or patches is None or tensor.shape.rank == 0:
        return tensor
    if signal.first and tensor.shape.rank is not None:
        missing = tf.ones([4 - tensor.shape.rank], tf.int32)
        whole = tf.reshape(tensor, tf.concat([missing, tf.shape(tensor)], 0))
        tensor = tf.transpose(tf.ensure_shape(whole, [*[1] * missing.shape[0], *tensor.shape]), _CHANNELS_LAST)
    if tensor.shape.rank == 4 and list(tensor.shape[1:3]) != [1, 1]:
        return patches.cut(tensor, signal.field, outside)
    if tensor.shape.rank is None or (any(size != 1 for size in tensor.shape[:-1]) and tensor.shape.rank != 4):
        raise NotSupported(f"patches of the tensor {tensor.name}, which is not a map")
    return tensor


def of_channels(tensor: tf.Tensor, channels: tf.Tensor) -> tf.Tensor:
    """Take one channel for each signal: (1, height, width, all) -> (signals, height, width, 1).

    A vector (all,) becomes (signals, 1, 1, 1).
    """
    chosen = tf.gather(tensor, channels, axis=-1)
    if tensor.shape.rank == 1:
        return chosen[:, None, None, None]
    return tf.transpose(chosen, [3, 1, 2, 0])


def total(signals: Sequence[Signal], channels: int | None) -> Signal:
    """Add up all signals at a tensor of ``channels`` channels. A sum of several signals is never narrow.

    Raises:
        NotSupported: patches of unequal strides or layouts.
    """
    if len(signals) == 1:
        return signals[0]
    signals = [signal.widened(channels) for signal in signals]
    if signals[0].field is None:
        return Signal(tf.add_n([signal.values for signal in signals]))
    fields = [signal.field for signal in signals if signal.field is not None]
    if len({field.stride for field in fields}) > 1 or len({signal.first for signal in signals}) > 1:
        raise NotSupported("paths of unequal strides or layouts that meet")
    whole = reduce(ReceptiveField.joined, fields)
    return Signal(tf.add_n([_enlarged(signal, whole) for signal in signals]), whole, first=signals[0].first)


def _enlarged(signal: Signal, to: ReceptiveField) -> tf.Tensor:
    """Pad the values of patches with zeros so that they cover a larger receptive field."""
    field = signal.field
    if field is None or field == to:
        return signal.values
    before = [a - b for a, b in zip(field.start, to.start, strict=True)]
    after = [n - m - first for n, m, first in zip(to.size, field.size, before, strict=True)]
    return tf.pad(signal.values, [[0, 0], *map(list, zip(before, after, strict=True)), [0, 0]])


def true_gradient(op: tf.Operation, values: tf.Tensor) -> tf.Tensor:
    """TensorFlow's own gradient of an op for its first input, at the forward pass."""
    result = gradient_function(op.type)(op, values)
    return result[0] if isinstance(result, list | tuple) else result


def static(tensor: tf.Tensor, whole: bool = False) -> Any:
    """The value of a constant of the graph, as an integer, or as an array if ``whole``.

    Raises:
        NotSupported: the tensor is computed at run time.
    """
    value = tf.get_static_value(tensor)
    if value is None:
        raise NotSupported(f"{tensor.name}, which is computed at run time")
    return value if whole else int(value)


def require_whole(op: tf.Operation, signal: Signal) -> None:
    """Refuse patches.

    Raises:
        NotSupported: the signal covers patches.
    """
    if signal.field is not None:
        raise NotSupported(f"patches through {op.type}")


# ---- windows


def window_below(
    signal: Signal, op: tf.Operation, axes: tuple[Axis, ...]
) -> tuple[tuple[Axis, ...], list[int], Signal]:
    """How a window op acts on a signal: its windows, the spatial sizes below it, and the signal with its field there.

    Patches have no padding of their own, so their windows have none.

    Raises:
        NotSupported: patches of a tensor that has its channels first.
    """
    if signal.field is None:
        return axes, list(op.inputs[0].shape[1:-1]), signal
    if signal.first:
        raise NotSupported(f"{op.type} over the channels of a patch")
    field = signal.field.below(axes)
    bare = tuple(Axis(axis.kernel, axis.stride, axis.dilation) for axis in axes)
    return bare, list(field.size), Signal(signal.values, field)


def placed(
    values: tf.Tensor, place: Signal, op: tf.Operation, axes: tuple[Axis, ...], patches: Patches | None
) -> Signal:
    """The signal below a window op, without the part that fell into the padding."""
    result = Signal(values, place.field)
    padded = any(axis.before or axis.after for axis in axes)
    return patches.within(result, op.inputs[0].shape[1:-1]) if padded and patches is not None else result


def fitted(values: tf.Tensor, begins: Sequence[int], lengths: Sequence[int]) -> tf.Tensor:
    """Cut ``lengths`` rows and columns from ``begins`` on; fill with zeros what lies past the end.

    Raises:
        NotSupported: the size of the signal is unknown.
    """
    sizes = values.shape[1:-1]
    taken = [slice(begin, begin + length) for begin, length in zip(begins, lengths, strict=True)]
    if None in sizes:
        raise NotSupported("a signal of unknown size")
    missing = [max(0, part.stop - size) for part, size in zip(taken, sizes, strict=True)]
    if any(missing):
        values = tf.pad(values, [[0, 0], *([0, each] for each in missing), [0, 0]])
    window = (slice(None), *taken)
    return values[window]
