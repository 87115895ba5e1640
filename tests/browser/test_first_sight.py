"""What a person sees first, and what the page does by itself: title, images, help, menu, folds, widths."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from servers import VIEWPORT

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    opened = open_notebook("lab", "first.ipynb")
    opened.await_cells()
    opened.rest()
    opened.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")
    return opened


def test_the_first_line_says_what_network_this_is(notebook):
    page = notebook.page
    expect(page.get_by_role("heading", name="EfficientNet-Lite0")).to_be_visible()
    expect(page.locator(".cnnvis-facts")).to_have_text("input 224 × 224 × 3 · 143 layers · 1000 classes")
    names = notebook.python("list(explorer.state.images)")
    images = page.get_by_role("listbox", name="Image", exact=True).get_by_role("option")
    assert [image.get_attribute("aria-label") for image in images.all()] == names
    assert all("url" in image.evaluate("(it) => it.style.backgroundImage") for image in images.all())


def test_it_opens_on_a_layer_whose_maps_are_pictures(notebook):
    height, width, channels = notebook.python("explorer.result.values.shape[1:]")
    assert min(height, width) >= 12
    assert channels <= 256
    order = notebook.python("explorer.result.values.max(axis=(0, 1, 2)).tolist()")
    first = notebook.python("explorer._view.context.gallery._grid.channels[:8]")
    assert [order[channel] for channel in first] == sorted(order, reverse=True)[:8], "strongest first"


def test_a_sentence_says_what_the_view_shows(notebook):
    sentence = notebook.page.locator(".cnnvis-sentence .cnnvis-note")
    expect(sentence).to_contain_text("feature maps, strongest first. Brighter: the channel fires more there.")
    notebook.page.get_by_label("Sort").select_option("by number")
    expect(sentence).to_contain_text("feature maps, by number")
    notebook.page.get_by_label("Sort").select_option("by strength")
    notebook.show("Attribution")
    expect(sentence).to_contain_text("Which parts of the image speak for")
    notebook.python("setattr(explorer.state, 'target', 281)")
    notebook.show("Deep dream")
    expect(sentence).to_contain_text("until the network says tabby cat")
    notebook.show("Activations")


def test_the_help_walks_through_the_page_in_five_steps(notebook):
    page = notebook.page
    page.get_by_role("button", name="Help", exact=True).click()
    box = page.get_by_role("dialog", name="Help")
    seen = []
    for step in range(1, 6):
        expect(box).to_contain_text(f"{step} of 5")
        seen.append(box.locator("b").inner_text())
        framed = page.locator(".cnnvis-toured")
        expect(framed).to_have_count(1)
        expect(framed).to_be_in_viewport()
        box.get_by_role("button", name="Next" if step < 5 else "Done").click()
    expect(box).to_have_count(0)
    assert len(set(seen)) == 5
    assert page.evaluate("() => document.activeElement.ariaLabel") == "Help", "the focus goes back"
    page.keyboard.press("Enter")
    expect(box).to_be_visible()
    page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    expect(page.locator(".cnnvis-toured")).to_have_count(0)


def test_the_menu_closes_as_menus_do(notebook):
    page = notebook.page
    save = page.get_by_role("button", name="Save PNG now")
    expect(save).to_be_hidden()
    notebook.open_menu()
    expect(save).to_be_visible()
    save.focus()
    page.keyboard.press("Escape")
    expect(save).to_be_hidden()
    assert page.evaluate("() => document.activeElement.ariaLabel") == "Save and copy"
    notebook.open_menu()
    page.locator(".cnnvis-facts").click()
    expect(save).to_be_hidden()
    notebook.open_menu()
    page.get_by_label("Write PNG files").check()
    notebook.await_python("explorer.state.save_png")
    page.get_by_label("Write PNG files").uncheck()
    notebook.await_python("not explorer.state.save_png")
    page.keyboard.press("Escape")


def test_what_few_people_need_is_folded(notebook):
    page = notebook.page
    gamma = page.get_by_role("slider", name="Gamma")
    expect(gamma).to_be_hidden()
    notebook.unfold_options()
    expect(gamma).to_be_visible()
    before = notebook.pixels("montage")
    page.get_by_label("Colours", exact=True).select_option("viridis (from blue)")
    notebook.await_python("explorer.state.colours == 'viridis'")
    notebook.await_other("montage", before)
    page.get_by_label("Colours", exact=True).select_option("magma (from black)")
    notebook.await_python("explorer.state.colours == 'magma'")
    page.get_by_role("button", name="More options").click()
    expect(gamma).to_be_hidden()


def test_between_tiles_the_page_is_seen(notebook):
    left, top, width, height = notebook.python("explorer._view.context.gallery._grid.box(explorer.state.channel)")
    alpha = "(it, [x, y]) => it.getContext('2d').getImageData(x, y, 1, 1).data[3]"
    montage = notebook.picture("montage")
    assert montage.evaluate(alpha, [left + width // 2, top + height // 2]) == 255
    gap = left + width if left == 0 else left - 1
    assert montage.evaluate(alpha, [gap, top + height // 2]) == 0


@pytest.mark.parametrize(("width", "highest"), [(800, 1800), (1400, 1250), (2560, 1500)])
def test_it_fits_the_page(notebook, width, highest):
    """Nothing is cut off, a wide screen is used, and with the card of a channel 800 pixels need no third screen."""
    page = notebook.page
    notebook.await_python("explorer.card.facts is not None and explorer.card.facts.complete")
    expect(page.locator(".cnnvis-channel")).to_be_visible()
    page.set_viewport_size({"width": width, "height": 900 if width < 2000 else 1400})
    notebook.await_layout()
    explorer = page.locator(".cnnvis-explorer").first
    box = explorer.bounding_box()
    assert box["width"] > 0.7 * width
    assert box["height"] <= highest
    assert explorer.evaluate("(it) => it.scrollWidth <= it.clientWidth")
    montage = notebook.picture("montage").bounding_box()
    if width > 2000:
        notebook.await_python("explorer._view.context.gallery._grid._grid.columns > 17")
        assert montage["width"] > 0.4 * width
    page.set_viewport_size(VIEWPORT)
    notebook.await_python("explorer._view.context.gallery._grid._grid.columns < 18")


def test_every_layer_of_a_small_network_has_a_box(open_notebook):
    notebook = open_notebook("lab", "digits.ipynb")
    notebook.await_cells()
    notebook.rest()
    layers = notebook.python("[layer.name for layer in explorer.network.layers]")
    boxes = notebook.page.locator(".cnnvis-strip-box")
    expect(boxes).to_have_count(len(layers))
    notebook.await_layout()
    strip = notebook.page.locator(".cnnvis-strip").bounding_box()
    lefts = [box.bounding_box()["x"] for box in boxes.all()]
    assert lefts == sorted(lefts), "one row"
    assert lefts[-1] > strip["x"] + 0.85 * strip["width"], "which fills the width"
    expect(notebook.page.locator(".cnnvis-strip-label")).to_have_text(["image", *[re.compile(".+") for _ in layers]])
    boxes.nth(len(layers) - 1).click()
    notebook.await_python(f"explorer.state.layer == {layers[-1]!r}")
    notebook.rest()
    notebook.screenshot("strip-few")
    assert notebook.faults() == []
