"""Feeds of many files go through a network part by part, so that they are never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import tensorflow as tf

from .feeds import is_bare_list
from .image_sources import items_of, reads_files
from .network import Network

PART = 64
"""Images in a part."""


def parts_of_feed(network: Network) -> Iterator[Any]:
    """Yield a network's own feed in parts of ``PART`` images, where these are many files: decoded part by part.

    Any other feed, and one whose images influence each other, is one part: ``None``, as methods take it.
    """
    several = is_bare_list(network.feed, len(network.runtime.frozen.inputs))
    lasting = isinstance(network.feed, Mapping | tf.data.Dataset)
    items = [] if several or lasting or not reads_files(network.feed) else list(items_of(network.feed))
    if len(items) <= PART or network.runtime.mixing:
        yield None
        return
    for start in range(0, len(items), PART):
        yield network.feeds({network.runtime.image_tensor: items[start : start + PART]})
