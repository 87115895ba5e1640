"""Attribution and occlusion in the explorer: what is shown, what its code gives, and what is written."""

from __future__ import annotations

import numpy as np
import pytest
from on_screen import pixels, run_code, same
from PIL import Image

import cnnvis_widgets.engine.attribution.grad_cam as grad_cam_module
from cnnvis_widgets import grad_cam, occlusion, predict
from cnnvis_widgets.errors import FeedError
from cnnvis_widgets.imaging.heat import heat, outlined, overlay
from cnnvis_widgets.imaging.places import COLOURS, UNKNOWN, class_map, in_order, value_map
from cnnvis_widgets.imaging.render import reconstruction_tiles
from cnnvis_widgets.results import Attribution, Occlusion, Reconstruction
from cnnvis_widgets.widgets.jobs import computations, sweeps
from cnnvis_widgets.widgets.views.attribution import EXPLAINERS
from cnnvis_widgets.widgets.views.registry import VIEWS

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs")


@pytest.mark.parametrize("at_layer", [False, True])
@pytest.mark.parametrize("explainer", EXPLAINERS)
def test_the_code_gives_the_attribution_on_the_screen(explorer, images, explainer, at_layer):
    first = explorer.network.select("r")[0].name
    explorer.state.image, explorer.state.at_layer, explorer.state.explainer = 1, at_layer, explainer
    explorer.state.layer, explorer.state.method = first, "attribution"
    result = explorer.wait(0)
    assert isinstance(result, Attribution)
    assert result.method == explainer
    assert result.targets == (predict(explorer.network, images[1:]).top(1)[0][0],)
    same(run_code(explorer)["attribution"].images, result.images)
    view = explorer.views["attribution"]
    same(pixels(view.alone), heat(result.images[0, 0]).pixels)


def test_only_maps_with_places_are_weighed(explorer):
    state, switch = explorer.state, explorer.views["attribution"]._at_layer
    state.method, state.at_layer = "attribution", True
    assert (switch.disabled, explorer.wait(0).maps.name) == (False, state.layer)
    state.layer = explorer.network.logits.name
    assert (switch.disabled, state.error) == (True, "")
    assert explorer.wait(0).maps.spatial_shape
    same(run_code(explorer)["attribution"].images, explorer.result.images)
    state.layer = explorer.result.maps.name
    assert not switch.disabled
    state.explainer = "integrated_gradients"  # weighs no maps
    assert switch.disabled


def test_the_class_can_be_chosen(explorer, images):
    explorer.state.method = "attribution"
    best = explorer.wait(0)
    explorer.state.target = 2  # the most probable class is still asked about
    assert explorer.wait(0) is best
    explorer.state.explained = "chosen"
    assert explorer.wait(0).targets == (2,)
    explorer.state.target = "cat"
    assert explorer.wait(0).targets == (0,)
    same(explorer.result.images, grad_cam(explorer.network, images[:1], 0, upsampled=True).images)
    same(run_code(explorer)["attribution"].images, explorer.result.images)


def test_the_badge_says_how_the_picture_was_made(explorer):
    explorer.state.method = "attribution"
    layer = explorer.result.maps.name
    badge = explorer.views["attribution"]._caption.value
    assert "softmax removed" in badge
    assert f"maps of {layer}, enlarged" in badge
    explorer.state.explainer = "integrated_gradients"
    error = float(explorer.result.completeness_error[0, 0])
    assert f"completeness error {error:+.3g}" in explorer.views["attribution"]._caption.value
    explorer.state.explainer = "guided_grad_cam"
    assert "relu 2/2 guided" in explorer.views["attribution"]._caption.value
    assert f'title="{explorer.result.coverage}"' in explorer.views["attribution"]._caption.value


def test_opacity_draws_anew_and_computes_nothing(explorer, images, monkeypatch):
    explorer.state.contour, explorer.state.method, explorer.state.opacity = False, "attribution", 1.0
    view, result = explorer.views["attribution"], explorer.result
    photo = images[0].astype(np.uint8)
    same(pixels(view.over), overlay(photo, heat(result.images[0, 0]), 1.0))
    monkeypatch.setattr(computations, "explain", None)
    explorer.state.opacity = 0.0
    grey = np.rint(photo.mean(axis=-1)).astype(np.uint8)
    same(pixels(view.over), np.repeat(grey[..., None], 3, axis=-1))
    explorer.state.contour = True
    same(pixels(view.over), outlined(grey[..., None].repeat(3, axis=-1), result.images[0, 0]))
    assert explorer.state.error == ""


def test_going_back_computes_nothing(explorer, monkeypatch):
    explorer.state.method = "attribution"
    first = explorer.result
    explorer.state.method = "activations"
    monkeypatch.setattr(grad_cam_module, "grad_cam", None)
    explorer.state.method = "attribution"
    assert explorer.wait(0) is first


def sweep(explorer):
    """Open the view, and have the square slid over the image."""
    explorer.state.method = "occlusion"
    explorer.views["occlusion"].start()
    return explorer.wait(0)


