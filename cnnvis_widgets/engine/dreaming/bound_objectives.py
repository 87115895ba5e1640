"""Bind an objective to one network: find its layers, and take its numbers out of it.

The numbers (a channel, a weight, the activations of a guide image) are fed to the compiled function and are not part
of it. So one compiled function serves every class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import ChannelError, FeedError, NumericalError
from ...results import Layer
from ..backward.rules import REDIRECTED
from ..network.channels import channel_number
from ..network.feeds import Feeds
from ..network.network import Network
from ..network.pictures import photo_of
from ..network.runtime import Runtime
from ..runtime.subgraphs import ImportedSubgraph
from .objective_terms import TERMS, ObjectiveInputs, Term
from .objectives import Objective


@dataclass(frozen=True, eq=False)
class BoundObjective:
    """An objective on a network.

    Attributes:
        objective: it names tensors as its layers; every number and array is replaced by its place in ``leaves``.
        layers: the layers that it reads, by tensor name. The first one gives the dream its name.
        leaves: its numbers and arrays.
        activation_removed: 'softmax' or 'sigmoid' where the scores before it took its place, else ''.
        title: its name in messages.
        other_feeds: arrays for the inputs of the network beside the images.
        redirected: whether signals find a way into ReLUs that let nothing through; see ``rules.REDIRECTED``.
        precision: of the network's convolutions and products, 'float32' or 'bfloat16'; float32 if ``redirected``.
    """

    objective: Objective
    layers: dict[str, Layer]
    leaves: tuple[np.ndarray, ...]
    activation_removed: str
    title: str
    other_feeds: Feeds
    redirected: bool = False
    precision: str = "float32"

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for objectives that one compiled function serves."""
        leaf_types = tuple((leaf.dtype.str, leaf.ndim) for leaf in self.leaves)
        return _key(self.objective), leaf_types, tuple(self.other_feeds), self.redirected, self.precision

    @property
    def layer(self) -> Layer | None:
        """The first of its layers; ``None`` if it reads the pixels alone."""
        return next(iter(self.layers.values()), None)

    def signature(self, runtime: Runtime) -> list[tf.TensorSpec]:
        """The specs of ``values``."""
        leaves = [tf.TensorSpec([None] * leaf.ndim, tf.as_dtype(leaf.dtype)) for leaf in self.leaves]
        return [*leaves, *runtime.batches.signature(self.other_feeds)]

    @property
    def values(self) -> list[np.ndarray]:
        """The arrays that a compiled function is fed: the leaves, then the other inputs of the network."""
        return [*self.leaves, *self.other_feeds.values()]

    def scores(
        self, runtime: Runtime, images: tf.Tensor, pixels: tf.Tensor, values: Sequence[tf.Tensor]
    ) -> tuple[tf.Tensor, list[ImportedSubgraph]]:
        """The score of each image, inside a function that is being traced, and the imported subgraphs of the network.

        Args:
            runtime: of the network.
            images: (images, height, width, channels), in the range of the input.
            pixels: the pictures in [0, 1], for the terms that read pixels.
            values: the tensors of ``values``.
        """
        leaves, rest = values[: len(self.leaves)], values[len(self.leaves) :]
        fed = dict(zip(self.other_feeds, rest, strict=True))
        objective = self.objective.mapped(lambda argument: leaves[argument] if isinstance(argument, int) else argument)
        subgraphs = self._subgraphs(runtime, images, fed) if self.layers else []
        return objective.value(ObjectiveInputs(pixels, self._activations(subgraphs))), subgraphs

    def _subgraphs(self, runtime: Runtime, images: tf.Tensor, fed: dict[str, tf.Tensor]) -> list[ImportedSubgraph]:
        """Import one subgraph for all images; with a fixed batch, one for each picture, repeated to fill the batch."""
        tensors, batch = list(self.layers), runtime.batches.fixed_size
        rule, precision = (REDIRECTED, "float32") if self.redirected else ("gradient", self.precision)
        if batch is None:
            parts = [images]
        else:
            parts = [tf.repeat(images[place : place + 1], batch, axis=0) for place in range(images.shape[0])]
        return [
            runtime.build_with_gradient(
                {runtime.image_tensor: runtime.layout.to_input(part), **fed}, tensors, rule, precision
            )
            for part in parts
        ]

    def _activations(self, subgraphs: list[ImportedSubgraph]) -> dict[str, tf.Tensor]:
        if not subgraphs:
            return {}
        outputs = [subgraph.tensors for subgraph in subgraphs]
        columns = outputs[0]
        if len(outputs) > 1:
            columns = [tf.concat([output[:1] for output in column], 0) for column in zip(*outputs, strict=True)]
        return {
            tensor: _channels_last(tf.cast(output, tf.float32), layer)
            for (tensor, layer), output in zip(self.layers.items(), columns, strict=True)
        }


def bind(network: Network, objective: Objective, other_feeds: Feeds, title: str = "") -> BoundObjective:
    """Bind an objective to a network.

    Args:
        network: the network.
        objective: with any names of layers that ``Network.layer`` understands.
        other_feeds: arrays for the inputs of the network beside the images.
        title: its name in messages; by default the objective as text.

    Raises:
        LayerError, ChannelError, FeedError: the network has no such layer or channel, or cannot take an image.
        GradientError: no gradient flows from one of its layers to the image.
    """
    binding = _Binding(network, other_feeds)
    bound = binding.bound(objective)
    title = title or repr(objective)
    return BoundObjective(bound, binding.layers, tuple(binding.leaves), binding.activation_removed, title, other_feeds)


