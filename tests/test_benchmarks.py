"""The table of benchmarks says what its figures say."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))

from engine import document, met  # noqa: E402


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
