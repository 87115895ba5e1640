"""Dreams of what a head tells: labels, no, a pixel, a region, an anchor."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from heads import KINDS, SIZE

from cnnvis_widgets import Target, dream, load, recreate, smooth_grad
from cnnvis_widgets.engine.dreaming.objectives import channel, region, unit
from cnnvis_widgets.engine.network.network import Network
from cnnvis_widgets.errors import ChannelError
from cnnvis_widgets.outputs.png_files import write_dream

OPTIONS = {"octaves": 1, "steps": 6, "value_range": (0, 1), "laplacian_levels": 0, "step_size": 2.0}
PHOTO = np.random.default_rng(0).random((1, *SIZE), np.float32)


def network_of(kind: str) -> Network:
    """No part of it is ever dead, so that every pixel has a gradient."""
    keras.utils.set_random_seed(1)
    first = keras.layers.Conv2D(4, 3, padding="same", activation="leaky_relu")
    return load(keras.Sequential([keras.Input(SIZE), first, *KINDS[kind][0]()]), PHOTO)


@pytest.mark.parametrize(
    ("kind", "target", "objective"),
    [
        ("labels", 2, lambda scores: channel(scores, 2)),
        ("yes or no", "no", lambda scores: -channel(scores, 0)),
        ("yes or no", "yes", lambda scores: channel(scores, 0)),
        ("values", 1, lambda scores: channel(scores, 1)),
        ("class map", 2, lambda scores: channel(scores, 2)),
        ("class map", Target(2, place=(5, 1)), lambda scores: unit(scores, 2, (5, 1))),
        ("class map", Target(1, region=(2, 3, 4, 5)), lambda scores: region(scores, 1, (2, 3, 4, 5))),
        ("mask", Target("no", place=(0, 7)), lambda scores: -unit(scores, 0, (0, 7))),
        ("channels first", Target(3, place=(4, 6)), lambda scores: unit(scores, 3, (4, 6))),
        ("anchors", Target(1, place=(77,)), lambda scores: unit(scores, 1, (77,))),
    ],
)
def test_a_target_is_the_objective_of_its_score_before_the_last_activation(kind, target, objective):
    network = network_of(kind)
    steps = list(dream(network, None, None, target, start="feed", **OPTIONS))
    explained = smooth_grad(network, None, target, noise=0, samples=1)
    assert (steps[0].channels, steps[0].names) == (explained.targets, explained.names)
    assert (steps[0].layer, steps[0].activation_removed) == (network.heads[0].scores, KINDS[kind][2])
    by_objective = list(dream(network, None, objective(network.heads[0].scores), start="feed", **OPTIONS))
    np.testing.assert_array_equal(steps[-1].images, by_objective[-1].images)


def test_several_targets_of_one_head_in_one_call():
    network = network_of("class map")
    asked = [Target(0, place=(1, 2)), 0]
    last = list(dream(network, None, network.heads[0].name, asked, start="feed", **OPTIONS))[-1]
    assert last.names == ("class 0 at 1, 2", "class 0")
    alone = list(dream(network, None, None, asked[0], start="feed", **OPTIONS))[-1]
    np.testing.assert_array_equal(last.images[0], alone.images[0])


def test_a_layer_by_its_op_has_raw_channels():
    network = network_of("yes or no")
    step = next(dream(network, None, network.heads[0].scores, 0, start="feed", **OPTIONS))
    assert step.scores[0] == next(dream(network, None, None, "yes", start="feed", **OPTIONS)).scores[0]


@pytest.mark.parametrize(
    ("channels", "words"),
    [
        (None, "Expected a class of head .* to dream of"),
        (Target(place=(0, 0)), "Expected a class of head"),
        (Target(0, place=(8, 8)), r"8 x 8. Received: place=\(8, 8\)"),
        ([], "at least one"),
        (3, "from 0 to 2 of head"),
    ],
)
def test_what_cannot_be_dreamt_is_refused(channels, words):
    with pytest.raises(ChannelError, match=words):
        dream(network_of("class map"), None, None, channels)


def test_a_recipe_stores_its_target(tmp_path):
    network = network_of("class map")
    last = list(dream(network, None, None, Target(1, place=(3, 4)), seed=3, **OPTIONS))[-1]
    assert last.recipe["channels"] == {"kind": "Target", "channel": 1, "place": [3, 4], "region": None}
    [path] = write_dream(last, tmp_path, layers=network.layers)
    np.testing.assert_array_equal(recreate(path, network).images, last.images)
