"""An objective made ready for one network: its layers found, its images seen, its numbers set apart.

The numbers (which channel, which weight, a guide's activations) are fed, not compiled in: one compiled
function serves every class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import ChannelError, FeedError, NumericalError
from ...results import Layer
from ..graph.graphdef import node_of
from ..network.channels import channel_number
from ..network.feeds import Feeds
from ..network.network import Network
from ..runtime.subgraphs import Passage
from .objective_terms import Scene
from .objectives import Objective


@dataclass(frozen=True, eq=False)
class Goal:
    """An objective on a network.

    Attributes:
        objective: with tensor names for layers; numbers and arrays are replaced by their place in ``leaves``.
        layers: that it looks at, by tensor name; the first is the one that the dream is said to be of.
        leaves: numbers and arrays.
        softmax_removed: whether a softmax was asked for and its logits were taken.
        title: how it is called in messages.
        others: what is fed beside the images.
    """

    objective: Objective
    layers: dict[str, Layer]
    leaves: tuple[np.ndarray, ...]
    softmax_removed: bool
    title: str
    others: Feeds

    @property
    def key(self) -> tuple[Any, ...]:
        """What a function compiled for it depends on."""
        return _key(self.objective), tuple((leaf.dtype.str, leaf.ndim) for leaf in self.leaves), tuple(self.others)

    @property
    def layer(self) -> Layer | None:
        """The first of its layers; ``None`` if it looks at the picture alone."""
        return next(iter(self.layers.values()), None)

    def signature(self, network: Network) -> list[tf.TensorSpec]:
        """Of ``given``."""
        free = [tf.TensorSpec([None] * leaf.ndim, tf.as_dtype(leaf.dtype)) for leaf in self.leaves]
        return [*free, *network.runtime.batches.signature(self.others)]

    @property
    def given(self) -> list[np.ndarray]:
        """What a compiled function is fed: the leaves, then the other inputs of the network."""
        return [*self.leaves, *self.others.values()]

    def scores(
        self, network: Network, images: tf.Tensor, shown: tf.Tensor, given: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, list[Passage]]:
        """The objective of each image, inside a function that is being traced, and the passages through the network.

        Args:
            network: the network.
            images: (images, height, width, channels), in the range of the input.
            shown: the pictures themselves in [0, 1], for the terms that look at pixels.
            given: tensors for ``given``.
        """
        leaves, fed = given[: len(self.leaves)], dict(zip(self.others, given[len(self.leaves) :], strict=True))
        objective = self.objective.mapped(lambda _, __, value: leaves[value] if isinstance(value, int) else value)
        passages = self._passages(network, images, fed) if self.layers else []
        return objective.value(Scene(shown, self._activations(passages))), passages

    def _passages(self, network: Network, images: tf.Tensor, fed: dict[str, tf.Tensor]) -> list[Passage]:
        """One for all images; a graph that insists on its batch sees one picture at a time, as often as it wants."""
        tensors, batch = list(self.layers), network.runtime.batches.fixed_size
        parts = (
            [images]
            if batch is None
            else [tf.repeat(images[each : each + 1], batch, axis=0) for each in range(images.shape[0])]
        )
        return [
            network.runtime.passage(
                {network.runtime.image_tensor: network.runtime.layout.to_input(part), **fed},
                tensors,
                node_of(tensors[0]),
            )
            for part in parts
        ]

    def _activations(self, passages: list[Passage]) -> dict[str, tf.Tensor]:
        values = [passage.tensors for passage in passages]
        if len(values) > 1:
            values = [[tf.concat([value[:1] for value in column], 0) for column in zip(*values, strict=True)]]
        return {
            tensor: _channels_last(tf.cast(value, tf.float32), layer)
            for part in values
            for (tensor, layer), value in zip(self.layers.items(), part, strict=True)
        }


def _channels_last(values: tf.Tensor, layer: Layer) -> tf.Tensor:
    rank = len(layer.shape)
    if layer.channel_axis in (-1, rank - 1):
        return values
    axes = [axis for axis in range(rank) if axis != layer.channel_axis]
    return tf.transpose(values, [*axes, layer.channel_axis])


def _key(value: Any) -> Any:
    if isinstance(value, Objective):
        return value.name, *((name, _key(each)) for name, each in value.arguments.items())
    return value


def goal_of(network: Network, objective: Objective, others: Feeds, title: str = "") -> Goal:
    """Make an objective ready.

    Raises:
        LayerError, ChannelError, FeedError: it speaks of something that the network does not have.
        GradientError: nothing flows from one of its layers to the image.
    """
    layers: dict[str, Layer] = {}
    leaves: list[np.ndarray] = []
    removed = False

    def leaf(value: Any) -> int:
        leaves.append(np.asarray(value, np.float32) if isinstance(value, float) else np.asarray(value))
        return len(leaves) - 1

    def resolved(part: Objective) -> Objective:
        nonlocal removed
        arguments = dict(part.arguments)
        if "layer" in arguments:
            asked = _layer(network, arguments["layer"])
            layer = network.runtime.structure.before_softmax(asked)
            network.runtime.require_gradient(layer)
            removed = removed or layer is not asked
            layers[layer.tensor] = layer
            arguments["layer"] = layer.tensor
            if "channel" in arguments:
                arguments["channel"] = np.int32(channel_number(network, layer, arguments["channel"]))
            if "image" in arguments:
                arguments["image"] = _seen(network, layer, arguments["image"], others)
            if "vector" in arguments:
                _check_vector(layer, arguments["vector"])
        return replace(
            part,
            arguments={
                name: resolved(each) if isinstance(each, Objective) else each if isinstance(each, str) else leaf(each)
                for name, each in arguments.items()
            },
        )

    ready = resolved(objective)
    return Goal(ready, layers, tuple(leaves), removed, title or repr(objective), others)


def _layer(network: Network, name: str | Layer) -> Layer:
    if name:
        return network.layer(name)
    if network.logits is None:
        raise ChannelError("Expected a network with class scores. Received: one without. Use channel(layer, number).")
    return network.logits


def _check_vector(layer: Layer, vector: np.ndarray) -> None:
    if vector.ndim != 1 or layer.channels not in (None, len(vector)):
        raise ChannelError(
            f"Expected a direction with {layer.channels} entries, one for each channel of {layer.name!r}. "
            f"Received: shape {vector.shape}."
        )


def _seen(network: Network, layer: Layer, image: Any, others: Feeds) -> np.ndarray:
    """A layer's activations of a reference image, channels last."""
    photo = network.runtime.layout.photo(image, network.preprocess)
    if not np.isfinite(photo).all():
        raise NumericalError("Expected a finite reference image. Received: NaN or infinity in it.")
    fixed = network.runtime.layout.picture_shape[:-1]
    if len(fixed) != 2 and None not in fixed and photo.shape[1:-1] != fixed:
        raise FeedError(f"Expected a reference image of size {fixed}. Received: {photo.shape[1:-1]}.")

    def body(picture: tf.Tensor, *fed: tf.Tensor) -> tf.Tensor:
        if len(fixed) == 2 and None not in fixed:
            picture = tf.image.resize(picture, fixed, antialias=True)
            picture.set_shape([1, *network.runtime.layout.picture_shape])
        picture = tf.repeat(picture, network.runtime.batches.fixed_size or 1, axis=0)
        inputs = {
            network.runtime.image_tensor: network.runtime.layout.to_input(picture),
            **dict(zip(others, fed, strict=True)),
        }
        return _channels_last(network.runtime.build(inputs, [layer.tensor])[0][:1], layer)

    signature = [
        tf.TensorSpec([1, *[None] * len(fixed), photo.shape[-1]], tf.float32),
        *network.runtime.batches.signature(others),
    ]
    function = network.runtime.compiled(("seen", layer.tensor, tuple(others)), body, signature)
    return function(photo, *others.values()).astype(np.float32)
