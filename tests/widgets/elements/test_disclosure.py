"""Folds and menus without a browser."""

from __future__ import annotations

import ipywidgets as w

from cnnvis_widgets.widgets.elements.disclosure import Disclosure, folded


def test_what_is_folded_follows_its_button():
    first, second = w.HTML("one"), w.HTML("two")
    box = folded(first, second, label="More", tooltip="More of it", kind="menu")
    button, content = box.children
    assert isinstance(button, Disclosure)
    assert (button.description, button.tooltip, button.kind) == ("More", "More of it", "menu")
    assert button.unfolded is False
    assert content.children == (first, second)
    assert "cnnvis-folded-menu" in content._dom_classes


def test_the_page_opens_and_closes_it():
    button = Disclosure(description="More", tooltip="More of it")
    button.set_state({"unfolded": True})  # as a message from the page does
    assert button.unfolded
    assert button.get_state("unfolded") == {"unfolded": True}
