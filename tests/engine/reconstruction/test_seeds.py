"""Seeds as tensors against seeds that NumPy writes place by place."""

import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets.engine.reconstruction.seeds import one_channel_seeds, seeds_of

CHANNELS = [2, 0]
UNITS = [(3, 1), (0, 2)]


def written_out(values, kind):
    """(seeds, height, width, channels): each seed is zero but for its unit, its map, or ones in place of its map."""
    seeds = np.zeros((len(CHANNELS), *values.shape), np.float32)
    for seed, (channel, place) in enumerate(zip(CHANNELS, UNITS, strict=True)):
        if kind == "unit":
            seeds[seed][(*place, channel)] = values[(*place, channel)]
        else:
            seeds[seed][..., channel] = values[..., channel] if kind == "map" else 1
    return seeds


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("kind", ["unit", "map", "ones"])
def test_seeds_of_all_channels(kind):
    values = normal(5, 4, 3)
    seeds = seeds_of(tf.constant(values), tf.constant(CHANNELS), tf.constant(UNITS), kind, 3)
    np.testing.assert_array_equal(seeds, written_out(values, kind), strict=True)


@pytest.mark.parametrize("kind", ["unit", "map", "ones"])
def test_seeds_where_channels_come_first(kind):
    values = normal(5, 4, 3)
    seeds = seeds_of(tf.constant(values.transpose(2, 0, 1)), tf.constant(CHANNELS), tf.constant(UNITS), kind, 1)
    np.testing.assert_array_equal(seeds, written_out(values, kind).transpose(0, 3, 1, 2), strict=True)


@pytest.mark.parametrize("kind", ["unit", "map", "ones"])
def test_the_one_channel_of_a_seed(kind):
    values = normal(5, 4, 3)
    seeds = one_channel_seeds(tf.constant(values[None]), tf.constant(CHANNELS), tf.constant(UNITS), kind)
    expected = np.stack(
        [seed[..., [channel]] for seed, channel in zip(written_out(values, kind), CHANNELS, strict=True)]
    )
    np.testing.assert_array_equal(seeds, expected, strict=True)
