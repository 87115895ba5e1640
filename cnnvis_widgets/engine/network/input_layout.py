"""How a network's image input looks as pictures: channels last, flat vectors folded back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ..graph.graphdef import NodeDef, node_of, tensor_of
from ..graph.layers import Shapes, consumers_of


@dataclass(frozen=True)
class ImageView:
    """Turns fed arrays into pictures (images, height, width, channels) and back.

    ``folded`` is the shape (height, width, channels) that the network itself gives to a flat input,
    and ``rank`` the rank of the fed array.
    """

    rank: int
    channels_first: bool = False
    folded: tuple[int, ...] | None = None

    def images(self, fed: np.ndarray) -> np.ndarray:
        """Fed array -> channels-last pictures."""
        if self.folded is not None:
            return fed.reshape(len(fed), *self.folded)
        return np.moveaxis(fed, 1, -1) if self.channels_first else fed

    def fed(self, images: tf.Tensor, shape: tuple[int | None, ...]) -> tf.Tensor:
        """Channels-last pictures -> the tensor to feed, whose static shape is ``shape`` but for the batch."""
        if self.folded is not None:
            return tf.reshape(images, [-1, *[-1 if size is None else size for size in shape[1:]]])
        if self.channels_first:
            return tf.transpose(images, [0, self.rank - 1, *range(1, self.rank - 1)])
        return images

    def picture_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(height, width, channels) of one picture, where the input's static shape is ``shape``."""
        if self.folded is not None:
            return self.folded
        return (*shape[2:], shape[1]) if self.channels_first else shape[1:]


def view_of(tensor: str, nodes: Mapping[str, NodeDef], shapes: Shapes, axes: Mapping[str, int]) -> ImageView:
    """The view of an input: through its own reshape if it is flat, by the layout of its convolutions else."""
    shape = shapes[tensor][1] or ()
    consumers = consumers_of(nodes)
    after = [nodes[name] for name in _reached(node_of(tensor), nodes, consumers)]
    for node in after:
        folded = shapes[tensor_of(node.name)][1] or ()
        sizes = tuple(size for size in folded[1:] if size is not None)
        grows = node.op in {"Reshape", "ExpandDims"} and len(folded) > len(shape) and len(sizes) == len(folded) - 1
        if grows and (len(shape) == 2 or sizes[:-1] == shape[1:]):
            return ImageView(len(shape), folded=sizes)
    return ImageView(len(shape), channels_first=axes.get(node_of(tensor)) == 1 and len(shape) > 2)


def _reached(name: str, nodes: Mapping[str, NodeDef], consumers: Mapping[str, list[str]]) -> list[str]:
    """What follows an input up to and including the first op that is not elementwise, in order."""
    elementwise = {"Identity", "Cast", "Sub", "Mul", "Add", "AddV2", "RealDiv", "Pad", "PadV2", "FusedBatchNormV3"}
    found, pending = [], list(consumers.get(name, []))
    while pending:
        following = pending.pop(0)
        if following not in found:
            found.append(following)
            if nodes[following].op in elementwise:
                pending += consumers.get(following, [])
    return found
