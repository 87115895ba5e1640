"""Layer names into folder names; the rule and its reasons are in docs/design/0004-file-names.md."""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import sha256

from ..results import Layer

LONGEST = 100
"""Characters of a folder name: the whole path must stay below the 260 of some Windows programs."""

_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")
_HASHED = re.compile(r".*-[0-9a-f]{8}")


def folder_name(layer: Layer, layers: Iterable[Layer]) -> str:
    """The folder for results of a layer: 'conv1/Relu' -> 'conv1_relu', as tf_cnnvis has it.

    Args:
        layer: the layer.
        layers: all layers of its network. Where two of them would share a folder, as 'a/b' and
            'A_b' would, each gets a hash of its full name appended.

    Returns:
        At most ``LONGEST`` characters of [a-z0-9._-], a file name on every system.
    """
    plain = _plain(layer.name)
    taken = any(_plain(other.name) == plain and other.name != layer.name for other in layers)
    unfit = _RESERVED.fullmatch(plain) or _HASHED.fullmatch(plain) or plain != plain.strip(".")
    if not (taken or unfit or len(plain) > LONGEST):
        return plain
    return f"{plain.replace('.', '_')[: LONGEST - 9]}-{sha256(layer.name.encode()).hexdigest()[:8]}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9._-]", "_", name.lower())
