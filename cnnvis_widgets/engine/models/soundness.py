"""Looks at a GraphDef from outside before anything walks, imports or runs it: does it end, and does it fit?

A few bytes can stand for a constant of 40 GB, for functions that unfold to billions of nodes, or for a path that leads
round in a circle. TensorFlow answers these by taking all memory, and a walk by never ending.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import prod

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.framework.tensor_pb2 import TensorProto

from ...errors import ModelError
from ...spare_memory import spare_memory
from ..graph.function_bodies import functions_of
from ..graph.graphdef import GraphDef, node_of

MOST_NODES = 1_000_000
"""Nodes of a graph after all its calls are written out. The largest networks in use have some 50,000."""

_MERGES = ("Merge", "RefMerge")  # the back edges of loops of TensorFlow 1 lead here


def require_sound(graph_def: GraphDef) -> None:
    """Check that a graph has an end and can be held.

    Raises:
        ModelError: nodes share a name, depend on themselves or on nodes that are not there; calls lead back to where
            they came from or unfold to more than ``MOST_NODES`` nodes; constants contradict themselves or are larger
            than the memory that is left.
    """
    parts = {"": graph_def.node} | {each.signature.name: each.node_def for each in graph_def.library.function}
    if len(parts) <= len(graph_def.library.function):
        raise _unsound("two functions of one name")
    arguments = {
        each.signature.name: {argument.name for argument in each.signature.input_arg}
        for each in graph_def.library.function
    }
    for name, nodes in parts.items():
        _require_order(name, nodes, arguments.get(name, set()))
    _require_unfoldable(parts)
    _require_room_for_constants(node for nodes in parts.values() for node in nodes if node.op == "Const")


def _unsound(what: str) -> ModelError:
    return ModelError(
        f"Expected the graph of a network. Received: {what}. The file is damaged, or was not written by TensorFlow."
    )


def _place(function: str) -> str:
    return f" in the function {function!r}" if function else ""


def _require_order(function: str, nodes: Sequence[NodeDef], arguments: set[str]) -> None:
    by_name = {node.name: node for node in nodes}
    if len(by_name) < len(nodes) or "" in by_name or arguments & by_name.keys():
        names = Counter(node.name for node in nodes)
        raise _unsound(f"{len(nodes)} nodes with {len(names)} names, such as {names.most_common(1)}{_place(function)}")
    before = {name: [node_of(reference) for reference in node.input] for name, node in by_name.items()}
    known = by_name.keys() | arguments
    for name, sources in before.items():
        missing = next((source for source in sources if source not in known), None)
        if missing is not None:
            raise _unsound(f"{name!r}, which takes {missing!r}, which is not there{_place(function)}")
    circle = _circle({name: [] if by_name[name].op in _MERGES else before[name] for name in by_name})
    if circle:
        raise _unsound(f"nodes that depend on themselves, such as {circle!r}{_place(function)}")


def _circle(before: Mapping[str, Sequence[str]]) -> str:
    """Return a name that depends on itself, or on one that does; '' if there is none."""
    after: dict[str, list[str]] = {}
    waiting = {name: sum(source in before for source in sources) for name, sources in before.items()}
    for name, sources in before.items():
        for source in sources:
            after.setdefault(source, []).append(name)
    ready = [name for name, count in waiting.items() if not count]
    while ready:
        for name in after.get(ready.pop(), ()):
            waiting[name] -= 1
            if not waiting[name]:
                ready.append(name)
    return max((name for name, count in waiting.items() if count), default="")  # '' is the graph, which nothing calls


def _require_unfoldable(parts: Mapping[str, Sequence[NodeDef]]) -> None:
    """Check that calls come to an end, and how many nodes they stand for."""
    calls = {
        name: [called for node in nodes for called in functions_of(node) if called in parts and called]
        for name, nodes in parts.items()
    }
    circle = _circle(calls)
    if circle:
        raise _unsound(f"functions that call themselves, such as {circle!r}")
    sizes: dict[str, int] = {}
    pending = [""]
    while pending:
        name = pending[-1]
        unknown = [called for called in calls[name] if called not in sizes]
        if unknown:
            pending += unknown
            continue
        sizes[pending.pop()] = min(len(parts[name]) + sum(sizes[called] for called in calls[name]), 2 * MOST_NODES)
    if sizes[""] > MOST_NODES:
        raise _unsound(f"calls of functions that stand for more than {MOST_NODES:,} nodes")


def _require_room_for_constants(constants: Iterable[NodeDef]) -> None:
    whole, largest = 0, (0, "")
    for node in constants:
        size = bytes_of(node.attr["value"].tensor, node.name) if "value" in node.attr else 0
        whole, largest = whole + size, max(largest, (size, node.name))
    if whole > 2**20:  # a look at the memory takes longer than a small network
        require_room(whole, f"constants of which the largest is {largest[1]!r}")


def require_room(size: int, what: str) -> None:
    """Check that memory can hold so many bytes.

    Raises:
        ModelError: it cannot.
    """
    spare = spare_memory()
    if size > spare:
        raise ModelError(
            f"Expected a network that fits into the {spare / 2**30:,.1f} GB of memory that are left. Received: {what}, "
            f"which takes {size / 2**30:,.1f} GB. Close other notebooks, or use a larger machine."
        )


def bytes_of(tensor: TensorProto, name: str) -> int:
    """Return how many bytes a constant takes when it is written out.

    Raises:
        ModelError: its shape, type and content contradict each other.
    """
    sizes = [dim.size for dim in tensor.tensor_shape.dim]
    try:
        dtype = tf.as_dtype(tensor.dtype)
        width = dtype.size or 8
    except (TypeError, KeyError) as error:
        raise _unsound(f"{name!r}, a constant of the unknown type {tensor.dtype}") from error
    if tensor.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
        raise _unsound(f"{name!r}, a constant of shape {sizes}")
    elements = prod(sizes)
    if tensor.tensor_content and len(tensor.tensor_content) != elements * (dtype.size or 0):
        raise _unsound(f"{name!r}, a constant of shape {sizes} with {len(tensor.tensor_content)} bytes")
    return max(elements * width, len(tensor.tensor_content))
