"""The Laplacian pyramid of gradients: it merges to what was split, and all its levels become equally strong."""

import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets.engine.dreaming import laplacian


def test_a_pyramid_of_an_even_picture_has_no_details():
    detail, rest = laplacian.split(tf.fill([1, 40, 33, 3], 0.7), 1)
    inner = slice(4, -4)  # the kernel is as wide as that; beyond the border there is black
    np.testing.assert_allclose(detail[:, inner, inner], 0, atol=1e-6)
    np.testing.assert_allclose(rest[:, 2:-2, 2:-2], 0.7, atol=1e-6)


@pytest.mark.parametrize("size", [(224, 224), (101, 75), (30, 64)])
def test_pyramid_merges_to_what_was_split(size):
    image = np.random.default_rng(0).standard_normal((1, *size, 3)).astype("float32")
    np.testing.assert_allclose(laplacian.merge(laplacian.split(tf.constant(image), 4)), image, atol=2e-6)
    levels = laplacian.split(tf.constant(image), 4)
    assert len(levels) == 5
    once, scaled = (laplacian.normalize(tf.constant(image * scale), 4).numpy() for scale in (1, 1e-3))
    np.testing.assert_allclose(once, scaled, atol=1e-4)
    strengths = [np.sqrt(np.mean(np.square(laplacian._unit_rms(level)))) for level in levels]
    np.testing.assert_allclose(strengths, 1, atol=1e-4)
