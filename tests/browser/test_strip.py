"""Finding one's way in JupyterLab: layers, values under the pointer, units and what they see; then the Python state."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from servers import VIEWPORT

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook("lab", "short.ipynb")


def await_layer(notebook, place):
    """Wait until the layer at this place of the graph is the chosen one in the kernel."""
    notebook.await_python(f"explorer.state.layer == explorer.network.layers[{place}].name")


def test_layers_are_chosen_by_click_and_by_key(notebook):
    strip = notebook.page.get_by_role("listbox", name="Layers in order")
    count = notebook.python("len(explorer.network.layers)")
    expect(strip.get_by_role("option")).to_have_count(count)
    layers = "explorer.network.runtime.layers_as_fed(explorer.network.feeds(explorer.feed))"
    told = notebook.python(f"[[each.label, each.channels, bool(each.spatial_shape)] for each in {layers}]")
    for box, (label, channels, spatial) in zip(strip.get_by_role("option").all(), told, strict=True):
        name = box.get_attribute("aria-label")
        assert name.startswith(f"{label} (")
        assert name.endswith(f", {channels} maps)") == spatial
    notebook.choose_layer(notebook.python("explorer.network.layers[5].name"))
    strip.focus()
    strip.press("ArrowRight")
    await_layer(notebook, 6)
    strip.press("End")
    await_layer(notebook, count - 1)
    strip.press("Home")
    await_layer(notebook, 0)
    expect(strip.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    name = notebook.python("explorer.state.labels[explorer.state.layer]")
    menu = notebook.page.get_by_label("Layer", exact=True)
    chosen = menu.evaluate("(it) => it.selectedOptions[0].label").replace("\xa0", " ")
    assert chosen.endswith(name), "the menu follows"
    for width in (1400, 800):
        notebook.page.set_viewport_size({"width": width, "height": 1000})
        notebook.screenshot(f"strip-{width}")
    notebook.page.set_viewport_size(VIEWPORT)


def test_a_block_unfolds_on_click_and_its_pictures_are_what_its_layers_see(notebook):
    """From the page back to the numbers: the thumbnail is the mean map that NumPy gives."""
    page = notebook.page
    whole = "block5_depthwise_relu/Relu6"
    hidden = page.locator(".cnnvis-strip-box[data-layer='block5_expand_conv/convolution']")
    expect(hidden).to_have_class(re.compile("cnnvis-strip-hidden"))
    page.locator(f".cnnvis-strip-box[data-layer='{whole}']").click()
    notebook.await_python(f"explorer.state.layer == {whole!r}")
    expect(hidden).not_to_have_class(re.compile("cnnvis-strip-hidden"))
    notebook.rest()
    first, last = notebook.python("explorer.strip.element.blocks[explorer.strip.element.unfolded][2:4]")
    notebook.await_python(f"set(explorer.strip.element.ready[{first} + 1 : {last} + 2]) == {{'1'}}")
    page.get_by_role("button", name="fold ‹").click()
    notebook.await_python("explorer.strip.element.unfolded == -1")
    expect(hidden).to_have_class(re.compile("cnnvis-strip-hidden"))
    page.locator(f".cnnvis-strip-box[data-layer='{whole}']").click()
    notebook.await_python("explorer.strip.element.unfolded >= 0")
    arcs = page.locator(".cnnvis-strip .cnnvis-arc-addition")
    expect(arcs).to_have_count(9)


def test_the_strip_follows_the_image_and_the_choice_of_pictures(notebook):
    page = notebook.page
    before = notebook.python("__import__('hashlib').md5(explorer.strip.element.sprite).hexdigest()")
    page.get_by_role("option", name="coffee").click()
    notebook.await_python("explorer.state.images[explorer.state.image] == 'coffee'")
    changed = "__import__('hashlib').md5(explorer.strip.element.sprite).hexdigest() != "
    notebook.await_python(f"{changed}{before!r}")
    page.get_by_label("Thumbnails").select_option("strongest map")
    notebook.await_python("explorer.state.thumbnails == 'strongest'")
    notebook.python("explorer.strip.wait(60)")
    after = notebook.python("__import__('hashlib').md5(explorer.strip.element.sprite).hexdigest()")
    page.get_by_label("Thumbnails").select_option("mean map")
    notebook.await_python(f"{changed}{after!r}")
    page.get_by_role("option", name="chelsea").click()
    notebook.await_python(f"not ({changed}{before!r})")
    notebook.rest()


LAYER = "block1_expand_relu/Relu6"
VALUES = "explorer.result.values[0]"
READ = re.compile(r"Map (\d+): (\S+) at row (\d+), column (\d+)")
SEEING = """(lambda values, field, place: (lambda peaks: peaks[
    np.argsort(values.mean(axis=(0, 1)) - peaks, kind="stable")
][:8].tolist())(values[field.units_seeing(place, values.shape[:2])].max(axis=(0, 1))))(
    explorer.result.values[0], explorer.network.receptive_field(explorer.state.layer, (224, 224)), PLACE)"""


def read(notebook, which):
    """What the line on a picture says: map, value, row and column."""
    expect(notebook.readout(which)).to_have_text(READ)
    channel, value, row, column = READ.fullmatch(notebook.readout(which).inner_text()).groups()
    return int(channel), value, int(row), int(column)


def test_hovering_tells_map_unit_and_value(notebook):
    notebook.show("Activations")
    notebook.choose_layer(LAYER)
    notebook.page.mouse.move(*notebook.at("montage", *notebook.tile(17)))
    channel, value, row, column = read(notebook, "montage")
    assert (channel, abs(row - 56) <= 2, abs(column - 56) <= 2) == (17, True, True)
    assert value == f"{notebook.python(f'float({VALUES}[{row}, {column}, 17])'):.4g}"
    notebook.page.mouse.click(*notebook.at("montage", *notebook.tile(17)))
    notebook.await_python("explorer.state.channel == 17")
    notebook.page.mouse.move(*notebook.at("large", 30.5, 80.5))
    expect(notebook.readout("large")).to_contain_text("at row 80, column 30")
    assert read(notebook, "large")[:2] == (17, f"{notebook.python(f'float({VALUES}[80, 30, 17])'):.4g}")


def test_a_unit_is_clicked_and_what_it_sees_is_framed(notebook):
    notebook.show("Activations")
    notebook.choose_layer(LAYER)
    for row, column in ((60, 40), (0, 0)):
        notebook.page.mouse.click(*notebook.at("large", column + 0.5, row + 0.5))
        notebook.await_python(f"explorer.state.unit == ({row}, {column})")
        value = notebook.python(f"float({VALUES}[{row}, {column}, explorer.state.channel])")
        words = re.compile(re.escape(f"selected: activation {value:.4g} at row {row}, column {column}"))
        expect(notebook.picture("large")).to_have_attribute("aria-label", words)
        assert notebook.frame("large") == pytest.approx([column, row, 1, 1], abs=0.01)
        field = "explorer.network.receptive_field(explorer.state.layer, (224, 224))"
        seen = notebook.python(f"[[part.start, part.stop] for part in {field}.window(({row}, {column}))]")
        (top, bottom), (left, right) = [(max(0, start), min(224, stop)) for start, stop in seen]
        assert notebook.frame("photo") == pytest.approx([left, top, right - left, bottom - top], abs=0.01)
        assert 0 < right - left < 20, "a shallow layer sees little"
    notebook.screenshot("receptive-field")


def test_the_clicked_unit_is_projected(notebook):
    notebook.show("Activations")
    notebook.choose_layer(LAYER)
    notebook.page.mouse.click(*notebook.at("large", 50.5, 70.5))
    notebook.await_python("explorer.state.unit == (70, 50)")
    channel = notebook.python("explorer.state.channel")
    notebook.show("Deconvolution")
    notebook.page.get_by_label("Seed").select_option("the selected unit")
    notebook.await_python("explorer.state.seed == 'unit'")
    notebook.rest()
    place = f"explorer.result.channels.index({channel})"
    assert notebook.python(f"[explorer.result.units[0, {place}].tolist(), explorer.result.seed]") == [[70, 50]] * 2
    options = f"channels=[{channel}], seed=(70, 50), rule='guided'"  # which 'auto' means here
    call = f"cv.reconstruct(explorer.network, explorer.feed, {LAYER!r}, {options})"
    close = "np.allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())"
    arrays = f"explorer.result.images[0, {place}], {call}.images[0, 0]"
    assert notebook.python(f"bool((lambda found, wanted: {close})({arrays}))")
    value = notebook.python(f"float(explorer.result.seed_values[0, {place}])")
    seed = notebook.page.locator(".cnnvis-explorer .cnnvis-badge:visible span", has_text="seed")
    expect(seed).to_have_text(f"seed {LAYER}[70, 50, {channel}] = {value:.4g}")
    notebook.screenshot("unit-projected")
    notebook.page.get_by_label("Seed").select_option("the strongest unit")
    notebook.show("Activations")


def test_a_click_on_the_photo_lists_the_units_that_see_it(notebook):
    notebook.show("Activations")
    notebook.choose_layer(LAYER)
    notebook.page.mouse.click(*notebook.at("photo", 112.5, 100.5))
    listed = notebook.page.locator(".cnnvis-explorer select[size] option, .cnnvis-explorer select[multiple] option")
    expect(listed.first).to_be_visible()
    expect(listed).to_have_count(8)
    values = notebook.python("[each.value for each in explorer.image_pane.units.units]")
    row, column = notebook.python("explorer.image_pane.units._place")
    assert abs(row - 100) + abs(column - 112) < 2
    ranked = notebook.python(SEEING.replace("PLACE", f"({row}, {column})"))
    assert values == pytest.approx(ranked), "of each map the most active unit"
    expect(listed).to_have_text([re.compile(rf":\s{re.escape(f'{value:.4g}')}$") for value in values])
    notebook.screenshot("units-here")
    listed.locator("..").first.select_option(index=2)
    notebook.await_python("explorer.state.unit is not None")
    chosen = notebook.python("[list(each.unit) for each in explorer.image_pane.units.units][2]")
    assert notebook.python("list(explorer.state.unit)") == chosen
    notebook.screenshot("unit-chosen")
