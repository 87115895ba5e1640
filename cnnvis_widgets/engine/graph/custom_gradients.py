"""Custom gradients in a frozen graph: what ``tf.custom_gradient`` and gradient overrides leave, as attributes of nodes.

TensorFlow only stores the name of a Python function, which lives in one process. ``traced_gradients`` puts its graph in
the place of that name, or marks the op: its gradient is then not the one that its author wrote.
"""

from __future__ import annotations

from collections.abc import Iterable

from .graphdef import NodeDef, data_inputs, tensor_of

GRADIENT = "_cnnvis_gradient"
"""The gradient of an IdentityN, as a serialised GraphDef: from signal_0, signal_1 ... and captured_0 ... to SENT."""

SENT = "_cnnvis_sent"
"""For each input that the IdentityN had: the tensor of that GraphDef that it is sent, or b'' for nothing."""

REGISTERED = "_cnnvis_registered"
"""The name of a gradient function of the user, in the registry of this process, for an op of any other type."""

LOST = "_cnnvis_lost_gradient"
"""Whether the author of the op gave it a gradient of its own, which is not known."""


def has_custom_gradient(node: NodeDef) -> bool:
    """Return whether a node is an IdentityN with the gradient that its author wrote."""
    return GRADIENT in node.attr


def sending_inputs(node: NodeDef) -> list[str]:
    """Return the inputs to which a node may send signals: all, but for one with a custom gradient."""
    inputs = data_inputs(node)
    if not has_custom_gradient(node):
        return inputs
    return [each for each, sent in zip(inputs, node.attr[SENT].list.s, strict=False) if sent]


def wrapped_outputs(nodes: Iterable[NodeDef]) -> dict[str, str]:
    """Return, for each result with a custom gradient, the output that other ops take: signals have to start there."""
    return {
        tensor_of(entered): f"{node.name}:{place}"
        for node in nodes
        if has_custom_gradient(node)
        for place, (entered, sent) in enumerate(zip(data_inputs(node), node.attr[SENT].list.s, strict=False))
        if not sent
    }
