"""ModelExplorer over a tiny real network: state and messages in, results, pictures and files out."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from dataclasses import replace
from functools import partial
from io import BytesIO

import keras
import numpy as np
import pytest
from ipywidgets import HTML, Button, FloatProgress, IntSlider, ToggleButtons
from PIL import Image
from traitlets import TraitError

from cnnvis_widgets import ModelExplorer, activations, channel_evidence, load, reconstruct
from cnnvis_widgets.engine.runtime import memory
from cnnvis_widgets.engine.runtime.caches import function_cache
from cnnvis_widgets.errors import ChannelError, GradientError, LayerError, OutputError
from cnnvis_widgets.imaging import busy_regions as regions
from cnnvis_widgets.results import DreamStep, FeatureMaps, Reconstruction
from cnnvis_widgets.widgets.charts.score_chart import ScoreChart, ticks
from cnnvis_widgets.widgets.elements.canvas import PictureCanvas
from cnnvis_widgets.widgets.elements.class_picker import ClassPicker
from cnnvis_widgets.widgets.elements.shared_layouts import create, set_visible
from cnnvis_widgets.widgets.jobs import computations, dreams, jobs
from cnnvis_widgets.widgets.runner import SHARING
from cnnvis_widgets.widgets.views.map_sheet import MapSheet
from cnnvis_widgets.widgets.views.montage import PAGE, Montage, on_page, pages
from cnnvis_widgets.widgets.views.registry import VIEWS

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs")

CLASSES = ("cat", "crane", "crane", "<b>dog</b>")


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((40, 48, 3)),
            keras.layers.Conv2D(6, 3, activation="relu", name="first"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(PAGE + 20, 3, activation="relu", name="wide"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(4, activation="softmax", name="classes"),
        ]
    )
    return load(model, class_names=CLASSES)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (2, 40, 48, 3), dtype=np.uint8).astype(np.float32)


@pytest.fixture
def make(network, images, tmp_path, inline_jobs):
    return lambda: ModelExplorer(network, images, outdir=tmp_path / "Output", logdir=tmp_path / "Log")


@pytest.fixture
def explorer(make):
    explorer = make()
    explorer.state.order = "number"  # so that the place of a map is known
    yield explorer
    explorer.close()


def test_the_strongest_maps_come_first(make):
    explorer = make()
    channels = explorer._view.context.gallery._grid.channels
    strengths = explorer.result.strengths[0][channels]
    assert strengths.tolist() == sorted(strengths.tolist(), reverse=True)
    assert explorer.state.channel == channels[0]
    explorer.close()


def small_model():
    return keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, activation="relu")])


def test_models_of_the_user_can_die_while_an_explorer_is_open(inline_jobs, tmp_path):
    """A Keras model is full of circles, so that only the garbage collector finds it dead."""
    explored, beside, later = small_model(), small_model(), small_model()
    watched = [weakref.ref(model) for model in (explored, beside, later)]
    explorer = ModelExplorer(explored, np.zeros((8, 8, 3), np.float32), outdir=tmp_path, logdir=tmp_path)
    explorer.wait()
    del explored, beside
    gc.collect()
    assert [reference() for reference in watched] == [None, None, later]
    explorer.close()
    del later
    gc.collect()
    assert [reference() for reference in watched] == [None] * 3


def test_a_process_is_as_before_when_its_last_explorer_is_closed(make, monkeypatch):
    events = []
    monkeypatch.setattr(
        memory, "keep_heap_ends_small", lambda: events.append("open") or partial(events.append, "closed")
    )
    collector = gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()
    explorer = make()
    assert events == ["open"]
    explorer.close()
    assert events == ["open", "closed"]
    assert (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()) == collector


def name(explorer, keras_name):
    return explorer.network.layer(keras_name).name


def canvases(explorer):
    """The montage, the photo and the large picture."""
    return [canvas(explorer, name) for name in ("montage", "photo", "large")]


def canvas(explorer, name):
    return one(explorer, PictureCanvas, name=name)


def descendants(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from descendants(child)


def one(explorer, kind, **traits):
    matches = [
        widget
        for widget in descendants(explorer)
        if isinstance(widget, kind) and all(getattr(widget, key) == value for key, value in traits.items())
    ]
    assert len(matches) == 1
    return matches[0]


def pixels(canvas):
    image = Image.open(BytesIO(canvas.data))
    return np.asarray(image.convert("RGB") if image.mode == "P" else image)


def text_of(explorer):
    return "\n".join(getattr(widget, "value", "") for widget in descendants(explorer) if hasattr(widget, "placeholder"))


def test_opens_on_the_feature_maps_of_the_first_activation_function(explorer, network, images):
    result = explorer.wait(0)
    (expected,) = activations(network, images[:1], explorer.state.layer)
    assert isinstance(result, FeatureMaps)
    assert result.values.shape == (1, 38, 46, 6)
    np.testing.assert_array_equal(result.values, expected.values)
    assert explorer.state.channel == int(expected.strengths[0].argmax())
    assert not explorer.state.running
    assert explorer.state.progress == 1
    assert explorer.state.status.startswith("Done in")


def test_every_picture_has_a_text_alternative(explorer):
    montage, photo, large = canvases(explorer)
    assert montage.alt == f"Feature maps of {explorer.state.layer}: all 6"
    assert photo.alt == "The image as fed: image 0, 40 × 48 pixels"
    assert large.alt.startswith(f"Feature map {explorer.state.channel} of {explorer.state.layer}: largest activation")
    assert (montage.interactive, photo.interactive, large.interactive) == (True, True, True)


def test_the_pictures_show_the_values(explorer, images):
    montage, photo, large = canvases(explorer)
    np.testing.assert_array_equal(pixels(photo), images[0].astype(np.uint8))
    assert pixels(large).shape == (38, 46, 3)
    assert len(np.unique(pixels(large).reshape(-1, 3), axis=0)) > 50
    left, top, width, height = montage.selected
    tile = pixels(montage)[top : top + height, left : left + width]
    factor = height // 38
    np.testing.assert_array_equal(tile[::factor, ::factor], pixels(large))


def test_another_layer_is_another_montage(explorer):
    montage = canvases(explorer)[0]
    before = montage.data
    explorer.state.layer = "wide"
    assert explorer.result.layer.name == name(explorer, "wide")
    assert montage.data != before
    assert f"0 to {PAGE - 1} of {PAGE + 20}" in montage.alt


def test_going_back_to_a_layer_computes_nothing(explorer, monkeypatch):
    first = explorer.state.layer
    explorer.state.layer = "wide"
    monkeypatch.setattr(computations, "maps_with_neighbours", lambda *args: pytest.fail("computed again"))
    for name in (first, *(layer.name for layer in explorer.network.layers[:3])):  # they came with the first
        explorer.state.layer = name
        assert explorer.wait(0).layer.name == name


def test_an_unknown_layer_is_refused_and_nothing_changes(explorer):
    before, result = explorer.state.layer, explorer.result
    with pytest.raises(LayerError, match="Nearest names"):
        explorer.state.layer = "frist"
    assert explorer.state.layer == before
    assert explorer.result is result


def test_a_click_selects_a_map(explorer):
    montage, _, large = canvases(explorer)
    grid = Montage(range(6), 38, 46)
    left, top, width, height = grid.box(4)
    montage._handle_custom_msg({"event": "click", "x": left + width / 2, "y": top + height / 2}, [])
    assert explorer.state.channel == 4
    assert montage.selected == grid.box(4)
    assert large.alt.startswith("Feature map 4")


def test_a_click_in_the_large_map_selects_a_unit_and_frames_what_it_sees(explorer, network):
    _, photo, large = canvases(explorer)
    large._handle_custom_msg({"event": "click", "x": 7.9, "y": 30.2}, [])
    assert explorer.state.unit == (30, 7)
    assert large.selected == (7, 30, 1, 1)
    assert photo.selected == (7, 30, 3, 3), "one 3 x 3 convolution without padding"
    value = explorer.result.values[0, 30, 7, explorer.state.channel]
    assert f"selected: activation {value:.4g} at row 30, column 7" in large.alt
    explorer.state.layer = "wide"
    assert (explorer.state.unit, large.selected, photo.selected) == (None, (), ())
    explorer.state.unit = (0, 5)
    assert photo.selected == (10, 0, 8, 8), "3 x 3, pooled by two, and 3 x 3 again: 8 pixels, 2 apart"
    with pytest.raises(ChannelError, match="17 × 21"):
        explorer.state.unit = (17, 0)


def test_a_dragged_frame_is_not_told_back(monkeypatch):
    canvas, sent, dragged = PictureCanvas(), [], []
    monkeypatch.setattr(PictureCanvas, "_send", lambda self, message, buffers=None: sent.append(message["state"]))
    canvas.on_drag(lambda *told: dragged.append((*told, canvas.selected)))
    sent.clear()
    canvas._receive(None, {"event": "drag", "left": 1, "top": 2, "width": 3, "height": 4, "final": True}, [])
    assert (sent, dragged) == ([], [(1, 2, 3, 4, True, (1, 2, 3, 4))])
    canvas.selected = (5, 6, 7, 8)
    assert [dict(message) for message in sent] == [{"selected": (5, 6, 7, 8)}]


def test_the_keyboard_walks_through_the_units(explorer):
    large = canvases(explorer)[2]
    seen = []
    for key in ("Home", "ArrowRight", "ArrowDown", "ArrowLeft", "ArrowLeft", "End", "ArrowDown", "ArrowUp"):
        large._handle_custom_msg({"event": "key", "key": key}, [])
        seen.append(explorer.state.unit)
    assert seen == [(0, 0), (0, 1), (1, 1), (1, 0), (1, 0), (37, 45), (37, 45), (36, 45)]


def test_deconvolution_of_the_selected_unit(explorer, network, images):
    explorer.state.layer, explorer.state.seed = "wide", "unit"
    channel = explorer.state.channel
    explorer.state.method = "deconvolution"
    strongest = explorer.result.units[0, 0]
    explorer.state.unit = (1, 2)
    result = explorer.wait(0)
    assert result.channels[0] == channel
    assert result.units[0, 0].tolist() == [1, 2] != strongest.tolist()
    expected = reconstruct(network, images[:1], "wide", channels=[channel], seed=(1, 2))
    np.testing.assert_allclose(result.images[:, :1], expected.images, rtol=1e-5, atol=1e-6)


def test_the_unit_that_was_asked_for_comes_before_all_else(explorer):
    where = explorer.fed_images.at(0, name(explorer, "wide"))
    weakest = computations.strongest_first(computations.feature_maps(where))[-1]
    steps = list(computations.deconvolve(where, channel=weakest, rule="guided", seed=(1, 2)))
    assert steps[0].result.channels == (weakest,)
    laid_out_as_the_second = [step.about == steps[1].about for step in steps]
    assert laid_out_as_the_second == [False] + [True] * (len(steps) - 1)
    assert len(steps[-1].result.channels) == computations.STRONGEST


def test_the_keyboard_walks_through_the_maps(explorer):
    montage = canvases(explorer)[0]
    seen = []
    for key in ("Home", "ArrowRight", "ArrowDown", "ArrowUp", "ArrowLeft", "ArrowLeft", "End", "ArrowDown"):
        montage._handle_custom_msg({"event": "key", "key": key}, [])
        seen.append(explorer.state.channel)
    assert seen == [0, 1, 4, 1, 0, 0, 5, 5]


def test_very_many_maps_come_in_pages(explorer):
    montage = canvases(explorer)[0]
    explorer.state.layer = "wide"
    first = montage.data
    explorer.state.channel = PAGE + 3
    assert explorer.state.page == 1
    assert montage.data != first
    assert montage.selected
    explorer.state.page = 0
    assert montage.data == first
    assert montage.selected == ()


def test_the_page_of_the_strongest_map_is_drawn_at_once_and_only_it(explorer, monkeypatch):
    drawn = []
    monkeypatch.setattr(MapSheet, "strongest", PAGE + 1)
    canvases(explorer)[0].observe(lambda change: drawn.append(change["owner"].alt), "data")
    explorer.state.layer = "wide"
    assert explorer.state.page == 1
    assert len(drawn) == 1
    assert f": {PAGE} to " in canvases(explorer)[0].alt


def test_another_image(explorer, network, images):
    photo = canvases(explorer)[1]
    explorer.state.image = 1
    (expected,) = activations(network, images[1:], explorer.state.layer)
    np.testing.assert_array_equal(explorer.result.values, expected.values)
    np.testing.assert_array_equal(pixels(photo), images[1].astype(np.uint8))


@pytest.mark.parametrize(("rule", "seed"), [("deconvnet", "strongest"), ("guided", "map"), ("gradient", "ones")])
def test_deconvolution_is_what_reconstruct_gives(explorer, network, images, rule, seed):
    explorer.state.rule, explorer.state.seed = rule, seed
    explorer.state.method = "deconvolution"
    result = explorer.wait(0)
    assert isinstance(result, Reconstruction)
    assert set(result.channels) == set(range(6))
    expected = reconstruct(network, images[:1], explorer.state.layer, channels=result.channels, rule=rule, seed=seed)
    assert result.images.shape == expected.images.shape
    np.testing.assert_allclose(result.images, expected.images, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(result.units, expected.units)
    assert f'title="{expected.coverage}"' in text_of(explorer)
    assert f"Reconstructions of {explorer.state.layer} by {rule}: 6 of 6" in canvases(explorer)[0].alt


def test_deconvolution_takes_the_strongest_maps_and_the_selected_one(explorer, monkeypatch):
    monkeypatch.setattr(computations, "STRONGEST", 5)
    explorer.state.layer = "wide"
    ranked = computations.strongest_first(explorer.result)
    explorer.state.method = "deconvolution"
    assert sorted(explorer.result.channels) == sorted(ranked[:5])
    weakest = ranked[-1]
    explorer.state.channel = weakest
    assert sorted(explorer.result.channels) == sorted([weakest, *ranked[:4]])
    assert canvases(explorer)[2].alt.startswith(f"What made map {weakest} ")


def test_a_small_reconstruction_is_shown_large_and_framed_on_the_photo(explorer):
    explorer.state.method = "deconvolution"
    montage, photo, large = canvases(explorer)
    side = regions.LEAST_SIDE + regions.MARGIN
    explorer.state.channel = explorer.result.channels[1]
    left, top, width, height = photo.selected
    assert (width, height) == (side, side)
    assert pixels(large).shape == (side, side, 3)
    assert f"{side} × {side} pixels each" in montage.alt
    row, column = explorer.result.units[0, 1]
    assert top <= row + 1 < top + height
    assert left <= column + 1 < left + width
    explorer.state.seed = "map"
    assert photo.selected == (), "it fills the photo"
    assert pixels(large).shape == (40, 48, 3)


def test_a_dream_grows_the_chosen_class(explorer):
    explorer.state.target = "<b>dog</b>"
    explorer.state.octaves, explorer.state.steps = 1, 12
    assert explorer.views["deep dream"]._save.disabled
    explorer.start()
    step = explorer.wait(0)
    assert isinstance(step, DreamStep)
    assert (step.index, step.total, step.channels) == (11, 12, (3,))
    assert explorer.state.method == "deep dream"
    large = canvas(explorer, "dream")
    assert pixels(large).shape == (40, 48, 3)
    assert "step 12 of 12, octave 1 of 1, score" in large.alt
    points = one(explorer, ScoreChart).points
    assert points[0][0] == 0
    assert points[-1][0] == 11
    assert points[-1][1] > points[0][1]
    assert "<b>dog</b>" not in text_of(explorer)
    assert "&lt;b&gt;dog&lt;/b&gt;" in text_of(explorer)


def test_a_dream_can_grow_the_selected_map_from_the_photo(explorer):
    explorer.state.objective, explorer.state.start, explorer.state.channel = "channel", "photo", 2
    explorer.state.octaves, explorer.state.steps = 1, 2
    explorer.start()
    step = explorer.wait(0)
    assert step.channels == (2,)
    assert step.layer.name == explorer.state.layer


def test_a_dream_can_grow_the_whole_layer(explorer):
    explorer.state.objective, explorer.state.start = "layer", "photo"
    explorer.state.octaves, explorer.state.steps = 1, 2
    explorer.start()
    result = explorer.wait(0)
    assert isinstance(result, DreamStep)
    assert (result.layer.name, result.names) == (explorer.state.layer, (explorer.state.layer,))
    assert "Deep dream of the whole layer of" in canvas(explorer, "dream").alt
    assert explorer.state.error == ""


def test_a_dream_is_compiled_while_its_class_is_chosen(explorer, monkeypatch):
    monkeypatch.setattr(explorer.network.runtime, "cache", function_cache())
    explorer.state.octaves, explorer.state.steps = 1, 2
    explorer.state.method = "deep dream"
    assert isinstance(explorer.wait(0), FeatureMaps)
    compiled = {key for key in explorer.network.runtime.cache if key[0] == "whole step"}
    assert len(compiled) == 1
    explorer.state.layer, explorer.state.target = "wide", 2
    explorer.start()
    assert isinstance(explorer.wait(0), DreamStep)
    assert {key for key in explorer.network.runtime.cache if key[0] == "whole step"} == compiled


def test_a_layer_without_a_gradient_still_shows_its_maps(explorer, monkeypatch):
    def refused(*args, **options):
        raise GradientError("Expected a gradient.")

    monkeypatch.setattr(dreams, "dream_with", refused)
    monkeypatch.setattr(explorer.network.runtime, "cache", function_cache())
    explorer.state.method = "deep dream"
    assert isinstance(explorer.wait(0), FeatureMaps)
    assert explorer.state.error == ""


def test_the_sliders_of_a_dream_follow_python(explorer):
    explorer.state.method = "deep dream"
    explorer.state.steps = 700
    slider = one(explorer, IntSlider, description="Steps per octave")
    assert (slider.value, explorer.state.steps) == (700, 700)
    slider.value = 12
    assert explorer.state.steps == 12


def test_the_bar_and_the_stop_button_are_there_only_while_work_runs(explorer):
    bar, stop = one(explorer, FloatProgress), one(explorer, Button, description="Stop")
    assert (bar.layout.display, stop.layout.display) == ("none", "none")
    explorer.state.running, explorer.state.error = True, "shown at once"
    assert (bar.layout.display, stop.layout.display) == (None, None)
    explorer.state.running = False
    assert (bar.layout.display, stop.layout.display) == ("none", "none")


@pytest.mark.parametrize(
    ("last", "wanted"), [(0, [0]), (5, [0, 1, 2, 3, 4, 5]), (6, [0, 2, 4, 6]), (1499, [0, 500, 1000])]
)
def test_ticks_are_round_and_never_double(last, wanted):
    assert ticks(last).tolist() == wanted
    assert len(ticks(last)) <= 6


def test_a_new_dream_draws_a_new_line():
    chart = ScoreChart()
    for index, score in ((0, 1.0), (3, 2.0), (0, 5.0), (1, 6.0)):
        chart.add(index, score)
    assert chart.points == [(0, 5.0), (1, 6.0)]


def test_without_a_log_folder_nothing_is_written_unasked(network, images, tmp_path, inline_jobs):
    explorer = ModelExplorer(network, images, outdir=tmp_path / "Output", logdir=None)
    explorer.state.method = "deconvolution"
    explorer.state.layer = "wide"
    assert not explorer.state.log_to_tensorboard
    assert "%tensorboard" not in text_of(explorer)
    explorer.log_to_tensorboard()
    assert explorer.state.error.startswith("OutputError: Expected a folder for logs. Received: logdir=None")
    explorer.close()
    assert list(tmp_path.iterdir()) == []


def events_of(folder):
    """The steps of every tag in the newest event file of a folder."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (event_file,) = (path for path in folder.iterdir() if path.is_file())
    events = EventAccumulator(str(event_file), size_guidance={"images": 0}).Reload()
    return {tag: [event.step for event in events.Images(tag)] for tag in events.Tags()["images"]}


