"""Ctrl-C ends every public call that can take long, and the network goes on: the calls here would take hours."""

import os
import signal
import threading
import time

import keras
import numpy as np
import pytest

import cnnvis_widgets as cv
from cnnvis_widgets.results import DreamStep, Layer

SECONDS = 10  # on a busy machine; alone, it is well below two
COUNT = 10**6
PHOTOS = np.random.default_rng(0).random((4, 48, 48, 3)).astype(np.float32)


pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    image = keras.Input((48, 48, 3))
    x = keras.layers.Conv2D(16, 3, activation="relu", name="maps")(image)
    x = keras.layers.Conv2D(16, 3, activation="relu", name="more")(x)
    x = keras.layers.Dense(4, activation="softmax", name="scores")(keras.layers.GlobalAveragePooling2D()(x))
    return cv.load(keras.Model(image, x), PHOTOS)


def photos():
    """A data set without an end in sight."""
    return (PHOTOS[number % len(PHOTOS)] for number in range(COUNT))


def consume(results):
    for _ in results:
        pass


def film_steps():
    layer = Layer("maps", "relu", "r", (None, 48, 48, 1), 3)
    limits = (np.float32(0), np.float32(1))
    for index in range(COUNT):
        yield DreamStep(layer, "", (0,), ("0",), PHOTOS[:1], np.zeros(1, np.float32), 0, 1, index, COUNT, limits)


DREAM = {"octaves": 1, "value_range": (0, 1)}
CALLS = {
    "dream": lambda network, _: consume(cv.dream(network, None, "maps", 0, steps=COUNT, **DREAM)),
    "zoom": lambda network, _: consume(cv.zoom(network, None, "maps", 0, frames=COUNT, value_range=(0, 1))),
    "smooth_grad": lambda network, _: cv.smooth_grad(network, None, 0, samples=COUNT),
    "integrated_gradients": lambda network, _: cv.integrated_gradients(network, None, 0, steps=COUNT),
    "occlusion": lambda network, _: cv.occlusion(network, np.tile(PHOTOS, (30, 1, 1, 1)), 0, size=2, stride=1),
    "score_cam": lambda network, _: cv.score_cam(network, np.tile(PHOTOS, (500, 1, 1, 1)), 0),
    "invariance": lambda network, _: cv.invariance(network, PHOTOS[0], "maps", amounts=list(range(20_000))),
    "stream": lambda network, _: consume(cv.stream(network, photos(), "maps", progress=False)),
    "survey": lambda network, folder: cv.survey(network, photos(), "maps", out=folder / "Survey", progress=False),
    "write_animation": lambda network, folder: cv.write_animation(film_steps(), folder / "film.gif"),
}
LONG = [name for name in CALLS if name != "dream"]


def require_interrupted(network, call, folder):
    before = cv.activations(network, None, "maps")[0].values
    timer = threading.Timer(0.7, os.kill, (os.getpid(), signal.SIGINT))
    begun = time.monotonic()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            call(network, folder)
        assert time.monotonic() - begun < SECONDS
    finally:
        timer.cancel()
        timer.join()
    np.testing.assert_array_equal(cv.activations(network, None, "maps")[0].values, before)
    assert len(next(iter(cv.dream(network, None, "maps", 0, steps=1, **DREAM))).images) == 1


def test_an_interrupt_ends_a_dream(network, tmp_path):
    require_interrupted(network, CALLS["dream"], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_an_interrupt_ends_every_long_call(network, tmp_path, name):
    require_interrupted(network, CALLS[name], tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith("film")]
