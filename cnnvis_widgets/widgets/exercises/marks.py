"""Marks: what each student gets for each exercise, why, and who is missing."""

from __future__ import annotations

import csv
import html
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ...errors import OptionError, OutputError
from ...extras import needed
from ...outputs.whole_files import write_whole
from .questions import Question
from .records import Record, files_by_student, read

PENALTY = 0.2
"""The part of the points that a hint costs, or an answer that was told to be wrong. A right answer keeps this part."""


@dataclass(frozen=True)
class Mark:
    """The mark of one student for one exercise.

    Attributes:
        student, key: who, and for which exercise.
        points, of: reached, and at most.
        answer, prediction: the answer that counts, and the first guess, as typed.
        right: whether the answer is right.
        hints, wrong: how many hints were seen, and how many answers were told to be wrong.
        at: when the answer that counts was given; '' without one.
        note: what a teacher should know, such as a file that is missing or was edited.
    """

    student: str
    key: str
    points: float
    of: float
    answer: str = ""
    prediction: str = ""
    right: bool = False
    hints: int = 0
    wrong: int = 0
    at: str = ""
    note: str = ""


def mark(question: Question, record: Record, student: str = "") -> Mark:
    """Mark a record. The last answer counts; answers after the solution was shown do not.

    Example:
        >>> from cnnvis_widgets.widgets.exercises.records import Event, Record
        >>> record = Record("pools") + Event("prediction", "5") + Event("check", "3") + Event("check", "two")
        >>> mark(Question("How many?", 2), record).points
        0.8
    """
    answers = record.answers
    last = answers[-1] if answers else None
    right = last is not None and question.accepts(last.text)
    wrong = sum(event.kind == "check" and not question.accepts(event.text) for event in answers)
    hints = record.count("hint")
    part = max(PENALTY, 1 - PENALTY * (hints + wrong)) if right else 0.0
    notes = [] if record.intact else ["the file was edited: its entries do not follow each other"]
    if student and record.student and record.student != student:
        notes.append(f"the file is of student {record.student!r}")
    return Mark(
        student=student or record.student,
        key=record.key,
        points=round(part * question.points, 3),
        of=question.points,
        answer="" if last is None else last.text,
        prediction=record.prediction,
        right=right,
        hints=hints,
        wrong=wrong,
        at="" if last is None else last.at,
        note="; ".join(notes),
    )


