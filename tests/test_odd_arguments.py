"""Whatever a person hands over, an error is one of ours: it says what was expected, and what was received."""

import keras
import numpy as np
import pandas as pd
import pytest

import cnnvis_widgets as cv
from cnnvis_widgets.engine.activations import activation_steps
from cnnvis_widgets.errors import CnnvisError, LayerError

layers = keras.layers
NUMBERS = [1.5, np.nan, 1e30, 10**20]
ODD = [*NUMBERS, [], [99], [-1], [[0]], np.array([[0, 1]]), np.array("x"), object(), {"a": 1}, b"c", "nothing"]


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    image = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(4, 3, activation="relu", name="maps")(image)
    scores = layers.Dense(3, activation="softmax", name="scores")(layers.GlobalAveragePooling2D()(x))
    return cv.load(keras.Model(image, scores), np.random.default_rng(0).random((1, 16, 16, 3), np.float32))


def dream(network, *arguments, **options):
    return list(cv.dream(network, None, *arguments, **({"steps": 1, "octaves": 1, "value_range": (0, 1)} | options)))


CALLS = {
    "layer": lambda network, odd: cv.activations(network, None, odd),
    "layer of a dream": lambda network, odd: dream(network, odd, 0),
    "channels": lambda network, odd: cv.reconstruct(network, None, "maps", channels=odd),
    "channel of a dream": lambda network, odd: dream(network, "maps", odd),
    "channel of an objective": lambda network, odd: dream(network, cv.objectives.channel("maps", odd)),
    "unit of an objective": lambda network, odd: dream(network, cv.objectives.unit("maps", 0, odd)),
    "target": lambda network, odd: cv.grad_cam(network, None, odd),
    "channel of a target": lambda network, odd: cv.grad_cam(network, None, cv.Target(odd)),
    "place": lambda network, odd: cv.grad_cam(network, None, cv.Target(0, place=odd)),
    "region": lambda network, odd: cv.grad_cam(network, None, cv.Target(0, region=odd)),
    "rule": lambda network, odd: cv.reconstruct(network, None, "maps", rule=odd),
    "seed": lambda network, odd: cv.reconstruct(network, None, "maps", seed=odd),
    "scales": lambda network, odd: cv.intervene(network, None, "maps", odd),
    "region of an intervention": lambda network, odd: cv.intervene(network, None, "maps", {0: 0.0}, region=odd),
    "box": lambda network, odd: cv.occlude(network, None, odd),
    "size": lambda network, odd: cv.occlusion(network, None, 0, size=odd),
    "size of a dream": lambda network, odd: dream(network, "maps", 0, size=odd),
    "value_range": lambda network, odd: dream(network, "maps", 0, value_range=odd),
    "mask": lambda network, odd: dream(network, "maps", 0, start="feed", mask=odd),
    "samples": lambda network, odd: cv.smooth_grad(network, None, 0, samples=odd),
    "steps": lambda network, odd: cv.integrated_gradients(network, None, 0, steps=odd),
}


def is_meant(call, odd):
    """Whether a call may take the argument: many samples, no place of a head without places, a tiny mask."""
    if isinstance(odd, int):
        return call in ("samples", "steps")
    if isinstance(odd, list) and not odd:
        return call in ("place", "size of a dream")
    return call == "mask" and isinstance(odd, list | np.ndarray) and np.ndim(odd) == 2


@pytest.mark.parametrize("call", CALLS)
def test_an_odd_argument_raises_an_error_of_ours(network, call):
    for odd in [each for each in ODD if not is_meant(call, each)]:
        with pytest.raises((CnnvisError, ValueError), match="Expected"):
            CALLS[call](network, odd)


ITERABLES = {
    "list": list,
    "set": set,
    "keys": dict.fromkeys,
    "generator": lambda names: (name for name in names),
    "array": np.array,
    "array of objects": lambda names: np.array(names, object),
    "Series": pd.Series,
    "Index": pd.Index,
    "nested": lambda names: [names[:1], iter(names[1:])],
}


@pytest.mark.parametrize("kind", ITERABLES)
def test_layers_may_be_any_iterable(network, kind):
    names = ["maps", "scores"]
    chosen = network.select(ITERABLES[kind](names))
    assert {layer.keras_name for layer in chosen} == set(names)
    maps = cv.activations(network, None, ITERABLES[kind](names))
    assert [each.layer for each in maps] == list(network.select(ITERABLES[kind](names)))
    assert [step.layer for step in activation_steps(network, None, ITERABLES[kind](names))] == [
        each.layer for each in maps
    ]


@pytest.mark.parametrize("empty", [[], (), iter(()), np.array([]), pd.Series(dtype=object)])
def test_an_empty_selection_is_refused(network, empty):
    with pytest.raises(LayerError, match=r"Expected at least one layer. Received: an empty"):
        network.select(empty)
