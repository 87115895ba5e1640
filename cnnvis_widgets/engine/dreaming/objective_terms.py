"""The formula of each objective: what it computes from activations and pixels, one number for every image.

In the docstrings, h_yx is the vector of a layer's activations at one place, with one entry for each channel; "the
mean" is over all places of one image, and over all channels if channels remain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

from ..backward.gradient_overrides import with_gradient

_TINY = 1e-12
_ONE_CHANNEL = "Cnnvis/OneChannel"


@dataclass(frozen=True)
class ObjectiveInputs:
    """What an objective reads.

    Attributes:
        pixels: float32 (images, height, width, input channels), 0 darkest and 1 brightest.
        activations: by name of the tensor, float32 (images, height, width, channels).
    """

    pixels: tf.Tensor
    activations: Mapping[str, tf.Tensor]


@dataclass(frozen=True)
class Term:
    """A formula, and which of its arguments depend on its layer. An argument that is not named here is fed as it is.

    Attributes:
        formula: takes ``ObjectiveInputs`` and the arguments of an ``Objective``, arrays as tensors.
        channels: arguments that are channels of the layer. People give a number or the name of a class; the formula
            gets the number, int32.
        images: arguments that are images. The formula gets the layer's activations, float32 (1, ..., channels).
        vectors: arguments with one entry for each channel of the layer.
    """

    formula: Callable[..., tf.Tensor]
    channels: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    vectors: tuple[str, ...] = ()


TERMS: dict[str, Term] = {}
"""The terms by the name of their objective."""


def _term(
    *, channels: tuple[str, ...] = (), images: tuple[str, ...] = (), vectors: tuple[str, ...] = ()
) -> Callable[[Callable[..., tf.Tensor]], Callable[..., tf.Tensor]]:
    """Decorate a formula: it becomes a term; see ``Term`` for the arguments."""

    def add_to_terms(formula: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
        TERMS[formula.__name__.strip("_")] = Term(formula, channels, images, vectors)
        return formula

    return add_to_terms


def _mean(values: tf.Tensor) -> tf.Tensor:
    """The mean of each image."""
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank)))


def _dot(values: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """The dot product at each place, with one channel left."""
    return tf.reduce_sum(values * others, axis=-1, keepdims=True)


def _norm(values: tf.Tensor, axis: int = -1) -> tf.Tensor:
    """The Euclidean norm along an axis. Not ``tf.norm``, whose gradient at zero is NaN."""
    return tf.sqrt(tf.reduce_sum(tf.square(values), axis, keepdims=True) + _TINY)


@_term()
def number(inputs: ObjectiveInputs, number: tf.Tensor) -> tf.Tensor:
    """The same number for every image."""
    return tf.fill([tf.shape(inputs.pixels)[0]], number)


@_term()
def add(inputs: ObjectiveInputs, left: Callable[..., Any], right: Callable[..., Any]) -> tf.Tensor:
    """The sum of two objectives."""
    return left(inputs) + right(inputs)


@_term()
def multiply(inputs: ObjectiveInputs, left: Callable[..., Any], right: Callable[..., Any]) -> tf.Tensor:
    """The product of two objectives."""
    return left(inputs) * right(inputs)


@_term(channels=("channel",))
def channel(inputs: ObjectiveInputs, layer: str, channel: tf.Tensor) -> tf.Tensor:
    """The mean of one channel: of the same one in every image, or of one channel for each image."""
    values = inputs.activations[layer]
    if channel.shape.rank == 0:
        return _mean(tf.expand_dims(_one_channel(values, channel), -1))
    return _mean(tf.gather(values, tf.reshape(channel, [-1, *[1] * (values.shape.rank - 1)]), axis=-1, batch_dims=1))


def _one_channel(values: tf.Tensor, channel: tf.Tensor) -> tf.Tensor:
    with with_gradient(_ONE_CHANNEL, "GatherV2"):
        return tf.gather(values, channel, axis=-1)


@tf.RegisterGradient(_ONE_CHANNEL)
def _from_one_channel(op: tf.Operation, signal: tf.Tensor) -> list[tf.Tensor | None]:
    """TensorFlow's own gradient serves any channels along any axis, and takes sixty ops for it."""
    values, channel, _ = op.inputs
    selected = tf.one_hot(channel, tf.shape(values)[-1], dtype=values.dtype)
    return [signal[..., None] * selected, None, None]


