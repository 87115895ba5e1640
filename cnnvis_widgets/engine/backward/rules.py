"""Rules: how one kind of op sends a signal backwards, and which ops of a network obey.

A rule is set op by op in the frozen graph, by the node attribute that names the gradient function. So it
reaches every op, fused, functional or nested, and the forward pass stays the same bit for bit.

============  ==============================  ============================  =======================
op            gradient                        deconvnet                     guided
============  ==============================  ============================  =======================
ReLU          R where x > 0                   R where R > 0                 R where R > 0 and x > 0
ReLU6         R where 0 < x < 6               R where R > 0                 R where R > 0 and x > 0
Leaky, PReLU  exact                           R where R > 0                 R where R > 0 and x > 0
LRN           exact                           identity                      exact
all others    exact                           exact                         exact
============  ==============================  ============================  =======================

R is the signal that comes from above, x the input of the op. The upper clip of ReLU6 is ignored by
'guided', since with it a saturated map gives a flat picture.

References:
    [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", section 2.1,
        ECCV 2014, DOI 10.1007/978-3-319-10590-1_53 (deconvnet).
    [2] J. T. Springenberg, A. Dosovitskiy, T. Brox and M. Riedmiller, "Striving for Simplicity: The All
        Convolutional Net", section 3.4, ICLR 2015 workshop, arXiv 1412.6806 (guided).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import tensorflow as tf

from ...results import Coverage, OpCoverage
from ..graph.composite_activations import CompositeActivation as Unit
from ..graph.graphdef import NodeDef, data_inputs, rewire, tensor_of
from ..graph.layers import KINDS

Rectifier = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def _deconvnet(signal: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(signal)


def _guided(signal: tf.Tensor, entered: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(signal) * tf.cast(entered > 0, signal.dtype)


_RECTIFIERS: dict[str, Rectifier] = {"deconvnet": _deconvnet, "guided": _guided}

_RECTIFIED_OPS = {"Relu", "Relu6", "LeakyRelu"}
_RECTIFIED_UNITS = {"relu", "relu6", "prelu", "leaky_relu"}
_RECTIFIED_KINDS = {KINDS[op][0] for op in _RECTIFIED_OPS} | _RECTIFIED_UNITS
_LINEAR_KINDS = {
    "convolution",
    "depthwise_convolution",
    "transposed_convolution",
    "average_pool",
    "max_pool",
    "dense",
    "batch_normalization",
}
_OTHER_NONLINEAR = {
    "Softmax": "softmax",
    "LogSoftmax": "softmax",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Elu": "elu",
    "Selu": "selu",
    "Exp": "exponential",
    "Erf": "error function",
    "Abs": "absolute value",
    "Maximum": "maximum",
    "Minimum": "minimum",
    "ClipByValue": "clipping",
    "Select": "selection",
    "SelectV2": "selection",
}


def register(name: str, rectify: Rectifier) -> None:
    """Add a rule of your own for activation functions with a kink: ReLU, ReLU6, leaky ReLU, PReLU.

    Args:
        name: what to pass as ``rule`` from now on.
        rectify: (signal from above, input of the op) -> signal to send down, as tensors that broadcast: there
            are several signals, but one input. What it gives must be as large as the signal, and element by
            element: places and channels must not be mixed.

    Raises:
        ValueError: the name is taken.

    Example:
        A rule that lets every signal pass where the unit was on by more than 0.1:

        >>> import keras, numpy as np, tensorflow as tf
        >>> from cnnvis_widgets import reconstruct, rules
        >>> rules.register("clearly on", lambda signal, entered: signal * tf.cast(entered > 0.1, signal.dtype))
        >>> model = keras.Sequential([keras.Input((1, 3, 1)), keras.layers.ReLU(name="on")])
        >>> image = np.array([[-1.0, 0.05, 2.0]], np.float32)[None, ..., None]
        >>> reconstruct(model, image, "on", rule="clearly on", seed="ones").images.ravel()
        array([0., 0., 1.], dtype=float32)
    """
    if name in known():
        raise ValueError(f"Expected a new name. Received: name={name!r}, which is a rule already. Choose another.")
    _register(name, rectify)
    _RECTIFIERS[name] = rectify


def known() -> tuple[str, ...]:
    """The names of all rules: those of the papers, the gradient, and those that were registered."""
    return (*_RECTIFIERS, "gradient")


def require_rule(rule: str) -> None:
    """Check the name of a rule.

    Raises:
        ValueError: there is none of this name.
    """
    if rule not in known():
        raise ValueError(f"Expected rule to be one of {', '.join(map(repr, known()))}. Received: rule={rule!r}.")


def _register(rule: str, rectify: Rectifier) -> None:
    @tf.RegisterGradient(f"Cnnvis/{rule}/Op")
    def _op(op: tf.Operation, signal: tf.Tensor) -> tf.Tensor:
        return rectify(signal, op.inputs[0])

    @tf.RegisterGradient(f"Cnnvis/{rule}/Unit")
    def _unit(op: tf.Operation, signal: tf.Tensor, _: tf.Tensor) -> list[tf.Tensor | None]:
        return [None, rectify(signal, op.inputs[1])]


for _rule, _rectify in _RECTIFIERS.items():
    _register(_rule, _rectify)


@tf.RegisterGradient("Cnnvis/Skip")
def _skip(_: tf.Operation, signal: tf.Tensor) -> tf.Tensor:
    return signal


@tf.RegisterGradient("Cnnvis/Redirect")
def _redirect(op: tf.Operation, signal: tf.Tensor) -> tf.Tensor:
    """The gradient of a ReLU, but for images where it is off everywhere: there the signal passes."""
    entered = op.inputs[0]
    axes = list(range(1, entered.shape.rank))
    reaches = (entered > 0) & (signal != 0)
    dead = tf.logical_not(tf.reduce_any(reaches, axis=axes, keepdims=True))
    return tf.where(dead | (entered > 0), signal, tf.zeros_like(signal))


def redirect(nodes: Iterable[NodeDef], name: str) -> None:
    """Let a signal enter a dead ReLU, in place: the unit at ``name``, where a climb begins."""
    for node in nodes:
        if node.name == name and node.op in _RECTIFIED_OPS:
            node.attr["_gradient_op_type"].s = b"Cnnvis/Redirect"


def apply_rule(nodes: list[NodeDef], rule: str, units: Mapping[str, Unit]) -> None:
    """Set the backward pass of every op that the rule speaks of, in place.

    A unit of several ops gets an IdentityN behind it that takes the signal from its output straight to
    its input, under the rule; references to its output tensor are led through that op.
    """
    if rule not in _RECTIFIERS:
        return
    # no signal comes to the ops inside a unit that is spanned, but to those of a gate it does
    inside = {name for unit in units.values() if unit.kind not in _RECTIFIED_UNITS for name in unit.inner}
    present = {node.name: node for node in nodes}
    spans = []
    for node in nodes:
        if node.op in _RECTIFIED_OPS and node.name not in inside:
            node.attr["_gradient_op_type"].s = f"Cnnvis/{rule}/Op".encode()
        elif node.op == "LRN" and rule == "deconvnet":
            node.attr["_gradient_op_type"].s = b"Cnnvis/Skip"
        elif node.name in units and units[node.name].kind in _RECTIFIED_UNITS:
            spans.append(_span(units[node.name], present[node.name], rule))
    outputs = {f"{span.input[0]}:0": span.name for span in spans}
    for span in spans:  # one unit may stand directly on another
        span.input[1] = outputs.get(tensor_of(span.input[1]), span.input[1])
    rewire(nodes, outputs)
    nodes.extend(spans)


def spanned(tensor: str, rule: str, units: Mapping[str, Unit]) -> str:
    """Where to fetch a tensor so that the rule of its own unit applies."""
    unit = units.get(tensor.removesuffix(":0"))
    if rule in _RECTIFIERS and unit is not None and unit.kind in _RECTIFIED_UNITS:
        return f"{unit.output}/cnnvis_unit:0"
    return tensor


def _span(unit: Unit, node: NodeDef, rule: str) -> NodeDef:
    dtype = node.attr["T"].type
    span = NodeDef(op="IdentityN", name=f"{unit.output}/cnnvis_unit", input=[unit.output, unit.input])
    span.attr["T"].list.type.extend([dtype, dtype])
    span.attr["_gradient_op_type"].s = f"Cnnvis/{rule}/Unit".encode()
    return span


def coverage(nodes: Iterable[NodeDef], rule: str, units: Mapping[str, Unit], softmax_removed: bool) -> Coverage:
    """How a rule treats these nodes (the ones between image and layer)."""
    inside = {name for unit in units.values() for name in unit.inner - {unit.output}}
    counted: Counter[tuple[str, str]] = Counter()
    for node in nodes:
        if node.name not in inside:
            treated = _treatment(node, rule, units)
            if treated is not None:
                counted[treated] += 1
    if softmax_removed:
        counted["softmax", "removed"] += 1
    return Coverage(rule, tuple(OpCoverage(kind, count, how) for (kind, how), count in counted.items()))


def _treatment(node: NodeDef, rule: str, units: Mapping[str, Unit]) -> tuple[str, str] | None:
    kind = units[node.name].kind if node.name in units else KINDS.get(node.op, ("", ""))[0]
    if node.op == "MatMul" and len(data_inputs(node)) == 2:
        kind = "dense"
    if node.op == "AddV2" and node.name.endswith("batchnorm/add_1"):  # as Keras spells it
        kind = "batch_normalization"
    if kind in _RECTIFIED_KINDS:
        return kind, "exact" if rule == "gradient" else "rule"
    if node.op == "LRN":
        return kind, "identity" if rule == "deconvnet" else "exact"
    if kind in _LINEAR_KINDS:
        return kind, "exact"
    if node.name in units or node.op in _OTHER_NONLINEAR:
        return kind or _OTHER_NONLINEAR[node.op], "exact" if rule == "gradient" else "unruled"
    return None
