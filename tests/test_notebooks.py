"""Every notebook runs from its first cell to its last, and is stored without outputs."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))


def name(path):
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def test_there_are_notebooks():
    assert "01_quickstart" in map(name, NOTEBOOKS)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("exercises/*.ipynb")), ids=name)
def test_exercises_have_worked_solutions(path):
    solutions = nbformat.read(path.parent / "solutions" / path.name, as_version=4)
    keys = [
        [line for cell in each.cells if cell.cell_type == "code" for line in cell.source.splitlines() if "key=" in line]
        for each in (nbformat.read(path, as_version=4), solutions)
    ]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 4


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_stored_without_outputs(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


# nbclient leaves closing its sockets to the garbage collector
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "path",
    # the quickstart is driven in a browser, too, so that here it may be slow
    [pytest.param(path, marks=pytest.mark.slow if name(path) == "01_quickstart" else ()) for path in NOTEBOOKS],
    ids=name,
)
def test_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    began = time.monotonic()
    client.execute()
    print(f"{name(path)}: {time.monotonic() - began:.0f} s")
    text = str(notebook.cells)
    assert "application/vnd.jupyter.widget-view+json" in text or "assert " in text
    if name(path) == "01_quickstart":
        assert "Nearest names: " in text
