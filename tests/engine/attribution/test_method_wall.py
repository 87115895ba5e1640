"""A wall of methods: the methods' own results, with figures that are measured as their functions measure them."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from heads import KINDS, SIZE, sequential
from networks import keras_cnn, photo

from cnnvis_widgets import (
    Target,
    deletion,
    grad_cam,
    hires_cam,
    insertion,
    integrated_gradients,
    load,
    method_wall,
    occlusion,
    predict,
)
from cnnvis_widgets.engine.attribution.method_wall import method_wall_steps, wall_methods
from cnnvis_widgets.errors import ChannelError, LayerError, OptionError
from cnnvis_widgets.methods import METHODS, of_kind

QUICK = ["grad_cam", "gradient_times_input"]


@pytest.fixture(scope="module")
def network():
    return load(keras_cnn(), photo(images=2), class_names=["ant", "bee", "cat", "dog"])


def same(found, expected, tolerance=1e-6):
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max())


def test_a_wall_has_every_method_that_gives_an_attribution(network):
    assert set(wall_methods()) == {method.name for method in (*of_kind("attribution"), *of_kind("occlusion"))}
    wall = method_wall(network, None, "cat", points=4)
    assert tuple(tile.method for tile in wall.tiles) == wall_methods()
    assert (wall.name, wall.classes[0], wall.head) == ("cat", 2, network.head())
    assert wall.classes[1] == next(number for number, *_ in predict(network).top(2) if number != 2)
    same(wall.image, photo(images=2)[0])
    gone, back = wall.random
    assert (gone.kind, back.kind) == ("deletion", "insertion")
    same(gone.values[..., 0], back.values[..., -1])
    for tile in wall.tiles:
        assert tile.refusal == ""
        assert tile.seconds > 0
        assert (tile.attribution.targets, tile.attribution.names) == ((2,), ("cat",))
        assert tile.attribution.images.shape[:2] == tile.attribution.scores.shape == (1, 1)
        expected = deletion(network, photo(images=2)[:1], tile.attribution, steps=4)
        same(tile.deletion.values, expected.values)
        back = insertion(network, photo(images=2)[:1], tile.attribution, steps=4)
        same(tile.insertion.values, back.values)
        assert -1 <= tile.sensitivity <= 1


def test_tiles_are_what_the_functions_give(network):
    wall = method_wall(network, None, 1, methods=["integrated_gradients", "occlusion", "hires_cam"], points=2)
    first, rival = photo(images=2)[:1], int(wall.classes[1])
    by_name = {tile.method: tile.attribution for tile in wall.tiles}
    expected = integrated_gradients(network, first, 1)
    same(by_name["integrated_gradients"].images, expected.images)
    assert by_name["integrated_gradients"].points.tolist() == expected.points.tolist()
    same(by_name["occlusion"].images, occlusion(network, first, 1).attribution.images)
    both = hires_cam(network, first, [1, rival], upsampled=True).images[0]
    same(by_name["hires_cam"].images[0], both[:1])
    correlation = np.corrcoef(both[0].ravel(), both[1].ravel())[0, 1]
    assert wall.tiles[2].sensitivity == pytest.approx(correlation, abs=1e-5)


def test_the_surest_class_at_a_place_and_a_layer():
    images = np.random.default_rng(3).random((1, *SIZE), np.float32)
    model = sequential(*KINDS["class map"][0]())
    network = load(model, images)
    place = Target(place=(5, 1))
    wall = method_wall(network, None, place, methods=QUICK, layer=model.layers[0].name, points=2)
    order = np.argsort(-np.asarray(model(images))[0, 5, 1])
    assert wall.classes.tolist() == order[:2].tolist()
    assert wall.name == f"{network.head().title(int(order[0]))} at 5, 1"
    same(wall.tiles[0].attribution.scores, grad_cam(network, None, Target(int(order[0]), place=(5, 1))).scores)
    assert wall.tiles[0].attribution.maps == network.layer(model.layers[0].name)


def test_a_method_that_does_not_apply_says_why():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, "softmax")])
    wall = method_wall(load(model, np.ones((1, 6), np.float32)), points=2)
    refused = {tile.method: tile.refusal for tile in wall.tiles if tile.refusal}
    assert "grad_cam" in refused
    assert "occlusion" in refused
    assert "maps of several places" in refused["grad_cam"]
    assert all(tile.attribution is None and tile.deletion is None for tile in wall.tiles if tile.refusal)
    assert [curve.kind for curve in wall.random] == ["deletion"]  # nothing lies beside anything that could be blurred
    alone = {tile.method for tile in wall.tiles if not tile.refusal}
    assert alone == {"integrated_gradients", "smooth_grad", "gradient_times_input"}


def test_a_head_of_one_value_has_no_rival():
    images = np.random.default_rng(3).random((1, *SIZE), np.float32)
    wall = method_wall(load(sequential(*KINDS["one value"][0]()), images), methods=QUICK, points=2)
    assert wall.classes.tolist() == [0, -1]
    assert all(np.isnan(tile.sensitivity) for tile in wall.tiles)
    assert wall.tiles[0].deletion.quantity == "score"


def test_steps_stop_anywhere(network):
    steps = list(method_wall_steps(network, None, methods=["smooth_grad", "grad_cam"], points=2))
    assert {step.total for step in steps} == {2}
    assert [len(step.tiles) for step in steps] == sorted(len(step.tiles) for step in steps)
    assert sum(not step.tiles for step in steps) >= METHODS["smooth_grad"].option("samples").default // 4
    assert [tile.method for tile in steps[-1].tiles] == ["smooth_grad", "grad_cam"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"methods": ["grad_camm"]}, OptionError, "Received: 'grad_camm'. Nearest names: 'grad_cam'"),
        ({"methods": ["activations"]}, OptionError, "Expected names of attribution methods"),
        ({"points": 0}, OptionError, "Received: points=0"),
        ({"layer": "nowhere"}, LayerError, "Received: layer='nowhere'"),
        ({"target": "catt"}, ChannelError, "Received: 'catt'"),
        ({"target": [1, 2]}, ChannelError, "Expected one class"),
    ],
)
def test_requests_that_do_not_fit_are_refused_before_the_first_step(network, options, error, message):
    with pytest.raises(error, match=message):
        method_wall_steps(network, None, **options)
