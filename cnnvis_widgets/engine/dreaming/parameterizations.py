"""Parameterizations: variables that a dream changes in place of pixels, and the pictures that they stand for.

A spectrum with decorrelated colours spreads each step over frequencies and colours in the proportions that photographs
have. Steps on pixels give coloured noise. Variables are float32 arrays with the pictures on the first axis.

References:
    [1] C. Olah, A. Mordvintsev and L. Schubert, "Feature Visualization", Distill, 2017,
        DOI 10.23915/distill.00007 (preconditioning by the spectrum, decorrelated colour).
    [2] T. Fel et al., "Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained
        Optimization", NeurIPS 2023, arXiv 2306.06805 (MACO: the phase alone).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf
from PIL import Image

from ...arguments import checked
from ...errors import OptionError
from .numbers_given import matrix_of, numbers_of
from .spectra import logit, pictures_of, resized_magnitude, spectra_of

IMAGENET_COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]], np.float32) / 0.46195238
"""A square root of the covariance of ImageNet's colours, scaled so that its longest column has length 1."""

_MOST_SIDE, _MOST_CHANNELS, _MOST_DECAY = 16_384, 4096, 10


@runtime_checkable
class Parameterization(Protocol):
    """What an ascent needs to know about its variables. ``pixels``, ``fourier`` and ``maco`` make parameterizations."""

    @property
    def name(self) -> str:
        """Of the kind; one compiled step serves all parameterizations of one name."""

    @property
    def rate(self) -> float:
        """How far a step of Adam moves the variables."""

    def begin(self, random: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        """Variables of faint noise for pictures of a shape (pictures, height, width, channels)."""

    def louder(self, variables: np.ndarray, factors: np.ndarray) -> np.ndarray:
        """Variables of noise whose amplitude is multiplied by a factor for each picture, as far as it has one."""

    def fit(self, images: np.ndarray) -> np.ndarray:
        """Variables for given pictures, float32 (pictures, height, width, channels) in [0, 1]."""

    def constants(self, shape: Sequence[int]) -> list[np.ndarray]:
        """The float32 arrays that ``decode`` needs beside the variables, for pictures of a shape."""

    def decode(self, variables: tf.Tensor, width: tf.Tensor, *constants: tf.Tensor) -> tf.Tensor:
        """The pictures of variables, in [0, 1], inside a function that is being traced."""

    def moment_axes(self, rank: int) -> tuple[int, ...]:
        """The axes of the variables over which Adam's second moment is averaged."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """The pixels before a sigmoid, which keeps them within [0, 1]; variables (pictures, height, width, channels)."""

    name: str = "pixels"
    rate: float = 0.05

    def begin(self, random: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        return random.normal(0, 0.05, shape).astype(np.float32)

    def louder(self, variables: np.ndarray, factors: np.ndarray) -> np.ndarray:
        return _scaled(variables, factors)

    def fit(self, images: np.ndarray) -> np.ndarray:
        return logit(images)

    def constants(self, shape: Sequence[int]) -> list[np.ndarray]:
        return []

    def decode(self, variables: tf.Tensor, width: tf.Tensor, *constants: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(variables)

    def moment_axes(self, rank: int) -> tuple[int, ...]:
        return ()


@dataclass(frozen=True, eq=False)
class Fourier:
    """A spectrum (pictures, 2 for real and imaginary, colours, height, width // 2 + 1) for each picture.

    Attributes:
        decay: frequency f is scaled by 1 / f ** decay; photographs have about 1.
        colours: (channels, channels), from decorrelated colours to the channels of the picture; ``None`` for those
            of ImageNet, or for independent channels where there are not three.
        name, rate: see ``Parameterization``.
    """

    decay: float = 1.0
    colours: np.ndarray | None = None
    name: str = "fourier"
    rate: float = 0.014

    def begin(self, random: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        count, height, width, channels = shape
        return random.normal(0, 0.01, (count, 2, channels, height, width // 2 + 1)).astype(np.float32)

    def louder(self, variables: np.ndarray, factors: np.ndarray) -> np.ndarray:
        return _scaled(variables, factors)

    def fit(self, images: np.ndarray) -> np.ndarray:
        scale, colours = self.constants(images.shape)
        spectrum = spectra_of(images, colours) / scale
        return np.stack([spectrum.real, spectrum.imag], 1).astype(np.float32)

    def constants(self, shape: Sequence[int]) -> list[np.ndarray]:
        _, height, width, channels = shape
        return [spectrum_scale((height, width), self.decay), _colours(self.colours, channels)]

    def decode(self, variables: tf.Tensor, width: tf.Tensor, *constants: tf.Tensor) -> tf.Tensor:
        scale, colours = constants
        real, imaginary = tf.unstack(variables, 2, axis=1)
        return pictures_of(real, imaginary, scale, width, colours)

    def moment_axes(self, rank: int) -> tuple[int, ...]:
        # All frequencies of a colour share one scale. Plain Adam has one for each: every frequency then moves equally
        # far, also where the network did not ask for it, and textures fill the picture.
        return (1, 3, 4)


@dataclass(frozen=True, eq=False)
class Maco:
    """Phases (pictures, colours, height, width // 2 + 1) under the fixed magnitude of photographs [2].

    Attributes:
        spectrum: float32 (colours, height, width // 2 + 1), the magnitude, see ``magnitude_spectrum``.
        colours: as in ``Fourier``.
        name, rate: see ``Parameterization``.
    """

    spectrum: np.ndarray
    colours: np.ndarray | None = None
    name: str = "maco"
    rate: float = 0.1

    def begin(self, random: np.random.Generator, shape: Sequence[int]) -> np.ndarray:
        count, height, width, channels = shape
        return random.uniform(-np.pi, np.pi, (count, channels, height, width // 2 + 1)).astype(np.float32)

    def louder(self, variables: np.ndarray, factors: np.ndarray) -> np.ndarray:
        return variables  # the magnitude is that of photographs already

    def fit(self, images: np.ndarray) -> np.ndarray:
        return np.angle(spectra_of(images, _colours(self.colours, images.shape[-1]))).astype(np.float32)

    def constants(self, shape: Sequence[int]) -> list[np.ndarray]:
        _, height, width, channels = shape
        return [resized_magnitude(self.spectrum, (height, width)), _colours(self.colours, channels)]

    def decode(self, variables: tf.Tensor, width: tf.Tensor, *constants: tf.Tensor) -> tf.Tensor:
        magnitude, colours = constants
        return pictures_of(tf.cos(variables), tf.sin(variables), magnitude, width, colours)

    def moment_axes(self, rank: int) -> tuple[int, ...]:
        return ()


def pixels() -> Pixels:
    """The pixels themselves, under random views. (Without a parameterization, pixels are changed without views.)

    Example:
        >>> from cnnvis_widgets import parameterizations
        >>> parameterizations.pixels()
        Pixels(name='pixels', rate=0.05)
    """
    return Pixels()


@checked
def fourier(*, decay: float = 1.0, colours: Any = None) -> Fourier:
    """A spectrum in decorrelated colours [1].

    Args:
        decay: frequency f moves in proportion to 1 / f ** decay.
        colours: (channels, channels), see ``colour_statistics``; by default those of ImageNet for three channels.

    Raises:
        OptionError: a decay beyond 10 or below -10, or colours that are no square matrix with an inverse.

    Example:
        >>> from cnnvis_widgets import parameterizations
        >>> parameterizations.fourier(decay=1.5)
        Fourier(decay=1.5, colours=None, name='fourier', rate=0.014)
    """
    if not abs(float(decay)) <= _MOST_DECAY:
        raise OptionError(f"Expected decay from -{_MOST_DECAY} to {_MOST_DECAY}. Received: decay={decay!r}.")
    return Fourier(float(decay), None if colours is None else matrix_of(colours))


@checked
def maco(photographs: Iterable[Any] | None = None, *, spectrum: Any = None, colours: Any = None) -> Maco:
    """The phase alone, under the mean magnitude of photographs (MACO [2]).

    Args:
        photographs: uint8 (height, width, 3), of any sizes; or
        spectrum: of ``magnitude_spectrum``.
        colours: as in ``fourier``.

    Raises:
        OptionError: neither or both of photographs and spectrum are given.

    Example:
        >>> import numpy as np
        >>> from cnnvis_widgets import parameterizations
        >>> photograph = np.arange(64 * 64 * 3).reshape(64, 64, 3).astype(np.uint8)
        >>> parameterizations.maco([photograph]).spectrum.shape
        (3, 224, 113)
    """
    if (photographs is None) == (spectrum is None):
        raise OptionError("Expected photographs, or their spectrum. Received: neither or both. Pass one of them.")
    matrix = None if colours is None else matrix_of(colours)
    magnitude = magnitude_spectrum(photographs, colours=matrix) if photographs is not None else spectrum
    return Maco(numbers_of(magnitude, 3, "a spectrum (colours, height, width // 2 + 1)").astype(np.float32), matrix)


@checked
def magnitude_spectrum(
    photographs: Iterable[Any], size: tuple[int, int] = (224, 224), *, colours: np.ndarray | None = None
) -> np.ndarray:
    """The mean magnitude of the spectra of photographs.

    Args:
        photographs: uint8 (height, width, channels), of any sizes.
        size: (height, width) that every photograph is resized to.
        colours: as in ``fourier``.

    Returns:
        float32 (colours, height, width // 2 + 1), for ``maco(spectrum=...)``.

    Raises:
        OptionError: there is no photograph, or one of another dtype or shape; a size out of range.

    Example:
        >>> import numpy as np
        >>> from cnnvis_widgets import parameterizations
        >>> grey = np.full((20, 30, 3), 128, np.uint8)
        >>> spectrum = parameterizations.magnitude_spectrum([grey], (8, 8))
        >>> spectrum.shape, spectrum.dtype
        ((3, 8, 5), dtype('float32'))
    """
    if not (len(size) == 2 and all(0 < side <= _MOST_SIDE for side in size)):
        raise OptionError(f"Expected size as (height, width), at most {_MOST_SIDE} pixels. Received: size={size!r}.")
    colours = None if colours is None else matrix_of(colours)
    magnitudes = []
    for photograph in photographs:
        array = numbers_of(photograph, 3, "a photograph, uint8 (height, width, channels)")
        if array.dtype != np.uint8 or array.shape[-1] not in (1, 3):
            raise OptionError(
                "Expected a photograph, uint8 (height, width, channels), in grey or colour. "
                f"Received: {array.dtype} of shape {array.shape}."
            )
        picture = _at_size(array, size)
        magnitudes.append(np.abs(spectra_of(picture[None], _colours(colours, picture.shape[-1])))[0])
    if not magnitudes:
        raise OptionError("Expected at least one photograph. Received: none. Pass some as uint8 arrays.")
    return np.mean(magnitudes, 0).astype(np.float32)


@checked
def colour_statistics(images: Iterable[Any]) -> np.ndarray:
    """A square root of the covariance of your images' colours, scaled so that its longest column has length 1.

    Args:
        images: arrays (height, width, channels), uint8 or in any one range.

    Returns:
        float32 (channels, channels), for ``fourier(colours=...)``.

    Raises:
        OptionError: there is no image, or one of another shape, or with a single colour.

    Example:
        >>> import numpy as np
        >>> from cnnvis_widgets import parameterizations
        >>> images = [np.array([[[0, 1], [4, 1]], [[0, 3], [4, 3]]])]  # two channels that do not depend on each other
        >>> abs(parameterizations.colour_statistics(images))
        array([[1. , 0. ],
               [0. , 0.5]], dtype=float32)
    """
    arrays = [numbers_of(image, 3, "an image (height, width, channels)") for image in images]
    if not arrays:
        raise OptionError("Expected at least one image. Received: none. Pass some as arrays.")
    if len({array.shape[-1] for array in arrays}) > 1 or arrays[0].shape[-1] > _MOST_CHANNELS:
        raise OptionError(f"Expected images of as many channels, at most {_MOST_CHANNELS}. Received: others.")
    if not all(np.ptp(array) for array in arrays):
        raise OptionError("Expected images with more than one colour. Received: one of a single value.")
    covariances = [np.cov(array.reshape(-1, array.shape[-1]).T.astype(np.float64)) for array in arrays]
    vectors, values, _ = np.linalg.svd(np.atleast_2d(np.mean(covariances, 0)))
    root = vectors * np.sqrt(values)
    return (root / np.linalg.norm(root, axis=0).max()).astype(np.float32)


@checked
def spectrum_scale(size: tuple[int, int], decay: float) -> np.ndarray:
    """The scale of every frequency, float32 (height, width // 2 + 1). All decays give the same total power."""
    height, width = size
    if not (0 < height <= _MOST_SIDE and 0 < width <= _MOST_SIDE and abs(decay) <= _MOST_DECAY):
        raise OptionError(
            f"Expected size (height, width) up to {_MOST_SIDE}, and decay from -{_MOST_DECAY} to {_MOST_DECAY}. "
            f"Received: size={size!r}, decay={decay!r}."
        )
    across, down = np.fft.rfftfreq(width), np.fft.fftfreq(height)
    frequency = np.maximum(np.hypot(down[:, None], across), 1 / max(size))
    counted = np.where((across > 0) & (across < 0.5), 2.0, 1.0)  # only half of a real picture's spectrum is stored
    scale, usual = frequency**-decay, frequency**-1.0
    power = np.sqrt(np.sum(counted * usual**2) / np.sum(counted * scale**2))
    return (np.sqrt(height * width) / 4 * power * scale).astype(np.float32)


def _scaled(variables: np.ndarray, factors: np.ndarray) -> np.ndarray:
    return (variables * factors.reshape(-1, *[1] * (variables.ndim - 1))).astype(np.float32)


def _colours(matrix: np.ndarray | None, channels: int) -> np.ndarray:
    if matrix is None:
        return IMAGENET_COLOURS if channels == 3 else np.eye(channels, dtype=np.float32)
    if matrix.shape != (channels, channels):
        raise OptionError(
            f"Expected colours of shape {(channels, channels)}. Received: shape {matrix.shape}. "
            "Give one row and one column for each channel of the input."
        )
    return matrix


def _at_size(photograph: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A uint8 photograph as float32 (height, width, channels) in [0, 1]."""
    flat = photograph[..., 0] if photograph.shape[-1] == 1 else photograph
    resized = Image.fromarray(flat).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    return (np.asarray(resized, np.float32) / 255).reshape(*size, -1)
