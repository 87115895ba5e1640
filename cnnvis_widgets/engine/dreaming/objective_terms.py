"""The arithmetic of objectives: each term from a scene to one number for every image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import tensorflow as tf

TERMS: dict[str, Callable[..., tf.Tensor]] = {}
"""By name; each takes the scene and the arguments of an ``Objective``, arrays as tensors."""

_TINY = 1e-12


@dataclass(frozen=True)
class Scene:
    """What an objective sees.

    Attributes:
        images: (images, height, width, input channels), 0 darkest and 1 brightest.
        activations: by layer name, float32, channels last.
    """

    images: tf.Tensor
    activations: Mapping[str, tf.Tensor]


def _term(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    TERMS[function.__name__.strip("_")] = function
    return function


def _mean(values: tf.Tensor) -> tf.Tensor:
    """The mean over everything but the images."""
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank)))


def _dot(values: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(values * others, axis=-1, keepdims=True)


def _norm(values: tf.Tensor, axis: int = -1) -> tf.Tensor:
    # not tf.norm, whose gradient at zero is NaN
    return tf.sqrt(tf.reduce_sum(tf.square(values), axis, keepdims=True) + _TINY)


@_term
def number(scene: Scene, number: tf.Tensor) -> tf.Tensor:
    return tf.fill([tf.shape(scene.images)[0]], number)


@_term
def add(scene: Scene, left: Callable[..., Any], right: Callable[..., Any]) -> tf.Tensor:
    return left(scene) + right(scene)


@_term
def multiply(scene: Scene, left: Callable[..., Any], right: Callable[..., Any]) -> tf.Tensor:
    return left(scene) * right(scene)


@_term
def channel(scene: Scene, layer: str, channel: tf.Tensor) -> tf.Tensor:
    values = scene.activations[layer]
    if channel.shape.rank == 0:
        return _mean(tf.expand_dims(_one_of(values, channel), -1))
    return _mean(tf.gather(values, tf.reshape(channel, [-1, *[1] * (values.shape.rank - 1)]), axis=-1, batch_dims=1))


@tf.custom_gradient
def _one_of(values: tf.Tensor, channel: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], Any]]:
    """One channel. TensorFlow's gradient serves any numbers of channels along any axis, by sixty ops."""

    def back(signal: tf.Tensor) -> tuple[tf.Tensor, None]:
        chosen = tf.one_hot(channel, tf.shape(values)[-1], dtype=values.dtype)
        return signal[..., None] * chosen, None

    return tf.gather(values, channel, axis=-1), back


@_term
def unit(scene: Scene, layer: str, channel: tf.Tensor, position: tf.Tensor) -> tf.Tensor:
    values = tf.gather(scene.activations[layer], channel, axis=-1)
    for axis in range(values.shape.rank - 1):  # a dense layer has no position
        place = position[axis]
        values = tf.gather(values, tf.where(place < 0, tf.shape(values)[1] // 2, place), axis=1)
    return values


@_term
def _layer_(scene: Scene, layer: str) -> tf.Tensor:
    return _mean(tf.square(scene.activations[layer]))


@_term
def direction(scene: Scene, layer: str, vector: tf.Tensor) -> tf.Tensor:
    return _mean(_dot(scene.activations[layer], vector))


@_term
def direction_cosine(scene: Scene, layer: str, vector: tf.Tensor) -> tf.Tensor:
    values = scene.activations[layer]
    return _mean(_dot(values, vector) / (_norm(values) * _norm(vector)))


@_term
def masked(scene: Scene, objective: Callable[..., Any], mask: tf.Tensor) -> tf.Tensor:
    def under(values: tf.Tensor) -> tf.Tensor:
        if values.shape.rank != 4:
            return values
        size = tf.shape(values)[1:3]
        return values * tf.image.resize(mask[None, :, :, None], size, antialias=True)

    return objective(replace(scene, activations={name: under(each) for name, each in scene.activations.items()}))


@_term
def guide(scene: Scene, layer: str, image: tf.Tensor) -> tf.Tensor:
    values = scene.activations[layer]
    columns = tf.reshape(image, [-1, tf.shape(image)[-1]])
    alike = tf.tensordot(values, columns, [[-1], [-1]])
    return _mean(tf.reduce_max(alike, axis=-1, keepdims=True))


@_term
def caricature(scene: Scene, layer: str, image: tf.Tensor, power: tf.Tensor) -> tf.Tensor:
    values = scene.activations[layer]
    target = _fitted(image, values)
    dot = _dot(values, target)
    cosine = dot / (_norm(values) * _norm(target))
    return _mean(dot * tf.maximum(cosine, 0.1) ** power)


@_term
def inversion(scene: Scene, layer: str, image: tf.Tensor) -> tf.Tensor:
    values = scene.activations[layer]
    target = _fitted(image, values)
    return -_mean(tf.square(values - target)) / (tf.reduce_mean(tf.square(target)) + _TINY)


@_term
def diversity(scene: Scene, layer: str) -> tf.Tensor:
    values = scene.activations[layer]
    flat = tf.reshape(values, [tf.shape(values)[0], -1, tf.shape(values)[-1]])
    gram = tf.reshape(tf.matmul(flat, flat, transpose_a=True), [tf.shape(values)[0], -1])
    gram /= _norm(gram)
    alike = tf.matmul(gram, gram, transpose_b=True)
    count = tf.cast(tf.shape(values)[0], tf.float32)
    return -(tf.reduce_sum(alike, 1) - tf.linalg.diag_part(alike)) / tf.maximum(count - 1, 1)


@_term
def total_variation(scene: Scene) -> tf.Tensor:
    images = scene.images
    steps = []
    for axis in range(1, images.shape.rank - 1):
        ahead = tf.gather(images, tf.range(1, tf.shape(images)[axis]), axis=axis)
        behind = tf.gather(images, tf.range(tf.shape(images)[axis] - 1), axis=axis)
        steps.append(_mean(tf.abs(ahead - behind)))
    return tf.add_n(steps)


@_term
def l1(scene: Scene, about: tf.Tensor) -> tf.Tensor:
    return _mean(tf.abs(scene.images - about))


@_term
def l2(scene: Scene, about: tf.Tensor) -> tf.Tensor:
    return _mean(tf.square(scene.images - about))


def _fitted(target: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """A reference image's activations at the size that a picture's have."""
    if values.shape.rank != 4:
        return target
    return tf.image.resize(target, tf.shape(values)[1:3])
