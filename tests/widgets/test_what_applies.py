"""What the explorer offers for networks of words, films and maps, how it names images, and what it passes on."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from heads import SIZE, sequential
from keras import layers
from on_screen import run_code
from PIL import Image

from cnnvis_widgets import ModelExplorer, grad_cam
from cnnvis_widgets.widgets.views.attribution import explainers

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs")

WORDS = np.array([[3, 7, 2, 9, 0, 0, 0, 0]], np.int32)


def masked_words():
    keras.utils.set_random_seed(1)
    words = keras.Input((8,), dtype="int32", name="words")
    x = layers.LSTM(6, name="memory")(layers.Embedding(20, 6, mask_zero=True, name="embedded")(words))
    return keras.Model(words, layers.Dense(3, "softmax", name="classes")(x))


def film():
    keras.utils.set_random_seed(1)
    frames = keras.Input((3, 10, 10, 1), name="film")
    x = layers.ConvLSTM2D(4, 3, padding="same", name="memory")(frames)
    x = layers.Conv2D(6, 3, activation="relu", name="maps")(x)
    return keras.Model(frames, layers.Dense(3, "softmax", name="classes")(layers.GlobalAveragePooling2D()(x)))


def test_views_of_words_say_that_there_is_no_gradient_and_the_others_work():
    explorer = ModelExplorer(masked_words(), WORDS)
    reasons = {name: view.unavailable() for name, view in explorer.views.items()}
    for name in ("deconvolution", "deep dream", "attribution"):
        assert "select rows of a table in 'embedded/" in reasons[name]
        assert "image_input='embedded/" in reasons[name]
    assert not reasons["activations"]
    for name in explorer.views:
        explorer.state.method = name
    explorer.start()
    assert explorer.state.error == ""
    explorer.close()


def test_the_tensor_that_the_reason_names_takes_the_words():
    advice = ModelExplorer(masked_words(), WORDS).views["deep dream"].unavailable()
    rows = advice.rpartition("image_input='")[2].partition("'")[0]
    explorer = ModelExplorer(masked_words(), WORDS, image_input=rows)
    assert explorer.fed_images.images[0].shape == (8, 6)
    assert not any(explorer.views[name].unavailable() for name in ("deconvolution", "deep dream", "attribution"))
    explorer.state.method = "attribution"
    explorer.state.explainer = "integrated_gradients"
    assert explorer.state.error == ""
    assert np.abs(explorer.result.images[..., :4, :]).max() > 0
    assert not explorer.result.images[0, 0, 4:].any()  # masked words have no influence
    explorer.close()


def test_grad_cam_of_a_film_has_the_size_of_its_maps():
    explorer = ModelExplorer(film(), np.random.default_rng(0).random((1, 3, 10, 10, 1), np.float32))
    state = explorer.state
    state.method = "attribution"
    assert {"grad_cam", "integrated_gradients"} <= explainers(state).keys()
    assert not {"guided_grad_cam", "score_cam"} & explainers(state).keys()
    assert state.explainer == "grad_cam"
    assert state.error == ""
    assert explorer.result.images.shape == (1, 1, 8, 8)
    again = run_code(explorer)["attribution"]
    np.testing.assert_array_equal(again.images, explorer.result.images)
    assert "enlarged" not in explorer.views["attribution"]._caption.value
    explorer.close()


def test_images_of_a_folder_keep_their_names(tmp_path):
    for name in ("b10.png", "b9.png"):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / name)
    model = sequential(layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax"))
    by_name = {model.inputs[0].name: [tmp_path / "b9.png", tmp_path / "b10.png"]}
    for feed in (str(tmp_path), str(tmp_path / "*.png"), by_name):
        explorer = ModelExplorer(model, feed)
        assert explorer.state.images == ("b9.png", "b10.png")
        explorer.close()
    explorer = ModelExplorer(model, np.zeros((2, *SIZE), np.float32))
    assert explorer.state.images == ("image 0", "image 1")
    explorer.close()


def test_meanings_of_heads_are_passed_on():
    model = sequential(layers.GlobalAveragePooling2D(), layers.Dense(1, name="cat"))
    explorer = ModelExplorer(model, np.zeros((1, *SIZE)), heads={"cat": "yes or no"}, class_names=["cat"])
    assert explorer.network.head("cat").meaning == "yes or no"
    assert explorer.state.classes == ("not cat", "cat")
    explorer.close()


def test_pictures_of_two_pixels_have_two_files(tmp_path):
    model = sequential(layers.Conv2D(3, 1, activation="softmax", name="map"))
    images = np.random.default_rng(0).random((1, *SIZE), np.float32)
    explorer = ModelExplorer(model, images, outdir=tmp_path)
    explorer.state.method = "attribution"
    explorer.state.explained, explorer.state.target = "chosen", 1
    written = []
    for place in ((), (2, 3), (2, 4)):
        explorer.state.place = place
        explorer.save_png()
        explorer.wait(30)
        written += [str(path).rpartition("/")[2] for path in explorer.state.files]
    assert written == ["grad_cam_1.png", "grad_cam_1_at_2_3.png", "grad_cam_1_at_2_4.png"]
    explorer.close()
    told = grad_cam(model, images, 1)
    assert told.places == ("",)
