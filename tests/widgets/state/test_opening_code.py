"""Copied code opens the same network and image again, in an empty notebook, or says what to fill in."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from cnnvis_widgets import ModelExplorer, demo
from cnnvis_widgets.widgets.jobs import computations
from cnnvis_widgets.widgets.views.registry import VIEWS

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs")

RESULTS = {
    "activations": "maps",
    "deconvolution": "reconstruction",
    "attribution": "attribution",
    "occlusion": "sweep",
    "method wall": "wall",
    "intervention": "intervention",
    "comparison": "a",
    "deep dream": "last",
}


def twice(picture):
    """A preprocessing that can be imported."""
    return picture[::2, ::2].astype(np.float32) / 127.5 - 1


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    keras.utils.set_random_seed(1)
    layers = [
        keras.Input((24, 24, 3)),
        keras.layers.Conv2D(4, 3, activation="relu", name="first"),
        keras.layers.Conv2D(5, 3, activation="relu", name="second"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(3, activation="softmax", name="classes"),
    ]
    keras.Sequential(layers).save(folder / "tiny.keras")
    for name in ("one", "two"):
        pixels = np.random.default_rng(len(name)).integers(0, 256, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder / "tiny.keras"


def run(code: str) -> dict:
    names: dict = {}
    exec(compile(code, "cell", "exec"), names)
    return names


def arrays_of(result):
    for name in ("values", "images", "weights", "deletion"):
        if isinstance(getattr(result, name, None), np.ndarray):
            return getattr(result, name)
    if hasattr(result, "after"):
        return result.after.scores
    if hasattr(result, "tiles"):
        return np.concatenate([tile.attribution.images.ravel() for tile in result.tiles if tile.attribution])
    return result.scores


@pytest.mark.parametrize("view", [view.name for view in VIEWS])
def test_the_code_of_every_view_runs_as_it_stands_for_a_path(path, tmp_path, view):
    images = [str(path.with_name(name)) for name in ("one.png", "two.png")]
    explorer = ModelExplorer(str(path), images, class_names=["a", "b", "c"], logdir=None, outdir=tmp_path)
    state = explorer.state
    state.image, state.layer, state.channel = 1, "second/Relu", 2
    state.octaves, state.steps = 1, 2
    state.method = view
    if view == "occlusion":
        explorer.views[view].start()
    if view == "deep dream":
        explorer.start()
    code = explorer.code()
    assert "..." not in code
    assert f"network = cnnvis_widgets.load({str(path)!r}, class_names=['a', 'b', 'c'])" in code
    assert f"feed = {images[1]!r}" in code
    names = run(code)
    if explorer.views[view].unavailable():
        assert explorer.views[view].unavailable() in code
    elif view == "mistakes":
        assert names["labels"] == []  # to be filled in
    elif view == "deep dream":
        assert names["last"].channels == explorer.result.channels
    else:
        result = explorer.result
        if view == "deconvolution":
            result = computations.part(result, [2])
        expected = state.factor and names[RESULTS[view]] if view == "intervention" else result
        np.testing.assert_allclose(arrays_of(names[RESULTS[view]]), arrays_of(expected), rtol=1e-5, atol=1e-6)
    if view == "comparison":
        assert f"other = {images[state.other_image]!r}" in code
    explorer.close()


@pytest.mark.parametrize("image", [0, 3])
def test_photographs_that_the_package_chose_are_chosen_again(path, image):
    explorer = ModelExplorer(path, logdir=None)
    explorer.state.image = image
    maps = run(explorer.code())["maps"]
    np.testing.assert_array_equal(maps.values, explorer.result.values)
    explorer.close()


def test_a_folder_of_images_and_an_added_one(path, tmp_path):
    explorer = ModelExplorer(path, path.parent / "*.png", preprocess=None, logdir=None)
    assert f"feed = {str(path.with_name('two.png'))!r}" in code_at(explorer, 1)
    explorer.add_image(str(path.with_name("one.png")), "again")
    assert f"feed = {str(path.with_name('one.png'))!r}" in explorer.code()
    np.testing.assert_array_equal(run(explorer.code())["maps"].values, explorer.result.values)
    explorer.add_image(np.zeros((24, 24, 3), np.uint8), "drawn")
    assert "feed = ...  # fill in: the image 'drawn'" in explorer.code()
    explorer.close()


def code_at(explorer, image):
    explorer.state.image = image
    return explorer.code()


def test_a_function_that_can_be_imported_is_imported(path):
    from keras.applications.mobilenet import preprocess_input

    explorer = ModelExplorer(path, preprocess=preprocess_input, logdir=None)
    assert "from keras.src.applications.mobilenet import preprocess_input" in explorer.code()
    np.testing.assert_array_equal(run(explorer.code())["maps"].values, explorer.result.values)
    explorer.close()
    explorer = ModelExplorer(path, preprocess=lambda picture: picture / np.float32(255), logdir=None)
    assert "preprocess = ...  # fill in: your function" in explorer.code()
    assert "preprocess=preprocess" in explorer.code()
    explorer.close()


def test_objects_are_to_be_filled_in(network, images):
    explorer = ModelExplorer(network, images, logdir=None)
    code = explorer.code()
    ast.parse(code)
    assert "model = ...  # fill in: your Network" in code
    assert "feed = ...  # fill in: the image 'image 0'; you gave ndarray of shape (2, 20, 24, 3)" in code
    assert "network = cnnvis_widgets.load(model)" in code
    filled = code.replace("model = ...", "model = given").replace("feed = ...", "feed = fed")
    names = {"given": network, "fed": images[:1]}
    exec(filled, names)
    np.testing.assert_array_equal(names["maps"].values, explorer.result.values)
    explorer.close()


def test_the_model_of_the_user_is_not_kept(path, tmp_path):
    import gc
    import weakref

    model = keras.saving.load_model(path)
    explorer = ModelExplorer(model, logdir=None)
    watched = weakref.ref(model)
    name = model.name
    del model
    gc.collect()
    assert watched() is None
    assert f"model = ...  # fill in: your Sequential {name!r}" in explorer.code()
    explorer.close()


@pytest.mark.slow
def test_the_embedded_network_in_a_process_of_its_own(tmp_path):
    explorer = ModelExplorer(logdir=None)
    explorer.state.image = explorer.state.images.index("coffee")
    assert explorer.code().count("cnnvis_widgets.demo.network()") == 1
    script = tmp_path / "cell.py"
    script.write_text(explorer.code() + "print(maps.values.sum())\n")
    root = str(Path(__file__).parents[3])
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=root, check=True)
    assert float(done.stdout) == pytest.approx(float(explorer.result.values.sum()), rel=1e-5)
    explorer.close()
    again = ModelExplorer(demo.network(), demo.photos()["coffee"], logdir=None)
    assert "network = cnnvis_widgets.demo.network()" in again.code()
    again.close()
