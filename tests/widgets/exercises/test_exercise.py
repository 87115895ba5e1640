"""Exercises: predict, answer, hint, solve; what was answered outlives the kernel."""

from __future__ import annotations

import json

import ipywidgets as w
import numpy as np
import pytest

from cnnvis_widgets import Exercise, Question
from cnnvis_widgets.errors import OptionError, OutputError

POOLS = Question("How many?", 2, hints=("Count.", "Less than three."), solution="Both halve the sides.")


def controls(exercise):
    return exercise.children[1].children


def text_of(exercise):
    return exercise.children[2].value


def test_a_wrong_prediction_is_free(tmp_path):
    exercise = Exercise(POOLS, key="pools", folder=tmp_path)
    exercise.predict("five")
    assert exercise.answer("2")
    assert exercise.score() == 1
    assert exercise.record.prediction == "five"


def test_wrong_hint_right_and_restored(tmp_path):
    exercise = Exercise(POOLS, key="pools", folder=tmp_path)
    assert exercise.score() == 0
    exercise.predict(1)
    assert not exercise.answer("3")
    exercise.hint()
    assert exercise.answer(" two ")
    assert exercise.score() == 0.6
    kept = json.loads((tmp_path / "pools.json").read_text())
    kinds = [(event["kind"], event["text"]) for event in kept["events"]]
    assert kinds == [("prediction", "1"), ("check", "3"), ("hint", ""), ("check", "two")]
    assert [path.name for path in tmp_path.iterdir()] == ["pools.json"]
    again = Exercise(POOLS, key="pools", folder=tmp_path)
    assert again.record == exercise.record
    assert "Both halve the sides." in text_of(again)
    again.answer("5")
    again.hint()
    again.reveal()
    assert again.score() == 0.6


def test_an_answer_after_the_solution_does_not_count(tmp_path):
    exercise = Exercise(POOLS, key="pools", folder=tmp_path)
    exercise.reveal()
    exercise.answer(2)
    assert exercise.score() == 0
    assert "<b>Solution:</b> 2. Both halve" in text_of(exercise)


def test_what_cannot_be_read_costs_nothing(tmp_path):
    exercise = Exercise(POOLS, key="pools", folder=tmp_path)
    for text in ("", "  ", "many", "nan", "2 or 3"):
        with pytest.raises(OptionError, match=r"Expected a number, such as 8 .* Received: .* Nothing was stored"):
            exercise.answer(text)
    assert exercise.record.events == ()
    field, predict, *_ = controls(exercise)
    field.value = "many"
    predict.click()
    assert "Received: &#x27;many&#x27;" in text_of(exercise)
    assert not list(tmp_path.iterdir())


def test_controls_do_the_same(tmp_path):
    explorer = w.VBox()
    question = Question("?", "edges", choices=("parts", "Edges"), hints=("Look.",), solution="So.")
    exercise = Exercise(question, explorer, key="menu", folder=tmp_path)
    field, commit, hint, solution = controls(exercise)
    assert (field.description, commit.description) == ("Prediction", "Predict")
    place = exercise.children[3]
    assert (place.children, place.layout.display) == ((explorer,), "none")
    commit.click()  # nothing chosen yet
    assert exercise.record.events == ()
    field.value = "parts"
    commit.click()
    assert (field.description, commit.description, place.layout.display) == ("Answer", "Check", None)
    assert "Your prediction: parts." in text_of(exercise)
    hint.click()
    assert hint.disabled
    solution.click()
    assert solution.description == "Really show it?"
    field.value = "Edges"
    commit.click()
    assert (exercise.score(), commit.disabled) == (0.8, True)
    assert "0.8 of 1 points" in text_of(exercise)
    assert exercise.record.count("solution") == 0, "one click asks again"


def test_the_return_key_commits(tmp_path):
    exercise = Exercise(POOLS, key="pools", folder=tmp_path)
    field, *_ = controls(exercise)
    for text in ("3", "2"):
        field.value = text
        field._handle_custom_msg({"event": "submit"}, [])
    assert (exercise.record.prediction, exercise.score()) == ("3", 1)


def test_a_question_without_prediction_shows_its_explorer(tmp_path):
    explorer = w.VBox()
    exercise = Exercise(Question("Which channel?", 7, predict=False), explorer, key="which", folder=tmp_path)
    assert exercise.children[3].layout.display is None
    assert controls(exercise)[1].description == "Check"
    assert exercise.answer("7")


def test_exercises_share_an_explorer(tmp_path):
    explorer = w.VBox()
    first, second = (Exercise(POOLS, explorer, key=key, folder=tmp_path) for key in ("first", "second"))
    first.predict(3)
    assert [each.children[3].layout.display for each in (first, second)] == [None, "none"]
    assert explorer.layout.display is None


def test_at_least_a_fifth_for_a_right_answer(tmp_path):
    exercise = Exercise(POOLS, key="pools", folder=tmp_path)
    for guess in range(10, 20):
        exercise.answer(guess)
    assert exercise.answer(2)
    assert exercise.score() == 0.2


def test_a_teacher_keeps_the_answer(tmp_path):
    exercise = Exercise(Question("How many?", None, kind="number", unit="pools"), key="kept", folder=tmp_path)
    assert exercise.answer("3 pools") is None
    assert exercise.answer("2") is None
    assert exercise.score() is None
    assert not exercise.marks
    assert "Saved: <b>2</b>" in text_of(exercise)
    _, commit, _, solution = (each for each in controls(exercise) if not isinstance(each, w.Label))
    assert (commit.description, commit.disabled, solution.layout.display) == ("Submit", False, "none")
    exercise.reveal()
    assert exercise.record.count("solution") == 0


def test_pictures_are_part_of_the_question(tmp_path):
    exercise = Exercise(Question("?", "x", picture=np.zeros((4, 4, 3), np.uint8)), key="picture", folder=tmp_path)
    assert '<img alt="the picture of the question" src="data:image/png;base64,' in exercise.children[0].value


def test_text_of_students_is_no_html(tmp_path):
    exercise = Exercise(Question("?", "edges"), key="text", folder=tmp_path)
    exercise.predict("<b>")
    exercise.answer("<script>")
    assert "<script>" not in text_of(exercise)
    assert "&lt;script&gt;" in text_of(exercise)


def test_a_broken_file_is_not_overwritten(tmp_path):
    (tmp_path / "pools.json").write_text("{")
    with pytest.raises(OutputError, match="Move the file away"):
        Exercise(POOLS, key="pools", folder=tmp_path)
    assert (tmp_path / "pools.json").read_text() == "{"


@pytest.mark.parametrize("key", ["a/b", "", "..", "a:b", "con?", "a ", "a\\b"])
def test_keys_name_files_on_every_system(tmp_path, key):
    with pytest.raises(OptionError, match=r"Expected a key .* Received: key="):
        Exercise(POOLS, key=key, folder=tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [{"choices": ("three", "four")}, {"points": 0}, {"tolerance": -1}, {"picture": "cat.png"}],
)
def test_questions_that_are_none(wrong):
    with pytest.raises(OptionError, match=r"Expected .* Received: "):
        Question("How many?", 2, **wrong)


def test_answers_of_numpy_are_read_as_python_has_them():
    assert Question("?", np.int64(3)).accepts("three")
    assert Question("?", np.float32(0.5)).accepts("1/2")
    assert Question("?", np.array([3, 5])).accepts("3 x 5")
    assert Question("?", [np.int64(3), 4]).accepts("4")
    assert Question("?", np.bool_(True)).choices == ("yes", "no")
    assert Question("?", lambda text: text == "any").accepts("any")
