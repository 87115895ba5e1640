"""The choices of an explorer as a JSON file, and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import traitlets as t

from ...errors import CnnvisError, ModelError, OutputError, described
from ...outputs.whole_files import write_whole
from .explorer_state import ExplorerState

FORMAT = 1
"""Written into every file; a file of another number is refused."""


def choices(state: ExplorerState) -> dict[str, Any]:
    """Every choice of the user, by name; traits that only report are left out."""
    return {name: getattr(state, name) for name in state.traits(report=None)}


def save(state: ExplorerState, path: str | Path) -> Path:
    """Write the choices of a state.

    Returns:
        The path.

    Raises:
        OutputError: there is no such folder, or it cannot be written to.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise OutputError(f"Expected a file in a folder that exists. Received: path={str(path)!r}. Make the folder.")
    content = {
        "format": FORMAT,
        "network": state.network.fingerprint(),
        "choices": {**choices(state), "image": state.images[state.image]},
    }
    text = json.dumps(content, indent=1, default=list) + "\n"
    write_whole(path, text.encode(), "Give another path.")
    return path


def load(state: ExplorerState, path: str | Path) -> None:
    """Set the choices that a file holds; a choice that does not fit raises and leaves the state as it was.

    Raises:
        OutputError: the file is not one that ``save`` wrote, or was changed.
        ModelError: it belongs to another network.
        LayerError, ChannelError, FeedError: the network or its images lack what was chosen.
    """
    content = _read(Path(path))
    if content["network"] != state.network.fingerprint():
        raise ModelError(
            f"Expected the state of this network, {state.network.fingerprint()}. "
            f"Received: the state of network {content['network']}. Open it with the model that it was saved with."
        )
    before = choices(state)
    try:
        _choose(state, content["choices"])
    except CnnvisError:
        _choose(state, before)
        raise
    except Exception as error:  # traits and what observes them raise many kinds for values of a wrong kind
        _choose(state, before)
        raise OutputError(
            f"Expected choices as save_state wrote them. Received: {str(path)!r}, {described(error)}. "
            "Save the state anew."
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        valid = content["format"] == FORMAT and isinstance(content["choices"], dict) and "network" in content
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise OutputError(f"Expected a file that save_state wrote. Received: {str(path)!r}, {error!r}.") from error
    if not valid:
        raise OutputError(f"Expected a file of format {FORMAT}. Received: {str(path)!r}. Save the state anew.")
    return content


def _choose(state: ExplorerState, values: dict[str, Any]) -> None:
    """Set the choices in an order in which no choice resets another one: the method last, so that work begins once."""
    known = state.traits(report=None)
    unknown = sorted(values.keys() - known.keys())
    if unknown:
        raise OutputError(f"Expected choices that this explorer has. Received: {', '.join(unknown)}.")
    first = [name for name in ("family", "layer", "image", "channel", "order", "head", "attention") if name in values]
    rest = [name for name in values if name not in (*first, "method")]
    for name in (*first, *rest, *(["method"] if "method" in values else [])):
        value = values[name]
        setattr(state, name, tuple(value) if isinstance(known[name], t.Tuple) else value)
