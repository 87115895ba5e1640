"""The strongest images of every channel: order, ties, and merging."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnvis_widgets.surveys.ranking import NOTHING, merged, ordered_keys, ranking_of


def ranked(keys, values, top, places=None):
    values = np.asarray(values, np.float32)
    places = np.zeros(values.shape, np.int32) if places is None else np.asarray(places, np.int32)
    return ranking_of(keys, values, places, np.full((len(values), 2), 4), top)


def entries(ranking, channel):
    """(key, value) of a channel, the strongest first."""
    pairs = zip(ranking.images[channel], ranking.values[channel], strict=True)
    return [(ranking.keys[image], float(value)) for image, value in pairs if image != NOTHING]


def test_order_by_value_then_by_number_in_the_key():
    ranking = ranked(["image10", "image9", "image1"], [[2.0], [2.0], [3.0]], 3)
    assert entries(ranking, 0) == [("image1", 3.0), ("image9", 2.0), ("image10", 2.0)]


def test_keys_that_look_equal_are_ordered_by_their_characters():
    assert ordered_keys(["a1", "A1", "a01", "a1"]) == ["A1", "a01", "a1"]


def test_both_zeros_are_equal_and_negative_values_are_below():
    ranking = ranked(["c", "b", "a"], [[0.0], [-0.0], [-1.0]], 3)
    assert [key for key, _ in entries(ranking, 0)] == ["b", "c", "a"]


def test_units_are_coordinates_of_the_map_of_each_image():
    values, places = np.float32([[1], [2]]), np.int32([[5], [5]])
    ranking = ranking_of(["a", "b"], values, places, np.array([[2, 3], [3, 2]]), 2)
    assert ranking.units.tolist() == [[[2, 1], [1, 2]]]  # b first: place 5 of rows of 2, then of rows of 3


def test_fewer_images_than_asked_for():
    ranking = merged([ranked(["a"], [[1.0, 2.0]], 9), ranked(["b"], [[0.5, 3.0]], 9)], 9)
    assert entries(ranking, 0) == [("a", 1.0), ("b", 0.5)]
    assert entries(ranking, 1) == [("b", 3.0), ("a", 2.0)]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_the_best_of_parts_are_the_best_of_all(data):
    count = data.draw(st.integers(1, 40))
    top = data.draw(st.integers(1, 6))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    values = rng.integers(-3, 4, (count, 5)).astype(np.float32)  # many ties
    keys = [f"image{number}" for number in rng.permutation(count)]
    whole = ranked(keys, values, top)
    order = data.draw(st.permutations(range(count)))
    cuts = sorted(data.draw(st.sets(st.integers(1, count), max_size=4)) | {0, count})
    parts = [order[start:stop] for start, stop in itertools.pairwise(cuts)]
    joined = merged([ranked([keys[row] for row in part], values[part], top) for part in parts], top)
    for channel in range(5):
        oracle = sorted(zip(-values[:, channel], keys, strict=True), key=lambda pair: (pair[0], int(pair[1][5:])))
        expected = [(key, -float(value)) for value, key in oracle[:top]]
        assert entries(whole, channel) == entries(joined, channel) == expected
    for name in ("images", "values", "units"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(joined, name))
        assert getattr(whole, name).dtype == getattr(joined, name).dtype
    assert whole.keys == joined.keys
