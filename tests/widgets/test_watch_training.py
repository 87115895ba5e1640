"""WatchTraining: training stays as it is, and each look is that of the weights of the moment."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_widgets import ModelExplorer, WatchTraining, activations, demo, reconstruct
from cnnvis_widgets.errors import ChannelError, LayerError

IMAGES = demo.digits().test_images[:5]
LAYERS = ["conv1", "conv2"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    logdir = tmp_path_factory.mktemp("log")
    watch = WatchTraining(logdir, LAYERS, IMAGES)
    return demo.train_small_cnn(epochs=2, examples=320, callbacks=[watch]), watch, logdir


def test_training_is_not_changed(watched):
    plain = demo.train_small_cnn(epochs=2, examples=320)
    pairs = zip(plain.get_weights(), watched[0].get_weights(), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)


def test_last_look_is_that_of_the_trained_model(watched):
    model, watch, _ = watched
    assert [snapshot.step for snapshot in watch.history] == [0, 1, 2]
    expected = activations(model, IMAGES, LAYERS)
    for seen, maps in zip(watch.history[-1].maps, expected, strict=True):
        np.testing.assert_allclose(seen.values, maps.values, atol=1e-6)
    assert not np.allclose(watch.history[0].maps[0].values, expected[0].values)


def test_evolution_projects_the_strongest_image(watched):
    model, watch, _ = watched
    evolution = watch.evolution("conv2", [3, 1])
    assert evolution.images.shape == (2, 3, 32, 32, 1)
    strengths = activations(model, IMAGES, "conv2")[0].strengths
    for row, channel in enumerate((3, 1)):
        source = strengths[:, channel].argmax()
        assert evolution.sources[row, -1] == source
        alone = reconstruct(model, IMAGES[source : source + 1], "conv2", channels=[channel])
        np.testing.assert_allclose(evolution.images[row, -1], alone.images[0, 0], atol=1e-5)
        np.testing.assert_allclose(evolution.strengths[row, -1], strengths[source, channel], atol=1e-6)
    assert watch.picture("conv2", [3, 1]).shape == (2 * 34, 3 * 34, 1)


def test_slider_draws_each_epoch(watched):
    slider, image = watched[1].slider("conv1").children
    last = image.value
    slider.index = 0
    assert slider.value == 0
    assert image.value != last


def test_events_carry_the_epoch(watched):
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    [file] = watched[2].iterdir()
    events = [event for event in EventFileLoader(str(file)).Load() if event.summary.value]
    assert sorted({event.step for event in events}) == [0, 1, 2]
    assert len(events) % 3 == 0
    assert len(events) >= 12


def test_explorer_follows():
    model = demo.small_cnn()
    explorer = ModelExplorer(model, IMAGES)
    explorer.state.layer = "conv2"
    explorer.wait(120)
    watch = WatchTraining(explorer, "conv2", IMAGES, every=5, period="batch")
    trained = demo.train_small_cnn(epochs=1, examples=320, callbacks=[watch])
    on_screen = explorer.wait(120)
    explorer.close()
    assert [snapshot.step for snapshot in watch.history] == [0, 5, 10]
    [maps] = activations(trained, IMAGES, "conv2")
    np.testing.assert_allclose(on_screen.values[0], maps.values[0], atol=1e-6)


def test_errors_say_what_is_wrong(watched):
    with pytest.raises(LayerError, match="Received: layer='conv9'"):
        watched[1].evolution("conv9")
    with pytest.raises(ChannelError, match="0 to 11"):
        watched[1].evolution("conv1", [12])
    with pytest.raises(ValueError, match="every=0"):
        WatchTraining(None, LAYERS, IMAGES, every=0)
