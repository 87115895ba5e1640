"""The way back from a layer to the image: several seeds over one forward pass of one image.

The ordinary gradient of K seeds needs K copies of the forward pass. Here the forward pass has one image, the signals
have their number in front, and each backward step broadcasts what it needs of the forward pass (see ``steps``).
Rules are taken where ``tf.gradients`` takes them, from the attribute of each op. What depends on no seed (masks, turned
kernels) is computed once for an image and kept; each run of seeds begins from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import tensorflow as tf

from ..graph.receptive_field import between
from ..ops import narrow_steps
from ..ops.elementwise import ENDS, STEPS
from ..ops.portable_gradient import PORTABLE
from ..ops.signals import Patches, Signal, UnknownOpError, stored, total
from ..ops.windows import ReceptiveField
from ..tensorflow_internals import gradient_function
from .gradient_overrides import LEAN


def pull_back(
    target: tf.Tensor,
    image: tf.Tensor,
    seeds: tf.Tensor,
    units: tf.Tensor | None = None,
    *,
    channels: tf.Tensor | None = None,
    first: bool = False,
) -> tuple[tf.Tensor, ReceptiveField | None]:
    """The signals that seeds at ``target`` send to ``image``, within the graph being traced.

    Args:
        target: the layer; its batch size is unknown to the graph and 1 when run, as that of all that follows ``image``.
        seeds: the shape of ``target``, with the number of seeds in front; with ``units``, (seeds, 1, 1, channels).
        units: int32 (seeds, 2), the places of the seeds on the map of ``target``: then only what these units can see
            is computed.
        channels: int32 (seeds,): then each seed is zero but in this channel, and ``seeds`` has that one only.
        first: with ``units``, whether ``target`` has its channels first.

    Returns:
        The signals, (seeds, ...) as ``image``; and, with ``units``, the patch of the image that they are for, its
        channels last also where those of ``image`` are not.

    Raises:
        UnknownOpError: there is an op on the way whose backward step is not known.
    """
    ops, on_the_way = between(image, target)
    patches = None if units is None else Patches(units)
    field = None if units is None else ReceptiveField.unit(2)
    if units is not None and target.shape.rank != 4:
        raise UnknownOpError("a layer without height and width")
    waiting: dict[Any, list[Signal]] = {target.ref(): [Signal(seeds, field, channels, first and units is not None)]}
    for op in reversed(ops):
        arriving = [waiting.pop(output.ref(), None) for output in op.outputs]
        if any(arriving):
            signals = [
                None if each is None else total(each, output.shape[-1])
                for each, output in zip(arriving, op.outputs, strict=True)
            ]
            for entered, signal in zip(op.inputs, _sent_back(op, signals, patches), strict=True):
                if signal is not None and entered.ref() in on_the_way:
                    waiting.setdefault(entered.ref(), []).append(signal)
    arrived = waiting.get(image.ref())
    if arrived is None:
        raise UnknownOpError("nothing comes back")
    result = total(arrived, image.shape[-1])
    return result.widened(image.shape[-1]).values, result.field


def _sent_back(op: tf.Operation, signals: Sequence[Signal | None], patches: Patches | None) -> Sequence[Signal | None]:
    ruled = op.node_def.attr["_gradient_op_type"].s.decode() if "_gradient_op_type" in op.node_def.attr else ""
    ruled = "" if ruled in {PORTABLE, *LEAN} else ruled
    if any(each is not None and each.channels is not None for each in signals):
        narrow = None if ruled else narrow_steps.sent_back(op, signals[0])
        if narrow is not None:
            return narrow
        signals = (
            signals
            if narrow_steps.stays_narrow(op, ruled)
            else [
                None if each is None else each.widened(output.shape[-1])
                for each, output in zip(signals, op.outputs, strict=True)
            ]
        )
    if ruled:
        return _by_rule(ruled, op, signals, patches)
    if op.type in ENDS:
        return [None] * len(op.inputs)
    if op.type not in STEPS:
        raise UnknownOpError(op.type)
    sent = STEPS[op.type](op, signals, patches)
    if not any(sent):
        raise UnknownOpError(f"nothing comes back through {op.name}")
    return sent


def _by_rule(
    rule: str, op: tf.Operation, signals: Sequence[Signal | None], patches: Patches | None
) -> Sequence[Signal | None]:
    """What the gradient function of a rule makes of signals; it sees the inputs of its op where the signals are."""
    given = next(signal for signal in signals if signal is not None)
    seen = SimpleNamespace(inputs=[stored(tf.cast(each, given.values.dtype), given, patches) for each in op.inputs])
    sent = gradient_function(rule)(seen, *(None if each is None else each.values for each in signals))
    return [None if each is None else given.with_values(each) for each in (sent if isinstance(sent, list) else [sent])]
