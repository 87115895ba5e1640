"""Python that opens again what an explorer was opened on: the first lines of copied code.

Only words are kept: the explorer keeps neither the user's model nor the images alive.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...demo import network as demo_network
from ...engine.network.image_sources import items_of
from ...errors import CnnvisError, FeedWarning
from ...imaging.photographs import PHOTOGRAPHS

_MOST_NAMES = 20
"""Class names that are spelled out; of more, the numbers stand in for them."""
_DEFAULT = "from cnnvis_widgets.engine.network.default_feed import default_feed"


class OpeningCode:
    """The lines before the call that computes what is shown.

    They run as they stand where the embedded network or the path of a model was given, and packaged photographs or
    paths of images. Where an object was given, they have a line ``model = ...`` that says what to fill in.

    Args:
        model, feed: what the user gave.
        settings: the other arguments of ``load`` that the user gave, by name.
    """

    def __init__(self, model: Any, feed: Any, settings: Mapping[str, Any]) -> None:
        self._demo = (model is None and feed is None) or _is_demo(model)
        self._model = "" if self._demo else _path(model)
        self._model_words = "" if self._demo or self._model else _words(model)
        self._imports: list[str] = []
        self._fills: list[str] = []
        options = {name: value for name, value in settings.items() if value is not None}
        self._options = [f"{name}={self._option(name, value)}" for name, value in options.items()]
        self._images: dict[int, str] = {}
        self._paths = _paths(feed)
        self._feed_words = "" if feed is None else _words(feed)
        self._packaged = feed is None

    def image_added(self, index: int, picture: Any) -> None:
        """Note an image that was given from Python; of others, nothing can be said."""
        if path := _path(picture):
            self._images[index] = path

    def network_replaced(self) -> None:
        """Note that another network is looked at now, which was given as an object."""
        self._demo, self._model, self._model_words, self._options, self._imports = False, "", "Network", [], []
        self._fills = []

    def lines(self, image: int, names: Sequence[str], other: int | None = None) -> str:
        """The code for an image.

        Args:
            image: its index.
            names: of all images.
            other: the index of another image that the code needs under the name ``other``.
        """
        feed, other_feed = self._feed(image, names), None if other is None else self._feed(other, names)
        imports = ["import cnnvis_widgets", *self._imports]
        if any("default_feed(" in line for line in (feed, other_feed or "")):
            imports.append(_DEFAULT)
        rows = [*self._fills]
        if self._model_words:
            rows.append(f"model = ...  # fill in: your {self._model_words}")
        rows += [self._network(), f"feed = {feed}"]
        if other_feed is not None:
            rows.append(f"other = {other_feed}")
        if any("= ..." in row for row in rows):
            rows.append("# beside an explorer, this will do: network, feed = explorer.network, explorer.feed")
        return "\n".join([*imports, "", *rows, ""])

    def _network(self) -> str:
        if self._demo and not self._options:
            return "network = cnnvis_widgets.demo.network()"
        model = "cnnvis_widgets.demo.network()" if self._demo else self._model or "model"
        return f"network = cnnvis_widgets.load({', '.join([model, *self._options])})"

    def _feed(self, image: int, names: Sequence[str]) -> str:
        name = names[image]
        if image in self._images:
            return self._images[image]
        if image < len(self._paths):
            return self._paths[image]
        if not self._packaged or image >= len(names) or not _is_packaged(name):
            given = f"; you gave {self._feed_words}" if self._feed_words else ""
            return f"...  # fill in: the image {name!r}{given}"
        if self._demo:
            return f"cnnvis_widgets.demo.photos()[{name!r}]"
        names_code = "" if name == "random" else f", [{name!r}]"
        return f"default_feed(network.runtime, network.preprocess{names_code}).feeds"

    def _option(self, name: str, value: Any) -> str:
        """The Python text of a setting of ``load``."""
        if name == "preprocess":
            return self._function(value)
        if name == "class_names" and not isinstance(value, Mapping):
            listed = [str(each) for each in value] if not isinstance(value, str) else value
            if len(listed) <= _MOST_NAMES:
                return repr(listed)
            return f'[f"class {{number}}" for number in range({len(listed)})]'
        if isinstance(value, str | Mapping):
            return repr(dict(value) if isinstance(value, Mapping) else value)
        self._fills.append(f"{name} = ...  # fill in: your {_words(value)}")
        return name

    def _function(self, function: Callable[..., Any]) -> str:
        module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
        if module in sys.modules and getattr(sys.modules[module], name, None) is function and module != "__main__":
            self._imports.append(f"from {module} import {name}")
            return name
        called = f" {name!r}" if name.isidentifier() else ""
        self._fills.append(f"preprocess = ...  # fill in: your function{called}")
        return "preprocess"


def _is_demo(model: Any) -> bool:
    """Whether it is the embedded network, without loading that."""
    return bool(demo_network.cache_info().currsize) and model is demo_network()


def _is_packaged(name: str) -> bool:
    return name in PHOTOGRAPHS or name == "random"


def _path(value: Any) -> str:
    """The Python text of a path; '' for anything else."""
    return repr(os.fspath(value)) if isinstance(value, str | os.PathLike) else ""


def _paths(feed: Any) -> list[str]:
    """The Python text of the path of each image; none for a feed that is not of paths alone."""
    listed = isinstance(feed, list | tuple) and all(isinstance(item, str | os.PathLike) for item in feed)
    if not (listed or isinstance(feed, str | os.PathLike)):
        return []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FeedWarning)
            return [text for text in map(_path, items_of(feed)) if text]
    except CnnvisError:  # raised again when they are read
        return []


def _words(value: Any) -> str:
    """What something is, in a few words: 'Functional model 'digits'', 'ndarray of shape (2, 32, 32, 1)'."""
    if value is None:
        return "default graph or session"
    kind, name, shape = type(value).__name__, getattr(value, "name", None), getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{kind} of shape {shape}"
    if isinstance(value, Mapping):
        return f"dict with the keys {', '.join(map(str, list(value)[:5]))}"
    if isinstance(value, list | tuple):
        return f"{kind} of {len(value)}"
    return f"{kind} {name!r}" if isinstance(name, str) else kind
