"""The class scores of the images of one feed, forwards and backwards.

A *target* is the index of a class: a channel of the layer of scores, mostly the logits. Its *score* is the value of
that channel, or the mean of its map where the layer has spatial axes. A *variant* is a changed copy of an image, such
as one with noise or with a hidden part. Images and variants have their channels last, in networks of any layout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import ChannelError, GradientError, LayerError, NumericalError
from ...results import Attribution, Layer
from ..network.channels import channel_number, channel_title, channels_last
from ..network.feeds import Feeds
from ..network.loading import load
from ..network.network import Network

Targets = int | str | Sequence[int | str]
BATCH = 4
"""Variants that run together. Batches of 8 take 7 % less time and 135 MB more."""


def numbers_and_names(network: Network, layer: Layer, targets: Targets) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Look up targets by number or by class name.

    Returns:
        Their channel numbers, and their names; a class without a name is called by its number.

    Raises:
        ChannelError: there is no such channel or class; the message gives the nearest names.
    """
    listed = [targets] if isinstance(targets, int | np.integer | str) else list(targets)
    if not listed:
        raise ChannelError("Expected at least one channel or class. Received: an empty list. Name one.")
    numbers = tuple(channel_number(network, layer, target) for target in listed)
    return numbers, tuple(channel_title(network, layer, number) for number in numbers)


def last_feature_maps(network: Network, scores: Layer) -> Layer | None:
    """Find the last layer before the scores that has maps of several places. Pools do not count."""
    leads_to = network.runtime.structure.leads_to
    for layer in reversed(network.layers):
        places = [size for size in layer.spatial_shape if size != 1]
        if places and layer.family != "p" and layer != scores and leads_to(layer, scores):
            return layer
    return None


