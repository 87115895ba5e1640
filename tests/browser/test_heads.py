"""A segmentation network with a second head in JupyterLab: the map over the photo, a click on a pixel, and the menu."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from servers import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELL = """
import keras
import numpy
from cnnvis_widgets import ModelExplorer, demo, load

keras.utils.set_random_seed(2)
layers = keras.layers
image = keras.Input((64, 64, 3))
first = layers.Conv2D(8, 3, padding="same", activation="relu", name="first")(image)
inner = layers.Conv2D(8, 3, padding="same", activation="relu", name="inner")(layers.MaxPooling2D()(first))
joined = layers.Concatenate()([layers.UpSampling2D()(inner), first])
mask = layers.Conv2D(3, 1, activation="softmax", name="mask")(joined)
depth = layers.Dense(1, name="depth")(layers.GlobalAveragePooling2D()(inner))
photo = demo.photos()["chelsea"][:224:3, 60:284:3][:64, :64].astype("float32") / 255
network = load(keras.Model(image, [mask, depth]), photo, class_names={"mask": ["sky", "sea", "sand"]})
explorer = ModelExplorer(network)
explorer
"""


@pytest.fixture(scope="module")
def notebook(open_notebook, folder):
    write_notebook(folder / "heads.ipynb", [CELL])
    opened = open_notebook("lab", "heads.ipynb")
    opened.rest()
    return opened


def test_a_click_on_the_map_asks_about_a_pixel(notebook):
    page = notebook.page
    page.get_by_label("Output", exact=True).select_option("mask · classes")
    head = notebook.picture("head")
    expect(head).to_have_attribute("aria-label", re.compile("mask: click a pixel"))
    notebook.screenshot("class-map")
    notebook.show("Attribution")
    head.click(position={"x": 40, "y": 90})
    expect(page.locator(".cnnvis-explorer")).to_contain_text("asked about row")
    notebook.rest()
    row, column = notebook.python("explorer.state.place")
    assert notebook.python("explorer.result.names") == [
        notebook.python("explorer.state.class_name(explorer.result.targets[0])") + f" at {row}, {column}"
    ]
    notebook.screenshot("pixel-of-a-class-map")


def test_the_menu_of_heads_shows_values(notebook):
    page = notebook.page
    page.get_by_label("Output", exact=True).select_option("depth · values")
    notebook.rest()
    assert notebook.python("[explorer.state.head, explorer.state.place]") == ["depth", []]
    expect(notebook.picture("head")).to_be_hidden()
    notebook.show("Attribution")
    page.get_by_label("Explain").select_option("the chosen class")
    expect(page.get_by_label("Class", exact=True).locator("option")).to_have_text(["value 0"])
    notebook.rest()
    notebook.screenshot("values-of-a-head")
    page.get_by_label("Output", exact=True).select_option("mask · classes")
    expect(page.get_by_label("Class", exact=True).locator("option")).to_have_text(["0 · sky", "1 · sea", "2 · sand"])
