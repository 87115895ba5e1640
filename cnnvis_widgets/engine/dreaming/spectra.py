"""Spectra of pictures, and pictures of spectra with their gradient.

A spectrum is that of a picture before its sigmoid, and holds half of all frequencies: those of a real picture repeat.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from PIL import Image

from ..backward.gradient_overrides import with_gradient

_PICTURES = "Cnnvis/PicturesOfSpectra"
_EXTREME = 1e-4  # fitted pictures stay so far from black and white, where a sigmoid would need infinite variables


def pictures_of(
    real: tf.Tensor, imaginary: tf.Tensor, scale: tf.Tensor, width: tf.Tensor, colours: tf.Tensor
) -> tf.Tensor:
    """Pictures in [0, 1] of spectra (pictures, colours, height, width // 2 + 1)."""
    length = tf.stack([tf.shape(real)[2], width])
    spectrum = tf.complex(real * scale, imaginary * scale)
    planes = tf.raw_ops.IRFFT2D(input=spectrum, fft_length=length)
    pictures = tf.sigmoid(tf.raw_ops.Einsum(inputs=[planes, colours], equation="nkhw,ck->nhwc"))
    with with_gradient(_PICTURES, "IdentityN"):  # this op takes all that its gradient needs
        return tf.identity_n([pictures, real, imaginary, scale, width, colours])[0]


@tf.RegisterGradient(_PICTURES)
def _from_pictures(op: tf.Operation, signal: tf.Tensor, *_: tf.Tensor) -> list[tf.Tensor | None]:
    """TensorFlow's own gradient is equal but has ten times as many ops, and all must be built before the first step."""
    pictures, real, _imaginary, scale, width, colours = op.inputs
    sizes = tf.shape(real)
    length = tf.stack([sizes[2], width])
    slope = tf.raw_ops.SigmoidGrad(y=pictures, dy=signal)
    plane = tf.raw_ops.Einsum(inputs=[slope, colours], equation="nhwc,ck->nkhw")
    waves = tf.raw_ops.RFFT2D(input=plane, fft_length=length)
    column = tf.range(sizes[3])
    alone = tf.equal(column, 0) | tf.equal(2 * column, width)  # every other column stands for two
    share = scale * tf.where(alone, 1.0, 2.0) / tf.cast(tf.reduce_prod(length), tf.float32)
    return [None, tf.math.real(waves) * share, tf.math.imag(waves) * share, None, None, None]


def spectra_of(images: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """The spectra, complex (images, colours, height, width // 2 + 1), of images in [0, 1]."""
    planes = logit(images) @ np.linalg.inv(colours).T
    return np.fft.rfft2(np.moveaxis(planes, -1, 1))


def logit(images: np.ndarray) -> np.ndarray:
    """The pixels of images in [0, 1] before a sigmoid."""
    inside = np.clip(images, _EXTREME, 1 - _EXTREME)
    return (np.log(inside) - np.log1p(-inside)).astype(np.float32)


def resized_magnitude(spectrum: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A magnitude spectrum for pictures of another size, with the same amount of detail of the same strength."""
    _, height, across = spectrum.shape
    if (height, across) == (size[0], size[1] // 2 + 1):
        return spectrum
    centred = np.fft.fftshift(spectrum, axes=1)
    planes = [
        np.asarray(Image.fromarray(plane).resize((size[1] // 2 + 1, size[0]), Image.Resampling.BILINEAR))
        for plane in centred
    ]
    ratio = size[0] * (size[1] // 2 + 1) / (height * across)
    # resizing smears the peak at frequency zero over its neighbours; restore it, or the mean colour is lost
    resized = np.fft.ifftshift(np.stack(planes), axes=1) * np.sqrt(ratio)
    resized[:, 0, 0] = spectrum[:, 0, 0] * ratio
    return resized.astype(np.float32)
