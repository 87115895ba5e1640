"""What a person must know of a network before they read its results: images that influence each other, and chance."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph.graphdef import ancestors, node_of
from .runtime import Runtime

_DRAWING = ("StatelessRandomUniform", "StatelessRandomNormal", "StatelessTruncatedNormal")
"""How the ops begin with which Keras draws. Graphs of TensorFlow 1 draw with others, which a keep_prob switches."""


def cautions(runtime: Runtime) -> tuple[str, ...]:
    """Say, in sentences, what results of a network depend on beside the image; nothing for most networks."""
    return tuple(filter(None, (_of_mixing(runtime), _of_chance(runtime))))


def _of_mixing(runtime: Runtime) -> str:
    if not runtime.mixing:
        return ""
    return (
        f"In this network images of one batch influence each other, through {_named(runtime.mixing)}, as in batch "
        "normalisation on the statistics of a batch. Results depend on which images are fed together: activations and "
        "predict run all images of a feed at once, other methods one image at a time. For results of single images, "
        "load the network in inference mode, training=False."
    )


def _of_chance(runtime: Runtime) -> str:
    """Random numbers on the way to a layer."""
    structure = runtime.structure
    ends = [node_of(layer.tensor) for layer in structure.layers]
    leading = ancestors(structure.nodes, ends, stop=[runtime.image_tensor])
    drawing = [name for name, node in structure.nodes.items() if name in leading and node.op.startswith(_DRAWING)]
    if not drawing:
        return ""
    return (
        f"This network draws random numbers, in {_named(drawing)}, as dropout with training=True does and the sampling "
        "of a variational autoencoder. Here every run draws the same ones. So results are those of one draw, and "
        "differ from what the model returns in another call."
    )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more ops" if len(names) > 3 else ""
    return ", ".join(map(repr, names[:3])) + more
