"""Every view of an explorer in JupyterLab, on networks of many kinds: no empty picture, no error, and a reason for
every view that cannot apply. The pictures of the page are for people to look at."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from playwright.sync_api import expect
from servers import ROOT, nameless, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELL = """
import sys

import keras
import numpy
from PIL import Image

from cnnvis_widgets import ModelExplorer, demo

sys.path.insert(0, {root!r})
from docs.kinds.catalogue import KINDS

keras.utils.set_random_seed(0)
sample = KINDS[{kind!r}]()


def photos(size):
    chosen = [demo.photos()[name] for name in ("chelsea", "coffee")]
    return numpy.stack([numpy.asarray(Image.fromarray(photo).resize((size, size))) / 255 for photo in chosen])


def signals(length):
    times = numpy.arange(length)[:, numpy.newaxis]
    waves = [numpy.sin(times / [3, 5]), numpy.where(times % 12 < [6, 3], 1, -1)]
    return numpy.stack(waves).astype("float32")


explorer = ModelExplorer(sample.model, {feed}, class_names={names})
explorer
"""
PHOTOS, SIGNALS, DIGITS = "photos(24)", "signals({})", "demo.digits().test_images[:2, 2:30, 2:30].reshape(2, 784)"


@dataclass(frozen=True)
class Kind:
    """A network of docs/kinds.

    Attributes:
        name: its name there.
        feed: Python of what it is fed: two images.
        names: of its classes.
        disabled: the views that cannot apply.
    """

    name: str
    feed: str = PHOTOS
    names: object = None
    disabled: tuple[str, ...] = ()


KINDS = {
    "sigmoid": Kind("yes or no (one sigmoid)", names=["no cat", "cat"]),
    "labels": Kind("independent labels (sigmoid)", names=["animal", "indoors", "food"]),
    "regression": Kind("regression, one value"),
    "two-heads": Kind("two heads", names={"species": ["ant", "bee", "cat", "dog"]}),
    "unet": Kind("U-Net, class map (softmax)", "photos(32)", names=["sky", "sea", "sand"]),
    "signal": Kind("1-D signal", SIGNALS.format(64)),
    "flat": Kind("784 pixels as a row", DIGITS, disabled=("Occlusion",)),
    "recurrent": Kind("LSTM over Conv1D", SIGNALS.format(32)),
    "recurrent-places": Kind("CNN and Bidirectional LSTM (reads columns)", "photos(32)[:, :16, :, :1]"),
}
TESTED = ("Activations", "Deconvolution", "Attribution", "Occlusion", "Intervention", "Comparison", "Deep dream")
"""Views that have a test of their own below."""

THEMES = {"sigmoid": ("Light", "Dark"), "unet": ("Light", "Dark")}

PICTURES = """(explorer) => [...explorer.querySelectorAll("canvas[data-picture]:not([data-picture=pad])")]
  .filter((canvas) => canvas.offsetWidth)
  .map((it) => [it.dataset.picture, Number(it.dataset.frames ?? 0), it.clientWidth, it.clientHeight])"""
"""Name, number of frames drawn, width and height on the screen of every picture that can be seen."""


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def notebook(open_notebook, folder, kind):
    chosen = KINDS[kind]
    cell = CELL.format(root=str(ROOT), kind=chosen.name, feed=chosen.feed, names=chosen.names)
    write_notebook(folder / f"{kind}.ipynb", [cell])
    opened = open_notebook("lab", f"{kind}.ipynb")
    opened.rest()
    return opened


def shot(notebook, kind, name):
    """Check what can be seen, and take its picture."""
    explorer = notebook.page.locator(".cnnvis-explorer").first
    notebook.await_python("explorer.image_pane.predictions.value or not explorer.state.has_predictions")
    notebook.page.wait_for_function(
        f"(it) => ({PICTURES})(it).every(([, frames]) => frames)", arg=explorer.element_handle()
    )
    expect(explorer.locator(".cnnvis-error")).to_have_count(0)
    assert notebook.python("explorer.state.error") == ""
    assert [picture for picture in explorer.evaluate(PICTURES) if min(picture[2:]) < 8] == [], "too small to see"
    assert nameless(notebook) == []
    for theme in THEMES.get(kind, ("Light",)):
        notebook.page.set_viewport_size({"width": 1400, "height": 1400})
        notebook.in_theme(theme)
        notebook.await_layout()
        notebook.whole_screenshot(f"kind-{kind}-{name}-{theme.lower()}")


def views(notebook):
    """The title of every button that chooses a view, and the reason of those that are disabled."""
    return dict(notebook.python("[[view.title, view.unavailable()] for view in explorer.views.values()]"))


def test_views_that_cannot_apply_say_why(notebook, kind):
    disabled = {title: reason for title, reason in views(notebook).items() if reason}
    assert set(KINDS[kind].disabled) <= set(disabled)
    for title, reason in disabled.items():
        assert len(reason) > 20
        button = notebook.page.get_by_role("button", name=title, exact=True)
        expect(button).to_be_disabled()
        expect(button).to_have_attribute("title", reason)


def test_activations_of_every_kind_of_layer(notebook, kind):
    notebook.show("Activations")
    shot(notebook, kind, "activations")
    last = notebook.python("explorer.network.layers[-1].name")
    first = notebook.python("explorer.state.layer")
    notebook.choose_layer(last)
    shot(notebook, kind, "activations-last")
    notebook.choose_layer(first)


def test_deconvolution(notebook, kind):
    notebook.show("Deconvolution")
    notebook.unfold_options()
    notebook.page.get_by_label("All rules side by side").check()
    notebook.await_python("len(explorer.views['deconvolution'].all_rules.results) == len(cv.rules.known())")
    if notebook.python("explorer.state.has_predictions and len(explorer.state.classes) > 1"):
        notebook.await_python("explorer.views['deconvolution'].sensitivity.value")
    shot(notebook, kind, "deconvolution")
    notebook.page.get_by_label("All rules side by side").uncheck()


def test_attribution_by_every_method(notebook, kind):
    notebook.show("Attribution")
    menu = notebook.page.get_by_label("Method")
    for title in menu.locator("option").evaluate_all("(options) => options.map((option) => option.label)"):
        menu.select_option(label=title)
        name = title.replace("\xa0", " ").strip()  # ipywidgets keeps spaces from being joined
        notebook.rest()
        expect(notebook.picture("attribution")).to_have_attribute("aria-label", re.compile(f"^{re.escape(name)} for "))
        shot(notebook, kind, f"attribution-{name.lower().replace(' ', '-')}")


def test_occlusion(notebook, kind):
    if "Occlusion" in KINDS[kind].disabled:
        pytest.skip("the view cannot apply")
    notebook.show("Occlusion")
    shot(notebook, kind, "occlusion-before")
    notebook.page.get_by_role("button", name="Slide over the whole image").click()
    notebook.await_python("type(explorer.result).__name__ == 'Occlusion'")
    notebook.rest()
    shot(notebook, kind, "occlusion")
    if notebook.python("explorer.fed_images.images[0].ndim") == 3:
        notebook.python("setattr(explorer.state, 'occluder', (4, 4, 8, 8))")
        notebook.await_python("explorer.views['occlusion'].manual.occluded is not None")
        shot(notebook, kind, "occlusion-by-hand")


def test_the_method_wall(notebook, kind):
    notebook.show("Method wall")
    notebook.await_python("type(explorer.result).__name__ == 'MethodWall' and not explorer.state.running")
    told = notebook.python("[tile.method for tile in explorer.result.tiles if tile.attribution is not None]")
    for method in told:
        expect(notebook.picture(method)).to_have_attribute("aria-label", re.compile("deletion area"))
    shot(notebook, kind, "method-wall")


def test_intervention(notebook, kind):
    notebook.show("Intervention")
    notebook.page.get_by_role("button", name="Ablate channel").click()
    changed = "explorer.views['intervention'].change"
    notebook.await_python(f"{changed} is not None and {changed}.factor == 0")
    shot(notebook, kind, "intervention")
    notebook.page.get_by_role("button", name="Reset", exact=True).click()


def test_comparison(notebook, kind):
    notebook.show("Comparison")
    shot(notebook, kind, "comparison")


def test_a_dream(notebook, kind):
    notebook.show("Deep dream")
    notebook.python("[setattr(explorer.state, *each) for each in (('octaves', 1), ('steps', 6))]")
    shot(notebook, kind, "dream-before")
    notebook.page.get_by_role("button", name="Start dreaming").click()
    notebook.await_python("type(explorer.result).__name__ == 'DreamStep' and explorer.result.index == 5")
    notebook.rest()
    shot(notebook, kind, "dream")


def test_every_other_view(notebook, kind):
    for title, reason in views(notebook).items():
        if title not in TESTED and not reason:
            notebook.show(title)
            shot(notebook, kind, title.lower().replace(" ", "-"))


def test_every_head_is_shown(notebook, kind):
    notebook.show("Activations")
    for head in notebook.python("[head.name for head in explorer.network.heads]")[1:]:
        notebook.python(f"setattr(explorer.state, 'head', {head!r})")
        notebook.rest()
        shot(notebook, kind, f"head-{head}")
    assert notebook.faults() == []
