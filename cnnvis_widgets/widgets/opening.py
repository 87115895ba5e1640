"""What an explorer opens on: a model and images that the user gave, or what the package has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import demo
from ..engine.network.cautions import cautions
from ..engine.network.default_feed import default_feed
from ..engine.network.image_sources import image_names, read_once
from ..engine.network.loading import load
from ..engine.network.network import Network
from ..imaging.photographs import PHOTOGRAPHS
from .state.network_facts import network_title


@dataclass(frozen=True)
class Opened:
    """What an explorer opens on: the network and its title, the feed, names of the images, what to tell the user."""

    network: Network
    title: str
    feed: Any
    names: tuple[str, ...]
    notices: tuple[str, ...]


def opened(model: Any, feed: Any, **settings: Any) -> Opened:
    """Load the model; without a feed, choose one. ``settings`` are those of ``load``."""
    names: tuple[str, ...] = ()
    if model is None and feed is None:
        model, feed, names = _embedded()
    feed = read_once(feed)
    names = names or image_names(feed)
    network = load(model, feed, **settings)
    notices = cautions(network.runtime)
    if network.feed is None:
        chosen = default_feed(network.runtime, network.preprocess, tuple(PHOTOGRAPHS))
        feed, names, notices = chosen.feeds, chosen.names, (chosen.notice, *notices)
    return Opened(network, network_title(model, network), feed, names, notices)


def _embedded() -> tuple[Network, list[Any], tuple[str, ...]]:
    """The embedded network, its photographs and their names."""
    photos = demo.photos()
    return demo.network(), list(photos.values()), tuple(photos)
