"""The deliberate faults still fit the code, and the page is that of the results."""

import json
from pathlib import Path

import pytest
from faults import FAULTS
from run_faults import PAGE, RESULTS, page

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.title)
def test_the_text_to_change_stands_there_once(fault):
    source = (ROOT / "cnnvis_widgets" / fault.file).read_text()
    assert source.count(fault.right) == 1
    assert (ROOT / "tests" / fault.tests.partition(" ")[0]).exists()
    compile(source.replace(fault.right, fault.wrong), fault.file, "exec")


def test_the_page_shows_what_was_found():
    kept = json.loads(RESULTS.read_text())
    assert {row["fault"] for row in kept["faults"]} <= {fault.title for fault in FAULTS}
    assert not [row for row in kept["faults"] if "survived" in row["noticed by"]]
    assert PAGE.read_text() == page(kept)
