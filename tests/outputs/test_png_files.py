"""PNG files: folders, names, contents, and what happens when writing fails."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnvis_widgets.errors import OutputError
from cnnvis_widgets.imaging import colormaps
from cnnvis_widgets.outputs import png_files
from cnnvis_widgets.outputs.file_names import folder_name
from cnnvis_widgets.outputs.pictures import of_layer
from cnnvis_widgets.results import Coverage, DreamStep, FeatureMaps, Layer, OpCoverage, Reconstruction


def layer(name: str, *shape: int) -> Layer:
    return Layer(name, "relu", "r", (None, *shape), len(shape))


RELU = layer("conv1/Relu", 4, 5, 3)


def maps(images: int = 1) -> FeatureMaps:
    values = np.random.default_rng(0).uniform(0, 1, (images, 4, 5, 3)).astype(np.float32)
    return FeatureMaps(RELU, values)


def reconstruction(images: int = 1) -> Reconstruction:
    values = np.random.default_rng(0).normal(size=(images, 2, 6, 6, 3)).astype(np.float32)
    return Reconstruction(
        RELU,
        values,
        (7, 2),
        "deconvnet",
        "strongest",
        np.zeros((images, 2, 2), int),
        np.ones((images, 2), np.float32),
        Coverage("deconvnet", (OpCoverage("relu", 1, "rule"),)),
    )


def dream_step() -> DreamStep:
    images = np.stack([np.full((4, 6, 3), value, np.float32) for value in (-1, 0.5)])
    return DreamStep(
        layer("logits", 10),
        True,
        (3, 8),
        ("cat", "8"),
        images,
        np.float32([1, 2]),
        0,
        1,
        0,
        1,
        (np.float32(-1), np.float32(1)),
    )


def relative(paths: list[Path], folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in paths]


# ---- folder names ----


def names(*layers: str) -> dict[str, str]:
    known = [layer(name) for name in layers]
    return {each.name: folder_name(each, known) for each in known}


def test_an_ordinary_name_is_that_of_tf_cnnvis():
    assert names("conv1/Relu", "InceptionV3/Mixed_7c/Conv2d_0b_1x1/Relu") == {
        "conv1/Relu": "conv1_relu",
        "InceptionV3/Mixed_7c/Conv2d_0b_1x1/Relu": "inceptionv3_mixed_7c_conv2d_0b_1x1_relu",
    }


def test_colliding_names_get_folders_that_depend_on_the_network_alone():
    found = names("a/b", "a_b", "A_B", "c")
    assert len(set(found.values())) == 4
    assert found["c"] == "c"
    assert all(re.fullmatch(r"a_b-[0-9a-f]{8}", found[name]) for name in ("a/b", "a_b", "A_B"))
    assert names("A_B", "c", "a_b", "a/b") == found


def test_a_name_that_looks_hashed_cannot_meet_a_hashed_one():
    hashed = names("a/b", "a_b")["a/b"]
    found = names("a/b", "a_b", hashed)
    assert len(set(found.values())) == 3


@pytest.mark.parametrize(
    "name",
    [
        "con",
        "AUX",
        "lpt1.x",
        "..",
        ".hidden",
        "dot.",
        "a:b*c?",
        "x" * 300,
        "ü/ß",
        "a\\b",
        "../../etc/passwd",
    ],
)
def test_every_name_becomes_safe(name):
    folder = names(name)[name]
    assert re.fullmatch(r"[a-z0-9_-][a-z0-9._-]{0,98}[a-z0-9_-]", folder)
    assert not re.match(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", folder)


def test_long_names_stay_apart():
    assert len(set(names("x" * 200 + "/a", "x" * 200 + "/b").values())) == 2


# ---- layout ----


def test_one_image_gives_the_files_of_tf_cnnvis(tmp_path):
    paths = [
        *png_files.write_activations(maps(), tmp_path / "Out", layers=[RELU]),
        *png_files.write_reconstruction(reconstruction(), tmp_path / "Out", layers=[RELU]),
        *png_files.write_dream(dream_step(), tmp_path / "Out", layers=[dream_step().layer]),
    ]
    assert relative(paths, tmp_path / "Out") == [
        "conv1_relu/activations/grid_activation.png",
        "conv1_relu/deconvolution/grid_image.png",
        "deepdream_logits/image_3.png",
        "deepdream_logits/image_8.png",
    ]
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(paths)


def test_dreams_of_one_class_at_several_places_have_files_of_their_own(tmp_path):
    step = replace(dream_step(), channels=(3, 3), names=("cat at 1, 2", "cat at 5, 2"))
    paths = png_files.write_dream(step, tmp_path, layers=[step.layer])
    assert relative(paths, tmp_path) == ["deepdream_logits/image_3.png", "deepdream_logits/image_3_2.png"]
    assert Image.open(paths[1]).text["Channel"] == "3 cat at 5, 2"


def test_a_dream_of_a_whole_layer_is_not_taken_for_its_first_channel(tmp_path):
    step = dream_step()
    whole = replace(step, channels=(0,), names=(step.layer.name,), images=step.images[:1], scores=step.scores[:1])
    first = replace(whole, names=("0",))
    paths = [path for each in (whole, first) for path in png_files.write_dream(each, tmp_path, layers=[step.layer])]
    assert relative(paths, tmp_path) == ["deepdream_logits/image_layer.png", "deepdream_logits/image_0.png"]


def test_each_image_and_each_map_has_a_file_of_its_own(tmp_path):
    paths = png_files.write_activations(maps(2), tmp_path, layers=[RELU], singles=True)
    names = ["grid_activation", "map_0", "map_1", "map_2"]
    expected = [f"conv1_relu/activations/{name}_{image}.png" for image in (0, 1) for name in names]
    assert relative(paths, tmp_path) == expected
    assert len({path.read_bytes() for path in paths}) == 8


def test_projections_are_named_by_their_channel(tmp_path):
    paths = png_files.write_reconstruction(reconstruction(), tmp_path, layers=[RELU], singles=True)
    assert [path.name for path in paths] == ["grid_image.png", "map_7.png", "map_2.png"]


def test_dense_units_are_shown_together_only(tmp_path):
    dense = FeatureMaps(layer("fc", 5), np.float32([[0, 1, 2, 3, 4]]))
    (path,) = png_files.write_activations(dense, tmp_path, layers=[dense.layer], singles=True)
    cells = np.asarray(Image.open(path))[16::32, 16::32]
    np.testing.assert_array_equal(cells.reshape(-1, 3)[:5], colormaps.SEQUENTIAL[[0, 64, 128, 191, 255]])


# ---- contents ----


def test_plain_pictures_are_grey_square_and_of_the_maps_own_size():
    (grid,) = of_layer(maps(), plain=True)
    values = maps().values[0]
    pixels = np.asarray(Image.open(BytesIO(grid.png)))
    assert pixels.shape == grid.shape[:2] == (2 * 4 + 1, 2 * 5 + 1)
    np.testing.assert_array_equal(pixels[:4, 6:], np.rint(values[..., 1] / values.max() * 255))


def test_other_pictures_are_coloured_and_enlarged(tmp_path):
    (path,) = png_files.write_activations(maps(), tmp_path, layers=[RELU])
    pixels = np.asarray(Image.open(path))
    assert pixels.shape == (2 * 4 * 32 + 1, 2 * 5 * 32 + 1, 3)
    top = np.rint(maps().values[0, 0, 0, 0] / maps().values.max() * 255).astype(int)
    np.testing.assert_array_equal(pixels[0, 0], colormaps.SEQUENTIAL[top])


def test_the_projection_of_a_unit_is_no_speck_except_in_plain_pictures():
    values = np.zeros((1, 2, 100, 100, 3), np.float32)
    values[:, :, 50:60, 20:30] = 1
    speck = replace(reconstruction(), images=values)
    (cut,) = of_layer(speck)
    (plain,) = of_layer(speck, plain=True)
    assert cut.shape == (10 * 32, 2 * 10 * 32 + 1, 3)
    assert plain.shape == (201, 201, 3)


def test_a_dream_is_drawn_in_the_range_of_the_input(tmp_path):
    first, second = png_files.write_dream(dream_step(), tmp_path, layers=[])
    assert np.asarray(Image.open(first)).tolist() == [[[0, 0, 0]] * 6] * 4
    assert np.asarray(Image.open(second)).tolist() == [[[191, 191, 191]] * 6] * 4


def test_a_file_says_what_it_shows(tmp_path):
    path = png_files.write_reconstruction(reconstruction(2), tmp_path, layers=[RELU], singles=True)[1]
    image = Image.open(path)
    image.load()
    assert image.text == {
        "Layer": "conv1/Relu",
        "Method": "deconvnet",
        "Image": "0",
        "Channel": "7",
        "Scale": "layer",
        "Seed": "strongest",
        "Coverage": "deconvnet: 1 relu rule",
        "Precision": "float32 (as asked for)",
    }


def test_scale_is_honoured(tmp_path):
    layerwise = png_files.write_activations(maps(), tmp_path / "a", layers=[RELU], scale="layer")
    mapwise = png_files.write_activations(maps(), tmp_path / "b", layers=[RELU], scale="map")
    assert layerwise[0].read_bytes() != mapwise[0].read_bytes()


# ---- failure ----


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "Output").write_text("a file, not a folder")
    with pytest.raises(OutputError, match=r"Received: '.*Output.*grid_activation\.png'.*Give another outdir"):
        png_files.write_activations(maps(), tmp_path / "Output", layers=[RELU])
    assert (tmp_path / "Output").read_text() == "a file, not a folder"


def test_a_full_disk_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch):
    (path,) = png_files.write_activations(maps(), tmp_path, layers=[RELU])
    before = path.read_bytes()

    def half_written(self: Path, content: bytes) -> int:
        with self.open("wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half_written)
    with pytest.raises(OutputError, match="No space left"):
        png_files.write_activations(maps(2), tmp_path, layers=[RELU])
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [path]
    assert path.read_bytes() == before


def test_nothing_is_written_when_a_picture_cannot_be_drawn(tmp_path):
    broken = FeatureMaps(RELU, np.concatenate([maps().values, np.full((1, 4, 5, 3), np.nan, np.float32)]))
    with pytest.raises(ArithmeticError, match="NaN"):
        png_files.write_activations(broken, tmp_path / "Output", layers=[RELU])
    assert not os.listdir(tmp_path)
