"""The maps and what is made of them in JupyterLab: order, pins, scale, pages; rules; comparison; code; keys alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VIEW = "explorer.views[explorer.state.method]"
DEEP = "activation · block6_expand_relu/Relu6 · relu6 · 14 × 14 × 480"
FOCUS = """(wanted) => {
  const it = document.activeElement, style = getComputedStyle(it);
  const seen = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
  return it.matches(wanted) && it.closest('.cnnvis-explorer') !== null ? (seen ? 'seen' : 'unseen') : '';
}"""


@pytest.fixture(scope="module")
def notebook(lab):
    return lab


def click_tile(notebook, column=0):
    """Click the middle of a tile in the first row of a montage of six columns."""
    montage = notebook.picture("montage")
    montage.scroll_into_view_if_needed()
    size = montage.bounding_box()["width"] / 6
    montage.click(position={"x": (column + 0.5) * size, "y": size / 2})


def test_maps_are_sorted_and_pinned(notebook):
    page = notebook.page
    page.get_by_label("Sort").select_option("by strength")
    notebook.await_python("explorer.state.order == 'strength' and not explorer.state.running")
    click_tile(notebook)
    order = notebook.python("[int(each) for each in (-explorer.result.strengths[0]).argsort(kind='stable')]")
    notebook.await_python(f"explorer.state.channel == {order[0]}")
    click_tile(notebook, 3)
    notebook.await_python(f"explorer.state.channel == {order[3]}")
    notebook.unfold_options()
    page.get_by_role("button", name=re.compile("^(Pin|Unpin) map$")).click()
    notebook.await_python(f"explorer.state.pins == ({order[3]},) and not explorer.state.running")
    click_tile(notebook, 1)
    notebook.await_python(f"explorer.state.channel == {order[0]}")
    click_tile(notebook)
    notebook.await_python(f"explorer.state.channel == {order[3]}")
    page.get_by_role("button", name=re.compile("^(Pin|Unpin) map$")).click()
    page.get_by_label("Sort").select_option("by evidence for the class")
    notebook.await_python("explorer.state.order == 'evidence' and not explorer.state.running")
    assert notebook.python("explorer.state.error") == ""
    page.get_by_label("Sort").select_option("by number")


def test_the_scale_is_chosen_and_what_is_clipped_is_told(notebook):
    page = notebook.page
    said = page.locator(".cnnvis-explorer .cnnvis-note:has(.cnnvis-scale)")
    expect(said).not_to_contain_text("beyond the ends")
    before = notebook.pixels("montage")
    page.get_by_label("Colour scale").select_option("custom")
    page.get_by_label("to", exact=True).fill("0.5")
    page.get_by_label("to", exact=True).press("Enter")
    notebook.await_python("explorer.state.limit == 0.5")
    share = notebook.python("100 * float((abs(explorer.result.values[0]) > 0.5).mean())")
    expect(said).to_contain_text(f"{share:.3g} % of the values are beyond the ends")
    notebook.await_other("montage", before)
    notebook.screenshot("scale")
    page.get_by_label("Colour scale").select_option("shared by all maps")


def test_very_many_maps_come_in_pages(notebook):
    page, montage = notebook.page, notebook.picture("montage")
    page.get_by_label("Layer", exact=True).select_option(DEEP)
    expect(montage).to_have_attribute("aria-label", re.compile("0 to 255 of 480"))
    page.get_by_role("button", name="Next").click()
    expect(montage).to_have_attribute("aria-label", re.compile("256 to 479 of 480"))
    assert notebook.python("explorer.state.page") == 1
    page.get_by_label("Map", exact=True).fill("7")
    page.get_by_label("Map", exact=True).press("Enter")
    expect(montage).to_have_attribute("aria-label", re.compile("0 to 255 of 480"))
    assert notebook.python("[explorer.state.page, explorer.state.channel]") == [0, 7]


def test_all_rules_stand_side_by_side_and_class_sensitivity_is_shown(notebook):
    page = notebook.page
    notebook.show("Deconvolution")
    notebook.unfold_options()
    page.get_by_label("All rules side by side").check()
    for rule in ("deconvnet", "guided", "gradient"):
        words = re.compile(f"Map {notebook.python('explorer.state.channel')} of .* by {rule}")
        expect(notebook.picture(f"rule-{rule}")).to_have_attribute("aria-label", words, timeout=120_000)
    assert notebook.python(f"[each.rule for each in {VIEW}.all_rules.results]") == ["deconvnet", "guided", "gradient"]
    badge = page.get_by_text(re.compile("class sensitivity by guided"))
    expect(badge).to_be_visible(timeout=120_000)
    found = "cv.sensitivity(explorer.network, explorer.feed, rule='guided')"
    rival, shuffled = notebook.python(f"(lambda x: [float(x.rival[0]), float(x.randomised[0])])({found})")
    expect(page.get_by_text(f": correlation {rival:.2f}").first).to_be_visible()
    expect(page.get_by_text(f"as with a shuffled top layer: correlation {shuffled:.2f}").first).to_be_visible()
    notebook.screenshot("rules")
    page.get_by_label("All rules side by side").uncheck()


def test_two_images_are_compared_with_one_cursor(notebook):
    page = notebook.page
    notebook.show("Comparison")
    page.get_by_label("Image B").select_option(index=2)
    notebook.await_python("explorer.state.other_image == 2 and not explorer.state.running")
    first = notebook.picture("A")
    box = first.bounding_box()
    first.click(position={"x": box["width"] * 5.5 / 14, "y": box["height"] * 3.5 / 14})
    notebook.await_python("explorer.state.unit == (3, 5)")
    notebook.picture("B").press("ArrowRight")
    notebook.await_python("explorer.state.unit == (3, 6)")
    a, b = (f"float({VIEW}._pair[{place}].values[0, 3, 6, explorer.state.channel])" for place in (0, 1))
    for panel, value in (("A", a), ("B", b), ("A-B", f"{a} - {b}")):
        words = re.compile(re.escape(f"{notebook.python(value):.4g} at row 3, column 6"))
        expect(notebook.picture(panel)).to_have_attribute("aria-label", words)
        expect(page.locator(f".cnnvis-surface:has(canvas[data-picture='{panel}']) .cnnvis-frame")).to_be_visible()
    notebook.screenshot("comparison")


def test_the_copied_code_gives_the_same_array(notebook):
    page = notebook.page
    notebook.show("Activations")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook.open_menu()
    page.get_by_role("button", name="Copy code").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    notebook.command("notebook:insert-cell-below")
    notebook.command("notebook:enter-edit-mode")
    page.keyboard.press("Control+v")
    notebook.command("notebook:run-cell")
    notebook.await_python("'maps' in globals()")
    assert notebook.python("maps.values.shape == explorer.result.values.shape")
    # to rounding: fetched with its neighbours, a layer is computed in another grouping of ops
    assert notebook.python("float(abs(maps.values - explorer.result.values).max() / maps.values.max())") < 1e-6
    notebook.command("notebook:delete-cell")


def tab_to(notebook, wanted, presses=150):
    """Press Tab until an element of the explorer that matches has the focus, and can be seen to have it."""
    for _ in range(presses):
        notebook.page.keyboard.press("Tab")
        found = notebook.page.evaluate(FOCUS, wanted)
        if found:
            assert found == "seen", f"the focus on {wanted} cannot be seen"
            return
    raise AssertionError(f"Tab never comes to {wanted}.")


def test_all_of_it_by_keys(notebook):
    page, press = notebook.page, notebook.page.keyboard.press
    notebook.python("setattr(explorer.state, 'layer', explorer.network.layers[5].name)")
    page.get_by_role("listbox", name="Image", exact=True).focus()
    tab_to(notebook, ".cnnvis-strip-list")
    press("ArrowRight")
    notebook.await_python("explorer.state.layer == explorer.network.layers[6].name and not explorer.state.running")
    tab_to(notebook, "canvas[data-picture=photo]")
    press("ArrowUp")
    notebook.await_python("len(explorer.image_pane.units.units) > 0")
    tab_to(notebook, ".cnnvis-bars button")
    press("Enter")
    notebook.await_python("explorer.state.target == cv.predict(explorer.network, explorer.feed).top(1)[0][0]")
    tab_to(notebook, "canvas[data-picture=large]")
    press("Home")
    press("ArrowDown")
    notebook.await_python("explorer.state.unit == (1, 0)")
    tab_to(notebook, "canvas[data-picture=montage]")
    press("Home")
    press("ArrowRight")
    notebook.await_python("explorer.state.channel == 1")
    page.get_by_role("listbox", name="Image", exact=True).focus()
    tab_to(notebook, ".widget-toggle-buttons button")
    for _ in range(5):
        press("Tab")
    assert page.evaluate("() => document.activeElement.textContent.trim()") == "Intervention"
    press("Enter")
    notebook.await_python("explorer.state.method == 'intervention' and not explorer.state.running")
    tab_to(notebook, "canvas[data-picture=large]")
    for key in ("ArrowDown", "Shift+ArrowRight", "Shift+ArrowDown", "Shift+ArrowDown"):
        press(key)
    notebook.await_python("explorer.state.region == (2, 0, 3, 2)")
    tab_to(notebook, "[role=slider]")
    before = notebook.python("explorer.state.factor")
    press("ArrowLeft")
    notebook.await_python(f"explorer.state.factor < {before}")
    notebook.screenshot("by-keys")
    assert notebook.faults() == []