@_term(channels=("channel",))
def unit(inputs: ObjectiveInputs, layer: str, channel: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    """The activation of one channel at one position; a negative coordinate means the middle of its axis."""
    values = tf.gather(inputs.activations[layer], channel, axis=-1)
    for axis in range(values.shape.rank - 1):  # a dense layer has no position
        place = position[axis]
        values = tf.gather(values, tf.where(place < 0, tf.shape(values)[1] // 2, place), axis=1)
    return values


@_term(channels=("channel",))
def region(inputs: ObjectiveInputs, layer: str, channel: tf.Tensor, region: tf.Tensor) -> tf.Tensor:
    """The mean of one channel over a rectangle of its map: top, left, height and width."""
    values = tf.gather(inputs.activations[layer], channel, axis=-1)
    bottom, right = region[0] + region[2], region[1] + region[3]
    return _mean(values[:, region[0] : bottom, region[1] : right])


@_term()
def _layer_(inputs: ObjectiveInputs, layer: str) -> tf.Tensor:
    """The mean of the squared activations."""
    return _mean(tf.square(inputs.activations[layer]))


@_term(vectors=("vector",))
def direction(inputs: ObjectiveInputs, layer: str, vector: tf.Tensor) -> tf.Tensor:
    """The mean of the dot product h_yx · vector."""
    return _mean(_dot(inputs.activations[layer], vector))


@_term(vectors=("vector",))
def direction_cosine(inputs: ObjectiveInputs, layer: str, vector: tf.Tensor) -> tf.Tensor:
    """The mean of the cosine between h_yx and vector."""
    values = inputs.activations[layer]
    return _mean(_dot(values, vector) / (_norm(values) * _norm(vector)))


@_term()
def masked(inputs: ObjectiveInputs, objective: Callable[..., Any], mask: tf.Tensor) -> tf.Tensor:
    """The objective of activations that are multiplied by the mask, which is resized to each layer."""

    def under_mask(values: tf.Tensor) -> tf.Tensor:
        if values.shape.rank != 4:
            return values
        size = tf.shape(values)[1:3]
        return values * tf.image.resize(mask[None, :, :, None], size, antialias=True)

    activations = {name: under_mask(values) for name, values in inputs.activations.items()}
    return objective(replace(inputs, activations=activations))


@_term(images=("image",))
def guide(inputs: ObjectiveInputs, layer: str, image: tf.Tensor) -> tf.Tensor:
    """The mean, over places, of the largest dot product of h_yx with the guide's activations at any of its places."""
    values = inputs.activations[layer]
    columns = tf.reshape(image, [-1, tf.shape(image)[-1]])
    products = tf.tensordot(values, columns, [[-1], [-1]])
    return _mean(tf.reduce_max(products, axis=-1, keepdims=True))


@_term(images=("image",))
def caricature(inputs: ObjectiveInputs, layer: str, image: tf.Tensor, power: tf.Tensor) -> tf.Tensor:
    """The mean of (h_yx · t_yx) max(cos(h_yx, t_yx), 0.1) ** power, with t the activations of the image."""
    values = inputs.activations[layer]
    target = _at_size_of(values, image)
    dot = _dot(values, target)
    cosine = dot / (_norm(values) * _norm(target))
    return _mean(dot * tf.maximum(cosine, 0.1) ** power)


@_term(images=("image",))
def inversion(inputs: ObjectiveInputs, layer: str, image: tf.Tensor) -> tf.Tensor:
    """Minus the mean of (h - t) ** 2, divided by the mean of t ** 2, with t the activations of the image."""
    values = inputs.activations[layer]
    target = _at_size_of(values, image)
    return -_mean(tf.square(values - target)) / (tf.reduce_mean(tf.square(target)) + _TINY)


@_term()
def diversity(inputs: ObjectiveInputs, layer: str) -> tf.Tensor:
    """Minus the mean cosine between the Gram matrix of each image and those of all other images.

    The Gram matrix holds, for every two channels, the sum over places of the product of their activations.
    """
    values = inputs.activations[layer]
    flat = tf.reshape(values, [tf.shape(values)[0], -1, tf.shape(values)[-1]])
    gram = tf.reshape(tf.matmul(flat, flat, transpose_a=True), [tf.shape(values)[0], -1])
    gram /= _norm(gram)
    cosines = tf.matmul(gram, gram, transpose_b=True)
    count = tf.cast(tf.shape(values)[0], tf.float32)
    return -(tf.reduce_sum(cosines, 1) - tf.linalg.diag_part(cosines)) / tf.maximum(count - 1, 1)


@_term()
def total_variation(inputs: ObjectiveInputs) -> tf.Tensor:
    """The mean absolute difference of neighbouring pixels, summed over the spatial axes."""
    pixels = inputs.pixels
    differences = []
    for axis in range(1, pixels.shape.rank - 1):
        ahead = tf.gather(pixels, tf.range(1, tf.shape(pixels)[axis]), axis=axis)
        behind = tf.gather(pixels, tf.range(tf.shape(pixels)[axis] - 1), axis=axis)
        differences.append(_mean(tf.abs(ahead - behind)))
    return tf.add_n(differences)


@_term()
def l1(inputs: ObjectiveInputs, about: tf.Tensor) -> tf.Tensor:
    """The mean of |pixel - about|."""
    return _mean(tf.abs(inputs.pixels - about))


@_term()
def l2(inputs: ObjectiveInputs, about: tf.Tensor) -> tf.Tensor:
    """The mean of (pixel - about) ** 2."""
    return _mean(tf.square(inputs.pixels - about))


def _at_size_of(values: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """The activations of a reference image, resized to the height and width of ``values``."""
    if values.shape.rank != 4:
        return target
    return tf.image.resize(target, tf.shape(values)[1:3])
