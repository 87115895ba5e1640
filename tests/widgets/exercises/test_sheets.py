"""Sheets: drawn for each student, released without answers, and marked for a class whatever its files hold."""

from __future__ import annotations

import csv
import json
import shutil
import time
from datetime import datetime, timezone

import pytest

from cnnvis_widgets import Exercise, ExerciseSheet, Question
from cnnvis_widgets.errors import OptionError, OutputError
from cnnvis_widgets.widgets.exercises.records import Event, Record, write

SHEET = """
from cnnvis_widgets import ExerciseSheet, Question

sheet = ExerciseSheet("sizes")


@sheet.question
def rows(draw):
    size = draw.choice([32, 48, 64, 80, 96, 112])
    return Question(
        f"How many rows does a map of {size} rows have behind a 2 x 2 max-pool?",
        size // 2,
        unit="rows",
        hints=("Every second row is left.",),
        solution="SECRET-SOLUTION",
        guide="SECRET-GUIDE",
    )


@sheet.question
def kind(draw):
    return Question("What keeps the maximum?", "max-pool", choices=("convolution", "max-pool"), points=2)
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "teacher" / "sizes.py"
    file.parent.mkdir()
    file.write_text(SHEET)
    return file


def right(sheet, key, student):
    return str(sheet.of(key, student).answer)


def test_variants_are_drawn_by_student_and_stay(path):
    sheet = ExerciseSheet.load(path)
    students = [f"s{number}" for number in range(40)]
    answers = [sheet.of("rows", student).answer for student in students]
    assert set(answers) == {16, 24, 32, 40, 48, 56}
    assert answers == [ExerciseSheet.load(path, student=student).of("rows").answer for student in students]
    # as Python 3.10 to 3.13 draw it: teacher and student may use different ones
    assert answers[:8] == EXPECTED


EXPECTED = [24, 24, 48, 56, 48, 40, 48, 32]


def test_practice_tells_what_is_right(path, tmp_path):
    sheet = ExerciseSheet.load(path, student="ada", folder=tmp_path / "Answers")
    exercise = sheet.exercise("rows")
    assert sheet.exercise("rows") is exercise
    exercise.predict("100")
    exercise.hint()
    assert exercise.answer(right(sheet, "rows", "ada"))
    assert (sheet.score("rows"), sheet.score("kind")) == (0.8, 0)
    assert sheet.marks.totals() == {"ada": 0.8}
    assert sheet.marks.missing() == {"ada": ["kind"]}


def test_a_released_sheet_holds_no_answers(path, tmp_path):
    sheet = ExerciseSheet.load(path)
    written = sheet.release(tmp_path / "out", ["ada", "bob"])
    assert [each.relative_to(tmp_path).as_posix() for each in written] == ["out/ada/sizes.json", "out/bob/sizes.json"]
    text = written[0].read_text()
    assert "SECRET" not in text
    assert "answer" not in text
    student = ExerciseSheet.load(written[0], folder=written[0].parent / "Answers")
    assert (student.student, student.keys) == ("ada", ["rows", "kind"])
    assert student.of("rows").prompt == sheet.of("rows", "ada").prompt
    exercise = student.exercise("rows")
    assert exercise.answer(right(sheet, "rows", "ada")) is None
    assert (exercise.score(), student.score("rows"), list(student.marks)) == (None, None, [])
    with pytest.raises(OptionError, match="teacher keeps"):
        student.of("rows").accepts("1")
    marks = {each.key: each for each in sheet.mark(tmp_path / "out", students=["ada", "bob"]) if each.student == "ada"}
    assert (marks["rows"].points, marks["kind"].note) == (1, "no file")


def test_the_last_answer_counts(path, tmp_path):
    sheet = ExerciseSheet.load(path)
    [released] = sheet.release(tmp_path / "out", ["ada"])
    exercise = ExerciseSheet.load(released, folder=released.parent / "Answers").exercise("rows")
    for text in ("1", "2", right(sheet, "rows", "ada")):
        exercise.answer(text)
    exercise.hint()
    assert sheet.mark(tmp_path / "out")[0].points == 0.8, "wrong answers that nobody commented cost nothing"
    exercise.answer("1")
    assert sheet.mark(tmp_path / "out")[0].points == 0


def test_teachers_answers_for_nbgrader(path, tmp_path, monkeypatch):
    [released] = ExerciseSheet.load(path).release(tmp_path / "out", ["ada"])
    monkeypatch.setenv("CNNVIS_ANSWERS", str(path.parent))
    sheet = ExerciseSheet.load(released, folder=tmp_path / "Answers")
    assert sheet.exercise("rows").answer(right(ExerciseSheet.load(path), "rows", "ada"))
    assert sheet.score("rows") == 1


def test_a_class_with_odd_files(path, tmp_path):
    sheet, folder = ExerciseSheet.load(path), tmp_path / "class"

    def answers(student, text, key="rows", at="2026-03-01T09:00:00+00:00"):
        file = folder / student / "ps1" / "Answers" / f"{key}.json"
        write(file, Record(key, student) + Event("answer", text, at))
        return file

    answers("ada", right(sheet, "rows", "ada"))
    answers("ada", "max-pool", "kind")
    answers("bob", right(sheet, "rows", "bob"), at="2026-03-02T09:00:00+00:00")
    edited = answers("eve", "1")
    content = json.loads(edited.read_text())
    content["events"][0]["text"], content["score"] = right(sheet, "rows", "eve"), 99
    edited.write_text(json.dumps(content))
    (folder / "fay").mkdir()
    shutil.copytree(folder / "ada" / "ps1", folder / "gus" / "ps1")
    for student, text in (("hal", "{"), ("ida", "[1]"), ("jon", '{"events": 3}'), ("kim", "\x00"), ("lea", "")):
        file = answers(student, "1")
        file.write_text(text)
    answers("mia", "=HYPERLINK(1)")
    (folder / "mia" / "notes.json").write_text("{}")
    students = ["ada", "bob", "eve", "fay", "gus", "hal", "ida", "jon", "kim", "lea", "mia", "zoe"]
    marks = sheet.mark(folder, students=students, deadline="2026-03-01T12:00")
    rows = {each.student: each for each in marks if each.key == "rows"}
    assert rows["ada"] == rows["ada"].__class__(
        "ada", "rows", 1.0, 1.0, answer=right(sheet, "rows", "ada"), right=True, at="2026-03-01T09:00:00+00:00"
    )
    assert rows["bob"].note == "answered after the deadline, 2026-03-02T09:00:00+00:00"
    assert rows["eve"].note.startswith("the file was edited")
    assert rows["eve"].points == 1, "a note tells it; the teacher decides"
    assert rows["gus"].note == "the file is of student 'ada'; the same history as that of 'ada'"
    assert {rows[student].note[:36] for student in ("hal", "ida", "jon", "kim", "lea")} == {
        "Expected the answers to an exercise."
    }
    assert (rows["fay"].note, rows["zoe"].note, rows["mia"].points) == ("no file", "no file", 0)
    assert marks.totals()["ada"] == 3
    assert set(marks.missing()) == set(students) - {"ada", "gus"}
    gradebook = list(csv.DictReader(marks.to_csv(tmp_path / "marks.csv").splitlines()))
    assert (tmp_path / "marks.csv").read_bytes().startswith(b"\xef\xbb\xbfstudent,rows,kind,total,of,notes\n")
    assert [row["student"] for row in gradebook] == students
    assert (gradebook[0]["total"], gradebook[0]["of"]) == ("3.0", "3.0")
    details = list(csv.DictReader(marks.to_csv(details=True).splitlines()))
    [cell] = [row["answer"] for row in details if row["student"] == "mia" and row["key"] == "rows"]
    assert cell == "'=HYPERLINK(1)"
    assert marks.to_dataframe().shape == (24, 11)
    assert "<table>" in marks._repr_html_()
    assert repr(marks).splitlines()[0].split() == ["student", "rows", "kind", "total", "of", "notes"]


def test_two_hundred_students(path, tmp_path):
    sheet, folder = ExerciseSheet.load(path), tmp_path / "class"
    for number in range(200):
        student = f"s{number:03}"
        for key in sheet.keys:
            text = right(sheet, key, student) if number % 2 else "1"
            at = datetime(2026, 3, 1, 9, number % 60, tzinfo=timezone.utc).isoformat()
            write(folder / student / f"{key}.json", Record(key, student) + Event("answer", text, at))
    began = time.process_time()
    marks = sheet.mark(folder)
    print(f"200 students: {time.process_time() - began:.2f} s")
    assert sum(marks.totals().values()) == 100 * 3


def test_the_guide_for_teachers(path):
    guide = ExerciseSheet.load(path).guide()
    assert "## rows" in guide
    assert "**Solution:** SECRET-SOLUTION" in guide
    assert "**Look for:** SECRET-GUIDE" in guide
    assert "**Answer:** max-pool (2 points)" in guide


@pytest.mark.parametrize(
    ("name", "text"),
    [("none.py", None), ("empty.py", ""), ("broken.json", "{"), ("list.json", "[]"), ("other.json", '{"sheet": "x"}')],
)
def test_files_that_are_no_sheet(tmp_path, name, text):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(OutputError, match=r"Expected .* Received: "):
        ExerciseSheet.load(tmp_path / name)


def test_wrong_names(path, tmp_path):
    sheet = ExerciseSheet.load(path)
    with pytest.raises(OptionError, match=r"Received: key='row'. Nearest names: 'rows'"):
        sheet.of("row")
    with pytest.raises(OptionError, match=r"Received: student='\.\./x'"):
        sheet.release(tmp_path, ["../x"])
    with pytest.raises(OutputError, match="Expected a folder"):
        sheet.mark(tmp_path / "nowhere")
    with pytest.raises(OptionError, match="Received: deadline='soon'"):
        sheet.mark(tmp_path, deadline="soon")


def test_a_single_exercise_needs_no_sheet(tmp_path):
    exercise = Exercise(Question("Is a ReLU linear?", False), key="linear", folder=tmp_path)
    assert exercise.answer("No.")
    assert exercise.marks.totals() == {"": 1}