@dataclass(eq=False)
class _Binding:
    """Collects layers and leaves while the terms of an objective are bound one by one."""

    network: Network
    other_feeds: Feeds
    layers: dict[str, Layer] = field(default_factory=dict)
    leaves: list[np.ndarray] = field(default_factory=list)
    activation_removed: str = ""

    def bound(self, term: Objective) -> Objective:
        arguments = dict(term.arguments)
        if "layer" in arguments:
            arguments |= self._layer_arguments(TERMS[term.name], arguments)
        return replace(term, arguments={name: self._argument(value) for name, value in arguments.items()})

    def _argument(self, value: Any) -> Objective | str | int:
        """A bound objective, the name of a tensor, or the place of a leaf."""
        if isinstance(value, Objective):
            return self.bound(value)
        if isinstance(value, str):
            return value
        self.leaves.append(np.asarray(value, np.float32) if isinstance(value, float) else np.asarray(value))
        return len(self.leaves) - 1

    def _layer_arguments(self, term: Term, arguments: dict[str, Any]) -> dict[str, Any]:
        """The layer, and the arguments that depend on it, as the formula needs them."""
        named = _layer(self.network, arguments["layer"])
        runtime = self.network.runtime
        layer, removed = self.network.before_saturation(named)
        runtime.require_gradient(layer)
        self.activation_removed = self.activation_removed or removed
        self.layers[layer.tensor] = layer
        if "position" in arguments:
            _check_position(layer, arguments["position"])
        for name in term.vectors:
            _check_vector(layer, arguments[name])
        channels = {name: np.int32(channel_number(self.network, layer, arguments[name])) for name in term.channels}
        images = {name: _activations_of(self.network, layer, arguments[name], self.other_feeds) for name in term.images}
        return {"layer": layer.tensor, **channels, **images}


def _channels_last(values: tf.Tensor, layer: Layer) -> tf.Tensor:
    rank = len(layer.shape)
    if layer.channel_axis in (-1, rank - 1):
        return values
    axes = [axis for axis in range(rank) if axis != layer.channel_axis]
    return tf.transpose(values, [*axes, layer.channel_axis])


def _key(value: Any) -> Any:
    if isinstance(value, Objective):
        return value.name, *((name, _key(argument)) for name, argument in value.arguments.items())
    return value


def _layer(network: Network, name: str | Layer) -> Layer:
    if name:
        return network.layer(name)
    if network.logits is None:
        raise ChannelError("Expected a network with class scores. Received: one without. Use channel(layer, number).")
    return network.logits


def _check_position(layer: Layer, position: np.ndarray) -> None:
    """Check the position of a unit. By default it has two axes, both in the middle, whatever the layer has."""
    sizes = layer.spatial_shape
    fits = len(position) == len(sizes) or (len(position) == 2 and (position < 0).all())
    inside = all(size is None or place < size for place, size in zip(position, sizes, strict=False))
    if not (fits and inside):
        raise ChannelError(
            f"Expected a position within the map of {' x '.join(map(str, sizes)) or 'one value'} of {layer.name!r}. "
            f"Received: position={tuple(position.tolist())}. Give one number for each axis."
        )


def _check_vector(layer: Layer, vector: np.ndarray) -> None:
    if vector.ndim != 1 or layer.channels not in (None, len(vector)):
        raise ChannelError(
            f"Expected a direction with {layer.channels} entries, one for each channel of {layer.name!r}. "
            f"Received: shape {vector.shape}. Pass one number for each channel."
        )


def _activations_of(network: Network, layer: Layer, image: Any, other_feeds: Feeds) -> np.ndarray:
    """A layer's activations of a reference image, float32 (1, ..., channels)."""
    runtime = network.runtime
    photo = photo_of(runtime.layout, image, network.preprocess)
    if not np.isfinite(photo).all():
        raise NumericalError(
            "Expected a finite reference image. Received: NaN or infinity in it. Check how it was made."
        )
    fixed = runtime.layout.picture_shape[:-1]
    if len(fixed) != 2 and None not in fixed and photo.shape[1:-1] != fixed:
        raise FeedError(
            f"Expected a reference image of size {fixed}. Received: {photo.shape[1:-1]}. Only pictures are resized."
        )

    def body(picture: tf.Tensor, *fed: tf.Tensor) -> tf.Tensor:
        if len(fixed) == 2 and None not in fixed:
            picture = tf.image.resize(picture, fixed, antialias=True)
            picture.set_shape([1, *runtime.layout.picture_shape])
        picture = tf.repeat(picture, runtime.batches.fixed_size or 1, axis=0)
        inputs = {runtime.image_tensor: runtime.layout.to_input(picture), **dict(zip(other_feeds, fed, strict=True))}
        return _channels_last(runtime.build(inputs, [layer.tensor])[0][:1], layer)

    picture_spec = tf.TensorSpec([1, *[None] * len(fixed), photo.shape[-1]], tf.float32)
    signature = [picture_spec, *runtime.batches.signature(other_feeds)]
    function = runtime.compiled(("reference activations", layer.tensor, tuple(other_feeds)), body, signature)
    return function(photo, *other_feeds.values()).astype(np.float32)
