"""Deep dream: the score rises, the same seed gives the same bytes, and errors name what is wrong."""

import inspect
from dataclasses import FrozenInstanceError, fields

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import frozen_graph, keras_cnn, photo, v1

from cnnvis_widgets import DreamControls, DreamOptions, dream, load, zoom
from cnnvis_widgets.engine.dreaming import laplacian, parameterizations, transforms
from cnnvis_widgets.engine.dreaming.objectives import guide
from cnnvis_widgets.engine.dreaming.pixel_ascent import normalize_by_channel, tile_corners, tile_mean
from cnnvis_widgets.engine.dreaming.steering import octave_sizes
from cnnvis_widgets.engine.runtime.resizing import resize
from cnnvis_widgets.errors import ChannelError, GradientError, LayerError, NumericalError, OptionError


@pytest.fixture(scope="module")
def network():
    return load(keras_cnn(), photo(), class_names=["ant", "bee", "cat", "dog"])


@pytest.fixture(scope="module")
def free():
    """A network of free size."""
    keras.utils.set_random_seed(1)
    conv = keras.layers.Conv2D(6, 5, activation="relu", name="c")
    return load(keras.Sequential([keras.Input((None, None, 3)), conv]))


def run(*args, **options):
    return list(dream(*args, **({"octaves": 1, "steps": 5, "value_range": (0, 1)} | options)))


@pytest.mark.parametrize("layer", ["fused", "plain", "pool", "inner", "average", "globally", "scores", "norm"])
def test_the_score_rises_for_any_layer(network, layer):
    steps = run(network, None, layer, 3, steps=12)
    assert steps[-1].scores[0] > steps[0].scores[0]
    assert steps[0].images.shape == (1, 20, 20, 3)
    assert steps[0].images.dtype == np.float32
    assert all(step.images.min() >= 0 and step.images.max() <= 1 for step in steps)
    assert [step.index for step in steps] == list(range(12))
    assert steps[0].total == 12


def test_a_photo_is_changed_step_by_step(network):
    steps = run(network, None, "inner", 2, start="feed", step_size=3)
    assert steps[-1].scores[0] > steps[0].scores[0]
    moved = [np.abs(step.images[0] - photo()[0]).mean() for step in steps]
    assert 0 < moved[0] < 0.05
    assert moved == sorted(moved)


def test_a_softmax_is_replaced_by_its_logits(network):
    step = run(network, None, "scores", "cat", steps=1)[0]
    assert step.softmax_removed
    assert step.layer.name == "scores/BiasAdd"
    assert step.channels == (2,)
    assert step.names == ("cat",)
    assert not run(network, None, "scores/BiasAdd", 2, steps=1)[0].softmax_removed


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


