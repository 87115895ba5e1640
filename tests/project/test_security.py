"""SECURITY.md names a test for every promise, and it is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
ROWS = [
    (promise, test)
    for promise, tests in re.findall(r"^\| (.+?) \| (`tests/.+`) \|$", PAGE, re.M)
    for test in re.findall(r"`([^`]+)`", tests)
]


@pytest.mark.parametrize(("promise", "test"), ROWS)
def test_every_promise_is_held_by_a_test(promise, test):
    path, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / path).read_text("utf-8")


def test_the_page_has_promises_and_limits():
    promises = re.findall(r"^\| (?!promise|---)(.+?) \|", PAGE, re.M)
    assert {promise for promise, _ in ROWS} == set(promises)
    assert len(promises) >= 18
    assert "**What is not promised.**" in PAGE
    assert "docs/howto/strangers.md" in PAGE
    assert (ROOT / "docs/howto/strangers.md").exists()
