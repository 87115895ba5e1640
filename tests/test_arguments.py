"""An argument that does not fit its annotation explains a failure; what works is never refused, no bug is hidden."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pytest

from cnnvis_widgets.arguments import checked, fits
from cnnvis_widgets.errors import LayerError, NotEnoughMemoryError, OptionError

FITTING = [
    *((2, int), (np.int64(2), int), (True, int), (np.array(3), int), (2, float), (np.float32(2), float)),
    *(("a", str), ("a", Path | str), (Path("a"), str | os.PathLike[str]), (None, int | None), (b"a", bytes)),
    *(([1], Sequence[int]), (range(3), Sequence[int]), (np.arange(3), Sequence[int]), (pd.Series([1]), Sequence[int])),
    *(((1, 2), tuple[int, int]), ((), tuple[int, ...]), ((1, 2, 3), tuple[int, ...]), ([1, 2], tuple[int, int])),
    *(
        (iter("ab"), Iterable[int]),
        ({}, Mapping[str, int]),
        ("auto", Literal["auto", "map"]),
        (print, Callable[..., None]),
    ),
    *((object(), Any), (object(), object), (3, "no annotation that is known"), ([1, "a"], list[int | str])),
]
ODD = [
    *((1.5, int), ("1", int), (2**70, int), (np.arange(2), int), ("2", float), (float("nan"), float), (1j, float)),
    *((10**400, float), (2, str), ("\ud800", str), ("a\0", str | os.PathLike[str]), ("x" * 5000, Path | str)),
    *((2.5, int | str), ("a", bytes), ("abc", Sequence[str]), ([1.5], Sequence[int])),
    *((3, Sequence[int]), (np.array(3), Sequence[int]), ((1, 2, 3), tuple[int, int]), ({1: 2}, Sequence[int])),
    *(([], Mapping[str, int]), ("car", Literal["auto", "map"]), (3, Callable[..., None]), (np.zeros(2), bool)),
]


@pytest.mark.parametrize(("value", "kind"), FITTING)
def test_what_works_fits(value, kind):
    assert fits(value, kind)


@pytest.mark.parametrize(("value", "kind"), ODD)
def test_what_is_odd_does_not(value, kind):
    assert not fits(value, kind)


@checked
def area(sides: Sequence[float], *, unit: Literal["m", "cm"] = "m", more: Unknown = None) -> float:  # noqa: F821
    """A docstring."""
    return sides[0] * sides[1] + (unit == 0)


def test_a_call_that_works_is_left_alone():
    assert area([2, 3]) == 6
    assert area(np.array([2.0, 3.0]), more=object()) == 6
    assert (area.__name__, area.__doc__) == ("area", "A docstring.")
    assert area([2, 3], unit=0) == 7  # odd, and it works


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3,), r"Expected sides: Sequence\[float\]\. Received: sides=3\."),
        ((np.zeros((2, 2), complex)[0, 0],), r"Received: sides=an array of shape \(\) and dtype complex128\."),
        (("x" * 900,), r"Received: sides='x{190,200}\.\.\.\."),
    ],
)
def test_the_error_names_the_argument(arguments, words):
    with pytest.raises(OptionError, match=words) as caught:
        area(*arguments)
    assert isinstance(caught.value.__cause__, TypeError | IndexError)


def test_python_tells_of_arguments_that_are_missing_or_too_many():
    with pytest.raises(TypeError, match="missing"):
        area()
    with pytest.raises(TypeError, match="unexpected"):
        area([2, 3], colour="red")


def test_a_bug_stays_what_it_is():
    @checked
    def broken(number: int) -> int:
        return number + None

    with pytest.raises(TypeError, match="unsupported operand"):
        broken(2)
    with pytest.raises(OptionError, match="number"):
        broken("2")


def test_errors_of_ours_pass():
    @checked
    def refusing(number: int) -> None:
        raise LayerError("Expected a layer.")

    with pytest.raises(LayerError):
        refusing("2")


def test_generators_are_explained_where_they_fail():
    @checked
    def counted(count: int):
        yield 0
        yield from range(count)

    steps = counted("3")
    assert next(steps) == 0
    with pytest.raises(OptionError, match="count='3'"):
        next(steps)
    assert list(counted(2)) == [0, 0, 1]


def test_classes_and_memory():
    @checked
    @dataclass(frozen=True)
    class Box:
        side: int

        def __post_init__(self):
            bytearray(self.side)

    assert Box(3) == Box(side=3)
    with pytest.raises(OptionError, match="side: int"):
        Box("3")
    with pytest.raises(NotEnoughMemoryError, match="fit into memory"):
        Box(2**62)