def test_same_seed_same_bytes_and_another_seed_another_picture(network):
    first, again, other = (run(network, None, "scores", [0, 1], seed=seed)[-1].images for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes()
    assert np.abs(first - other).max() > 0.01


def test_a_picture_does_not_depend_on_its_company(network):
    alone = run(network, None, "scores", 1)[-1].images[0]
    together = run(network, None, "scores", ["dog", "bee"])[-1].images
    assert together.shape == (2, 20, 20, 3)
    assert together[1].tobytes() == alone.tobytes()


@pytest.mark.parametrize("options", [{}, {"start": photo(40), "size": (40, 50)}, {"laplacian_levels": 0}])
def test_a_picture_of_a_batch_does_not_depend_on_its_company(network, options):
    alone = run(network, None, "scores", 1, together=4, **options)[-1]
    some = run(network, None, "scores", [0, 1], together=4, **options)[-1]
    many = run(network, None, "scores", [2, 0, 0, 2, 1, 2], together=4, **options)[-1]
    assert (len(alone.images), len(some.images), len(many.images)) == (1, 2, 6)
    assert some.images[1].tobytes() == alone.images[0].tobytes()
    assert many.images[4].tobytes() == alone.images[0].tobytes()
    assert many.images[1].tobytes() == some.images[0].tobytes()
    assert many.scores[4] == alone.scores[0]


def test_a_batch_rises_as_single_pictures_do(network):
    single = run(network, None, "scores", [0, 1, 2], octaves=1, steps=2)
    batch = run(network, None, "scores", [0, 1, 2], octaves=1, steps=2, together=3)
    for one, all_ in zip(single, batch, strict=True):
        np.testing.assert_allclose(all_.scores, one.scores, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(all_.images, one.images, atol=1e-3)
        assert (all_.channels, all_.names) == (one.channels, one.names)


def test_a_batch_goes_on_from_the_end_of_an_octave(network):
    options = {"start": photo(64), "size": (64, 64), "octaves": 2, "steps": 2, "together": 2}
    steps = run(network, None, "scores", [0, 1, 2], **options)
    again = run(network, None, "scores", [0, 1, 2], **options, resume=steps[1])
    assert (len(steps), len(again)) == (4, 2)
    assert again[-1].images.tobytes() == steps[-1].images.tobytes()


@pytest.mark.parametrize("options", [{"strength": 0.5}, {"mask": np.eye(64)}, {"strength": 0.5, "mask": np.eye(64)}])
def test_a_mixed_dream_goes_on_exactly(network, options):
    options = {"start": photo(64), "size": (64, 64), "octaves": 2, "steps": 2, **options}
    steps = run(network, None, "scores", 1, **options)
    again = run(network, None, "scores", 1, **options, resume=steps[1])
    assert again[-1].images.tobytes() == steps[-1].images.tobytes()
    assert np.abs(steps[-1].dreamt - steps[-1].images).max() > 0.01


def test_a_photo_with_nan_is_refused_at_the_call(network):
    broken = photo(40)
    broken[0, 3, 4] = np.nan
    with pytest.raises(NumericalError, match="finite photo"):
        dream(network, None, "scores", 1, start=broken)


def test_only_channels_are_computed_together(network):
    for layer, channels, options in (("scores", None, {}), ("scores", 0, {"pictures": 2})):
        with pytest.raises(ValueError, match="Expected channels of a layer"):
            run(network, None, layer, channels, together=2, **options)
    with pytest.raises(ValueError, match="together"):
        run(network, None, "scores", 0, together=0)


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


def test_octaves_grow_and_keep_the_photo(free):
    steps = run(free, None, "c", 0, start=photo(96), octaves=3, steps=2)
    assert [step.images.shape[1] for step in steps] == [49, 49, 69, 69, 96, 96]
    assert [step.octave for step in steps] == [0, 0, 1, 1, 2, 2]
    assert steps[0].octaves == 3
    assert np.abs(steps[-1].images - photo(96)).mean() < 0.1
    assert octave_sizes((224, 224), 9, 1.4)[0][0] >= 32


def test_small_octaves_of_a_fixed_input_are_enlarged():
    big = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="c")])
    steps = run(big, None, "c", 0, octaves=2, steps=4)
    assert [step.images.shape[1:3] for step in steps][::4] == [(46, 46), (64, 64)]
    assert steps[3].scores[0] > steps[0].scores[0]


def test_each_option_changes_the_result(free):
    def final(**options):
        return run(free, None, "c", 1, **({"size": (64, 64), "steps": 3, "octaves": 2} | options))[-1].images

    plain = final()
    for option in ({"step_size": 4.0}, {"laplacian_levels": 1}, {"octave_scale": 1.8}, {"steps": 4}, {"octaves": 1}):
        assert np.abs(final(**option) - plain).max() > 1e-3, option


def test_fixed_batch_of_one_and_of_more():
    for batch in (1, 3):
        graph = tf.Graph()
        with graph.as_default():
            image = v1.placeholder(tf.float32, [batch, 20, 20, 3], name="image")
            tf.graph_util.import_graph_def(frozen_graph().as_graph_def(), {"image:0": image}, name="net")
        steps = run(graph, None, "net/fc/logits", [0, 1, 2, 3], steps=15)
        assert steps[-1].images.shape == (4, 20, 20, 3)
        assert (steps[-1].scores > steps[0].scores).all()


def test_flat_and_signal_inputs():
    graph = tf.Graph()
    with graph.as_default():
        flat = v1.placeholder(tf.float32, [None, 784], name="x")
        tf.nn.relu(tf.nn.conv2d(tf.reshape(flat, [-1, 28, 28, 1]), tf.ones([3, 3, 1, 2]) / 9, 1, "SAME"), name="relu")
    assert run(graph, None, "relu", 0)[-1].images.shape == (1, 28, 28, 1)
    line = keras.Sequential([keras.Input((32, 2)), keras.layers.Conv1D(3, 5, activation="relu", name="line")])
    steps = run(line, None, "line", 0)
    assert steps[-1].images.shape == (1, 32, 2)
    assert steps[-1].scores[0] > steps[0].scores[0]


