"""``Exercise``: predict, commit, look; with hints, a solution, and a score that survives a reload."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w

from ...errors import described
from . import answers
from .answers import Record, Results

PENALTY = 0.2
"""The cost of a hint or a wrong answer. A right answer is worth 1 at most and 0.2 at least."""


class Exercise(w.VBox):
    """A question in a notebook. The explorer stays hidden until the student commits a first answer.

    Args:
        explorer: appears below the question after the first committed answer; None for no explorer.
        prompt: the question, HTML.
        key: the name of the exercise; its answers are stored in ``folder/key.json``.
        answer: the right answer, or a list of several. Text is compared without regard to case and
            surrounding space, numbers as numbers.
        check: in place of ``answer``, a function that returns whether the typed text is right.
        hints: HTML, the gentlest first.
        solution: HTML, shown when the answer is right, or on request.
        options: choices for a menu instead of a text field.
        folder: where answers are stored; earlier answers there are restored.

    Attributes:
        record: the answers so far.

    Raises:
        ValueError: not exactly one of ``answer`` and ``check``, or a key that cannot be a file name.
        OutputError: the folder or the file in it cannot be used.
    """

    def __init__(
        self,
        explorer: w.Widget | None,
        prompt: str,
        *,
        key: str,
        answer: Any = None,
        check: Callable[[str], bool] | None = None,
        hints: Sequence[str] = (),
        solution: str = "",
        options: Sequence[str] | None = None,
        folder: str | os.PathLike[str] = "Answers",
    ) -> None:
        if (answer is None) == (check is None):
            raise ValueError(f"Expected either answer or check. Received: answer={answer!r}, check={check!r}.")
        if not key or Path(key).name != key:
            raise ValueError(f"Expected a key that can name a file. Received: key={key!r}.")
        accepted = answer if isinstance(answer, list | tuple | set) else [answer]
        self._check = check or (lambda text: any(_same(text, right) for right in accepted))
        self._hints, self._solution = tuple(hints), solution
        self._path = Path(folder) / f"{key}.json"
        self.record: Record = answers.read(self._path)
        self._explorer = explorer
        self._field = _field(options, self.record.attempts[-1] if self.record.attempts else "")
        self._buttons = [w.Button(description=text) for text in ("Commit", "Hint", "Show solution")]
        self._feedback = w.HTML()
        for button, act in zip(self._buttons, (self._commit_field, self.hint, self.reveal), strict=True):
            button.on_click(lambda _, act=act: self._guarded(act))
        row = w.HBox([self._field, *self._buttons], layout=w.Layout(flex_flow="row wrap"))
        question = [w.HTML(prompt), row, self._feedback]
        super().__init__([*question, explorer] if explorer is not None else question)
        self.add_class("cnnvis-exercise")
        self._draw()

    def commit(self, answer: Any) -> bool:
        """Commit an answer. After the right answer or the solution nothing changes any more.

        Returns:
            Whether the exercise is solved.
        """
        if not self._over:
            text = str(answer).strip()
            attempts = (*self.record.attempts, text)
            self._store(replace(self.record, attempts=attempts, solved=bool(self._check(text))))
        return self.record.solved

    def hint(self) -> None:
        """Show the next hint, if there is one."""
        if not self._over and self.record.hints < len(self._hints):
            self._store(replace(self.record, hints=self.record.hints + 1))

    def reveal(self) -> None:
        """Give up: show the solution. The score stays 0."""
        if not self._over:
            self._store(replace(self.record, revealed=True))

    def score(self) -> float:
        """The score for an assertion or for nbgrader: 0 until solved, then 1 minus the cost of hints and errors."""
        return self.record.score

    @staticmethod
    def results(folder: str | os.PathLike[str] = "Answers") -> Results:
        """For teachers: the answers below a folder, where each student may have a folder of their own."""
        return answers.read_all(folder)

    @property
    def _over(self) -> bool:
        return self.record.solved or self.record.revealed

    def _store(self, record: Record) -> None:
        spent = PENALTY * (record.hints + len(record.attempts) - 1)
        record = replace(record, score=round(max(PENALTY, 1 - spent), 2) if record.solved else 0.0)
        answers.write(self._path, record)
        self.record = record
        self._draw()

    def _commit_field(self) -> None:
        if self._field.value not in (None, ""):
            self.commit(self._field.value)

    def _guarded(self, act: Callable[[], Any]) -> None:
        """Act, and show an error in the page: the errors of a click appear nowhere else."""
        try:
            act()
        except Exception as error:
            self._feedback.value = f"<p role='alert'>{escape(described(error))}</p>"

    def _draw(self) -> None:
        record = self.record
        lines = [f"<b>Hint {place + 1}:</b> {text}" for place, text in enumerate(self._hints[: record.hints])]
        if record.solved:
            lines.append(f"<b>Right</b> (score {record.score:.1f}). {self._solution}")
        elif record.revealed:
            lines.append(f"<b>Solution:</b> {self._solution}")
        elif record.attempts:
            lines.append(f"<b>Not {escape(record.attempts[-1])}.</b> Look, and try again.")
        else:
            lines.append("Predict first; then look.")
        self._feedback.value = f"<div role='status'>{''.join(f'<p>{line}</p>' for line in lines)}</div>"
        for button in (self._field, *self._buttons):
            button.disabled = self._over
        self._buttons[1].disabled = self._over or record.hints >= len(self._hints)
        if self._explorer is not None:
            self._explorer.layout.display = None if record.attempts or self._over else "none"


def _field(options: Sequence[str] | None, text: str) -> w.Widget:
    if options is None:
        return w.Text(value=text, placeholder="Your answer", description="Answer")
    choices = [str(option) for option in options]
    return w.Dropdown(options=choices, value=text if text in choices else None, description="Answer")


def _same(text: str, answer: Any) -> bool:
    if isinstance(answer, str):
        return text.strip().casefold() == answer.strip().casefold()
    try:
        return float(text) == float(answer)
    except ValueError:
        return False
