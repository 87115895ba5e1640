"""Two views of one explorer, a page that is loaded anew, and a notebook that is opened without being run: in
JupyterLab, and as a static page without a kernel."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import expect
from servers import ARTIFACTS, PATIENCE_MS, VIEWPORT, VIEWS, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FIRST = "from cnnvis_widgets import ModelExplorer\nexplorer = ModelExplorer()\nexplorer.state.order = 'number'"
CELLS = (f"{FIRST}\nexplorer", "explorer")
SAVE_STATE = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"
"""Switches whether the state of widgets is stored with the notebook."""
LAYER = "block1_expand_relu"
DATA = {
    "photo": "explorer.image_pane.canvas.data",
    "montage": "explorer._view.context.gallery.montage.data",
    "large": "explorer._view.context.gallery.portrait.data",
}
"""Python for the pictures that the kernel sent last."""
EXTENSIONS = Path(sys.prefix) / "share/jupyter"
OPTION = "activation · block1_expand_relu/Relu6 · relu6 · 112 × 112 × 96"


@pytest.fixture(scope="module")
def lab(open_notebook, folder):
    write_notebook(folder / "twice.ipynb", CELLS)
    notebook = open_notebook("lab", "twice.ipynb")
    notebook.await_cells()
    notebook.page.wait_for_function(VIEWS, arg=2)
    expect(notebook.status().first).to_have_text(re.compile("Done"))
    return notebook


def canvas(page, view, which):
    return page.locator(".cnnvis-explorer").nth(view).locator(f"canvas[data-picture={which}]")


def shown(page, view, which):
    """What is on a canvas of one of the views, as a data URL."""
    return canvas(page, view, which).evaluate("(it) => it.toDataURL()")


def test_two_views_stay_in_step(lab):
    page = lab.page
    menus = page.get_by_label("Layer", exact=True)
    menus.nth(0).select_option(OPTION)
    for view in (0, 1):
        expect(canvas(page, view, "montage")).to_have_attribute("aria-label", re.compile(LAYER))
        expect(menus.nth(view)).to_have_value(re.compile(LAYER))
    canvas(page, 1, "montage").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    last = lab.python("explorer.state.current_layer.channels") - 2
    for view in (0, 1):
        said = re.compile(f"Feature map {last} of .*{LAYER}")
        expect(canvas(page, view, "large")).to_have_attribute("aria-label", said)
    assert lab.python("explorer.state.channel") == last
    for which in ("montage", "large", "photo"):
        page.wait_for_function(
            """(which) => { const [a, b] = [...document.querySelectorAll(`canvas[data-picture=${which}]`)];
               return a.toDataURL() === b.toDataURL() }""",
            arg=which,
        )


@pytest.mark.parametrize("busy", [False, True], ids=["at rest", "while it dreams"])
def test_a_reload_keeps_the_state(lab, busy):
    page = lab.page
    lab.python("setattr(explorer.state, 'channel', 5)")
    expect(canvas(page, 0, "large")).to_have_attribute("aria-label", re.compile("Feature map 5 of"))
    before = {which: shown(page, 0, which) for which in ("photo", "large", "montage")}
    if busy:
        lab.python("[setattr(explorer.state, 'octaves', 1), setattr(explorer.state, 'steps', 1000), explorer.start()]")
        lab.await_python("type(explorer.result).__name__ == 'DreamStep'")
    chosen = lab.python("[explorer.state.layer, explorer.state.channel, explorer.state.method]")
    lab.reload(views=2)
    assert lab.python("[explorer.state.layer, explorer.state.channel, explorer.state.method]") == chosen
    if busy:
        assert lab.python("explorer.state.running") is True
        frames = canvas(page, 1, "dream").get_attribute("data-frames") or "0"
        expect(canvas(page, 1, "dream")).not_to_have_attribute("data-frames", frames)  # it goes on, in both views
        expect(canvas(page, 0, "dream")).to_have_attribute("aria-label", re.compile("Deep dream of"))
        page.get_by_role("button", name="Stop", exact=True).nth(0).click()
        lab.await_python("not explorer.state.running")
        assert lab.python("explorer.state.error") == ""
        return
    for view in (0, 1):
        expect(page.get_by_label("Layer", exact=True).nth(view)).to_have_value(re.compile(LAYER))
        assert {which: shown(page, view, which) for which in before} == before


@pytest.fixture(scope="module")
def saved(lab, folder):
    """The notebook's file, stored with the state of its widgets, and what its first view showed last."""
    lab.python("[setattr(explorer.state, 'method', 'activations'), explorer.wait(60), None][-1]")
    expect(canvas(lab.page, 0, "montage")).to_have_attribute("aria-label", re.compile(LAYER))
    for which, data in DATA.items():
        lab.await_drawn(which, data)
    shown_last = {which: shown(lab.page, 0, which) for which in DATA}
    lab.command(SAVE_STATE)
    lab.command("docmanager:save")
    lab.close()
    return folder / "twice.ipynb", shown_last


def expect_last_pictures(page, before):
    """Both views must come and show what was seen before; nothing was run."""
    page.wait_for_function(VIEWS, arg=2)
    for view in (0, 1):
        for which in before:
            page.wait_for_function("(it) => it.dataset.frames", arg=canvas(page, view, which).element_handle())
        assert {which: shown(page, view, which) for which in before} == before
        assert re.search(LAYER, canvas(page, view, "montage").get_attribute("aria-label") or "")
    page.locator(".cnnvis-explorer").first.evaluate("(part) => part.scrollIntoView()")


def test_a_saved_notebook_shows_its_last_pictures_without_being_run(saved, jupyter, browser):
    """A new page with a new kernel in which nothing was run: all that is shown comes from the file."""
    path, before = saved
    page = browser.new_page(viewport=VIEWPORT)
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{jupyter}/lab/tree/{path.name}?reset", wait_until="domcontentloaded")
    expect_last_pictures(page, before)
    page.screenshot(path=ARTIFACTS / "saved-notebook.png")
    page.close()


def test_a_static_page_shows_the_last_pictures(saved, browser, tmp_path, html_manager):
    """What nbconvert makes of the saved notebook, opened from its file; its scripts come from this machine, and
    whatever else it asks of the net is refused."""
    path, before = saved
    html, _ = HTMLExporter().from_filename(str(path))
    (tmp_path / "page.html").write_text(html)
    page, refused = browser.new_page(viewport=VIEWPORT), []
    scripts = {"/require.min.js": EXTENSIONS / "voila/templates/base/static/require.min.js"}
    for name in ("anywidget", "bqplot", "bqscales"):
        scripts[f"/{name}@"] = EXTENSIONS / f"nbextensions/{name}/index.js"
    scripts["/@jupyter-widgets/html-manager@"] = html_manager

    def answer(route):
        url = route.request.url
        kept = next((script for part, script in scripts.items() if part in url), None)
        if not url.startswith("http"):
            route.continue_()
        elif kept is not None:
            route.fulfill(path=kept, content_type="text/javascript")
        else:
            refused.append(url)
            route.abort()

    page.route("**/*", answer)
    page.set_default_timeout(PATIENCE_MS)
    page.goto((tmp_path / "page.html").as_uri(), wait_until="domcontentloaded")
    expect_last_pictures(page, before)
    page.screenshot(path=ARTIFACTS / "static-page.png")
    assert [url for url in refused if "mathjax" not in url] == [], "a formula's script is all that may lack"
    page.close()
