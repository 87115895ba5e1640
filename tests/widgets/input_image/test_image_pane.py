"""The photo, the classes below it, and images that come later."""

from __future__ import annotations

import datetime
import re
import time
from io import BytesIO

import keras
import numpy as np
import pytest
from on_screen import pixels
from PIL import Image

from cnnvis_widgets import ModelExplorer, activations, demo, load, predict
from cnnvis_widgets.errors import FeedError
from cnnvis_widgets.widgets.elements.class_bars import class_bars
from cnnvis_widgets.widgets.input_image.cropping import proportioned
from cnnvis_widgets.widgets.state.fed_images import FedImages

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs")


def bars(explorer):
    return explorer.views["activations"].context.image_pane.predictions.value


def test_the_classes_of_the_image_are_listed_best_first(explorer, network, images):
    for index in (0, 1):
        explorer.state.image = index
        assert bars(explorer) == class_bars(predict(network, images[index : index + 1]).top(5))
    assert "&lt;b&gt;dog" in bars(explorer)
    assert "<b>dog" not in bars(explorer)


def test_bars_say_how_much_and_from_where():
    rows = [(3, "cat", 0.5), (1, "dog", 0.01)]
    assert re.findall(r"<span>([^<]*)</span>", class_bars(rows)) == ["cat", "50 %", "dog", "1.0 %"]
    assert "width:50.0%" in class_bars(rows)
    moved = class_bars(rows, before=[0.25, 0.02])
    assert "25 % → 50 %" in moved
    assert "left:25.0%" in moved


def test_a_map_of_values_has_no_bars(images, inline_jobs):
    model = keras.Sequential([keras.Input((20, 24, 3)), keras.layers.Conv2D(2, 3, activation="relu")])
    explorer = ModelExplorer(model, images)
    assert bars(explorer) == ""
    explorer.close()


def test_a_failure_is_told_where_the_bars_would_be(explorer, monkeypatch):
    def broken(*args, **options):
        raise ValueError("no <b>classes</b> today")

    monkeypatch.setattr("cnnvis_widgets.widgets.input_image.image_pane.predict", broken)
    explorer.state.image = 1
    assert "no &lt;b&gt;classes" in bars(explorer)
    assert 'role="alert"' in bars(explorer)


def test_an_image_that_comes_later_is_looked_at(explorer, images, tmp_path):
    picture = np.full((50, 40, 3), 90, np.uint8)
    Image.fromarray(picture).save(tmp_path / "later.png")
    assert explorer.add_image(tmp_path / "later.png", "later") == 2
    assert explorer.state.images == ("image 0", "image 1", "later")
    assert explorer.state.image == 2
    assert explorer.wait(0).values.shape == (1, 18, 22, 6)
    np.testing.assert_array_equal(explorer.fed_images.images[2], np.full((20, 24, 3), 90, np.float32))
    assert explorer.feed is explorer.fed_images.feed(2)
    explorer.state.image = "image 0"
    np.testing.assert_array_equal(explorer.fed_images.images[0], images[0])


def test_a_picture_that_does_not_fit_changes_nothing(explorer, tmp_path):
    (tmp_path / "no.png").write_text("not a picture")
    with pytest.raises(FeedError, match="Received"):
        explorer.add_image(tmp_path / "no.png")
    assert (explorer.state.images, explorer.state.image) == (("image 0", "image 1"), 0)


def uploaded(name, content):
    modified = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    return {"name": name, "type": "image/png", "size": len(content), "content": content, "last_modified": modified}


def test_files_of_the_page_become_images(explorer):
    pane = explorer.views["activations"].context.image_pane
    written = BytesIO()
    Image.fromarray(np.full((30, 30, 3), 40, np.uint8)).save(written, "PNG")
    pane.incoming.upload.value = (uploaded("mine.png", written.getvalue()), uploaded("broken.png", b"no image"))
    assert explorer.state.images == ("image 0", "image 1", "mine.png")
    assert explorer.state.image == 2
    assert (explorer.fed_images.images[2] == 40).all()
    assert explorer.state.error == (
        "Expected an image file, such as PNG or JPEG. Received: 'broken.png', which cannot be read as an image. "
        "Check that it is whole, or save it as PNG or JPEG."
    )


def test_adding_an_image_goes_through_no_other(explorer):
    explorer.state.image = 1
    seen = []
    explorer.state.observe(lambda change: seen.append(change["new"]), "image")
    explorer.add_image(np.zeros((20, 24, 3), np.uint8))
    assert seen == [2]


