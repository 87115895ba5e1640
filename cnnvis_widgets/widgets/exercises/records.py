"""The answers of a student as JSON files: one for each exercise, complete at every moment.

A file holds what the student did, in order, and no score: a score is computed from the question. Each entry holds the
hash of all before it, so that a file that was edited by hand is noticed. A hash is no signature: someone who reads this
module can compute it. Marks therefore depend on the answers alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Literal

from ...errors import OutputError
from ...outputs.whole_files import write_whole

EventKind = Literal["prediction", "check", "answer", "hint", "solution"]
"""A guess; an answer that was told to be right or wrong; one that was not; a hint; the solution on request."""

_KINDS = ("prediction", "check", "answer", "hint", "solution")


@dataclass(frozen=True)
class Event:
    """Something that a student did.

    Attributes:
        kind: what.
        text: as typed; '' for hints and solutions.
        at: when, in UTC, such as '2026-03-01T09:30:00+00:00'.
    """

    kind: EventKind
    text: str = ""
    at: str = field(default_factory=lambda: datetime.now(timezone.utc).isoformat(timespec="seconds"))


@dataclass(frozen=True)
class Record:
    """What one student did in one exercise.

    Attributes:
        key: the name of the exercise, and of its file.
        student: whose variant it is; '' for all.
        events: in order.
        intact: whether the hashes in its file fit.
    """

    key: str
    student: str = ""
    events: tuple[Event, ...] = ()
    intact: bool = True

    def __add__(self, event: Event) -> Record:
        return replace(self, events=(*self.events, event))

    def texts(self, *kinds: EventKind) -> tuple[str, ...]:
        """What was typed in events of these kinds."""
        return tuple(event.text for event in self.events if event.kind in kinds)

    def count(self, kind: EventKind) -> int:
        """How many events there are of one kind."""
        return sum(event.kind == kind for event in self.events)

    @property
    def prediction(self) -> str:
        """The first guess; '' without one."""
        return next(iter(self.texts("prediction")), "")

    @property
    def answers(self) -> tuple[Event, ...]:
        """The answers before the solution was asked for, oldest first."""
        kinds = [event.kind for event in self.events]
        end = kinds.index("solution") if "solution" in kinds else len(kinds)
        return tuple(event for event in self.events[:end] if event.kind in ("check", "answer"))

    @property
    def hashes(self) -> tuple[str, ...]:
        """For each event, the hash of it and all before it."""
        hashes, last = [], f"{self.key}\n{self.student}"
        for event in self.events:
            last = sha256(f"{last}\n{event.at}\n{event.kind}\n{event.text}".encode()).hexdigest()[:16]
            hashes.append(last)
        return tuple(hashes)


def read(path: Path, student: str = "") -> Record:
    """Read the record in a file; an empty record for ``student`` where there is no file yet.

    Raises:
        OutputError: the file holds something else; it stays as it is.
    """
    try:
        if not path.exists():
            return Record(path.stem, student)
        content = json.loads(path.read_text(encoding="utf-8"))
        entries = content["events"]
        record = Record(path.stem, str(content["student"]), tuple(_event(entry) for entry in entries))
        intact = content["exercise"] == path.stem and list(record.hashes) == [entry["hash"] for entry in entries]
        return replace(record, intact=intact)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise OutputError(
            f"Expected the answers to an exercise. Received: {str(path)!r} ({error}). Move the file away and try again."
        ) from error


def _event(entry: dict[str, str]) -> Event:
    event = Event(entry["kind"], entry["text"], entry["at"])  # type: ignore[arg-type]  # checked in the next line
    if event.kind not in _KINDS or not isinstance(event.text, str) or datetime.fromisoformat(event.at).tzinfo is None:
        raise ValueError(f"{entry!r} is no event")
    return event


def write(path: Path, record: Record) -> None:
    """Write a record. A reader sees the old file or the new one, never a part.

    Raises:
        OutputError: the folder cannot be written to.
    """
    entries = [
        {"at": event.at, "kind": event.kind, "text": event.text, "hash": after}
        for event, after in zip(record.events, record.hashes, strict=True)
    ]
    content = {"exercise": record.key, "student": record.student, "events": entries}
    text = json.dumps(content, indent=2, ensure_ascii=False)
    write_whole(path, text.encode(), "Give another folder for the answers.")


def files_by_student(folder: str | os.PathLike[str]) -> Iterator[tuple[str, Path]]:
    """The JSON files below a folder, each with the name of the folder right below it, which is the student's.

    Files right in the folder have the student ''.

    Raises:
        OutputError: there is no such folder.
    """
    base = Path(folder)
    if not base.is_dir():
        raise OutputError(f"Expected a folder with the answers of students. Received: folder={str(folder)!r}.")
    for path in sorted(base.rglob("*.json")):
        parts = path.relative_to(base).parts[:-1]
        yield (parts[0] if parts and parts != ("Answers",) else ""), path
