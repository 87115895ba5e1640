"""Attribution, occlusion and interventions in JupyterLab, as a person would use them; then the Python state."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from servers import percent

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook("lab", "short.ipynb")


DEEP = "block6_expand_relu/Relu6"
ASKED = "explorer.network, explorer.feed, cv.predict(explorer.network, explorer.feed).top(1)[0][0]"
CHANGE = "((change := explorer.views['intervention'].change) and (change.factor, change.region))"
BARS = ".cnnvis-explorer .cnnvis-bars[aria-label*=after]:visible"


def done(notebook):
    expect(notebook.status()).to_have_text(re.compile("Done"), timeout=120_000)
    assert notebook.python("explorer.state.error") == ""


def explain(notebook, title, name):
    """Choose a method of attribution, and wait for its result."""
    notebook.page.get_by_label("Method").select_option(title)
    notebook.await_python(f"explorer.state.explainer == {name!r}")
    notebook.rest()
    expect(notebook.picture("attribution")).to_have_attribute("aria-label", re.compile(f"^{re.escape(title)} for "))
    assert notebook.python("explorer.result.method") == name


def marks(notebook):
    return notebook.page.locator(".cnnvis-explorer .cnnvis-badge:visible span")


def same(notebook, found, call):
    """Whether arrays in the kernel are equal to rounding."""
    return notebook.python(f"bool(np.allclose({found}, {call}, rtol=0, atol=1e-5 * np.abs({found}).max()))")


def expect_bars(notebook, change):
    """The bars must tell what an ``Intervention`` or ``Occluded`` in the kernel says."""
    parts = "[number, *(float(each.probabilities[0, number]) for each in (x.before, x.after))]"
    told = f"(lambda x: [{parts} for number, *_ in x.before.top(5)])({change})"
    for number, before, after in notebook.python(told):
        bar = notebook.page.locator(f"{BARS} button[data-class='{number}']")
        expect(bar).to_contain_text(f"{percent(before)} → {percent(after)}")


def shots(notebook, name):
    """At the width of a projector and of a small laptop."""
    for width in (1400, 800):
        notebook.page.set_viewport_size({"width": width, "height": 1000})
        notebook.screenshot(f"{name}-{width}")
    notebook.page.set_viewport_size({"width": 1440, "height": 1000})


def test_attribution(notebook):
    page = notebook.page
    notebook.show("Attribution")
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
    page.get_by_label("Explain").select_option("what the network is surest of")


def test_integrated_gradients_tell_what_they_miss(notebook):
    notebook.show("Attribution")
    explain(notebook, "Integrated gradients", "integrated_gradients")
    told = ("completeness_error", "completeness_gap", "points")
    error, gap, points = (notebook.python(f"float(explorer.result.{each}[0, 0])") for each in told)
    assert gap < 0.05, "it takes as many gradients as that needs"
    missed = f"completeness error {error:+.3g}, {gap:.1%} of the difference"
    words = ["softmax removed", missed, f"{points:.0f} gradients", "summed over colours", "clipped 0.5 %"]
    expect(marks(notebook)).to_have_text(words)
    assert same(notebook, "explorer.result.images", f"cv.integrated_gradients({ASKED}).images")
    notebook.screenshot("integrated-gradients")


def test_guided_grad_cam_tells_its_rule(notebook):
    notebook.show("Attribution")
    explain(notebook, "Guided Grad-CAM", "guided_grad_cam")
    ruled = notebook.python("[each.count for each in explorer.result.coverage.ops if each.treatment == 'rule']")
    name = notebook.python("explorer.result.maps.name")
    words = ["softmax removed", f"maps of {name}, enlarged", f"relu6 {ruled[0]}/{ruled[0]} guided"]
    expect(marks(notebook)).to_have_text([*words, "summed over colours", "clipped 0.5 %"])
    assert (len(ruled), notebook.python("explorer.result.coverage.complete")) == (1, True)
    assert same(notebook, "explorer.result.images", f"cv.grad_cam({ASKED}, guided=True).images")
    notebook.screenshot("guided-grad-cam")


def test_grad_cam_weighs_the_chosen_layer(notebook):
    page = notebook.page
    notebook.show("Attribution")
    explain(notebook, "Grad-CAM", "grad_cam")
    before = notebook.pixels("attribution")
    notebook.choose_layer(DEEP)
    assert notebook.pixels("attribution") == before, "the last maps are weighed, whatever is chosen"
    notebook.unfold_options()
    page.get_by_label("Maps of the chosen layer").check()
    expect(marks(notebook)).to_have_text(["softmax removed", f"maps of {DEEP}, enlarged", "clipped 0.5 %"])
    notebook.await_other("attribution", before)
    notebook.rest()
    assert notebook.python("[explorer.state.at_layer, explorer.result.maps.name]") == [True, DEEP]
    assert same(notebook, "explorer.result.images", f"cv.grad_cam({ASKED}, layer={DEEP!r}, upsampled=True).images")
    notebook.screenshot("grad-cam-at-layer")
    page.get_by_label("Maps of the chosen layer").uncheck()


def test_a_sweep(notebook):
    notebook.show("Occlusion")
    expect(notebook.picture("projection")).to_have_attribute("aria-label", re.compile("its projection"))
    assert notebook.python("type(explorer.result).__name__") == "Reconstruction", "nobody asked for a sweep yet"
    expect(notebook.picture("total")).to_be_hidden()
    notebook.page.get_by_role("button", name="Slide over the whole image").click()
    expect(notebook.page.locator(".cnnvis-explorer")).to_contain_text(re.compile(r"of \d+ · about \d+ s left"))
    notebook.await_python("type(explorer.result).__name__ == 'Occlusion' and not explorer.state.running")
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
    notebook.await_python("explorer.views['occlusion'].manual.occluded is not None")
    assert notebook.python("explorer.state.occluder[2:]") == [32, 32]
    notebook.await_python("explorer.views['occlusion'].manual.occluded.box == explorer.state.occluder")
    expect(notebook.picture("occluded")).to_have_attribute("aria-label", re.compile("32 × 32 pixels hidden"))
    hidden = "cv.occlude(explorer.network, explorer.feed, explorer.state.occluder)"
    expect_bars(notebook, hidden)
    assert same(notebook, "explorer.views['occlusion'].manual.occluded.map_after", f"{hidden}.map_after")
    shots(notebook, "occlusion")


CHANGED = "explorer.views['intervention'].intervention"
SCALES = "{explorer.state.channel: explorer.state.factor}"
CALL = f"cv.intervene(explorer.network, explorer.feed, explorer.state.layer, {SCALES}"


def test_silencing_a_map(notebook):
    page = notebook.page
    notebook.show("Intervention")
    notebook.choose_layer(DEEP)
    bars = page.locator(BARS)
    expect(bars).to_contain_text("→")
    before = bars.inner_text()
    page.get_by_role("button", name="Ablate channel").click()
    expect(bars).not_to_have_text(before)
    assert notebook.python("explorer.state.factor") == 0
    notebook.await_python(f"bool(({CHANGED}.after.scores != {CHANGED}.before.scores).any())")
    assert same(notebook, f"{CHANGED}.after.scores", f"{CALL}).after.scores")
    expect_bars(notebook, f"{CALL})")
    shots(notebook, "intervention")


def test_the_bars_follow_a_brushed_region_and_the_slider(notebook):
    page, bars = notebook.page, notebook.page.locator(BARS)
    notebook.show("Intervention")
    notebook.choose_layer(DEEP)
    page.get_by_role("button", name="Ablate channel").click()
    notebook.await_python(f"{CHANGE} == (0.0, ())")
    expect_bars(notebook, f"{CALL})")
    everywhere = bars.inner_text()
    expect(notebook.picture("large")).to_have_attribute("data-drag", "region")
    notebook.drag("large", (1.2, 2.3), (9.6, 11.5))
    notebook.await_python("explorer.state.region == (2, 1, 10, 9)")
    assert notebook.frame("large") == pytest.approx([1, 2, 9, 10], abs=0.01)
    notebook.await_python(f"{CHANGE} == (0.0, (2, 1, 10, 9))")
    there = f"{CALL}, region=explorer.state.region)"
    assert same(notebook, f"{CHANGED}.after.scores", f"{there}.after.scores")
    expect_bars(notebook, there)
    expect(bars).not_to_have_text(everywhere)
    expect(page.locator(".cnnvis-explorer")).to_contain_text("in rows 2 to 11, columns 1 to 9")
    notebook.screenshot("intervention-region")
    page.get_by_role("slider", name="Strength of the selected map").focus()
    for _ in range(30):
        page.keyboard.press("ArrowRight")
    notebook.await_python(f"0.29 < ({CHANGE})[0] < 0.31")
    assert same(notebook, f"{CHANGED}.after.scores", f"{there}.after.scores")
    expect_bars(notebook, there)
    page.get_by_role("button", name="Reset", exact=True).click()
    notebook.await_python("(explorer.state.factor, explorer.state.region) == (1.0, ())")
    assert notebook.faults() == []