def test_every_result_is_logged_as_it_appears_and_once(explorer, tmp_path):
    state = explorer.state
    first, wide = state.layer, name(explorer, "wide")
    state.layer = wide
    state.layer = first  # seen before
    state.method = "deconvolution"
    events = events_of(tmp_path / "Log")
    assert {tag: steps for tag, steps in events.items() if "activations" in tag} == {
        f"{layer}/activations/image_0": [0] for layer in (first, wide)
    }
    assert [steps for tag, steps in events.items() if "activations" not in tag] == [[0]]
    assert state.files == ()
    assert f"%tensorboard --logdir {tmp_path / 'Log'}" in text_of(explorer)
    state.log_to_tensorboard = False
    state.layer = wide
    assert events_of(tmp_path / "Log") == events
    assert "%tensorboard" not in text_of(explorer)


def test_explorers_that_log_at_the_same_time_have_folders_of_their_own(make, tmp_path):
    explorers = [make(), make()]
    assert len(list((tmp_path / "Log").glob("events*"))) == 1
    assert len(list((tmp_path / "Log" / "explorer_2").glob("events*"))) == 1
    explorers[0].close()
    explorers.append(make())
    assert len(list((tmp_path / "Log").glob("events*"))) == 2
    for explorer in explorers[1:]:
        explorer.close()


