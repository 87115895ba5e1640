"""Names what a model does beside computing, in errors and warnings."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from tensorflow.core.framework.node_def_pb2 import NodeDef

from ...errors import TrustWarning

_LISTED = 5  # ops that a message names

REMEDY = "If you know who made this model, and trust them, pass trusted=True."


def listed_ops(nodes: Iterable[NodeDef]) -> str:
    """List ops by type and name, the first of many."""
    names = list(dict.fromkeys(f"{node.op} ({node.name!r})" for node in nodes))
    more = f" and {len(names) - _LISTED} more ops" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def warn_of_trust(what: str) -> None:
    """Warn of what a model does that the user vouches for, such as 'runs WriteFile'."""
    warnings.warn(f"This model {what}, because you passed trusted=True.", TrustWarning, stacklevel=2)
