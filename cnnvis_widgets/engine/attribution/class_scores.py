"""The class scores of the images of one feed, forwards and backwards.

A *target* is a class of a head and, where the head has places, one of them or several. Its *score* is the value of
that channel of the logits there, or the mean over places. A *variant* is a changed copy of an image, such
as one with noise or with a hidden part. Images and variants have their channels last, in networks of any layout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import GradientError, NumericalError
from ...results import Attribution, Head, Layer, Target
from ..network.channels import channels_last
from ..network.feeds import Feeds
from ..network.large_feeds import is_large, require_room
from ..network.loading import load
from ..network.network import Network
from ..network.targets import EVERYWHERE, BoundTargets, Targets, listed, number_of, place_text, title_of, weights_of
from .by_class import scores_by_class, summaries, sureness
from .large_variants import enter, from_entry

BATCH = 4
"""Variants that run together. Batches of 8 take 7 % less time and 135 MB more."""


@dataclass(frozen=True, eq=False)
class ClassScores:
    """The scores that one head gives to the images of one feed.

    Attributes:
        network: the network of the head.
        head: whose classes they are.
        feeds: everything that is fed.
        images: float32 (images, height, width, channels), as fed.
        entry: the tensor that variants are fed to, where it is not the image but a layer that was computed in pieces.
    """

    network: Network
    head: Head
    feeds: Feeds
    images: np.ndarray
    entry: str = ""

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
        feeds, runtime = network.feeds(), network.runtime
        images = runtime.layout.to_images(feeds[runtime.image_tensor]).astype(np.float32, copy=False)
        if not np.isfinite(images).all():  # a ReLU may turn NaN into 0, and then every later value looks right
            raise NumericalError("Expected finite images. Received: NaN or infinity in them. Check how they were made.")
        return cls(network, head, feeds, images)

    @property
    def layer(self) -> Layer:
        """The scores before the activation that saturates."""
        return self.head.scores

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The sizes of the output along its spatial axes, for these images; () of a flat one."""
        sizes = self.head.output.spatial_shape
        if None in sizes:
            output = self.network.runtime.run(self.feeds, [self.head.output.tensor])[0]
            sizes = channels_last(output[:1], self.head.output).shape[1:-1]
        return tuple(size for size in sizes if size is not None)

    def images_of(self, rows: np.ndarray) -> np.ndarray:
        """The images ``rows``, to read only: a large photo that is the only one is not copied."""
        return self.images if np.array_equal(rows, np.arange(len(self.images))) else self.images[rows]

    def weights(self, target: Target = EVERYWHERE) -> np.ndarray:
        """By how much each place counts, float32 (places,); see ``targets.weights_of``."""
        return weights_of(self.head, target, self.sizes)

    def bound(self, targets: Targets) -> BoundTargets:
        """Look up targets, and find the surest class of each image where none is named.

        Raises:
            ChannelError: there is no such class, place or region.
        """
        wanted = listed(targets)
        numbers = [number_of(self.head, target) for target in wanted]
        weights = [self.weights(target) for target in wanted]
        columns = [
            self._surest(at) if number is None else np.full(len(self.images), number)
            for number, at in zip(numbers, weights, strict=True)
        ]
        common = [int(column[0]) if (column == column[0]).all() else None for column in columns]
        return BoundTargets(
            np.stack(columns, axis=1).astype(np.int32),
            np.stack(weights),
            tuple(-1 if number is None else number for number in common),
            tuple(title_of(self.head, target, number) for target, number in zip(wanted, common, strict=True)),
            tuple(map(place_text, wanted)),
        )

    def _surest(self, weights: np.ndarray) -> np.ndarray:
        """The class of each image that the network is surest of at these places, int (images,)."""
        by_class = self.of_variants(np.arange(len(self.images)), self.images, weights)
        return sureness(self.head, *by_class).argmax(axis=1)

    def of_targets(self, targets: BoundTargets) -> np.ndarray:
        """Compute the scores of targets in the images: float32 (images, targets)."""
        rows = np.arange(len(self.images))
        return self.at_targets(rows, self.images, targets)[0]

    def at_targets(
        self, rows: np.ndarray, variants: np.ndarray, targets: BoundTargets
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Compute the scores and the probabilities of targets: both float32 (variants, targets)."""
        columns = dict[int, tuple[np.ndarray, np.ndarray | None]]()
        for weights, members in targets.by_place():
            scores, probabilities = self.of_variants(rows, variants, weights)
            for member in members:
                at = np.arange(len(rows)), targets.channels[rows, member]
                columns[member] = scores[at], None if probabilities is None else probabilities[at]
        scores_of, probabilities_of = zip(*(columns[member] for member in range(len(columns))), strict=True)
        told = None if self.head.meaning == "values" else np.stack(probabilities_of, axis=1)
        return np.stack(scores_of, axis=1), told

    def as_returned(self, weights: np.ndarray | None = None) -> tuple[tuple[np.ndarray, np.ndarray | None], np.ndarray]:
        """Compute scores and probabilities of the images, and the output itself, channels last.

        No op is folded into another one here, so that numbers are those that the network returns.
        """
        tensors = [*self.tensors, self.head.output.tensor]
        entered, fed = enter(self, self.images, tensors)

        def body(batch: tf.Tensor, weights: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            *built, output = self.network.runtime.build(entered.graph_inputs(batch, others), tensors)
            return [output, *summaries(self.head, built, weights)]

        key = ("as returned", *self.tensors, self.head.meaning, self.head.output.tensor)
        rows = np.arange(len(self.images))
        output, *by_class = entered.run(key, body, rows, fed, self._for_each(rows, weights))
        return _pair(by_class), channels_last(output, self.head.output)

    def of_variants(
        self, rows: np.ndarray, variants: np.ndarray, weights: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Compute the scores and the probabilities of variants.

        Args:
            rows: the index of the image that each variant was made from.
            variants: float32 (variants, height, width, channels).
            weights: float32 (places,): by how much each place of the head counts; by default all the same.

        Returns:
            Both are float32 (variants, classes). A head of values has no probabilities.
        """
        return _pair(self._forward("scores", rows, variants, weights))

    def with_maps(
        self, rows: np.ndarray, variants: np.ndarray, maps: Layer, weights: np.ndarray | None = None
    ) -> tuple[tuple[np.ndarray, np.ndarray | None], np.ndarray]:
        """Compute scores and probabilities as ``of_variants``, and the feature maps of a layer, channels last."""
        activations, *by_class = self._forward("maps", rows, variants, weights, maps, lambda values: [values])
        return _pair(by_class), channels_last(activations, maps)

    def with_map_summaries(
        self, rows: np.ndarray, variants: np.ndarray, maps: Layer, weights: np.ndarray | None = None
    ) -> tuple[tuple[np.ndarray, np.ndarray | None], np.ndarray, np.ndarray]:
        """Compute scores and probabilities as ``of_variants``, and the largest value and the sum of each feature map.

        Both are (variants, channels). TensorFlow reduces the maps, which may be a hundred times as large as the
        variants, before they become arrays.
        """
        axes = [axis for axis in range(1, len(maps.shape)) if axis != maps.channel_axis]

        def reduced(values: tf.Tensor) -> list[tf.Tensor]:
            values = tf.cast(values, tf.float32)  # a sum of half-precision numbers ends at 65504
            return [tf.reduce_max(values, axes), tf.reduce_sum(values, axes)]

        largest, sums, *by_class = self._forward("summaries", rows, variants, weights, maps, reduced)
        return _pair(by_class), largest, sums

    def _forward(
        self,
        name: str,
        rows: np.ndarray,
        variants: np.ndarray,
        weights: np.ndarray | None,
        maps: Layer | None = None,
        of_maps: Callable[[tf.Tensor], list[tf.Tensor]] = lambda values: [],
    ) -> list[np.ndarray]:
        """Compute what is wanted of a layer's maps, and the scores and probabilities of variants.

        Args:
            name: of what is computed, among all that the network compiles.
            rows, variants, weights: see ``of_variants``.
            maps, of_maps: a layer, and a function of its values that returns tensors with a row for each variant.
        """
        tensors = [*self.tensors, *([] if maps is None else [maps.tensor])]
        entered, fed = enter(self, variants, tensors)

        def body(batch: tf.Tensor, weights: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            built = self.network.runtime.build(entered.graph_inputs(batch, others), tensors, folding=True)
            by_class, values = built[: len(self.tensors)], built[len(self.tensors) :]
            wanted = [tensor for each in values for tensor in of_maps(each)]
            return [*wanted, *summaries(self.head, by_class, weights)]

        return entered.run((name, *tensors, self.head.meaning), body, rows, fed, self._for_each(rows, weights))

    @property
    def tensors(self) -> list[str]:
        """The tensors that ``summaries`` takes: of the scores, and of the output where it gives probabilities."""
        values = self.head.meaning == "values"
        return [self.layer.tensor] if values else [self.layer.tensor, self.head.output.tensor]

    def backward(
        self, rows: np.ndarray, variants: np.ndarray, channels: np.ndarray, weights: np.ndarray, rule: str = "gradient"
    ) -> np.ndarray:
        """Send one channel's score of each variant back to its pixels under a rule.

        Args:
            rows, variants: see ``of_variants``.
            channels: int32 (variants,).
            weights: float32 (variants, places): by how much each place of the head counts.
            rule: a registered rule.

        Returns:
            float32, in the shape of ``variants``.
        """
        return self.backward_with_scores(rows, variants, channels, weights, rule)[0]

    def backward_with_scores(
        self,
        rows: np.ndarray,
        variants: np.ndarray,
        channels: np.ndarray,
        weights: np.ndarray,
        rule: str = "gradient",
        end: str | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Do the same as ``backward``, and return the scores, float32 (variants,), beside it.

        Signals of variants that are computed in pieces may end at a layer, the tensor ``end``, and not at the pixels.
        """
        entered, fed = enter(self, variants, [self.layer.tensor], gradient=True)

        def body(batch: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            values = self.network.runtime.build(entered.graph_inputs(batch, others), [self.layer.tensor], rule)[0]
            scores = self.scores_of(values, targets, weights)
            return [gradient_at(batch, scores, self.layer.name), scores]

        key = ("gradient", self.layer.tensor, self.head.meaning, rule)
        gradients, scores = entered.run(key, body, rows, fed, channels, weights)
        if entered.entry:
            gradients = from_entry(entered, variants, gradients, rule, end)
        return gradients, scores

    def backward_to(
        self, maps: Layer, rows: np.ndarray, channels: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compute the feature maps of the images ``rows``, the gradient there of one channel's score, and these scores.

        Scores are float32 (rows,).
        """
        images = self.images_of(rows)
        entered, fed = enter(self, images, [self.layer.tensor, maps.tensor], gradient=True)
        if entered.entry == maps.tensor:
            gradients, scores = self.backward_with_scores(rows, images, channels, weights, end=maps.tensor)
            return fed, gradients, scores

        def body(batch: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor, *others: tf.Tensor) -> list[tf.Tensor]:
            tensors = [self.layer.tensor, maps.tensor]
            values, activations = self.network.runtime.build(entered.graph_inputs(batch, others), tensors)
            scores = self.scores_of(values, targets, weights)
            return [activations, gradient_at(activations, scores, self.layer.name), scores]

        key = ("gradient", self.layer.tensor, self.head.meaning, maps.tensor)
        values, gradients, scores = entered.run(key, body, rows, fed, channels, weights)
        return channels_last(values, maps), channels_last(gradients, maps), scores

    def scores_of(self, values: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
        """Within a function being traced: the score of one target for each variant."""
        return tf.gather(scores_by_class(self.head, values, weights), targets, axis=1, batch_dims=1)

    def _for_each(self, rows: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        """The same weights for each variant."""
        weights = self.weights() if weights is None else weights
        return np.broadcast_to(weights, (len(rows), len(weights)))

    def graph_inputs(self, variants: tf.Tensor, others: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        """Within a function being traced: the tensors to feed, by name."""
        runtime = self.network.runtime
        fed = {self.entry or runtime.image_tensor: variants if self.entry else runtime.layout.to_input(variants)}
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
        function = runtime.compiled((key, self.entry, tuple(others)), body, self._signature(arrays))
        parts = []
        variant = {self.entry or runtime.image_tensor: arrays[0][:1]}
        is_gradient = isinstance(key, tuple) and key[0] == "gradient"
        fed = {runtime.image_tensor: self.images[:1]} if self.entry else variant
        require_room(runtime, fed, [self.layer.tensor], gradient=is_gradient, source=self.entry)
        together = len(rows) == len(self.images) and runtime.mixes([self.layer.tensor])
        size = fixed or (len(rows) if together else 1 if is_large(variant) else BATCH)
        for start in range(0, len(rows), size):
            count = min(size, len(rows) - start)
            chunk = np.arange(start, start + (fixed or count)) % len(rows)  # a network may fix the size of its batches
            beside = runtime.batches.rows_of(self.feeds, rows[chunk])
            results = function(*(array[chunk] for array in arrays), *(beside[tensor] for tensor in others))
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
        shape = (None, None, arrays[0].shape[-1]) if self.entry else runtime.layout.picture_shape
        variants = tf.TensorSpec([fixed, *shape], tf.float32)
        numbers = [tf.TensorSpec([fixed, *(None,) * (array.ndim - 1)], array.dtype) for array in arrays[1:]]
        return [variants, *numbers, *runtime.batches.signature(self._others())]

    def _others(self) -> list[str]:
        return [tensor for tensor in self.feeds if tensor != self.network.runtime.image_tensor]


def attribution_without_images(
    class_scores: ClassScores, targets: BoundTargets, method: str, scores: np.ndarray | None = None
) -> Attribution:
    """Make the result of a method before its pictures are computed: targets, names and scores.

    Args:
        class_scores, targets, method: of the result.
        scores: of the targets, (images, targets), where they are known; otherwise a forward pass computes them.
    """
    values = class_scores.of_targets(targets) if scores is None else scores
    return Attribution(
        method,
        class_scores.layer,
        class_scores.head.activation,
        targets.numbers,
        targets.names,
        images=np.zeros((*values.shape, 0), np.float32),
        scores=values,
        channels=targets.channels,
        head=class_scores.head,
        place_weights=targets.weights,
        places=targets.places,
    )


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
