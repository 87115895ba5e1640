"""Charts by bqplot: what they are given, what a click or a brush sends."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_widgets.widgets.charts.before_after import LONGEST, BeforeAfter
from cnnvis_widgets.widgets.charts.histogram import BINS, ValueHistogram
from cnnvis_widgets.widgets.charts.score_chart import ScoreChart
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


def test_the_classes_that_change_most_are_drawn_from_top_to_bottom():
    chosen = []
    chart = BeforeAfter(chosen.append)
    names = [f"a class with a name that is far too long {number}" for number in range(10)]
    before, after = np.linspace(0.0, 0.9, 10), np.linspace(0.0, 0.9, 10)
    after[[3, 7]] += [0.05, -0.4]
    chart.show(before, after, names, percent=True)
    assert chart.numbers == [7, 3]
    np.testing.assert_allclose(chart.bars.y, [[before[3], before[7]], [after[3], after[7]]])
    assert len(set(chart.bars.x)) == 2
    assert max(map(len, chart.bars.x)) <= LONGEST
    chart._clicked(chart.bars, {"data": {"index": 1}})
    assert chosen == [7]
    chart.show(before, before, names, percent=True)
    assert chart.numbers == []
    assert chart.children == ()


def test_probabilities_get_a_line_of_their_own_with_the_first_one():
    chart = ScoreChart()
    chart.add(0, -3.0)
    assert len(chart.children) == 1
    chart.add_probability(0, 0.25)
    chart.add_probability(4, 0.75)
    assert chart.probabilities == [(0, 0.25), (4, 0.75)]
    assert len(chart.children) == 2
    chart.clear()
    assert (chart.points, chart.probabilities, chart.children) == ([], [], ())
