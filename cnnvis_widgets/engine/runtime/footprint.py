"""How many bytes a part of a network takes while it runs, estimated from shapes before anything runs.

TensorFlow ends the process where memory runs out, so nobody can catch it then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from math import prod

import tensorflow as tf

from ...errors import NotEnoughMemoryError
from ...spare_memory import spare_memory
from ..graph.graphdef import NodeDef, data_inputs, tensor_of
from ..graph.layers import Shapes
from ..tensorflow_internals import gpu_memory_limit
from .memory import kept_by_tensorflow

LARGE = 2**23
"""Bytes of a feed. A smaller one is not checked: checks take longer than what they could save."""

_VIEWS = {"ExpandDims", "Identity", "Reshape", "Squeeze", "StopGradient"}
_IN_PLACE = {"Add", "AddV2", "BiasAdd", "FusedBatchNorm", "FusedBatchNormV3", "Minimum", "Mul", "Relu", "Relu6", "Sub"}
_WORKING_MEMORY = 1.3  # kernels arrange their inputs anew; the allocator leaves gaps


def forward_bytes(nodes: Iterable[NodeDef], shapes: Shapes, tensors: Collection[str], images: int = 1) -> float:
    """Estimate the most bytes that hold values at one time while ``nodes`` run, each value dropped after its last use.

    Args:
        nodes: each after its inputs.
        shapes: of all tensors, for the feed; a free first axis counts ``images``.
        tensors: the names of those to return, which stay.
        images: how many are computed together.
    """
    nodes = list(nodes)
    uses = Counter(tensor_of(reference) for node in nodes for reference in data_inputs(node))
    uses.update(tensors)
    live: dict[str, float] = {}
    most = now = 0.0
    for node in nodes:
        taken = [tensor_of(reference) for reference in data_inputs(node)]
        own = 0.0 if node.op in _VIEWS else bytes_of_tensor(shapes, tensor_of(node.name), images)
        before = now + own
        uses.subtract(taken)
        for tensor in set(taken):
            if uses[tensor] <= 0:
                now -= live.pop(tensor, 0.0)
        most = max(most, now + own if node.op in _IN_PLACE else before)
        if uses[tensor_of(node.name)] > 0:
            live[tensor_of(node.name)] = own
            now += own
    return _WORKING_MEMORY * most


def backward_bytes(nodes: Iterable[NodeDef], shapes: Shapes, images: int = 1) -> float:
    """Estimate the bytes of a gradient through ``nodes``: what they computed stays until the signal comes back.

    An op that computes in place takes nothing of its own.
    """
    own = [tensor_of(node.name) for node in nodes if node.op not in _VIEWS | _IN_PLACE]
    sizes = [bytes_of_tensor(shapes, tensor, images) for tensor in own]
    return _WORKING_MEMORY * (sum(sizes) + 2 * max(sizes, default=0.0))


def bytes_of_tensor(shapes: Shapes, tensor: str, images: int = 1) -> float:
    """Return the bytes of a tensor; 0 where its shape is not known."""
    dtype, shape = shapes.get(tensor, (tf.float32, None))
    if shape is None or None in shape[1:]:
        return 0.0
    return float(prod(images if side is None else side for side in shape) * dtype.size)


def free_memory() -> int:
    """Return how many bytes this process can still allocate, and those that TensorFlow holds without need.

    If there is a GPU, its memory must have room for them, too.
    """
    free, limit = spare_memory() + kept_by_tensorflow(), gpu_memory_limit()
    if limit is None:
        return free
    used = tf.config.experimental.get_memory_info("GPU:0")["current"]
    return min(free, max(limit - used, 1))


def require_memory(needed: float, feeds: Mapping[str, tuple[int, ...]], what: str) -> None:
    """Check that so many bytes are free.

    Args:
        needed: bytes.
        feeds: the shapes fed, by tensor name; for the message.
        what: would be computed; for the message.

    Raises:
        NotEnoughMemoryError: they are not.
    """
    free = free_memory()
    if needed <= free:
        return
    fed = ", ".join(f"{name.removesuffix(':0')} {' × '.join(map(str, shape))}" for name, shape in feeds.items())
    raise NotEnoughMemoryError(
        f"Expected a feed for which there is memory. Received: {fed}, for which {what} takes about {_text(needed)}; "
        f"{_text(free)} are free. Resize the images, feed fewer at once, choose a layer nearer to the image, or close "
        "networks that you no longer need."
    )


def _text(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.0f} MB"
