"""What a student typed, read as a number, as several numbers, as yes or no, or as text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
)
_WORDS: dict[str, float] = {word: number for number, word in enumerate(f"{_UNITS} eighteen nineteen".split())}
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_WORDS |= {word: 10 * tens for tens, word in enumerate(_TENS, 2)}
_WORDS |= {"none": 0, "no": 0, "half": 0.5, "hundred": 100}
_YES, _NO = {"yes", "y", "true", "yes it is", "yes it does"}, {"no", "n", "false", "no it is not", "no it does not"}
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d+)?|[.,]\d+)(e[-+]?\d+)?( ?/ ?\d+)?( ?%)?")


def plain(text: str) -> str:
    """Text without differences that do not matter: width and case of letters, spaces around, a full stop at the end.

    Example:
        >>> plain("  Top LEFT. ")
        'top left'
    """
    normal = unicodedata.normalize("NFKC", text).replace("\N{MINUS SIGN}", "-").casefold()
    return " ".join(normal.split()).rstrip(" .!")


def number(text: str, unit: str = "") -> float | None:
    """Read one number: in digits, as a fraction, in per cent, or as an English word; a unit may follow.

    Args:
        text: as typed.
        unit: the unit, singular or plural, that may stand behind the number.

    Returns:
        The number; ``None`` where the text is no number. A comma is a decimal point, unless three digits follow
        it alone, which could mean thousands.

    Example:
        >>> number("8 rows", "rows"), number("eight"), number("0,5"), number("1/4"), number("25 %")
        (8.0, 8.0, 0.5, 0.25, 0.25)
        >>> number("8 x 8"), number("many"), number("1,000")
        (None, None, None)
    """
    normal = plain(text)
    stem = re.escape(plain(unit).removesuffix("s"))
    if unit and (match := re.fullmatch(rf"(.+?) ?{stem}s?", normal)):
        normal = match[1].strip()
    if normal in _WORDS:
        return float(_WORDS[normal])
    parts = re.split(r"[ -]", normal)
    if len(parts) == 2 and _WORDS.get(parts[0], 0) >= 20 and 0 < _WORDS.get(parts[1], 0) < 10:
        return float(_WORDS[parts[0]] + _WORDS[parts[1]])
    if not _NUMBER.fullmatch(normal) or re.fullmatch(r"[-+]?\d{1,3},\d{3}", normal):
        return None
    percent = normal.endswith("%")
    above, _, below = normal.rstrip(" %").replace(" ", "").replace(",", ".").partition("/")
    if below and not int(below):
        return None
    value = float(Fraction(above) / int(below)) if below else float(above)
    return value / 100 if percent else value


def numbers(text: str, unit: str = "") -> tuple[float, ...] | None:
    """Read several numbers: '8 x 8', '3, 5', '(3, 5)' or '3 and 5'. ``None`` where one of them is no number.

    Example:
        >>> numbers("14 x 14"), numbers("(3, 5)"), numbers("3 and five")
        ((14.0, 14.0), (3.0, 5.0), (3.0, 5.0))
    """
    inner = plain(text).strip("()[] ")
    parts = re.split(r" ?(?:\bx\b|×|\*|;|\band\b|, | ,|(?<=\d)x(?=\d)) ?", inner)
    read = [number(part, unit) for part in parts if part]
    return None if None in read or not read else tuple(value for value in read if value is not None)


def truth(text: str) -> bool | None:
    """Read yes or no; ``None`` for anything else.

    Example:
        >>> truth("Yes."), truth("n"), truth("perhaps")
        (True, False, None)
    """
    normal = plain(text).replace(",", "")
    return True if normal in _YES else False if normal in _NO else None


def same(text: str, answer: object, *, tolerance: float = 0.0, unit: str = "") -> bool:
    """Whether what was typed is an answer.

    Args:
        text: as typed.
        answer: a bool, a number, several numbers, or text.
        tolerance: by how much a number may differ. A rounding of the last digit that was typed is right, too, where
            at least three digits stand behind the point: 0.333 is a third.
        unit: may stand behind a number.

    Example:
        >>> same("0.333", 1 / 3), same("0.33", 1 / 3), same("0.33", 1 / 3, tolerance=0.01)
        (True, False, True)
    """
    if isinstance(answer, bool):
        return truth(text) is answer
    if isinstance(answer, int | float):
        value = number(text, unit)
        return value is not None and abs(value - answer) <= max(tolerance, _rounding(text)) + 1e-9 * abs(answer)
    if isinstance(answer, str):
        return plain(text) == plain(answer)
    if isinstance(answer, Sequence):
        values = numbers(text, unit)
        return (
            values is not None
            and len(values) == len(answer)
            and all(
                abs(value - float(right)) <= tolerance + 1e-9 * abs(float(right))
                for value, right in zip(values, answer, strict=True)
            )
        )
    return False


def _rounding(text: str) -> float:
    """Half of the last digit that was typed, where that is a thousandth or less; else 0."""
    digits = re.search(r"[.,](\d{3,})", plain(text))
    return 0.5 * 10.0 ** -len(digits[1]) if digits else 0.0
