"""Every kind of head in the explorer: what is shown, what can be asked, and that no view ends in an error."""

from __future__ import annotations

import json
import re

import keras
import numpy as np
import pytest
from heads import KINDS, SIZE, pooled, sequential
from ipywidgets import HTML, ToggleButtons
from keras import layers
from on_screen import pixels, run_code

from cnnvis_widgets import ModelExplorer, Target, predict, smooth_grad
from cnnvis_widgets.errors import ChannelError, LayerError
from cnnvis_widgets.widgets.views.attribution import explainers

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs")

IMAGES = np.random.default_rng(3).random((2, *SIZE), np.float32)


def two_headed():
    image = keras.Input(SIZE)
    maps = pooled()(layers.Conv2D(4, 3, activation="leaky_relu")(image))
    return keras.Model(image, [layers.Dense(1, name="age")(maps), layers.Dense(3, "softmax", name="sort")(maps)])


OTHERS = {
    "two heads": (two_headed, IMAGES),
    "flat": (
        lambda: keras.Sequential([keras.Input((30,)), layers.Dense(6, "relu"), layers.Dense(4, "softmax")]),
        (30,),
    ),
    "signal": (
        lambda: keras.Sequential(
            [keras.Input((32, 2)), layers.Conv1D(4, 3, activation="relu"), layers.GlobalMaxPooling1D(), layers.Dense(3)]
        ),
        (32, 2),
    ),
    "volume": (
        lambda: keras.Sequential(
            [keras.Input((6, 6, 6, 1)), layers.Conv3D(3, 3, activation="relu"), layers.Flatten(), layers.Dense(2)]
        ),
        (6, 6, 6, 1),
    ),
    "backbone": (lambda: sequential(layers.Conv2D(5, 3, activation="relu")), IMAGES),
}
SHOWN = ["yes or no", "labels", "one value", "values", "class map", "mask", "value map", "anchors", "channels first"]


def explorer_of(kind):
    if kind in KINDS:
        return ModelExplorer(sequential(*KINDS[kind][0]()), IMAGES)
    build, feed = OTHERS[kind]
    keras.utils.set_random_seed(1)
    images = np.random.default_rng(3).random((2, *feed), np.float32) if isinstance(feed, tuple) else feed
    return ModelExplorer(build(), images)


@pytest.fixture
def opened(request):
    explorer = explorer_of(request.param)
    yield explorer
    explorer.close()


def words(explorer):
    return re.findall(r"<span>([^<]*)</span>", explorer.image_pane.predictions.value)


@pytest.mark.parametrize("opened", [*SHOWN, *OTHERS], indirect=True)
def test_no_view_ends_in_an_error(opened):
    state = opened.state
    state.octaves, state.steps = 1, 1
    for head in opened.network.heads:
        state.head = head.name
        for method in state.methods:
            state.method = method
            if opened.views[method].unavailable():
                continue
            opened.wait(0)
            assert state.error == ""
            for explainer in explainers(state) if method == "attribution" else ():
                state.explainer = explainer
                assert (state.error, opened.result.method) == ("", explainer)
            if method == "deep dream":
                opened.start()
            if method == "intervention":
                state.channel, state.factor = 1, 0.0
                assert "error" not in opened.views[method].bars.value
            assert state.error == ""
            run_code(opened)


@pytest.mark.parametrize(
    ("opened", "shown"),
    [
        ("yes or no", lambda p: [("yes", p[1]), ("no", p[0])] if p[1] > p[0] else [("no", p[0]), ("yes", p[1])]),
        ("labels", lambda p: sorted(((f"label {n}", v) for n, v in enumerate(p)), key=lambda pair: -pair[1])),
    ],
    indirect=["opened"],
)
def test_bars_show_the_probabilities_of_the_network(opened, shown):
    expected = shown(predict(opened.network, opened.feed).probabilities[0])
    assert words(opened) == [word for name, part in expected for word in (name, f"{100 * part:.0f} %")]


@pytest.mark.parametrize("opened", ["values"], indirect=True)
def test_values_are_signed_numbers(opened):
    values = predict(opened.network, opened.feed).values[0]
    number = int(np.abs(values).argmax())
    assert words(opened)[:2] == [f"value {number}", f"{values[number]:+.4g}".replace("-", "−")]
    assert "width:100.0%" in opened.image_pane.predictions.value


@pytest.mark.parametrize("opened", ["two heads"], indirect=True)
def test_another_head_is_asked(opened):
    state = opened.state
    assert (state.head, state.classes) == ("sort", ("class 0", "class 1", "class 2"))
    assert len(words(opened)) == 6
    state.target = 2
    state.head = "age"
    assert (state.target, state.classes) == (0, ("value 0",))
    assert len(words(opened)) == 2
    state.method = "attribution"
    assert opened.result.layer == opened.network.head("age").scores
    assert "scores='age'" in opened.code()
    same = run_code(opened)["attribution"]
    np.testing.assert_array_equal(same.images, opened.result.images)
    assert opened.views["attribution"]._classes.children[0].classes == ["value 0"]
    with pytest.raises(LayerError, match="Nearest names: 'age'"):
        state.head = "aged"


