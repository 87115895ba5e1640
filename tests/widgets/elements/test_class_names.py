"""Names of classes on the screen: those that people know, with ImageNet's own as a tooltip."""

from __future__ import annotations

import traitlets as t

from cnnvis_widgets import demo
from cnnvis_widgets.widgets.elements.class_bars import class_bars, signed_bars
from cnnvis_widgets.widgets.elements.class_picker import ClassPicker


class State(t.HasTraits):
    """What the picker takes of an explorer's state."""

    target, head = t.Int(0), t.Unicode("")
    classes = t.Tuple(("cat", demo.class_names()[1]))


def test_the_bars_tell_the_name_of_imagenet():
    for bars in (class_bars([(1, "goldfish", 0.5)]), signed_bars([(1, "goldfish", 0.5)], "")):
        assert "in ImageNet: goldfish, Carassius auratus. Ask about it" in bars
    assert "ImageNet" not in class_bars([(0, "goldfish", 0.5)]), "another network has that name for its first class"


def test_the_picker_finds_both_names():
    state = State()
    picker = ClassPicker(state)
    assert (picker.classes, picker.synonyms) == (["cat", "goldfish"], ["", "goldfish, Carassius auratus"])
    state.classes, state.head = ("a", "b"), "other"
    assert (picker.classes, picker.synonyms) == (["a", "b"], ["", ""])
