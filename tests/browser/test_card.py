"""The card of a channel in JupyterLab: what is clicked there, and the survey that fills it in while it runs."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from servers import nameless

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SLOW = """
import threading
import numpy as np
class Slow:
    '''Photos of the explorer over and over; after the sixteenth they wait until the gate opens.'''
    gate = threading.Event()
    def __iter__(self):
        for number in range(64):
            if number == 16:
                self.gate.wait(200)
            yield np.array(explorer.fed_images.images[number % 9])
slow = Slow()
explorer.survey(slow)
"""


@pytest.fixture(scope="module")
def notebook(lab):
    lab.await_python("explorer.card.facts is not None and explorer.card.facts.complete")
    expect(lab.picture("card-where")).to_have_attribute("data-frames", re.compile(r"\d"))
    return lab


def test_clicks_in_the_card_change_the_state(notebook):
    state = "explorer.state"
    channel = notebook.python(f"{state}.channel")
    notebook.page.locator(".cnnvis-channel").get_by_role("button", name="›", exact=True).click()
    notebook.await_python(f"{state}.channel == {channel + 1}")
    notebook.await_python("explorer.card.facts.channel == explorer.state.channel and explorer.card.facts.complete")
    rows, columns = notebook.python("list(explorer.card.facts.values.shape)")
    notebook.await_layout()
    x, y = (round(place) for place in notebook.at("card-where", 112, 60))  # a unit is a pixel of the page, or less
    box = notebook.picture("card-where").bounding_box()
    notebook.page.mouse.click(x, y)
    notebook.await_python(f"{state}.unit is not None")
    unit = [int((y - box["y"]) * rows / box["height"]), int((x - box["x"]) * columns / box["width"])]
    assert notebook.python(f"list({state}.unit)") == unit
    name = notebook.page.locator(".cnnvis-channel").get_by_role("textbox", name="Name")
    name.fill("dark round spot")
    name.press("Enter")
    named = notebook.await_python(f"{state}.channel_names")
    assert list(named.values()) == ["dark round spot"]
    notebook.page.locator(".cnnvis-channel").get_by_role("button", name="Pin", exact=True).click()
    notebook.await_python(f"len({state}.pinned_cards) == 1")
    expect(notebook.page.locator(".cnnvis-pinned")).to_contain_text("dark round spot")
    assert nameless(notebook) == []
    notebook.page.locator(".cnnvis-pinned").get_by_role("button", name="Unpin").click()
    notebook.await_python(f"not {state}.pinned_cards")


def test_a_number_is_told_step_by_step(notebook):
    notebook.page.get_by_role("button", name="How is this number made?").click()
    notebook.await_python("explorer.card.number.told is not None")
    scene = notebook.page.locator(".cnnvis-number")
    expect(scene).to_contain_text("Forwards: how the value comes about")
    scene.get_by_role("button", name="Next", exact=True).click()
    expect(scene.get_by_role("status")).to_contain_text("sum so far")
    assert scene.locator(".cnnvis-lit").count() == 2
    scene.get_by_role("button", name="Play").click()
    expect(scene.get_by_role("status")).to_contain_text("gives", timeout=60_000)
    layer, below = notebook.python("[explorer.state.layer, explorer.card.number.told.below]")
    if below != "image":
        scene.locator("td button").nth(4).click()
        notebook.await_python(f"explorer.state.layer == {below!r}")
        notebook.python(f"setattr(explorer.state, 'layer', {layer!r})")
    notebook.page.get_by_role("button", name="Hide the numbers").click()
    expect(notebook.page.locator(".cnnvis-number")).to_have_count(0)
    notebook.rest()


def test_patches_are_filled_in_while_the_survey_runs(notebook):
    notebook.python(f"exec({SLOW!r}, globals())")
    running = "explorer.state.survey_running"
    shown = "explorer.card.elsewhere.patches"
    notebook.await_python(f"{shown} is not None and len({shown}.patches)")
    assert notebook.python(running)
    expect(notebook.picture("elsewhere")).to_be_visible()
    expect(notebook.page.get_by_role("button", name="Cancel survey")).to_be_visible()
    expect(notebook.page.locator(".cnnvis-channel")).to_contain_text(re.compile(r"Surveying \d+ of \? images"))
    layer, channel = notebook.python("[explorer.state.layer, explorer.state.channel]")
    assert notebook.python(f"[{shown}.layer.name, {shown}.channel]") == [layer, channel]
    count = notebook.python("len(explorer.state.images)")
    notebook.page.mouse.click(*notebook.at("elsewhere", 30, 30))
    notebook.await_python(f"len(explorer.state.images) == {count + 1}")
    key = notebook.python(f"{shown}.patches[0].key")
    assert notebook.python("explorer.state.images[explorer.state.image]") == f"surveyed {key}"
    assert notebook.python(running)
    notebook.page.get_by_role("button", name="Cancel survey").click()
    notebook.python("slow.gate.set()")
    notebook.await_python(f"not {running}")
    assert re.match(r"Stopped: \d+ images surveyed", notebook.python("explorer.state.survey_status"))
    expect(notebook.page.get_by_role("button", name="Survey these images")).to_be_visible()
    assert nameless(notebook) == []
    assert notebook.faults() == []
