"""Cuts the part of a network between a feed and some tensors, and imports it into the function being traced."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

import tensorflow as tf
from tensorflow.core.framework.function_pb2 import FunctionDef

from ...errors import FeedError, ModelError
from ..backward import rules
from ..backward.custom_gradients import set_custom_gradients
from ..backward.gradient_graph import GradientGraph, gradient_graph
from ..backward.gradient_overrides import make_portable
from ..graph.channels_last import for_device
from ..graph.composite_activations import CompositeActivation
from ..graph.function_bodies import FunctionFacts, function_of
from ..graph.graphdef import GraphDef, NodeDef, ancestors, copy_of, node_of, tensor_of, with_function_suffix
from ..graph.layers import Shapes, shape_text
from ..graph.structure import Structure

_IMPORTS = count()


@dataclass(frozen=True)
class Subgraph:
    """The nodes that compute some tensors from a feed and from known values.

    Attributes:
        nodes: copies, in order of computation.
        composites: the composite activations among them, by output node.
        weights: the names of the tensors with known values that the nodes take.
        tensors: the names of the tensors to compute.
        graph_def: of the whole network.
        functions: what its loops and branches call, by name.
    """

    nodes: list[NodeDef]
    composites: Mapping[str, CompositeActivation]
    weights: Collection[str]
    tensors: Sequence[str]
    graph_def: GraphDef
    functions: Mapping[str, FunctionFacts]


def subgraph_between(
    structure: Structure, known: Collection[str], inputs: Collection[str], tensors: Sequence[str]
) -> Subgraph:
    """Cut a network between ``tensors`` and what is fed or known.

    Args:
        structure: of the network.
        known: the names of tensors whose values do not depend on the feed.
        inputs: the names of tensors that are fed.
        tensors: the names of the tensors to compute.

    Raises:
        FeedError: ``tensors`` need a placeholder that is not among the inputs.
    """
    sources = {*inputs, *known}
    needed = ancestors(structure.nodes, [node_of(tensor) for tensor in tensors if tensor not in sources], stop=sources)
    _require_fed(structure, needed, inputs)
    fed = {node_of(tensor) for tensor in inputs if f"{node_of(tensor)}:1" not in structure.shapes}
    nodes = [
        NodeDef.FromString(node.SerializeToString()) for name, node in structure.nodes.items() if name in needed - fed
    ]
    taken = {*tensors, *(tensor_of(input_name) for node in nodes for input_name in node.input)}
    composites = {name: composite for name, composite in structure.composites.items() if composite.inner <= needed}
    weights = taken & (sources - {*inputs})
    return Subgraph(nodes, composites, weights, tensors, structure.graph_def, structure.functions)


def _require_fed(structure: Structure, needed: Iterable[str], inputs: Collection[str]) -> None:
    missing = [name for name in needed if structure.nodes[name].op == "Placeholder" and tensor_of(name) not in inputs]
    if missing:
        listed = ", ".join(f"{name!r} ({_type_text(structure, name)})" for name in sorted(missing))
        raise FeedError(
            f"Expected a value for every placeholder that the layer needs. Received: none for {listed}. "
            "Add it to the feed, such as {'" + min(missing) + ":0': value}."
        )


def _type_text(structure: Structure, name: str) -> str:
    dtype, shape = structure.shapes[tensor_of(name)]
    return f"{dtype.name} {shape_text(shape)}"


def import_subgraph(subgraph: Subgraph, values: Mapping[str, tf.Tensor], rule: str) -> list[tf.Tensor]:
    """Import a subgraph into the graph being built, under a rule.

    Args:
        subgraph: its nodes are changed.
        values: of the inputs and weights, by tensor name.
        rule: how signals go backwards through it.

    Returns:
        The tensors that the subgraph computes, in their order.
    """
    rules.apply_rule(subgraph.nodes, rule, subgraph.composites)
    set_custom_gradients(subgraph.nodes)
    whole = copy_of(subgraph.graph_def, [])
    del whole.library.function[:]
    whole.library.function.extend(_under_rule(name, each, rule) for name, each in subgraph.functions.items())
    nodes = for_device(subgraph.nodes)
    make_portable(nodes)
    referenced = {tensor_of(reference) for node in nodes for reference in node.input}
    computed = [tensor for tensor in subgraph.tensors if tensor not in values]
    # the gradient of a loop adds functions that are named after those of the loop, in the whole process
    imported = with_function_suffix(copy_of(whole, nodes), str(next(_IMPORTS)))
    wanted = [rules.ruled_tensor(tensor, rule, subgraph.composites) for tensor in computed]
    taken = {tensor: value for tensor, value in values.items() if tensor in referenced}
    outputs = iter(_imported(imported, taken, wanted) if computed else ())
    return [values[tensor] if tensor in values else next(outputs) for tensor in subgraph.tensors]


def _imported(graph_def: GraphDef, values: Mapping[str, tf.Tensor], wanted: Sequence[str]) -> Sequence[tf.Tensor]:
    try:
        tensors: Sequence[tf.Tensor] = tf.graph_util.import_graph_def(
            graph_def, dict(values), return_elements=list(wanted), name="network"
        )
    except ValueError as error:  # sizes or types that do not go together, as in a damaged file
        raise ModelError(
            f"Expected ops whose sizes and types go together. Received: {error} "
            "Check what is fed; if the model is damaged, copy or download it again."
        ) from error
    return tensors


def _under_rule(name: str, function: FunctionFacts, rule: str) -> FunctionDef:
    """Write a function of a loop or a branch so that signals go back through its ops under a rule."""
    body = function.body
    nodes = [NodeDef.FromString(node.SerializeToString()) for node in body.nodes]
    rules.apply_rule(nodes, rule, function.composites)
    set_custom_gradients(nodes)
    returned = [(rules.ruled_tensor(tensor, rule, function.composites), dtype) for tensor, dtype in body.returned]
    return function_of(name, replace(body, nodes=tuple(nodes), returned=tuple(returned)))


@dataclass(frozen=True)
class ImportedSubgraph:
    """A subgraph in the graph being built, together with its gradient, which is imported when it is needed.

    Attributes:
        image: the tensor of the images.
        tensors: what the subgraph computes.
        ends: where the prepared gradient begins; ``tf.gradients`` provides the gradient of what comes behind.
    """

    image: tf.Tensor
    tensors: list[tf.Tensor]
    ends: list[tf.Tensor]
    _gradient: GradientGraph | None
    _taken: dict[str, tf.Tensor]
    _graph_def: GraphDef

    def signal_at_image(self, signals: Sequence[tf.Tensor | None]) -> tf.Tensor | None:
        """Send signals from ``ends`` back to the images; ``None`` if there are none."""
        if self._gradient is None or all(signal is None for signal in signals):
            return None
        arriving = [
            tf.zeros_like(end) if signal is None else signal for signal, end in zip(signals, self.ends, strict=True)
        ]
        values = dict(zip(self._gradient.signals, arriving, strict=True))
        if self._gradient.sent in values:
            return values[self._gradient.sent]
        [signal] = tf.graph_util.import_graph_def(
            copy_of(self._graph_def, self._gradient.nodes),
            values | self._taken,
            return_elements=[self._gradient.sent],
            name="back",
        )
        return signal


def import_with_gradient(
    subgraph: Subgraph, values: Mapping[str, tf.Tensor], image: str, shapes: Shapes | None, rule: str = "gradient"
) -> ImportedSubgraph:
    """Import a subgraph as ``import_subgraph`` does, and prepare its gradient if the rule is 'gradient'.

    Args:
        subgraph: its nodes are changed.
        values: of the inputs and weights, by tensor name.
        image: the name of the tensor of the images, which is among ``values``.
        shapes: of the network's tensors; ``None`` to leave the gradient to TensorFlow.
        rule: how signals go backwards through it.
    """
    gradient = None
    if rule == "gradient" and shapes is not None:
        new = {tensor: (value.dtype, tuple(value.shape)) for tensor, value in values.items() if tensor not in shapes}
        gradient = gradient_graph(subgraph.nodes, image, subgraph.tensors, {**shapes, **new})
    ends, taken = ([], []) if gradient is None else (gradient.ends, gradient.taken)
    everything = replace(subgraph, tensors=[*subgraph.tensors, *ends, *taken])
    outputs = iter(import_subgraph(everything, values, rule))
    tensors, end_tensors = ([next(outputs) for _ in names] for names in (subgraph.tensors, ends))
    taken_tensors = dict(zip(taken, outputs, strict=True))
    return ImportedSubgraph(values[image], tensors, end_tensors, gradient, taken_tensors, subgraph.graph_def)


def gradient_of(
    scores: tf.Tensor, variable: tf.Tensor, image: tf.Tensor, subgraphs: Sequence[ImportedSubgraph]
) -> tf.Tensor:
    """Compute ``tf.gradients(scores, variable)``, with the prepared gradients of imported subgraphs.

    Args:
        scores: a function of ``image`` and of what the subgraphs compute.
        variable: a tensor.
        image: a function of ``variable``, as are the images of the subgraphs.
        subgraphs: those that the scores depend on.

    Returns:
        The gradient, shaped as ``variable``; zeros where ``scores`` does not depend on it.
    """
    ends = [end for subgraph in subgraphs for end in subgraph.ends]
    entries = [subgraph.image for subgraph in subgraphs]
    images = list({tensor.ref(): tensor for tensor in (image, *entries)}.values())  # a tensor may be both
    signals = tf.gradients(scores, [*ends, *images], stop_gradients=[*ends, *images])
    at_ends, direct = iter(signals), signals[len(ends) :]
    through = [subgraph.signal_at_image([next(at_ends) for _ in subgraph.ends]) for subgraph in subgraphs]
    pairs = [*zip(images, direct, strict=True), *zip(entries, through, strict=True)]
    paths = [(tensor, signal) for tensor, signal in pairs if signal is not None]
    if not paths:
        return tf.zeros_like(variable)
    (gradient,) = tf.gradients([tensor for tensor, _ in paths], variable, [signal for _, signal in paths])
    return tf.zeros_like(variable) if gradient is None else gradient
