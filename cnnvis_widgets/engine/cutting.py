"""The part of a network between what is fed and what is asked for, put into a function that is being traced."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf

from ..errors import FeedError
from . import rules
from .channels_last import run_on_cpu
from .description import shape_text
from .graph_surgery import GraphDef, NodeDef, ancestors, copy_of, node_of, tensor_of
from .lean_gradient import make_lean
from .portable_gradient import make_portable
from .structure import Structure
from .units import Unit


@dataclass(frozen=True)
class Cut:
    """The nodes that turn what is fed and ``settled`` into ``tensors``; ``varying``: those that depend on an input."""

    nodes: list[NodeDef]
    units: Mapping[str, Unit]
    settled: Collection[str]
    tensors: Sequence[str]
    varying: Collection[str]
    graph_def: GraphDef


def cut_out(
    structure: Structure, settled: Collection[str], inputs: Collection[str], tensors: Sequence[str]
) -> Cut:
    """Cut a network between ``tensors`` and what is fed or ``settled``, tensors of known values.

    Raises:
        FeedError: a placeholder that ``tensors`` need is not among the inputs.
    """
    known = {*inputs, *settled}
    needed = ancestors(structure.nodes, [node_of(each) for each in tensors if each not in known], stop=known)
    _require_fed(structure, needed, inputs)
    fed = {node_of(tensor) for tensor in inputs if f"{node_of(tensor)}:1" not in structure.shapes}
    nodes = [
        NodeDef.FromString(node.SerializeToString()) for name, node in structure.nodes.items() if name in needed - fed
    ]
    taken = {*tensors, *(tensor_of(each) for node in nodes for each in node.input)}
    units = {name: unit for name, unit in structure.units.items() if unit.inner <= needed}
    return Cut(nodes, units, taken & (known - {*inputs}), tensors, structure.varying, structure.graph_def)


def _require_fed(structure: Structure, needed: Iterable[str], inputs: Collection[str]) -> None:
    missing = [
        name
        for name in needed
        if structure.nodes[name].op == "Placeholder" and tensor_of(name) not in inputs
    ]
    if missing:
        shown = ", ".join(f"{name!r} ({_text(structure, name)})" for name in sorted(missing))
        raise FeedError(
            f"Expected a value for every placeholder that the layer needs. Received: none for {shown}. "
            "Add it to the feed, such as {'" + min(missing) + ":0': value}."
        )


def _text(structure: Structure, name: str) -> str:
    dtype, shape = structure.shapes[tensor_of(name)]
    return f"{dtype.name} {shape_text(shape)}"


def import_cut(cut: Cut, given: Mapping[str, tf.Tensor], rule: str, target: str) -> list[tf.Tensor]:
    """Import a cut into the graph being built, with values for its inputs and weights, under a rule."""
    make_lean(cut.nodes, cut.varying)  # before a rule leads signals through nodes of its own
    rules.apply_rule(cut.nodes, rule, cut.units)
    rules.redirect(cut.nodes, target)
    nodes = run_on_cpu(cut.nodes)
    make_portable(nodes)
    referred = {tensor_of(reference) for node in nodes for reference in node.input}
    computed = [tensor for tensor in cut.tensors if tensor not in given]
    values = iter(
        tf.graph_util.import_graph_def(
            copy_of(cut.graph_def, nodes),
            {tensor: value for tensor, value in given.items() if tensor in referred},
            return_elements=[rules.spanned(tensor, rule, cut.units) for tensor in computed],
            name="network",
        )
        if computed
        else ()
    )
    return [given[tensor] if tensor in given else next(values) for tensor in cut.tensors]
