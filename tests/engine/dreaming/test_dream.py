"""Deep dream: the score rises, the same seed gives the same bytes, and errors name what is wrong."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from dreams import run
from networks import frozen_graph, photo, v1

from cnnvis_widgets import dream
from cnnvis_widgets.engine.dreaming.objectives import guide
from cnnvis_widgets.errors import ChannelError, GradientError, LayerError, NumericalError, OptionError


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
    assert step.activation_removed
    assert step.layer.name == "scores/BiasAdd"
    assert step.channels == (2,)
    assert step.names == ("cat",)
    assert not run(network, None, "scores/BiasAdd", 2, steps=1)[0].activation_removed


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
    keras.utils.set_random_seed(5)  # a channel that reacts
    line = keras.Sequential([keras.Input((32, 2)), keras.layers.Conv1D(3, 5, activation="relu", name="line")])
    flat = keras.Sequential(
        [keras.Input((49,)), keras.layers.Dense(3, activation="relu", kernel_initializer="ones", name="dense")]
    )
    own = np.random.default_rng(0).random(49).astype(np.float32)
    for network, layer, shape, options in (
        (line, "line", (32, 2), {}),
        (flat, "dense", (49,), {}),
        (flat, "dense", (49,), {"start": own, "value_range": (0, 1)}),
    ):
        steps = run(network, None, layer, 0, **options)
        assert steps[-1].images.shape == (1, *shape)
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


def test_wrong_requests_raise_at_the_call(network):
    cases = [
        (ChannelError, r"a class from 0 to 3 of head 'scores'\. Received: 4", ("scores", 4), {}),
        (ChannelError, r"Received: 'cow'\. .*(cat|dog)", ("scores", "cow"), {}),
        (ChannelError, "Received: an empty list", ("scores", []), {}),
        (ChannelError, "Pass numbers", ("fused", "cat"), {}),
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
    with pytest.raises(NumericalError, match="in step 0 of the dream of value 1"):
        run(graph, None, "relu", 1, start=np.full((8, 8, 3), 0.1, np.float32))


def test_no_gradient_is_an_error():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, [None, 8, 8, 3], name="image")
        tf.nn.relu(image * 0 + 1, name="relu")
    with pytest.raises(GradientError, match="whose gradient is zero everywhere in step 0"):
        run(graph, None, "relu", 1)


@pytest.mark.parametrize("start", [None, "photo"])
def test_a_run_taken_up_at_the_end_of_an_octave_ends_the_same(free, start):
    options = {"start": photo(96) if start else None, "size": (128, 128), "octaves": 3, "steps": 2, "seed": 4}
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


def test_nan_in_a_guide_is_refused(network):
    with pytest.raises(NumericalError, match="finite reference image"):
        dream(network, None, guide("inner", photo() * np.nan), start="feed")
