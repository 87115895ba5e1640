"""Exercises: predict, commit, hint, solve; what was answered outlives the kernel."""

from __future__ import annotations

import json

import ipywidgets as w
import pytest

from cnnvis_widgets import Exercise
from cnnvis_widgets.errors import OutputError


def new_exercise(folder, **options):
    keywords = {
        "key": "pools",
        "answer": 2,
        "hints": ["Count.", "Less than three."],
        "solution": "Two.",
        "folder": folder,
    }
    return Exercise(None, "How many?", **(keywords | options))


def test_wrong_hint_right_and_restored(tmp_path):
    exercise = new_exercise(tmp_path)
    assert exercise.score() == 0
    assert not exercise.commit("3")
    exercise.hint()
    assert exercise.commit(" 2.0 ")
    assert exercise.score() == 0.6
    kept = json.loads((tmp_path / "pools.json").read_text())
    assert kept["attempts"] == ["3", "2.0"]
    assert kept["solved"] is True
    assert [path.name for path in tmp_path.iterdir()] == ["pools.json"]
    again = new_exercise(tmp_path)
    assert again.record == exercise.record
    assert "Two." in again.children[2].value
    again.commit("5")
    assert again.score() == 0.6


def test_reveal_ends_it_without_a_score(tmp_path):
    exercise = new_exercise(tmp_path)
    exercise.reveal()
    exercise.commit(2)
    assert exercise.score() == 0
    assert "Two." in exercise.children[2].value


def test_controls_do_the_same(tmp_path):
    explorer = w.VBox()
    exercise = Exercise(explorer, "?", key="menu", answer="edges", options=["parts", "Edges"], folder=tmp_path)
    field, commit, hint, _ = exercise.children[1].children
    assert explorer.layout.display == "none"
    assert hint.disabled
    commit.click()  # nothing chosen yet
    assert exercise.record.attempts == ()
    field.value = "Edges"
    commit.click()
    assert exercise.score() == 1
    assert explorer.layout.display is None
    assert commit.disabled


def test_at_least_a_fifth_for_a_right_answer(tmp_path):
    exercise = new_exercise(tmp_path)
    for guess in range(10, 20):
        exercise.commit(guess)
    exercise.commit(2)
    assert exercise.score() == 0.2


def test_teachers_see_all_students(tmp_path):
    new_exercise(tmp_path / "ada").commit(2)
    new_exercise(tmp_path / "bob", check=lambda text: text == "<b>", answer=None).commit("<i>")
    table = Exercise.results(tmp_path)
    assert [(record.student, record.score) for record in table] == [("ada", 1.0), ("bob", 0.0)]
    assert "ada" in repr(table)
    assert "&lt;i&gt;" in table._repr_html_()


def test_a_broken_file_is_not_overwritten(tmp_path):
    (tmp_path / "pools.json").write_text("{")
    with pytest.raises(OutputError, match="Move the file away"):
        new_exercise(tmp_path)
    assert (tmp_path / "pools.json").read_text() == "{"


@pytest.mark.parametrize("wrong", [{"answer": None}, {"check": bool}, {"key": "a/b"}, {"key": ""}])
def test_questions_that_are_none(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"Expected .* Received: "):
        new_exercise(tmp_path, **wrong)
