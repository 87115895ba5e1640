"""The photo, the classes below it, and images that come later."""

from __future__ import annotations

import datetime
import re
import time
from io import BytesIO

import keras
import numpy as np
import pytest
from PIL import Image

from cnnvis_widgets import ModelExplorer, predict
from cnnvis_widgets.errors import FeedError
from cnnvis_widgets.widgets.class_bars import class_bars
from cnnvis_widgets.widgets.image_pane import _eight_bit

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


def test_a_network_without_classes_has_no_bars(images, inline_jobs):
    model = keras.Sequential([keras.Input((20, 24, 3)), keras.layers.Conv2D(2, 3, activation="relu")])
    explorer = ModelExplorer(model, images)
    assert bars(explorer) == ""
    explorer.close()


def test_a_failure_is_told_where_the_bars_would_be(explorer, monkeypatch):
    def broken(*args):
        raise ValueError("no <b>classes</b> today")

    monkeypatch.setattr("cnnvis_widgets.widgets.image_pane.predict", broken)
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
    np.testing.assert_array_equal(explorer.subject.images[2], np.full((20, 24, 3), 90, np.float32))
    assert explorer.feed is explorer.subject.where(2, explorer.state.layer)[1]
    explorer.state.image = "image 0"
    np.testing.assert_array_equal(explorer.subject.images[0], images[0])


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
    pane.upload.value = (uploaded("mine.png", written.getvalue()), uploaded("broken.png", b"no image"))
    assert explorer.state.images == ("image 0", "image 1", "mine.png")
    assert explorer.state.image == 2
    assert (explorer.subject.images[2] == 40).all()
    assert explorer.state.error == "Expected images. Received: broken.png, which is not an image"


def test_adding_an_image_goes_through_no_other(explorer):
    explorer.state.image = 1
    seen = []
    explorer.state.observe(lambda change: seen.append(change["new"]), "image")
    explorer.add_image(np.zeros((20, 24, 3), np.uint8))
    assert seen == [2]


def test_a_photo_is_turned_as_its_camera_says(explorer):
    pixels = np.zeros((20, 24, 3), np.uint8)
    pixels[:, :12] = 255  # the left half is bright; turned by a quarter, the upper one is
    exif = Image.Exif()
    exif[0x0112] = 6
    written = BytesIO()
    Image.fromarray(pixels).save(written, "JPEG", exif=exif, quality=100)
    explorer.views["activations"].context.image_pane.upload.value = (uploaded("phone.jpg", written.getvalue()),)
    image = explorer.subject.images[2]
    assert image[:8].mean() > 240
    assert image[-8:].mean() < 15


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
    monkeypatch.setattr(pane, "_live", type("Waiting", (), {"start": lambda self, job: begun.append(job)})())
    before = bars(explorer)
    explorer.state.image = 1
    assert bars(explorer) == before
    begun[0].run()
    assert bars(explorer) != before


def test_a_grey_upload_of_16_bits_keeps_its_tones():
    ramp = Image.fromarray(np.arange(0, 65536, 256, dtype=np.uint16).reshape(16, 16))
    kept = np.asarray(_eight_bit(ramp))
    assert kept.dtype == np.uint8
    np.testing.assert_allclose(kept.ravel(), np.arange(256), atol=1)