def menus(widget):
    return [child.description for child in widget.children if hasattr(child, "description")]


@pytest.mark.parametrize(("opened", "several"), [("two heads", True), ("labels", False)], indirect=["opened"])
def test_there_is_a_menu_of_heads_where_there_are_several(opened, several):
    assert ("Output" in menus(opened.image_pane.widget)) == several


@pytest.mark.parametrize("opened", ["class map", "mask", "channels first"], indirect=True)
def test_a_click_on_the_map_asks_about_its_pixel(opened):
    state, head_map = opened.state, opened.image_pane.head_map
    assert pixels(head_map.canvas).shape == (*SIZE[:2], 3)
    head_map.canvas._handle_custom_msg({"event": "click", "x": 6.2, "y": 2.9}, [])
    assert state.place == (2, 6)
    assert head_map.canvas.selected == (6, 2, 1, 1)
    at = predict(opened.network, opened.feed, target=Target(place=(2, 6)))
    _, name, part = at.top(1)[0]
    assert words(opened)[:2] == [name, f"{100 * part:.0f} %"]
    state.explainer, state.method = "integrated_gradients", "attribution"
    assert opened.result.names == (f"{name} at 2, 6",)
    np.testing.assert_array_equal(run_code(opened)["attribution"].images, opened.result.images)
    state.choose_class(0)
    assert opened.result.targets == (0,)
    np.testing.assert_array_equal(run_code(opened)["attribution"].images, opened.result.images)
    head_map._whole.click()
    assert state.place == ()
    assert opened.result.names == (opened.state.class_name(0),)
    with pytest.raises(ChannelError, match="8 × 8"):
        state.place = (8, 0)


@pytest.mark.parametrize("opened", ["class map"], indirect=True)
def test_the_class_map_has_a_legend(opened):
    assert "mean over all places" in opened.image_pane.predictions.value
    opened.state.place = (2, 3)
    assert "at the place 2, 3" in opened.image_pane.predictions.value
    opened.state.place = ()
    best = predict(opened.network, opened.feed).values[0].argmax(-1)
    legend = opened.image_pane.head_map._caption.value
    assert sorted(re.findall(r"</span>([^<]*)<br>", legend)) == [f"class {number}" for number in np.unique(best)]


@pytest.mark.parametrize("opened", ["backbone", "labels"], indirect=True)
def test_a_head_without_pixels_to_draw_has_no_map(opened):
    assert opened.image_pane.head_map.canvas.data == b""


def children_of(widget):
    return getattr(widget, "children", ())


def walk(widget):
    yield widget
    for child in children_of(widget):
        yield from walk(child)


@pytest.mark.parametrize("opened", ["flat"], indirect=True)
def test_a_view_that_cannot_apply_is_disabled_with_its_reason(opened):
    rows = [part for part in walk(opened) if isinstance(next(iter(children_of(part)), None), ToggleButtons)]
    toggle, *disabled = rows[0].children
    reasons = {button.description: button.tooltip for button in disabled if button.disabled}
    assert reasons.keys() == {"Attention", "Occlusion"}
    assert "no neighbouring values" in reasons["Occlusion"]
    assert "occlusion" not in [name for _, name in toggle.options]
    opened.state.method = "occlusion"
    assert (toggle.value, opened.state.error) == (None, "")
    assert any("no neighbouring values" in part.value for part in walk(opened.parts.columns) if isinstance(part, HTML))
    opened.state.method = "attribution"
    assert toggle.value == "attribution"
    assert list(explainers(opened.state)) == ["gradient_times_input", "integrated_gradients", "smooth_grad"]
    with pytest.raises(LayerError, match="needs a layer with maps"):
        opened.state.explainer = "grad_cam"


@pytest.mark.parametrize("opened", ["two heads"], indirect=True)
def test_states_are_saved_with_their_head_and_old_ones_load(opened, tmp_path):
    state = opened.state
    state.head = "age"
    path = opened.save_state(tmp_path / "state.json")
    state.head = "sort"
    opened.load_state(path)
    assert state.head == "age"
    content = json.loads(path.read_text())
    del content["choices"]["head"], content["choices"]["place"]
    content["choices"]["target"] = 0
    path.write_text(json.dumps(content))
    opened.load_state(path)
    assert state.head == "age"


def test_the_explanation_is_that_of_the_function(inline_jobs):
    explorer = explorer_of("yes or no")
    explorer.state.explainer, explorer.state.method = "smooth_grad", "attribution"
    explorer.state.choose_class(0)
    no = smooth_grad(explorer.network, explorer.feed, "no")
    np.testing.assert_array_equal(explorer.result.images, no.images)
    explorer.close()