def test_other_inputs_are_fed_from_the_feed():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        tf.nn.relu(image * v1.placeholder(tf.float32, [], name="gain"), name="relu")
    low, high = (run(graph, {"image": photo(8), "gain": gain}, "relu", 0)[0].scores[0] for gain in (1, 2))
    assert high == pytest.approx(2 * low)


def test_a_feed_without_images_serves_a_dream_from_noise():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        tf.nn.relu(image * v1.placeholder(tf.float32, [], name="gain"), name="relu")
    for options in ({"value_range": (0, 1)}, {"value_range": None}):
        assert run(graph, {"gain": 2.0}, "relu", 0, **options)[-1].images.shape == (1, 8, 8, 3)


def test_a_dead_relu_is_entered():
    dead = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.Conv2D(2, 1, activation="relu", kernel_initializer="ones", name="c")]
    )
    dead.get_layer("c").bias.assign([-1.6, -9.0])
    steps = run(dead, None, "c", 0, steps=30)
    assert steps[0].scores[0] == 0
    assert steps[-1].scores[0] > 0


def test_wrong_requests_raise_at_the_call(network):
    cases = [
        (ChannelError, r"channels from 0 to 3 of layer 'scores/BiasAdd'\. Received: 4", ("scores", 4), {}),
        (ChannelError, r"Received: 'cow'\. .*(cat|dog)", ("scores", "cow"), {}),
        (ChannelError, "Received: an empty list", ("scores", []), {}),
        (ChannelError, "pass numbers", ("fused", "cat"), {}),
        (LayerError, "Nearest names", ("score", 1), {}),
        (LayerError, "which means", ("r", 1), {}),
        (OptionError, "Expected steps of at least 1. Received: steps=0", ("scores", 1), {"steps": 0}),
        (OptionError, "Expected octaves", ("scores", 1), {"octaves": 0}),
        (OptionError, "value_range", ("scores", 1), {"value_range": (1, 0)}),
    ]
    for error, message, (layer, channels), options in cases:
        with pytest.raises(error, match=message):
            dream(network, None, layer, channels, **options)


def test_nan_stops_with_the_step():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        tf.nn.relu(tf.math.log(image - 0.2), name="relu")
    with pytest.raises(NumericalError, match="in step 0 of the dream of channel 1"):
        run(graph, None, "relu", 1, start=np.full((8, 8, 3), 0.1, np.float32))


def test_no_gradient_is_an_error():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        tf.nn.relu(image * 0 + 1, name="relu")
    with pytest.raises(GradientError, match="whose gradient is zero everywhere in step 0"):
        run(graph, None, "relu", 1)


def test_a_pyramid_of_an_even_picture_has_no_details():
    detail, rest = laplacian.split(tf.fill([1, 40, 33, 3], 0.7), 1)
    inner = slice(4, -4)  # the kernel is as wide as that; beyond the border there is black
    np.testing.assert_allclose(detail[:, inner, inner], 0, atol=1e-6)
    np.testing.assert_allclose(rest[:, 2:-2, 2:-2], 0.7, atol=1e-6)


@pytest.mark.parametrize("size", [(224, 224), (101, 75), (30, 64)])
def test_pyramid_merges_to_what_was_split(size):
    image = np.random.default_rng(0).standard_normal((1, *size, 3)).astype("float32")
    np.testing.assert_allclose(laplacian.merge(laplacian.split(tf.constant(image), 4)), image, atol=2e-6)
    levels = laplacian.split(tf.constant(image), 4)
    assert len(levels) == 5
    once, scaled = (laplacian.normalize(tf.constant(image * scale), 4).numpy() for scale in (1, 1e-3))
    np.testing.assert_allclose(once, scaled, atol=1e-4)
    strengths = [np.sqrt(np.mean(np.square(laplacian._unit_rms(level)))) for level in levels]
    np.testing.assert_allclose(strengths, 1, atol=1e-4)


@pytest.mark.parametrize(
    "parameterization",
    [parameterizations.fourier(), parameterizations.pixels(), parameterizations.maco([np.uint8(photo(64)[0] * 255)])],
    ids=["fourier", "pixels", "maco"],
)
def test_every_parameterization_rises_from_noise(free, parameterization):
    options = {"size": (64, 70), "octaves": 2, "steps": 12, "parameterization": parameterization}
    steps = run(free, None, "c", [0, 2], **options)
    assert steps[-1].images.shape == (2, 64, 70, 3)
    assert steps[-1].images.dtype == np.float32
    assert steps[0].images.shape == (2, 46, 50, 3)
    assert steps[-1].images.min() >= 0
    assert steps[-1].images.max() <= 1
    assert (steps[11].scores > steps[0].scores).all()
    assert (steps[23].scores > steps[12].scores).all() or parameterization.name == "maco"
    assert 0 < steps[0].seconds < steps[-1].seconds
    alone = run(free, None, "c", 2, **options)[-1].images
    assert alone[0].tobytes() == steps[-1].images[1].tobytes()


