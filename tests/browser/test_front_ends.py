"""The explorer in Notebook 7 and Voila, and what a page must be: usable by keyboard, dark, and narrow."""

from __future__ import annotations

import json
import re

import pytest
from PIL import Image
from playwright.sync_api import expect
from servers import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LAYER = "block3_expand_relu/Relu6"
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
    lab.open_menu()
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


def test_arrow_keys_change_the_image(lab, cells):
    lab.page.get_by_role("listbox", name="Image", exact=True).focus()
    before = lab.pixels("photo")
    lab.page.keyboard.press("ArrowRight")
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


WATCHED = """from cnnvis_widgets import ModelExplorer
explorer = ModelExplorer(outdir="Output-NAME")
explorer.state.order = "number"
explorer.state.observe(lambda change: explorer.save_state("chosen-NAME.json"), ["layer", "channel", "method", "target"])
explorer"""


def await_file(notebook, path, **wanted):
    """Wait until the state that the kernel wrote is as wanted: Voila lets nobody ask its kernels."""
    for _ in range(300):
        if path.exists():
            chosen = json.loads(path.read_text())["choices"]
            if wanted.items() <= chosen.items():
                return
        notebook.page.wait_for_timeout(100)
    raise AssertionError(f"Never chosen: {wanted}")


@pytest.mark.parametrize("where", ["notebook", "voila"])
def test_the_main_path_in_other_front_ends(open_notebook, folder, where):
    write_notebook(folder / f"watched-{where}.ipynb", [WATCHED.replace("NAME", where)])
    notebook = open_notebook(where, f"watched-{where}.ipynb")
    page, chosen = notebook.page, folder / f"chosen-{where}.json"
    expect(notebook.status()).to_have_text(re.compile("Done"))
    before = notebook.pixels("montage")
    shown = page.locator(f".cnnvis-strip-box[data-opens~='{LAYER}']")
    if shown.count():  # its block is folded
        shown.click()
    page.locator(f".cnnvis-strip-box[data-layer='{LAYER}']").click()
    notebook.await_other("montage", before)
    await_file(notebook, chosen, layer=LAYER, method="activations")
    expect(notebook.picture("montage")).to_have_attribute("aria-label", re.compile(f"Feature maps of {LAYER}"))
    notebook.picture("montage").focus()
    page.keyboard.press("End")
    await_file(notebook, chosen, channel=143)
    expect(notebook.picture("large")).to_have_attribute("aria-label", re.compile(f"Feature map 143 of {LAYER}"))
    notebook.choose("Deconvolution")
    await_file(notebook, chosen, method="deconvolution")
    expect(page.locator(".cnnvis-explorer .cnnvis-badge", has_text="guided").first).to_contain_text(f"seed {LAYER}[")
    notebook.screenshot(f"{where}-deconvolution")
    notebook.choose("Deep dream")
    page.get_by_label("Find class").fill("tabby")
    expect(page.get_by_label("Class", exact=True).locator("option")).to_have_count(1)
    page.get_by_label("Class", exact=True).select_option("281 · tabby cat")
    await_file(notebook, chosen, method="deep dream", target=281)
    page.get_by_role("button", name="Start dreaming").click()
    expect(notebook.picture("dream")).to_have_attribute("aria-label", re.compile("Deep dream of .* step"))
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(notebook.status()).to_have_text(re.compile("Stopped|Done"))
    notebook.screenshot(where)
    notebook.open_menu()
    page.get_by_role("button", name="Save PNG now").click()
    expect(page.locator(".cnnvis-explorer")).to_contain_text("image_281.png")
    (path,) = (folder / f"Output-{where}").glob("deepdream_*/image_281.png")
    with Image.open(path) as picture:
        assert picture.text["Channel"] == "281 tabby cat"
    assert [error for error in notebook.errors if re.search("cnnvis|anywidget|bqplot", error)] == []
