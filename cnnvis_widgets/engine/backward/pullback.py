"""The pullback of a network: what several seeds at a layer send to the image, over the forward pass of one image.

TensorFlow's own gradient of K seeds needs K copies of the forward pass. Here the forward pass has one image, and the
batch axis of the signals counts the seeds (see ``signals``). Rules hold as they do for ``tf.gradients``, which reads
the same attribute of each op. Masks and flipped kernels depend on no seed, so they are computed once for an image
(see ``runtime.two_stage``).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import tensorflow as tf

from ..graph.receptive_field import between
from ..ops.signals import Patches, Signal, Signals, stored, total
from ..ops.specs import OPS
from ..ops.windows import NotSupported, ReceptiveField, has_channels_last
from ..tensorflow_internals import gradient_function
from .custom_gradients import is_custom
from .gradient_overrides import OVERRIDES
from .rules import is_channelwise, is_rule


def pull_back(
    target: tf.Tensor,
    image: tf.Tensor,
    seeds: tf.Tensor,
    units: tf.Tensor | None = None,
    *,
    channels: tf.Tensor | None = None,
    first: bool = False,
) -> tuple[tf.Tensor, ReceptiveField | None]:
    """Send seeds from a layer back to the image, within the graph that is being traced.

    Args:
        target: the layer. Its batch size, and that of all tensors between, is unknown in the graph and 1 at run time.
        seeds: shaped as ``target``, with the number of seeds in front; with ``units``, (seeds, 1, 1, channels).
        units: int32 (seeds, 2), the row and column of each seed. Given, only their receptive fields are computed.
        channels: int32 (seeds,). Given, ``seeds`` has one channel, and this is which one; all others are zero.
        first: with ``units``, whether ``target`` has its channels first.

    Returns:
        The signals at the image, (seeds, ...) as ``image``; and, with ``units``, the receptive field that they cover.
        These patches have their channels last, whatever the layout of ``image``.

    Raises:
        NotSupported: an op between has no pullback, or none for this case.
    """
    ops, tensors = between(image, target)
    patches = None if units is None else Patches(units)
    field = None if units is None else ReceptiveField.unit(2)
    if units is not None and target.shape.rank != 4:
        raise NotSupported("patches of a layer without height and width")
    waiting: dict[Any, list[Signal]] = {target.ref(): [Signal(seeds, field, channels, first and units is not None)]}
    for op in reversed(ops):
        arriving = [waiting.pop(output.ref(), None) for output in op.outputs]
        if any(arriving):
            signals = [
                None if each is None else total(each, output.shape[-1])
                for each, output in zip(arriving, op.outputs, strict=True)
            ]
            for entered, signal in zip(op.inputs, _sent_back(op, signals, patches), strict=True):
                if signal is not None and entered.ref() in tensors:
                    waiting.setdefault(entered.ref(), []).append(signal)
    arrived = waiting.get(image.ref())
    if arrived is None:
        raise NotSupported("a layer from which nothing comes back to the image")
    result = total(arrived, image.shape[-1])
    return result.widened(image.shape[-1]).values, result.field


def _sent_back(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """The signals at the inputs of an op, by its rule or by its own pullback."""
    rule, spec = _rule_of(op), OPS.get(op.type)
    if any(each is not None and each.channels is not None for each in signals):
        own = spec.narrow_pullback if spec is not None and not rule else None
        sent = own(op, signals[0]) if own and signals[0] and op.outputs[0].shape.rank == 4 else None
        if sent is not None:
            return sent
        if not _keeps_channels_apart(op, rule):
            signals = [
                None if each is None else each.widened(output.shape[-1])
                for each, output in zip(signals, op.outputs, strict=True)
            ]
    if rule:
        return _by_rule(rule, op, signals, patches)
    if spec is None or spec.pullback is None:
        raise NotSupported(op.type)
    return spec.pullback(op, signals, patches)


def _rule_of(op: tf.Operation) -> str:
    """The gradient function that a rule has set for an op; '' if it takes its true gradient."""
    stated = op.node_def.attr["_gradient_op_type"].s.decode() if "_gradient_op_type" in op.node_def.attr else ""
    if is_custom(op.node_def) and not is_rule(stated):
        raise NotSupported(f"{op.name}, which has a custom gradient")
    return "" if stated in OVERRIDES else stated


def _keeps_channels_apart(op: tf.Operation, rule: str) -> bool:
    """Whether a narrow signal may pass an op as it is: no channel of its inputs meets another one."""
    if op.outputs[0].shape.rank != 4 or not has_channels_last(op):
        return False
    if not (is_channelwise(rule) if rule else op.type in OPS and OPS[op.type].channelwise):
        return False
    channels = op.outputs[0].shape[-1]
    return all(each.shape.rank in (0, 1) or (each.shape.rank == 4 and each.shape[-1] == channels) for each in op.inputs)


def _by_rule(rule: str, op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
    """Call the gradient function of a rule; it sees the inputs of its op cut to the places of the signals."""
    given = next(signal for signal in signals if signal is not None)
    seen = SimpleNamespace(inputs=[stored(tf.cast(each, given.values.dtype), given, patches) for each in op.inputs])
    sent = gradient_function(rule)(seen, *(None if each is None else each.values for each in signals))
    return [None if each is None else given.with_values(each) for each in (sent if isinstance(sent, list) else [sent])]
