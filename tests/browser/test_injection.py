"""Names from strangers are text, in JupyterLab and in TensorBoard: a class, an image, a file, a channel called HTML."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import expect
from servers import PATIENCE_MS, VIEWPORT, tensorboard_server, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EVIL = "<img src=x onerror=window.hit=1>"
SCRIPT = "</script><script>window.hit=1</script>"
CELL = f"""
import os
import numpy as np
from PIL import Image
from cnnvis_widgets import ModelExplorer, demo
evil, script = {EVIL!r}, {SCRIPT!r}
image = f"{{evil}}.png"
Image.fromarray(demo.digits().test_images[0, :, :, 0].astype(np.uint8)).save(image)
demo.small_cnn().save(f"{{evil}}.keras")
names = [evil, script, *(f"{{evil}} {{number}}" for number in range(8))]
explorer = ModelExplorer(f"{{evil}}.keras", [image, image], class_names=names, logdir="Evil", outdir=f"{{evil}} out")
explorer.state.name_channel(explorer.state.layer, 0, evil)
explorer
"""
HIT = "() => [window.hit, document.querySelectorAll('img[src=x], iframe[src^=javascript]').length]"


@pytest.fixture(scope="module")
def notebook(open_notebook, folder):
    write_notebook(folder / "evil.ipynb", [CELL])
    opened = open_notebook("lab", "evil.ipynb")
    opened.await_cells()
    opened.rest()
    return opened


def untouched(page):
    assert page.evaluate(HIT) == [None, 0]


def test_jupyterlab_shows_them_as_text(notebook):
    page = notebook.page
    untouched(page)
    for title in notebook.python("[view.title for view in explorer.views.values() if not view.unavailable()]"):
        notebook.show(title)
        untouched(page)
    notebook.python("explorer.start()")
    notebook.rest()
    notebook.python("[explorer.save_png(), explorer.log_to_tensorboard(), explorer.wait(60)] and None")
    notebook.python("setattr(explorer.state, 'error', evil + script)")
    expect(page.locator(".cnnvis-explorer")).to_contain_text(EVIL + SCRIPT)
    untouched(page)
    assert EVIL in page.locator(".cnnvis-explorer").inner_text().replace("\n", "")


def test_tensorboard_shows_them_as_text(notebook, browser, folder, tmp_path):
    logs = folder / "Evil"
    assert any(logs.rglob("events*"))
    shutil.copytree(logs, tmp_path / "logs" / EVIL)  # the run is called that, too
    with tensorboard_server(tmp_path / "logs", tmp_path) as base:
        page = browser.new_page(viewport=VIEWPORT)
        page.set_default_timeout(PATIENCE_MS)
        for plugin, shows in (("images", "img"), ("timeseries", "mat-icon, svg"), ("text", "body")):
            page.goto(f"{base}/#{plugin}", wait_until="domcontentloaded")
            page.reload()
            page.wait_for_selector(shows, state="attached")
            page.wait_for_timeout(3000)
            assert page.evaluate("() => window.hit") is None
        assert EVIL in page.evaluate("() => fetch('data/runs').then((answer) => answer.json())")[0]
        page.close()
