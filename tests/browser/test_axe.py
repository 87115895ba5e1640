"""What axe-core finds in every view, in both themes: nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FOUND = """async (within) => {
  const {violations, passes} = await axe.run(within, {resultTypes: ["violations"]});
  const told = (rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")} ${node.failureSummary}`);
  return [violations.flatMap(told), passes.length];
}"""
VIT = """
import sys
sys.path[:0] = [{tests!r}]
from transformers import hand_written, vit
from cnnvis_widgets import ModelExplorer, demo, load

photo = demo.photos()["chelsea"][:288:4, 60:348:4][:72, :72].astype("float32") / 127 - 1
explorer = ModelExplorer(load(vit(hand_written, grid=12), photo, class_names=["ant", "bee", "cat", "dog"]))
explorer
"""
ELSEWHERE = {"mistakes", "attention"}
"""Views for which another network or a survey is needed."""


def assert_clean(notebook, axe, what):
    """axe must find nothing in the explorer, in both themes."""
    for theme in ("Light", "Dark"):
        notebook.in_theme(theme)
        notebook.await_layout()
        if not notebook.page.evaluate("() => 'axe' in window"):
            notebook.page.evaluate(axe)
        violations, passed = notebook.page.evaluate(FOUND, ".cnnvis-explorer")
        assert violations == [], f"{what}, {theme}"
        assert passed > 10, "it has looked"


def test_the_views_of_the_embedded_network(open_notebook, axe):
    notebook = open_notebook("lab", "first.ipynb")
    notebook.await_cells()
    notebook.rest()
    notebook.await_python("explorer.card.facts is not None and explorer.card.facts.complete")
    for name in notebook.python("list(explorer.views)"):
        if name in ELSEWHERE:
            continue
        notebook.python(f"setattr(explorer.state, 'method', {name!r})")
        if name == "deep dream":
            notebook.python("[setattr(explorer.state, *each) for each in (('octaves', 1), ('steps', 3))]")
            notebook.python("explorer.start()")
        if name == "occlusion":
            notebook.python("setattr(explorer.state, 'occluder', (60, 60, 45, 45))")
            notebook.await_python("explorer.views['occlusion'].manual.occluded is not None")
        if name == "intervention":
            notebook.python("setattr(explorer.state, 'factor', 0.0)")
            notebook.await_python("explorer.views['intervention'].intervention is not None")
        notebook.rest()
        assert_clean(notebook, axe, name)


def test_the_card_with_a_number_step_by_step_and_a_pinned_card(open_notebook, axe):
    notebook = open_notebook("lab", "short.ipynb")
    notebook.await_cells()
    notebook.rest()
    notebook.await_python("explorer.card.facts is not None and explorer.card.facts.complete")
    assert_clean(notebook, axe, "card")
    notebook.page.get_by_role("button", name="How is this number made?").click()
    notebook.await_python("explorer.card.number.told is not None")
    notebook.page.locator(".cnnvis-number").get_by_role("button", name="Next", exact=True).click()
    notebook.python("explorer.card.pin()")
    notebook.await_python("len(explorer.state.pinned_cards) == 1")
    notebook.python("explorer.survey()")
    notebook.await_python("explorer.card.elsewhere.patches is not None and not explorer.state.survey_running")
    notebook.unfold_options()
    notebook.open_menu()
    assert_clean(notebook, axe, "number, pinned card, patches, menu")
    notebook.page.get_by_role("button", name="Help", exact=True).click()
    assert_clean(notebook, axe, "help")


def test_mistakes_and_the_pad_of_a_small_network(open_notebook, axe):
    notebook = open_notebook("lab", "digits.ipynb")
    notebook.await_cells()
    notebook.rest()
    assert_clean(notebook, axe, "pad")
    data = "cv.demo.digits()"
    notebook.python(f"explorer.survey({data}.test_images[:60], labels={data}.test_labels[:60])")
    notebook.await_python("not explorer.state.survey_running and explorer.surveying.has_labels")
    notebook.show("Mistakes")
    notebook.await_python("len(explorer.views['mistakes'].mistakes) > 0")
    assert_clean(notebook, axe, "mistakes")


def test_the_attention_of_a_transformer(open_notebook, folder, axe):
    write_notebook(folder / "axe.ipynb", [VIT.format(tests=str(Path(__file__).parents[1]))])
    notebook = open_notebook("lab", "axe.ipynb")
    notebook.await_cells()
    notebook.rest()
    notebook.show("Attention")
    assert_clean(notebook, axe, "attention")
    assert notebook.faults() == []