def test_a_folder_that_cannot_be_written_to_switches_logging_off_with_a_note(make, tmp_path):
    (tmp_path / "Log").write_text("a file, not a folder")
    explorer = make()
    state = explorer.state
    assert state.error == ""
    assert not state.log_to_tensorboard
    assert "Logging is switched off. Expected a folder that event files can be written to." in text_of(explorer)
    assert isinstance(explorer.wait(0), FeatureMaps)
    state.layer = "wide"
    assert state.status.startswith("Done")
    (tmp_path / "Log").unlink()
    state.log_to_tensorboard = True
    assert "switched off" not in text_of(explorer)
    state.layer = name(explorer, "first")
    assert len(list((tmp_path / "Log").glob("events*"))) == 1
    explorer.close()


def test_buttons_write_what_is_shown(explorer, tmp_path):
    explorer.state.log_to_tensorboard = False
    explorer.state.image = 1
    explorer.save_png()
    explorer.log_to_tensorboard()
    png, log = explorer.state.files
    assert png.is_file()
    assert png.name == "grid_activation_1.png"
    assert png.is_relative_to(tmp_path / "Output")
    assert log == tmp_path / "Log"
    assert list(events_of(log)) == [f"{explorer.state.layer}/activations/image_{i}" for i in (0, 1)]
    assert str(png) in text_of(explorer)


