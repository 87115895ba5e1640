"""What a reader of the quickstart does first, in JupyterLab. It is quick, and so runs with every `make test`."""

from __future__ import annotations

import re

import nbformat
import pytest
from playwright.sync_api import expect
from servers import ROOT, write_notebook

pytestmark = pytest.mark.browser


def first_cells():
    """The code of the quickstart up to the cell that shows the explorer."""
    notebook = nbformat.read(ROOT / "notebooks" / "01_quickstart.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    end = next(place for place, source in enumerate(cells) if "ModelExplorer()" in source)
    return cells[: end + 1]


def test_maps_projections_and_a_dream(open_notebook, folder):
    write_notebook(folder / "first_cells.ipynb", first_cells())
    older = set((folder / "Log").glob("events*"))  # of notebooks that ran before in this folder
    notebook = open_notebook("lab", "first_cells.ipynb")
    page = notebook.page
    notebook.await_cells()
    notebook.rest()

    notebook.python("setattr(explorer.state, 'layer', 'block4_expand_relu')")
    notebook.rest()
    assert notebook.python("explorer.result.values.shape") == [1, 28, 28, 240]
    channel = notebook.python("int(explorer.result.strengths[0].argsort()[-3])")
    page.mouse.click(*notebook.at("montage", *notebook.tile(channel)))
    assert notebook.await_python(f"explorer.state.channel == {channel}")
    expect(notebook.picture("large")).to_have_attribute("aria-label", re.compile(f"Feature map {channel} of"))

    notebook.show("Deconvolution")
    assert notebook.python("explorer.result.images.shape[2:]") == [224, 224, 3]
    assert notebook.python("bool(abs(explorer.result.images).max(axis=(2, 3, 4)).any())")

    notebook.show("Deep dream")
    page.get_by_label("Find class").fill("goldfish")
    page.get_by_label("Class", exact=True).select_option(label="1 · goldfish")
    assert notebook.await_python("explorer.state.target == 1")
    page.get_by_role("button", name="Start dreaming").click()
    notebook.await_python("getattr(explorer.result, 'index', -1) >= 3")
    page.get_by_role("button", name="Stop", exact=True).click()
    notebook.await_python("not explorer.state.running")
    assert notebook.python("[explorer.state.status, explorer.result.names[0]]") == ["Stopped", "goldfish"]

    assert notebook.python("[explorer.state.error, explorer.state.log_note]") == ["", ""]
    assert notebook.python("str(explorer._runner._files._events.logdir)") == "Log"
    assert len(set((folder / "Log").glob("events*")) - older) == 1
    assert notebook.faults() == []
