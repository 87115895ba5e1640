"""``Exercise``: predict, commit, look; hints, the solution, and a score that is not lost on reload."""

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
"""What a hint or a wrong answer costs of a score of 1; a right answer is worth at least 0.2."""


class Exercise(w.VBox):
    """A question in a notebook. The explorer stays hidden until a first answer is committed.

    Args:
        explorer: what to look at, shown below the question after the first commitment; None for none.
        prompt: the question, HTML.
        key: the name of the exercise; its answers are kept in ``folder/key.json``.
        answer: the right answer, or a list of several. Text is compared without regard to case and
            surrounding space, numbers as numbers.
        check: instead, a function of the typed text that tells whether it is right.
        hints: HTML, the gentlest first.
        solution: HTML, shown when the answer is right, or asked for.
        options: choices for a menu instead of a text field.
        folder: where answers are kept. What is found there is restored.

    Attributes:
        record: what was answered so far.

    Raises:
        ValueError: not exactly one of ``answer`` and ``check``, or a key that is no file name.
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
        self._check = check or (lambda given: any(_same(given, each) for each in accepted))
        self._hints, self._solution = tuple(hints), solution
        self._path = Path(folder) / f"{key}.json"
        self.record: Record = answers.read(self._path)
        self._explorer = explorer
        given = self.record.attempts[-1] if self.record.attempts else ""
        self._field = _field(options, given)
        self._buttons = [w.Button(description=text) for text in ("Commit", "Hint", "Show solution")]
        self._feedback = w.HTML()
        for button, act in zip(self._buttons, (self._commit_field, self.hint, self.reveal), strict=True):
            button.on_click(lambda _, act=act: self._guarded(act))
        row = w.HBox([self._field, *self._buttons], layout=w.Layout(flex_flow="row wrap"))
        shown = [w.HTML(prompt), row, self._feedback]
        super().__init__([*shown, explorer] if explorer is not None else shown)
        self.add_class("cnnvis-exercise")
        self._draw()

    def commit(self, given: Any) -> bool:
        """Answer; whether it is right. Once solved or revealed, nothing changes any more."""
        if not self._over:
            text = str(given).strip()
            attempts = (*self.record.attempts, text)
            self._keep(replace(self.record, attempts=attempts, solved=bool(self._check(text))))
        return self.record.solved

    def hint(self) -> None:
        """Show the next hint, as long as there is one."""
        if not self._over and self.record.hints < len(self._hints):
            self._keep(replace(self.record, hints=self.record.hints + 1))

    def reveal(self) -> None:
        """Give up: show the solution. The score stays 0."""
        if not self._over:
            self._keep(replace(self.record, revealed=True))

    def score(self) -> float:
        """0 to 1, for an assertion or for nbgrader: 0 until solved, then 1 less what hints and errors cost."""
        return self.record.score

    @staticmethod
    def results(folder: str | os.PathLike[str] = "Answers") -> Results:
        """For teachers: the answers below a folder, where each student may have a folder of their own."""
        return answers.read_all(folder)

    @property
    def _over(self) -> bool:
        return self.record.solved or self.record.revealed

    def _keep(self, record: Record) -> None:
        spent = PENALTY * (record.hints + len(record.attempts) - 1)
        record = replace(record, score=round(max(PENALTY, 1 - spent), 2) if record.solved else 0.0)
        answers.write(self._path, record)
        self.record = record
        self._draw()

    def _commit_field(self) -> None:
        if self._field.value not in (None, ""):
            self.commit(self._field.value)

    def _guarded(self, act: Callable[[], Any]) -> None:
        """Errors of a click go to the page: elsewhere nobody would see them."""
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


def _field(options: Sequence[str] | None, given: str) -> w.Widget:
    if options is None:
        return w.Text(value=given, placeholder="Your answer", description="Answer")
    choices = [str(option) for option in options]
    return w.Dropdown(options=choices, value=given if given in choices else None, description="Answer")


def _same(given: str, answer: Any) -> bool:
    if isinstance(answer, str):
        return given.strip().casefold() == answer.strip().casefold()
    try:
        return float(given) == float(answer)
    except ValueError:
        return False
