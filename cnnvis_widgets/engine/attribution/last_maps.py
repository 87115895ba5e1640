"""The last feature maps before the scores: Grad-CAM and its relatives weigh them, occlusion follows the strongest."""

from __future__ import annotations

from ...errors import LayerError
from ...results import Layer
from ..graph.graphdef import ancestors, data_inputs, node_of, tensor_of
from ..graph.structure import Structure
from ..network.network import Network
from ..tokens.layers import of_one_token

_BIAS = {"Add", "AddV2", "BiasAdd"}


def last_feature_maps(network: Network, scores: Layer) -> Layer | None:
    """Find the last layer from the image to the scores that has maps of several places. Pools do not count.

    Maps with as many axes as the image come before others, such as tokens without a grid. The convolution that
    computes the scores of a map comes last: its maps are those scores without their bias. Where scores are read from
    the class token of a transformer, behind the last attention no patch matters any more: the maps are those from
    which its queries, keys and values come.
    """
    structure, layout = network.runtime.structure, network.runtime.layout
    between = {node.name for node in structure.between(network.runtime.image_tensor, scores)}
    mapped = [
        layer
        for layer in network.layers
        if layer.family != "p" and layer.kind != "attention" and layer != scores
        if node_of(layer.tensor) in between and _has_places(layer)
    ]
    mapped = _before_the_last_attention(network, scores, mapped)
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
    require_from_image(network, maps)
    return maps


def require_from_image(network: Network, maps: Layer) -> None:
    """Check that a layer depends on the image, and not, for instance, on the other image of two.

    Raises:
        LayerError: it does not.
    """
    runtime = network.runtime
    if not runtime.structure.between(runtime.image_tensor, maps):
        raise LayerError(
            f"Expected a layer that depends on the image {network.image_input.name!r}. Received: {maps.name!r}, which "
            "does not. Choose another layer, or another image: load(model, image_input=...)."
        )


def _before_the_last_attention(network: Network, scores: Layer, layers: list[Layer]) -> list[Layer]:
    """The layers that still matter to scores of one token; all of them for other scores."""
    structure, tokens = network.runtime.structure, network.runtime.tokens
    before = ancestors(structure.nodes, [node_of(scores.tensor)])
    attentions = [attention for attention in tokens.attentions if attention.values in before]
    if not attentions or not of_one_token(tokens.traced, scores.tensor):
        return layers
    products = (structure.nodes[name] for name in (attentions[-1].scores, attentions[-1].values))
    factors = [node_of(name) for product in products for name in data_inputs(product)]
    shared = set.intersection(*(ancestors(structure.nodes, [factor]) for factor in factors))
    return [layer for layer in layers if node_of(layer.tensor) in shared] or layers


def _inputs_of_bias(structure: Structure, scores: Layer) -> set[str]:
    """The tensors to which the layer of the scores does no more than add a bias."""
    node = structure.nodes[node_of(scores.tensor)]
    inputs = [tensor_of(name) for name in data_inputs(node)]
    varying = {tensor for tensor in inputs if node_of(tensor) in structure.varying}
    return varying if node.op in _BIAS and len(varying) < len(inputs) else set()


def _has_places(layer: Layer) -> bool:
    return any(size != 1 for size in layer.spatial_shape)
