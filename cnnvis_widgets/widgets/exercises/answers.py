"""The answers of a student as JSON files: one for each exercise, complete at every moment."""

from __future__ import annotations

import html
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ...errors import OutputError
from ...outputs.whole_files import write_whole


@dataclass(frozen=True)
class Record:
    """The state of one exercise.

    Attributes:
        key: the name of the exercise, and of its file.
        attempts: the committed answers, oldest first, as typed.
        hints: how many hints the student has seen.
        solved: whether the last attempt is right.
        revealed: whether the student asked for the solution before solving.
        score: 0 to 1.
        student: name of the folder with the file, set by ``read_all``; else ''.
    """

    key: str
    attempts: tuple[str, ...] = ()
    hints: int = 0
    solved: bool = False
    revealed: bool = False
    score: float = 0.0
    student: str = ""


class Results(tuple[Record, ...]):
    """Records as a table, in a notebook and as text."""

    __slots__ = ()
    _COLUMNS = ("student", "key", "solved", "score", "attempts", "hints", "revealed")

    def _cells(self) -> list[list[str]]:
        rows = [[str(getattr(record, name)) for name in self._COLUMNS] for record in self]
        for row, record in zip(rows, self, strict=True):
            row[3:5] = f"{record.score:.2f}", ", ".join(record.attempts)
        return [list(self._COLUMNS), *rows]

    def __repr__(self) -> str:
        cells = self._cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head, *rows = ([html.escape(cell) for cell in row] for row in self._cells())
        body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
        return f"<table><tr>{''.join(f'<th>{cell}</th>' for cell in head)}</tr>{body}</table>"


def read(path: Path) -> Record:
    """Read the record in a file; an empty record where there is no file yet.

    Raises:
        OutputError: the file holds something else; it stays as it is.
    """
    if not path.exists():
        return Record(path.stem)
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Record(**{**fields, "attempts": tuple(fields["attempts"]), "key": path.stem})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise OutputError(
            f"Expected the answers to an exercise. Received: {str(path)!r} ({error}). Move the file away and try again."
        ) from error


def write(path: Path, record: Record) -> None:
    """Write a record. A reader sees the old file or the new one, never a part.

    Raises:
        OutputError: the folder cannot be written to.
    """
    text = json.dumps(asdict(record), indent=2, ensure_ascii=False)
    write_whole(path, text.encode(), "Give another folder for the answers.")


def read_all(folder: str | os.PathLike[str]) -> Results:
    """Read every record below a folder; the name of the folder between is the student's name."""
    base = Path(folder)
    records = []
    for path in sorted(base.rglob("*.json")):
        between = path.parent.relative_to(base).as_posix()
        records.append(Record(**{**asdict(read(path)), "student": "" if between == "." else between}))
    return Results(records)
