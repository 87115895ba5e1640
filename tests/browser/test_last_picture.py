"""Never a dead cell: the saved notebook has the last picture, and a page without a kernel says so, in JupyterLab."""

from __future__ import annotations

import json
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from servers import ARTIFACTS, PATIENCE_MS, VIEWPORT, write_notebook

pytestmark = pytest.mark.browser

CELL = """from cnnvis_widgets import ModelExplorer, demo
explorer = ModelExplorer(demo.small_cnn(), demo.digits().test_images[:2], class_names=list("0123456789"))
explorer"""
STILL = ".jp-OutputArea-output img[src*=AAAAFHRFWHRjbm52aXNfd2lkZ2V0cwBzdGls]"
GONE = "The kernel was restarted or stopped"
RESTART = """async () => {
  const session = window.jupyterapp.shell.currentWidget.sessionContext.session;
  await session.kernel.restart();
}"""


def saved(notebook, path):
    """The picture in the notebook as it is saved now."""
    notebook.command("docmanager:save")
    outputs = json.loads(path.read_text())["cells"][0]["outputs"]
    widget, picture = (output["data"] for output in outputs)
    assert "application/vnd.jupyter.widget-view+json" in widget
    image = Image.open(BytesIO(b64decode("".join(picture["image/png"]))))
    assert image.width == 1200
    return np.asarray(image.convert("RGB"))


def test_the_picture_is_saved_and_a_dead_kernel_is_told(open_notebook, folder, browser):
    write_notebook(folder / "still.ipynb", [CELL])
    notebook = open_notebook("lab", "still.ipynb")
    page = notebook.page
    notebook.await_cells()
    notebook.rest()
    expect(page.locator(STILL)).to_have_count(1)
    expect(page.locator(STILL)).to_be_hidden()
    before = saved(notebook, folder / "still.ipynb")

    # what the user does is in the saved notebook a moment later
    layer = notebook.python("next(l.name for l in explorer.network.layers if 'conv2' in l.name)")
    notebook.python(f"setattr(explorer.state, 'layer', {layer!r})")
    notebook.rest()
    src = page.locator(STILL).get_attribute("src")
    notebook.python("setattr(explorer.state, 'channel', 3)")
    page.wait_for_function("([it, src]) => document.querySelector(it).src !== src", arg=[STILL, src])
    after = saved(notebook, folder / "still.ipynb")
    assert before.shape != after.shape or (before != after).any()
    assert notebook.python("explorer.state.channel") == 3

    # a restarted kernel: the pictures stay, the controls are out of reach
    canvas = notebook.picture("montage")
    drawn = canvas.evaluate("(it) => it.toDataURL()")
    page.evaluate(RESTART)
    note = page.locator(".cnnvis-kernel-notice")
    expect(note).to_be_visible()
    expect(note).to_contain_text(GONE)
    assert notebook.python("'explorer' in globals()") is False
    assert canvas.evaluate("(it) => it.toDataURL()") == drawn
    assert page.locator(".cnnvis-explorer > :not([inert])").count() == 1  # the note
    button = page.locator(".cnnvis-explorer button").first
    assert button.evaluate("(it) => { it.focus(); return document.activeElement === it }") is False
    notebook.screenshot("kernel_gone")

    # opened again without being run: the picture is there
    again = browser.new_page(viewport=VIEWPORT)
    again.set_default_timeout(PATIENCE_MS)
    again.goto(f"{notebook._base}/lab/tree/still.ipynb?reset", wait_until="domcontentloaded")
    expect(again.locator(STILL)).to_be_visible()
    assert again.locator(STILL).evaluate("(it) => it.naturalWidth") == 1200
    again.screenshot(path=ARTIFACTS / "opened_without_a_kernel.png")
    again.close()

    # run again: alive
    notebook.command("notebook:run-all-cells")
    expect(note.last).to_be_hidden()
    notebook.await_python("'explorer' in globals() and not explorer.state.running")
    expect(page.locator(STILL)).to_be_hidden()


@pytest.mark.slow
@pytest.mark.parametrize("where", ["notebook", "voila"])
def test_other_front_ends_hide_it_beside_a_living_explorer(open_notebook, folder, where):
    write_notebook(folder / "still.ipynb", [CELL])
    page = open_notebook(where, "still.ipynb").page
    expect(page.locator(STILL)).to_have_count(1)
    expect(page.locator(STILL)).to_be_hidden()
    expect(page.locator(".cnnvis-kernel-notice")).to_be_hidden()
