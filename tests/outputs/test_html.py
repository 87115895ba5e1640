"""Results as a page: what is put into it can be read back, and nothing comes from elsewhere."""

from __future__ import annotations

import base64
import json
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from cnnvis_widgets import results as r
from cnnvis_widgets import write_html
from cnnvis_widgets.errors import OutputError
from cnnvis_widgets.outputs import html
from cnnvis_widgets.widgets.saving.page_store import PageStore


def layer(name: str = "conv", shape: tuple[int | None, ...] = (None, 5, 7, 3)) -> r.Layer:
    return r.Layer(name, "convolution", "c", shape, len(shape) - 1)


def feature_maps(*shape: int, name: str = "conv", signed: bool = True) -> r.FeatureMaps:
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return r.FeatureMaps(layer(name, (None, *shape[1:])), values if signed else np.abs(values))


def contents(path) -> dict:
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text("utf-8"), re.S)[1]
    return json.loads(text)


def pixels(url: str) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(base64.b64decode(url.partition(",")[2]))))


@pytest.mark.parametrize("shape", [(1, 5, 7, 3), (1, 9, 3), (1, 2, 3, 4, 5), (1, 6)])
@pytest.mark.parametrize("signed", [True, False])
def test_values_can_be_read_back(tmp_path, shape, signed):
    maps = feature_maps(*shape, signed=signed)
    [sheet] = contents(write_html([maps], tmp_path / "page.html"))["sheets"]
    levels, (height, width) = pixels(sheet["picture"]), sheet["tile"]
    for channel in sheet["channels"]:
        row, column = divmod(channel, sheet["columns"])
        tile = levels[row * height : (row + 1) * height, column * width : (column + 1) * width]
        told = sheet["low"] + sheet["step"] * tile.reshape(sheet["space"])
        np.testing.assert_allclose(told, maps.values[0, ..., channel], atol=0.51 * sheet["step"])
    assert sheet["step"] <= 2.02 * np.abs(maps.values).max() / 255


def test_zero_is_told_as_zero(tmp_path):
    maps = feature_maps(1, 4, 4, 2)
    maps.values[0, 0, 0, 0] = 0
    [sheet] = contents(write_html([maps], tmp_path / "page.html"))["sheets"]
    assert abs(sheet["low"] + sheet["step"] * int(pixels(sheet["picture"])[0, 0])) < 1e-6


def test_very_large_maps_are_kept_at_some_rows_and_columns(tmp_path, monkeypatch):
    monkeypatch.setattr(html, "MOST_VALUES", 100)
    maps = feature_maps(1, 20, 20, 2, signed=False)
    [sheet] = contents(write_html([maps], tmp_path / "page.html"))["sheets"]
    assert (sheet["stride"], sheet["tile"]) == (3, [7, 7])
    told = sheet["step"] * pixels(sheet["picture"])[:7, :7]
    np.testing.assert_allclose(told, maps.values[0, ::3, ::3, 0], atol=0.51 * sheet["step"])


def test_every_image_has_its_sheet_and_photo(tmp_path):
    photos = {"cat": np.zeros((4, 4, 3), np.uint8), "dog": np.full((4, 4, 3), 200, np.uint8)}
    data = contents(write_html([feature_maps(3, 5, 7, 3)], tmp_path / "page.html", photos=photos))
    assert [sheet["photo"] for sheet in data["sheets"]] == ["cat", "dog", "image 2"]
    assert pixels(data["photos"]["dog"]).tolist() == photos["dog"].tolist()


def test_the_newest_results_stay_and_the_page_tells_what_does_not(tmp_path, monkeypatch):
    old, new = feature_maps(1, 5, 7, 3), feature_maps(1, 5, 7, 2)
    other = feature_maps(1, 5, 7, 3, name="other")
    data = contents(write_html([old, other, new], tmp_path / "page.html"))
    assert [(sheet["title"], len(sheet["channels"])) for sheet in data["sheets"]] == [("other", 3), ("conv", 2)]
    assert data["leftOut"] == 0
    monkeypatch.setattr(html, "LIMIT", len(html.sheets(new)[0].picture) + 1)
    data = contents(write_html([old, other, new], tmp_path / "page.html"))
    assert ([sheet["title"] for sheet in data["sheets"]], data["leftOut"]) == (["conv"], 1)


def test_a_result_looked_at_again_is_not_encoded_again(tmp_path, monkeypatch):
    encoded, photo, sheets = [], np.zeros((4, 4, 3), np.uint8), html.sheets
    monkeypatch.setattr(html, "sheets", lambda *given: encoded.append(given[0]) or sheets(*given))
    first, second, third = (feature_maps(1, 5, 7, 3, name=name) for name in ("conv", "other", "third"))
    kept = PageStore(limit=sum(len(sheets(maps)[0].picture) for maps in (first, second, third)) - 1)
    for maps in (first, second, first):
        kept.add(maps, "cat", photo)
    assert encoded == [first, second]
    kept.add(third, "cat", photo)  # drops the oldest sheet, that of the first
    kept.add(first, "cat", photo)  # drops that of the second
    assert encoded == [first, second, third, first]
    written = contents(kept.write(tmp_path / "page.html"))["sheets"]
    assert {sheet["title"] for sheet in written} == {"conv", "third"}


def test_names_cannot_break_the_page(tmp_path):
    name = "</script><script>alert(1)//"
    path = write_html([feature_maps(1, 5, 7, 3, name=name)], tmp_path / "page.html", title="<b>")
    assert contents(path)["sheets"][0]["title"] == name
    assert path.read_text("utf-8").count("<script") == 2
    assert "&lt;b&gt;" in path.read_text("utf-8")


def test_projections_and_dreams(tmp_path):
    coverage = r.Coverage("deconvnet", (r.OpCoverage("relu", 2, "rule"),))
    images = np.random.default_rng(0).normal(size=(1, 2, 8, 8, 3)).astype(np.float32)
    units = np.array([[[1, 2], [3, 4]]])
    seen = r.Reconstruction(layer(), images, (4, 9), "deconvnet", "strongest", units, np.ones((1, 2)), coverage)
    span = np.float32(0), np.float32(1)
    dream = r.DreamStep(layer("logits"), False, (1,), ("goldfish",), images[0, :1], np.ones(1), 0, 1, 2, 3, span)
    first, second = contents(write_html([seen, dream], tmp_path / "page.html"))["sheets"]
    assert (first["view"], first["channels"]) == ("Projections by deconvnet, seed strongest", [4, 9])
    assert first["notes"][1] == "from activation 1 at 3, 4"
    assert (second["view"], second["title"]) == ("Deep dream", "goldfish · logits")
    assert second["notes"] == ["goldfish: step 3 of 3, score 1"]
    assert pixels(second["picture"]).shape == (8, 8, 3)


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Choose another path"):
        write_html([], tmp_path / "file" / "page.html")