def test_switches_write_every_finished_result_and_steps_of_a_dream(explorer, tmp_path, monkeypatch):
    monkeypatch.setattr(explorer._runner, "_log_pacer", jobs.Pacer(1, clock=itertools.count(0, 0.75).__next__))
    explorer.state.save_png = True
    explorer.state.layer = "wide"
    assert len(list((tmp_path / "Output").rglob("grid_activation*.png"))) == 1
    explorer.state.octaves, explorer.state.steps = 1, 4
    explorer.start()
    explorer.wait(0)
    assert [path.name for path in (tmp_path / "Output").rglob("image_*.png")] == ["image_0.png"]
    dreams = [steps for tag, steps in events_of(tmp_path / "Log").items() if "deepdream" in tag]
    assert dreams == [[0, 1, 2, 3]] or dreams == [[0, 2, 3]]


def test_a_view_without_pictures_writes_nothing_and_says_why(explorer, tmp_path, monkeypatch):
    state = explorer.state
    view = explorer.views[state.method]
    monkeypatch.setattr(type(view), "has_pictures", False)
    state.save_png = True
    before = [path.read_bytes() for path in (tmp_path / "Log").iterdir()]  # of the first view
    state.layer = "wide"
    explorer.wait(0)
    assert (state.error, state.files) == ("", ())
    for write in (explorer.save_png, explorer.log_to_tensorboard):
        state.error = ""
        write()
        expected = f"OutputError: Expected a view with pictures. Received: the view {view.title!r}"
        assert state.error.startswith(expected)
        with pytest.raises(OutputError, match="a view with pictures"):
            explorer.wait(0)
    assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == before
    monkeypatch.setattr(type(view), "has_pictures", True)
    explorer.save_png()
    assert [path.name for path in state.files] == ["grid_activation_0.png"]


