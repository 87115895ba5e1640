"""What an attribution explains: class scores of the images of one feed, forwards and backwards.

A *target* is a channel of a layer, mostly the logits, by number or by class name; its *score* is its value, or
the mean of its map where the layer has spatial axes. Images are pictures here, channels last, whatever layout
the network takes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import ChannelError, GradientError, LayerError, NumericalError
from ...results import Layer
from ..network.channels import channel_number, channels_last, class_names
from ..network.feeds import Feeds
from ..network.loading import load
from ..network.network import Network

Targets = int | str | Sequence[int | str]
TOGETHER = 4  # pictures that go through the network in one run: 8 take 7 % less time and 135 MB more


def numbers_and_names(network: Network, layer: Layer, targets: Targets) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Channel numbers and class names -> the numbers, and their names (or the numbers as text).

    Raises:
        ChannelError: no such channel or class; the nearest names are given.
    """
    wanted = [targets] if isinstance(targets, int | np.integer | str) else list(targets)
    if not wanted:
        raise ChannelError("Expected at least one channel or class. Received: an empty list.")
    found = tuple(channel_number(network, layer, each) for each in wanted)
    names = class_names(network, layer)
    return found, tuple(names[each] if each < len(names) else str(each) for each in found)


def last_feature_maps(network: Network, scores: Layer) -> Layer | None:
    """The last layer on the way to the scores that still has places: pools, and maps of one place, are passed over."""
    for layer in reversed(network.layers):
        places = [size for size in layer.spatial_shape if size != 1]
        if places and layer.family != "p" and layer != scores and network.runtime.structure.leads_to(layer, scores):
            return layer
    return None


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores that one layer gives to the images of one feed.

    Attributes:
        network: whose layer it is.
        layer: the channels of which are the scores.
        softmax_removed: whether a softmax of the network follows that layer.
        feeds: all that is fed.
        pictures: the images as fed, float32 (images, height, width, channels).
    """

    network: Network
    layer: Layer
    softmax_removed: bool
    feeds: Feeds
    pictures: np.ndarray

    @classmethod
    def of(cls, network: Any, feed: Any, layer: str | Layer | None) -> Scores:
        """The scores of a layer; ``None`` for the logits.

        Raises:
            LayerError: no such layer, or a network that has no class scores. FeedError: the feed does not fit.
            NumericalError: NaN or infinity in the images.
        """
        network = load(network, feed)
        asked = network.logits if layer is None else network.layer(layer)
        if asked is None:
            raise LayerError(
                "Expected a network with class scores. Received: one that ends in no dense layer. "
                "Name the layer whose channels are to be explained: scores=..."
            )
        target = network.runtime.structure.before_softmax(asked)
        softmax = [each for each in network.layers if each.kind == "softmax" and len(each.shape) == len(target.shape)]
        removed = any(network.runtime.structure.before_softmax(each).tensor == target.tensor for each in softmax)
        pictures = network.images()
        if not np.isfinite(pictures).all():  # a ReLU may turn NaN into 0, and all that follows looks right
            raise NumericalError("Expected finite images. Received: NaN or infinity in them. Check how they were made.")
        return cls(network, target, removed, network.feeds(), pictures)

    def of_images(self) -> np.ndarray:
        """The scores of the images themselves: float32 (images, channels)."""
        return self.of_pictures(np.arange(len(self.pictures)), self.pictures)

    def of_pictures(self, rows: np.ndarray, pictures: np.ndarray) -> np.ndarray:
        """The scores of pictures made from the images ``rows``: float32 (pictures, channels)."""
        return self.averaged(self.forward(rows, pictures, [self.layer])[0])

    @staticmethod
    def averaged(values: np.ndarray) -> np.ndarray:
        """The mean over all places of channels-last values: (pictures, ..., channels) -> (pictures, channels)."""
        return values.mean(axis=tuple(range(1, values.ndim - 1)))

    def forward(self, rows: np.ndarray, pictures: np.ndarray, layers: Sequence[Layer]) -> list[np.ndarray]:
        """The values of layers for pictures made from the images ``rows``, channels last."""
        tensors = [layer.tensor for layer in layers]

        def body(given: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            return self.network.runtime.build(self.inputs(given, others), tensors, folding=True)

        values = self.run(("values", *tensors), body, rows, pictures)
        return [channels_last(each, layer) for each, layer in zip(values, layers, strict=True)]

    def summaries(
        self, rows: np.ndarray, pictures: np.ndarray, maps: Layer
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The scores of pictures made from the images ``rows``, and the largest value and the sum of each map.

        All three are (pictures, channels). The maps, which may be a hundred times the pictures, stay in the network.
        """
        places = [each for each in range(1, len(maps.shape)) if each != maps.channel_axis]

        def body(given: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            tensors = [self.layer.tensor, maps.tensor]
            values, found = self.network.runtime.build(self.inputs(given, others), tensors, folding=True)
            found = tf.cast(found, tf.float32)  # a sum of half-precision numbers ends at 65504
            return [values, tf.reduce_max(found, places), tf.reduce_sum(found, places)]

        key = ("summaries", self.layer.tensor, maps.tensor)
        values, largest, sums = self.run(key, body, rows, pictures)
        return self.averaged(channels_last(values, self.layer)), largest, sums

    def backward(
        self, rows: np.ndarray, pictures: np.ndarray, channels: np.ndarray, rule: str = "gradient"
    ) -> np.ndarray:
        """One channel's score of each picture, sent back to it under a rule: float32, the shape of ``pictures``."""

        def body(given: tf.Tensor, wanted: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            values = self.network.runtime.build(self.inputs(given, others), [self.layer.tensor], rule)[0]
            return [flowing(self.picked(values, wanted), given, self.layer.name)]

        return self.run(("gradient", self.layer.tensor, rule), body, rows, pictures, channels)[0]

    def backward_to(self, maps: Layer, rows: np.ndarray, channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The maps of a layer for the images ``rows``, and the gradient there of one channel's score of each."""

        def body(given: tf.Tensor, wanted: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            built = self.network.runtime.build(self.inputs(given, others), [self.layer.tensor, maps.tensor])
            return [built[1], flowing(self.picked(built[0], wanted), built[1], self.layer.name)]

        key = ("gradient", self.layer.tensor, maps.tensor)
        values, gradients = self.run(key, body, rows, self.pictures[rows], channels)
        return channels_last(values, maps), channels_last(gradients, maps)

    def picked(self, values: tf.Tensor, channels: tf.Tensor) -> tf.Tensor:
        """Within a body: the score of one channel for each picture."""
        axis = self.layer.channel_axis
        places = [each for each in range(1, len(self.layer.shape)) if each != axis]
        return tf.gather(tf.reduce_mean(values, places) if places else values, channels, axis=1, batch_dims=1)

    def inputs(self, pictures: tf.Tensor, others: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Within a body: what to build the network on."""
        fed = {self.network.runtime.image_tensor: self.network.runtime.layout.to_input(pictures)}
        return fed | dict(zip(self._others(), others, strict=True))

    def run(
        self,
        key: Any,
        body: Callable[..., Any],
        rows: np.ndarray,
        *arrays: np.ndarray,
    ) -> list[np.ndarray]:
        """Run ``body(pictures, *arrays, *other feeds)``, a few pictures at a time.

        Args:
            key: what tells this body from others of the network.
            body: a function of tensors that gives a list of tensors, one row for each picture.
            rows: the image that each picture was made from: other inputs are fed what belongs to it.
            arrays: the pictures, and numbers of channels or values of layers, one row for each picture.

        Raises:
            NumericalError: NaN or infinity in a result.
        """
        fixed = self.network.runtime.batches.fixed_size
        picture = tf.TensorSpec([fixed, *self.network.runtime.layout.picture_shape], tf.float32)
        numbers = [tf.TensorSpec([fixed, *(None,) * (each.ndim - 1)], each.dtype) for each in arrays[1:]]
        others = self._others()
        signature = [picture, *numbers, *self.network.runtime.batches.signature(others)]
        function = self.network.runtime.compiled((key, tuple(others)), body, signature)
        parts = []
        for start in range(0, len(rows), fixed or TOGETHER):
            count = min(fixed or TOGETHER, len(rows) - start)
            some = np.arange(start, start + (fixed or count)) % len(rows)  # a fixed batch is filled up
            fed = self.network.runtime.batches.rows_of(self.feeds, rows[some])
            results = function(*(array[some] for array in arrays), *(fed[tensor] for tensor in others))
            parts.append([result[:count] for result in results])
        whole = [np.concatenate(results) for results in zip(*parts, strict=True)]
        if not all(np.isfinite(result).all() for result in whole):
            raise NumericalError(
                f"Expected finite scores and gradients. Received: NaN or infinity in layer {self.layer.name!r} or on "
                "the way to it. Check the range of the images."
            )
        return whole

    def _others(self) -> list[str]:
        return [tensor for tensor in self.feeds if tensor != self.network.runtime.image_tensor]


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities of scores (..., channels)."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def flowing(scores: tf.Tensor, at: tf.Tensor, name: str) -> tf.Tensor:
    """The gradient of scores at a tensor, within a function being traced.

    Raises:
        GradientError: none flows there.
    """
    gradient = tf.gradients(scores, at)[0]
    if gradient is None:
        raise GradientError(
            f"Expected a layer on a differentiable way from the image to {name!r}. Received: {at.name!r}, where no "
            "gradient arrives. Choose another layer."
        )
    return tf.cast(gradient, tf.float32)
