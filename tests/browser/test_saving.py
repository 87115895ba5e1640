"""What the menu of the explorer writes in JupyterLab, read back; and the state, saved and loaded again."""

from __future__ import annotations

import base64
import json
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAYER = "block3_expand_relu/Relu6"


@pytest.fixture(scope="module")
def notebook(lab):
    return lab


def press(notebook, name):
    notebook.open_menu()
    notebook.page.get_by_role("button", name=name, exact=True).click()


def written(notebook):
    """Press 'Save PNG now' where nothing was written yet, and wait for the files."""
    press(notebook, "Save PNG now")
    paths = notebook.await_python("[str(path) for path in explorer.state.files]")
    for path in paths:
        expect(notebook.page.locator(".cnnvis-explorer")).to_contain_text(path)
    return paths


def on_screen(notebook, which):
    """The pixels of a canvas, uint8 (height, width, 3)."""
    data = base64.b64decode(notebook.pixels(which).partition(",")[2])
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def test_maps_are_saved_with_what_they_show(notebook, folder):
    notebook.choose_layer(LAYER)
    (path,) = written(notebook)
    with Image.open(folder / path) as picture:
        told = picture.text
    largest = notebook.python("float(explorer.result.values.max())")
    wanted = {"Layer": LAYER, "Method": "activations", "Scale": "layer", "Largest": f"{largest:.6g}", "Image": "0"}
    assert told == wanted


def test_what_is_logged_is_read_by_tensorflow(notebook, folder):
    """Results are logged as they appear; the button logs the one on the screen once more."""
    notebook.choose_layer(LAYER)
    (path,) = written(notebook)  # after the logs of the same result
    log = max((folder / "Log").glob("events.out.tfevents.*"), key=lambda file: file.stat().st_mtime_ns)
    events = f"__import__('tensorflow').compat.v1.train.summary_iterator({str(log)!r})"
    logged = f"[[v.tag, v.image.encoded_image_string.hex()] for event in {events} for v in event.summary.value]"
    wanted = [f"{LAYER}/activations/image_0", (folder / path).read_bytes().hex()]
    before = notebook.python(logged)
    assert before[-1] == wanted
    press(notebook, "Log to TensorBoard")
    notebook.await_python("[path.name for path in explorer.state.files][1:] == ['Log']")
    assert notebook.python(logged) == [*before, wanted]


def test_a_dream_is_made_again_from_its_file(notebook, folder):
    page = notebook.page
    notebook.show("Deep dream")
    notebook.python("[setattr(explorer.state, *each) for each in (('octaves', 1), ('steps', 4), ('target', 281))]")
    press(notebook, "Start dreaming")
    notebook.await_python("type(explorer.result).__name__ == 'DreamStep' and explorer.result.index == 3")
    notebook.rest()
    expect(notebook.picture("dream")).to_have_attribute("aria-label", re.compile("step 4 of 4"))
    paths = written(notebook)
    assert [path.rpartition("/")[2] for path in paths] == ["image_281.png"]
    with Image.open(folder / paths[0]) as picture:
        recipe, drawn = json.loads(picture.text["Recipe"]), np.asarray(picture)
    assert recipe["model"] == notebook.python("explorer.network.fingerprint()")
    np.testing.assert_array_equal(drawn, on_screen(notebook, "dream"))
    again = f"cv.recreate({paths[0]!r}, explorer.network).images.tobytes()"
    assert notebook.python(f"{again} == explorer.result.images.tobytes()")
    page.get_by_role("button", name="Activations", exact=True).click()
    notebook.rest()


def test_a_saved_state_comes_back_into_the_page(notebook):
    page = notebook.page
    notebook.show("Activations")
    notebook.choose_layer(LAYER)
    notebook.choose_image("flower")
    assert notebook.python("explorer.state.image") == 2
    page.get_by_label("Sort").select_option("by strength")
    notebook.await_python("explorer.state.order == 'strength'")
    notebook.rest()
    page.mouse.click(*notebook.at("montage", *notebook.tile(30)))
    notebook.await_python("explorer.state.channel == 30")
    page.mouse.click(*notebook.at("large", 12.5, 9.5))
    notebook.await_python("explorer.state.unit == (9, 12)")
    expect(notebook.picture("large")).to_have_attribute("aria-label", re.compile("selected: activation"))
    choices = "{name: getattr(explorer.state, name) for name in explorer.state.traits(report=None)}"
    saved = notebook.python(f"[str(explorer.save_state('kept.json')), {choices}][1]")
    pictures = "photo", "montage", "large"
    labels = {which: notebook.picture(which).get_attribute("aria-label") for which in pictures}
    before = {which: notebook.pixels(which) for which in pictures}

    notebook.choose_layer("stem_relu/Relu6")
    notebook.choose_image("chelsea")
    page.get_by_label("Sort").select_option("by number")
    notebook.show("Deconvolution")
    page.get_by_label("Rule", exact=True).select_option("guided")
    notebook.await_python("explorer.state.rule == 'guided'")
    notebook.rest()
    assert notebook.python(choices) != saved

    notebook.python("explorer.load_state('kept.json')")
    notebook.rest()
    assert notebook.python(choices) == saved
    for which in pictures:
        expect(notebook.picture(which)).to_have_attribute("aria-label", labels[which])
        notebook.page.wait_for_function(
            "([it, before]) => it.toDataURL() === before", arg=[notebook.picture(which).element_handle(), before[which]]
        )
    expect(page.locator(".cnnvis-image[aria-label='flower']")).to_have_attribute("aria-selected", "true")
    assert page.get_by_label("Sort").evaluate("(it) => it.selectedOptions[0].label").split() == ["by", "strength"]
    expect(page.locator(f".cnnvis-strip-box[data-layer='{LAYER}']")).to_have_attribute("aria-selected", "true")
    assert notebook.frame("large") == pytest.approx([12, 9, 1, 1], abs=0.01)
    assert notebook.faults() == []
