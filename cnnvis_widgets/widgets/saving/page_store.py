"""The results of an explorer so far, encoded, for the HTML page that ``export_html`` writes."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from weakref import WeakValueDictionary

import numpy as np

from ...caches import LRUCache
from ...imaging import encode
from ...outputs import html
from ...results import AttentionMaps, Attribution, MethodWall, Occlusion
from .result_files import Result


class PageStore:
    """The newest result of every kind, layer and image.

    Args:
        limit: the most bytes of encoded pictures to keep.
    """

    def __init__(self, limit: int = html.LIMIT) -> None:
        self._lock = Lock()  # results are added in a job's thread
        self._photos: dict[str, bytes] = {}
        self._added: WeakValueDictionary[int, Result] = WeakValueDictionary()  # a second look at one stores nothing
        # a dropped sheet may be of one of them
        self._sheets: LRUCache[html.Sheet] = LRUCache(limit, on_drop=self._added.clear)

    def add(self, result: Result, name: str, photo: np.ndarray) -> None:
        """Store a result for the image called ``name``, whose pixels are ``photo``, uint8 (height, width, 1 or 3)."""
        if isinstance(result, Attribution | AttentionMaps | Occlusion | MethodWall):
            return  # the page does not show them
        with self._lock:
            if self._added.get(id(result)) is result:
                return
        sheets = html.sheets(result, (name,))
        with self._lock:
            self._added[id(result)] = result
            self._photos[name] = encode.jpeg(photo)  # a drawing has one name while it changes
            for sheet in sheets:
                self._sheets.put(sheet.key, sheet, len(sheet.picture))

    def clear(self) -> None:
        """Forget everything: it was computed with another network."""
        with self._lock:
            self._sheets.clear()
            self._added.clear()

    def write(self, path: str | Path) -> Path:
        """Write all stored results as one HTML file; see ``outputs.html``."""
        with self._lock:
            sheets, photos = self._sheets.values(), dict(self._photos)
        return html.write_page(sheets, path, photos=photos)
