"""Parameterizations: round trips, what they can fit, and the colours and spectra behind them."""

import numpy as np
import pytest
import tensorflow as tf
from networks import photo

from cnnvis_widgets import demo
from cnnvis_widgets.engine.dreaming import parameterizations as p
from cnnvis_widgets.engine.runtime.tracing import traced
from cnnvis_widgets.errors import OptionError

COLOURS = np.array([[1, 0.2, 0.1], [0.9, 0, -0.3], [0.8, -0.3, 0.2]], np.float32)


def decoded(parameterization, variables, shape):
    constants = parameterization.constants(shape)
    specs = [tf.TensorSpec([None] * np.ndim(each), tf.float32) for each in (variables, np.float32(0), *constants)]
    specs[1] = tf.TensorSpec([], tf.int32)
    return traced(parameterization.decode, specs)(variables, shape[2], *constants)


def a_photo(height, width, channels=3):
    pixels = p._at_size(demo.photos()["coffee"], (height, width))
    return pixels[None, ..., :channels]


ALL = {
    "pixels": lambda image: p.pixels(),
    "fourier": lambda image: p.fourier(),
    "soft": lambda image: p.fourier(decay=1.5, colours=COLOURS),
    "maco": lambda image: p.maco([(image[0] * 255).round().astype(np.uint8)]),
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", [(64, 64), (48, 80), (51, 37)])
def test_each_fits_a_photo(name, size):
    image = a_photo(*size)
    parameterization = ALL[name](image)
    if name == "maco":
        parameterization = p.maco(spectrum=p.magnitude_spectrum([np.uint8(np.rint(image[0] * 255))], size))
    variables = parameterization.fit(image)
    assert variables.dtype == np.float32
    back = decoded(parameterization, variables, image.shape)
    assert back.shape == image.shape
    assert back.dtype == np.float32
    assert np.abs(back - image).mean() < 0.01
    if name != "maco":
        np.testing.assert_allclose(back, image.clip(1e-4, 1 - 1e-4), atol=1e-5)


@pytest.mark.parametrize("width", [6, 7])
@pytest.mark.parametrize("name", ["fourier", "soft", "maco"])
def test_the_gradient_of_spectra_is_that_of_tensorflow(name, width):
    parameterization, shape = ALL[name](a_photo(5, width)), (2, 5, width, 3)
    variables = parameterization.begin(np.random.default_rng(0), shape)
    seed = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    constants = parameterization.constants(shape)

    def plain(variables, width, scale, colours):
        if name == "maco":
            spectrum = tf.complex(scale * tf.cos(variables), scale * tf.sin(variables))
        else:
            spectrum = tf.complex(scale * variables[:, 0], scale * variables[:, 1])
        planes = tf.signal.irfft2d(spectrum, [5, width])
        return tf.sigmoid(tf.einsum("nkhw,ck->nhwc", planes, colours))

    found, wanted = (
        traced(
            lambda z, decode=decode: tf.gradients(decode(z, tf.constant(width), *map(tf.constant, constants)), z, seed),
            [tf.TensorSpec(variables.shape, tf.float32)],
        )(variables)[0]
        for decode in (parameterization.decode, plain)
    )
    assert np.abs(wanted).max() > 0
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("name", ALL)
def test_each_begins_with_faint_noise_of_its_seed(name):
    image = a_photo(64, 64)
    parameterization, shape = ALL[name](image), (2, 64, 64, 3)
    one, again, other = (parameterization.begin(np.random.default_rng(seed), shape) for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes() != other.tobytes()
    begun = decoded(parameterization, one, shape)
    assert begun.shape == shape
    assert 0 < begun.min() < begun.max() < 1
    assert np.abs(begun[0] - begun[1]).max() > 0.001
    if name != "maco":
        assert begun.std() < 0.1


def test_grey_pictures_have_no_colours_to_decorrelate():
    image = a_photo(32, 32, 1)
    back = decoded(p.fourier(), p.fourier().fit(image), image.shape)
    np.testing.assert_allclose(back, image, atol=1e-4)


def test_fourier_and_colours_in_float64_to_rounding():
    """The arithmetic itself, without float32: image -> logit -> colours -> spectrum -> back."""
    for height, width in ((64, 64), (48, 80)):
        image = np.random.default_rng(0).uniform(0.01, 0.99, (height, width, 3))
        colours = p.IMAGENET_COLOURS.astype(np.float64)
        planes = np.moveaxis(np.log(image / (1 - image)) @ np.linalg.inv(colours).T, -1, 0)
        scale = p.spectrum_scale((height, width), 1).astype(np.float64)
        restored = np.fft.irfft2(np.fft.rfft2(planes) / scale * scale, (height, width))
        back = 1 / (1 + np.exp(-np.moveaxis(restored, 0, -1) @ colours.T))
        np.testing.assert_allclose(back, image, atol=2e-15)


def test_the_colours_of_imagenet():
    np.testing.assert_allclose(np.linalg.norm(p.IMAGENET_COLOURS, axis=0).max(), 1, rtol=1e-6)
    np.testing.assert_allclose(p.IMAGENET_COLOURS[:, 0], [0.56282854, 0.58447580, 0.58447580], rtol=1e-6)
    np.testing.assert_allclose(p.IMAGENET_COLOURS[:, 2], [0.04329450, -0.10823626, 0.06494176], rtol=1e-6)


def test_colour_statistics_are_a_root_of_the_covariance():
    images = np.random.default_rng(0).standard_normal((4, 50, 40, 3)) @ COLOURS.T + 7
    found = p.colour_statistics(images)
    assert found.shape == (3, 3)
    assert found.dtype == np.float32
    covariance = np.mean([np.cov(image.reshape(-1, 3).T) for image in images], 0)
    product = found.astype(float) @ found.T
    np.testing.assert_allclose(product / product[0, 0], covariance / covariance[0, 0], rtol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(found, axis=0).max(), 1, rtol=1e-6)
    assert p.colour_statistics([photo(8, 1)[0]]).shape == (1, 1)


def test_every_decay_has_the_same_power_and_falls_with_frequency():
    for size in ((40, 60), (33, 21)):
        powers = []
        for decay in (0.5, 1.0, 1.5):
            scale = p.spectrum_scale(size, decay)
            assert scale.shape == (size[0], size[1] // 2 + 1)
            assert scale[0, 1] > scale[0, -1]
            random = np.random.default_rng(0).standard_normal((2, *scale.shape)) * scale
            powers.append(np.fft.irfft2(random[0] + 1j * random[1], size).std())
        np.testing.assert_allclose(powers, powers[0], rtol=0.5)


def test_magnitudes_are_those_of_the_photographs_at_any_size():
    images = [np.uint8(a_photo(64, 64)[0] * 255), demo.photos()["coffee"]]
    spectrum = p.magnitude_spectrum(images, (64, 96))
    assert spectrum.shape == (3, 64, 49)
    each = [p.magnitude_spectrum([image], (64, 96)) for image in images]
    np.testing.assert_allclose(spectrum, np.mean(each, 0), rtol=1e-5)
    begun = p.maco(spectrum=spectrum)
    spreads = []
    for size in ((64, 96), (96, 144), (48, 48)):
        variables = begun.begin(np.random.default_rng(3), (1, *size, 3))
        spreads.append(decoded(begun, variables, (1, *size, 3)).std())
    assert max(spreads) < 2 * min(spreads)


def test_what_cannot_be_is_said():
    with pytest.raises(OptionError, match="Received: neither or both"):
        p.maco()
    with pytest.raises(OptionError, match=r"Expected colours of shape \(3, 3\)"):
        p.fourier(colours=np.eye(2)).constants((1, 8, 8, 3))
    with pytest.raises(OptionError, match="at least one image"):
        p.colour_statistics([])
