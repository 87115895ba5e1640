"""An exercise in JupyterLab as a student meets it: predict, look, wrong, hint, right; then the page is reloaded."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect
from servers import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

QUESTION = """from cnnvis_widgets import Exercise, ModelExplorer, Question
question = Question(
    "How many maps does <code>stem_relu</code> have?",
    32,
    unit="maps",
    hints=("Count them.", "Four rows of eight."),
    solution="Thirty-two.",
)
explorer = ModelExplorer()
explorer.state.layer = "stem_relu/Relu6"
exercise = Exercise(question, explorer, key="maps")
exercise"""


@pytest.fixture(scope="module")
def answers(folder):
    """The folder where the notebook's answers are kept."""
    write_notebook(folder / "exercise.ipynb", [QUESTION])
    return folder / "Answers"


def test_predict_look_hint_right_and_reload(open_notebook, answers):
    notebook = open_notebook("lab", "exercise.ipynb", shows=".cnnvis-exercise")
    page, asked = notebook.page, notebook.page.locator(".cnnvis-exercise")
    explorer, feedback = asked.locator(".cnnvis-explorer"), asked.locator("[role=status]").first

    expect(feedback).to_have_text("Predict first: a wrong guess costs nothing.")
    expect(explorer).to_be_hidden()
    assert not answers.exists()

    prediction = asked.get_by_label("Prediction", exact=True)
    prediction.fill("many")
    prediction.press("Enter")
    expect(feedback).to_contain_text("Received: 'many'. Nothing was stored.")
    expect(explorer).to_be_hidden()

    prediction.fill("thirty-one")
    prediction.press("Enter")
    expect(feedback).to_contain_text("Your prediction: thirty-one. Now look, and answer.")
    expect(explorer).to_be_visible()
    expect(explorer.locator("canvas[data-picture=montage]")).to_have_attribute(
        "aria-label", re.compile("Feature maps of stem_relu")
    )
    assert events(answers) == [("prediction", "thirty-one")]

    answer = asked.get_by_label("Answer", exact=True)
    answer.fill("31")
    asked.get_by_role("button", name="Check").click()
    expect(feedback).to_contain_text("Not 31. Look, and try again.")
    notebook.screenshot("exercise-wrong", of=".cnnvis-exercise")
    asked.get_by_role("button", name="Hint").click()
    expect(feedback).to_contain_text("Hint 1: Count them.")
    asked.get_by_role("button", name="Show solution").click()
    expect(asked.get_by_role("button", name="Really show it?")).to_be_visible()

    answer.fill("32 maps")
    answer.press("Enter")
    expect(feedback).to_contain_text("Right (0.6 of 1 points). Your prediction: thirty-one. Thirty-two.")
    expect(asked.get_by_role("button", name="Check")).to_be_disabled()
    solved = [("prediction", "thirty-one"), ("check", "31"), ("hint", ""), ("check", "32 maps")]
    assert events(answers) == solved
    assert notebook.python("exercise.score()") == 0.6
    notebook.screenshot("exercise-right", of=".cnnvis-exercise")

    # a new kernel and a new page: what was answered is there again
    notebook = open_notebook("lab", "exercise.ipynb", shows=".cnnvis-exercise")
    asked = notebook.page.locator(".cnnvis-exercise")
    expect(asked.locator("[role=status]").first).to_contain_text("Right (0.6 of 1 points).")
    expect(asked.get_by_label("Answer", exact=True)).to_have_value("32 maps")
    expect(asked.get_by_role("button", name="Check")).to_be_disabled()
    expect(asked.locator(".cnnvis-explorer")).to_be_visible()
    assert events(answers) == solved
    assert page.is_closed()
    assert notebook.faults() == []


def events(answers):
    """What the file says."""
    kept = json.loads((answers / "maps.json").read_text())
    return [(event["kind"], event["text"]) for event in kept["events"]]
