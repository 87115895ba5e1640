"""The part of a network between what is fed and what is asked for, put into a function that is being traced."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import tensorflow as tf

from ...errors import FeedError
from ..backward import rules
from ..backward.gradient_graph import BackwardNodes, backward_nodes
from ..backward.gradient_overrides import make_lean
from ..graph.channels_last import run_on_cpu
from ..graph.composite_activations import Unit
from ..graph.graphdef import GraphDef, NodeDef, ancestors, copy_of, node_of, tensor_of
from ..graph.layers import Shapes, shape_text
from ..graph.structure import Structure
from ..ops.portable_gradient import make_portable


@dataclass(frozen=True)
class Cut:
    """The nodes that turn what is fed and ``settled`` into ``tensors``; ``varying``: those that depend on an input."""

    nodes: list[NodeDef]
    units: Mapping[str, Unit]
    settled: Collection[str]
    tensors: Sequence[str]
    varying: Collection[str]
    graph_def: GraphDef


def cut_out(structure: Structure, settled: Collection[str], inputs: Collection[str], tensors: Sequence[str]) -> Cut:
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
    missing = [name for name in needed if structure.nodes[name].op == "Placeholder" and tensor_of(name) not in inputs]
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


@dataclass(frozen=True)
class Passage:
    """A network in the graph being built, and the way back through it as nodes that are yet to be imported.

    Attributes:
        entered: the images.
        tensors: what was asked for.
        ends: where the way back begins; what comes behind is left to ``tf.gradients``.
    """

    entered: tf.Tensor
    tensors: list[tf.Tensor]
    ends: list[tf.Tensor]
    _back: BackwardNodes | None
    _taken: dict[str, tf.Tensor]
    _graph_def: GraphDef

    def sent_back(self, signals: Sequence[tf.Tensor | None]) -> tf.Tensor | None:
        """What signals at ``ends`` send to the images."""
        if self._back is None or all(each is None for each in signals):
            return None
        arriving = [tf.zeros_like(end) if each is None else each for each, end in zip(signals, self.ends, strict=True)]
        given = dict(zip(self._back.signals, arriving, strict=True))
        if self._back.sent in given:
            return given[self._back.sent]
        [sent] = tf.graph_util.import_graph_def(
            copy_of(self._graph_def, self._back.nodes),
            given | self._taken,
            return_elements=[self._back.sent],
            name="back",
        )
        return sent


def import_passage(cut: Cut, given: Mapping[str, tf.Tensor], image: str, target: str, shapes: Shapes) -> Passage:
    """Import a cut as ``import_cut`` does for the rule 'gradient', and prepare the way back to ``image``."""
    known = {tensor: (value.dtype, tuple(value.shape)) for tensor, value in given.items() if tensor not in shapes}
    back = backward_nodes(cut.nodes, image, cut.tensors, target, {**shapes, **known})
    ends, taken = ([], []) if back is None else (back.ends, back.taken)
    values = iter(import_cut(replace(cut, tensors=[*cut.tensors, *ends, *taken]), given, "gradient", target))
    tensors, begun = ([next(values) for _ in names] for names in (cut.tensors, ends))
    return Passage(given[image], tensors, begun, back, dict(zip(taken, values, strict=True)), cut.graph_def)


def gradient_of(scores: tf.Tensor, of: tf.Tensor, shown: tf.Tensor, passages: Sequence[Passage]) -> tf.Tensor:
    """``tf.gradients(scores, of)``, through ``passages`` by their own nodes.

    Args:
        scores: a function of ``shown`` and of what passages give.
        of: a tensor.
        shown: made of it, as are the images that enter the passages.

    Returns:
        The gradient; zeros where ``scores`` does not depend on ``of``.
    """
    ends = [end for passage in passages for end in passage.ends]
    starts = [shown, *(passage.entered for passage in passages)]
    signals = tf.gradients(scores, [*ends, *starts], stop_gradients=[*ends, *starts])
    arriving, direct = iter(signals), signals[len(ends) :]
    back = [passage.sent_back([next(arriving) for _ in passage.ends]) for passage in passages]
    sent = [*zip(starts, direct, strict=True), *zip(starts[1:], back, strict=True)]
    ways = [(start, signal) for start, signal in sent if signal is not None]
    found = tf.gradients([start for start, _ in ways], of, [signal for _, signal in ways])[0] if ways else None
    return tf.zeros_like(of) if found is None else found