def test_a_sweep_fills_the_four_panels(explorer, images):
    explorer.state.method = "occlusion"
    view = explorer.views["occlusion"]
    assert isinstance(explorer.wait(0), Reconstruction), "nobody has asked for the sweep"
    assert {name: column.layout.display for name, column in view._columns.items()} == {
        "total": "none",
        "projection": None,
        "probability": "none",
        "best": "none",
    }
    view.start()
    result = explorer.wait(0)
    assert [column.layout.display for column in view._columns.values()] == [None] * 4
    assert isinstance(result, Occlusion)
    assert result.size == (3, 3)
    assert all(canvas.alt != "No picture yet" for canvas in view.panels.values())
    sweep = run_code(explorer)["sweep"]
    for name in ("scores", "probabilities", "best", "map_totals"):
        same(getattr(sweep, name), getattr(result, name))
    same(pixels(view.panels["total"])[0, 0], value_map(result.map_totals[0])[0, 0])
    same(pixels(view.panels["best"])[-1, -1], class_map(result.best[0])[-1, -1])
    assert f"Map {result.map_channels[0]} of {result.maps.name}" in view.panels["projection"].alt
    expected = occlusion(explorer.network, images[:1], result.attribution.targets, size=(10, 12), layer="first")
    explorer.state.square, explorer.state.at_layer = 0.5, True
    assert view._columns["total"].layout.display == "none", "of the small square"
    view.start()
    same(explorer.result.map_totals, expected.map_totals)
    same(run_code(explorer)["sweep"].map_totals, expected.map_totals)


def test_the_projection_is_by_the_chosen_rule(explorer, images, monkeypatch):
    view, swept = explorer.views["occlusion"], sweep(explorer)
    before = pixels(view.panels["projection"])
    monkeypatch.setattr(sweeps, "occlusion_steps", None)  # another rule is no other sweep
    explorer.state.rule = "gradient"
    assert explorer.wait(0) is swept
    assert "its projection by gradient" in view.panels["projection"].alt
    assert not np.array_equal(pixels(view.panels["projection"]), before)
    monkeypatch.undo()
    projection = run_code(explorer)["projection"]
    assert projection.rule == "gradient"
    same(pixels(view.panels["projection"]), reconstruction_tiles(projection)[0])


def test_attributions_and_sweeps_are_written(explorer, tmp_path):
    explorer.state.image, explorer.state.method = 1, "attribution"
    explorer.save_png()
    explorer.log_to_tensorboard()
    (path, log), target = explorer.state.files, explorer.result.targets[0]
    assert path.name == f"grad_cam_{target}_1.png"
    with Image.open(path) as picture:
        assert picture.text["Maps"] == explorer.result.maps.name
        assert picture.text["Activation removed"] == "softmax"
        same(np.asarray(picture), heat(explorer.result.images[0, 0]).pixels)
    sweep(explorer)
    explorer.save_png()
    kinds = ("occlusion", "occlusion_best", "occlusion_probability", "occlusion_total")
    assert sorted(path.name for path in explorer.state.files) == [f"{kind}_{target}_1.png" for kind in kinds]
    assert log == tmp_path / "Log"


def test_values_at_places():
    values = np.array([[0, np.nan], [2, 4]], np.float32)
    colours = value_map(values)
    same(colours[0, 1], np.full(3, UNKNOWN, np.uint8))
    assert colours[0, 0].tolist() == [0x44, 0x01, 0x54]
    assert colours[1, 1].tolist() == [0xFD, 0xE7, 0x25]
    best = np.array([[7, 7, -1], [3, 7, 9]])
    assert in_order(best) == [7, 3, 9]
    unknown = [UNKNOWN] * 3
    expected = [[COLOURS[0], COLOURS[0], unknown], [COLOURS[1], COLOURS[0], COLOURS[2]]]
    same(class_map(best), np.array(expected, np.uint8))
    assert (class_map(np.arange(9)[None])[0, 6:] == COLOURS[-1]).all()


@pytest.mark.parametrize("before", [view.name for view in VIEWS if view.name != "occlusion"])
def test_the_square_is_on_the_photo_whatever_was_looked_at_before(explorer, before):
    photo, explorer.state.channel, explorer.state.unit = explorer.image_pane.canvas, 1, (2, 2)
    explorer.state.method = before
    explorer.image_pane.incoming.cropping.begin.click()  # a frame for cropping gives way, too
    explorer.state.method = "occlusion"
    assert (photo.drag, photo.selected) == ("move", (10, 8, 3, 3))
    explorer.state.method = before
    assert (photo.drag, photo.selected == (10, 8, 3, 3)) == ("", False)


def test_a_square_by_hand(explorer):
    explorer.state.method, explorer.state.square = "occlusion", 0.25
    photo, hand = explorer.image_pane.canvas, explorer.views["occlusion"].manual
    assert (photo.drag, photo.selected, explorer.state.occluder) == ("move", (9, 8, 6, 5), ())

    def drag(left, top):
        box = {"left": left, "top": top, "width": 6, "height": 5, "final": False}
        photo._receive(None, {"event": "drag", **box}, [])

    drag(9, 7)
    assert explorer.state.occluder == (9, 7, 6, 5)
    assert photo.selected == (9, 7, 6, 5)
    computed = run_code(explorer)["occluded"]
    same(hand.occluded.after.scores, computed.after.scores)
    same(hand.occluded.map_after, computed.map_after)
    same(pixels(hand.canvas), heat(computed.map_after, limit=computed.map_before.max(), signed=False).pixels)
    assert "→" in hand.bars.value
    drag(0, 6)
    explorer.state.square = 0.5
    assert explorer.state.occluder == (0, 4, 12, 10)
    same(hand.occluded.after.scores, run_code(explorer)["occluded"].after.scores)
    explorer.state.method = "activations"
    assert (photo.drag, photo.selected) == ("", ())
    drag(1, 1)
    assert explorer.state.occluder == (0, 4, 12, 10)
    with pytest.raises(FeedError, match="Received: occluder"):
        explorer.state.occluder = (1, 2, 0, 3)
