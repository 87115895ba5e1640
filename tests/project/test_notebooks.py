"""Every notebook runs from its first cell to its last, and is stored without outputs."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from benchmarks.measurements import read
from benchmarks.teaching.notebooks import FILE, PAGE, document, notebooks
from cnnvis_widgets import ExerciseSheet

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.rglob("*.ipynb"))
HASTY = {"DREAM_SIDE": "64", "DREAM_STEPS": "4", "TRAIN_EPOCHS": "3"}
"""What a notebook with settings is given here, so that the tests do not take minutes."""
QUICK = {"01_quickstart.ipynb", "08_tensorboard.ipynb", "explorer_app.ipynb"}
"""The first that people open, and the cheapest; `make test-slow` executes all others, too."""


def name(path):
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def code(path):
    """The code of a notebook, line by line."""
    cells = nbformat.read(path, as_version=4).cells
    return [line for cell in cells if cell.cell_type == "code" for line in cell.source.splitlines()]


def test_there_are_notebooks():
    numbered = [path.name[:2] for path in sorted(FOLDER.glob("*.ipynb")) if path.name[0].isdigit()]
    assert numbered == [f"{number:02}" for number in range(1, 14)]


SHEETS = sorted(FOLDER.glob("exercises/sheets/*.py"))


def test_there_are_exercises_enough():
    keys = [key for path in SHEETS for key in ExerciseSheet.load(path).keys]
    assert len(keys) == len(set(keys)) >= 24


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.stem)
def test_exercises_are_asked_in_a_notebook_whose_question_and_score_cells_are_locked(path):
    sheet = ExerciseSheet.load(path)
    [notebook] = FOLDER.glob(f"exercises/*_{path.stem}.ipynb")
    cells = [cell for cell in nbformat.read(notebook, 4).cells if "nbgrader" in cell.metadata]
    assert all(cell.metadata.nbgrader.locked for cell in cells)
    questions = [cell.source for cell in cells if not cell.metadata.nbgrader.grade]
    assert [source.split('"')[1] for source in questions] == sheet.keys
    graded = [cell.metadata.nbgrader.grade_id for cell in cells if cell.metadata.nbgrader.grade]
    assert graded == sheet.keys
    text = notebook.read_text()
    assert "answer=" not in text
    assert "solution=" not in text


def test_the_pages_on_the_web_show_no_marking_guide():
    cells = nbformat.read(FOLDER / "exercises" / "for_teachers.ipynb", 4).cells
    showing = [cell for cell in cells if ".guide()" in cell.source]
    assert showing
    assert all("remove-output" in cell.metadata.tags for cell in showing)


@pytest.mark.parametrize("path", SHEETS, ids=lambda path: path.stem)
def test_every_question_has_an_answer_a_solution_and_a_guide(path):
    sheet = ExerciseSheet.load(path)
    students = ("", "ada", "bob", "eve") if path.stem in ("maps_and_pools", "by_hand") else ("", "ada")
    for key in sheet.keys:
        drawn = [sheet.of(key, student) for student in students]
        for question in drawn:
            answer = question.words.removesuffix(question.unit)
            assert question.accepts(answer), (key, answer)
            assert question.unreadable(answer) == ""
            assert not question.accepts("98765")
            assert len(question.hints) == 2
            assert question.solution
            assert question.guide
        if key != "temperature":
            assert len({(question.prompt, question.picture) for question in drawn}) > 1, f"{key} has no variants"


def test_the_page_of_times_is_that_of_the_figures():
    rows = read(FILE)
    assert PAGE.read_text("utf-8") == document(rows)
    assert {row.work for row in rows} <= set(notebooks())


@pytest.mark.parametrize("path", sorted(FOLDER.glob("[0-9]*.ipynb")), ids=name)
def test_a_notebook_tells_its_goal_and_what_not_to_conclude(path):
    cells = nbformat.read(path, as_version=4).cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    for sign in ("**Goal.**", "**Time**", "**You need**"):
        assert sign in texts[0].replace("\n", " "), sign
    whole = "\n".join(texts)
    for sign in ("**Predict", "**What you see.**", "**Do not conclude**", "## Summary", "**Further reading.**"):
        assert sign in whole, sign
    assert not any(line.lstrip().startswith("assert ") for line in code(path))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("[0-9]*.ipynb")), ids=name)
def test_what_tensorflow_notes_at_its_start_is_folded_away(path):
    first = next(cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
    assert first.metadata.jupyter.outputs_hidden
    assert "import" in first.source
    assert "sheet(" not in first.source  # nothing to look at is folded away with it


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
    # the questions of the exercises are computed in a test above, so that the notebooks around them may be slow
    [pytest.param(path, marks=() if path.name in QUICK else pytest.mark.slow) for path in NOTEBOOKS],
    ids=name,
)
def test_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for setting, value in HASTY.items():
        monkeypatch.setenv(setting, value)
    if path.parent.name == "exercises":
        shutil.copytree(path.parent / "sheets", tmp_path / "sheets")
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}})
    began = time.monotonic()
    client.execute()
    print(f"{name(path)}: {time.monotonic() - began:.0f} s")
    text = str(notebook.cells)
    assert any(sign in text for sign in ("application/vnd.jupyter.widget-view+json", "image/png", "assert "))
    if name(path) == "01_quickstart":
        assert "Nearest names: " in text
