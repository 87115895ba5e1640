"""Charts by bqplot: what they are given, what a click or a brush sends."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_widgets.widgets.charts.histogram import BINS, ValueHistogram
from cnnvis_widgets.widgets.charts.strengths import MOST, ChannelStrengths


def test_a_histogram_counts_on_a_logarithmic_scale():
    values = np.array([0.0] * 900 + [5.0] * 9 + [10.0])
    histogram = ValueHistogram(lambda low, high: None)
    histogram.show(values, (0.0, 10.0), 10.0)
    assert histogram.counts.tolist() == np.histogram(values, BINS, (0, 10))[0].tolist()
    assert histogram._bars.y[0] == pytest.approx(np.log10(901))
    assert histogram._mark.x.tolist() == [10.0, 10.0]
    histogram.show(np.zeros(4), (0.0, 0.0))  # a channel that is silent
    assert histogram.counts.sum() == 4


def test_a_brush_tells_its_range_once_it_is_drawn():
    told = []
    histogram = ValueHistogram(lambda low, high: told.append((low, high)))
    histogram.brush.brushing = True
    histogram.brush.selected = np.array([3.0, 1.0])
    assert told == []
    histogram.brush.brushing = False
    assert told == [(1.0, 3.0)]


def test_strengths_are_sorted_and_a_click_chooses():
    chosen = []
    strengths = ChannelStrengths(chosen.append)
    values = np.array([1.0, 5.0, 0.0, 5.0], np.float32)
    strengths.show(values, 3)
    assert strengths.channels == [1, 3, 0, 2]
    assert strengths.bars.y.tolist() == [5.0, 5.0, 1.0, 0.0]
    assert list(strengths.bars.selected) == [1]
    strengths._clicked(strengths.bars, {"data": {"index": 2}})
    assert chosen == [0]
    strengths.show(np.arange(1000.0), 3)  # the weakest are not drawn
    assert len(strengths.channels) == MOST
    assert not list(strengths.bars.selected)
