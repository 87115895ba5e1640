"""Ascent on pixels: one step follows TensorFlow's gradient, with tiles as without."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from dreams import run
from networks import keras_cnn, photo

from cnnvis_widgets import load
from cnnvis_widgets.engine.dreaming import laplacian
from cnnvis_widgets.engine.dreaming.pixel_ascent import PixelAscent, normalize_by_channel, tile_corners, tile_mean


def test_the_first_step_follows_the_gradient():
    """One plain step of the logit against TensorFlow's own gradient of the model, in the shifted frame."""
    model = keras_cnn()
    start = photo(seed=5)
    step = run(load(model), None, "scores", 1, start=start, steps=1, laplacian_levels=0, step_size=2.55)[0]
    logits = keras.Model(model.input, model.get_layer("globally").output)
    kernel, bias = model.get_layer("scores").get_weights()
    shift = [int(each) for each in np.random.default_rng([0, 1]).integers(-2, 3, 2)]
    with tf.GradientTape() as tape:
        image = tf.constant(np.roll(start, shift, (1, 2)))
        tape.watch(image)
        score = (logits(image) @ kernel + bias)[0, 1]
    gradient = tape.gradient(score, image).numpy()
    moved = np.clip(image + 0.01 * gradient / np.abs(gradient).mean(), 0, 1)
    assert step.scores[0] == pytest.approx(float(score), abs=1e-5)
    np.testing.assert_allclose(step.images, np.roll(moved, [-each for each in shift], (1, 2)), atol=1e-5)


@pytest.mark.parametrize("size", [(64, 41), (37, 61), (20, 20)])
def test_larger_than_the_input_by_tiles(network, size):
    steps = run(network, None, "scores", 0, start=photo(64), size=size, steps=3, octaves=2)
    assert steps[-1].images.shape == (1, *size, 3)
    untouched = steps[-1].images[0] == steps[0].images[0] if len(steps) > 1 else np.zeros(1)
    assert untouched.mean() < 0.05


def test_tiles_cover_every_pixel_and_are_full():
    for size, tile in (((37, 61), (20, 20)), ((20, 20), (20, 20)), ((101, 40), (40, 40))):
        count = np.zeros(size, int)
        for y, x in tile_corners(size, tile):
            part = count[y : y + tile[0], x : x + tile[1]]
            assert part.shape == tile
            part += 1
        assert count.min() == 1


def test_small_octaves_of_a_fixed_input_are_enlarged():
    keras.utils.set_random_seed(3)
    big = keras.Sequential([keras.Input((90, 90, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="c")])
    steps = run(big, None, "c", 0, octaves=2, steps=4)
    assert [step.images.shape[1:3] for step in steps][::4] == [(64, 64), (90, 90)]
    assert steps[3].scores[0] > steps[0].scores[0]


def test_a_photo_stays_sharp_from_octave_to_octave(network):
    """A picture without a dream is, at the next size, the photo at that size and not the small picture enlarged."""
    stripes = np.repeat([[0.0, 1.0] * 20], 40, axis=0).astype(np.float32)[None, ..., None].repeat(3, axis=-1)
    ascent = PixelAscent(network.runtime, np.float32(0), np.float32(1), levels=0, step_size=1.0)
    small = ascent.begin(stripes, (1, 20, 20, 3), np.random.default_rng(0))
    assert small.std() < 0.1
    grown = ascent.grown(small, stripes, (40, 40))
    assert grown.shape == (1, 40, 40, 3)
    np.testing.assert_allclose(grown, stripes, atol=1e-6)
    dreamt = ascent.grown(small + 0.25, stripes, (40, 40))
    np.testing.assert_allclose(dreamt, stripes + 0.25, atol=1e-6)


def test_tiles_give_the_whole_gradient_but_for_the_seams():
    """One 3 x 3 convolution: with tiles the gradient differs within 2 pixels of a seam only."""
    keras.utils.set_random_seed(5)
    conv = keras.layers.Conv2D(4, 3, padding="same", activation="relu", name="c")
    whole = load(keras.Sequential([keras.Input((None, None, 3)), conv]))
    fixed = keras.Sequential([keras.Input((40, 40, 3)), conv])
    start = np.random.default_rng(0).random((60, 100, 3)).astype(np.float32)
    options = {"start": start, "steps": 1, "laplacian_levels": 0, "step_size": 0.01}
    moves = [run(net, None, "c", 1, **options)[0].images[0] - start for net in (whole, load(fixed))]
    tiled, rolled = np.random.default_rng([0, 1]), np.random.default_rng([0, 1])
    shift = [int(tiled.integers(-side, side + 1)) for side in (60, 100)]
    wrap = [int(rolled.integers(-(side // 8), side // 8 + 1)) for side in (60, 100)]
    near = np.zeros((60, 100), bool)
    for axis, (side, moved) in enumerate(zip((60, 100), shift, strict=True)):
        for corner in np.linspace(0, side - 40, -(-side // 40)).round().astype(int):
            for seam in (corner, corner + 40):
                lines = (np.arange(seam - 2, seam + 2) - moved) % side
                near[(lines, slice(None)) if axis == 0 else (slice(None), lines)] = True
        lines = (np.arange(-2, 2) - wrap[axis]) % side  # where the whole picture was rolled
        near[(lines, slice(None)) if axis == 0 else (slice(None), lines)] = True
    assert 0.3 < near.mean() < 0.9
    gradients = [move / np.median(np.abs(move[~near])) for move in moves]
    np.testing.assert_allclose(gradients[0][~near], gradients[1][~near], atol=0.02)
    assert np.any(moves[1], axis=-1).mean() > 0.95


def test_tiles_gathered_from_a_rolled_picture():
    image = np.random.default_rng(1).random((1, 37, 61, 2)).astype(np.float32)
    for shift in ((0, 0), (5, -70), (-37, 60)):
        same, score = tile_mean(image, (20, 20), shift, lambda tile: (tile, tile.mean((1, 2, 3))))
        np.testing.assert_allclose(same, image, rtol=1e-6)
        assert score.shape == (1,)
    rolled = np.roll(image, (3, -4), (1, 2))
    seen = []
    tile_mean(image, (37, 61), (3, -4), lambda tile: (seen.append(tile) or tile, np.zeros(1)))
    np.testing.assert_array_equal(seen[0], rolled)


def test_large_pictures_are_normalised_as_small_ones():
    values = np.random.default_rng(2).standard_normal((2, 50, 61, 3)).astype(np.float32)
    expected = laplacian.normalize(tf.constant(values), 4).numpy()
    normalize_by_channel(values, 4)
    np.testing.assert_allclose(values, expected, atol=1e-4)