@dataclass(frozen=True, eq=False)
class ClassScores:
    """The scores that one layer gives to the images of one feed.

    Attributes:
        network: the network of the layer.
        layer: its channels are the scores.
        softmax_removed: whether a softmax of the network follows the layer.
        feeds: everything that is fed.
        images: float32 (images, height, width, channels), as fed.
    """

    network: Network
    layer: Layer
    softmax_removed: bool
    feeds: Feeds
    images: np.ndarray

    @classmethod
    def of(cls, network: Any, feed: Any, layer: str | Layer | None) -> ClassScores:
        """Take the channels of a layer as class scores; ``None`` takes the logits. A softmax gives way to its logits.

        Raises:
            LayerError: there is no such layer, or the network has no class scores.
            FeedError: the feed does not fit.
            NumericalError: NaN or infinity in the images.
        """
        network = load(network, feed)
        chosen = network.logits if layer is None else network.layer(layer)
        if chosen is None:
            raise LayerError(
                "Expected a network with class scores. Received: one that ends in no dense layer. "
                "Name the layer whose channels are to be explained: scores=..."
            )
        before_softmax = network.runtime.structure.before_softmax
        scores = before_softmax(chosen)
        softmaxes = [other for other in network.layers if other.kind == "softmax"]
        same_rank = [softmax for softmax in softmaxes if len(softmax.shape) == len(scores.shape)]
        removed = any(before_softmax(softmax).tensor == scores.tensor for softmax in same_rank)
        images = network.images()
        if not np.isfinite(images).all():  # a ReLU may turn NaN into 0, and then every later value looks right
            raise NumericalError("Expected finite images. Received: NaN or infinity in them. Check how they were made.")
        return cls(network, scores, removed, network.feeds(), images)

    def of_images(self) -> np.ndarray:
        """Compute the scores of the images: float32 (images, channels)."""
        return self.of_variants(np.arange(len(self.images)), self.images)

    def of_variants(self, rows: np.ndarray, variants: np.ndarray) -> np.ndarray:
        """Compute the scores of variants: float32 (variants, channels).

        Args:
            rows: the index of the image that each variant was made from.
            variants: float32 (variants, height, width, channels).
        """
        return mean_over_places(self.forward(rows, variants, [self.layer])[0])

    def forward(self, rows: np.ndarray, variants: np.ndarray, layers: Sequence[Layer]) -> list[np.ndarray]:
        """Compute the values of layers for variants, channels last."""
        tensors = [layer.tensor for layer in layers]

        def body(batch: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            return self.network.runtime.build(self.graph_inputs(batch, others), tensors, folding=True)

        values = self.run(("values", *tensors), body, rows, variants)
        return [channels_last(array, layer) for array, layer in zip(values, layers, strict=True)]

    def with_map_summaries(
        self, rows: np.ndarray, variants: np.ndarray, maps: Layer
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute the scores of variants, and the largest value and the sum of each feature map of a layer.

        All three are (variants, channels). TensorFlow reduces the maps, which may be a hundred times as large as the
        variants, before they become arrays.
        """
        axes = [axis for axis in range(1, len(maps.shape)) if axis != maps.channel_axis]

        def body(batch: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            tensors = [self.layer.tensor, maps.tensor]
            values, activations = self.network.runtime.build(self.graph_inputs(batch, others), tensors, folding=True)
            activations = tf.cast(activations, tf.float32)  # a sum of half-precision numbers ends at 65504
            return [values, tf.reduce_max(activations, axes), tf.reduce_sum(activations, axes)]

        key = ("summaries", self.layer.tensor, maps.tensor)
        values, largest, sums = self.run(key, body, rows, variants)
        return mean_over_places(channels_last(values, self.layer)), largest, sums

    def backward(
        self, rows: np.ndarray, variants: np.ndarray, channels: np.ndarray, rule: str = "gradient"
    ) -> np.ndarray:
        """Send one channel's score of each variant back to its pixels under a rule.

        Returns:
            float32, in the shape of ``variants``.
        """

        def body(batch: tf.Tensor, targets: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            values = self.network.runtime.build(self.graph_inputs(batch, others), [self.layer.tensor], rule)[0]
            return [gradient_at(batch, self.scores_of(values, targets), self.layer.name)]

        return self.run(("gradient", self.layer.tensor, rule), body, rows, variants, channels)[0]

    def backward_to(self, maps: Layer, rows: np.ndarray, channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute the feature maps of the images ``rows``, and the gradient there of one channel's score of each."""

        def body(batch: tf.Tensor, targets: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            tensors = [self.layer.tensor, maps.tensor]
            values, activations = self.network.runtime.build(self.graph_inputs(batch, others), tensors)
            return [activations, gradient_at(activations, self.scores_of(values, targets), self.layer.name)]

        key = ("gradient", self.layer.tensor, maps.tensor)
        values, gradients = self.run(key, body, rows, self.images[rows], channels)
        return channels_last(values, maps), channels_last(gradients, maps)

    def scores_of(self, values: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Within a function being traced: the score of one target for each variant."""
        axis = self.layer.channel_axis
        places = [place for place in range(1, len(self.layer.shape)) if place != axis]
        return tf.gather(tf.reduce_mean(values, places) if places else values, targets, axis=1, batch_dims=1)

    def graph_inputs(self, variants: tf.Tensor, others: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Within a function being traced: the tensors to feed, by name."""
        runtime = self.network.runtime
        fed = {runtime.image_tensor: runtime.layout.to_input(variants)}
        return fed | dict(zip(self._others(), others, strict=True))

    def run(self, key: Any, body: Callable[..., Any], rows: np.ndarray, *arrays: np.ndarray) -> list[np.ndarray]:
        """Run ``body(variants, *arrays, *other feeds)``, a few variants at a time.

        Args:
            key: identifies this body among all that the network compiles.
            body: a function of tensors that returns a list of tensors, with one row for each variant.
            rows: the index of the image that each variant was made from. Other inputs are fed the values of that image.
            arrays: the variants, and numbers of channels or values of layers, with one row for each variant.

        Raises:
            NumericalError: NaN or infinity in a result.
        """
        runtime, others = self.network.runtime, self._others()
        fixed = runtime.batches.fixed_size
        function = runtime.compiled((key, tuple(others)), body, self._signature(arrays))
        parts = []
        for start in range(0, len(rows), fixed or BATCH):
            count = min(fixed or BATCH, len(rows) - start)
            chunk = np.arange(start, start + (fixed or count)) % len(rows)  # a network may fix the size of its batches
            fed = runtime.batches.rows_of(self.feeds, rows[chunk])
            results = function(*(array[chunk] for array in arrays), *(fed[tensor] for tensor in others))
            parts.append([result[:count] for result in results])
        whole = [np.concatenate(results) for results in zip(*parts, strict=True)]
        if not all(np.isfinite(result).all() for result in whole):
            raise NumericalError(
                f"Expected finite scores and gradients. Received: NaN or infinity in layer {self.layer.name!r} or "
                "between it and the image. Check the range of the images."
            )
        return whole

    def _signature(self, arrays: Sequence[np.ndarray]) -> list[tf.TensorSpec]:
        runtime = self.network.runtime
        fixed = runtime.batches.fixed_size
        variants = tf.TensorSpec([fixed, *runtime.layout.picture_shape], tf.float32)
        numbers = [tf.TensorSpec([fixed, *(None,) * (array.ndim - 1)], array.dtype) for array in arrays[1:]]
        return [variants, *numbers, *runtime.batches.signature(self._others())]

    def _others(self) -> list[str]:
        return [tensor for tensor in self.feeds if tensor != self.network.runtime.image_tensor]


def attribution_without_images(class_scores: ClassScores, targets: Targets, method: str) -> Attribution:
    """Make the result of a method before its pictures are computed: targets, names and scores.

    Raises:
        ChannelError: there is no such class.
    """
    numbers, names = numbers_and_names(class_scores.network, class_scores.layer, targets)
    values = class_scores.of_images()[:, list(numbers)]
    images = np.zeros((len(values), len(numbers), 0), np.float32)
    return Attribution(method, class_scores.layer, class_scores.softmax_removed, numbers, names, images, values)


def mean_over_places(values: np.ndarray) -> np.ndarray:
    """Average over all spatial axes: (images, ..., channels) -> (images, channels).

    Example:
        >>> mean_over_places(np.array([[[1.0, 10.0], [3.0, 30.0]]]))
        array([[ 2., 20.]])
    """
    return values.mean(axis=tuple(range(1, values.ndim - 1)))


def softmax(scores: np.ndarray) -> np.ndarray:
    """Turn scores (..., channels) into probabilities.

    Example:
        >>> softmax(np.array([0.0, np.log(3.0)])).round(2)
        array([0.25, 0.75])
    """
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return raised / raised.sum(axis=-1, keepdims=True)


def gradient_at(tensor: tf.Tensor, scores: tf.Tensor, name: str) -> tf.Tensor:
    """Within a function being traced: the gradient of scores with respect to a tensor, float32.

    Args:
        tensor: where the gradient is taken.
        scores: of the layer ``name``.
        name: for the error message.

    Raises:
        GradientError: no gradient arrives there.
    """
    gradient = tf.gradients(scores, tensor)[0]
    if gradient is None:
        raise GradientError(
            f"Expected a layer on a differentiable path from the image to {name!r}. Received: {tensor.name!r}, where "
            "no gradient arrives. Choose another layer."
        )
    return tf.cast(gradient, tf.float32)
