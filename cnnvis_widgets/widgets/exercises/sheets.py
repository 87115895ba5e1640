"""``ExerciseSheet``: questions in a file of their own, drawn for each student, released without answers, and marked."""

from __future__ import annotations

import json
import os
import runpy
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import ipywidgets as w

from ...arguments import checked
from ...errors import OptionError, OutputError, nearest
from ...outputs.whole_files import write_whole
from .exercise import Exercise
from .marks import Mark, Marks, mark, mark_folder
from .questions import Question
from .records import read

Draw = Callable[[Random], Question]
"""Makes a question from random choices."""

ANSWERS_VARIABLE = "CNNVIS_ANSWERS"
"""The environment variable with the folder of a teacher's sheets, for nbgrader: released sheets get answers from it."""

_TOLD = ("prompt", "kind", "unit", "choices", "hints", "points", "predict")


@checked
class ExerciseSheet:
    """A sheet of exercises.

    A teacher writes it as a Python file, so that answers, hints and solutions are out of sight in the notebook. Each
    question is a function that gets random numbers of its own, the same ones for the same student, key and sheet.

    Args:
        name: of the sheet; part of what is drawn.

    Attributes:
        student: whose variants are asked; '' for all.
        folder: where answers are stored.

    Example:
        >>> sheet = ExerciseSheet("sizes")
        >>> @sheet.question
        ... def rows(draw):
        ...     size = draw.choice([32, 48, 64])
        ...     return Question(f"How many rows has a map of {size} rows behind a 2 x 2 max-pool?", size // 2)
        >>> sheet.of("rows", "ada").answer in (16, 24, 32), sheet.of("rows", "ada") == sheet.of("rows", "ada")
        (True, True)
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.student = ""
        self.folder: str | os.PathLike[str] = "Answers"
        self._draws: dict[str, Draw] = {}
        self._released: dict[str, Question] = {}
        self._exercises: dict[str, Exercise] = {}

    @checked
    def question(self, draw: Draw) -> Draw:
        """Add a question, as a decorator: the name of the function is its key."""
        self._draws[draw.__name__] = draw
        return draw

    @staticmethod
    @checked
    def load(
        path: str | os.PathLike[str], *, student: str = "", folder: str | os.PathLike[str] = "Answers"
    ) -> ExerciseSheet:
        """Open a sheet.

        Args:
            path: a Python file with a variable ``sheet``, whose code runs, or the JSON file of a released sheet.
            student: whose variants are asked; a released sheet knows it.
            folder: where answers are stored.

        Raises:
            OutputError: the file is missing or no sheet.
        """
        file = Path(path)
        sheet = _released(file) if file.suffix == ".json" else _of_python(file)
        sheet.student, sheet.folder = sheet.student or student, folder
        return sheet

    @property
    def keys(self) -> list[str]:
        """The names of the exercises, in order."""
        return [*(self._draws or self._released)]

    @checked
    def of(self, key: str, student: str | None = None) -> Question:
        """The question that a student is asked.

        Args:
            key: the name of the exercise.
            student: by default the student of the sheet.

        Raises:
            OptionError: there is no such exercise.
        """
        if key not in self.keys:
            raise OptionError(f"Expected the name of an exercise. Received: key={key!r}. {nearest(key, self.keys)}")
        if key not in self._draws:
            return self._released[key]
        name = self.student if student is None else student
        return self._draws[key](Random(sha256(f"{self.name}\n{key}\n{name}".encode()).hexdigest()))

    @checked
    def exercise(self, key: str, explorer: w.Widget | None = None) -> Exercise:
        """The exercise as a widget; the same one at each call.

        Raises:
            OptionError: there is no such exercise. OutputError: the folder of answers cannot be used.
        """
        if key not in self._exercises:
            asked = {"key": key, "student": self.student, "folder": self.folder}
            self._exercises[key] = Exercise(self.of(key), explorer, **asked)  # type: ignore[arg-type]
        return self._exercises[key]

    @checked
    def score(self, key: str) -> float | None:
        """The points for one exercise, from the stored answers; ``None`` where the teacher keeps the answer."""
        question = self.of(key)
        if question.answer is None:
            return None
        return mark(question, read(Path(self.folder) / f"{key}.json", self.student)).points

    @property
    def marks(self) -> Marks:
        """The student's own marks so far; none where the teacher keeps the answers."""
        known = [(key, question) for key in self.keys if (question := self.of(key)).answer is not None]
        return Marks(self._own_mark(key, question) for key, question in known)

    def _own_mark(self, key: str, question: Question) -> Mark:
        return mark(question, read(Path(self.folder) / f"{key}.json", self.student), self.student)

    @checked
    def release(self, outdir: str | os.PathLike[str], students: Iterable[str] = ()) -> list[Path]:
        """Write the sheet for students, without answers, solutions and guides.

        Args:
            outdir: gets a folder for each student with ``NAME.json``, or that file alone without students.
            students: the names of folders; each gets variants of its own.

        Returns:
            The files.

        Raises:
            OutputError: a file cannot be written. OptionError: a name that cannot be that of a folder.
        """
        if isinstance(students, str):
            raise OptionError(f"Expected students as a list of names. Received: students={students[:99]!r}.")
        paths = []
        for student in list(students) or [""]:
            if student and (Path(student).name != student or student in (".", "..")):
                raise OptionError(f"Expected names that can name a folder. Received: student={student!r}.")
            questions = {key: _told(self.of(key, student)) for key in self.keys}
            content = {"sheet": self.name, "student": student, "questions": questions}
            path = Path(outdir) / student / f"{self.name}.json"
            write_whole(path, json.dumps(content, ensure_ascii=False, indent=1).encode(), "Give another folder.")
            paths.append(path)
        return paths

    @checked
    def mark(
        self,
        folder: str | os.PathLike[str],
        *,
        students: Iterable[str] | None = None,
        deadline: str | datetime | None = None,
    ) -> Marks:
        """Mark the answers of a class; see ``mark_folder``. No code of a student runs.

        Args:
            folder: with a folder for each student.
            students: all who should have answered; ``None`` for those who have a folder.
            deadline: answers after it get a note.
        """
        questions = {key: partial(self.of, key) for key in self.keys}
        return mark_folder(folder, questions, students=students, deadline=deadline)

    def guide(self) -> str:
        """The marking guide as Markdown: what each exercise asks, its answer and solution, and what to look for."""
        parts = [f"# {self.name.replace('_', ' ')}: marking guide"]
        for key in self.keys:
            question = self.of(key, "")
            facts = [f"**Asked:** {question.prompt}", f"**Answer:** {question.words} ({question.points:g} points)"]
            facts += [f"**Solution:** {question.solution}"] if question.solution else []
            facts += [f"**Look for:** {question.guide}"] if question.guide else []
            parts += [f"## {key}", *facts]
        return "\n\n".join(parts)

    def _repr_markdown_(self) -> str:
        return f"**{self.name.replace('_', ' ')}**: {', '.join(self.keys)}"


