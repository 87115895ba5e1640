"""Attribution, occlusion and interventions in JupyterLab, as a person would use them; then the Python state."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook("lab", "short.ipynb")


def choose(notebook, method):
    notebook.page.get_by_role("button", name=method, exact=True).click()


def done(notebook):
    expect(notebook.status()).to_have_text(re.compile("Done"), timeout=120_000)
    assert notebook.python("explorer.state.error") == ""


def shots(notebook, name):
    """At the width of a projector and of a small laptop."""
    for width in (1400, 800):
        notebook.page.set_viewport_size({"width": width, "height": 1000})
        notebook.screenshot(f"{name}-{width}")
    notebook.page.set_viewport_size({"width": 1440, "height": 1000})


def test_attribution(notebook):
    page = notebook.page
    choose(notebook, "Attribution")
    over = notebook.picture("overlay")
    expect(over).to_have_attribute("aria-label", re.compile("Grad-CAM for .* over .*, opacity 80%"))
    done(notebook)
    assert notebook.python("explorer.result.method") == "grad_cam"
    assert notebook.python("explorer.result.images.shape") == [1, 1, 224, 224]
    expect(page.locator(".cnnvis-explorer .cnnvis-badge:visible")).to_contain_text("softmax removed")
    shots(notebook, "attribution")
    page.get_by_label("Method").select_option("SmoothGrad")
    expect(notebook.picture("attribution")).to_have_attribute("aria-label", re.compile("SmoothGrad for"))
    done(notebook)
    page.get_by_label("Explain").select_option("the chosen class")
    page.get_by_label("Find class").last.fill("tabby")
    page.get_by_label("Class", exact=True).last.select_option("281 · tabby cat")
    expect(over).to_have_attribute("aria-label", re.compile("SmoothGrad for tabby cat"))
    done(notebook)
    assert notebook.python("[explorer.result.method, explorer.result.targets]") == ["smooth_grad", [281]]
    notebook.screenshot("smooth-grad")
    page.get_by_label("Explain").select_option("the most probable class")


def test_a_sweep(notebook):
    choose(notebook, "Occlusion")
    expect(notebook.picture("projection")).to_have_attribute("aria-label", re.compile("its projection"))
    done(notebook)
    assert notebook.python("type(explorer.result).__name__") == "Occlusion"
    assert notebook.python("bool((explorer.result.best >= 0).all())") is True
    for panel in ("total", "projection", "probability", "best"):
        expect(notebook.picture(panel)).to_be_visible()
    photo, mouse = notebook.picture("photo"), notebook.page.mouse
    box = photo.bounding_box()
    mouse.move(box["x"] + 40, box["y"] + 40)
    mouse.down()
    for step in range(1, 9):
        mouse.move(box["x"] + 40 + 8 * step, box["y"] + 40 + 8 * step)
    mouse.up()
    notebook.await_python("explorer.views['occlusion'].by_hand.occluded is not None")
    assert notebook.python("explorer.state.occluder[2:]") == [32, 32]
    notebook.await_python("explorer.views['occlusion'].by_hand.occluded.box == explorer.state.occluder")
    expect(notebook.picture("occluded")).to_have_attribute("aria-label", re.compile("32 × 32 pixels hidden"))
    shots(notebook, "occlusion")


def test_silencing_a_map(notebook):
    page = notebook.page
    choose(notebook, "Intervention")
    done(notebook)
    deep = "activation · block6_expand_relu/Relu6 · relu6 · 14 × 14 × 480"
    page.get_by_label("Layer", exact=True).select_option(deep)
    done(notebook)
    page.get_by_role("button", name="Silence it").click()
    bars = page.locator(".cnnvis-explorer .cnnvis-bars[aria-label*=after]:visible")
    expect(bars).to_contain_text("→")
    assert notebook.python("explorer.state.factor") == 0
    view = "explorer.views['intervention'].intervention"
    notebook.await_python(f"bool(({view}.after.scores != {view}.before.scores).any())")
    shots(notebook, "intervention")
    assert [error for error in notebook.errors if re.search("cnnvis|anywidget|bqplot|widget", error)] == []