class Marks(tuple[Mark, ...]):
    """Marks as a table: in a notebook, as text, as CSV and as a DataFrame."""

    __slots__ = ()
    COLUMNS = ("student", "key", "points", "of", "answer", "prediction", "right", "hints", "wrong", "at", "note")

    def totals(self) -> dict[str, float]:
        """The points of each student."""
        sums: dict[str, float] = {}
        for each in self:
            sums[each.student] = round(sums.get(each.student, 0.0) + each.points, 3)
        return sums

    def missing(self) -> dict[str, list[str]]:
        """By student, the exercises without an answer; students who answered all are left out."""
        gaps: dict[str, list[str]] = {}
        for each in self:
            if not each.answer:
                gaps.setdefault(each.student, []).append(each.key)
        return gaps

    def to_csv(self, path: str | os.PathLike[str] | None = None, *, details: bool = False) -> str:
        """Write a gradebook: a row for each student with the points of each exercise, the total, and notes.

        Args:
            path: the file, written whole or not at all; ``None`` to write none.
            details: instead, a row for each student and exercise with all that is known.

        Returns:
            The text of the file. Cells that a spreadsheet would take for a formula start with an apostrophe.

        Raises:
            OutputError: the file cannot be written.
        """
        rows = self._detailed() if details else self._gradebook()
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([_harmless(cell) for cell in row] for row in rows)
        if path is not None:
            write_whole(Path(path), text.getvalue().encode("utf-8-sig"), "Give another path.")
        return text.getvalue()

    def to_dataframe(self) -> Any:
        """The marks as a pandas DataFrame, a row for each student and exercise.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        rows = [[getattr(each, name) for name in self.COLUMNS] for each in self]
        return needed("pandas").DataFrame(rows, columns=self.COLUMNS)

    def _detailed(self) -> list[Sequence[Any]]:
        return [self.COLUMNS, *([getattr(each, name) for name in self.COLUMNS] for each in self)]

    def _gradebook(self) -> list[Sequence[Any]]:
        keys = list(dict.fromkeys(each.key for each in self))
        rows: list[Sequence[Any]] = [["student", *keys, "total", "of", "notes"]]
        for student, total in self.totals().items():
            own = {each.key: each for each in self if each.student == student}
            notes = "; ".join(f"{key}: {each.note}" for key, each in own.items() if each.note)
            points = [own[key].points if key in own else "" for key in keys]
            rows.append([student, *points, total, round(sum(each.of for each in own.values()), 3), notes])
        return rows

    def __repr__(self) -> str:
        cells = [[str(cell) for cell in row] for row in self._gradebook()]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)

    def _repr_html_(self) -> str:
        head, *rows = ([html.escape(str(cell)) for cell in row] for row in self._gradebook())
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>{body}</table>"


def _harmless(cell: Any) -> str:
    """A cell that no spreadsheet runs as a formula: answers are typed by students."""
    text = str(cell)
    return f"'{text}" if isinstance(cell, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def mark_folder(
    folder: str | os.PathLike[str],
    questions: Mapping[str, Any],
    *,
    students: Iterable[str] | None = None,
    deadline: str | datetime | None = None,
) -> Marks:
    """Mark the answers of a class.

    Args:
        folder: with one folder for each student, in which the files may lie at any depth. Files right in it, or in its
            'Answers', have the student ''.
        questions: by key, a function that takes the name of a student and returns the ``Question``.
        students: all who should have answered; ``None`` for those who have a folder.
        deadline: answers after it get a note; a time with a zone, or in UTC, such as '2026-03-01T12:00'.

    Returns:
        A mark for each student and question. Files that cannot be read, are missing, were edited, copied from another
        student, or lie there twice are told in notes; none of them stops the others.

    Raises:
        OutputError: there is no such folder. OptionError: the deadline is no time.
    """
    limit = _time(deadline)
    found: dict[tuple[str, str], list[Path]] = {}
    for student, path in files_by_student(folder):
        if path.stem in questions:
            found.setdefault((student, path.stem), []).append(path)
    names = sorted({student for student, _ in found}) if students is None else list(dict.fromkeys(students))
    marks, owners = [], dict[tuple[str, ...], str]()
    for student in names:
        for key, of_student in questions.items():
            marks.append(_marked(of_student(student), key, student, found.get((student, key), []), limit, owners))
    return Marks(marks)


def _marked(
    question: Question,
    key: str,
    student: str,
    paths: Sequence[Path],
    limit: datetime | None,
    owners: dict[tuple[str, ...], str],
) -> Mark:
    """The mark from the files of one student for one question; ``owners`` knows whose each history is."""
    if not paths:
        return Mark(student, key, 0.0, question.points, note="no file")
    try:
        record = read(max(paths, key=lambda path: path.stat().st_mtime), student)
    except OutputError as error:
        return Mark(student, key, 0.0, question.points, note=str(error))
    given = mark(question, record, student)
    notes = [given.note] if given.note else []
    if len(paths) > 1:
        notes.append(f"{len(paths)} files; the newest counts")
    if limit is not None and given.at and datetime.fromisoformat(given.at) > limit:
        notes.append(f"answered after the deadline, {given.at}")
    if record.events:
        owner = owners.setdefault((key, *(f"{event.at} {event.text}" for event in record.events)), student)
        notes += [f"the same history as that of {owner!r}"] if owner != student else []
    return Mark(**{**given.__dict__, "note": "; ".join(notes)})


def _time(deadline: str | datetime | None) -> datetime | None:
    if deadline is None:
        return None
    try:
        time = deadline if isinstance(deadline, datetime) else datetime.fromisoformat(deadline)
    except (TypeError, ValueError):
        raise OptionError(f"Expected a deadline such as '2026-03-01T12:00'. Received: deadline={deadline!r}.") from None
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)
