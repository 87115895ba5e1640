"""The table of unusual networks: every picture is that of the oracle, and the page shows what the script finds."""

import re
from pathlib import Path

import pytest
from truth import CASES, RULES, SILENT, compared, silence

PAGE = (Path(__file__).parents[2] / "docs" / "truth.md").read_text("utf-8")
QUICK = ["sort", "gradient from its input", "clip(x, 0, 1)", "l2_normalize", "recurrent cell"]


def check(case):
    *differences, guided, gradient = compared(case)
    assert len(differences) == len(RULES)
    assert max(map(float, differences)) < 1e-5
    assert gradient == "exact"
    name = case.name.replace("|", "\\|")
    assert re.search(rf"^\| {re.escape(name)} \|.*\| {re.escape(guided)} \| {gradient} \|$", PAGE, re.M)


@pytest.mark.parametrize("name", QUICK)
def test_a_picture_is_that_of_the_oracle(name):
    check(next(case for case in CASES if case.name == name))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_picture_is_that_of_the_oracle(case):
    check(case)


@pytest.mark.parametrize("case", SILENT, ids=lambda case: f"{case.name}, {case.rule}")
def test_an_empty_picture_says_why(case):
    row = silence(case)
    assert f"| {' | '.join(row)} |" in PAGE
    assert (row[2] == "empty") == (row[3] != "nothing")