def test_a_failure_to_write_is_told_in_the_pane(explorer, tmp_path):
    (tmp_path / "Output").write_text("a file, not a folder")
    explorer.save_png()
    assert explorer.state.error.startswith("OutputError: Expected a folder")
    assert "Received" in text_of(explorer)
    with pytest.raises(OSError, match="folder"):
        explorer.wait(0)


def test_an_error_of_the_work_is_told_in_the_pane_and_raised_by_wait(explorer, monkeypatch):
    def broken(*args, **options):
        raise ValueError("a <b>broken</b> rule")
        yield

    monkeypatch.setattr(computations, "reconstruct_steps", broken)
    explorer.state.method = "deconvolution"
    assert explorer.state.error == "ValueError: a <b>broken</b> rule"
    assert explorer.state.status == "Failed"
    assert not explorer.state.running
    assert "a &lt;b&gt;broken" in text_of(explorer)
    assert 'role="alert"' in text_of(explorer)
    assert "in broken" in explorer.traceback
    with pytest.raises(ValueError, match="broken"):
        explorer.wait(0)
    explorer.state.method = "activations"
    assert explorer.state.error == ""


def test_a_channel_of_another_layer_is_refused(explorer):
    with pytest.raises(ChannelError, match="from 0 to 5"):
        explorer.state.channel = 6


class Gate:
    """Stands in for the engine's dream: gives a step whenever the test lets it."""

    def __init__(self, step):
        self.step, self.given, self.go = step, threading.Event(), threading.Semaphore(0)
        self.closed = threading.Event()

    def __call__(self, *args, **options):
        try:
            while True:
                assert self.go.acquire(timeout=20)
                yield self.step
                self.given.set()
        finally:
            self.closed.set()