def test_two_explorers_have_bars_of_their_own(network, images):
    one, other = (ModelExplorer(network, images) for _ in range(2))
    for explorer in (one, other):
        explorer.state.image = 1
    end = time.monotonic() + 20
    expected = class_bars(predict(network, images[1:]).top(5))
    while (bars(one), bars(other)) != (expected, expected):
        assert time.monotonic() < end
        time.sleep(0.02)
    for explorer in (one, other):
        explorer.close()


def test_the_forward_pass_does_not_hold_up_the_page(explorer, monkeypatch):
    begun = []
    pane = explorer.views["activations"].context.image_pane
    monkeypatch.setattr(pane, "_slot", type("Waiting", (), {"start": lambda self, job: begun.append(job)})())
    before = bars(explorer)
    explorer.state.image = 1
    assert bars(explorer) == before
    begun[0].run()
    assert bars(explorer) != before


def test_files_are_decoded_beside_the_page(explorer, monkeypatch):
    incoming, begun = explorer.image_pane.incoming, []
    waiting = type("Waiting", (), {"start": lambda self, job, replace: begun.append((job, replace))})
    monkeypatch.setattr(incoming, "_slot", waiting())
    written = BytesIO()
    Image.fromarray(np.full((30, 30, 3), 40, np.uint8)).save(written, "PNG")
    incoming.upload.value = (uploaded("mine.png", written.getvalue()),)
    assert len(explorer.state.images) == 2
    ((job, replace),) = begun
    assert not replace, "files that come later wait for their turn"
    said = []
    incoming.note.observe(lambda change: said.append(change["new"]), "value")
    job.run()
    assert explorer.state.images[2] == "mine.png"
    assert "Reading mine.png" in said[0]
    assert said[-1] == ""


def test_a_picture_of_the_webcam_becomes_an_image(explorer):
    written = BytesIO()
    Image.fromarray(np.full((48, 64, 3), 70, np.uint8)).save(written, "PNG")
    explorer.image_pane.incoming.webcam._handle_custom_msg({"event": "picture"}, [memoryview(written.getvalue())])
    assert (explorer.state.images[2], explorer.state.image) == ("webcam", 2)
    assert (explorer.fed_images.images[2] == 70).all()


def test_a_part_of_the_photo_is_fed_as_it_is_shown(explorer, network, images):
    cropping, photo = explorer.image_pane.incoming.cropping, explorer.image_pane.canvas
    cropping.begin.click()
    assert (photo.drag, photo.selected) == ("brush", (3, 2, 18, 15))
    photo._handle_custom_msg({"event": "drag", "left": 4, "top": 6, "width": 12, "height": 5, "final": True}, [])
    assert explorer.state.image == 0, "the frame can still be changed"
    cropping.use.click()
    assert explorer.state.images[2] == "image 0 [4:14, 4:16]", "12 × 10 has the proportions of 24 × 20"
    assert (explorer.state.image, photo.drag) == (2, "")
    fed = explorer.fed_images.images[2]
    assert fed.shape == (20, 24, 3)
    part = images[0, 4:14, 4:16]
    np.testing.assert_allclose(fed.mean(), part.mean(), rtol=0.05)
    np.testing.assert_array_equal(fed[0, 0], part[0, 0])
    np.testing.assert_array_equal(pixels(photo), np.rint(fed).astype(np.uint8))
    np.testing.assert_array_equal(network.images(explorer.feed)[0], fed)


def test_a_frame_to_crop_stays_while_pictures_come(explorer):
    cropping, photo = explorer.image_pane.incoming.cropping, explorer.image_pane.canvas
    explorer.state.unit = (1, 2)
    cropping.begin.click()
    frame = photo.selected
    explorer.state.channel = (explorer.state.channel + 1) % 6  # draws the selected map, and what its unit sees
    assert (photo.selected, photo.drag) == (frame, "brush")
    cropping.cancel.click()
    explorer.state.unit = (3, 4)
    assert photo.selected != frame, "the unit is framed again"


def test_cropping_is_given_up(explorer):
    cropping, photo = explorer.image_pane.incoming.cropping, explorer.image_pane.canvas
    explorer.state.method = "occlusion"
    before = photo.selected
    cropping.begin.click()
    photo._handle_custom_msg({"event": "drag", "left": 1, "top": 1, "width": 3, "height": 3, "final": True}, [])
    assert explorer.state.occluder == (), "a frame to crop hides nothing"
    cropping.cancel.click()
    assert (photo.drag, photo.selected) == ("move", before)
    cropping.begin.click()
    explorer.state.method = "activations"
    assert (photo.drag, cropping.use.layout.display, cropping.begin.layout.display) == ("", "none", None)
    assert len(explorer.state.images) == 2


