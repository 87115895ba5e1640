"""A class dream as tf_cnnvis made it, written anew from what that library did: the baseline of whole dreams.

It saves the graph with its variables and imports it again, starts from noise around 117, and climbs three octaves of
50 steps that grow from the size of the input by 1.4 each. Every step rolls the picture, sends half-overlapping tiles
through one session run each, normalises the gradient by a Laplacian pyramid and adds it. Tiles that the border cuts off
fail in a network of a fixed input size, and are skipped. Left out: the smoothing of the picture between octaves, which
another library did.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

v1 = tf.compat.v1

OCTAVES, STEPS, SCALE, LEVELS = 3, 50, 1.4, 4
_BINOMIAL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]).astype(np.float32) / 256
_KERNEL = _BINOMIAL[:, :, None, None] * np.eye(3, dtype=np.float32)


def dream(graph: tf.Graph, session: v1.Session, image: str, scores: str, number: int, folder: Path) -> np.ndarray:
    """The whole call: save, import, dream, write.

    Args:
        graph: with variables.
        session: that holds their values.
        image: the name of the placeholder of images, float32 (images, height, width, 3), from 0 to 255.
        scores: the name of the tensor of class scores, (images, classes).
        number: of the class.
        folder: for the saved graph and the picture.

    Returns:
        The picture as it is written, uint8 (height, width, 3): stretched to black and white.
    """
    with graph.as_default():
        v1.train.Saver().save(session, str(folder / "model"))
    with tf.Graph().as_default() as own, v1.Session(graph=own) as running:
        v1.train.import_meta_graph(str(folder / "model.meta")).restore(running, str(folder / "model"))
        picture = _climbed(running, own.get_tensor_by_name(image), own.get_tensor_by_name(scores), number)
    low, high = picture.min(), picture.max()
    written = ((picture - low) / (high - low) * 255).astype(np.uint8)
    Image.fromarray(written).save(folder / f"image_{number}.png")
    return written


def _climbed(session: v1.Session, image: tf.Tensor, scores: tf.Tensor, number: int) -> np.ndarray:
    objective = scores[:, number] - 1e-3 * tf.reduce_mean(tf.square(image), [1, 2, 3])
    gradient = tf.gradients(objective, image)[0]
    fed = v1.placeholder(tf.float32, [None, None, None, 3])
    normalized = _normalized(fed)
    _, height, width, _ = image.shape.as_list()
    random = np.random.default_rng(0)
    picture = random.uniform(size=(1, height, width, 3)).astype(np.float32) + 117
    for octave in range(OCTAVES):
        if octave:
            size = [int(side * SCALE) for side in picture.shape[1:3]]
            picture = session.run(v1.image.resize_bilinear(picture, size))
        for _ in range(STEPS):
            shift = random.integers(height, size=2)
            rolled, signal = np.roll(picture, shift, (1, 2)), np.zeros_like(picture)
            for part in _tiles(picture.shape[1:3], (height, width)):
                signal[part] = session.run(gradient, {image: rolled[part]})
            picture = picture + session.run(normalized, {fed: np.roll(signal, -shift, (1, 2))})
    return picture[0]


def _tiles(size: tuple[int, ...], tile: tuple[int, int]) -> list[tuple[slice, slice, slice]]:
    """The tiles that fit whole into a picture."""
    starts = [range(0, max(whole - side // 2, side), side // 2) for whole, side in zip(size, tile, strict=True)]
    return [
        (slice(None), slice(y, y + tile[0]), slice(x, x + tile[1]))
        for y in starts[0]
        for x in starts[1]
        if y + tile[0] <= size[0] and x + tile[1] <= size[1]
    ]


def _normalized(gradient: tf.Tensor) -> tf.Tensor:
    """Each level of a Laplacian pyramid brought to a root mean square of 1."""
    levels, rest = [], gradient
    for _ in range(LEVELS):
        smaller = tf.nn.conv2d(rest, _KERNEL, 2, "SAME")
        levels.append(rest - tf.nn.conv2d_transpose(smaller, 4 * _KERNEL, tf.shape(rest), 2))
        rest = smaller
    result: tf.Tensor | None = None
    for level in [rest, *reversed(levels)]:
        own = level / tf.maximum(tf.sqrt(tf.reduce_mean(tf.square(level))), 1e-10)
        result = own if result is None else tf.nn.conv2d_transpose(result, 4 * _KERNEL, tf.shape(level), 2) + own
    return result
