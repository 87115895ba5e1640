"""Marks by nbgrader's own autograder, from the score cells that the exercises have."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest

from cnnvis_widgets import ExerciseSheet

pytestmark = pytest.mark.slow

EXERCISES = Path(__file__).parents[2] / "notebooks" / "exercises"
QUESTION = """from cnnvis_widgets import ExerciseSheet
sheet = ExerciseSheet.load("by_hand.json")
sheet.exercise("stride")"""
STUDENTS = ["ada", "bob", "eve", "fay"]
MARKS = """from nbgrader.api import Gradebook
with Gradebook("sqlite:///gradebook.db") as book:
    for each in book.assignment_submissions("ps1"):
        print(each.student.id, each.score, each.max_score)"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """A Python with nbgrader beside everything that this one has; $NBGRADER_VENV keeps or names its environment.

    Apart, since nbgrader adds extensions to every Jupyter server of its environment.
    """
    venv = Path(os.environ.get("NBGRADER_VENV", tmp_path_factory.mktemp("nbgrader") / "venv"))
    found = venv / "bin" / "python"
    if not found.exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([found, "-m", "pip", "install", "--quiet", "nbgrader>=0.9"], check=True)
    return found


def test_marks(python, tmp_path):
    """Right, wrong, edited and forgotten answers; question and score cells that a student changed are restored."""
    cells = nbformat.read(EXERCISES / "2_by_hand.ipynb", 4).cells
    locked = [cell for cell in cells if "nbgrader" in cell.metadata and "stride" in cell.source]
    question, score = (nbformat.v4.new_code_cell(cell.source, metadata=cell.metadata) for cell in locked)
    question.source = QUESTION
    notebook = nbformat.v4.new_notebook(cells=[question, score])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    sheet = ExerciseSheet.load(EXERCISES / "sheets" / "by_hand.py")
    own = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(EXERCISES.parents[1]), sysconfig.get_paths()["purelib"]]),
        "PATH": os.pathsep.join([str(python.parent), os.environ["PATH"]]),  # it calls alembic by name
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "CNNVIS_ANSWERS": str(EXERCISES / "sheets"),
    }

    def call(*arguments):
        done = subprocess.run([python, *arguments], cwd=tmp_path, env=own, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    (tmp_path / "source" / "ps1").mkdir(parents=True)
    nbformat.write(notebook, tmp_path / "source" / "ps1" / "stride.ipynb")
    for student in STUDENTS:
        folder = tmp_path / "submitted" / student / "ps1"
        [released] = sheet.release(folder, [student])
        shutil.move(released, folder / "by_hand.json")
        released.parent.rmdir()
        changed = copy.deepcopy(notebook)
        if student == "eve":
            changed.cells[0].source = "class sheet:\n    score = lambda key: 1.0"
            changed.cells[1].source = "1.0"
        nbformat.write(changed, folder / "stride.ipynb")
        if student != "fay":
            right = str(sheet.of("stride", student).answer)
            asked = ExerciseSheet.load(folder / "by_hand.json", folder=folder / "Answers").exercise("stride")
            asked.predict("1")
            asked.answer(right if student == "ada" else "1")
    call("-m", "nbgrader", "generate_assignment", "ps1", "--create")
    call("-m", "nbgrader", "autograde", "ps1", "--create")
    expected = {"ada": 1.0, "bob": 0.0, "eve": 0.0, "fay": 0.0}
    assert call("-c", MARKS).splitlines() == [f"{student} {points} 1.0" for student, points in expected.items()]
    marks = sheet.mark(tmp_path / "submitted", students=STUDENTS)
    assert {each.student: each.points for each in marks if each.key == "stride"} == expected
    assert next(each for each in marks if each.student == "fay" and each.key == "stride").note == "no file"
