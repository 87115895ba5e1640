"""Which cell of a notebook made what: a cell that is run again abandons what it made before."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakMethod

from ...caches import LRUCache

_MOST_CELLS = 256


class Run(NamedTuple):
    """One run of a cell.

    Attributes:
        cell: equal for all runs of a cell: its id, or its code where the front end tells no id.
        number: different for each run.
    """

    cell: str
    number: str


def current_run() -> Run | None:
    """The run that calls this, or ``None`` outside of a notebook's cell."""
    module = sys.modules.get("IPython")
    shell: Any = None if module is None else module.get_ipython()
    request: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    header = request.get("header", {})
    cell = request.get("metadata", {}).get("cellId") or request.get("content", {}).get("code")
    if header.get("msg_type") != "execute_request" or not cell:
        return None
    return Run(str(cell), str(header.get("msg_id")))


class LatestRuns:
    """Calls what the earlier run of a cell left here, when the cell is run again.

    Args:
        run: tells which run calls.
    """

    def __init__(self, run: Callable[[], Run | None] = current_run) -> None:
        self._run = run
        self._left: LRUCache[tuple[str, list[WeakMethod[Callable[[], Any]]]]] = LRUCache(_MOST_CELLS)

    def leave(self, method: Callable[[], Any]) -> None:
        """Have a bound method called when this cell is run again. Its object is not kept alive."""
        run = self._run()
        if run is None:
            return
        number, methods = self._left.get(run.cell) or ("", [])
        if number != run.number:
            for earlier in filter(None, (reference() for reference in methods)):
                earlier()
            methods = []
        self._left.put(run.cell, (run.number, [*methods, WeakMethod(method)]), 1)
