"""What is asked, and what is right: values, without widgets and files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import numpy as np
from PIL import Image

from ...arguments import checked
from ...errors import OptionError
from . import readings

Answer = bool | float | str | tuple[float, ...]
"""Yes or no, a number, text, or several numbers."""

AnswerKind = Literal["number", "numbers", "yes or no", "text"]

_EXPECTED = {
    "number": "a number, such as 8 or 0.5",
    "numbers": "numbers, such as 8 x 8",
    "yes or no": "yes or no",
}


@checked
@dataclass(frozen=True)
class Question:
    """A question and its right answer.

    Attributes:
        prompt: what is asked, HTML.
        answer: the right answer: ``True`` or ``False`` for yes or no, a number, several numbers as a tuple, or text
            without regard to case. A list of answers accepts each of them. A function gets the typed text and
            returns whether it is right. ``None`` where the teacher keeps the answer.
        kind: how an answer is read; by default as the right answer is.
        tolerance: by how much a number may differ.
        unit: of a number; shown behind the field, and may be typed.
        choices: for a menu; () for a text field.
        hints: HTML, the gentlest first.
        solution: HTML, shown after the right answer, or on request.
        guide: for teachers: what to look for in a discussion, common errors.
        points: of a right answer without hints.
        predict: whether a student can guess before looking. If so, the explorer stays hidden until the guess.
        picture: shown below the prompt: uint8 pixels (height, width) or (height, width, 3), a PIL image, the bytes of
            a PNG file, or a result that draws itself.

    Raises:
        OptionError: choices without the right answer, or a number that is none of points and tolerance.

    Example:
        >>> question = Question("How many rows does the map have?", 8, unit="rows")
        >>> question.accepts("eight"), question.accepts("8 rows"), question.accepts("16")
        (True, True, False)
    """

    prompt: str
    answer: Answer | list[Answer] | Callable[[str], bool] | None
    kind: AnswerKind | None = None
    tolerance: float = 0.0
    unit: str = ""
    choices: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    solution: str = ""
    guide: str = ""
    points: float = 1.0
    predict: bool = True
    picture: Any = None

    def __post_init__(self) -> None:
        for field in ("choices", "hints"):
            object.__setattr__(self, field, tuple(map(str, getattr(self, field))))
        object.__setattr__(self, "picture", _png(self.picture))
        if self.kind is None:
            object.__setattr__(self, "kind", _kind(self._answers))
        if self.kind == "yes or no" and not self.choices:
            object.__setattr__(self, "choices", ("yes", "no"))
        if self.points <= 0 or self.tolerance < 0:
            raise OptionError(
                f"Expected points above 0 and a tolerance of at least 0. Received: points={self.points!r}, "
                f"tolerance={self.tolerance!r}."
            )
        if self.choices and self.answer is not None and not any(map(self.accepts, self.choices)):
            raise OptionError(
                f"Expected choices with the right answer among them. Received: choices={self.choices!r}, "
                f"answer={self.answer!r}."
            )

    @checked
    def accepts(self, text: str) -> bool:
        """Whether the typed text is right.

        Raises:
            OptionError: the teacher keeps the answer.
        """
        if self.answer is None:
            raise OptionError(
                "Expected a question with its answer. Received: one whose answer the teacher keeps. Mark it with the "
                "teacher's sheet."
            )
        if callable(self.answer):
            return bool(self.answer(text))
        return any(readings.same(text, answer, tolerance=self.tolerance, unit=self.unit) for answer in self._answers)

    @checked
    def unreadable(self, text: str) -> str:
        """Why a typed text is no answer at all, right or wrong; '' where it is one.

        Example:
            >>> Question("How many?", 8).unreadable("8 or so")
            "Expected a number, such as 8 or 0.5. Received: '8 or so'."
        """
        if self.choices:
            readable = any(readings.plain(text) == readings.plain(choice) for choice in self.choices)
            return "" if readable else f"Expected one of {', '.join(self.choices)}. Received: {text!r}."
        readers = {"number": readings.number, "numbers": readings.numbers}
        read = readers[self.kind](text, self.unit) if self.kind in readers else text.strip() or None
        expected = _EXPECTED.get(self.kind or "text", "an answer")
        return "" if read is not None else f"Expected {expected}. Received: {text!r}."

    @property
    def words(self) -> str:
        """The right answer in words, for a teacher."""
        if callable(self.answer):
            return "what its function accepts"
        return " or ".join(map(_word, self._answers)) + (f" {self.unit}" if self.unit else "")

    @property
    def _answers(self) -> list[Any]:
        """The right answers as Python's own values."""
        if self.answer is None or callable(self.answer):
            return []
        answers = self.answer if isinstance(self.answer, list) else [self.answer]
        return [answer.tolist() if isinstance(answer, np.generic | np.ndarray) else answer for answer in answers]


def _kind(answers: list[Any]) -> AnswerKind:
    if answers and all(isinstance(answer, bool) for answer in answers):
        return "yes or no"
    if answers and all(isinstance(answer, int | float) for answer in answers):
        return "number"
    return "numbers" if answers and all(isinstance(answer, tuple | list) for answer in answers) else "text"


def _word(answer: Any) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, float):
        return f"{answer:.4g}"
    return " × ".join(map(_word, answer)) if isinstance(answer, tuple | list) else str(answer)


def _png(picture: Any) -> bytes | None:
    """The PNG file of a picture.

    Raises:
        OptionError: it is none.
    """
    if picture is None or isinstance(picture, bytes):
        return picture
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.ndim in (2, 3):
        picture = Image.fromarray(picture.squeeze())
    if isinstance(picture, Image.Image):
        file = BytesIO()
        picture.save(file, "PNG")
        return file.getvalue()
    drawn = picture._repr_png_() if hasattr(picture, "_repr_png_") else None
    if not isinstance(drawn, bytes):
        raise OptionError(
            "Expected a picture: uint8 pixels, a PIL image, the bytes of a PNG file, or a result that draws itself. "
            f"Received: picture of type {type(picture).__name__}."
        )
    return drawn
