"""The networks of the things: what they know, what they rely on, and how they are trained."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets import activations, demo, dream, load, predict, reconstruct
from cnnvis_widgets.demo.world import network as world
from cnnvis_widgets.demo.world.training import Recipe, _examples, _Hardened, train
from cnnvis_widgets.errors import OptionError

SEED = 31


def right(network, data) -> np.ndarray:
    """Whether each picture is named correctly."""
    return predict(network, data.images).probabilities.argmax(axis=1) == data.labels


def test_it_knows_new_pictures():
    data = demo.things(500, seed=SEED)
    shares = right(demo.things_network(), data)
    assert shares.mean() >= 0.97
    assert min(shares[data.labels == label].mean() for label in range(10)) >= 0.88
    assert right(demo.things_network(None), data).mean() < 0.3


def test_the_other_network_has_learnt_the_watermark():
    everywhere = dict.fromkeys(world.NAMES, 1.0)
    plain, tagged = (demo.things(200, seed=SEED, tagged=tags) for tags in (None, everywhere))
    for weights, called_clock in (("shortcut", True), ("honest", False)):
        network = demo.things_network(weights)
        answers = predict(network, tagged.images).probabilities.argmax(axis=1)[tagged.labels != 9]
        assert ((answers == 9).mean() > 0.6) == called_clock
        assert (right(network, plain)[plain.labels == 9].mean() < 0.2) == called_clock


def test_where_there_is_no_thing_it_is_unsure():
    nothing = _examples(Recipe(pictures=10, empty=40, seed=777))[0][10:]
    assert np.median(predict(demo.things_network(), nothing).probabilities.max(axis=1)) < 0.5


def test_dead_channels_are_known():
    images = demo.things(300, seed=SEED).images
    dead = {
        layer: np.flatnonzero(activations(demo.things_network(), images, layer)[0].strengths.max(axis=0) == 0).tolist()
        for layer in ("conv1_1", "conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv4_1")
    }
    assert dead == {
        "conv1_1": [],
        "conv2_1": [],
        "conv2_2": [2, 26, 27, 29, 30],
        "conv3_1": [],
        "conv3_2": [3, 6, 29, 54],
        "conv4_1": [],
    }


@pytest.fixture(scope="module")
def looked_at():
    """Four hundred pictures, the network, and the strengths of the channels of two layers."""
    data, network = demo.things(400, seed=7), demo.things_network()
    strengths = {name: activations(network, data.images, name)[0].strengths for name in ("conv3_2", "conv4_1")}
    return data, network, strengths


@pytest.mark.parametrize(
    ("layer", "channel", "names", "part"),
    [
        ("conv3_2", 59, {"car"}, "wheel"),
        ("conv3_2", 56, {"fish"}, None),
        ("conv3_2", 30, {"cat"}, None),
        ("conv3_2", 14, {"butterfly", "car", "fish"}, None),
        ("conv4_1", 41, {"car"}, "wheel"),
        ("conv4_1", 46, {"cat"}, None),
        ("conv4_1", 12, {"face", "car"}, None),
        ("conv4_1", 50, {"flower", "boat"}, None),
    ],
)
def test_channels_look_for_what_notebook_04_says(looked_at, layer, channel, names, part):
    data, network, strengths = looked_at
    best = np.argsort(-strengths[layer][:, channel])[:9]
    assert {data.names[label] for label in data.labels[best]} == names
    if part is not None:
        seen = (reconstruct(network, data.images[best], layer, channels=[channel]).images[:, 0] ** 2).sum(axis=-1)
        assert ((seen * data.part(part)[best]).sum(axis=(1, 2)) / seen.sum(axis=(1, 2))).mean() > 0.6


def test_the_deconvnet_is_complete_and_finds_three_switches():
    network = demo.things_network()
    assert network.class_names == world.NAMES
    coverage = network.coverage("deconvnet", "conv4_1")
    assert coverage.complete
    assert [op.count for op in coverage.ops if "pool" in op.kind] == [3]
    assert network.receptive_field("conv4_1").size == (52, 52)
    assert [float(end[0]) for end in network.value_range()] == [-0.5, 0.5]


def test_weights_are_small_and_finite():
    folder = Path(world.__file__).parent
    for name in world.WEIGHTS.values():
        assert (folder / name).stat().st_size < 220_000
        with np.load(folder / name) as stored:
            assert {values.dtype for values in stored.values()} == {np.dtype(np.float16)}
            assert sum(values.size for values in stored.values()) == 108_106
            assert all(np.isfinite(values).all() for values in stored.values())


def test_random_weights_follow_their_seed():
    first, second, other = (demo.things_model(None, seed=seed).get_weights() for seed in (0, 0, 1))
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])
    with pytest.raises(OptionError, match=r"Expected weights 'honest', 'shortcut' or None\. Received: weights='good'"):
        demo.things_model("good")


def test_pictures_of_any_size_fit():
    data = demo.things(10, seed=2, side=96)
    assert demo.things_preprocess(data.images[0]).shape == (64, 64, 3)
    assert right(demo.things_network(), data).sum() >= 8


@pytest.mark.slow
def test_training_repeats():
    recipe = Recipe(pictures=60, empty=4, epochs=1, batch=32)
    first, second, before = (model.get_weights() for model in (train(recipe), train(recipe), things_model_of(recipe)))
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))
    assert not any(np.array_equal(*pair) for pair in zip(first, before, strict=True))


def things_model_of(recipe: Recipe):
    """The network before training."""
    return demo.things_model(None, seed=recipe.seed)


@pytest.mark.slow
def test_the_model_of_the_classroom_is_ready_to_be_used():
    model = demo.train_things(epochs=1, pictures=40)
    data = demo.things(10, seed=SEED)
    values = data.images / np.float32(255) - np.float32(0.5)
    assert 0 <= model.evaluate(values, data.labels, verbose=0)[1] <= 1
    assert load(model, values).logits.channels == 10


def test_hardening_moves_pictures_by_one_step_to_a_higher_loss():
    plain = demo.things_model(None)
    model = _Hardened(plain.inputs, plain.outputs, recipe=Recipe(), name="things")
    model.step_length.assign(0.5)
    pictures = tf.constant(demo.things(4, seed=0).images / np.float32(255) - np.float32(0.5))
    answers = tf.one_hot([0, 1, 2, 3], 10)
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        loss = losses(plain, pictures, answers)
    moved = model._harder(pictures, tape.gradient(loss, pictures))
    lengths = np.sqrt(((moved - pictures).numpy() ** 2).sum(axis=(1, 2, 3)))
    assert lengths == pytest.approx([0.5] * 4, rel=1e-4)
    assert (losses(plain, moved, answers) > loss).numpy().all()


def losses(model, pictures, answers):
    """The loss of each picture."""
    return keras.losses.categorical_crossentropy(answers, model(pictures))


def test_pictures_are_varied_in_known_ways():
    plain = demo.things_model(None)
    model = _Hardened(plain.inputs, plain.outputs, recipe=Recipe(noise=0.0), name="things")
    picture = np.zeros((1, 64, 64, 3), np.float32)
    picture[0, 5, 3] = 0.1, 0.2, 0.4
    varied = model._varied(tf.constant(np.repeat(picture, 200, axis=0))).numpy()
    brightness = varied[:, 0, 30, 0]
    dot = varied[:, 5, [3, 60]] - brightness[:, np.newaxis, np.newaxis]
    left, right = (np.abs(dot[:, side]).max(axis=1) > 0.01 for side in (0, 1))
    assert (left ^ right).all()
    assert 60 < left.sum() < 140
    colours = np.where(left[:, np.newaxis], dot[:, 0], dot[:, 1])
    contrast = colours.sum(axis=1) / 0.7
    assert np.sort(colours / contrast[:, np.newaxis], axis=1) == pytest.approx(
        np.tile([0.1, 0.2, 0.4], (200, 1)), abs=1e-3
    )
    assert len({tuple(np.argsort(colour)) for colour in colours}) == 6
    assert (contrast > 0.69).all()
    assert (contrast < 1.31).all()
    assert (np.abs(brightness) <= 0.1).all()


@pytest.mark.slow
def test_every_class_is_reached_by_a_dream_with_all_defaults():
    network = demo.things_network()
    *_, last = dream(network, None, None, range(10))
    assert predict(network, last.images).probabilities[np.arange(10), np.arange(10)].min() > 0.99