@pytest.fixture
def gate(explorer, monkeypatch):
    explorer.state.octaves, explorer.state.steps = 1, 2
    explorer.start()
    last = explorer.wait(0)
    gate = Gate(replace(last, index=0, images=last.images[:, ::-1]))
    monkeypatch.setattr(dreams, "dream_with", gate)
    explorer._runner.slot = jobs.Slot()
    yield gate
    explorer.stop()
    gate.go.release(100)
    assert explorer._runner.slot.stop(20) is None


def test_a_stopped_dream_keeps_its_last_picture_and_can_be_saved(explorer, gate):
    explorer.start()
    assert explorer.state.running
    with pytest.raises(TimeoutError, match="still running"):
        explorer.wait(0)
    gate.go.release()
    gate.go.release()
    assert gate.given.wait(20)
    explorer.stop()
    gate.go.release()
    assert explorer.wait(20) is gate.step
    assert gate.closed.is_set()
    assert (explorer.state.status, explorer.state.running) == ("Stopped", False)
    explorer.save_png()
    assert explorer.state.files[0].name == "image_0.png"


def test_a_paused_dream_waits_can_be_stopped_and_filmed(explorer, gate):
    explorer.start()
    explorer.state.paused = True
    gate.go.release(3)
    assert gate.given.wait(0.5) is False  # the step that came before the pause is given again, and no other
    explorer.stop()
    assert explorer.wait(20) is gate.step
    assert gate.closed.wait(20)
    assert not explorer.state.paused
    view = explorer.views["deep dream"]
    assert len(view.film.steps) == 1
    assert not view._save.disabled
    view.save_gif()
    assert [path.name for path in explorer.state.files] == ["dream.gif"]


def test_an_undo_is_seen_while_the_dream_is_paused(explorer, gate):
    explorer.start()
    explorer.state.paused = True
    gate.go.release(2)
    assert gate.given.wait(0.5) is False
    explorer.views["deep dream"].undo_octave()
    assert gate.given.wait(20)
    assert explorer.state.paused


def test_sliders_steer_the_running_dream(explorer, gate, monkeypatch):
    started = {}

    def start(network, layer, channel, options, *, controls):
        started.update(options=options, controls=controls)
        return gate()

    monkeypatch.setattr(dreams, "dream_with", start)
    explorer.state.start, explorer.state.pace = "photo", 2.0
    explorer.start()
    gate.go.release(2)
    assert gate.given.wait(20)
    options, controls = started["options"], started["controls"]
    assert (options.step_size, options.strength, controls.step_size) == (3.0, 1.0, None)
    explorer.state.pace, explorer.state.strength = 0.5, 0.25
    assert (controls.step_size, controls.strength) == (0.75, 0.25)
    explorer.state.steps, explorer.state.octaves = 7, 3
    assert (controls.steps, controls.octaves) == (7, 3)
    explorer.views["deep dream"].undo_octave()
    assert controls.undoing


def test_another_layer_abandons_the_dream(explorer, gate):
    explorer.start()
    gate.go.release()
    gate.go.release()
    assert gate.given.wait(20)
    seen = []
    explorer.state.observe(lambda change: seen.append(change["new"]), "status")
    large = canvas(explorer, "dream")
    large.observe(lambda change: seen.append(large.alt), "data")
    explorer.state.layer = "wide"
    gate.go.release()
    result = explorer.wait(20)
    assert gate.closed.wait(20)
    assert isinstance(result, FeatureMaps)
    computing, done = seen
    assert computing == f"Computing {explorer.state.layer}"
    assert done.startswith("Done in")


def test_a_change_in_one_explorer_does_not_stop_the_dream_of_another(make, explorer, gate):
    other = make()
    explorer.start()
    gate.go.release()
    wait_for(lambda: explorer.state.detail)
    others = jobs.Slot()
    other._runner.slot = others
    other.state.layer = "wide"  # waits for its turn: the dream is within a step
    assert other.state.detail == SHARING
    assert other.state.running
    gate.go.release(3)
    assert isinstance(other.wait(20), FeatureMaps)
    assert explorer.state.running
    gate.given.clear()
    gate.go.release(3)
    assert gate.given.wait(20)
    assert explorer.state.status == "Dreaming"
    assert others.stop(20) is None
    other.close()


def test_a_paused_dream_leaves_the_machine_to_others(make, explorer, gate, monkeypatch):
    pausing, paused, goes_on = threading.Event(), threading.Event(), dreams._goes_on
    monkeypatch.setattr(dreams, "_PAUSE", 60)
    monkeypatch.setattr(dreams, "_goes_on", lambda going: (pausing.set(), goes_on(going), paused.set())[1])
    other = make()
    explorer.start()
    explorer.state.paused = True
    gate.go.release()
    assert pausing.wait(20)
    other.state.layer = "wide"
    wait_for(lambda: isinstance(other.result, FeatureMaps) and other.result.layer.name == other.state.layer)
    assert not paused.is_set(), "the dream had its pause first"
    explorer.state.paused = False
    other.close()


