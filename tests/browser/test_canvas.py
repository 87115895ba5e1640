"""The canvas alone in JupyterLab: hovering, dragging, brushing, zooming; then what Python heard of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from servers import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELL = """
import ipywidgets
import numpy as np
from cnnvis_widgets.imaging import encode
from cnnvis_widgets.widgets.elements.canvas import PictureCanvas

canvas = PictureCanvas(name="photo", width=400, interactive=True, zoomable=True)
pixels = np.arange(100 * 100).reshape(100, 100).astype(np.uint8)
canvas.show(encode.png(pixels), "a test", (10, 20, 30, 40))
hovers, drags, clicks = [], [], []
canvas.on_click(lambda x, y: clicks.append((x, y)))
canvas.on_drag(lambda *told: drags.append(told))
def hovered(x, y):
    hovers.append((x, y))
    canvas.readout = f"column {int(x)}"
canvas.on_hover(hovered)
box = ipywidgets.VBox([canvas])
box.add_class("cnnvis-explorer")
box
"""


@pytest.fixture(scope="module")
def lab(open_notebook, folder):
    write_notebook(folder / "canvas.ipynb", [CELL])
    opened = open_notebook("lab", "canvas.ipynb")
    opened.await_cells()
    return opened


@pytest.fixture
def at(lab):
    """``at(x, y)``: where in the page a place of the picture is, as long as it is not zoomed."""
    box = lab.picture("photo").bounding_box()
    return lambda x, y: (box["x"] + x * box["width"] / 100, box["y"] + y * box["height"] / 100)


def test_hovering_is_answered_on_the_picture(lab, at):
    lab.page.mouse.move(*at(62.5, 30.5))
    expect(lab.page.locator(".cnnvis-readout")).to_have_text("column 62")
    x, y = lab.python("hovers[-1]")
    assert (round(x), round(y)) == (62, 30) or abs(x - 62.5) + abs(y - 30.5) < 0.6
    lab.page.mouse.move(5, 5)
    expect(lab.page.locator(".cnnvis-readout")).to_be_hidden()


def test_the_frame_is_dragged_by_mouse_and_by_keys(lab, at):
    lab.python("[setattr(canvas, 'drag', 'move'), drags.clear(), clicks.clear()]")
    expect(lab.picture("photo")).to_have_attribute("data-drag", "move")
    mouse = lab.page.mouse
    mouse.move(*at(20, 30))
    mouse.down()
    mouse.move(*at(30, 30), steps=30)
    mouse.move(*at(50, 35), steps=30)
    mouse.up()
    assert lab.await_python("drags and drags[-1][-1] and drags[-1]") == [40, 25, 30, 40, True]
    assert lab.python("sum(told[-1] for told in drags)") == 1
    assert lab.python("[list(canvas.selected), len(drags) < 62, len(clicks)]") == [[40, 25, 30, 40], True, 0]
    lab.picture("photo").focus()
    lab.page.keyboard.press("Shift+ArrowLeft")
    assert lab.await_python("drags[-1][0] == 39 and drags[-1][-1] and drags[-1]") == [39, 25, 30, 40, True]
    for _ in range(5):
        lab.page.keyboard.press("ArrowRight")
    assert lab.await_python("drags[-1][0] == 70 and drags[-1][-1] and drags[-1]") == [70, 25, 30, 40, True], (
        "it stays on the picture"
    )


def test_a_frame_is_brushed(lab, at):
    lab.python("[setattr(canvas, 'drag', 'brush'), drags.clear(), clicks.clear()]")
    expect(lab.picture("photo")).to_have_attribute("data-drag", "brush")
    mouse = lab.page.mouse
    mouse.move(*at(80.5, 60.5))
    mouse.down()
    mouse.move(*at(50.5, 20.5), steps=10)
    mouse.up()
    assert lab.await_python("drags and drags[-1][-1] and drags[-1]") == [50, 20, 31, 41, True]
    mouse.click(*at(10.5, 10.5))
    assert lab.await_python("len(clicks)") == 1, "a press without a way is a click"


def test_zoom_stays_in_the_page_and_places_stay_right(lab, at):
    lab.python("[setattr(canvas, 'drag', ''), drags.clear(), clicks.clear()]")
    expect(lab.picture("photo")).to_have_attribute("data-drag", "")
    stage, photo, middle = lab.page.locator(".cnnvis-stage"), lab.picture("photo"), at(50, 50)
    photo.focus()
    for key in ("+", "+", "-"):
        lab.page.keyboard.press(key)
    expect(stage).to_have_attribute("data-zoom", "1.50")
    lab.page.mouse.move(*middle)
    lab.page.mouse.wheel(0, -400)
    expect(stage).to_have_attribute("data-zoom", "4.08")
    lab.page.mouse.click(*middle)
    x, y = lab.await_python("clicks and clicks[-1]")
    assert abs(x - 50) + abs(y - 50) < 1
    lab.page.mouse.down()
    lab.page.mouse.move(middle[0] + 80, middle[1], steps=8)
    lab.page.mouse.up()
    lab.page.mouse.click(*middle)
    x, y = lab.await_python("len(clicks) == 2 and clicks[-1]")
    assert abs(x - 45.1) < 1, "80 of 400 page pixels are 20 of 100, and 4.9 at this zoom"
    lab.screenshot("canvas-zoomed")
    lab.page.get_by_role("button", name="Whole picture").click()
    expect(stage).to_have_attribute("data-zoom", "1.00")
