"""Results at home in a notebook: pictures, facts, arrays and tables."""

from io import BytesIO

import numpy as np
import pytest
from networks import keras_cnn, photo
from PIL import Image

import cnnvis_widgets
from cnnvis_widgets.results import Layer, Patch, StrongestPatches

LAYER = Layer("edges", "convolution", "c", (None, 8, 8, 4), 3)


@pytest.fixture(scope="module")
def network():
    return cnnvis_widgets.load(keras_cnn(), photo(images=2), class_names=["cat", "dog", "cow", "owl"])


def assert_at_home(result, facts):
    page = result._repr_html_()
    assert page.startswith('<img src="data:image/png;base64,')
    assert repr(result).startswith(f"<{type(result).__name__}: ")
    assert len(repr(result)) < 500
    for fact in facts:
        assert fact in repr(result)
    picture = result.to_pil()
    png = Image.open(BytesIO(result._repr_png_()))
    np.testing.assert_array_equal(np.asarray(picture), np.asarray(png.convert("RGB")))
    assert len(np.unique(np.asarray(picture))) > 1
    return picture


def test_feature_maps(network):
    (maps,) = cnnvis_widgets.activations(network, None, "pool")
    assert_at_home(maps, ["'pool/MaxPool2d'", "float32 (2, 10, 10, 6)"])
    np.testing.assert_array_equal(np.asarray(maps), maps.values)
    assert np.asarray(maps, np.float64).dtype == np.float64
    table = maps.to_dataframe()
    assert (list(table.columns), len(table)) == (["image", "channel", "largest"], 12)
    assert table.largest[7] == maps.strengths[1, 1]


def test_projections_attributions_and_dreams(network):
    assert_at_home(
        cnnvis_widgets.reconstruct(network, None, "pool", channels=[0, 3]), ["2 channels", "'pool/MaxPool2d'"]
    )
    assert_at_home(cnnvis_widgets.grad_cam(network, None, "dog"), ["grad_cam", "float32 (2, 1, "])
    *_, step = cnnvis_widgets.dream(network, None, "pool", [0], octaves=1, steps=2)
    assert_at_home(step, ["'pool/MaxPool2d'"])


def test_predictions(network):
    predictions = cnnvis_widgets.predict(network)
    picture = assert_at_home(predictions, ["float32 (2, 4)"])
    assert picture.height > 200  # bars of both images
    np.testing.assert_array_equal(np.asarray(predictions), predictions.scores)
    change = cnnvis_widgets.intervene(network, None, "pool", {0: 0.0})
    assert_at_home(change, ["pool/MaxPool2d"])
    with pytest.raises(TypeError, match="Expected a result with one array"):
        np.asarray(change)


def test_curves_walls_and_attributions_in_pieces(network):
    curves = cnnvis_widgets.invariance(network, photo()[0], ["pool", "scores"], amounts=[90, 0, 45])
    picture = assert_at_home(curves, ["rotate", "float32 (2, 3)"])
    assert picture.height > 400  # distances, and the probability below them
    table = curves.to_dataframe()
    assert list(table.columns) == ["rotate", "layer", "distance", curves.name]
    assert table.distance[2:4].tolist() == [0, 0]
    np.testing.assert_array_equal(np.asarray(curves), curves.distances)
    deleted = cnnvis_widgets.deletion(network, None, cnnvis_widgets.grad_cam(network, None, "dog"), steps=4)
    assert_at_home(deleted, ["deletion"])
    assert len(deleted.to_dataframe()) == 2 * 5
    wall = cnnvis_widgets.method_wall(network, None, "cow", methods=["grad_cam", "hires_cam"], points=4)
    assert_at_home(wall, ["cow"])
    assert list(wall.to_dataframe().method) == ["grad_cam", "hires_cam"]


def test_patches_stand_beside_their_projections():
    pixels = np.zeros((3, 2, 3), np.float32)
    pixels[1, 0] = 1
    patch = Patch("a.png", 2.0, (0, 0), ((0, 3), (-1, 2)), pixels, -pixels, "guided")
    strongest = StrongestPatches(LAYER, 3, (patch,), (np.float32(0), np.float32(1)))
    picture = np.asarray(assert_at_home(strongest, ["'edges'", "channel 3"]))
    assert picture.shape == (72, 144, 3)
    assert (picture[:, :24] == 96).all()  # beyond the border
    assert (picture[24:48, 24:48] == 255).all()  # the bright pixel
    assert (picture[24:48, 96:120] == 0).all()  # its projection, negative
    assert (picture[:24, 96:] == 128).all()
