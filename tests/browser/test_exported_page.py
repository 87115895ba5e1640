"""The page of ``export_html`` opened from its file, without a network and without a kernel."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect
from servers import ARTIFACTS, ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DEEP = "block6_expand_relu"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The path, and the feature maps of block3_expand_relu for the second photo: the whole quickstart, and what it asks
    to try: a walk through the layers, a deep one under each rule."""
    cells = nbformat.read(ROOT / "notebooks/01_quickstart.ipynb", as_version=4).cells
    given = {}
    for cell in cells:
        if cell.cell_type == "code":
            exec(cell.source, given)
    explorer, state = given["explorer"], given["explorer"].state
    state.method, state.image = "activations", "chelsea"
    for layer in explorer.network.select("r"):
        if layer.keras_name != "block3_expand_relu":
            state.layer = layer.name
            explorer.wait(120)
    state.layer, state.method = DEEP, "deconvolution"
    for rule in ("deconvnet", "guided", "gradient"):
        state.rule = rule
        explorer.wait(240)
    path = explorer.export_html(tmp_path_factory.mktemp("page") / "explorer.html")
    explorer.close()
    return path, given["maps"]


@pytest.fixture(params=["light", "dark"])
def page(exported, browser, request):
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1400, "height": 900})
    context.set_offline(True)
    asked, errors = [], []
    opened = context.new_page()
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: message.type == "error" and errors.append(message.text))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(exported[0].as_uri())
    yield opened
    ARTIFACTS.mkdir(exist_ok=True)
    opened.screenshot(path=ARTIFACTS / f"page-{request.param}.png", full_page=True)
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    context.close()


def test_layers_maps_and_dreams_are_browsed_without_kernel_and_network(exported, page):
    path, maps = exported
    size = path.stat().st_size
    count = page.evaluate("data.sheets.length")
    print(f"{size / 1e6:.1f} MB, {count} layers, projections and dreams")
    assert size < 15e6
    assert page.evaluate("data.leftOut") == 0

    # a layer is chosen
    montage, large = page.locator("#montage"), page.locator("#large")
    page.get_by_label("Layer").select_option("block3_expand_relu/Relu6")
    expect(montage).to_have_attribute("aria-label", "Feature maps of block3_expand_relu/Relu6: 144 for coffee")
    strongest = int(maps.strengths[0].argmax())
    expect(page.locator("#note")).to_contain_text(f"Map {strongest} of")

    # a map is clicked: the second of the first row
    before = large.evaluate("(canvas) => canvas.toDataURL()")
    box = montage.bounding_box()
    montage.click(position={"x": box["width"] * 1.5 / 12, "y": box["height"] * 0.5 / 12})
    note = f"Map 1 of block3_expand_relu/Relu6: largest {maps.strengths[0, 1]:.4g}"
    expect(page.locator("#note")).to_contain_text(note)
    assert large.evaluate("(canvas) => canvas.toDataURL()") != before

    # a unit is pointed at: its value is told
    height, width = maps.values.shape[1:3]
    row, column = divmod(int(maps.values[0, ..., 1].argmax()), width)
    place = large.bounding_box()
    large.hover(position={"x": place["width"] * (column + 0.5) / width, "y": place["height"] * (row + 0.5) / height})
    told = page.locator("#readout")
    expect(told).to_contain_text(f"map 1, unit {row}, {column}:")
    value = float(told.text_content().rpartition(": ")[2])
    assert abs(value - maps.values[0, row, column, 1]) <= maps.values.max() / 255

    # the keyboard walks on
    montage.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#note")).to_contain_text("Map 2 of")

    page.get_by_label("Show").select_option("Projections by deconvnet, seed strongest")
    expect(page.locator("#note")).to_contain_text("from activation")
    page.get_by_label("Show").select_option("Deep dream")
    expect(page.locator("#note")).to_contain_text("score")
    page.get_by_label("Show").select_option("Feature maps")
    expect(montage).to_be_visible()
