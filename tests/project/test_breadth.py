"""The table of networks that the engine takes has no empty cell."""

from pathlib import Path

import pytest
from breadth import COLUMNS, LARGE, RULES, SMALL, page, tried


def check(name, entry):
    row = tried(name, entry)
    assert set(row) == set(COLUMNS)
    assert all(row.values())
    assert [row[column] for column in ("activations", *RULES, "dream step")] == ["yes"] * 5
    return row


@pytest.mark.parametrize("name", ["U-Net", "1-D net", "3-D net", "Two inputs", "NCHW graph"])
def test_small_networks(name):
    row = check(name, SMALL[name])
    assert "one forward pass" in row["backward"] or name == "U-Net"
    assert page([row]).count("\n") == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", [*LARGE, "MobileNetV2"])
def test_large_networks(name):
    check(name, (LARGE | SMALL)[name])


def test_the_page_shows_every_network():
    text = (Path(__file__).parents[2] / "docs" / "breadth.md").read_text("utf-8")
    shown = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")][2:]
    assert shown == [*LARGE, *SMALL]
    assert "||" not in text
    assert "|  |" not in text
