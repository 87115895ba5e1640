"""Laplacian gradient normalisation: gives every scale of detail in a gradient the same strength.

The gradients of deep layers have mostly high frequencies. Without normalisation, dreams turn into coloured noise.

References:
    [1] P. J. Burt and E. H. Adelson, "The Laplacian Pyramid as a Compact Image Code", IEEE Transactions on
        Communications 31(4), 1983, DOI 10.1109/TCOM.1983.1095851.
    [2] A. Mordvintsev, the DeepDream notebook of TensorFlow, 2015: the 5 x 5 binomial kernel and the
        normalisation of each level by its root mean square.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_BINOMIAL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]).astype(np.float32) / 256


def _down(image: tf.Tensor) -> tf.Tensor:
    channels = image.shape[-1]
    kernel = tf.tile(_BINOMIAL[:, :, None, None], [1, 1, channels, 1])
    return tf.nn.depthwise_conv2d(image, kernel, [1, 2, 2, 1], "SAME")


def _up(image: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
    channels = image.shape[-1]
    kernel = tf.tile(4 * _BINOMIAL[:, :, None, None], [1, 1, channels, 1])
    result = tf.nn.depthwise_conv2d_backprop_input(shape, kernel, image, [1, 2, 2, 1], "SAME")
    return tf.ensure_shape(result, [None, None, None, channels])


def split(image: tf.Tensor, levels: int) -> list[tf.Tensor]:
    """Split images (batch, height, width, channels) into ``levels`` details, the finest first, and a coarse rest."""
    details = []
    for _ in range(levels):
        smaller = _down(image)
        details.append(image - _up(smaller, tf.shape(image)))
        image = smaller
    return [*details, image]


def merge(pyramid: list[tf.Tensor]) -> tf.Tensor:
    """The images of a pyramid; the inverse of ``split``."""
    image = pyramid[-1]
    for detail in reversed(pyramid[:-1]):
        image = _up(image, tf.shape(detail)) + detail
    return image


def normalize(gradient: tf.Tensor, levels: int) -> tf.Tensor:
    """Scale each level of each gradient (batch, height, width, channels) to a root mean square of 1, and merge."""
    return merge([_unit_rms(level) for level in split(gradient, levels)])


def mean_squares(gradient: tf.Tensor, levels: int) -> tf.Tensor:
    """The mean square of each level of the pyramid of gradients, float32 (levels + 1,)."""
    return tf.stack([tf.reduce_mean(tf.square(level)) for level in split(gradient, levels)])


def scaled(gradient: tf.Tensor, scales: tf.Tensor, levels: int) -> tf.Tensor:
    """Multiply each level of the pyramid of gradients by its number in ``scales``, float32 (levels + 1,), and merge."""
    return merge([level * scales[number] for number, level in enumerate(split(gradient, levels))])


def _unit_rms(values: tf.Tensor) -> tf.Tensor:
    axes = list(range(1, values.shape.rank))
    return values / tf.maximum(tf.sqrt(tf.reduce_mean(tf.square(values), axes, keepdims=True)), 1e-10)
