"""The transformer of the things: what it knows, and how it is trained."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from cnnvis_widgets import attention_maps, attention_rollout, demo, load, predict
from cnnvis_widgets.demo.world.transformer_training import train_transformer


def network(**options):
    data = demo.things(2, seed=31)
    return load(demo.things_transformer(**options), data.images, preprocess=demo.things_preprocess)


def right(loaded, data):
    return (predict(loaded, data.images).probabilities.argmax(axis=1) == data.labels).mean()


def test_it_knows_new_pictures_and_the_untrained_one_does_not():
    data = demo.things(300, seed=31)
    assert right(network(), data) >= 0.93
    assert right(network(trained=False), data) < 0.3


def test_its_attentions_lie_on_the_grid_of_patches():
    loaded = network()
    assert len(loaded.attentions) == 3
    maps = attention_maps(loaded)
    assert maps.weights.shape == (2, 4, 8, 8)
    np.testing.assert_allclose(maps.weights.sum(axis=(2, 3)) + maps.others.sum(axis=2), 1, atol=1e-4)
    assert attention_rollout(loaded).weights.shape == (2, 1, 8, 8)


def test_making_it_leaves_the_random_state_alone():
    keras.utils.set_random_seed(4)
    expected = keras.random.normal((3,)).numpy()
    keras.utils.set_random_seed(4)
    first, second = (demo.things_transformer(trained=False).get_weights() for _ in range(2))
    np.testing.assert_array_equal(keras.random.normal((3,)).numpy(), expected)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    query, key = (demo.things_transformer(trained=False).get_layer("attention1").get_weights()[i] for i in (0, 2))
    assert np.abs(query - key).max() > 0.1


def test_it_survives_a_file(tmp_path):
    model = demo.things_transformer()
    model.save(tmp_path / "transformer.keras")
    images = demo.things_preprocess(demo.things(1, seed=31).images[0])[np.newaxis]
    again = keras.models.load_model(tmp_path / "transformer.keras")
    np.testing.assert_allclose(again.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-6)


@pytest.mark.slow
def test_training_keeps_the_convolutions():
    trained, start = train_transformer(pictures=64, epochs=1), demo.things_transformer(trained=False)
    for weight, before in zip(trained.weights, start.weights, strict=True):
        changed = np.abs(weight.numpy() - before.numpy()).max() > 0
        assert changed != weight.path.startswith("conv"), weight.path