def test_a_step_under_several_views_raises_their_mean(free):
    maco = parameterizations.maco([np.uint8(photo(64)[0] * 255)])
    transform = transforms.compose(transforms.crop(0.3, 0.6), transforms.noise(0.05))
    options = {"size": (64, 64), "parameterization": maco, "transform": transform}
    steps = run(free, None, "c", 2, views=4, steps=8, **options)
    assert steps[-1].images.shape == (1, 64, 64, 3)
    assert steps[0].scores.shape == (1,)
    assert steps[-1].scores[0] > steps[0].scores[0]
    again = run(free, None, "c", [0, 2], views=4, steps=8, **options)
    assert again[-1].images[1].tobytes() == steps[-1].images[0].tobytes()
    still = {**options, "transform": transforms.jitter(0)}
    one, same = (run(free, None, "c", 2, views=views, steps=3, **still)[-1] for views in (1, 3))
    np.testing.assert_allclose(same.scores, one.scores, rtol=1e-5)
    np.testing.assert_allclose(same.images, one.images, atol=1e-4)


def test_the_score_of_several_views_is_their_mean(free):
    """The views of a step are drawn one after the other, as single views are from step to step."""
    options = {"start": photo(64), "step_size": 0.0, "parameterization": parameterizations.fourier()}
    singles = [step.scores[0] for step in run(free, None, "c", 2, steps=3, **options)]
    assert np.std(singles) > 0
    together = run(free, None, "c", 2, steps=1, views=3, **options)[0].scores[0]
    assert together == pytest.approx(np.mean(singles), rel=1e-4)


def test_noise_is_dreamt_as_a_spectrum_where_it_is_large_enough(free):
    large, small = (run(free, None, "c", 1, size=size)[-1].recipe["options"] for size in ((64, 64), (63, 80)))
    assert large["parameterization"]["kind"] == "Fourier"
    assert small["parameterization"] is None
    assert run(free, None, "c", 1, start=photo(64))[-1].recipe["options"]["parameterization"] is None


def test_a_network_of_fixed_size_sees_larger_and_smaller_views():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="c")])
    for size in ((64, 64), (90, 70)):
        steps = run(model, None, "c", 0, size=size, octaves=2, steps=8)
        assert steps[-1].images.shape == (1, *size, 3)
        assert steps[-1].scores[0] > steps[0].scores[0]


@pytest.mark.parametrize("start", [None, "photo"])
def test_a_run_taken_up_at_the_end_of_an_octave_ends_the_same(free, start):
    options = {"start": photo(96) if start else None, "size": (96, 96), "octaves": 3, "steps": 2, "seed": 4}
    whole = run(free, None, "c", [0, 1], **options)
    rest = run(free, None, "c", [0, 1], **options, resume=whole[3])
    assert [step.index for step in rest] == [4, 5]
    assert rest[-1].images.tobytes() == whole[-1].images.tobytes()
    other = run(free, None, "c", [0, 1], **options | {"step_size": 3.0}, resume=whole[3])
    assert other[-1].images.tobytes() != whole[-1].images.tobytes()


def test_a_mask_keeps_the_photo_and_strength_mixes_it(free):
    mask = np.zeros((96, 96))
    mask[:, :48] = 1
    start, options = photo(96), {"octaves": 1, "steps": 4}
    plain = run(free, None, "c", 1, start=start, **options)[-1].images
    masked = run(free, None, "c", 1, start=start, mask=mask, **options)[-1].images
    np.testing.assert_array_equal(masked[:, :, 48:], start[:, :, 48:])
    assert np.abs(masked[:, :, :48] - start[:, :, :48]).mean() > 0.01
    half = run(free, None, "c", 1, start=start, strength=0.5, **options)[-1].images
    np.testing.assert_allclose(half, (start + plain) / 2, atol=1e-6)


def test_a_whole_layer_and_a_guide_rise_on_a_photo(free):
    for layer in ("c", guide("c", photo(50, seed=8)[0])):
        steps = run(free, None, layer, start=photo(64), octaves=2, steps=4)
        assert steps[-1].scores[0] > steps[4].scores[0]


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


