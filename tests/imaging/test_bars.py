"""Bars with names for picture files."""

import numpy as np

from cnnvis_widgets.imaging.bars import bar_chart

INK = (34, 34, 34)


def test_only_an_earlier_value_has_a_mark():
    alone, both = bar_chart(["cat"], [0.75]), bar_chart(["cat"], [0.75], np.array([0.25]))
    bars = slice(28, 41)  # below the words
    marks = [np.flatnonzero((drawn[bars] == INK).all(axis=(-1)).any(axis=0)) for drawn in (alone, both)]
    assert marks[0].size == 0
    assert np.abs(marks[1] - (10 + 0.25 * 460)).max() <= 3
    words = [np.flatnonzero((drawn[8:28, 240:] != 255).any(axis=(0, 2))) for drawn in (alone, both)]
    assert words[0].min() > words[1].min() + 30  # "75.0%" against "25.0% to 75.0%"
