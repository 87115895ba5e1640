"""What students type is read as they mean it."""

from __future__ import annotations

import pytest

from cnnvis_widgets.widgets.exercises.readings import number, numbers, same, truth


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(
            ("8", 8),
            (" 8.0 ", 8),
            ("8,0", 8),
            ("８", 8),
            ("+8", 8),
            ("-3", -3),
            ("\N{MINUS SIGN}3", -3),
            ("1e-3", 0.001),
        ),
        *(
            ("two", 2),
            ("Twenty-one", 21),
            ("twenty one", 21),
            ("none", 0),
            ("half", 0.5),
            ("1/3", 1 / 3),
            ("25 %", 0.25),
        ),
        *(("8 rows", 8), ("8rows", 8), ("one row", 1), (".5", 0.5), ("8.", 8)),
        *(("", None), ("  ", None), ("nan", None), ("inf", None), ("8x8", None), ("1,000", None), ("1/0", None)),
        *(
            ("many", None),
            ("8 columns", None),
            ("row", None),
            ("8 8", None),
            ("twenty eleven", None),
            ("__import__", None),
        ),
    ],
)
def test_numbers_are_read(text, value):
    read = number(text, "rows")
    assert read == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize("text", ["8 x 6", "8x6", "8×6", "(8, 6)", "[8, 6]", "8 and six", "8*6", "8 ; 6", "8, 6"])
def test_several_numbers_are_read(text):
    assert numbers(text) == (8, 6)
    assert same(text, (8, 6))
    assert not same(text, (6, 8))


def test_yes_and_no():
    assert [truth(text) for text in ("Yes.", "y", "TRUE", "no", "N", "", "yes and no", "0")] == [
        *(True, True, True, False, False),
        *(None, None, None),
    ]
    assert same("no", False)
    assert not same("maybe", False), "what is neither is no answer"


def test_tolerance_and_rounding():
    assert same("0.333", 1 / 3)
    assert not same("0.33", 1 / 3)
    assert same("0.33", 1 / 3, tolerance=0.01)
    assert same("1/3", 1 / 3)
    assert not same("0.334", 1 / 3)
    assert same("10", 12, tolerance=2)
    assert not same("9.9", 12, tolerance=2)
    assert same("3, 5", (3.04, 5), tolerance=0.05)
    assert same("1000000.0000001", 1_000_000)


def test_text_without_regard_to_case():
    assert same(" Top LEFT. ", "top left")
    assert not same("top", "top left")
    assert not same("8", None)