@pytest.mark.parametrize("opened", ["signal"], indirect=True)
def test_signals_are_curves_and_take_no_pictures(opened):
    state, incoming = opened.state, opened.image_pane.incoming
    assert opened.image_pane.canvas.alt == "The input as fed: image 0, 32 values of 2 channels"
    assert pixels(opened.image_pane.canvas).shape == (144, 256, 3)
    assert incoming.upload not in incoming.tools.children
    state.method = "occlusion"
    view = opened.views["occlusion"]
    assert "has a frame to drag" in view.manual._caption.value
    view.start()
    assert min(pixels(view.panels["total"]).shape[:2]) >= 32
    assert view.panels["best"].data == b"", "a network is not sure of values"
    state.method = "attribution"
    view = opened.views["attribution"]
    assert pixels(view.over).shape == (3 * 144, 3 * 256, 3)
    assert "<b>Over the signal</b>" in view._over_caption.value
    state.method, state.channel = "deconvolution", 1
    assert pixels(opened.views["deconvolution"].context.gallery.portrait).shape == (144, 256, 3)
    state.method = "comparison"
    assert min(pixels(opened.views["comparison"].panels["A-B"]).shape[:2]) >= 32


@pytest.mark.parametrize("opened", ["signal"], indirect=True)
def test_the_map_of_a_signal_is_a_line_with_axes(opened):
    state, gallery = opened.state, opened.views["activations"].context.gallery
    for channel in (0, 1):
        state.channel = channel
        values = opened.result.values[0, :, channel]
        np.testing.assert_array_equal(gallery.curve.line.y, values.astype(np.float64))
        assert gallery.curve.peak.x.tolist() == [int(values.argmax())]
    assert len(gallery.curve.children) == 1
    state.layer = opened.network.layers[-1].name  # without positions
    assert gallery.curve.children == ()


@pytest.mark.parametrize("opened", ["flat"], indirect=True)
def test_a_unit_is_shown_among_all_units(opened):
    state, canvas = opened.state, opened.views["activations"].context.gallery.portrait
    state.channel = 2
    factor = 128 // 6
    assert canvas.selected == (2 * factor, 0, factor, 2 * 6 * factor // 5)
    value = opened.result.values[0, 2]
    assert canvas.alt == f"Unit 2 of {state.layer}: activation {value:.4g}"


def test_pixels_as_a_row_are_drawn_and_drawn_on():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((784,)), layers.Dense(3, "softmax")])
    explorer = ModelExplorer(model, np.random.default_rng(3).random((1, 784), np.float32))
    assert pixels(explorer.image_pane.canvas).shape[:2] == (28, 28)
    pad = explorer.image_pane.incoming.pad
    assert (pad.height, pad.width) == (28, 28)
    sheet = np.zeros((28, 28), np.uint8)
    sheet[3, 5] = 255
    pad.pixels = sheet.tobytes()
    np.testing.assert_array_equal(explorer.fed_images.images[1], sheet.ravel() / 255)
    assert explorer.state.error == ""
    explorer.close()


def test_a_frame_on_a_map_asks_about_a_region():
    explorer = explorer_of("class map")
    head_map, state = explorer.image_pane.head_map, explorer.state
    assert head_map.canvas.drag == "region"
    drag = {"event": "drag", "left": 2, "top": 1, "width": 4, "height": 3, "final": False}
    head_map.canvas._receive(None, drag, [])
    assert state.place == ()  # not before the end of the drag
    head_map.canvas._receive(None, drag | {"final": True}, [])
    assert state.place == (1, 2, 3, 4)
    assert head_map.canvas.selected == (2, 1, 4, 3)
    assert "asked about rows 1 to 3, columns 2 to 5 of the map" in head_map._caption.value
    state.method, state.explained, state.target = "attribution", "chosen", 1
    assert state.error == ""
    assert explorer.result.places == ("in 1, 2, 3, 4",)
    again = run_code(explorer)["attribution"]
    np.testing.assert_array_equal(again.images, explorer.result.images)
    head_map.canvas._receive(None, drag | {"width": 1, "height": 1, "final": True}, [])
    assert state.place == (1, 2)
    with pytest.raises(ChannelError, match=r"a region of a map as \(top, left, height, width\)"):
        state.place = (6, 6, 3, 3)
    explorer.close()


def test_a_click_on_an_anchor_asks_about_it():
    explorer = explorer_of("anchors")
    anchors, state = explorer.image_pane.anchors.widget, explorer.state
    state.target = 2
    told = predict(explorer.network, explorer.feed).values[0, :, 2]
    numbers = [number for _, number in anchors.options]
    assert numbers == [-1, *np.argsort(-told, kind="stable")[:12].tolist()]
    assert anchors.options[1][0] == f"{numbers[1]} · class 2 {told.max():.2f}"
    anchors.value = numbers[3]
    assert state.place == (numbers[3],)
    state.method, state.explained = "attribution", "chosen"
    assert explorer.result.places == (f"at {numbers[3]}",)
    anchors.value = -1
    assert state.place == ()
    explorer.close()
    other = explorer_of("labels")
    assert other.image_pane.anchors.widget.layout.display == "none"
    other.close()
