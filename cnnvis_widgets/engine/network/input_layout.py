"""The layout of the input that takes the images: pictures into the array that the network expects, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from ...errors import FeedError
from ..graph.freezing import FrozenGraph
from ..graph.graphdef import ancestors, data_inputs, descendants, node_of, tensor_of
from ..graph.layers import constant_numbers
from ..graph.structure import Structure

_RANKS = {4: 5, 5: 4, 3: 3, 2: 2}  # pictures before volumes, signals and flat vectors


_POINTWISE = {"Identity", "Cast", "Sub", "Mul", "Add", "AddV2", "RealDiv"}


@dataclass(frozen=True)
class InputLayout:
    """How one input of a network holds pictures.

    Attributes:
        tensor: the full name of the input.
        dtype, shape: of the tensor; ``None`` for a shape or sizes that the network leaves free.
        channels_first: whether the channels stand in front of height and width.
        folded: the shape (height, width, channels) that the network itself gives to a flat input, or ``None``.
        whole_numbers: the dtype of the whole numbers that the model takes here, such as 'uint8', or ''. The frozen
            graph may take them as floating point.
    """

    tensor: str
    dtype: tf.DType
    shape: tuple[int | None, ...] | None
    channels_first: bool = False
    folded: tuple[int, ...] | None = None
    whole_numbers: str = ""

    @property
    def picture_shape(self) -> tuple[int | None, ...]:
        """(height, width, channels) of one picture, ``None`` where a size is free."""
        shape = self.full_shape
        if self.folded is not None:
            return self.folded
        return (*shape[2:], shape[1]) if self.channels_first else shape[1:]

    @property
    def full_shape(self) -> tuple[int | None, ...]:
        """The shape of the input, four free sizes if it is unknown."""
        return self.shape or (None,) * 4

    def from_images(self, images: np.ndarray) -> np.ndarray:
        """Pictures (images, height, width, channels) in the layout of the input. Nothing is preprocessed."""
        if self.folded is not None:
            return images.reshape(len(images), *(-1 if size is None else size for size in self.full_shape[1:]))
        return np.moveaxis(images, -1, 1) if self.channels_first else images

    def to_images(self, fed: np.ndarray) -> np.ndarray:
        """An array in the layout of the input as pictures (images, height, width, channels)."""
        if self.folded is not None:
            return fed.reshape(len(fed), *self.folded)
        return np.moveaxis(fed, 1, -1) if self.channels_first else fed

    def to_input(self, images: tf.Tensor) -> tf.Tensor:
        """Pictures, channels last, as the tensor that the input takes; for use inside a compiled function."""
        shape = self.shape or ()
        if self.folded is not None:
            images = tf.reshape(images, [-1, *[-1 if size is None else size for size in shape[1:]]])
        elif self.channels_first:
            images = tf.transpose(images, [0, len(shape) - 1, *range(1, len(shape) - 1)])
        return tf.cast(images, self.dtype)


def usual_range(images: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """The first of [0, 1], [-1, 1] and [0, 255] that holds all values of the images.

    Returns:
        The lowest and the highest value, float32 scalars: those of the images themselves if none of the three
        ranges holds them, and (0, 255) without images.
    """
    if images is None:
        return np.float32(0), np.float32(255)
    least, most = float(images.min()), float(images.max())
    for low, high in ((0, 1), (-1, 1), (0, 255)):
        if low <= least and most <= high:
            return np.float32(low), np.float32(high)
    return np.float32(least), np.float32(most)


def choose_image_input(frozen: FrozenGraph, structure: Structure, fed: Sequence[str] = ()) -> str:
    """Guess the input that takes the images from the layers it reaches, its rank and its dtype.

    Args:
        frozen, structure: of the network.
        fed: names of tensors that will be fed. If the best input is none of them, the best of them takes its place.

    Raises:
        FeedError: no input reaches a layer.
    """
    names = (tensor_of(frozen.inputs.get(name, name)) for name in fed)
    tensors = [name for name in names if name in structure.shapes]
    best = _best_image_input(frozen.inputs.values(), structure)
    if tensors and best not in tensors:
        best = _best_image_input(tensors, structure) or best
    if best is None:
        raise FeedError(_no_image_input(frozen, structure))
    return best


def _best_image_input(tensors: Iterable[str], structure: Structure) -> str | None:
    best: tuple[tuple[int, int, int], str] | None = None
    for tensor in tensors:
        reached = descendants(structure.consumers, [node_of(tensor)])
        dtype, shape = structure.shapes[tensor]
        rank = 1 if shape is None else _RANKS.get(len(shape), 0)
        reaching = sum(layer.name in reached for layer in structure.layers)
        score = (min(reaching, 1), rank, 2 * dtype.is_floating + (dtype != tf.bool))
        if rank and reaching and (best is None or score > best[0]):
            best = score, tensor
    return None if best is None else best[1]


def behind_entry(source: str, structure: Structure) -> str:
    """The tensor behind an input that takes the images in its place, where the input itself takes no batch of them.

    Args:
        source: the full name of the input.
        structure: of the graph.

    Returns:
        The full name of the tensor; ``source`` for most networks.
    """
    return _behind_rounding(_behind_new_axis(source, structure), structure)


def _behind_new_axis(source: str, structure: Structure) -> str:
    """The batch that a network makes of the one image that it takes, by an axis in front."""
    name = node_of(source)
    while (
        len(consumers := {key for key in structure.consumers.get(name, []) if structure.nodes[key].op != "Shape"}) == 1
    ):
        (name,) = consumers
        node = structure.nodes[name]
        if node.op == "ExpandDims" and constant_numbers(structure.nodes, data_inputs(node)[1]) == [0]:
            return tensor_of(name)
        varying = [reference for reference in data_inputs(node) if node_of(reference) in structure.varying]
        if node.op not in _POINTWISE or len(varying) != 1:
            break
    return source


def _behind_rounding(source: str, structure: Structure) -> str:
    """The image behind a cast, where a network rounds the whole numbers that it takes, or computes with them.

    No gradient passes that. Behind the last cast to floating point that all layers depend on, the image is
    differentiable, and still an image.
    """
    rank = len(structure.shapes[source][1] or ())
    takes_whole_numbers = structure.shapes[source][0].is_integer or source in structure.whole_numbers
    if not takes_whole_numbers or rank < 3:
        return source
    reached = descendants(structure.consumers, [node_of(source)])
    layers = {layer.name for layer in structure.layers if layer.kind != "resize"} & reached
    best = source
    for name in (name for name in structure.nodes if name in reached):
        if name in layers:
            break
        node, tensor = structure.nodes[name], tensor_of(name)
        if node.op != "Cast" or not structure.shapes[tensor][0].is_floating:
            continue
        entered = tensor_of(data_inputs(node)[0])
        others = {key: [each for each in value if each != name] for key, value in structure.consumers.items()}
        is_image = structure.shapes[entered][0].is_integer and len(structure.shapes[tensor][1] or ()) == rank
        if is_image and not layers & descendants(others, [node_of(source)]):
            best = tensor
    return best


def entry_of(image: str, frozen: FrozenGraph, structure: Structure) -> str:
    """The one input in front of a tensor that takes the images; the tensor itself if it is an input or has several."""
    before = ancestors(structure.nodes, [node_of(image)])
    inputs = [tensor for tensor in frozen.inputs.values() if node_of(tensor) in before]
    return inputs[0] if len(inputs) == 1 else image


def _no_image_input(frozen: FrozenGraph, structure: Structure) -> str:
    """Say why no input takes images, and name the first tensor behind the inputs that could."""
    inputs = ", ".join(f"{name!r} ({structure.shapes[tensor][0].name})" for name, tensor in frozen.inputs.items())
    behind = descendants(structure.consumers, [node_of(tensor) for tensor in frozen.inputs.values()])
    could = (
        tensor_of(name)
        for name in structure.nodes
        if name in behind
        and (info := structure.shapes.get(tensor_of(name)))
        and info[0].is_floating
        and len(info[1] or ()) >= 3
    )
    return (
        f"Expected an input with a path to a layer. Received: inputs {inputs or 'none'}, and {len(structure.layers)} "
        "layers. Text and serialized examples cannot take images: name the tensor that does: "
        f"load(model, image_input={next(could, 'name:0')!r})."
    )


def layout_of(tensor: str, structure: Structure) -> InputLayout:
    """Read the layout of an input from the graph.

    A flat input has the shape of the first reshape behind it. Any other input has the layout of its convolutions.

    Args:
        tensor: the full name of the input.
        structure: of the graph.
    """
    dtype, static = structure.shapes[tensor]
    whole = structure.whole_numbers.get(tensor, dtype.name if dtype.is_integer else "")
    shape = static or ()
    for name in _elementwise_successors(node_of(tensor), structure):
        node, folded = structure.nodes[name], structure.shapes[tensor_of(name)][1] or ()
        sizes = tuple(size for size in folded[1:] if size is not None)
        grows = node.op in {"Reshape", "ExpandDims"} and len(folded) > len(shape) and len(sizes) == len(folded) - 1
        if grows and (len(shape) == 2 or sizes[:-1] == shape[1:]):
            return InputLayout(tensor, dtype, static, folded=sizes, whole_numbers=whole)
    channels_first = structure.axes.get(node_of(tensor)) == 1 and len(shape) > 2
    return InputLayout(tensor, dtype, static, channels_first=channels_first, whole_numbers=whole)


def _elementwise_successors(source: str, structure: Structure) -> list[str]:
    """The nodes behind an input up to and including the first op that is not elementwise, breadth first."""
    elementwise = _POINTWISE | {"Pad", "PadV2", "FusedBatchNormV3"}
    reached, pending = list[str](), list(structure.consumers.get(source, []))
    while pending:
        name = pending.pop(0)
        if name not in reached:
            reached.append(name)
            if structure.nodes[name].op in elementwise:
                pending += structure.consumers.get(name, [])
    return reached
