"""The dream studio in JupyterLab: a running dream is steered, paused, undone and filmed; then the Python state."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DREAM = "explorer.views['deep dream']"


@pytest.fixture(scope="module")
def notebook(open_notebook):
    opened = open_notebook("lab", "short.ipynb")
    opened.await_cells()
    opened.choose("Deep dream")
    return opened


def slide(notebook, label, key, presses=1):
    """Move a slider by keys."""
    handle = notebook.page.get_by_role("slider", name=label)
    handle.focus()
    for _ in range(presses):
        notebook.page.keyboard.press(key)


def test_a_running_dream_is_steered_paused_and_undone(notebook):
    page = notebook.page
    notebook.python("[setattr(explorer.state, *each) for each in (('octaves', 2), ('steps', 400))]")
    page.get_by_label("Start from").select_option("the photo")
    page.get_by_role("button", name="Start dreaming").click()
    expect(notebook.picture("dream")).to_have_attribute("aria-label", re.compile("Deep dream of .* step"))
    slide(notebook, "Step size", "ArrowRight", 5)
    notebook.await_python("explorer.state.pace > 1.04")
    assert notebook.python(f"{DREAM}._controls.step_size == 1.5 * explorer.state.pace")
    slide(notebook, "Strength on the photo", "ArrowLeft", 5)
    notebook.await_python("explorer.state.strength < 0.96")
    assert notebook.python(f"{DREAM}._controls.strength == explorer.state.strength")
    notebook.await_python("explorer.result.recipe['steered']")
    notebook.await_python("explorer.result.index > 10")

    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    assert notebook.python("[explorer.state.paused, explorer.state.running]") == [True, True]
    notebook.screenshot("studio-paused")
    page.get_by_role("button", name="Undo octave").click()
    notebook.await_python("explorer.state.paused and explorer.result.index == 0")
    points = notebook.python(f"[list(each) for each in {DREAM}.chart.points]")
    assert [step for step, _ in points] == [0], "the line goes back, too"

    slide(notebook, "Steps per octave", "PageDown", 40)
    slide(notebook, "Octaves", "ArrowRight", 1)
    notebook.await_python("explorer.state.octaves == 3 and explorer.state.steps < 400")
    steps = notebook.python("explorer.state.steps")
    page.get_by_role("button", name="Resume").click()
    notebook.await_python(f"explorer.result.octaves == 3 and explorer.result.total == 3 * {steps}")
    notebook.await_python(f"len({DREAM}.chart.points) > 3")
    expect(page.locator(".bqplot:visible path.line").first).to_be_visible()
    expect(page.get_by_role("img", name="Score by step")).to_have_count(1)


def test_the_run_is_saved_as_a_film(notebook, folder):
    notebook.page.get_by_role("button", name="Save GIF").click()
    notebook.await_python("any(path.name == 'dream.gif' for path in explorer.state.files)")
    assert (folder / "Output" / "dream.gif").read_bytes()[:6] == b"GIF89a"
    notebook.python("explorer.stop()")  # its button is gone, should the dream have ended by now
    expect(notebook.status()).to_have_text(re.compile("Stopped|Done"))
    assert notebook.python("explorer.state.error") == ""


def test_the_whole_layer_is_dreamt(notebook):
    page = notebook.page
    notebook.python("[setattr(explorer.state, *each) for each in (('octaves', 1), ('steps', 5))]")
    page.get_by_label("Objective").select_option("the whole layer")
    page.get_by_role("button", name=re.compile("Start")).click()
    words = re.compile("Deep dream of the whole layer of .* step 5 of 5")
    expect(notebook.picture("dream")).to_have_attribute("aria-label", words)
    notebook.await_python("not explorer.state.running")
    assert notebook.python("explorer.result.names") == [notebook.python("explorer.state.layer")]
    notebook.screenshot("whole-layer")


def test_the_selected_map_is_dreamt_from_noise(notebook):
    page = notebook.page
    notebook.python("[setattr(explorer.state, *each) for each in (('octaves', 1), ('steps', 5))]")
    page.get_by_label("Start from").select_option("noise")
    page.get_by_label("Objective").select_option("the selected map")
    page.mouse.click(*notebook.at("montage", *notebook.tile(21)))
    notebook.await_python("explorer.state.channel == 21")
    page.get_by_role("button", name=re.compile("Start")).click()
    words = re.compile("Deep dream of map 21 of .* step 5 of 5")
    expect(notebook.picture("dream")).to_have_attribute("aria-label", words)
    notebook.rest()
    target = notebook.python("[explorer.result.channels, explorer.result.layer.name, explorer.result.recipe['start']]")
    assert target == [[21], notebook.python("explorer.state.layer"), None]
    score = notebook.python("float(explorer.result.scores[0])")
    assert notebook.python(f"{DREAM}.chart.points[-1][1]") == pytest.approx(score)
    expect(page.locator(".cnnvis-explorer")).to_contain_text(f"score {score:.4g}")
    notebook.screenshot("map-dreamt")
    assert notebook.faults() == []