def test_options_that_mean_nothing_here_are_refused(free):
    cases = [
        ("laplacian_levels for pixels only", {"laplacian_levels": 2, "parameterization": parameterizations.fourier()}),
        ("a transform beside a parameterization", {"transform": transforms.jitter(2), "start": photo(64)}),
        ("mask and strength on a photo only", {"strength": 0.5}),
        ("strength from 0 to 1", {"strength": 1.5, "start": photo(64)}),
        ("pictures of at least 1", {"pictures": 0}),
        ("views of at least 1", {"views": 0}),
        (r"octaves of at least 1\. Received: octaves=1.5\. Give a whole number", {"octaves": 1.5}),
        (r"step_size of at least 0\. Received: step_size=nan", {"step_size": np.nan}),
        (r"step_size of at least 0\. Received: step_size=inf", {"step_size": np.inf}),
        (r"octave_scale of at least 1\. Received: octave_scale=None", {"octave_scale": None}),
        (r"seed of at least 0\. Received: seed=None", {"seed": None}),
        (r"a size of 2 numbers .* Received: size=\(64,\)", {"size": (64,)}),
        (
            r"numbers from 0 to 1\. Received: mask of shape \(2, 2\), from 0 to 255",
            {"mask": 255 * np.eye(2), "start": photo(64)},
        ),
        (r"numbers from 0 to 1\. Received: mask of shape \(1, 0\), empty", {"mask": [[]], "start": photo(64)}),
        (r"size as \(height, width\) in pixels\. Received: size=\(0, 64\)", {"size": (0, 64)}),
        ("several views of one picture with a parameterization", {"views": 2, "size": (40, 40)}),
        ("a transform beside a parameterization", {"transform": transforms.jitter(2), "size": (40, 40)}),
        (r"Expected an option of dream\. Received: 'octave'\. Nearest names: 'octaves', 'octave_scale'", {"octave": 2}),
        ("several views of one picture", {"views": 2, "pictures": 2}),
        ("several views of one picture", {"views": 2, "start": photo(64)}),
        (r"parameterizations.fourier\(\).*Received: parameterization='fourier'", {"parameterization": "fourier"}),
        (r"transforms.jitter\(8\).*Received: transform='jitter'", {"transform": "jitter"}),
    ]
    for message, options in cases:
        with pytest.raises(OptionError, match=message):
            dream(free, None, "c", 1, **{"size": (64, 64)} | options)


def test_options_are_checked_when_they_are_made():
    with pytest.raises(OptionError, match="Expected octaves of at least 1"):
        DreamOptions(octaves=0)
    with pytest.raises(FrozenInstanceError):
        DreamOptions().seed = 1
    assert DreamOptions(octaves=4, seed=0, start="feed").changed == {"start": "feed", "octaves": 4}


def test_every_option_is_in_the_signatures():
    names = [item.name for item in fields(DreamOptions)]
    for function, own in ((dream, ["resume", "controls"]), (zoom, ["frames", "rate"])):
        keywords = list(inspect.signature(function).parameters.values())[4:]
        assert [keyword.name for keyword in keywords] == own + names
        assert all(keyword.kind is inspect.Parameter.KEYWORD_ONLY for keyword in keywords)
    assert inspect.signature(dream).parameters["octave_scale"].default == 1.4
    assert [inspect.signature(zoom).parameters[name].default for name in ("start", "octaves", "steps")] == [
        "feed",
        1,
        4,
    ]


def test_defaults_are_those_of_pixels_or_of_parameters(free):
    def resolved(photo_size=None, **options):
        return DreamOptions(**options).resolved(free, photo_size)

    noise, small, on_photo = resolved(), resolved(size=(63, 80)), resolved((70, 90), start=photo(64))
    assert (noise.octaves, noise.steps, noise.step_size, noise.size) == (4, 32, 1.0, (224, 224))
    assert (noise.parameterization.name, noise.laplacian_levels) == ("fourier", None)
    for pixels in (small, on_photo):
        assert (pixels.octaves, pixels.steps, pixels.step_size, pixels.laplacian_levels) == (4, 20, 1.5, 4)
        assert pixels.parameterization is None
    assert on_photo.size == (70, 90)
    assert [end.dtype for end in noise.value_range] == [np.float32] * 2
    assert resolved(octaves=2, steps=3, step_size=0.0, size=[64, 64]).to_dict() == {
        **noise.to_dict(),
        "octaves": 2,
        "steps": 3,
        "step_size": 0.0,
        "size": [64, 64],
    }


