"""The structure of a frozen graph, without running it: shapes, layers, and the nodes between two tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import tensorflow as tf

from ...errors import LayerError, ModelError
from ...results import FAMILIES, Layer
from .composite_activations import find_composite_activations
from .custom_gradients import wrapped_outputs
from .freezing import FrozenGraph
from .function_bodies import FunctionFacts, bodies_of, functions_of
from .graphdef import NodeDef, ancestors, consumers_of, data_inputs, descendants, node_of, tensor_of
from .layers import GraphFacts, Shapes, channel_axes, find_layers, make_layer, matching, unknown_layer


class Structure:
    """What is known of a network without running it.

    Args:
        frozen: its graph.
        sources: the names of the nodes that can be fed.

    Attributes:
        graph_def: of the network.
        nodes: by name, each after its inputs.
        consumers: by node name, the names of the nodes that take data from it.
        shapes: dtype and static shape of every tensor.
        varying: the names of the nodes that depend on an input.
        composites: the composite activations, by output node.
        axes: the channel axis of the first output of each node.
        layers: in the order in which they are computed.
    """

    def __init__(self, frozen: FrozenGraph, sources: set[str]) -> None:
        self.graph_def = frozen.graph_def
        self.nodes: dict[str, NodeDef] = {node.name: node for node in frozen.graph_def.node}
        self.consumers = consumers_of(frozen.graph_def.node)
        self.shapes = static_shapes(frozen)
        self.varying = descendants(self.consumers, sources)
        self.composites = find_composite_activations(self.nodes, self.varying, frozen.weights)
        self.axes = channel_axes(self.nodes, self.varying, self.shapes)
        facts = GraphFacts(self.nodes, self.consumers, self.shapes, self.varying, self.composites, self.axes)
        self.layers = find_layers(facts, frozen.keras_names)
        self._frozen = frozen

    @property
    def roots(self) -> tuple[str, ...]:
        """The names of the nodes that are fed, in the order of the graph."""
        inner = ((name, map(node_of, data_inputs(node))) for name, node in self.nodes.items() if name in self.varying)
        return tuple(name for name, inputs in inner if not self.varying.intersection(inputs))

    @cached_property
    def functions(self) -> Mapping[str, FunctionFacts]:
        """The functions that loops and branches call, by name."""
        names = [name for node in self.nodes.values() for name in functions_of(node)]
        return {name: FunctionFacts.of(body) for name, body in bodies_of(self.graph_def, names).items()}

    def select(self, selection: str | Layer | Sequence[str | Layer] = "r") -> tuple[Layer, ...]:
        """Return the layers that a selection means.

        Args:
            selection: 'r' (ReLU and its relatives), 'p' (pools), 'c' (convolutions), the name of any op with or
                without ':0', the name of a Keras layer (its output), a glob such as 'block3*', or a list of these.

        Returns:
            Each layer once, in the order of the selection; those of a letter or glob in the order of computation.

        Raises:
            LayerError: a part of the selection fits no layer; the message lists the nearest names.
        """
        if isinstance(selection, Layer):
            return (selection,)
        if isinstance(selection, str):
            layers = self._selected(selection)
            if not layers:
                raise unknown_layer(selection, self.layers)
            return layers
        if not selection:
            raise LayerError("Expected at least one layer. Received: an empty list.")
        return tuple(dict.fromkeys(layer for part in selection for layer in self.select(part)))

    def layer(self, name: str | Layer) -> Layer:
        """Return the one layer that a name means.

        Raises:
            LayerError: it means none, or several.
        """
        layers = self.select(name)
        if len(layers) > 1:
            names = ", ".join(layer.name for layer in layers[:5])
            raise LayerError(f"Expected one layer. Received: {name!r}, which means {len(layers)}: {names} ...")
        return layers[0]

    def _selected(self, selection: str) -> tuple[Layer, ...]:
        name = selection.removesuffix(":0")
        if selection not in FAMILIES or not self._named(selection):
            for layer in (self._keras_output(name), self.layer_of(selection)):
                if layer is not None and not self._named(name):
                    return (layer,)
        return matching(selection, self.layers)

    def _named(self, name: str) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.layers if layer.name == name)

    def _keras_output(self, name: str) -> Layer | None:
        """Return the output of a Keras layer, by its name or its path in nested models."""
        owners = self._frozen.keras_names
        for key in (lambda owner: owner, lambda owner: owner.split("/")[-1]):
            nodes = [node for node in self.nodes if node in self.varying and key(owners.get(node, "")) == name]
            inside = {node_of(input_name) for node in nodes for input_name in data_inputs(self.nodes[node])}
            ends = [node for node in nodes if node not in inside and tensor_of(node) in self.shapes]
            if ends:
                listed = [layer for layer in self.layers if layer.name in nodes]
                exact = [layer for layer in listed if ends[-1] in (layer.name, node_of(layer.tensor))]
                kind = listed[-1].kind if listed else self.nodes[ends[-1]].op.lower()
                return exact[0] if exact else self._make(tensor_of(ends[-1]), kind)
        return None

    def layer_of(self, selection: str) -> Layer | None:
        """Return the layer of any op that depends on an input, by the name of the op or of a tensor."""
        tensor = selection if ":" in selection else f"{selection}:0"
        tensor = wrapped_outputs(self.nodes.values()).get(tensor, tensor)
        if node_of(tensor) not in self.varying or tensor not in self.shapes:
            return None
        listed = [layer for layer in self.layers if layer.tensor == tensor]
        return listed[0] if listed else self._make(tensor, self.nodes[node_of(tensor)].op.lower())

    def _make(self, tensor: str, kind: str) -> Layer | None:
        """Return a layer that is not among ``layers``."""
        name = tensor.removesuffix(":0")
        return make_layer(tensor, kind, self.shapes, self.axes, self._frozen.keras_names.get(node_of(tensor)), name)

    def before_softmax(self, layer: Layer) -> Layer:
        """Return the layer whose values a softmax turns into probabilities; any other layer is returned as it is.

        Raises:
            LayerError: the input of the softmax is no layer.
        """
        if layer.kind != "softmax":
            return layer
        composite = self.composites.get(node_of(layer.tensor))
        node = self.nodes[node_of(layer.tensor)]
        entered = tensor_of(data_inputs(node)[0]) if composite is None else composite.input
        source = self.origin(entered)
        shape = self.shapes[source][1]
        if shape is not None and len(shape) != len(layer.shape):
            source = entered
        scores = self.layer_of(source)
        if scores is None:
            raise LayerError(f"Expected class scores before the softmax {layer.name!r}. Received: {source!r}.")
        return scores

    def origin(self, tensor: str) -> str:
        """Follow a tensor back through identities, and through the reshapes around a softmax of TensorFlow 1."""
        passing = {"Identity", "StopGradient"}
        while (node := self.nodes.get(node_of(tensor))) is not None and node.op in passing | {"Reshape"}:
            before = tensor_of(data_inputs(node)[0])
            if node.op == "Reshape" and self.shapes[before][1] != self.shapes[tensor][1]:
                break
            if before not in self.shapes:
                break
            tensor = before
        return tensor

    def leads_to(self, layer: Layer, other: Layer) -> bool:
        """Return whether the values of a layer are needed to compute another."""
        return bool(self.between(layer.tensor, other))

    def between(self, tensor: str, layer: Layer) -> list[NodeDef]:
        """Return the nodes on the paths from a tensor to a layer, both included, in order of computation."""
        between = descendants(self.consumers, [node_of(tensor)]) & ancestors(self.nodes, [node_of(layer.tensor)])
        return [node for name, node in self.nodes.items() if name in between]


def static_shapes(frozen: FrozenGraph, fed: Mapping[str, Sequence[int | None]] | None = None) -> Shapes:
    """Return dtype and static shape of every tensor, as TensorFlow infers them.

    Args:
        frozen: the graph.
        fed: shapes of inputs, by tensor name, which may say more than the graph does.

    Raises:
        ModelError: this TensorFlow cannot import the graph.
    """
    graph = tf.Graph()
    referred = {tensor_of(input_name) for node in frozen.graph_def.node for input_name in data_inputs(node)}
    # to look up a missing key in a protocol buffer would add it
    dtypes = {tensor_of(node.name): node.attr["dtype"].type for node in frozen.graph_def.node if "dtype" in node.attr}
    try:
        with graph.as_default():
            inputs = {
                tensor: tf.compat.v1.placeholder(dtypes[tensor], shape, name="fed")
                for tensor, shape in (fed or {}).items()
                if tensor in referred and tensor in dtypes
            }
            tf.graph_util.import_graph_def(frozen.graph_def, inputs, name="")
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise ModelError(f"Expected a graph that TensorFlow {tf.__version__} can import. Received: {error}") from error
    return {
        tensor.name: (tensor.dtype, None if tensor.shape.rank is None else tuple(tensor.shape.as_list()))
        for op in graph.get_operations()
        for tensor in op.outputs
    }
