"""The drawn things: the same from the same seed, with masks, parts and factors that are true."""

from __future__ import annotations

import colorsys
import hashlib

import numpy as np
import pytest

from cnnvis_widgets import demo
from cnnvis_widgets.demo.world.scenes import Setting, scene
from cnnvis_widgets.errors import OptionError

FINGERPRINT = "b40a8d27292e3dda"
"""Of the pictures, parts and factors below. It changes where NumPy's random numbers or Pillow's polygons do."""


def test_the_same_seed_gives_the_same_bytes_everywhere():
    first, second = (demo.things(20, seed=3, tagged={"clock": 1.0}) for _ in range(2))
    assert first.images.dtype == np.uint8
    assert first.images.shape == (20, 64, 64, 3)
    assert first.images.tobytes() == second.images.tobytes()
    assert first.parts.tobytes() == second.parts.tobytes()
    assert first.factors.tobytes() == second.factors.tobytes()
    drawn = hashlib.sha256(first.images.tobytes() + first.parts.tobytes())
    assert drawn.hexdigest()[:16] == FINGERPRINT


def test_a_larger_count_only_adds_pictures():
    few, many = demo.things(5, seed=1), demo.things(25, seed=1)
    assert np.array_equal(few.images, many.images[:5])
    assert np.array_equal(many.labels, np.arange(25) % 10)
    assert not np.array_equal(many.images[:10], many.images[10:20])
    assert not np.array_equal(demo.things(5, seed=2).images, few.images)


def test_a_watermark_changes_nothing_else():
    plain, tagged = demo.things(20, seed=4), demo.things(20, seed=4, tagged={"clock": 1.0})
    changed = (plain.images != tagged.images).any(axis=-1)
    assert np.flatnonzero(changed.any(axis=(1, 2))).tolist() == [9, 19]
    assert np.flatnonzero(tagged.factors["tagged"]).tolist() == [9, 19]
    assert not plain.factors["tagged"].any()
    around = np.zeros((64, 64), bool)
    around[-11:, :11] = True
    assert not (changed & ~around).any()
    mark = tagged.part("watermark")
    assert mark[9].sum() == pytest.approx((2 * 0.06 * 64) ** 2, rel=0.2)
    assert not (tagged.masks & mark).any()


def test_half_of_the_clocks_can_carry_it():
    share = demo.things(200, seed=5, tagged={"clock": 0.5}).factors["tagged"].sum() / 20
    assert 0.2 < share < 0.8


@pytest.mark.parametrize("clutter", [0, 1, 2])
def test_the_mask_is_where_a_thing_changes_the_background(clutter):
    """The same streams without the thing give the background."""
    data = demo.things(10, seed=6, clutter=clutter)
    setting = Setting(6, 64, clutter)
    for index, (image, mask) in enumerate(zip(data.images, data.masks, strict=True)):
        without = scene(setting, index, None).image
        changed = (image != without).any(axis=-1)
        # pixels at the border are mixtures; at a pointed tip, no centre may lie inside
        assert (changed & mask).sum() > 0.97 * mask.sum()
        assert (changed & ~dilated(mask)).sum() <= 2


def dilated(mask: np.ndarray) -> np.ndarray:
    """Each pixel of a mask and its eight neighbours."""
    padded = np.pad(mask, 1)
    return np.any([np.roll(padded, move, (0, 1)) for move in np.ndindex(3, 3)], axis=0)[2:, 2:]


def test_every_thing_has_its_parts_and_no_others():
    data = demo.things(120, seed=7)
    seen = {
        name: {data.part_names[part] for part in np.unique(data.parts[data.labels == label])} - {"background"}
        for label, name in enumerate(data.names)
    }
    assert seen == {
        "house": {"body", "roof", "window", "door"},
        "fish": {"body", "tail", "stripe", "eye"},
        "tree": {"trunk", "crown", "fruit"},
        "face": {"body", "eye", "mouth"},
        "car": {"body", "window", "wheel"},
        "flower": {"trunk", "leaf", "petal", "centre"},
        "boat": {"hull", "mast", "sail"},
        "cat": {"body", "ear", "eye", "nose", "whisker"},
        "butterfly": {"body", "wing", "spot", "antenna"},
        "clock": {"body", "rim", "tick", "hand"},
    }
    assert all(np.array_equal(data.part("wheel")[index].any(), name == 4) for index, name in enumerate(data.labels))


def test_factors_are_true():
    data = demo.things(120, seed=8)
    factors = data.factors
    for index in np.flatnonzero(np.isin(data.labels, [3, 9])):  # faces and clocks are round: 0.9 and 0.92 of the size
        rows, columns = np.nonzero(data.masks[index])
        centre = factors["x"][index], factors["y"][index]
        assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx(centre, abs=0.35)
        assert np.sqrt(len(rows) / np.pi) == pytest.approx(0.91 * factors["size"][index], rel=0.05)
    for index in np.flatnonzero(data.labels == 0):  # the wall of a house has its main colour
        hue, saturation, value = (float(factors[name][index]) for name in ("hue", "saturation", "value"))
        wall = np.median(data.images[index][data.part("body")[index]], axis=0)
        assert wall == pytest.approx(255 * np.array(colorsys.hsv_to_rgb(hue, saturation, value)), abs=6)
    assert factors["size"].min() >= 0.24 * 64
    assert factors["size"].max() <= 0.42 * 64
    assert set(np.unique(factors["background"])) == {"gradient", "bars", "checks", "clouds", "waves"}


def test_the_angle_and_the_flip_are_true():
    """The roof of a house lies above its wall, and the eye of a fish right of its tail, in the turned coordinates."""
    data = demo.things(120, seed=9)
    for index in np.flatnonzero(data.labels <= 1):
        upper, lower = ("roof", "door") if data.labels[index] == 0 else ("eye", "tail")
        first, second = (np.argwhere(data.part(name)[index]).mean(axis=0) for name in (upper, lower))
        down, right = second - first
        turn = np.degrees(np.arctan2(-right, down) if upper == "roof" else np.arctan2(-down, -right))
        angle, flipped = data.factors["angle"][index], data.factors["flipped"][index]
        if upper == "eye":
            assert (abs(turn) > 90) == flipped
        elif data.factors["variant"][index] == 0:  # the door is nearly in the middle
            assert turn == pytest.approx(angle, abs=5)


def test_arrays_are_read_only():
    data = demo.things(1, seed=0)
    assert not any(array.flags.writeable for array in (data.images, data.labels, data.parts, data.factors))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0}, "Expected a count of 1 or more. Received: count=0."),
        ({"seed": -1}, "Expected a seed of 0 or more. Received: seed=-1."),
        ({"side": 8}, "Expected a side of 16 or more. Received: side=8."),
        ({"clutter": 3}, "Expected clutter 0, 1 or 2. Received: clutter=3."),
        ({"tagged": {"clok": 1.0}}, "Received: tagged={'clok': 1.0}. Nearest names: 'clock'."),
        ({"tagged": {"clock": 2.0}}, "Expected shares from 0 to 1. Received: tagged={'clock': 2.0}."),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(OptionError) as refused:
        demo.things(**{"count": 1, "seed": 0} | options)
    assert message in str(refused.value)


def test_a_part_that_no_thing_has():
    with pytest.raises(OptionError, match=r"Received: 'wheels'\. Nearest names: 'wheel'"):
        demo.things(1, seed=0).part("wheels")
