"""Every pane at the width of a projector and of a small laptop, in both themes, as pictures to be looked at."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from servers import nameless

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIZES = ((1400, 1400), (800, 3200))
"""Width and height of the page: high enough that nothing has to be scrolled to."""
THEMES = ("Light", "Dark")
DEEP = "block6_expand_relu/Relu6"
PANES = {
    "activations": {"method": "activations", "layer": DEEP, "order": "strength", "unit": (5, 6)},
    "deconvolution": {"method": "deconvolution", "layer": DEEP},
    "deconvolution-unit": {"method": "deconvolution", "layer": DEEP, "seed": "unit", "unit": (5, 6)},
    "rules": {"method": "deconvolution", "layer": DEEP, "all_rules": True},
    "grad-cam": {"method": "attribution", "explainer": "grad_cam", "explained": "chosen", "target": 281},
    "guided-grad-cam": {"method": "attribution", "explainer": "guided_grad_cam"},
    "integrated-gradients": {"method": "attribution", "explainer": "integrated_gradients"},
    "smooth-grad": {"method": "attribution", "explainer": "smooth_grad", "explained": "best"},
    "occlusion": {"method": "occlusion", "occluder": (60, 60, 45, 45)},
    "intervention": {"method": "intervention", "layer": DEEP, "factor": 0.0, "region": (3, 3, 5, 5)},
    "comparison": {"method": "comparison", "layer": DEEP, "versus": "image", "other_image": 1},
}
"""What is shown, as the traits of the state."""
BESIDE = {
    "deconvolution": "explorer.views['deconvolution'].sensitivity.value",
    "deconvolution-unit": "explorer.views['deconvolution'].sensitivity.value",
    "rules": "len(explorer.views['deconvolution'].all_rules.results)",
    "occlusion": "explorer.views['occlusion'].manual.occluded is not None",
    "intervention": "explorer.views['intervention'].intervention is not None",
}
"""What is computed beside the result of the view, and must be there, too."""


@pytest.fixture(scope="module", params=["short.ipynb", "digits.ipynb"])
def notebook(open_notebook, request):
    return open_notebook("lab", request.param)


def shots(notebook, name):
    """The whole explorer, as high as it is."""
    assert nameless(notebook) == [], name
    for theme in THEMES:
        notebook.in_theme(theme)
        for width, height in SIZES:
            notebook.page.set_viewport_size({"width": width, "height": height})
            notebook.await_layout()
            explorer = notebook.whole_screenshot(f"{name}-{theme.lower()}-{width}")
            assert explorer.evaluate("(it) => it.scrollWidth <= it.clientWidth"), f"cut off at {width} pixels"


def test_every_pane(notebook):
    if notebook.page.locator("canvas[data-picture=pad]").count():
        shots(notebook, "image-pad")
        return
    for name, traits in PANES.items():
        notebook.python(f"[*(setattr(explorer.state, *each) for each in {list(traits.items())}), explorer.wait(90)][0]")
        if name == "occlusion":
            notebook.python("[explorer.views['occlusion'].start(), explorer.wait(300)][0]")
        expect(notebook.status().first).to_have_text(re.compile("Done"))
        notebook.await_python("explorer.image_pane.predictions.value")
        if name in BESIDE:
            notebook.await_python(BESIDE[name])
        shots(notebook, name)
        assert notebook.python("explorer.state.error") == ""
    notebook.python("[setattr(explorer.state, 'method', 'activations'), explorer.wait(60)][0]")
    for button, name in (("Crop", "image-crop"), ("Webcam", "image-webcam")):
        notebook.page.get_by_role("button", name=button, exact=True).click()
        end = notebook.page.get_by_role("button", name={"Crop": "Cancel", "Webcam": "Close webcam"}[button])
        expect(end).to_be_visible()
        if button == "Webcam":
            notebook.page.wait_for_function("() => document.querySelector('.cnnvis-explorer video')?.videoWidth")
        shots(notebook, name)
        end.click()
    notebook.python("[setattr(explorer.state, 'octaves', 1), explorer.start()][0]")
    notebook.await_python("type(explorer.result).__name__ == 'DreamStep' and explorer.result.index > 8")
    notebook.python("setattr(explorer.state, 'paused', True)")
    shots(notebook, "dream")
