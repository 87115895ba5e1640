"""Rules: how activation functions with a kink send a signal backwards.

A rule is set op by op in the frozen graph, in the node attribute that names the gradient function. So it reaches
every op, fused, functional or nested, and the forward pass stays the same bit for bit. ``coverage`` tells which ops
obey.

================================  =========================  ==================  =========================
activation function               gradient                   deconvnet           guided
================================  =========================  ==================  =========================
ReLU                              R where x > 0              R where R > 0       R where R > 0 and x > 0
ReLU6, ReLU with a ceiling m,     R where 0 < x < m          R where R > 0       R where R > 0 and x > 0
clip(x, 0, m)
Leaky, PReLU, also with ceiling   exact                      R where R > 0       R where R > 0 and x > 0
max-pool, maxout                  to the place that won      the same            the same
LRN                               exact                      identity            exact
ELU, CELU, SELU, SiLU, GELU,      exact                      exact, named        exact, named
softplus, squareplus,
hard swish, hard sigmoid,
thresholded ReLU
all others that are not linear    exact                      exact, named        exact, named
linear ops                        exact                      exact               exact
================================  =========================  ==================  =========================

An activation function is treated by what it computes, not by how it is spelled: x * cast(x > 0) and maximum(x, 0) are
ReLUs, max(x, c x) is a leaky one for 0 < c < 1 only, and a maximum with a floor of 1e-12 is none. No rule is published
for those that are named: they take their true gradient, and ``coverage`` says so. clip(c x + 0.5, 0, 1) with one
c > 0 for all channels, and relu6(x + 3) / 6, are hard sigmoids: gates, and no rectifiers. A thresholded ReLU jumps at
its threshold, where neither paper says what to do.

A fourth rule, ``TF_CNNVIS``, is 'guided' with an LRN that is the identity. It is for the calls of that library alone,
so ``known`` does not list it.

R is the signal from above, x the input of the op. 'guided' ignores the ceiling of ReLU6, since a saturated map
would give a flat picture.

References:
    [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", section 2.1,
        ECCV 2014, DOI 10.1007/978-3-319-10590-1_53 (deconvnet).
    [2] J. T. Springenberg, A. Dosovitskiy, T. Brox and M. Riedmiller, "Striving for Simplicity: The All
        Convolutional Net", section 3.4, ICLR 2015 workshop, arXiv 1412.6806 (guided).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import tensorflow as tf

from ...arguments import checked
from ...errors import OptionError
from ..graph.composite_activations import CompositeActivation
from ..graph.graphdef import NodeDef, rewire, tensor_of
from ..ops.specs import OPS

Rectifier = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def _deconvnet(signal: tf.Tensor, _: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(signal)


def _guided(signal: tf.Tensor, entered: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(signal) * tf.cast(entered > 0, signal.dtype)


@dataclass(frozen=True)
class _Rule:
    """How one rule treats activation functions and LRN.

    Attributes:
        rectify: the gradient function of activation functions with a kink.
        channelwise: whether it keeps channels apart, so that narrow signals may pass.
        lrn_is_identity: whether signals pass an LRN unchanged; otherwise they take its true gradient.
        listed: whether ``known`` lists the rule.
    """

    rectify: Rectifier
    channelwise: bool = False
    lrn_is_identity: bool = False
    listed: bool = True


TF_CNNVIS = "tf_cnnvis"
"""The rule of tf_cnnvis: 'guided', and LRN as the identity."""

_RULES = {
    "deconvnet": _Rule(_deconvnet, channelwise=True, lrn_is_identity=True),
    "guided": _Rule(_guided, channelwise=True),
    TF_CNNVIS: _Rule(_guided, channelwise=True, lrn_is_identity=True, listed=False),
}
_SKIP = "Cnnvis/Skip"

AUTO = "auto"
"""Stands for 'deconvnet' where max-pools lie between layer and image, and for 'guided' where none does.

Without the switches of max-pools a deconvnet's picture hardly depends on the image [2]; ``coverage`` chooses.
"""

_RECTIFIED_OPS = {"Relu", "Relu6", "LeakyRelu"}
_RECTIFIED_COMPOSITES = {"relu", "relu6", "clipped_relu", "prelu", "leaky_relu", "clipped_leaky_relu"}
RECTIFIED_KINDS = {OPS[op].kind for op in _RECTIFIED_OPS} | _RECTIFIED_COMPOSITES
"""The kinds of activation functions that rules are for."""

REDIRECTED = "redirected"
"""The gradient, with a way into ReLUs that let nothing of a whole image through. A dream can begin so.

