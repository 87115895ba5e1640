"""Ascent on parameterizations: each raises the score, under one view or several."""

import keras
import numpy as np
import pytest
from dreams import run
from networks import photo

from cnnvis_widgets.engine.dreaming import parameterizations, transforms


@pytest.mark.parametrize(
    "parameterization",
    [parameterizations.fourier(), parameterizations.pixels(), parameterizations.maco([np.uint8(photo(64)[0] * 255)])],
    ids=["fourier", "pixels", "maco"],
)
def test_every_parameterization_rises_from_noise(free, parameterization):
    options = {"size": (90, 98), "octaves": 2, "steps": 12, "parameterization": parameterization}
    steps = run(free, None, "c", [0, 2], **options)
    assert steps[-1].images.shape == (2, 90, 98, 3)
    assert steps[-1].images.dtype == np.float32
    assert steps[0].images.shape == (2, 64, 70, 3)
    assert steps[-1].images.min() >= 0
    assert steps[-1].images.max() <= 1
    assert (steps[11].scores > steps[0].scores).all()
    assert (steps[23].scores > steps[12].scores).all() or parameterization.name == "maco"
    assert 0 < steps[0].seconds < steps[-1].seconds
    alone = run(free, None, "c", 2, **options)[-1].images
    assert alone[0].tobytes() == steps[-1].images[1].tobytes()


def test_a_step_under_several_views_raises_their_mean(free):
    maco = parameterizations.maco([np.uint8(photo(64)[0] * 255)])
    transform = transforms.compose(transforms.crop(0.3, 0.6), transforms.noise(0.05))
    options = {"size": (64, 64), "parameterization": maco, "transform": transform}
    steps = run(free, None, "c", 2, views=4, steps=8, **options)
    assert steps[-1].images.shape == (1, 64, 64, 3)
    assert steps[0].scores.shape == (1,)
    assert steps[-1].scores[0] > steps[0].scores[0]
    again = run(free, None, "c", [0, 2], views=4, steps=8, **options)
    assert again[-1].images[1].tobytes() == steps[-1].images[0].tobytes()
    still = {**options, "transform": transforms.jitter(0)}
    one, same = (run(free, None, "c", 2, views=views, steps=3, **still)[-1] for views in (1, 3))
    np.testing.assert_allclose(same.scores, one.scores, rtol=1e-5)
    np.testing.assert_allclose(same.images, one.images, atol=1e-4)


def test_the_score_of_several_views_is_their_mean(free):
    """The views of a step are drawn one after the other, as single views are from step to step."""
    options = {"start": photo(64), "step_size": 0.0, "parameterization": parameterizations.fourier()}
    singles = [step.scores[0] for step in run(free, None, "c", 2, steps=3, **options)]
    assert np.std(singles) > 0
    together = run(free, None, "c", 2, steps=1, views=3, **options)[0].scores[0]
    assert together == pytest.approx(np.mean(singles), rel=1e-4)


def test_a_network_of_fixed_size_sees_larger_and_smaller_views():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="c")])
    for size in ((64, 64), (90, 70)):
        steps = run(model, None, "c", 0, size=size, octaves=2, steps=8)
        assert steps[-1].images.shape == (1, *size, 3)
        assert steps[-1].scores[0] > steps[0].scores[0]
