"""Requests as people make them: images, channels, steps, precision; nothing of theirs is changed."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from networks import frozen_graph, keras_cnn, photo, v1

from cnnvis_widgets import activations, load, reconstruct
from cnnvis_widgets.engine.devices import assumed, gpu
from cnnvis_widgets.engine.reconstruction import precision
from cnnvis_widgets.engine.reconstruction.reconstruct import reconstruct_steps
from cnnvis_widgets.engine.reconstruction.strategies import BatchedPullback, TiledGradients
from cnnvis_widgets.engine.runtime import two_stage
from cnnvis_widgets.engine.runtime.caches import ForwardPasses
from cnnvis_widgets.errors import NotEnoughMemoryError


@pytest.mark.parametrize("seed", ["strongest", "map", "ones", (1, 2)])
def test_steps_hold_every_channel_once_strongest_first(seed):
    network = load(keras_cnn(), photo(images=2))
    whole = reconstruct(network, None, "inner", seed=seed)
    steps = list(reconstruct_steps(network, None, "inner", seed=seed))
    order = [channel for step in steps for channel in step.channels]
    strengths = activations(network, None, "inner")[0].strengths[0]
    assert order == sorted(range(8), key=lambda channel: -strengths[channel])
    for step in steps:
        assert step.images.dtype == np.float32
        np.testing.assert_allclose(step.images, whole.images[:, list(step.channels)], atol=1e-6)
        np.testing.assert_array_equal(step.units, whole.units[:, list(step.channels)])


def test_images_of_a_batch_are_those_of_each_alone():
    images = photo(images=3)
    together = reconstruct(keras_cnn(), images, "last", rule="guided", seed="map")
    for index in range(3):
        alone = reconstruct(keras_cnn(), images[index : index + 1], "last", rule="guided", seed="map")
        np.testing.assert_allclose(together.images[index], alone.images[0], atol=1e-6)


def test_a_second_call_compiles_nothing(monkeypatch):
    network = load(keras_cnn(), photo())
    first = reconstruct(network, None, "last")

    def refuse(*_):
        raise AssertionError("compiled again")

    monkeypatch.setattr(two_stage.TwoStageFunction, "__init__", refuse)
    other = load(network, photo(seed=1))
    assert not np.array_equal(reconstruct(other, None, "last", channels=[1, 3]).images, first.images[:, [1, 3]])
    with pytest.raises(AssertionError, match="compiled again"):
        reconstruct(network, None, "last", rule="gradient")


@pytest.mark.parametrize("fast", [True, False])
def test_fewer_seeds_go_back_together_where_memory_runs_out(monkeypatch, fast):
    """On a GPU TensorFlow says so and goes on."""
    with assumed(replace(gpu(), fast_pullbacks=fast)):
        network = load(keras_cnn(), photo())
        expected = reconstruct(network, None, "inner", seed="map")
        (strategy,) = (each for each in (BatchedPullback, TiledGradients) if each.name == expected.strategy)
        counts, backward, most = [], strategy.backward, 3

        def short(self, residuals, channels, units):
            counts.append(len(channels))
            if len(channels) > most:
                raise NotEnoughMemoryError("too many")
            return backward(self, residuals, channels, units)

        monkeypatch.setattr(strategy, "backward", short)
        result = reconstruct(network, None, "inner", seed="map")
        np.testing.assert_allclose(result.images, expected.images, atol=1e-6)
        assert counts == [8, 4, 2, 2, 2, 2]
        reconstruct(network, None, "inner", seed="map")
        assert counts[6:] == [2, 2, 2, 2]
        most = 0
        with pytest.raises(NotEnoughMemoryError, match="too many"):
            reconstruct(network, None, "inner", seed="map")


def counted(monkeypatch):
    """The feeds of all forward passes from now on."""
    runs, first = [], two_stage.TwoStageFunction.first

    def counting(self, *early):
        runs.append(early)
        return first(self, *early)

    monkeypatch.setattr(two_stage.TwoStageFunction, "first", counting)
    return runs


@pytest.mark.parametrize("seed", ["strongest", "map"])
def test_the_same_images_run_forward_once(monkeypatch, seed):
    runs = counted(monkeypatch)
    image = photo()
    network = load(keras_cnn(), image)
    whole = reconstruct(network, None, "last", seed=seed).images
    again = reconstruct(network, image.copy(), "last", seed=seed, channels=[2, 0]).images
    assert len(runs) == 1
    np.testing.assert_allclose(again, whole[:, [2, 0]], atol=1e-6)
    reconstruct(network, None, "last", seed=seed, rule="guided")  # other masks
    assert len(runs) == 2


def test_an_array_changed_in_place_is_another_feed(monkeypatch):
    runs = counted(monkeypatch)
    image = photo()
    network = load(keras_cnn(), image)
    before = reconstruct(network, None, "last").images
    image[0, 3, 3] += 5
    after = reconstruct(network, None, "last").images
    fresh = reconstruct(load(keras_cnn(), image), None, "last").images
    assert len(runs) == 3
    assert not np.array_equal(after, before)
    np.testing.assert_array_equal(after, fresh)


def test_two_networks_share_no_forward_pass():
    image, first, second = photo(), keras_cnn(), keras_cnn()
    second.set_weights([weight * 1.5 for weight in second.get_weights()])
    one, other = (reconstruct(model, image, "last", seed="map").images for model in (first, second))
    assert not np.array_equal(one, other)


def test_results_are_not_those_that_are_kept():
    network = load(keras_cnn(), photo())
    first = reconstruct(network, None, "last")
    expected = first.images.copy(), first.seed_values.copy()
    first.images[:], first.seed_values[:] = np.nan, np.nan
    again = reconstruct(network, None, "last")
    np.testing.assert_array_equal(again.images, expected[0])
    np.testing.assert_array_equal(again.seed_values, expected[1])


def test_forward_passes_are_kept_within_bounds():
    passes = ForwardPasses(250)
    runs = []

    def run(feed, size=25):  # float32: 100 bytes
        return passes.of("way", {"x": np.float32([feed])}, lambda: runs.append(feed) or (np.zeros(size, "f4"), []))

    assert run(1)[0].nbytes == 100
    run(2), run(1), run(3)  # 2 has not been used for longest
    assert passes.bytes == 200
    run(1), run(3)
    assert runs == [1, 2, 3]
    run(2)
    assert runs == [1, 2, 3, 2]
    run(4, size=100)
    assert passes.bytes == 200
    passes.of("way", {"x": np.float64([2])}, lambda: runs.append("type") or (np.zeros(1), []))
    passes.of("way", {"y": np.float32([2])}, lambda: runs.append("name") or (np.zeros(1), []))
    passes.of("another", {"x": np.float32([2])}, lambda: runs.append("way") or (np.zeros(1), []))
    assert runs[-4:] == [4, "type", "name", "way"]


def test_memory_does_not_grow_with_the_number_of_maps():
    graph = tf.Graph()
    with graph.as_default():
        image = v1.placeholder(tf.float32, (None, 64, 64, 3), name="image")
        kernel = tf.constant(np.random.default_rng(0).standard_normal((3, 3, 3, 160)), tf.float32)
        tf.nn.relu(tf.nn.conv2d(image, kernel, 1, "SAME"), name="out")
    network = load(graph, photo(64))
    steps = reconstruct_steps(network, None, "out", seed="map")
    next(steps)
    tracemalloc.start()
    next(steps)
    early = tracemalloc.get_traced_memory()[1]
    assert sum(1 for _ in steps) == 18
    # a step is 3 * 2**17 bytes, and the last one lives while the next is made
    assert tracemalloc.get_traced_memory()[1] < early + 2**19
    tracemalloc.stop()


@pytest.mark.parametrize("seed", ["strongest", "map"])
def test_bfloat16_is_near(seed):
    network = load(keras_cnn(), photo())
    for rule in ("deconvnet", "guided", "gradient"):
        exact = reconstruct(network, None, "last", rule=rule, seed=seed)
        rough = reconstruct(network, None, "last", rule=rule, seed=seed, precision="bfloat16")
        assert rough.images.shape == exact.images.shape
        assert rough.images.dtype == np.float32
        largest = np.abs(exact.images).max((2, 3, 4), keepdims=True)
        assert 0 < np.abs(rough.images - exact.images).max() < 0.03 * largest.max()
        assert (np.abs(rough.images - exact.images) <= 0.03 * largest + 1e-6).mean() > 0.99


@pytest.mark.parametrize(
    ("on_cpu", "half_takes", "chosen", "reason"),
    [
        (1.31, 0.1, "float32", "on this CPU a convolution in bfloat16 takes 1.31 of the time"),
        (0.5, 0.1, "bfloat16", "measured: bfloat16 takes 0.10 of the time of float32"),
        (0.5, 0.9, "float32", "measured: bfloat16 takes 0.90 of the time of float32"),
    ],
)
@pytest.mark.usefixtures("cpu_policy")
def test_the_precision_is_chosen_by_measuring_once_and_said(monkeypatch, on_cpu, half_takes, chosen, reason):
    network, measured = load(keras_cnn(), photo()), []
    by_name = {each: reconstruct(network, None, "last", precision=each).images for each in ("float32", "bfloat16")}

    def seconds(strategy, *_):
        measured.append(strategy)
        return half_takes if strategy._dtype == tf.bfloat16 else 1.0

    monkeypatch.setattr(precision, "bfloat16_share", lambda: on_cpu)
    monkeypatch.setattr(precision, "_seconds", seconds)
    for _ in range(2):
        found = reconstruct(network, None, "last", precision="auto")
        np.testing.assert_array_equal(found.images, by_name[chosen])
        assert (found.precision, found.precision_reason) == (chosen, reason)
        assert f"{chosen} ({reason})" in repr(found)
    assert next(reconstruct_steps(network, None, "last", precision="auto")).precision == chosen
    assert not np.array_equal(by_name["float32"], by_name["bfloat16"])
    assert len(measured) == (2 if on_cpu < 1 else 0)


@pytest.mark.parametrize("seed", ["strongest", "map"])
def test_both_precisions_can_be_timed(monkeypatch, seed):
    monkeypatch.setattr(precision, "bfloat16_share", lambda: 0.5)
    network = load(keras_cnn(), photo())
    exact = reconstruct(network, None, "last", seed=seed).images
    found = reconstruct(network, None, "last", seed=seed, precision="auto").images
    assert np.abs(found - exact).max() < 0.03 * np.abs(exact).max()


def test_the_cpu_is_asked_once():
    assert precision.bfloat16_share() == precision.bfloat16_share() > 0
    assert precision.bfloat16_share.cache_info().misses == 1


@pytest.mark.usefixtures("cpu_policy")
def test_what_was_asked_for_and_what_could_not_be(monkeypatch):
    monkeypatch.setattr(precision, "bfloat16_share", lambda: 0.5)
    network = load(keras_cnn(), photo())
    for asked in ("float32", "bfloat16"):
        found = reconstruct(network, None, "last", channels=[0], precision=asked)
        assert repr(found).startswith(
            f"<Reconstruction: 1 channels of {found.layer.name!r}, 1 images, seed 'strongest', {asked} (as asked for); "
            "deconvnet: "
        )

    def precision_of(dtype, function, asked):
        graph = tf.Graph()
        with graph.as_default():
            tf.identity(function(v1.placeholder(dtype, (None, 6, 6, 2), name="image")), name="out")
        found = reconstruct(graph, np.ones((1, 6, 6, 2)), "out", precision=asked)
        return found.precision, found.precision_reason

    assert precision_of(tf.float64, tf.nn.relu, "auto") == ("float64", "that of the network")
    assert precision_of(tf.float64, tf.nn.relu, "float32") == ("float64", "that of the network")
    for asked in ("bfloat16", "auto"):
        found, reason = precision_of(tf.float32, lambda x: tf.cumsum(tf.nn.relu(x), 1), asked)
        assert found == "float32"
        assert reason.startswith("an op is known to TensorFlow's own gradient only")


def test_an_unknown_precision():
    with pytest.raises(ValueError, match=r"one of 'float32', 'bfloat16', 'auto'\. Received: precision='half'"):
        reconstruct(frozen_graph(), photo(), "conv1/Relu", precision="half")


def test_the_result_says_which_strategy_ran_and_why_a_faster_one_could_not():
    network = load(keras_cnn(), photo())
    unit = reconstruct(network, None, "layer", channels=[0])
    whole = reconstruct(network, None, "layer", channels=[0], seed="map")
    assert (whole.strategy, whole.strategy_reason) == ("batched pullback", "")
    assert unit.strategy in ("patch pullback", "batched pullback")
    assert unit.strategy_reason == ""
    assert "pullback" not in repr(unit)

    graph = tf.Graph()
    with graph.as_default():
        tf.identity(tf.cumsum(tf.nn.relu(v1.placeholder(tf.float32, (None, 6, 6, 2), name="image")), 1), name="out")
    slow = reconstruct(graph, np.ones((1, 6, 6, 2)), "out")
    assert (slow.strategy, slow.strategy_reason) == ("tiled gradients", "no pullback for: Cumsum")
    assert "float32 (as asked for), tiled gradients (no pullback for: Cumsum); deconvnet: " in repr(slow)


def test_images_are_projected_one_after_another_with_one_forward_pass_each(monkeypatch):
    """Also where the network keeps no forward pass, since each is too large for its cache."""
    network, passes = load(keras_cnn(), photo(images=2)), []
    monkeypatch.setattr(network.runtime, "forward_passes", ForwardPasses(0))
    forward = BatchedPullback.forward

    def counted(self, feeds):
        passes.append(feeds)
        return forward(self, feeds)

    monkeypatch.setattr(BatchedPullback, "forward", counted)
    both = reconstruct(network, None, "layer", seed="map")
    assert len(passes) == 2
    (step,) = reconstruct_steps(network, photo(), "layer", seed="map")
    assert len(passes) == 3
    np.testing.assert_array_equal(step.images[:, np.argsort(step.channels)], both.images[:1])