def test_a_run_is_steered_between_its_steps(free):
    options = {"start": photo(40), "octaves": 2, "steps": 3}
    controls, plain = DreamControls(), run(free, None, "c", 0, **options)
    steps = dream(free, None, "c", 0, value_range=(0, 1), controls=controls, **options)
    first = next(steps)
    np.testing.assert_array_equal(first.images, plain[0].images)
    assert first.recipe["steered"] == []
    controls.step_size = 0.0
    second = next(steps)
    np.testing.assert_array_equal(second.images, first.images)
    assert second.recipe["steered"] == [(1, {"step_size": 0.0})]
    controls.step_size, controls.strength = 1.5, 0.0
    third = next(steps)
    np.testing.assert_allclose(third.images, run(free, None, "c", 0, **options, strength=0)[2].images)
    assert np.abs(third.dreamt - second.images).max() > 0.001


def places(steps):
    return [(step.index, step.octave, step.images.shape[1], step.octaves, step.total) for step in steps]


def test_the_number_of_steps_changes_while_a_run_goes_on(free):
    controls = DreamControls()
    options = {"octaves": 3, "size": (64, 64), "value_range": (0, 1), "controls": controls}
    steps = dream(free, None, "c", 0, steps=3, **options)
    seen = [next(steps), next(steps)]
    controls.steps = 1  # the octave has made two: it ends
    seen.append(next(steps))
    controls.steps = 2  # one more for the running octave, although it had made all of its steps
    seen += [next(steps), next(steps)]
    controls.steps = None
    seen += steps
    assert places(seen) == [
        (0, 0, 33, 3, 9),
        (1, 0, 33, 3, 9),
        (2, 1, 46, 3, 4),
        (3, 1, 46, 3, 6),
        (4, 2, 64, 3, 6),
        (5, 2, 64, 3, 7),
        (6, 2, 64, 3, 7),
    ]


def test_the_number_of_octaves_changes_while_a_run_goes_on(free):
    controls = DreamControls()
    options = {"octaves": 3, "size": (64, 64), "value_range": (0, 1), "controls": controls}
    steps = dream(free, None, "c", 0, steps=1, **options)
    seen = [next(steps)]
    controls.octaves = 5
    seen += [next(steps), next(steps)]
    controls.octaves = 1  # the last size is reached all the same
    seen += steps
    assert places(seen) == [(0, 0, 33, 3, 3), (1, 1, 39, 5, 5), (2, 2, 46, 5, 5), (3, 3, 64, 4, 4)]
    controls.octaves = 2
    assert [step.octave for step in dream(free, None, "c", 0, steps=1, **options)] == [0, 1]


def test_an_octave_is_undone_while_it_runs(free):
    controls = DreamControls()
    steps = dream(free, None, "c", 0, octaves=2, steps=3, value_range=(0, 1), size=(60, 60), controls=controls)
    seen = [next(steps) for _ in range(5)]
    assert (seen[3].octave, seen[4].octave) == (1, 1)
    controls.undo_octave()
    controls.step_size = 0.0
    assert controls.undoing
    again = next(steps)
    assert not controls.undoing
    assert (again.index, again.octave) == (3, 1)
    np.testing.assert_array_equal(again.images, resize(seen[2].images, (60, 60)))
    assert again.recipe["steered"] == [(5, {"step_size": 0.0, "undo": True})]
    controls.undo_octave()  # at the first step of an octave: the one before
    assert [(step.index, step.octave) for step in steps] == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)]


def test_controls_check_what_they_are_given(network):
    controls = DreamControls()
    for name, value, expected in (
        ("step_size", -1, "step_size of at least 0"),
        ("step_size", np.nan, "step_size"),
        ("steps", 0, "of at least 1"),
        ("strength", 2, "strength from 0 to 1"),
        ("octaves", 1.5, "a whole number of at least 1"),
    ):
        with pytest.raises(ValueError, match=rf"Expected .*{expected}.*Received: {name}={value}"):
            setattr(controls, name, value)
    steps = dream(network, None, "inner", 0, controls=controls)
    controls.strength = 0.5
    with pytest.raises(ValueError, match="on a photo only"):
        next(steps)
    with pytest.raises(ValueError, match="on a photo only"):
        dream(network, None, "inner", 0, controls=controls)


def test_nan_in_a_guide_is_refused(network):
    with pytest.raises(NumericalError, match="finite reference image"):
        dream(network, None, guide("inner", photo() * np.nan), start="feed")
