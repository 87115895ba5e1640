"""The last feature maps before the scores: Grad-CAM and its relatives weigh them, occlusion follows the strongest."""

from __future__ import annotations

from ...errors import LayerError
from ...results import Layer
from ..graph.graphdef import data_inputs, node_of, tensor_of
from ..graph.structure import Structure
from ..network.network import Network

_BIAS = {"Add", "AddV2", "BiasAdd"}


def last_feature_maps(network: Network, scores: Layer) -> Layer | None:
    """Find the last layer from the image to the scores that has maps of several places. Pools do not count.

    Maps with as many axes as the image come before others, such as the tokens of a transformer. The convolution that
    computes the scores of a map comes last: its maps are those scores without their bias.
    """
    structure, layout = network.runtime.structure, network.runtime.layout
    between = {node.name for node in structure.between(network.runtime.image_tensor, scores)}
    mapped = [
        layer
        for layer in network.layers
        if layer.family != "p" and layer != scores and layer.name in between and _has_places(layer)
    ]
    axes = len(layout.picture_shape) - 1
    fitting = [layer for layer in mapped if len(layer.spatial_shape) == axes] or mapped
    own = _inputs_of_bias(structure, scores)
    return next((layer for layer in reversed(fitting) if layer.tensor not in own), fitting[-1] if fitting else None)


def maps_to_weigh(network: Network, scores: Layer, layer: str | Layer | None) -> Layer:
    """Find the layer whose maps Grad-CAM and its relatives weigh: the one that is named, or else the last one.

    Raises:
        LayerError: there is no such layer, or it has no maps of several places.
    """
    maps = last_feature_maps(network, scores) if layer is None else network.layer(layer)
    if maps is None or not maps.spatial_shape:
        received = "a network without one" if maps is None else repr(maps.name)
        raise LayerError(
            f"Expected a layer with feature maps of several places before {scores.name!r}. "
            f"Received: {received}. Grad-CAM needs one; integrated_gradients and smooth_grad do not."
        )
    return maps


def _inputs_of_bias(structure: Structure, scores: Layer) -> set[str]:
    """The tensors to which the layer of the scores does no more than add a bias."""
    node = structure.nodes[node_of(scores.tensor)]
    inputs = [tensor_of(name) for name in data_inputs(node)]
    varying = {tensor for tensor in inputs if node_of(tensor) in structure.varying}
    return varying if node.op in _BIAS and len(varying) < len(inputs) else set()


def _has_places(layer: Layer) -> bool:
    return any(size != 1 for size in layer.spatial_shape)
