"""The tables of unusual networks: every picture is that of the oracle, and the page shows what the script finds."""

import json
import re
from pathlib import Path

import pytest
from truth import embedded, layers
from truth.ops import CASES, compared
from truth.oracle import RULES, in_table
from truth.silences import CLASSES, SILENT, class_silence, silence

PAGE = (Path(__file__).parents[2] / "docs" / "truth.md").read_text("utf-8")
QUICK = ["sort", "gradient from its input", "clip(x, 0, 1)", "l2_normalize", "recurrent cell"]
QUICK_LAYERS = ["the same, reshaped by hand", "LayerNorm by its moments", "a Keras layer called twice: second call"]
OTHER_TOWER = "the right call of the tower, about the left image"


def check(case):
    *differences, guided, gradient = compared(case)
    assert len(differences) == len(RULES)
    assert max(map(float, differences)) < 1e-5
    assert gradient == "exact"
    assert re.search(rf"^\| {re.escape(in_table(case.name))} \|.*\| {re.escape(guided)} \| {gradient} \|$", PAGE, re.M)


def check_layer(name):
    listed, *cells, guided = layers.compared(name)
    values, *pictures, cam = cells
    assert float(values) < 1e-5
    if name == OTHER_TOWER:
        assert {*pictures} == {"refused: GradientError"}
        assert cam == "refused: LayerError"
    else:
        assert max(map(float, [*pictures, cam])) < 1e-5
    assert re.search(rf"^\| {re.escape(name)} \| {re.escape(listed)} \|.*\| {re.escape(guided)} \|$", PAGE, re.M)


@pytest.mark.parametrize("name", QUICK)
def test_a_picture_is_that_of_the_oracle(name):
    check(next(case for case in CASES if case.name == name))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_picture_is_that_of_the_oracle(case):
    check(case)


@pytest.mark.parametrize("name", QUICK_LAYERS)
def test_a_layer_is_what_people_mean(name):
    check_layer(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", layers.CASES)
def test_every_layer_is_what_people_mean(name):
    check_layer(name)


@pytest.mark.parametrize("case", SILENT, ids=lambda case: f"{case.name}, {case.rule}")
def test_an_empty_picture_says_why(case):
    row = silence(case)
    assert f"| {' | '.join(row)} |" in PAGE
    assert (row[2] == "empty") == (row[3] != "nothing")


@pytest.mark.parametrize("name", CLASSES)
def test_an_empty_map_of_a_class_says_why(name):
    row = class_silence(name)
    assert f"| {' | '.join(row)} |" in PAGE
    assert (row[2] == "empty") == (row[3] != "nothing")


def test_every_empty_picture_of_the_embedded_network_has_a_reason():
    assert embedded.empty_pictures() in PAGE
    rows = json.loads(embedded.EMPTY.read_text("utf-8"))
    assert {row["rule"] for row in rows} == {*RULES}
    assert all(sum(row["reasons"].values()) == row["now"] <= row["before"] for row in rows)


def test_the_page_shows_how_many_channels_dream():
    assert embedded.dreams_from_noise() in PAGE
