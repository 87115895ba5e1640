"""The table of benchmarks says what its figures say."""

import json
from pathlib import Path

import pytest
from engine import document, met

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ({"target": ">= 1.4", "ratio": 1.4}, "yes"),
        ({"target": ">= 10", "ratio": 9.99}, "no"),
        ({"target": "< 2 s", "ratio": 1.01}, "yes"),
        ({"target": "< 2 s", "ratio": 0.9}, "no"),
        ({"target": "< 2048, flat", "after 32 maps": 1000, "after all": 1040}, "yes"),
        ({"target": "< 2048, flat", "after 32 maps": 1000, "after all": 1200}, "no"),
        ({"target": "< 2048, flat", "after 32 maps": 2100, "after all": 2100}, "no"),
        ({"target": "", "ratio": 3}, ""),
    ],
)
def test_whether_a_target_is_met(row, answer):
    assert met(row) == answer


def test_the_document_is_that_of_the_figures():
    rows = json.loads((ROOT / "benchmarks/results/engine.json").read_text())["rows"]
    assert (ROOT / "docs/benchmarks.md").read_text() == document(rows)


def test_a_missed_target_comes_with_its_profile():
    row = {"work": "work", "target": ">= 2", "where the time goes": ["1.00 s a.py:b"], "machine": {"cores": 2}}
    assert "- `1.00 s a.py:b`" in document([row | {"ratio": 1.5}])
    assert "a.py" not in document([row | {"ratio": 2.5}])


def waits():
    pytest.importorskip("playwright")
    import explorer_waits

    return explorer_waits


def test_a_wait_is_judged_by_its_median():
    timed = waits().timed
    assert [timed("a wait", 150, times)["met"] for times in ([100, 149, 900], [100, 150, 151])] == [True, False]


def test_how_old_a_picture_is():
    age = waits()._age
    left = [[10.0, "first"], [11.0, "second"], [12.0, "first"], [float("inf"), "third"]]  # when it was left, and which
    said = "Feature maps of first: all 8"
    assert age({"says": said, "at": 9_900.0}, left) == 0  # before it was left
    assert age({"says": said, "at": 10_250.0}, left) == 250
    assert age({"says": said, "at": 11_500.0}, left) == 0  # it is chosen again
    assert age({"says": said, "at": 12_100.0}, left) == 100
    assert age({"says": "Feature maps of third: all 8", "at": 12_500.0}, left) == 0


def test_the_page_of_the_explorer_is_that_of_the_figures():
    waits()
    from explorer import PAGE, RESULTS, document

    assert PAGE.read_text() == document(json.loads(RESULTS.read_text()))
