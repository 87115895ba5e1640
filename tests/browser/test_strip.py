"""Finding one's way in JupyterLab: the network strip, and the units that see a place; then the Python state."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook("lab", "short.ipynb")


def await_layer(notebook, place):
    """Wait until the layer at this place of the graph is the chosen one in the kernel."""
    notebook.await_python(f"explorer.state.layer == explorer.network.layers[{place}].name")


def test_layers_are_chosen_by_click_and_by_key(notebook):
    strip = notebook.page.get_by_role("listbox", name="Layers in order")
    count = notebook.python("len(explorer.network.layers)")
    expect(strip.get_by_role("option")).to_have_count(count)
    strip.get_by_role("option").nth(5).click()
    await_layer(notebook, 5)
    strip.focus()
    strip.press("ArrowRight")
    await_layer(notebook, 6)
    strip.press("End")
    await_layer(notebook, count - 1)
    strip.press("Home")
    await_layer(notebook, 0)
    expect(strip.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    expect(notebook.page.locator(".cnnvis-strip-name")).to_have_text(re.compile(f"1 of {count}: "))
    for width in (1400, 800):
        notebook.page.set_viewport_size({"width": width, "height": 1000})
        notebook.screenshot(f"strip-{width}")


def test_a_click_on_the_photo_lists_the_units_that_see_it(notebook):
    photo = notebook.picture("photo")
    box = photo.bounding_box()
    notebook.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    listed = notebook.page.locator(".cnnvis-explorer select[size] option, .cnnvis-explorer select[multiple] option")
    expect(listed.first).to_be_visible()
    expect(listed).to_have_count(8)
    notebook.screenshot("units-here")
    listed.locator("..").first.select_option(index=2)
    notebook.await_python("explorer.state.unit is not None")
    chosen = notebook.python("[list(each.unit) for each in explorer._image_pane.units.found][2]")
    assert notebook.python("list(explorer.state.unit)") == chosen
    notebook.screenshot("unit-chosen")
