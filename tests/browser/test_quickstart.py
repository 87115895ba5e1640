"""The quickstart in JupyterLab, as a person would use it; then the Python state behind the page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

COUNT_FRAMES = """(canvas) => {
  window.seen = new Set();
  new MutationObserver(() => window.seen.add(canvas.toDataURL())).observe(canvas, {attributes: true});
}"""


def test_quickstart_in_jupyterlab(open_notebook, folder):
    notebook = open_notebook("lab", "01_quickstart.ipynb")
    page = notebook.page
    notebook.await_cells()
    assert notebook.python("step.names[0]") == "goldfish"

    notebook.choose("Activations")
    before = notebook.pixels("montage")
    deep = "activation · block6_expand_relu/Relu6 · relu6 · 14 × 14 × 480"
    page.get_by_label("Layer", exact=True).select_option(deep)
    notebook.await_other("montage", before)
    expect(notebook.picture("montage")).to_have_attribute("aria-label", re.compile("block6_expand_relu/Relu6"))
    assert notebook.python("explorer.state.layer") == "block6_expand_relu/Relu6"
    assert notebook.python("explorer.result.values.shape") == [1, 14, 14, 480]
    notebook.screenshot("activations")

    before = notebook.pixels("montage")
    notebook.choose("Deconvolution")
    assert notebook.pixels("montage") != before
    assert notebook.python("explorer.result.images.shape") == [1, 64, 224, 224, 3]
    marks = re.compile(r"relu6 \d+/\d+ guided.*seed block6_expand_relu")
    expect(page.locator(".cnnvis-explorer .cnnvis-badge")).to_have_text(marks)
    notebook.screenshot("deconvolution")

    notebook.choose("Deep dream")
    page.get_by_label("Find class").fill("tabby")
    expect(page.get_by_label("Class", exact=True).locator("option")).to_have_count(1)
    page.get_by_label("Class", exact=True).select_option("281 · tabby cat")
    notebook.python("setattr(explorer.state, 'steps', 500)")
    notebook.open_menu()
    page.get_by_label("Write PNG files").check()
    page.get_by_label("Log every result").check()
    notebook.picture("dream").evaluate(COUNT_FRAMES)
    page.get_by_role("button", name="Start dreaming").click()
    page.wait_for_function("() => window.seen.size >= 8")
    expect(page.locator(".cnnvis-explorer")).to_contain_text(re.compile(r"\d+ of 2000 · about \d+ s left"))
    expect(page.locator(".cnnvis-explorer .bqplot path.line").first).to_be_visible()
    notebook.screenshot("dream")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(notebook.status()).to_have_text("Stopped")
    expect(page.locator(".cnnvis-explorer")).to_contain_text("image_281.png")

    assert notebook.python("explorer.state.target") == 281
    assert notebook.python("[explorer.result.channels, explorer.result.total]") == [[281], 2000]
    assert 5 <= notebook.python("explorer.result.index") < 1999
    assert len(list((folder / "Output").glob("deepdream_logits*/image_281.png"))) == 1
    log = max((folder / "Log").glob("events.out.tfevents.*"), key=lambda file: file.stat().st_mtime_ns)
    events = f"__import__('tensorflow').compat.v1.train.summary_iterator({str(log)!r})"
    logged = notebook.python(f"[[event.step, v.tag] for event in {events} for v in event.summary.value]")
    steps = [step for step, tag in logged if "/deepdream/" in tag and "281" in tag]
    assert steps == sorted(set(steps)), "as they came"
    assert steps[-1] == notebook.python("explorer.result.index"), "and the last one"
    assert notebook.python("explorer.state.error") == ""
    assert notebook.faults() == []
