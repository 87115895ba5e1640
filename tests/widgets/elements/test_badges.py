"""The truth badge says what obeyed the rule and what did not."""

from __future__ import annotations

import re
from html import unescape

import pytest

from cnnvis_widgets.results import Coverage, OpCoverage
from cnnvis_widgets.widgets.elements.badges import badge

OPS = {
    "relu": (OpCoverage("relu", 13, "rule"), "relu 13/13 deconvnet"),
    "pool": (OpCoverage("max_pool", 5, "exact"), "max pool 5/5 switches"),
    "lrn": (OpCoverage("lrn", 2, "identity"), "lrn 2 skipped"),
    "softmax": (OpCoverage("softmax", 1, "removed"), "softmax removed"),
    "gelu": (OpCoverage("gelu", 3, "unruled"), "⚠ gelu 0/3 deconvnet: true gradient"),
    "unknown": (OpCoverage("Igamma", 2, "unknown"), "⚠ Igamma 2 unknown: TensorFlow's gradient"),
}


def marks(*names):
    coverage = Coverage("deconvnet", tuple(OPS[name][0] for name in names))
    return badge(coverage, "conv5[12, 7, 31] = 4.35")


@pytest.mark.parametrize("name", OPS)
def test_every_kind_of_op_has_its_words(name):
    labels = re.findall("<span[^>]*>([^<]*)</span>", marks(name))
    assert [unescape(words) for words in labels] == [OPS[name][1], "seed conv5[12, 7, 31] = 4.35"]


def test_only_what_the_rule_does_not_cover_is_wrong():
    assert "cnnvis-wrong" not in marks("relu", "pool", "lrn", "softmax")
    assert marks("relu", "gelu").count("cnnvis-wrong") == 1
    assert "cnnvis-incomplete" in marks("relu", "gelu")
    assert "cnnvis-incomplete" in marks("relu", "unknown")


def test_convolutions_are_in_the_tooltip_alone():
    html = badge(Coverage("guided", (OpCoverage("convolution", 4, "exact"),)), "<b>[0] = 1")
    assert re.findall("<span[^>]*>([^<]*)</span>", html) == ["seed &lt;b&gt;[0] = 1"]
    assert 'title="guided: 4 convolution exact"' in html
