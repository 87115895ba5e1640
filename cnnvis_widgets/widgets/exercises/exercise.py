"""``Exercise``: predict, look, answer; with hints, a solution, and points that survive a reload."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as w

from ...arguments import checked
from ...errors import OptionError, described
from . import records
from .marks import PENALTY, Mark, Marks, mark
from .questions import Question
from .records import Event, EventKind, Record


@checked
class Exercise(w.VBox):
    """A question in a notebook. A prediction is free; the last answer counts.

    The explorer stays hidden until the student has predicted, where a prediction makes sense. With a question whose
    answer the teacher keeps, answers are stored, and nothing tells whether they are right.

    Args:
        question: what is asked.
        explorer: appears below the question; ``None`` for no explorer.
        key: the name of the exercise; what the student does is stored in ``folder/key.json``.
        student: whose variant the question is; '' for all.
        folder: where answers are stored; earlier answers there are restored.

    Attributes:
        record: what the student did.

    Raises:
        OptionError: a key that cannot be a file name on every system.
        OutputError: the folder or the file in it cannot be used.

    Example:
        >>> from tempfile import mkdtemp
        >>> question = Question("How many max-pools lie before <code>conv3</code>?", 2, hints=("Read the menu.",))
        >>> exercise = Exercise(question, key="pools", folder=mkdtemp())
        >>> exercise.predict("three")
        >>> exercise.answer("two"), exercise.score()
        (True, 1.0)
    """

    def __init__(
        self,
        question: Question,
        explorer: w.Widget | None = None,
        *,
        key: str,
        student: str = "",
        folder: str | os.PathLike[str] = "Answers",
    ) -> None:
        if not key or Path(key).name != key or set(key) & set('\\/:*?"<>|') or key.strip(" .") != key:
            raise OptionError(
                f"Expected a key that can name a file on every system. Received: key={key!r}. Use letters and '_'."
            )
        self.question = question
        self._path = Path(folder) / f"{key}.json"
        self.record: Record = records.read(self._path, student)
        self._place = w.VBox([] if explorer is None else [explorer])  # hidden alone: exercises may share an explorer
        self._message = ""
        self._sure = False
        last = self.record.texts("prediction", "check", "answer")
        self._field = _field(question, last[-1] if last else "")
        self._field.on_msg(self._on_message)
        self._buttons = [w.Button(description=text) for text in ("Predict", "Hint", "Show solution")]
        for button, act in zip(self._buttons, (self._commit, self.hint, self._ask_for_solution), strict=True):
            button.on_click(lambda _, act=act: self._guarded(act))
        self._feedback = w.HTML()
        unit = [w.Label(question.unit)] if question.unit else []
        row = w.HBox([self._field, *unit, *self._buttons], layout=w.Layout(flex_flow="row wrap"))
        super().__init__([w.HTML(_prompt(question)), row, self._feedback, self._place])
        self.add_class("cnnvis-exercise")
        self._draw()

    @checked
    def predict(self, text: Any) -> None:
        """Store a prediction; it costs nothing. Only the first one is kept, and none after an answer.

        Raises:
            OptionError: the text cannot be read as an answer.
        """
        typed = self._readable(text)
        if not self.record.prediction and not self.record.answers and not self._over:
            self._store("prediction", typed)

    @checked
    def answer(self, text: Any) -> bool | None:
        """Give an answer. The last one counts; after the right answer or the solution nothing changes any more.

        Returns:
            Whether it is right; ``None`` where the teacher keeps the answer.

        Raises:
            OptionError: the text cannot be read as an answer. Nothing is stored.
        """
        typed = self._readable(text)
        if not self._over:
            self._store("check" if self.checked else "answer", typed)
        return self._mark().right if self.checked else None

    def hint(self) -> None:
        """Show the next hint, if there is one. It costs a fifth of the points."""
        if not self._over and self.record.count("hint") < len(self.question.hints):
            self._store("hint")

    def reveal(self) -> None:
        """Show the solution. An answer after it does not count."""
        if not self._over and self.checked:
            self._store("solution")

    def score(self) -> float | None:
        """The points so far, for nbgrader, too; ``None`` where the teacher keeps the answer."""
        return self._mark().points if self.checked else None

    @property
    def checked(self) -> bool:
        """Whether the exercise tells if an answer is right."""
        return self.question.answer is not None

    @property
    def marks(self) -> Marks:
        """The mark so far, as a table; without marks where the teacher keeps the answer."""
        return Marks([self._mark()] if self.checked else [])

    def _mark(self) -> Mark:
        return mark(self.question, self.record)

    @property
    def _over(self) -> bool:
        return self.record.count("solution") > 0 or (self.checked and self._mark().right)

    @property
    def _predicting(self) -> bool:
        """Whether the next text is a prediction."""
        return self.question.predict and not (self.record.prediction or self.record.answers or self._over)

    def _readable(self, text: Any) -> str:
        typed = str(text).strip()
        if reason := self.question.unreadable(typed):
            raise OptionError(f"{reason} Nothing was stored.")
        return typed

    def _store(self, kind: EventKind, text: str = "") -> None:
        record = self.record + Event(kind, text)
        records.write(self._path, record)
        self.record = record
        self._message, self._sure = "", False
        self._draw()

    def _commit(self) -> None:
        text = self._field.value
        if text not in (None, ""):
            self.predict(text) if self._predicting else self.answer(text)

    def _ask_for_solution(self) -> None:
        """The first click asks again, the second one shows it."""
        if self._sure:
            self.reveal()
        else:
            self._sure = True
            self._draw()

    def _on_message(self, _: Any, content: dict[str, Any], buffers: Any) -> None:
        """The return key, which the page tells as a 'submit'."""
        if content.get("event") == "submit":
            self._guarded(self._commit)

    def _guarded(self, act: Callable[[], Any]) -> None:
        """Act, and show an error in the page: the errors of a click appear nowhere else."""
        try:
            self._message = ""
            act()
        except Exception as error:
            self._message = described(error)
        self._draw()

    def _draw(self) -> None:
        predict, hint, solution = self._buttons
        predict.description = "Predict" if self._predicting else "Check" if self.checked else "Submit"
        predict.tooltip = "A prediction is free" if self._predicting else "The last answer counts"
        hint.description = f"Hint (−{PENALTY:.0%})"
        hint.tooltip = f"A hint costs {PENALTY:.0%} of the points"
        solution.description = "Really show it?" if self._sure else "Show solution"
        solution.tooltip = "No answer counts after the solution"
        self._field.description = "Prediction" if self._predicting else "Answer"
        for control in (self._field, *self._buttons):
            control.disabled = self._over
        hint.disabled = self._over or self.record.count("hint") >= len(self.question.hints)
        solution.layout.display = None if self.checked else "none"
        lines = [*self._lines(), *([f"<span role='alert'>{escape(self._message)}</span>"] if self._message else [])]
        self._feedback.value = f"<div role='status'>{''.join(f'<p>{line}</p>' for line in lines)}</div>"
        self._place.layout.display = "none" if self._predicting else None

    def _lines(self) -> list[str]:
        """What the student reads below the field, HTML."""
        record, question = self.record, self.question
        lines = [
            f"<b>Hint {place + 1}:</b> {text}" for place, text in enumerate(question.hints[: record.count("hint")])
        ]
        guess = f"Your prediction: {escape(record.prediction)}. " if record.prediction else ""
        answers = record.answers
        if self._predicting:
            return [*lines, "Predict first: a wrong guess costs nothing."]
        if record.count("solution"):
            return [*lines, f"<b>Solution:</b> {escape(question.words)}. {question.solution}"]
        if not answers:
            return [*lines, f"{guess}Now look, and answer."]
        last = escape(answers[-1].text)
        if not self.checked:
            time = answers[-1].at.replace("T", " ")[:16]
            return [*lines, f"{guess}Saved: <b>{last}</b> ({time} UTC). The last answer counts."]
        points = self._mark()
        if points.right:
            reached = f"{points.points:g} of {points.of:g} points"
            return [*lines, f"<b>Right</b> ({reached}). {guess}{question.solution}"]
        return [*lines, f"<b>Not {last}.</b> Look, and try again."]


def _prompt(question: Question) -> str:
    if question.picture is None:
        return question.prompt
    data = b64encode(question.picture).decode()
    return f'{question.prompt}<br><img alt="the picture of the question" src="data:image/png;base64,{data}">'


def _field(question: Question, text: str) -> w.Widget:
    if not question.choices:
        return w.Text(value=text, placeholder="Your answer", description="Answer")
    return w.Dropdown(options=question.choices, value=text if text in question.choices else None, description="Answer")
