"""Remembers the frozen graphs of files while networks of them are in use, so that a second load shares the weights."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from glob import escape
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from ..graph.freezing import FrozenGraph
from ..graph.graphdef import node_of
from .checkpoints import belongs_to_checkpoint
from .keras_files import runs_python_code
from .saved_models import SAVED_MODEL_FILES

Stamp = frozenset[tuple[str, int, int, int]]
"""Path, inode, size and time of the last change, in nanoseconds, of every file of a model."""


def stamp_of(model: Any, *, trusted: bool = False) -> Stamp | None:
    """Return what tells the state of a model on the disk.

    Args:
        model: a path, or anything else.
        trusted: whether all of its code may run; what was loaded so is never shared with those who do not trust it.

    Returns:
        ``None`` for an object, for a path where there is nothing, and for a file of Keras that names Python code,
        because that may be other code the next time.
    """
    if not isinstance(model, str | Path):
        return None
    try:
        path = Path(model).resolve()
        states = [(str(file), file.stat()) for file in _files_of(path)]
        if not states or (path.is_file() and runs_python_code(path)):
            return None
    except Exception:  # whatever a damaged file raises; the reader says what is wrong
        return None
    files = [(file, state.st_ino, state.st_size, state.st_mtime_ns) for file, state in states]
    return frozenset([*files, ("trusted", 0, 0, int(trusted))])


def _files_of(path: Path) -> Iterable[Path]:
    """Return the files of a model: those of a SavedModel, or all that belong to a checkpoint."""
    if path.name in SAVED_MODEL_FILES:
        path = path.parent
    if path.is_dir():
        is_saved_model = any((path / name).is_file() for name in SAVED_MODEL_FILES)
        return [file for file in (path.rglob("*") if is_saved_model else path.iterdir()) if file.is_file()]
    if path.is_file() and not belongs_to_checkpoint(path):
        return [path]
    prefix = path.name.removesuffix(".meta").removesuffix(".index")
    return path.parent.glob(escape(prefix) + ".*")


class OpenFiles:
    """Frozen graphs by the state of their files. It keeps none of them alive."""

    def __init__(self) -> None:
        self._graphs: WeakValueDictionary[tuple[Stamp, frozenset[str]], FrozenGraph] = WeakValueDictionary()
        self._lock = threading.Lock()

    def find(self, stamp: Stamp | None, fed: Sequence[str]) -> FrozenGraph | None:
        """Return the graph of a file that a network holds, frozen for the same feed; ``None`` if there is none.

        Args:
            stamp: of the file, now.
            fed: the names that are fed, as ``freeze`` takes them.
        """
        wanted = frozenset(map(node_of, fed))
        with self._lock:
            entries = list(self._graphs.items())
        for (known, nodes), frozen in entries:
            inputs = {*frozen.inputs, *map(node_of, frozen.inputs.values())}
            if stamp == known and wanted - inputs == nodes - inputs:
                return frozen
        return None

    def keep(self, stamp: Stamp | None, fed: Sequence[str], frozen: FrozenGraph) -> None:
        """Remember a graph as long as somebody holds it."""
        if stamp is not None:
            with self._lock:
                self._graphs[stamp, frozenset(map(node_of, fed))] = frozen


OPEN_FILES = OpenFiles()
"""Those of this process."""
