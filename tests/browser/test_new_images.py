"""Images that come from the page in JupyterLab: drawn, cropped, uploaded, filmed; and bars that choose a class."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from servers import percent

pytestmark = [pytest.mark.browser, pytest.mark.slow]

REFUSE = """() => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
}"""
FED = "explorer.fed_images.images[explorer.state.image]"


@pytest.fixture(scope="module")
def digits(open_notebook):
    notebook = open_notebook("lab", "digits.ipynb")
    notebook.await_cells()
    return notebook


def stroke(notebook, *places):
    """Draw a line on the pad through places given as fractions of it."""
    notebook.picture("pad").scroll_into_view_if_needed()
    box, mouse = notebook.picture("pad").bounding_box(), notebook.page.mouse
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    mouse.move(*points[0])
    mouse.down()
    for point in points[1:]:
        mouse.move(*point, steps=12)
    mouse.up()


def test_a_digit_is_drawn_and_fed(digits):
    page = digits.page
    stroke(digits, (0.3, 0.2), (0.7, 0.2), (0.4, 0.85))
    digits.await_python("explorer.state.images[-1] == 'drawing'")
    digits.await_python(f"bool({FED}[26, 13, 0] > 0.9)")
    seen = digits.picture("pad").evaluate(
        "(it) => [...it.getContext('2d').getImageData(0, 0, 32, 32).data].filter((_, at) => at % 4 === 0)"
    )
    assert digits.python(f"[round(255 * float(each)) for each in {FED}.ravel()]") == seen, "what is seen is fed"
    shown = digits.picture("photo").evaluate(
        """(it) => { const data = it.getContext('2d').getImageData(0, 0, it.width, it.height).data;
                     return [...data].filter((_, at) => at % 4 === 0) }"""
    )
    assert shown == seen
    bars = page.locator(".cnnvis-explorer .cnnvis-bars").first
    before = bars.inner_text()
    stroke(digits, (0.35, 0.5), (0.75, 0.5))
    digits.await_python(f"bool({FED}[16, 20, 0] > 0.9)")
    expect(bars).not_to_have_text(before)
    assert digits.python("explorer.state.images") == ["image 0", "image 1", "drawing"]
    digits.screenshot("drawing")
    page.get_by_role("button", name="Clear").click()
    digits.await_python(f"float({FED}.max()) == 0")


def test_a_line_is_drawn_by_keys(digits):
    digits.picture("pad").focus()
    for key in ("ArrowUp", "ArrowUp", "Space", *["ArrowRight"] * 6, "Space", *["ArrowDown"] * 4):
        digits.page.keyboard.press(key)
    digits.await_python(f"bool({FED}[14, 16:22, 0].min() > 0.7)")
    assert digits.python(f"bool({FED}[18:, :, 0].max() < 0.5)"), "the pen was lifted"
    digits.page.get_by_role("button", name="Clear").click()
    digits.await_python(f"float({FED}.max()) == 0")


@pytest.fixture(scope="module")
def notebook(digits, lab):  # in this order: the one that is open is closed for the next
    return lab


def test_a_part_of_the_photo_is_fed(notebook):
    page, photo = notebook.page, notebook.picture("photo")
    page.get_by_role("button", name="Crop").click()
    expect(photo).to_have_attribute("data-drag", "brush")
    notebook.screenshot("cropping")
    photo.scroll_into_view_if_needed()
    box, mouse = photo.bounding_box(), page.mouse
    mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.25 * box["height"])
    mouse.down()
    mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.75 * box["height"], steps=10)
    mouse.up()
    before = notebook.pixels("photo")
    page.get_by_role("button", name="Feed the frame").click()
    notebook.await_other("photo", before)
    notebook.await_python("len(explorer.state.images) == 10")
    name = notebook.python("explorer.state.images[-1]")
    top, bottom, left, right = map(int, re.findall(r"\d+", name.split("[")[1]))
    assert (abs(top - 56) <= 2, abs(bottom - 168) <= 2, bottom - top) == (True, True, right - left)
    assert notebook.python(f"[list({FED}.shape), explorer.state.image]") == [[224, 224, 3], 9]
    whole, part = "explorer.fed_images.images[0]", f"[{top}:{bottom}, {left}:{right}]"
    assert notebook.python(f"abs(float({FED}.mean() - {whole}{part}.mean())) < 0.02")
    expect(page.get_by_role("option", name=name)).to_have_attribute("aria-selected", "true")
    notebook.screenshot("cropped")


def test_the_frame_to_crop_is_moved_by_keys(notebook):
    page, photo = notebook.page, notebook.picture("photo")
    notebook.choose_image("coffee")
    assert notebook.python("explorer.state.image") == 1
    page.get_by_role("button", name="Crop").press("Enter")
    expect(photo).to_have_attribute("data-drag", "brush")
    photo.focus()
    for key in ("Shift+ArrowLeft", "Shift+ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    notebook.await_python("explorer.image_pane.canvas.selected[:2] == (0, 28)")
    page.get_by_role("button", name="Feed the frame").press("Enter")
    notebook.await_python("len(explorer.state.images) == 11")
    assert "[28:" in notebook.python("explorer.state.images[-1]")


def test_the_webcam_gives_a_picture(notebook):
    page = notebook.page
    before = notebook.pixels("photo")
    page.get_by_role("button", name="Webcam").click()
    expect(page.get_by_label("What the webcam sees")).to_be_visible()
    notebook.screenshot("webcam")
    page.get_by_role("button", name="Take picture").click()
    notebook.await_python("explorer.state.images[-1] == 'webcam'")
    notebook.await_other("photo", before)
    expect(page.get_by_label("What the webcam sees")).to_be_hidden()
    assert notebook.python(f"[list({FED}.shape), float({FED}.std()) > 0.05]") == [[224, 224, 3], True]


def test_a_refused_webcam_is_told(notebook):
    page = notebook.page
    page.evaluate(REFUSE)
    page.get_by_role("button", name="Webcam").click()
    expect(page.locator(".cnnvis-webcam [role=alert]")).to_contain_text("The webcam was refused. Allow it")
    assert page.locator(".cnnvis-webcam video").is_hidden()


def test_files_are_uploaded_and_what_is_no_image_is_told(notebook, folder):
    page = notebook.page
    ramp = np.tile(np.linspace(0, 255, 300).astype(np.uint8), (200, 1))
    Image.fromarray(np.stack([ramp, ramp[:, ::-1], ramp], axis=-1)).save(folder / "ramp.png")
    (folder / "notes.txt").write_text("no image")
    with page.expect_file_chooser() as asked:
        page.get_by_role("button", name=re.compile("Add images")).click()
    asked.value.set_files([folder / "ramp.png", folder / "notes.txt"])
    expect(page.get_by_text("Received: 'notes.txt', which cannot be read as an image")).to_be_visible()
    assert notebook.python("explorer.state.images[explorer.state.image]") == "ramp.png"
    fed = "explorer.network.images(explorer.network.feeds('ramp.png'))[0]"
    assert notebook.python(f"bool(np.array_equal({FED}, {fed}))")
    bars = page.locator(".cnnvis-explorer .cnnvis-bars").first.get_by_role("button")
    top = "cv.predict(explorer.network, explorer.feed).top(5)"
    told = notebook.python(f"[[int(number), name, float(part)] for number, name, part in {top}]")
    for place, (number, name, probability) in enumerate(told):
        expect(bars.nth(place)).to_have_attribute("data-class", str(number))
        expect(bars.nth(place)).to_have_text(f"{name} {percent(probability)}")
    notebook.screenshot("uploaded")


def test_a_bar_chooses_the_class_that_is_asked_about(notebook):
    page = notebook.page
    notebook.choose_image("chelsea")
    page.get_by_role("button", name="Attribution", exact=True).click()
    notebook.await_python("type(explorer.result).__name__ == 'Attribution'")
    bars = page.locator(".cnnvis-explorer .cnnvis-bars").first.get_by_role("button")
    expect(bars).to_have_count(5)
    second, third = (int(bars.nth(place).get_attribute("data-class")) for place in (1, 2))
    bars.nth(1).click()
    expect(bars.nth(1)).to_have_attribute("aria-pressed", "true")
    notebook.await_python(f"explorer.state.target == {second} and list(explorer.result.targets) == [{second}]")
    bars.nth(1).press("Tab")
    page.keyboard.press("Enter")
    notebook.await_python(f"explorer.state.target == {third} and list(explorer.result.targets) == [{third}]")
    expect(bars.nth(1)).to_have_attribute("aria-pressed", "false")
    expect(notebook.status()).to_have_text(re.compile("Done"))
    notebook.screenshot("class-chosen")
    assert notebook.faults() == []