The idea is that of the redirected gradients of C. Olah, A. Mordvintsev and L. Schubert, "Feature Visualization",
Distill, 2017, DOI 10.23915/distill.00007. It is no rule for reconstructions, so ``known`` does not list it.
"""

_BLOCKING_COMPOSITES = {"relu", "relu6", "clipped_relu"}
_GATES = {"hard_sigmoid", "hard_swish"}  # with a ReLU6 inside, which can block


@checked
def register(name: str, rectify: Rectifier) -> None:
    """Add a rule of your own for activation functions with a kink: ReLU, ReLU6, leaky ReLU, PReLU.

    Args:
        name: the new value for ``rule``.
        rectify: (signal from above, input of the op) -> signal to send down, as tensors. The two broadcast, since there
            are several signals but one input. The result has the shape of the signal. Each of its elements depends on
            the same element of the two only: do not mix places or channels.

    Raises:
        OptionError: the name is taken.

    Example:
        A rule that lets every signal pass where more than 0.1 entered:

        >>> import keras, numpy as np, tensorflow as tf
        >>> from cnnvis_widgets import reconstruct, rules
        >>> rules.register("clearly on", lambda signal, entered: signal * tf.cast(entered > 0.1, signal.dtype))
        >>> model = keras.Sequential([keras.Input((1, 3, 1)), keras.layers.ReLU(name="on")])
        >>> image = np.array([[-1.0, 0.05, 2.0]], np.float32)[None, ..., None]
        >>> reconstruct(model, image, "on", rule="clearly on", seed="ones").images.ravel()
        array([0., 0., 1.], dtype=float32)
    """
    if not isinstance(name, str) or not callable(rectify):
        raise OptionError(
            f"Expected a name and a function. Received: name={name!r}, rectify={rectify!r}. See help(rules.register)."
        )
    if name in (*_RULES, "gradient", AUTO, REDIRECTED):
        raise OptionError(f"Expected a new name. Received: name={name!r}, which is a rule already. Choose another.")
    _register(name, rectify)
    _RULES[name] = _Rule(rectify)


def known() -> tuple[str, ...]:
    """Return the names of all rules: those of the papers, your own, and the gradient."""
    return (*(name for name, rule in _RULES.items() if rule.listed), "gradient")


@checked
def require_rule(rule: str, *, automatic: bool = False) -> None:
    """Check that a rule exists; ``automatic`` tells that 'auto' counts as one.

    Raises:
        OptionError: no rule has this name.
    """
    automatic_names = (AUTO,) if automatic else ()
    if not isinstance(rule, str) or rule not in (*_RULES, "gradient", *automatic_names):
        names = ", ".join(map(repr, (*known(), *automatic_names)))
        raise OptionError(f"Expected rule to be one of {names}. Received: rule={rule!r}.")


@checked
def sent_down(rule: str, kind: str, signal: float, entered: float, slope: float) -> float:
    """What one number of a signal becomes behind an activation function.

    Args:
        rule: a known rule.
        kind: of the activation function; a rule is for ``RECTIFIED_KINDS``, others take their slope.
        signal: from above.
        entered: what entered the function.
        slope: its derivative there.

    Raises:
        OptionError: no rule has this name.

    Example:
        >>> [sent_down(rule, "relu", 2.0, -1.0, 0.0) for rule in ("gradient", "deconvnet", "guided")]
        [0.0, 2.0, 0.0]
    """
    require_rule(rule)
    signal, entered, slope = float(signal), float(entered), float(slope)
    if rule not in _RULES or kind not in RECTIFIED_KINDS:
        return signal * slope
    return float(_RULES[rule].rectify(tf.constant([signal], tf.float64), tf.constant([entered], tf.float64))[0])


def _register(rule: str, rectify: Rectifier) -> None:
    """Register the gradient functions of a rule: for single ops, and for the bypass of a composite activation."""

    @tf.RegisterGradient(f"Cnnvis/{rule}/Op")
    def _op(op: tf.Operation, signal: tf.Tensor) -> tf.Tensor:
        return rectify(signal, op.inputs[0])

    @tf.RegisterGradient(f"Cnnvis/{rule}/Composite")
    def _composite(op: tf.Operation, signal: tf.Tensor, _: tf.Tensor) -> list[tf.Tensor | None]:
        return [None, rectify(signal, op.inputs[1])]


for _name, _rule in _RULES.items():
    _register(_name, _rule.rectify)


def is_rule(gradient: str) -> bool:
    """Whether a gradient function, by the name of its attribute, is that of a rule."""
    return gradient == _SKIP or gradient.removeprefix("Cnnvis/").rpartition("/")[0] in _RULES


def is_channelwise(gradient: str) -> bool:
    """Whether a gradient function that a rule has set, by the name of its attribute, keeps channels apart."""
    name = gradient.removeprefix("Cnnvis/").rpartition("/")[0]
    return gradient == _SKIP or (name in _RULES and _RULES[name].channelwise)


def lrn_is_identity(rule: str) -> bool:
    """Whether signals pass an LRN unchanged under a rule."""
    return rule in _RULES and _RULES[rule].lrn_is_identity


@tf.RegisterGradient(_SKIP)
def _skip(_: tf.Operation, signal: tf.Tensor) -> tf.Tensor:
    return signal


def _redirected(signal: tf.Tensor, entered: tf.Tensor, returned: tf.Tensor) -> tf.Tensor:
    """The gradient of a ReLU, with or without a ceiling; where it is zero over a whole image, a way in.

    There the signal passes where it wants a unit that is off to rise, or a unit at the ceiling to fall.
    """
    leads_on = (entered > 0) & (entered == returned)
    passing = tf.where(leads_on, signal, tf.zeros_like(signal))
    blocked = tf.logical_not(tf.reduce_any(passing != 0, axis=list(range(1, entered.shape.rank)), keepdims=True))
    leads_in = tf.where(entered > 0, signal < 0, signal > 0)
    return tf.where(blocked & leads_in, signal, passing)


@tf.RegisterGradient(f"Cnnvis/{REDIRECTED}/Op")
def _redirected_op(op: tf.Operation, signal: tf.Tensor) -> tf.Tensor:
    return _redirected(signal, op.inputs[0], op.outputs[0])


@tf.RegisterGradient(f"Cnnvis/{REDIRECTED}/Composite")
def _redirected_composite(op: tf.Operation, signal: tf.Tensor, _: tf.Tensor) -> list[tf.Tensor | None]:
    return [None, _redirected(signal, op.inputs[1], op.inputs[0])]


def apply_rule(nodes: list[NodeDef], rule: str, composites: Mapping[str, CompositeActivation]) -> None:
    """Set the gradient function of every op that a rule is for, in place.

    A composite activation gets an IdentityN behind it, which takes the signal from its output straight to its input
    under the rule. References to its output are redirected to that op.
    """
    if rule not in (*_RULES, REDIRECTED):
        return
    kinds = _composites_of(rule)
    # a rectified composite is bypassed, so its ops get no signal; the ReLU6 in another one, such as a gate, does
    untouched = {each.kind for each in composites.values()} - kinds - (_GATES if rule == REDIRECTED else set())
    inner = {name for each in composites.values() if each.kind in untouched for name in each.inner}
    present = {node.name: node for node in nodes}
    bypasses = []
    for node in nodes:
        if node.op in _RECTIFIED_OPS and node.name not in inner:
            if rule != REDIRECTED or node.op != "LeakyRelu":  # through which something always leads on
                node.attr["_gradient_op_type"].s = f"Cnnvis/{rule}/Op".encode()
        elif node.op == "LRN" and lrn_is_identity(rule):
            node.attr["_gradient_op_type"].s = _SKIP.encode()
        elif node.name in composites and composites[node.name].kind in kinds:
            bypasses.append(_bypass(composites[node.name], present[node.name], rule))
    outputs = {f"{bypass.input[0]}:0": bypass.name for bypass in bypasses}
    for bypass in bypasses:  # the input of one composite may be the output of another
        bypass.input[1] = outputs.get(tensor_of(bypass.input[1]), bypass.input[1])
    rewire(nodes, outputs)
    nodes.extend(bypasses)


def ruled_tensor(tensor: str, rule: str, composites: Mapping[str, CompositeActivation]) -> str:
    """The tensor to fetch in place of another so that the rule of its own composite activation applies."""
    composite = composites.get(tensor.removesuffix(":0"))
    if composite is not None and composite.kind in _composites_of(rule):
        return f"{composite.output}/cnnvis_bypass:0"
    return tensor


def _composites_of(rule: str) -> set[str]:
    """The kinds of composite activations that a rule is for."""
    if rule == REDIRECTED:
        return _BLOCKING_COMPOSITES
    return _RECTIFIED_COMPOSITES if rule in _RULES else set()


def _bypass(composite: CompositeActivation, node: NodeDef, rule: str) -> NodeDef:
    dtype = node.attr["T"].type
    bypass = NodeDef(
        op="IdentityN", name=f"{composite.output}/cnnvis_bypass", input=[composite.output, composite.input]
    )
    bypass.attr["T"].list.type.extend([dtype, dtype])
    bypass.attr["_gradient_op_type"].s = f"Cnnvis/{rule}/Composite".encode()
    return bypass
