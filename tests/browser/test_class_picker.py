"""The class picker alone in JupyterLab: searching, choosing, following the kernel."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from servers import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELL = """
import time
import traitlets
from cnnvis_widgets.widgets.elements.class_picker import ClassPicker

class State(traitlets.HasTraits):
    classes = ("cat", "crane", "crane", "<b>dog</b>")
    target = traitlets.Int(0)

state = State()
ClassPicker(state)
"""
BUSY = "() => void window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({code: `%s`})"


@pytest.fixture(scope="module")
def lab(open_notebook, folder):
    write_notebook(folder / "picker.ipynb", [CELL])
    opened = open_notebook("lab", "picker.ipynb", shows="select[aria-label=Class]")
    opened.await_cells()
    return opened


@pytest.fixture
def search(lab):
    return lab.page.get_by_label("Find class")


@pytest.fixture
def shown(lab):
    """The list of classes."""
    return lab.page.get_by_label("Class", exact=True)


def test_every_word_and_number_is_searched_for(lab, search, shown):
    expect(shown.locator("option")).to_have_text(["0 · cat", "1 · crane", "2 · crane", "3 · <b>dog</b>"])
    search.fill("CRA 2")
    expect(shown.locator("option")).to_have_text(["2 · crane"])
    assert lab.python("state.target") == 0, "searching is not choosing"
    expect(lab.page.get_by_text("Chosen class: 0 · cat")).to_be_visible()
    shown.select_option("2 · crane")
    assert lab.await_python("state.target == 2")
    expect(lab.page.get_by_text("Chosen class: 2 · crane")).to_be_visible()


def test_a_choice_of_the_kernel_ends_a_search_that_does_not_find_it(lab, search, shown):
    search.fill("crane")
    lab.python("setattr(state, 'target', 1)")
    expect(shown).to_have_value("1")
    expect(search).to_have_value("crane")
    lab.python("setattr(state, 'target', 3)")
    expect(shown).to_have_value("3")
    expect(search).to_have_value("")
    expect(shown.locator("option")).to_have_count(4)


def test_a_busy_kernel_is_told_the_class_that_was_pressed(lab, search, shown):
    lab.page.evaluate(BUSY % "time.sleep(3); found = state.target")
    search.fill("crane")
    expect(shown.locator("option")).to_have_text(["1 · crane", "2 · crane"], timeout=1000)
    search.press("Enter")
    search.fill("cat")
    shown.select_option("0 · cat")
    assert lab.await_python("state.target == 0")
    assert lab.python("found") == 3, "it was busy all the while"
