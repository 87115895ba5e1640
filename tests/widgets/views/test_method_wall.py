"""The method wall in the explorer, and the figures below a single attribution."""

from __future__ import annotations

import numpy as np
import pytest
from on_screen import pixels, run_code, same
from PIL import Image

from cnnvis_widgets import method_wall
from cnnvis_widgets.engine.attribution.method_wall import wall_methods
from cnnvis_widgets.imaging.heat import heat, overlay
from cnnvis_widgets.imaging.render import attribution_values
from cnnvis_widgets.methods import METHODS
from cnnvis_widgets.results import MethodWall, WallTile
from cnnvis_widgets.widgets.jobs import computations
from cnnvis_widgets.widgets.views.attribution_figures import figures, figures_badge

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs")


def test_every_method_has_its_tile(explorer, images):
    explorer.state.image, explorer.state.method = 1, "method wall"
    wall, view = explorer.wait(0), explorer.views["method wall"]
    assert isinstance(wall, MethodWall)
    assert tuple(view.tiles) == wall_methods()
    photo = images[1].astype(np.uint8)
    for tile in wall.tiles:
        same(pixels(view.tiles[tile.method]), overlay(photo, heat(attribution_values(tile.attribution, 0, 0)), 0.8))
        words = view._captions[tile.method].value
        assert METHODS[tile.method].title.replace("&", "&amp;") in words
        assert f"deletion area {tile.deletion.areas[0, 0]:.3g}" in words
        assert f"insertion area {tile.insertion.areas[0, 0]:.3g}" in words
        assert f"class sensitivity {tile.sensitivity:.2f}" in words
    gone, back = (curve.areas[0, 0] for curve in wall.random)
    words = f"pixels in random order, deletion area {gone:.3g}, insertion area {back:.3g}"
    assert words in view._reference.value
    again = run_code(explorer)["wall"]
    assert again.name == wall.name
    same(again.tiles[0].attribution.images, wall.tiles[0].attribution.images)


def test_another_class_and_layer_and_back(explorer, monkeypatch):
    explorer.state.method = "method wall"
    best = explorer.wait(0)
    explorer.state.explained, explorer.state.target = "chosen", "cat"
    assert explorer.wait(0).name == "cat"
    explorer.state.at_layer = True
    assert explorer.wait(0).tiles[0].attribution.maps.name == explorer.state.layer
    assert f"layer={explorer.state.layer!r}" in explorer.code()
    explorer.state.at_layer = False
    monkeypatch.setattr(computations, "method_wall_steps", None)  # what was computed is kept
    explorer.state.explained = "best"
    assert explorer.wait(0) is best
    assert explorer.state.error == ""


def test_a_wall_is_written_as_one_picture(explorer, tmp_path):
    explorer.state.method = "method wall"
    explorer.save_png()
    explorer.log_to_tensorboard()
    path, log = explorer.state.files
    wall = explorer.result
    assert path.name == f"method_wall_{wall.classes[0]}_0.png"
    assert path.parent.name == "attribution"
    with Image.open(path) as picture:
        assert "deletion area" in picture.text["Grad-CAM"]
        assert picture.text["Method"] == "method_wall"
        assert picture.width > 4 * 200
    assert log == tmp_path / "Log"


def test_an_attribution_is_measured_on_request(explorer, images):
    explorer.state.method = "attribution"
    view = explorer.views["attribution"]
    assert view.figures.value == ""
    explorer.state.measured = True
    tile = method_wall(explorer.network, images[:1], methods=["grad_cam"]).tiles[0]
    assert f"deletion area {tile.deletion.areas[0, 0]:.3g}" in view.figures.value
    assert f"class sensitivity {tile.sensitivity:.2f}" in view.figures.value
    before = view.figures.value
    explorer.state.explainer = "hires_cam"
    assert view.figures.value != before
    assert "class sensitivity" in view.figures.value
    explorer.state.measured = False
    assert view.figures.value == ""


def test_figures_warn_where_the_class_plays_no_part():
    words = figures(WallTile("hires_cam", sensitivity=0.95))
    assert ("class sensitivity 0.95", True) in words
    assert ("class sensitivity 0.50", False) in figures(WallTile("hires_cam", sensitivity=0.5))
    assert ("no class sensitivity: no other class, or an empty picture", False) in figures(WallTile("hires_cam"))
    assert "Expected maps" in figures_badge(WallTile("hires_cam", refusal="Expected maps."))
