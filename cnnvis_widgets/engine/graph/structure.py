"""What can be known of a frozen graph without running it: shapes, layers, and what lies between two tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from ...errors import LayerError, ModelError
from ...results import FAMILIES, Layer
from .composite_activations import find_units
from .freezing import FrozenGraph, descendants
from .graphdef import NodeDef, ancestors, data_inputs, node_of, tensor_of
from .layers import Shapes, channel_axes, find_layers, make_layer, matching, unknown_layer


class Structure:
    """The static side of a network.

    Attributes:
        nodes: by name, each after its inputs.
        shapes: dtype and static shape of every tensor.
        varying: the names of the nodes that depend on an input.
        units: activation functions of several ops, by output node.
        axes: where the channels of each node are.
        layers: in the order in which they are computed.
        logits: the layer of class scores before a softmax, or ``None``.
    """

    def __init__(self, frozen: FrozenGraph, sources: set[str]) -> None:
        self.graph_def = frozen.graph_def
        self.nodes: dict[str, NodeDef] = {node.name: node for node in frozen.graph_def.node}
        self.shapes = static_shapes(frozen)
        self.varying = descendants(frozen.graph_def, sources)
        self.units = find_units(self.nodes, self.varying)
        self.axes = channel_axes(self.nodes, self.varying, self.shapes)
        self.layers = find_layers(self.nodes, self.varying, self.units, self.shapes, self.axes, frozen.keras_names)
        self._frozen = frozen
        self.logits = self._logits()

    def select(self, selection: str | Layer | Sequence[str | Layer] = "r") -> tuple[Layer, ...]:
        """The layers that a selection means.

        Args:
            selection: 'r' (ReLU and its relatives), 'p' (pools), 'c' (convolutions), the name of any op with or
                without ':0', the name of a Keras layer (its output), a glob such as 'block3*', or a list of these.

        Returns:
            Each layer once, in the order asked for; a letter or glob gives the order of computation.

        Raises:
            LayerError: something in the selection fits no layer; the nearest names are given.
        """
        if isinstance(selection, Layer):
            return (selection,)
        if isinstance(selection, str):
            found = self._selected(selection)
            if not found:
                raise unknown_layer(selection, self.layers)
            return found
        if not selection:
            raise LayerError("Expected at least one layer. Received: an empty list.")
        return tuple(dict.fromkeys(layer for each in selection for layer in self.select(each)))

    def layer(self, name: str | Layer) -> Layer:
        """The one layer that a name means.

        Raises:
            LayerError: it means none, or several.
        """
        found = self.select(name)
        if len(found) > 1:
            names = ", ".join(layer.name for layer in found[:5])
            raise LayerError(f"Expected one layer. Received: {name!r}, which means {len(found)}: {names} ...")
        return found[0]

    def _selected(self, selection: str) -> tuple[Layer, ...]:
        name = selection.removesuffix(":0")
        if selection not in FAMILIES or not self._named(selection):
            for known in (self._keras_output(name), self._any_op(selection)):
                if known is not None and not self._named(name):
                    return (known,)
        return matching(selection, self.layers)

    def _named(self, name: str) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.layers if layer.name == name)

    def _keras_output(self, name: str) -> Layer | None:
        """The output of a Keras layer, by its name or its path in nested models."""
        owners = self._frozen.keras_names
        for key in (lambda owner: owner, lambda owner: owner.split("/")[-1]):
            nodes = [node for node in self.nodes if node in self.varying and key(owners.get(node, "")) == name]
            inside = {node_of(each) for node in nodes for each in data_inputs(self.nodes[node])}
            ends = [node for node in nodes if node not in inside and tensor_of(node) in self.shapes]
            if ends:
                listed = [layer for layer in self.layers if layer.name in nodes]
                exact = [layer for layer in listed if ends[-1] in (layer.name, node_of(layer.tensor))]
                kind = listed[-1].kind if listed else self.nodes[ends[-1]].op.lower()
                return exact[0] if exact else self._make(tensor_of(ends[-1]), kind)
        return None

    def _any_op(self, selection: str) -> Layer | None:
        tensor = selection if ":" in selection else f"{selection}:0"
        if node_of(tensor) not in self.varying or tensor not in self.shapes:
            return None
        listed = [layer for layer in self.layers if layer.tensor == tensor]
        return listed[0] if listed else self._make(tensor, self.nodes[node_of(tensor)].op.lower())

    def _make(self, tensor: str, kind: str) -> Layer | None:
        name = tensor.removesuffix(":0")
        return make_layer(tensor, kind, self.shapes, self.axes, self._frozen.keras_names.get(node_of(tensor)), name)

    def _logits(self) -> Layer | None:
        softmax = [layer for layer in self.layers if layer.kind == "softmax" and not layer.spatial_shape]
        if softmax:
            return self.before_softmax(softmax[-1])
        ends = [self.origin(tensor) for tensor in self._frozen.outputs.values()]
        for tensor in ends:
            layer = self._any_op(tensor) if tensor in self.shapes else None
            if layer is not None and not layer.spatial_shape:
                return layer
        dense = [layer for layer in self.layers if layer.kind == "dense"]
        return dense[-1] if dense else None

    def before_softmax(self, layer: Layer) -> Layer:
        """The layer whose values a softmax turns into probabilities; any other layer passes."""
        if layer.kind != "softmax":
            return layer
        source = self.origin(tensor_of(data_inputs(self.nodes[node_of(layer.tensor)])[0]))
        shape = self.shapes[source][1]
        if shape is not None and len(shape) != len(layer.shape):
            source = tensor_of(data_inputs(self.nodes[node_of(layer.tensor)])[0])
        found = self._any_op(source)
        if found is None:
            raise LayerError(f"Expected class scores before the softmax {layer.name!r}. Received: {source!r}.")
        return found

    def origin(self, tensor: str) -> str:
        """The tensor behind identities and the reshapes that a softmax of TensorFlow 1 puts around itself."""
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
        """Whether the values of a layer are needed to compute another."""
        return bool(self.between(layer.tensor, other))

    def between(self, tensor: str, layer: Layer) -> list[NodeDef]:
        """The nodes on the way from a tensor to a layer, both included, in order of computation."""
        reached = descendants(self._frozen.graph_def, {node_of(tensor)})
        needed = ancestors(self.nodes, [node_of(layer.tensor)])
        between = reached & needed
        return [node for name, node in self.nodes.items() if name in between]


def static_shapes(frozen: FrozenGraph, fed: Mapping[str, Sequence[int | None]] | None = None) -> Shapes:
    """dtype and static shape of every tensor, as TensorFlow infers them; with ``fed``, for inputs of these shapes."""
    graph = tf.Graph()
    referred = {tensor_of(each) for node in frozen.graph_def.node for each in data_inputs(node)}
    # asking a protocol buffer for a missing key would add it
    dtypes = {tensor_of(node.name): node.attr["dtype"].type for node in frozen.graph_def.node if "dtype" in node.attr}
    try:
        with graph.as_default():
            given = {
                tensor: tf.compat.v1.placeholder(dtypes[tensor], shape, name="fed")
                for tensor, shape in (fed or {}).items()
                if tensor in referred and tensor in dtypes
            }
            tf.graph_util.import_graph_def(frozen.graph_def, given, name="")
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise ModelError(f"Expected a graph that TensorFlow {tf.__version__} can import. Received: {error}") from error
    return {
        tensor.name: (tensor.dtype, None if tensor.shape.rank is None else tuple(tensor.shape.as_list()))
        for op in graph.get_operations()
        for tensor in op.outputs
    }