def test_a_frame_is_brought_to_proportions_within_the_image():
    assert proportioned((), (20, 24)) == (0, 0, 24, 20)
    assert proportioned((0, 15, 2, 5), (20, 24)) == (0, 15, 6, 5)
    assert proportioned((22, 0, 2, 20), (20, 24)) == (0, 0, 24, 20)


def test_colour_networks_have_no_drawing_pad(explorer):
    assert explorer.image_pane.incoming.pad is None


@pytest.fixture
def grey_explorer(inline_jobs):
    model = demo.small_cnn()
    explorer = ModelExplorer(model, demo.digits().test_images[:1], class_names=list("0123456789"))
    yield explorer
    explorer.close()


def test_a_drawing_is_fed_while_it_grows(grey_explorer):
    explorer, pad = grey_explorer, grey_explorer.image_pane.incoming.pad
    assert (pad.height, pad.width, pad.paper) == (32, 32, 0)
    sheet = np.zeros((32, 32), np.uint8)
    sheet[4:28, 15:18] = 255
    pad.set_state({"pixels": memoryview(sheet.tobytes())})  # as it comes from the page
    assert (explorer.state.images, explorer.state.image) == (("image 0", "drawing"), 1)
    np.testing.assert_array_equal(explorer.fed_images.images[1][..., 0], sheet / np.float32(255))
    photo = explorer.image_pane.canvas
    np.testing.assert_array_equal(pixels(photo).reshape(32, 32, -1)[..., 0], sheet)
    first, before = explorer.wait(0), bars(explorer)
    sheet[20:23, 5:28] = 128
    pad.set_state({"pixels": memoryview(sheet.tobytes())})  # as it comes from the page
    assert explorer.state.images == ("image 0", "drawing")
    assert not np.array_equal(explorer.wait(0).values, first.values)
    assert bars(explorer) != before
    assert bars(explorer) == class_bars(predict(explorer.network, explorer.feed).top(5))
    (maps,) = activations(explorer.network, sheet[None, ..., None] / np.float32(255), explorer.state.layer)
    np.testing.assert_array_equal(explorer.result.values, maps.values)
    explorer.state.image = 0
    pad.pixels = np.zeros_like(sheet).tobytes()
    assert explorer.state.image == 1, "to draw is to look at the drawing"


@pytest.mark.parametrize("shape", [(3, 20, 24), (1440,)])
def test_an_image_as_it_is_finds_the_layout_of_the_input(shape):
    keras.utils.set_random_seed(0)
    flat = len(shape) == 1
    first = keras.layers.Dense(3) if flat else keras.layers.Conv2D(2, 3, data_format="channels_first")
    network = load(keras.Sequential([keras.Input(shape), first]))
    fed_shape = (2, *shape) if flat else (2, 20, 24, 3)  # pictures have their channels last, whatever the network wants
    fed_images = FedImages(network, np.random.default_rng(1).random(fed_shape, np.float32))
    index = fed_images.put(fed_images.images[1])
    tensor = network.runtime.image_tensor
    np.testing.assert_array_equal(fed_images.feed(index)[tensor], fed_images.feed(1)[tensor])
    assert fed_images.put(fed_images.images[0], index) == index
    np.testing.assert_array_equal(fed_images.feed(index)[tensor], fed_images.feed(0)[tensor])
    assert fed_images.at(index, "")[2] is not fed_images.at(0, "")[2]


def test_a_bar_chooses_its_class(explorer):
    pane = explorer.image_pane.predictions
    explorer.state.method = "attribution"
    assert explorer.state.explained == "best"
    number = int(re.findall(r'data-class="(\d)"', pane.value)[2])
    pane._handle_custom_msg({"event": "choose", "class": number}, [])
    assert (explorer.state.target, explorer.state.explained, pane.chosen) == (number, "chosen", number)
    assert explorer.wait(0).targets == (number,)
    explorer.state.method, explorer.state.objective = "intervention", "channel"
    other = explorer.views["intervention"].bars
    other._handle_custom_msg({"event": "choose", "class": 0}, [])
    assert (explorer.state.target, explorer.state.objective) == (0, "channel")
    explorer.state.method = "deep dream"
    pane._handle_custom_msg({"event": "choose", "class": 1}, [])
    assert (explorer.state.target, explorer.state.objective) == (1, "class")