def wait_for(condition):
    for _ in range(2000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not happen within 20 seconds")


def test_the_class_picker_and_the_state_follow_each_other(explorer):
    explorer.state.method = "deep dream"
    picker = one(explorer, ClassPicker)
    assert picker.classes == ["cat", "crane", "crane", "<b>dog</b>"]
    picker.target = 2
    assert explorer.state.target == 2
    explorer.state.target = "cat"
    assert picker.target == 0


def test_the_layer_menu_lists_layers_by_family(explorer):
    import ipywidgets

    menu = one(explorer, ipywidgets.Dropdown, description="Layer")
    family = one(explorer, ipywidgets.Dropdown, description="Layers")
    prefixes = [label.split(" · ")[0] for label, _ in menu.options]
    assert prefixes == sorted(prefixes, key=["activation", "convolution", "pooling", "other"].index)
    family.value = "p"
    assert explorer.state.family == "p"
    assert explorer.result.layer.family == "p"
    assert all(explorer.network.layer(value).family == "p" for _, value in menu.options)
    explorer.state.layer = "wide"
    assert menu.value == name(explorer, "wide")
    menu.value = name(explorer, "first")
    assert explorer.result.layer.name == name(explorer, "first")


def test_controls_share_their_layouts_and_styles(make):
    """Each is a model that the page fetches when it is loaded anew: 396 in all while every control had its own."""
    first, second = make(), make()
    looks = [{id(widget.layout) for widget in descendants(explorer)} for explorer in (first, second)]
    assert len(looks[0]) < sum(1 for _ in descendants(first)) / 2
    assert looks[0] - looks[1] == {id(first.layout)}


def test_a_hidden_control_leaves_those_alone_that_look_like_it():
    one, other = (create(HTML, layout={"width": "70%"}) for _ in range(2))
    assert one.layout is other.layout
    set_visible(one, False)
    assert (one.layout.display, one.layout.width, other.layout.display) == ("none", "70%", None)
    set_visible(one, True)
    assert one.layout is other.layout
    one.layout.close()
    assert create(HTML, layout={"width": "70%"}).layout.comm is not None
    for control in (one, other):  # a control without a layout cannot be saved with the widgets of other tests
        control.close()


def test_it_is_shown_as_a_widget(explorer):
    bundle = explorer._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id


@pytest.mark.parametrize("view", VIEWS)
def test_every_control_says_what_it_does(explorer, view):
    explorer.state.method = view.name
    labelled = [widget for widget in descendants(explorer) if widget.has_trait("tooltip")]
    controls = [widget for widget in labelled if getattr(widget, "description", "")]
    assert len(controls) > 10
    assert [widget.description for widget in controls if not widget.tooltip] == []
    (toggle,) = [widget for widget in labelled if isinstance(widget, ToggleButtons)]
    assert all(toggle.tooltips)


def test_a_dense_layer_has_a_montage_too(explorer):
    explorer.state.layer = explorer.network.logits.name
    assert explorer.result.values.shape == (1, 4)
    montage, _, large = canvases(explorer)
    assert min(pixels(montage).shape[:2]) > 60
    assert pixels(large).shape == (51, 128, 3), "all units, and the chosen one framed"
    explorer.state.channel = 2
    assert large.selected == (64, 0, 32, 51)
    assert large.alt.startswith("Unit 2 of ")


@pytest.mark.parametrize("count", [1, 2, 5, 64, PAGE])
@pytest.mark.parametrize("side", [1, 7, 300])
def test_every_tile_of_a_montage_is_found_again(count, side):
    montage = Montage(range(10, 10 + count), side, side)
    tiles = np.full((count, side, side, 1), 200, np.uint8)
    montage.put(montage.channels, tiles)
    assert montage.pixels.dtype == np.uint8
    assert montage.filled == set(montage.channels)
    for channel in montage.channels:
        left, top, width, height = montage.box(channel)
        assert (montage.pixels[top : top + height, left : left + width] == 200).all()
        assert montage.channel_at(left + width - 0.5, top + 0.5) == channel
    assert max(montage.pixels.shape) < 1500
    assert montage.box(9) == ()
    assert montage.channel_at(-1, 5) is None


def test_pages():
    assert [pages(count) for count in (1, PAGE, PAGE + 1)] == [1, 1, 2]
    assert on_page(1, PAGE + 2) == range(PAGE, PAGE + 2)


def test_maps_are_sorted_and_pins_come_first(explorer, network, images):
    montage = canvases(explorer)[0]
    explorer.state.order = "strength"
    explorer.state.pins = (5,)
    ranked = [channel for channel in np.argsort(-explorer.result.strengths[0], kind="stable").tolist() if channel != 5]
    seen = []
    for key in ("Home", *["ArrowRight"] * 5):
        montage._handle_custom_msg({"event": "key", "key": key}, [])
        seen.append(explorer.state.channel)
    assert seen == [5, *ranked]
    explorer.state.pins = ()
    explorer.state.target, explorer.state.order = 2, "evidence"
    montage._handle_custom_msg({"event": "key", "key": "Home"}, [])
    evidence = channel_evidence(network, images[:1], explorer.state.layer, 2)[0]
    assert explorer.state.channel == int(evidence.argmax())
    with pytest.raises(ChannelError):
        explorer.state.pins = (6,)


def test_hovering_tells_map_unit_and_value(explorer):
    montage, _, large = canvases(explorer)
    left, top, width, height = Montage(range(6), 38, 46).box(4)
    montage._handle_custom_msg({"event": "hover", "x": left + width / 2, "y": top + height / 2}, [])
    value = explorer.result.values[0, 19, 23, 4]
    assert montage.readout == f"Map 4: {value:.4g} at row 19, column 23"
    large._handle_custom_msg({"event": "hover", "x": 3.5, "y": 2.5}, [])
    value = explorer.result.values[0, 2, 3, explorer.state.channel]
    assert large.readout == f"Map {explorer.state.channel}: {value:.4g} at row 2, column 3"


def test_a_map_that_is_not_active_is_grey_and_says_so(explorer):
    values = explorer.result.values.copy()
    values[..., 3] = 0
    sheet = MapSheet(replace(explorer.result, values=values), explorer.state.layer, None)
    tiles, palette = sheet.tiles([3, 2])
    assert (palette[tiles[0]] == 110).all()
    assert len(np.unique(tiles[1])) > 20
    assert not (palette[tiles[1, ..., 0]] == 110).all(axis=-1).any(), "no value is drawn in that grey"
    assert (
        sheet.portrait(3, None).lines[1] == sheet.readout(3, 0.5, 0.5).removeprefix("Map 3: ") == "not active (max 0)"
    )


def test_the_scale_is_chosen_and_told(explorer):
    largest = float(explorer.result.values.max())
    assert f"</span> {largest:.4g}" in html_of(explorer)
    assert "beyond" not in html_of(explorer)
    explorer.state.limit, explorer.state.scale = largest / 2, "custom"
    share = 100 * float((explorer.result.values > explorer.state.limit).mean())
    assert f"{largest / 2:.4g}; {share:.3g} % of the values are beyond the ends" in html_of(explorer)
    explorer.state.limit = 1e-6
    share = 100 * float((explorer.result.values > 1e-6).mean())
    assert f"{share:.3g} % of" in html_of(explorer)
    assert "e+" not in html_of(explorer)
    explorer.state.scale = "map"
    assert "largest of each map" in html_of(explorer)


def test_values_up_to_the_floor_are_dark(explorer):
    state, values = explorer.state, explorer.result.values[0]
    low, high = 0.25 * float(values.max()), 0.75 * float(values.max())
    state.choose_range(low, high)
    assert (state.scale, state.floor, state.limit) == ("custom", low, high)
    tiles, _ = explorer.views["activations"].context.gallery._sheet.tiles([state.channel])
    shown, numbers = values[..., state.channel], tiles[0, ..., 0]
    assert len(set(numbers[shown <= low].tolist())) == 1
    middle = np.abs(shown - (low + high) / 2).argmin()
    part = (shown.ravel()[middle] - low) / (high - low)
    assert numbers.ravel()[middle] == pytest.approx(255 * part, abs=2)
    share = 100 * float(((values > high) | (values < low)).mean())
    assert f"{share:.3g} % of the values are beyond the ends" in html_of(explorer)
    with pytest.raises(TraitError, match="Expected a floor below the limit"):
        state.floor = high
    state.limit = low / 2
    assert state.floor == 0.0


def html_of(explorer):
    return "".join(widget.value for widget in explorer.views["activations"].options if isinstance(widget, HTML))


def test_a_clicked_class_is_explained_by_one_more_click(explorer):
    shown = [child.description for child in explorer.parts._left.children if isinstance(child, Button)]
    assert shown == []
    explorer.state.choose_class(2)
    (button,) = (child for child in explorer.parts._left.children if isinstance(child, Button))
    assert button.description == f"Explain {explorer.state.class_name(2)}"
    button.click()
    assert explorer.state.method == "attribution"
    assert explorer.wait(0).targets == (2,)
    assert not any(isinstance(child, Button) for child in explorer.parts._left.children)


def test_another_image_forgets_the_unit_and_other_pixels_do_not(explorer):
    explorer.state.unit = (3, 4)
    explorer.state.image_replaced()
    assert explorer.state.unit == (3, 4)
    explorer.state.image = 1
    assert explorer.state.unit is None


def test_the_selected_map_stands_below_the_photo_and_the_card_in_a_column_of_its_own(explorer):
    gallery = explorer.views["activations"].context.gallery
    assert explorer.parts._left.children[-1] is gallery.large
    assert explorer.parts._side.children == (explorer.parts.card,)
    explorer.state.method = "deconvolution"
    assert gallery.large not in explorer.parts._left.children
    assert explorer.parts._side.children[0] is gallery.large


def test_the_button_says_whether_it_pins_or_unpins(explorer):
    view, state = explorer.views["activations"], explorer.state
    assert view._pin.description == "Pin map"
    view.pin()
    assert view._pin.description == "Unpin map"
    state.channel = (state.channel + 1) % 6
    assert view._pin.description == "Pin map"


def test_no_change_waits_while_the_last_picture_is_drawn(explorer, monkeypatch):
    picture, is_drawing, go_on, changed = explorer._last_picture, *(threading.Event() for _ in range(3))

    def draw():
        is_drawing.set()
        assert go_on.wait(20)
        return picture._shown  # nothing is published

    monkeypatch.setattr(picture, "png", draw)
    picture._published = True
    drawing = threading.Thread(target=picture.flush)
    drawing.start()
    assert is_drawing.wait(20)
    threading.Thread(target=lambda: (picture._refresh_soon(), changed.set())).start()
    assert changed.wait(10)
    go_on.set()
    drawing.join(20)
    picture._forget_timer()
    picture._published = False


def test_the_last_picture_has_the_selected_map(explorer):
    still = explorer._last_picture._still()
    large = pixels(canvas(explorer, "large"))
    assert any(np.array_equal(panel.pixels, large) for panel in still.panels)
