"""An exercise in JupyterLab as a student meets it: predict, commit, wrong, hint, right; then the page is reloaded."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect
from servers import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

QUESTION = """from cnnvis_widgets import Exercise, ModelExplorer
exercise = Exercise(
    ModelExplorer(),
    "How many maps has <code>stem_relu</code>?",
    key="maps",
    answer=32,
    hints=["Count them.", "Four rows of eight."],
    solution="Thirty-two.",
)
exercise"""


@pytest.fixture(scope="module")
def answers(folder):
    """The folder where the notebook's answers are kept."""
    write_notebook(folder / "exercise.ipynb", [QUESTION])
    return folder / "Answers"


def test_predict_commit_hint_right_and_reload(open_notebook, answers):
    notebook = open_notebook("lab", "exercise.ipynb", shows=".cnnvis-exercise")
    page, asked = notebook.page, notebook.page.locator(".cnnvis-exercise")
    explorer, feedback = asked.locator(".cnnvis-explorer"), asked.locator("[role=status]").first
    answer = asked.get_by_label("Answer", exact=True)

    expect(feedback).to_have_text("Predict first; then look.")
    expect(explorer).to_be_hidden()
    assert not answers.exists()

    answer.fill("31")
    asked.get_by_role("button", name="Commit").click()
    expect(feedback).to_contain_text("Not 31. Look, and try again.")
    expect(explorer).to_be_visible()
    expect(explorer.locator("canvas[data-picture=montage]")).to_have_attribute(
        "aria-label", re.compile("Feature maps of stem_relu")
    )
    assert record(answers) == {"attempts": ["31"], "hints": 0, "solved": False, "score": 0.0}
    notebook.screenshot("exercise-wrong", of=".cnnvis-exercise")

    asked.get_by_role("button", name="Hint").click()
    expect(feedback).to_contain_text("Hint 1: Count them.")
    assert record(answers) == {"attempts": ["31"], "hints": 1, "solved": False, "score": 0.0}

    answer.fill("32")
    asked.get_by_role("button", name="Commit").click()
    expect(feedback).to_contain_text("Right (score 0.6). Thirty-two.")
    expect(asked.get_by_role("button", name="Commit")).to_be_disabled()
    solved = {"attempts": ["31", "32"], "hints": 1, "solved": True, "score": 0.6}
    assert record(answers) == solved
    assert notebook.python("exercise.score()") == 0.6
    notebook.screenshot("exercise-right", of=".cnnvis-exercise")

    # a new kernel and a new page: what was answered is there again
    notebook = open_notebook("lab", "exercise.ipynb", shows=".cnnvis-exercise")
    asked = notebook.page.locator(".cnnvis-exercise")
    expect(asked.locator("[role=status]").first).to_contain_text("Right (score 0.6). Thirty-two.")
    expect(asked.get_by_label("Answer", exact=True)).to_have_value("32")
    expect(asked.get_by_role("button", name="Commit")).to_be_disabled()
    expect(asked.locator(".cnnvis-explorer")).to_be_visible()
    assert record(answers) == solved
    assert page.is_closed()
    assert notebook.faults() == []


def record(answers):
    """What the file says."""
    kept = json.loads((answers / "maps.json").read_text())
    return {name: kept[name] for name in ("attempts", "hints", "solved", "score")}
