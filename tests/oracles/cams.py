"""Grad-CAM's relatives in plain NumPy and float64, written from the papers: one image, channel after channel.

``maps`` and ``gradients`` are (height, width, channels). Nothing is enlarged or scaled.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def grad_cam(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Selvaraju et al. 2017, equations 1 and 2."""
    places = maps.shape[0] * maps.shape[1]
    weighted = [gradients[..., k].sum() / places * maps[..., k] for k in range(maps.shape[-1])]
    return _rectified(sum(weighted))


def grad_cam_plus_plus(maps: np.ndarray, gradients: np.ndarray, score: float) -> np.ndarray:
    """Chattopadhay et al. 2018, with Y = exp(S) and the derivatives of a score that is piecewise linear in the maps."""
    first, second, third = (np.exp(score) * gradients**order for order in (1, 2, 3))
    return from_derivatives(maps, first, second, third)


def from_derivatives(maps: np.ndarray, first: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.ndarray:
    """The same for any Y, from its first three derivatives by each value alone."""
    result = np.zeros(maps.shape[:2])
    for k in range(maps.shape[-1]):
        weight, total = 0.0, maps[..., k].sum()
        for place in np.ndindex(maps.shape[:2]):
            at = (*place, k)
            if first[at] > 0:
                alpha = second[at] / (2 * second[at] + total * third[at])
                weight += alpha * first[at]
        result += weight * maps[..., k]
    return _rectified(result)


def derivatives(function: Callable[[tf.Tensor], tf.Tensor], at: np.ndarray) -> list[np.ndarray]:
    """The first three derivatives of a scalar function by each value alone, by differentiating along each axis."""
    results = [np.zeros(at.shape) for _ in range(3)]
    for place in np.ndindex(at.shape):
        direction = np.zeros(at.shape)
        direction[place] = 1
        step = tf.constant(0.0, tf.float64)
        with tf.GradientTape() as three:
            three.watch(step)
            with tf.GradientTape() as two:
                two.watch(step)
                with tf.GradientTape() as one:
                    one.watch(step)
                    value = function(tf.constant(at) + step * tf.constant(direction))
                first = one.gradient(value, step)
            second = two.gradient(first, step)
        third = three.gradient(second, step)
        for result, derivative in zip(results, (first, second, third), strict=True):
            result[place] = float(derivative)
    return results


def hires_cam(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Draelos and Carin 2020: the sum over the maps of gradient times map."""
    return sum(gradients[..., k] * maps[..., k] for k in range(maps.shape[-1]))


def layer_cam(maps: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    """Jiang et al. 2021: each value is weighed by its own gradient, where that is positive."""
    return _rectified(sum(_rectified(gradients[..., k]) * maps[..., k] for k in range(maps.shape[-1])))


def score_cam(maps: np.ndarray, image: np.ndarray, score_of: Callable[[np.ndarray], float]) -> np.ndarray:
    """Wang et al. 2020, algorithm 1; ``score_of`` gives the logit of an image (height, width, channels)."""
    logits = np.full(maps.shape[-1], -np.inf)
    for k in range(maps.shape[-1]):
        large = tf.image.resize(maps[..., k : k + 1], image.shape[:2], method="bilinear").numpy()
        low, high = large.min(), large.max()
        if high > low:
            logits[k] = score_of(image * (large - low) / (high - low))
    weights = np.exp(logits - logits.max())
    weights /= weights.sum()
    return _rectified(sum(weights[k] * maps[..., k] for k in range(maps.shape[-1])))


def _rectified(values: np.ndarray) -> np.ndarray:
    return np.where(values > 0, values, 0.0)
