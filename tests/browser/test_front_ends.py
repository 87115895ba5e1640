"""The explorer in Notebook 7 and Voila, and what a page must be: usable by keyboard, dark, and narrow."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LUMINANCE = """(element) => getComputedStyle(element).color.match(/[\\d.]+/g).slice(0, 3)
  .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index] / 255, 0)"""


@pytest.fixture
def cells(lab):
    """How many cells there are; the test must leave them all."""
    count = lab.page.locator(".jp-Cell").count()
    assert count == 2
    yield count
    assert lab.page.locator(".jp-Cell").count() == count


def test_keys_typed_in_the_explorer_do_not_reach_the_notebook(lab, cells):
    page = lab.page
    for control in (page.get_by_role("button", name="Save PNG now"), page.get_by_label("Write PNG files")):
        control.focus()
        page.keyboard.type("xddxb")
    lab.picture("montage").focus()
    page.keyboard.type("xddxb")
    # one that was added after the explorer was shown
    lab.choose("Deep dream")
    page.get_by_role("button", name="Start dreaming").focus()
    page.keyboard.type("xddxb")
    lab.choose("Activations")


def test_arrow_keys_walk_through_the_maps(lab, cells):
    picture = lab.picture("large")
    lab.picture("montage").focus()
    for key, channel in (("Home", 0), ("ArrowRight", 1), ("ArrowDown", 7), ("End", 31)):
        lab.page.keyboard.press(key)
        expect(picture).to_have_attribute("aria-label", re.compile(f"Feature map {channel} of stem_relu"))
    assert lab.python("explorer.state.channel") == 31


def test_arrow_keys_change_a_menu(lab, cells):
    menu = lab.page.get_by_label("Image", exact=True)
    menu.focus()
    before = lab.pixels("photo")
    lab.page.keyboard.press("ArrowDown")
    lab.await_other("photo", before)
    assert lab.python("explorer.state.image") == 1


def test_a_click_selects_a_map(lab):
    montage = lab.picture("montage")
    box = montage.bounding_box()
    before = lab.pixels("large")
    montage.click(position={"x": box["width"] * 0.25, "y": box["height"] * 0.08})  # the second of the first row
    lab.await_other("large", before)
    assert lab.python("explorer.state.channel") == 1


def test_a_python_cell_drives_the_page(lab):
    before = lab.pixels("montage")
    lab.python("setattr(explorer.state, 'layer', 'block1_expand_relu')")
    lab.await_other("montage", before)
    expect(lab.page.get_by_label("Layer", exact=True)).to_have_value(re.compile("block1_expand_relu"))


@pytest.mark.parametrize("method", ["Activations", "Deconvolution", "Deep dream"])
def test_nothing_is_cut_off_on_a_narrow_page(lab, method):
    lab.page.set_viewport_size({"width": 800, "height": 1000})
    try:
        lab.choose(method)
        widths = lab.page.locator(".cnnvis-explorer").evaluate("(e) => [e.scrollWidth, e.clientWidth]")
        assert widths[0] <= widths[1]
        lab.screenshot(f"narrow-{method.lower().replace(' ', '-')}")
    finally:
        lab.page.set_viewport_size({"width": 1440, "height": 1000})


def test_dark_theme(lab):
    lab.command("apputils:change-theme", theme="JupyterLab Dark")
    lab.page.wait_for_function("() => document.body.dataset.jpThemeLight === 'false'")
    try:
        lab.choose("Activations")
        for text in (".cnnvis-caption", ".cnnvis-note"):
            assert lab.page.locator(f".cnnvis-explorer {text}").first.evaluate(LUMINANCE) > 0.4
        lab.screenshot("dark")
    finally:
        lab.command("apputils:change-theme", theme="JupyterLab Light")


@pytest.mark.parametrize("where", ["notebook", "voila"])
def test_other_front_ends(open_notebook, where):
    notebook = open_notebook(where, "short.ipynb")
    expect(notebook.status()).to_have_text(re.compile("Done"))
    before = notebook.pixels("montage")
    notebook.page.get_by_label("Layers", exact=True).select_option("pooling (1)")
    notebook.await_other("montage", before)
    notebook.choose("Deep dream")
    notebook.page.get_by_role("button", name="Start dreaming").click()
    expect(notebook.picture("dream")).to_have_attribute("aria-label", re.compile("Deep dream of .* step"))
    notebook.page.get_by_role("button", name="Stop", exact=True).click()
    expect(notebook.status()).to_have_text(re.compile("Stopped|Done"))
    notebook.screenshot(where)
