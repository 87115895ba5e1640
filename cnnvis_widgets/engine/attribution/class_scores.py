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

from ...errors import ChannelError, GradientError, NumericalError
from ...results import Attribution, Head, Layer
from ..network.channels import channels_last, class_number
from ..network.feeds import Feeds
from ..network.loading import load
from ..network.network import Network

Targets = int | str | Sequence[int | str]
BATCH = 4
"""Variants that run together. Batches of 8 take 7 % less time and 135 MB more."""


def numbers_and_names(head: Head, targets: Targets) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Look up targets by number or by class name.

    Returns:
        Their numbers, and their names; a class without a name is called by its number.

    Raises:
        ChannelError: there is no such class; the message gives the nearest names.
    """
    listed = [targets] if isinstance(targets, int | np.integer | str) else list(targets)
    if not listed:
        raise ChannelError("Expected at least one channel or class. Received: an empty list. Name one.")
    numbers = tuple(class_number(head, target) for target in listed)
    return numbers, tuple(head.title(number) for number in numbers)


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
    """The scores that one head gives to the images of one feed.

    Attributes:
        network: the network of the head.
        head: whose classes they are.
        feeds: everything that is fed.
        images: float32 (images, height, width, channels), as fed.
    """

    network: Network
    head: Head
    feeds: Feeds
    images: np.ndarray

    @classmethod
    def of(cls, network: Any, feed: Any, scores: str | Layer | Head | None) -> ClassScores:
        """Take the classes of a head, or the channels of a layer; ``None`` takes the main head.

        Raises:
            LayerError: there is no such head or layer, or the network has no head.
            FeedError: the feed does not fit.
            NumericalError: NaN or infinity in the images.
        """
        network = load(network, feed)
        head = network.head(scores)
        images = network.images()
        if not np.isfinite(images).all():  # a ReLU may turn NaN into 0, and then every later value looks right
            raise NumericalError("Expected finite images. Received: NaN or infinity in them. Check how they were made.")
        return cls(network, head, network.feeds(), images)

    @property
    def layer(self) -> Layer:
        """The scores before the activation that saturates."""
        return self.head.scores

    def as_returned(self) -> tuple[tuple[np.ndarray, np.ndarray | None], np.ndarray]:
        """Compute scores and probabilities of the images, and the output itself, channels last.

        No op is folded into another one here, so that numbers are those that the network returns.
        """

        def body(batch: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            tensors = [*self.tensors, self.head.output.tensor]
            *built, output = self.network.runtime.build(self.graph_inputs(batch, others), tensors)
            return [output, *self.summaries_of(built)]

        key = ("as returned", *self.tensors, self.head.meaning, self.head.output.tensor)
        output, *summaries = self.run(key, body, np.arange(len(self.images)), self.images)
        return _pair(summaries), channels_last(output, self.head.output)

    def of_images(self) -> np.ndarray:
        """Compute the scores of the images: float32 (images, classes)."""
        return self.of_variants(np.arange(len(self.images)), self.images)[0]

    def of_variants(self, rows: np.ndarray, variants: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Compute the scores and the probabilities of variants.

        Args:
            rows: the index of the image that each variant was made from.
            variants: float32 (variants, height, width, channels).

        Returns:
            Both are float32 (variants, classes), means over the places of a map. A head of values has no
            probabilities.
        """

        def body(batch: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            return self.summaries_of(self._build(self.graph_inputs(batch, others), self.tensors))

        return _pair(self.run(("scores", *self.tensors, self.head.meaning), body, rows, variants))

    def with_maps(
        self, rows: np.ndarray, variants: np.ndarray, maps: Layer
    ) -> tuple[tuple[np.ndarray, np.ndarray | None], np.ndarray]:
        """Compute scores and probabilities as ``of_variants``, and the feature maps of a layer, channels last."""

        def body(batch: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            *built, activations = self._build(self.graph_inputs(batch, others), [*self.tensors, maps.tensor])
            return [activations, *self.summaries_of(built)]

        key = ("maps", *self.tensors, self.head.meaning, maps.tensor)
        activations, *summaries = self.run(key, body, rows, variants)
        return _pair(summaries), channels_last(activations, maps)

    def with_map_summaries(
        self, rows: np.ndarray, variants: np.ndarray, maps: Layer
    ) -> tuple[tuple[np.ndarray, np.ndarray | None], np.ndarray, np.ndarray]:
        """Compute scores and probabilities as ``of_variants``, and the largest value and the sum of each feature map.

        Both are (variants, channels). TensorFlow reduces the maps, which may be a hundred times as large as the
        variants, before they become arrays.
        """
        axes = [axis for axis in range(1, len(maps.shape)) if axis != maps.channel_axis]

        def body(batch: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            *built, activations = self._build(self.graph_inputs(batch, others), [*self.tensors, maps.tensor])
            activations = tf.cast(activations, tf.float32)  # a sum of half-precision numbers ends at 65504
            largest, sums = tf.reduce_max(activations, axes), tf.reduce_sum(activations, axes)
            return [largest, sums, *self.summaries_of(built)]

        key = ("summaries", *self.tensors, self.head.meaning, maps.tensor)
        largest, sums, *summaries = self.run(key, body, rows, variants)
        return _pair(summaries), largest, sums

    @property
    def tensors(self) -> list[str]:
        """The tensors that ``summaries_of`` takes: of the scores, and of the output where it gives probabilities."""
        values = self.head.meaning == "values"
        return [self.layer.tensor] if values else [self.layer.tensor, self.head.output.tensor]

    def summaries_of(self, tensors: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Within a function being traced: scores (variants, classes), and probabilities of the same shape if any."""
        scores = self._by_class(tensors[0])
        return [scores, *(probabilities_by_class(self.head, output) for output in tensors[1:])]

    def _by_class(self, values: tf.Tensor) -> tf.Tensor:
        """Scores (variants, classes). The one score z of a yes-or-no head is -z for no and z for yes."""
        scores = _mean_over_places(values, self.layer)
        return tf.concat([-scores, scores], 1) if self.head.meaning == "yes or no" else scores

    def _build(self, inputs: dict[str, tf.Tensor], tensors: list[str]) -> list[tf.Tensor]:
        return self.network.runtime.build(inputs, tensors, folding=True)

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

        return self.run(("gradient", self.layer.tensor, self.head.meaning, rule), body, rows, variants, channels)[0]

    def backward_to(self, maps: Layer, rows: np.ndarray, channels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Compute the feature maps of the images ``rows``, and the gradient there of one channel's score of each."""

        def body(batch: tf.Tensor, targets: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            tensors = [self.layer.tensor, maps.tensor]
            values, activations = self.network.runtime.build(self.graph_inputs(batch, others), tensors)
            return [activations, gradient_at(activations, self.scores_of(values, targets), self.layer.name)]

        key = ("gradient", self.layer.tensor, self.head.meaning, maps.tensor)
        values, gradients = self.run(key, body, rows, self.images[rows], channels)
        return channels_last(values, maps), channels_last(gradients, maps)

    def scores_of(self, values: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """Within a function being traced: the score of one target for each variant."""
        return tf.gather(self._by_class(values), targets, axis=1, batch_dims=1)

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
        together = len(rows) == len(self.images) and runtime.mixes([self.layer.tensor])
        size = fixed or (len(rows) if together else BATCH)
        for start in range(0, len(rows), size):
            count = min(size, len(rows) - start)
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
    numbers, names = numbers_and_names(class_scores.head, targets)
    values = class_scores.of_images()[:, list(numbers)]
    images = np.zeros((len(values), len(numbers), 0), np.float32)
    return Attribution(method, class_scores.layer, class_scores.head.activation, numbers, names, images, values)


def probabilities_by_class(head: Head, output: tf.Tensor) -> tf.Tensor:
    """Within a function being traced: the probabilities that an output tells, float32 (variants, classes).

    They are means over the places of a map. The network computes them itself, except where it ends in plain scores
    that class names or the user have declared to be classes or labels.
    """
    output = tf.cast(output, tf.float32)
    if head.activation == "log_softmax":
        output = tf.exp(output)
    elif not head.activation:
        output = tf.nn.softmax(output, head.output.channel_axis) if head.meaning == "classes" else tf.sigmoid(output)
    means = _mean_over_places(output, head.output)
    return tf.concat([1 - means, means], 1) if head.meaning == "yes or no" else means


def _mean_over_places(values: tf.Tensor, layer: Layer) -> tf.Tensor:
    places = [axis for axis in range(1, len(layer.shape)) if axis != layer.channel_axis]
    values = tf.cast(values, tf.float32)  # a sum of half-precision numbers ends at 65504
    return tf.reduce_mean(values, places) if places else values


def _pair(summaries: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
    scores, *probabilities = summaries
    return scores, probabilities[0] if probabilities else None


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
