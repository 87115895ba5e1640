"""Names that are HTML stay text: of classes, images and layers, in JupyterLab's page and in TensorBoard's."""

from __future__ import annotations

import re
import sys

import numpy as np
import pytest
from playwright.sync_api import expect
from servers import PATIENCE_MS, Notebook, _free_port, _serve, write_notebook

from cnnvis_widgets.outputs.pictures import of_layer
from cnnvis_widgets.outputs.tensorboard import EventWriter
from cnnvis_widgets.results import FeatureMaps, Layer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HTML = "<img src=x onerror='window.pwned=1'><script>window.pwned=2</script>"
CELL = f"""
from cnnvis_widgets import ModelExplorer, demo
html = {HTML!r}
names = [f"{{number}} {{html}}" for number in range(10)]
explorer = ModelExplorer(demo.small_cnn(), demo.digits().test_images[:2], class_names=names, logdir=None)
explorer.add_image(demo.digits().test_images[3], html)
explorer
"""


def require_harmless(page) -> None:
    """Nothing of the names became an element or ran."""
    assert page.evaluate("window.pwned") is None
    assert page.locator("img[src=x]").count() == 0


def test_names_in_jupyterlab(jupyter, browser, folder):
    write_notebook(folder / "injected.ipynb", [CELL])
    notebook = Notebook(browser.new_page(), jupyter, "lab", "injected.ipynb")
    notebook.await_cells()
    notebook.rest()
    for method in ("deconvolution", "occlusion", "attribution", "intervention", "comparison", "method_wall"):
        notebook.python(f"setattr(explorer.state, 'method', {method!r})")
        notebook.rest()
        require_harmless(notebook.page)
    notebook.python("setattr(explorer.state, 'error', html)")
    expect(notebook.page.get_by_text("window.pwned=2").first).to_be_attached()  # it is shown, as text
    require_harmless(notebook.page)
    notebook.close()


def test_names_in_tensorboard(browser, tmp_path):
    layer = Layer(HTML, "relu", "r", (None, 8, 8, 2), 3)
    values = np.random.default_rng(0).random((1, 8, 8, 2)).astype(np.float32)
    with EventWriter(tmp_path / "Log" / HTML.replace("/", "_")) as log:
        log.add(of_layer(FeatureMaps(layer, values)))
    port = _free_port()
    command = ["tensorboard.main", f"--logdir={tmp_path / 'Log'}", f"--port={port}", "--host=127.0.0.1"]
    with _serve(command, f"http://127.0.0.1:{port}", "/data/runs", tmp_path, [sys.executable]) as base:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(f"{base}/?darkMode=false#images", wait_until="domcontentloaded")
        page.wait_for_function("() => document.body.innerText.includes('window.pwned')")
        expect(page.get_by_text(re.compile("window.pwned")).first).to_be_attached()
        require_harmless(page)
        page.close()
