"""The strongest patches as pictures for PNG and event files, and as a page without a kernel."""

import json
import re
from io import BytesIO

import numpy as np
from PIL import Image

from cnnvis_widgets.imaging.patches import patches_picture
from cnnvis_widgets.outputs.file_names import picture_path
from cnnvis_widgets.outputs.survey_pages import of_patches, write_survey_page
from cnnvis_widgets.outputs.tensorboard import tag_of
from cnnvis_widgets.results import Layer, Patch, StrongestPatches

LAYER = Layer("edges", "convolution", "c", (None, 8, 8, 4), 3)
RANGE = np.float32(0), np.float32(1)


def strongest(channel, count=1):
    pixels = np.zeros((3, 2, 3), np.float32)
    pixels[1, 0] = 1
    patch = Patch("photos/<a>.png", 2.0, (0, 0), ((0, 3), (-1, 2)), pixels, -pixels, "guided", label="cat")
    return StrongestPatches(LAYER, channel, (patch,) * count, RANGE)


def test_patches_stand_beside_their_projections():
    picture = patches_picture(strongest(3).patches, RANGE)
    assert (picture.shape, picture.dtype) == ((72, 144, 3), np.uint8)
    assert (picture[:, :24] == 96).all()  # beyond the border
    assert (picture[24:48, 24:48] == 255).all()  # the bright pixel
    assert (picture[:24, 24:72] == 0).all()
    assert (picture[24:48, 96:120] == 0).all()  # its projection, negative
    assert (picture[:24, 96:] == 128).all()  # zero
    nine = patches_picture(strongest(3, 9).patches, RANGE, side=10)
    assert nine.shape == (3 * 10 + 2 * 4, 3 * 20 + 2 * 4, 3)
    assert patches_picture((), RANGE).shape == (1, 1, 3)


def test_a_unit_that_sees_far_more_than_the_image_shows_the_image():
    pixels = np.ones((4, 4, 1), np.float32)
    patch = Patch("a", 1.0, (0, 0), ((-50, 60), (-50, 60)), pixels)
    assert (patches_picture([patch], RANGE) == 255).all()


def test_files_and_tags_of_a_channel():
    picture = of_patches(strongest(3))
    assert picture_path(picture, "edges").as_posix() == "edges/survey/patches_3.png"
    assert tag_of(picture) == "edges/patches/map_3"
    image = Image.open(BytesIO(picture.png))
    assert (image.size, image.text["Images"], image.text["Values"]) == ((144, 72), "photos/<a>.png", "2")


def test_a_page_has_a_tile_for_each_channel(tmp_path):
    empty = StrongestPatches(LAYER, 2, (), RANGE)
    path = write_survey_page([strongest(0, 4), strongest(1), empty], tmp_path / "page.html")
    text = path.read_text("utf-8")
    data = json.loads(re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', text, re.S)[1])
    (sheet,) = data["sheets"]
    assert (sheet["view"], sheet["title"], sheet["channels"]) == ("Strongest patches", "edges", [0, 1, 2])
    assert sheet["notes"] == ["; ".join(["<a>.png (cat) 2"] * 4), "<a>.png (cat) 2", "no image"]
    assert sheet["tile"] == [2 * 48 + 4, 4 * 48 + 4]
