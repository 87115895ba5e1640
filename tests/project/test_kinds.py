"""The table of model kinds has no empty cell and no bug; a quick part of it is made again here."""

import json

import numpy as np
import pytest
from kinds import __main__ as command
from kinds import trials
from kinds.catalogue import GROUPS, KINDS
from kinds.page import bugs, page
from kinds.sample import Sample
from kinds.trials import COLUMNS, judged, row

from cnnvis_widgets.errors import LayerError

QUICK = (
    "Keras, functional",
    "mixed_bfloat16",
    "two heads",
    "yes or no (one sigmoid)",
    "channels first, graph",
    "1-D signal",
    "784 pixels as a row",
    "squeeze and excitation",
)
FLAT = {*trials.CAMS, "occlusion"}  # a row of pixels has no maps, and nothing lies beside anything


def test_at_least_forty_kinds():
    assert len(KINDS) >= 40
    assert len(KINDS) == sum(map(len, GROUPS.values()))  # no name twice


@pytest.mark.parametrize("name", QUICK)
def test_quick_kinds(name):
    cells = row(KINDS[name](), COLUMNS[:-1])
    assert tuple(cells) == COLUMNS[:-1]
    refused = {column for column, cell in cells.items() if cell.startswith("refused: Expected")}
    assert refused == (FLAT if name == "784 pixels as a row" else set())
    assert cells.pop("attention") == "none"
    assert {cell for column, cell in cells.items() if column not in refused} == {"yes"}


def test_one_column_of_a_transformer():
    assert row(KINDS["vision transformer"](), ["attention"]) == {"attention": "yes"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::cnnvis_widgets.errors.FeedWarning")  # one kind mixes images, and says so
@pytest.mark.parametrize("name", KINDS)
def test_every_kind_with_the_explorer(name):
    cells = row(KINDS[name]())
    assert tuple(cells) == COLUMNS
    assert bugs({name: cells}) == []


def test_errors_of_our_own_are_refusals():
    assert judged(LayerError("Expected a layer. Received: 'x'.")) == "refused: Expected a layer. Received: 'x'."
    assert judged(ValueError("Expected one. Received: 2.")).startswith("refused: ")


@pytest.mark.parametrize(
    "error", [KeyError("Expected Received"), ValueError("shapes do not match"), LayerError("No such layer.")]
)
def test_other_errors_are_bugs(error):
    with pytest.raises(type(error)) as raised:
        raise error
    cell = judged(raised.value)
    assert cell.startswith(f"BUG: {type(error).__name__}: ")
    assert "test_kinds.py:" in cell


def test_a_cell_of_the_explorer_names_its_views():
    cells = {"opening": [], "attribution": ["refused: Expected a."], "deep dream": ["refused: Expected a."]}
    assert trials.of_views({"opening": []}) == "yes"
    assert trials.of_views(cells) == "refused: attribution, deep dream: Expected a."
    assert trials.of_views(cells | {"occlusion": ["BUG: b"]}) == (
        "BUG: occlusion: b / attribution, deep dream: Expected a."
    )


def test_numbers_that_are_wrong_are_bugs(monkeypatch):
    monkeypatch.setattr(trials, "METHODS", {"method": lambda subject: [np.array([1.0, np.nan])]})
    cells = row(KINDS["Keras, functional"](), ["loads", "method"])
    assert cells == {"loads": "yes", "method": "BUG: not finite"}


def test_a_model_that_does_not_load_has_a_whole_row():
    cells = row(Sample(3, None))
    assert tuple(cells) == COLUMNS
    assert {cell.split(":")[0] for cell in cells.values()} == {"refused"}


def test_the_page_names_reasons_by_number():
    cells = dict.fromkeys(COLUMNS, "yes")
    rows = {"dilated": cells | {"dream": "refused: Expected a_b. Received: c."}, "grouped": cells | {"dream": "BUG: d"}}
    text = page(rows)
    assert "| dilated |" in text
    assert text.count("no (1)") == 1
    assert text.count("BUG (2)") == 1
    assert "1. Expected a\\_b. Received: c.\n2. BUG: d" in text
    assert bugs(rows) == [("grouped", "dream", "BUG: d")]


def test_the_stored_page_shows_every_kind():
    text = command.PAGE.read_text("utf-8")
    rows = json.loads(command.RESULTS.read_text("utf-8"))
    assert command.kept(rows) == rows
    assert page(rows).partition("\n\n")[2].partition("\n")[2] == text.partition("\n\n")[2].partition("\n")[2]
    columns = list(next(iter(rows.values())))
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("|")]
    assert [cells[0] for cells in lines if cells[0] not in ("kind", "---")] == list(KINDS)
    assert {len(cells) for cells in lines} == {len(columns) + 1}
    assert [tuple(row) for row in rows.values()] == [tuple(columns)] * len(KINDS)
    assert all(cell.strip() for cells in lines for cell in cells)
    assert "BUG" not in text
