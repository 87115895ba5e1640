"""A vision transformer in JupyterLab: a click on the photo asks from a token, a click on a head shows it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from servers import write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELL = """
import sys
sys.path[:0] = [{tests!r}]
from transformers import hand_written, vit
from cnnvis_widgets import ModelExplorer, demo, load

photo = demo.photos()["chelsea"][:288:4, 60:348:4][:72, :72].astype("float32") / 127 - 1
network = load(vit(hand_written, grid=12), photo, class_names=["ant", "bee", "cat", "dog"])
explorer = ModelExplorer(network)
explorer
"""


@pytest.fixture(scope="module")
def notebook(open_notebook, folder):
    from pathlib import Path

    write_notebook(folder / "attention.ipynb", [CELL.format(tests=str(Path(__file__).parents[1]))])
    opened = open_notebook("lab", "attention.ipynb")
    opened.rest()
    return opened


def test_the_maps_of_a_transformer(notebook):
    page = notebook.page
    expect(page.get_by_label("Layer", exact=True)).to_contain_text("12 × 12 × 32")
    notebook.screenshot("transformer-maps")


def test_a_click_asks_from_a_token(notebook):
    page = notebook.page
    notebook.show("Attention")
    notebook.rest()
    over = notebook.picture("attention")
    expect(over).to_have_attribute("aria-label", re.compile("from the class token, mean over heads"))
    box = over.bounding_box()
    over.click(position={"x": box["width"] * 0.3, "y": box["height"] * 0.6})
    notebook.rest()
    assert notebook.python("explorer.state.attention_query") == [7, 3]
    expect(over).to_have_attribute("aria-label", re.compile("from the token 7, 3"))
    notebook.screenshot("attention-of-a-token")
    notebook.picture("attention-heads").click(position={"x": 20, "y": 20})
    expect(page.get_by_label("Head", exact=True)).to_have_value("head 0")
    notebook.screenshot("attention-of-a-head")


def test_relevance_of_a_class(notebook):
    page = notebook.page
    page.get_by_label("Show", exact=True).select_option("Attention relevance")
    page.get_by_label("Explain").select_option("the chosen class")
    page.get_by_role("button", name="Class token or mean").click()
    notebook.rest()
    assert notebook.python("[explorer.result.method, explorer.state.error]") == ["attention_relevance", ""]
    notebook.screenshot("attention-relevance")
