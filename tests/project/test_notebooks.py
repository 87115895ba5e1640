"""Every notebook runs from its first cell to its last, and is stored without outputs."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))
HASTY = {"DREAM_SIDE": "64", "DREAM_STEPS": "4"}
"""What a notebook with settings is given here, so that the tests do not take minutes."""


def name(path):
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def code(path):
    """The code of a notebook, line by line."""
    cells = nbformat.read(path, as_version=4).cells
    return [line for cell in cells if cell.cell_type == "code" for line in cell.source.splitlines()]


def test_there_are_notebooks():
    numbered = [path.name[:2] for path in sorted(FOLDER.glob("*.ipynb")) if path.name[0].isdigit()]
    assert numbered == [f"{number:02}" for number in range(1, 9)]


def test_there_are_exercises_enough():
    keys = [line.strip() for path in FOLDER.glob("exercises/*.ipynb") for line in code(path) if " key=" in line]
    assert len(keys) == len(set(keys)) >= 12


@pytest.mark.parametrize("path", sorted(FOLDER.glob("exercises/*.ipynb")), ids=name)
def test_exercises_have_worked_solutions(path):
    solutions = path.parent / "solutions" / path.name
    keys = [[line for line in code(each) if " key=" in line] for each in (path, solutions)]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 4
    graded = [cell.metadata.nbgrader.grade_id for cell in nbformat.read(path, 4).cells if "nbgrader" in cell.metadata]
    assert [f'    key="{each}",' for each in graded] == keys[0]


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
    # what an exercise computes its solution computes too, so that the exercises may be slow
    [pytest.param(path, marks=pytest.mark.slow if path.parent.name == "exercises" else ()) for path in NOTEBOOKS],
    ids=name,
)
def test_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for setting, value in HASTY.items():
        monkeypatch.setenv(setting, value)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    began = time.monotonic()
    client.execute()
    print(f"{name(path)}: {time.monotonic() - began:.0f} s")
    text = str(notebook.cells)
    assert any(sign in text for sign in ("application/vnd.jupyter.widget-view+json", "image/png", "assert "))
    if name(path) == "01_quickstart":
        assert "Nearest names: " in text
