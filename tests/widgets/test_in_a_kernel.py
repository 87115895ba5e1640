"""The explorer in a real IPython kernel: what a cell shows of an error, and what happens when it is run again."""

from __future__ import annotations

import re
from base64 import b64decode
from copy import deepcopy
from io import BytesIO
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter
from PIL import Image

from cnnvis_widgets.outputs.still import KEY, VALUE
from cnnvis_widgets.widgets.last_picture import WORDS

IMPORTS = """
import numpy as np, keras
from cnnvis_widgets import ModelExplorer, demo
model = demo.small_cnn()
"""
OPENS = "explorer = ModelExplorer(model)\nexplorer"
ERRORS = {
    "ModelExplorer(42)": "ModelFormError: Expected a Keras model",
    "ModelExplorer('no/such/model.keras')": "ModelError: ",
    "ModelExplorer(model, 'no_such_image.png')": "ImageError: ",
    "ModelExplorer(model, np.zeros((5, 5, 1)))": "FeedError: Expected ",
    "ModelExplorer(model, class_names=['one', 'two'])": "Expected ",
    "ModelExplorer(model, np.full((32, 32, 1), np.nan))": "NumericalError: ",
}
DREAM = "first = explorer\nexplorer.start()\nexplorer.state.paused = True  # so that it does not end"
LINES = 12
"""The most lines that a cell shows of an error: a header, the line of the cell, one frame of ours, and the message.
IPython always shows the last frame."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """``run(code)`` gives the outputs of a cell."""
    notebook = nbformat.v4.new_notebook()
    client = NotebookClient(notebook, timeout=240, resources={"metadata": {"path": tmp_path_factory.mktemp("kernel")}})
    client.allow_errors = True

    def run_(code: str) -> list[Any]:
        notebook.cells.append(nbformat.v4.new_code_cell(code))
        return client.execute_cell(notebook.cells[-1], len(notebook.cells) - 1)["outputs"]

    run_.notebook = notebook
    with client.setup_kernel():
        run_(IMPORTS)
        yield run_


def outputs_of(notebook, code):
    """The outputs of the newest cell with this code, as a saved notebook has them."""
    return next(cell for cell in reversed(notebook.cells) if cell.source == code).outputs


def value(run, expression):
    (output,) = run(f"print({expression})")
    assert output["output_type"] == "stream", output
    return output["text"].strip()


@pytest.mark.parametrize("code", ERRORS)
def test_an_error_of_construction_is_short(run, code):
    outputs = run(code)
    errors = [output for output in outputs if output["output_type"] == "error"]
    assert [output["output_type"] for output in outputs] == ["error"]  # nothing of a half-made widget besides
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(errors[0]["traceback"]))
    assert ERRORS[code] in text
    assert text.count("Traceback") == 1
    assert len(text.splitlines()) <= LINES, text
    assert "site-packages" not in text.split("Error:")[0]
    assert text.count("\nFile ") == 1


def test_a_model_alone_opens(run):
    outputs = run(OPENS)
    assert not [output for output in outputs if output["output_type"] in ("error", "stream")], outputs
    assert value(run, "type(explorer.wait(60)).__name__") == "FeatureMaps"


def test_a_cell_that_is_run_again_stops_the_dream_that_nobody_sees_any_more(run):
    run(OPENS)
    assert run(DREAM) == []
    run("other = ModelExplorer(model)\nother")
    assert value(run, "type(other.wait(60)).__name__, first.state.running") == "FeatureMaps True"
    run(OPENS)
    assert value(run, "type(explorer.wait(60)).__name__") == "FeatureMaps"
    run("import time\nwhile first.state.running: time.sleep(0.05)")
    assert value(run, "first.state.status") == "Stopped: its cell was run again"
    assert value(run, "other.state.status[:4]") == "Done"


def test_a_cell_that_is_run_again_frees_the_explorer_that_no_page_shows(run):
    run(OPENS)
    run("explorer.wait(60)\nearlier = explorer\nearlier._view_count = 2  # two pages show it")
    run(OPENS)
    assert value(run, "earlier.comm is None") == "False"
    run("earlier._view_count = 1")
    assert value(run, "earlier.comm is None") == "False"
    run("earlier._view_count = 0")
    assert value(run, "earlier.comm is None, earlier.image_pane.canvas.comm is None") == "True True"
    run("explorer.wait(60)\nexplorer._view_count = 1\nexplorer._view_count = 0  # out of sight, but not run again")
    assert value(run, "explorer.comm is None") == "False"


def picture_in(outputs):
    widget, picture = outputs
    assert "application/vnd.jupyter.widget-view+json" in widget["data"]
    assert widget["data"]["text/plain"] == WORDS
    image = Image.open(BytesIO(b64decode(picture["data"]["image/png"])))
    assert image.text[KEY] == VALUE
    assert image.width == 1200
    return np.asarray(image.convert("RGB"))


def test_the_saved_cell_has_the_last_picture(run):
    run(OPENS)
    run("explorer.wait(60)")
    first = picture_in(outputs_of(run.notebook, OPENS))
    run("other = 'conv1' if explorer.state.layer.startswith('conv2') else 'conv2'\nexplorer.state.layer = other")
    run("_ = explorer.wait(60)")
    second = picture_in(outputs_of(run.notebook, OPENS))
    assert first.shape != second.shape or (first != second).any()
    saved = deepcopy(run.notebook)
    saved.metadata.pop("widgets", None)
    page, _ = HTMLExporter().from_notebook_node(saved)
    assert page.count(WORDS) >= 1
    assert outputs_of(run.notebook, OPENS)[1]["data"]["image/png"].strip()[:400] in page


def test_the_picture_follows_by_itself(run):
    run(OPENS)
    run("explorer.wait(60)")
    before = picture_in(outputs_of(run.notebook, OPENS))
    run("explorer.state.channel = 1 if explorer.state.channel != 1 else 2")
    run("import time\ntime.sleep(3)")  # messages of a thread reach a notebook that is executed while a cell runs
    after = picture_in(outputs_of(run.notebook, OPENS))
    assert before.shape != after.shape or (before != after).any()
