"""The structure of a frozen graph, without running it: shapes, layers, and the nodes between two tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from ...errors import LayerError
from ...results import FAMILIES, Layer
from .composite_activations import find_composite_activations
from .custom_gradients import wrapped_outputs
from .freezing import FrozenGraph
from .function_bodies import FunctionFacts, bodies_of, functions_of
from .graphdef import NodeDef, ancestors, consumers_of, data_inputs, descendants, node_of, tensor_of, value_ancestors
from .image_axis import InferredShapes, inferred_shapes, with_added_nodes
from .layers import GraphFacts, channel_axes, elements_of, find_layers, make_layer, matching, unknown_layer
from .normalizations import find_normalizations
from .products import dense_ends, has_split_channels


def _calls(keras_name: str) -> tuple[int, ...]:
    """Which call of each model and layer a path names: (2, 1) for 'tower.2/inner'."""
    numbers = (re.fullmatch(r".*\.(\d+)", part) for part in keras_name.split("/"))
    return tuple(1 if number is None else int(number[1]) for number in numbers)


class Structure:
    """What is known of a network without running it.

    Args:
        frozen: its graph.
        sources: the names of the nodes that can be fed.
        layers: its layers where they are known; by default those of the candidates that are feature maps or values.
        before: the shapes of the same graph without some added nodes, which leave all other tensors as they were.

    Attributes:
        graph_def: of the network.
        nodes: by name, each after its inputs.
        consumers: by node name, the names of the nodes that take data from it.
        inferred: the shapes of all tensors, and what they tell about the axis of images.
        shapes: dtype and static shape of every tensor.
        varying: the names of the nodes that depend on an input.
        composites: the composite activations, by output node.
        axes: the channel axis of the first output of each node.
        apart: the names of the tensors whose first axis is not that of the images.
        candidates: all ops that are layers, also those whose output is none of feature maps as it stands.
        split: the names of the candidates with several axes of channels, such as (images, tokens, heads, channels).
        layers: in the order in which they are computed.
        whole_numbers: the dtype in the model of each input that takes whole numbers there, by tensor name.
    """

    def __init__(
        self,
        frozen: FrozenGraph,
        sources: set[str],
        layers: Sequence[Layer] | None = None,
        before: InferredShapes | None = None,
    ) -> None:
        self.graph_def = frozen.graph_def
        self.nodes: dict[str, NodeDef] = {node.name: node for node in frozen.graph_def.node}
        self.consumers = consumers_of(frozen.graph_def.node)
        self.varying = descendants(self.consumers, sources)
        self.inferred = (
            inferred_shapes(frozen, self.nodes, self.varying)
            if before is None
            else with_added_nodes(frozen, self.varying, before)
        )
        self.apart, self.shapes = self.inferred.apart, self.inferred.shapes
        self.composites = find_composite_activations(self.nodes, self.varying, frozen.weights)
        self.axes = channel_axes(self.nodes, self.varying, self.shapes)
        self.whole_numbers, self._keras_names = frozen.whole_numbers, frozen.keras_names
        self.split: frozenset[str] = frozenset()
        self.candidates = self._find_layers(frozen) if layers is None else tuple(layers)
        maps = [layer for layer in self.candidates if layer.tensor not in self.apart and layer.name not in self.split]
        self.layers = tuple(maps if layers is None else layers)

    def _find_layers(self, frozen: FrozenGraph) -> tuple[Layer, ...]:
        dense = dense_ends(self.nodes, self.consumers, self.varying, self.shapes, self.apart)
        facts = GraphFacts(
            self.nodes,
            self.consumers,
            self.shapes,
            self.varying,
            self.composites,
            self.axes,
            find_normalizations(self.nodes, self.consumers, self.varying, self.shapes),
            dense,
        )
        self.split = frozenset(
            end for end, name in dense.items() if has_split_channels(self.nodes[name], end, self.shapes)
        )
        returned = {node_of(tensor) for tensor in frozen.outputs.values()}
        ends = returned | (self.nodes.keys() - self.consumers.keys())
        counting = value_ancestors(self.nodes, ends)  # a loop of Keras takes the shape of a step that it computes first
        layers = find_layers(facts, frozen.keras_names)
        return tuple(layer for layer in layers if node_of(layer.tensor) in counting)

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

    def select(self, selection: str | Layer | Iterable[str | Layer] = "r") -> tuple[Layer, ...]:
        """Return the layers that a selection means.

        Args:
            selection: 'r' (ReLU and its relatives), 'p' (pools), 'c' (convolutions), the name of any op with or
                without ':0', the name of a Keras layer (its output; 'dense.2' is the second call of the layer
                'dense'), a glob such as 'block3*', or any iterable of these.

        Returns:
            Each layer once, in the order of the selection; those of a letter or glob in the order of computation.

        Raises:
            LayerError: a part of the selection fits no layer; the message lists the nearest names.
        """
        if isinstance(selection, Layer):
            return (selection,)
        if isinstance(selection, str):
            layers = self._selected(selection)
            if not layers and tensor_of(selection) in self.apart:
                raise LayerError(
                    f"Expected a layer with one row for each image. Received: layer={selection!r}, the rows of which "
                    "are other than images: places, windows or parts. Choose the layer that puts them together again."
                )
            if not layers:
                raise unknown_layer(selection, self.layers)
            return layers
        parts = elements_of(selection)
        if parts is None:
            raise LayerError(
                f"Expected a layer, its name, 'r', 'p', 'c', a pattern, or a list of these. Received: {selection!r}. "
                "network.describe() lists the names."
            )
        if not parts:
            raise LayerError(f"Expected at least one layer. Received: an empty {type(selection).__name__}.")
        return tuple(dict.fromkeys(layer for part in parts for layer in self.select(part)))

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
        if not name:
            return ()
        if selection not in FAMILIES or not self._named(selection):
            for layer in (self._keras_output(name), self.layer_of(selection)):
                if layer is not None and not self._named(name):
                    return (layer,)
        return matching(selection, self.layers)

    def _named(self, name: str) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.layers if layer.name == name)

    def _keras_output(self, name: str) -> Layer | None:
        """Return the output of a Keras layer, by its name or its path in nested models; of several the first."""
        owners = self._keras_names
        for key in (lambda owner: owner, lambda owner: owner.split("/")[-1]):
            owned = [node for node in self.nodes if node in self.varying and key(owners.get(node, "")) == name]
            first = min((owners[node] for node in owned), key=_calls, default="")
            nodes = [node for node in owned if owners[node] == first]
            inside = {node_of(input_name) for node in nodes for input_name in data_inputs(self.nodes[node])}
            ends = [node for node in nodes if node not in inside and tensor_of(node) in self.shapes]
            if ends:
                listed = [layer for layer in self.layers if layer.name in nodes]
                exact = [layer for layer in listed if ends[-1] in (layer.name, node_of(layer.tensor))]
                kind = listed[-1].kind if listed else self.nodes[ends[-1]].op.lower()
                return exact[0] if exact else self._make(tensor_of(ends[-1]), kind)
        return None

    def layer_of(self, selection: str) -> Layer | None:
        """Return the layer of any op that depends on an input, by the name of the op or of a tensor.

        There is none where the rows of its output are not images.
        """
        tensor = selection if ":" in selection else f"{selection}:0"
        tensor = wrapped_outputs(self.nodes.values()).get(tensor, tensor)
        if node_of(tensor) not in self.varying or tensor not in self.shapes or tensor in self.apart:
            return None
        listed = [layer for layer in self.layers if layer.tensor == tensor]
        return listed[0] if listed else self._make(tensor, self.nodes[node_of(tensor)].op.lower())

    def _make(self, tensor: str, kind: str) -> Layer | None:
        """Return a layer that is not among ``layers``."""
        name = tensor.removesuffix(":0")
        return make_layer(tensor, kind, self.shapes, self.axes, self._keras_names.get(node_of(tensor)), name)

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
