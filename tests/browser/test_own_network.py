"""A small network in JupyterLab that has what the embedded one lacks: negative values, dead maps, 4096 of them, an op
that no rule knows, and a second checkpoint to compare with; then the Python state."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from servers import write_notebook

from cnnvis_widgets.imaging.colormaps import DIVERGING, MAGMA

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELL = """
import keras
import numpy
from cnnvis_widgets import ModelExplorer, load


def write_checkpoint(seed):
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input((24, 24, 3)),
        keras.layers.Conv2D(6, 3, padding="same", name="signed"),
        keras.layers.Activation("gelu", name="soft"),
        keras.layers.MaxPooling2D(3, name="pool"),
        keras.layers.Conv2D(4096, 1, activation="relu", name="many"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(4, activation="softmax", name="classes"),
    ]
    model = keras.Sequential(layers)
    kernel, bias = model.get_layer("many").get_weights()
    bias[2] = -1e6
    model.get_layer("many").set_weights([kernel, bias])
    model.save(f"{seed}.keras")


blocks = numpy.random.default_rng(0).integers(0, 256, (2, 6, 6, 3))
images = blocks.repeat(4, axis=1).repeat(4, axis=2).astype(numpy.float32)
for seed in (3, 4):
    write_checkpoint(seed)
first, second = (load(f"{seed}.keras", images, class_names=["cat", "dog", "crane", "daisy"]) for seed in (3, 4))
explorer = ModelExplorer(first, images)
explorer.state.order = "number"
explorer
"""
SIGNED, SOFT, POOL, MANY = "signed/convolution", "soft/Gelu/mul_2", "pool/MaxPool2d", "many/Relu"
VALUES = "explorer.result.values[0]"


@pytest.fixture(scope="module")
def notebook(open_notebook, folder):
    write_notebook(folder / "own.ipynb", [CELL])
    opened = open_notebook("lab", "own.ipynb")
    opened.rest()
    return opened


def pixel(notebook, which, x, y):
    """The colour of a place of a picture."""
    data = "(it, [x, y]) => [...it.getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3)"
    return notebook.picture(which).evaluate(data, [int(x), int(y)])


def expect_pixel(notebook, which, x, y, wanted):
    """Wait until a place of a picture has a colour."""
    for _ in range(50):
        if (found := pixel(notebook, which, x, y)) == wanted:
            return
        notebook.page.wait_for_timeout(100)
    raise AssertionError(f"{which} at {x}, {y}: {found}, not {wanted}")


def colour(value, limit, signed, gamma=0.75):
    """What a value looks like, with the gamma that an explorer opens with."""
    size = float(np.clip(abs(value / limit), 0, 1)) ** gamma
    part = (1 + (size if value > 0 else -size)) / 2 if signed else size
    return pytest.approx((DIVERGING if signed else MAGMA)[round(255 * part)].tolist(), abs=4)


def choose_map(notebook, channel):
    """Type the number of a map: the page of maps that it is on is turned to."""
    field = notebook.page.get_by_label("Map", exact=True)
    field.fill(str(channel))
    field.press("Enter")
    notebook.await_python(f"explorer.state.channel == {channel}")


def test_a_dead_map_is_marked(notebook):
    notebook.choose_layer(MANY)
    choose_map(notebook, 0)
    assert notebook.python(f"float({VALUES}[..., 2].max())") == 0
    montage, dead = notebook.picture("montage"), notebook.tile(2)
    expect(montage).to_have_attribute("aria-label", re.compile("0 to 255 of 4096"))
    expect_pixel(notebook, "montage", *dead, [110, 110, 110])
    alive = notebook.python(f"int({VALUES}[..., :256].max(axis=(0, 1)).argmax())")
    assert pixel(notebook, "montage", *notebook.tile(alive)) != [110, 110, 110]
    notebook.page.mouse.move(*notebook.at("montage", *dead))
    expect(notebook.readout("montage")).to_have_text("Map 2: not active (max 0)")
    notebook.page.mouse.click(*notebook.at("montage", *dead))
    notebook.await_python("explorer.state.channel == 2")
    expect(notebook.picture("large")).to_have_attribute("aria-label", re.compile(r"not active \(max 0\)"))
    notebook.screenshot("dead-map")


def test_4096_maps_come_in_pages(notebook):
    page, montage = notebook.page, notebook.picture("montage")
    notebook.choose_layer(MANY)
    choose_map(notebook, 0)
    page.get_by_role("button", name="Next").click()
    expect(montage).to_have_attribute("aria-label", re.compile("256 to 511 of 4096"))
    notebook.await_python("explorer.state.page == 1")
    choose_map(notebook, 4095)
    expect(montage).to_have_attribute("aria-label", re.compile("3840 to 4095 of 4096"))
    notebook.await_python("[explorer.state.page, explorer.state.channel] == [15, 4095]")


def test_maps_come_by_their_evidence_for_the_class_of_a_bar(notebook):
    page = notebook.page
    notebook.choose_layer(POOL)
    page.locator(".cnnvis-explorer .cnnvis-bars button[data-class='2']").first.click()
    notebook.await_python("explorer.state.target == 2")
    page.get_by_label("Sort").select_option("by evidence for the class")
    notebook.await_python("explorer.state.order == 'evidence'")
    notebook.rest()
    evidence = f"cv.channel_evidence(explorer.network, explorer.feed, {POOL!r}, 2)[0]"
    order = notebook.python(f"np.argsort(-{evidence}, kind='stable').tolist()")
    assert notebook.python("explorer._view.context.gallery._grid.channels") == order != sorted(order)
    page.mouse.click(*notebook.at("montage", *notebook.tile(order[0])))
    notebook.await_python(f"explorer.state.channel == {order[0]}")
    page.get_by_label("Sort").select_option("by number")
    notebook.await_python("explorer.state.order == 'number'")
    notebook.rest()


def test_signed_maps_are_blue_and_red_about_white_on_each_scale(notebook):
    page = notebook.page
    notebook.choose_layer(SIGNED)
    weakest = notebook.python(f"int(np.abs({VALUES}).max(axis=(0, 1)).argmin())")
    page.mouse.click(*notebook.at("montage", *notebook.tile(weakest)))
    notebook.await_python(f"explorer.state.channel == {weakest}")
    values = np.array(notebook.python(f"{VALUES}[..., {weakest}].tolist()"))
    assert values.min() < 0 < values.max()
    of_layer = notebook.python(f"float(np.abs({VALUES}).max())")
    scales = {
        "shared by all maps": ("shared", of_layer, f"-{of_layer:.4g}"),
        "per map": ("map", np.abs(values).max(), "its negative"),
        "custom": ("custom", 50.0, "-50"),
    }
    legend = page.locator(".cnnvis-explorer .cnnvis-note:has(.cnnvis-scale)")
    for title, (scale, limit, least) in scales.items():
        page.get_by_label("Colour scale").select_option(title)
        notebook.await_python(f"explorer.state.scale == {scale!r}")
        if scale == "custom":
            page.get_by_label("to", exact=True).fill(str(limit))
            page.get_by_label("to", exact=True).press("Enter")
            notebook.await_python(f"explorer.state.limit == {limit}")
        notebook.rest()
        expect(legend).to_contain_text("white is 0")
        expect(legend).to_contain_text(least)
        beyond = expect(legend).to_contain_text if scale == "custom" else expect(legend).not_to_contain_text
        beyond("% of the values are beyond")
        notebook.screenshot(f"signed-{scale}")
        for place in (values.argmin(), values.argmax()):
            row, column = divmod(int(place), values.shape[1])
            expect_pixel(notebook, "large", column, row, colour(values[row, column], limit, True))
    page.get_by_label("Colour scale").select_option("shared by all maps")


def test_the_badge_is_red_where_no_rule_applies(notebook):
    page = notebook.page
    notebook.show("Deconvolution")
    badge = page.locator(".cnnvis-explorer .cnnvis-caption ~ .cnnvis-badge:visible").first
    notebook.choose_layer(SIGNED)
    expect(badge).to_contain_text(f"seed {SIGNED}")
    expect(badge.locator(".cnnvis-wrong")).to_have_count(0)
    assert notebook.python("explorer.result.coverage.complete") is True
    notebook.choose_layer(MANY)
    expect(badge).to_contain_text(f"seed {MANY}")
    wrong = badge.locator(".cnnvis-wrong")
    expect(wrong).to_have_text("⚠ gelu 0/1 deconvnet: true gradient")
    red, green, blue, *_ = map(int, re.findall(r"\d+", wrong.evaluate("(it) => getComputedStyle(it).borderTopColor")))
    assert red > 150 > 90 > max(green, blue)
    expect(badge).to_contain_text("relu 1/1 deconvnet")
    expect(badge).to_contain_text("max pool 1/1 switches")
    assert notebook.python("explorer.result.coverage.complete") is False
    treated = notebook.python("[[each.kind, each.treatment] for each in explorer.result.coverage.ops]")
    assert ["gelu", "unruled"] in treated
    notebook.screenshot("red-badge")
    notebook.show("Activations")


def expect_compared(notebook, a, b, row, column):
    """A, B and A - B must tell and draw their values at the cursor, on one scale without gamma; they are returned.

    ``a`` and ``b`` are Python that gives the maps."""
    signed, limit, *values = notebook.python(
        f"(lambda a, b: [bool(min(a.min(), b.min()) < 0), float(max(abs(a).max(), abs(b).max())), "
        f"*(float(each[{row}, {column}]) for each in (a, b, a - b))])"
        f"(*(each[0, ..., explorer.state.channel] for each in ({a}, {b})))"
    )
    for panel, value in zip(("A", "B", "A-B"), values, strict=True):
        about_zero = signed or panel == "A-B"
        words = f"{value:.4g} at row {row}, column {column}, full colour at {'±' if about_zero else ''}{limit:.4g}"
        expect(notebook.picture(panel)).to_have_attribute("aria-label", re.compile(re.escape(words)))
        assert notebook.frame(panel) == pytest.approx([column, row, 1, 1], abs=0.01)
        expect_pixel(notebook, panel, column, row, colour(value, limit, about_zero, gamma=1.0))
    return values


def maps(layer, fed="explorer.network, explorer.feed"):
    return f"cv.activations({fed}, {layer!r})[0].values"


def test_two_layers_are_compared_with_one_cursor_and_one_scale(notebook):
    page = notebook.page
    notebook.choose_layer(SIGNED)
    notebook.show("Comparison")
    page.get_by_label("Compare with").select_option("another layer")
    page.get_by_label("Layer B").select_option(SOFT)
    notebook.await_python(f"[explorer.state.versus, explorer.state.other_layer] == ['layer', {SOFT!r}]")
    notebook.rest()
    page.mouse.click(*notebook.at("montage", *notebook.tile(4)))
    notebook.await_python("explorer.state.channel == 4")
    row, column = divmod(notebook.python(f"int({maps(SIGNED)}[0, 1:-1, 1:-1, 4].argmin())"), 22)
    row, column = row + 1, column + 1  # negative, so that the second layer makes another value of it
    page.mouse.click(*notebook.at("B", column + 0.5, row + 0.5))
    notebook.await_python(f"explorer.state.unit == ({row}, {column})")
    assert expect_compared(notebook, maps(SIGNED), maps(SOFT), row, column)[2] < 0
    notebook.picture("A-B").press("ArrowDown")
    notebook.await_python(f"explorer.state.unit == ({row + 1}, {column})")
    expect_compared(notebook, maps(SIGNED), maps(SOFT), row + 1, column)
    notebook.screenshot("two-layers")
    page.get_by_label("Layer B").select_option(POOL)
    expect(notebook.picture("A-B")).to_have_attribute("aria-label", re.compile("the maps differ in size"))
    expect(notebook.picture("B")).to_have_attribute("aria-label", re.compile(re.escape(POOL)))


def test_two_checkpoints_are_compared_with_one_cursor_and_one_scale(notebook):
    other = "second, explorer.views['comparison'].feed"
    page, alert = notebook.page, notebook.page.locator(".cnnvis-error[role=alert]")
    notebook.show("Comparison")
    expect(page.get_by_label("Compare with").get_by_text("another network")).to_have_count(0)
    notebook.python("setattr(explorer.state, 'versus', 'network')")  # asked for before there is one
    expect(alert).to_contain_text("Give it with explorer.compare_with(network).")
    notebook.python("explorer.compare_with(second)")
    notebook.rest()
    expect(alert).to_have_count(0)
    notebook.choose_layer(SOFT)
    page.mouse.click(*notebook.at("montage", *notebook.tile(1)))
    notebook.await_python("explorer.state.channel == 1")
    page.mouse.click(*notebook.at("A", 10.5, 20.5))
    notebook.await_python("explorer.state.unit == (20, 10)")
    expect(notebook.picture("B")).to_have_attribute("aria-label", re.compile("of the other network"))
    assert expect_compared(notebook, maps(SOFT), maps(SOFT, other), 20, 10)[2] != 0
    notebook.picture("B").press("ArrowLeft")
    notebook.await_python("explorer.state.unit == (20, 9)")
    expect_compared(notebook, maps(SOFT), maps(SOFT, other), 20, 9)
    notebook.screenshot("two-networks")
    assert notebook.faults() == []