def _of_python(path: Path) -> ExerciseSheet:
    if not path.is_file():
        raise OutputError(f"Expected the file of a sheet. Received: path={str(path)!r}, where there is none.")
    sheet = runpy.run_path(str(path)).get("sheet")
    if not isinstance(sheet, ExerciseSheet):
        raise OutputError(f"Expected a variable sheet = ExerciseSheet(...). Received: {str(path)!r} without one.")
    return sheet


def _released(path: Path) -> ExerciseSheet:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        sheet = ExerciseSheet(content["sheet"])
        sheet.student = str(content["student"])
        sheet._released = {key: _asked(told) for key, told in content["questions"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise OutputError(f"Expected a released sheet. Received: {str(path)!r} ({error}).") from error
    teachers = os.environ.get(ANSWERS_VARIABLE)
    if teachers and (own := Path(teachers) / f"{path.stem}.py").is_file():
        sheet._draws = _of_python(own)._draws
    return sheet


def _told(question: Question) -> dict[str, Any]:
    """What a student is told of a question, as JSON has it."""
    picture = None if question.picture is None else b64encode(question.picture).decode()
    return {name: getattr(question, name) for name in _TOLD} | {"picture": picture}


def _asked(told: dict[str, Any]) -> Question:
    picture = told["picture"] and b64decode(told["picture"])
    return Question(answer=None, **{name: told[name] for name in _TOLD}, picture=picture)
