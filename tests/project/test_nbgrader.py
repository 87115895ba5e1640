"""Marks by nbgrader's own autograder, from the score cells that the exercises have."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.slow

EXERCISES = Path(__file__).parents[2] / "notebooks" / "exercises"
QUESTION = """from cnnvis_widgets import Exercise
pools = Exercise(None, "How many?", key="pools", answer=2, hints=["Few."])
pools"""
ANSWERS = {"ada": ["2"], "bob": ["3", "2"], "eve": ["7"]}
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
    [score, *_] = (c for c in nbformat.read(EXERCISES / "1_maps_and_pools.ipynb", 4).cells if "nbgrader" in c.metadata)
    assert score.source.endswith("pools.score()")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(QUESTION), score])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    own = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(EXERCISES.parents[1]), sysconfig.get_paths()["purelib"]]),
        "PATH": os.pathsep.join([str(python.parent), os.environ["PATH"]]),  # it calls alembic by name
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }

    def call(*arguments):
        done = subprocess.run([python, *arguments], cwd=tmp_path, env=own, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    for folder in ("source/ps1", *(f"submitted/{student}/ps1" for student in ANSWERS)):
        (tmp_path / folder).mkdir(parents=True)
        nbformat.write(notebook, tmp_path / folder / "pools.ipynb")
    for student, attempts in ANSWERS.items():
        answered = f"import sys\nexec(sys.argv[1])\nfor each in {attempts}: pools.commit(each)"
        folder = tmp_path / "submitted" / student / "ps1"
        subprocess.run([sys.executable, "-c", answered, QUESTION], cwd=folder, env=own, check=True)
    call("-m", "nbgrader", "generate_assignment", "ps1", "--create")
    call("-m", "nbgrader", "autograde", "ps1", "--create")
    assert call("-c", MARKS).splitlines() == ["ada 1.0 1.0", "bob 0.8 1.0", "eve 0.0 1.0"]
