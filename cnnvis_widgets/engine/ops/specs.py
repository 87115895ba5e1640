"""What the engine knows of each TensorFlow op: one row an op.

An op without a row is unknown. Its layers have no kind, TensorFlow's own gradient leads through it, and coverage
names it. To teach the engine an op, add a row here. A function of single elements of one input needs no more than
``_function(name)``, which takes the slope from TensorFlow's own gradient. For any other op a row is complete with
``OpSpec(kind, linearity)``; write a pullback in the module of its family if many signals should pass it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum

import tensorflow as tf
from tensorflow.core.framework.node_def_pb2 import NodeDef

from . import arrangement, convolutions, elementwise, gradient_nodes, pools
from .gradient_nodes import GradientNodes
from .signals import Patches, Pullback, Signal, Signals


class Linearity(Enum):
    """For which inputs the gradient of an op is the same at every image."""

    JOINT = "all inputs together"  # a sum, a reshape
    SINGLE = "each input, while the others are constant"  # a product, a convolution
    FIRST = "the first input, while the others are constant"  # a quotient, a batch normalisation
    REST = "all inputs together but the first, while that is constant"  # a selection
    SWITCH = "none: it picks elements, and every rule sends signals to the places where they were"  # a max pool
    NONE = "none"
    CUT = "none: it sends no signal back"  # tf.stop_gradient
    SHAPE = "none: it depends on the shape of its inputs only"  # tf.shape, tf.zeros_like


JOINT, SINGLE, FIRST, REST = Linearity.JOINT, Linearity.SINGLE, Linearity.FIRST, Linearity.REST
SWITCH, NONE, CUT, SHAPE = Linearity.SWITCH, Linearity.NONE, Linearity.CUT, Linearity.SHAPE


@dataclass(frozen=True)
class OpSpec:
    """One op.

    Attributes:
        kind: what people call it.
        linearity: for which inputs it is linear, up to a constant.
        pullback: how several signals go back through it; ``None`` leaves it to TensorFlow's own gradient.
        family: of the layers that it makes: 'r' (activation functions), 'p' (pooling), 'c' (convolutions), '' (others);
            ``None`` if it makes no layer by itself.
        image_input: the input that holds maps, for ops with a data format that run on a CPU with channels last only.
        windows: whether it slides a window over the places of its first input.
        pointwise: whether each place of the output depends on the same place of the inputs only.
        channelwise: whether each channel of the output depends on the same channel of the inputs only, and the
            pullback takes narrow signals; see ``signals``.
        narrow_pullback: how a narrow signal goes back through an op that is not channelwise; it returns ``None`` where
            it does not apply.
        gradient_nodes: its gradient as nodes of a GraphDef; see ``gradient_nodes``.
    """

    kind: str
    linearity: Linearity
    pullback: Pullback | None = None
    family: str | None = None
    image_input: int | None = None
    windows: bool = False
    pointwise: bool = False
    channelwise: bool = False
    narrow_pullback: Callable[[tf.Operation, Signal], Signals | None] | None = None
    gradient_nodes: GradientNodes | None = None


def is_linear(node: NodeDef, varying: Collection[int]) -> bool:
    """Whether a node with a row is linear, up to a constant, in what depends on the image.

    Args:
        node: of a graph.
        varying: the places of its inputs whose values depend on the image.
    """
    if "is_training" in node.attr and node.attr["is_training"].b:
        return False  # a batch normalisation by the statistics of its own input
    linear = {JOINT: True, SINGLE: len(varying) == 1, FIRST: list(varying) == [0], REST: 0 not in varying}
    return linear.get(OPS[node.op].linearity, False)


def _one(function: Callable[[tf.Operation, Signal, Patches | None], Signal], place: int = 0) -> Pullback:
    """The pullback of an op that sends its one signal to one input, at ``place``."""

    def pullback(op: tf.Operation, signals: Signals, patches: Patches | None) -> Signals:
        sent: list[Signal | None] = [None] * len(op.inputs)
        sent[place] = function(op, elementwise.signal_of(signals), patches)
        return sent

    return pullback


def _function(kind: str, family: str | None = None, channelwise: bool = False) -> OpSpec:
    """A function of single elements of one input that is not linear. Its pullback is the slope times the signal."""
    return OpSpec(kind, NONE, _one(elementwise.by_slope), family, pointwise=True, channelwise=channelwise)


def _slow(kind: str, linearity: Linearity = NONE) -> OpSpec:
    """A function of elements that has no pullback yet: TensorFlow's own gradient needs a forward pass for each signal.

    For a function of one input, try ``_function`` first.
    """
    return OpSpec(kind, linearity, pointwise=True)


def _passing(kind: str, channelwise: bool = False, nodes: GradientNodes | None = None) -> OpSpec:
    """An op that hands the signal on."""
    return OpSpec(
        kind, JOINT, _one(elementwise.unchanged), pointwise=True, channelwise=channelwise, gradient_nodes=nodes
    )


def _rounding(kind: str) -> OpSpec:
    """A function whose slope is zero almost everywhere."""
    return OpSpec(kind, NONE, elementwise.nothing, pointwise=True)


_TRANSPOSED = OpSpec("transposed_convolution", SINGLE, _one(convolutions.transposed_convolution, 2), "c", image_input=2)
_BATCH_NORMALIZATION = OpSpec(
    "batch_normalization", FIRST, _one(elementwise.batch_normalization), "", image_input=0, pointwise=True
)
_REDUCTION, _SELECTION = _one(arrangement.reduction), elementwise.selection

OPS: dict[str, OpSpec] = {
    # ---- convolutions and products with weights
    "Conv2D": OpSpec(
        "convolution",
        SINGLE,
        _one(convolutions.convolution),
        "c",
        image_input=0,
        windows=True,
        narrow_pullback=convolutions.narrow_convolution,
        gradient_nodes=gradient_nodes.convolution,
    ),
    "DepthwiseConv2dNative": OpSpec(
        "depthwise_convolution",
        SINGLE,
        _one(convolutions.depthwise_convolution),
        "c",
        image_input=0,
        windows=True,
        gradient_nodes=gradient_nodes.convolution,
    ),
    "Conv3D": OpSpec("convolution", SINGLE, _one(convolutions.volume_convolution), "c", image_input=0, windows=True),
    "Conv": OpSpec("convolution", SINGLE, family="c"),
    "Conv2DBackpropInput": _TRANSPOSED,
    "Conv3DBackpropInput": OpSpec("transposed_convolution", SINGLE, family="c"),
    "Conv3DBackpropInputV2": _TRANSPOSED,
    "MatMul": OpSpec("matrix product", SINGLE, _one(arrangement.matrix_product)),
    "BatchMatMul": OpSpec("matrix product", SINGLE),
    "BatchMatMulV2": OpSpec("matrix product", SINGLE),
    "BatchMatMulV3": OpSpec("matrix product", SINGLE),
    "Einsum": OpSpec("matrix product", SINGLE),
    # ---- pools
    "MaxPool": OpSpec(
        "max_pool",
        SWITCH,
        _one(pools.max_pool),
        "p",
        image_input=0,
        windows=True,
        channelwise=True,
        gradient_nodes=gradient_nodes.max_pool,
    ),
    "MaxPoolV2": OpSpec("max_pool", SWITCH, family="p"),
    "MaxPool3D": OpSpec("max_pool", SWITCH, _one(pools.max_pool), "p", image_input=0, windows=True),
    "MaxPoolWithArgmax": OpSpec("max_pool", SWITCH, family="p"),
    "AvgPool": OpSpec(
        "average_pool",
        JOINT,
        _one(pools.average_pool),
        "p",
        image_input=0,
        windows=True,
        gradient_nodes=gradient_nodes.average_pool,
    ),
    "AvgPool3D": OpSpec("average_pool", JOINT, _one(pools.average_pool), "p", image_input=0, windows=True),
    # ---- activation functions
    "Relu": OpSpec(
        "relu",
        NONE,
        _one(elementwise.by_slope),
        "r",
        pointwise=True,
        channelwise=True,
        gradient_nodes=gradient_nodes.rectifier,
    ),
    "Relu6": OpSpec(
        "relu6",
        NONE,
        _one(elementwise.by_slope),
        "r",
        pointwise=True,
        channelwise=True,
        gradient_nodes=gradient_nodes.rectifier,
    ),
    "LeakyRelu": _function("leaky_relu", "r", channelwise=True),
    "Elu": _function("elu", "r", channelwise=True),
    "Selu": _function("selu", "r", channelwise=True),
    "Sigmoid": _function("sigmoid", "", channelwise=True),
    "Tanh": _function("tanh", "", channelwise=True),
    "Softplus": _function("softplus", "", channelwise=True),
    "Softsign": _function("softsign"),
    "Softmax": OpSpec("softmax", NONE, _one(elementwise.softmax), ""),
    "LogSoftmax": OpSpec("softmax", NONE, family=""),
    # ---- functions of single elements
    "Abs": _function("absolute value"),
    "Acos": _function("arc cosine"),
    "Acosh": _function("inverse hyperbolic cosine"),
    "Asin": _function("arc sine"),
    "Asinh": _function("inverse hyperbolic sine"),
    "Atan": _function("arc tangent"),
    "Atanh": _function("inverse hyperbolic tangent"),
    "ClipByValue": _slow("clipping"),
    "Cos": _function("cosine"),
    "Cosh": _function("hyperbolic cosine"),
    "Erf": _function("error function"),
    "Erfc": _function("error function"),
    "Exp": _function("exponential"),
    "Expm1": _function("exponential"),
    "FakeQuantWithMinMaxArgs": _function("fake quantization"),
    "FakeQuantWithMinMaxVars": _slow("fake quantization"),
    "FakeQuantWithMinMaxVarsPerChannel": _slow("fake quantization"),
    "Inv": _function("reciprocal"),
    "Lgamma": _function("logarithm of the gamma function"),
    "Log": _function("logarithm"),
    "Log1p": _function("logarithm"),
    "QuantizeAndDequantizeV2": _slow("fake quantization"),
    "QuantizeAndDequantizeV3": _slow("fake quantization"),
    "QuantizeAndDequantizeV4": _slow("fake quantization"),
    "Reciprocal": _function("reciprocal"),
    "Rsqrt": _function("reciprocal square root"),
    "Sin": _function("sine"),
    "Sinh": _function("hyperbolic sine"),
    "Sqrt": _function("square root"),
    "Square": _function("square"),
    "Tan": _function("tangent"),
    "Ceil": _rounding("rounding"),
    "Floor": _rounding("rounding"),
    "Rint": _rounding("rounding"),
    "Round": _rounding("rounding"),
    "Sign": _rounding("sign"),
    # ---- arithmetic of several tensors
    "Add": OpSpec("sum", JOINT, elementwise.addition, pointwise=True, gradient_nodes=gradient_nodes.addition),
    "AddN": OpSpec("sum", JOINT, elementwise.sum_of_many, pointwise=True),
    "AddV2": OpSpec("sum", JOINT, elementwise.addition, pointwise=True, gradient_nodes=gradient_nodes.addition),
    "Sub": OpSpec(
        "difference", JOINT, elementwise.subtraction, pointwise=True, gradient_nodes=gradient_nodes.subtraction
    ),
    "Mul": OpSpec(
        "product",
        SINGLE,
        elementwise.multiplication,
        pointwise=True,
        channelwise=True,
        gradient_nodes=gradient_nodes.multiplication,
    ),
    "MulNoNan": _slow("product", SINGLE),
    "Div": _slow("quotient", FIRST),
    "DivNoNan": _slow("quotient", FIRST),
    "RealDiv": OpSpec(
        "quotient", FIRST, elementwise.division, pointwise=True, gradient_nodes=gradient_nodes.multiplication
    ),
    "Xdivy": _slow("quotient", FIRST),
    "Atan2": _slow("arc tangent"),
    "FloorDiv": _slow("rounding"),
    "FloorMod": _slow("remainder"),
    "Maximum": OpSpec("maximum", NONE, elementwise.maximum, pointwise=True),
    "Minimum": OpSpec("minimum", NONE, elementwise.minimum, pointwise=True),
    "Pow": OpSpec("power", NONE, elementwise.power, pointwise=True),
    "Select": OpSpec("selection", REST, _SELECTION, pointwise=True),
    "SelectV2": OpSpec("selection", REST, _SELECTION, pointwise=True),
    "SquaredDifference": OpSpec("squared difference", NONE, elementwise.squared_difference, pointwise=True),
    "Xlogy": _slow("logarithm"),
    # ---- normalisation
    "FusedBatchNorm": _BATCH_NORMALIZATION,
    "FusedBatchNormV2": _BATCH_NORMALIZATION,
    "FusedBatchNormV3": OpSpec(
        "batch_normalization",
        FIRST,
        _one(elementwise.batch_normalization),
        "",
        image_input=0,
        pointwise=True,
        channelwise=True,
    ),
    "L2Loss": OpSpec("sum of squares", NONE),
    "LRN": OpSpec(
        "local_response_normalization", NONE, _one(elementwise.local_response_normalization), "", pointwise=True
    ),
    # ---- reductions, sorting
    "Dilation2D": OpSpec("dilation", NONE),
    "Max": OpSpec("maximum over axes", SWITCH, _REDUCTION),
    "Mean": OpSpec("mean over axes", JOINT, _REDUCTION),
    "Min": OpSpec("minimum over axes", NONE, _REDUCTION),
    "Sum": OpSpec("sum over axes", JOINT, _REDUCTION),
    "Prod": OpSpec("product over axes", NONE),
    "EuclideanNorm": OpSpec("norm over axes", NONE),
    "Cumprod": OpSpec("cumulative product", NONE),
    "Cumsum": OpSpec("cumulative sum", JOINT),
    "TopK": OpSpec("sorting", NONE),
    "TopKV2": OpSpec("sorting", NONE),
    # ---- arrangement
    "BatchToSpaceND": OpSpec("rearrangement", JOINT),
    "BroadcastTo": OpSpec("rearrangement", JOINT),
    "ConcatV2": OpSpec(
        "concat",
        JOINT,
        arrangement.concatenation,
        "",
        pointwise=True,
        narrow_pullback=arrangement.narrow_concatenation,
        gradient_nodes=gradient_nodes.concatenation,
    ),
    "Concat": OpSpec("concat", JOINT),
    "DepthToSpace": OpSpec("rearrangement", JOINT, _one(arrangement.depth_to_space), image_input=0),
    "ExpandDims": OpSpec("reshape", JOINT, _one(arrangement.reshape)),
    "ExtractImagePatches": OpSpec("rearrangement", JOINT),
    "Fill": OpSpec("rearrangement", JOINT),
    "Gather": OpSpec("slice", JOINT),
    "GatherNd": OpSpec("slice", JOINT),
    "GatherV2": OpSpec("slice", JOINT),
    "MirrorPad": OpSpec("padding", JOINT, _one(arrangement.mirrored_padding)),
    "Pack": OpSpec("rearrangement", JOINT),
    "Pad": OpSpec("padding", JOINT, _one(arrangement.padding), gradient_nodes=gradient_nodes.padding),
    "PadV2": OpSpec("padding", JOINT, _one(arrangement.padding)),
    "Reshape": OpSpec("reshape", JOINT, _one(arrangement.reshape)),
    "ReverseV2": OpSpec("rearrangement", JOINT),
    "Roll": OpSpec("rearrangement", JOINT),
    "Slice": OpSpec("slice", JOINT),
    "SpaceToBatchND": OpSpec("rearrangement", JOINT),
    "SpaceToDepth": OpSpec("rearrangement", JOINT, _one(arrangement.space_to_depth), image_input=0),
    "Split": OpSpec("split", JOINT, arrangement.split, pointwise=True),
    "SplitV": OpSpec("split", JOINT, arrangement.split_by_sizes, pointwise=True),
    "Squeeze": OpSpec("reshape", JOINT, _one(arrangement.reshape)),
    "StridedSlice": OpSpec("slice", JOINT, _one(arrangement.strided_slice)),
    "Tile": OpSpec("rearrangement", JOINT),
    "Transpose": OpSpec("transpose", JOINT, _one(arrangement.transpose)),
    "Unpack": OpSpec("split", JOINT),
    # ---- resizing
    "CropAndResize": OpSpec("crop", FIRST),
    "ImageProjectiveTransformV2": OpSpec("geometric transform", FIRST),
    "ImageProjectiveTransformV3": OpSpec("geometric transform", FIRST),
    "ResizeArea": OpSpec("resize", JOINT),
    "ResizeBicubic": OpSpec("resize", JOINT),
    "ResizeBilinear": OpSpec("resize", JOINT, _one(arrangement.bilinear), ""),
    "ResizeNearestNeighbor": OpSpec("resize", JOINT, _one(arrangement.nearest_neighbour), ""),
    "ScaleAndTranslate": OpSpec("resize", FIRST),
    # ---- loops, branches, and the lists that loops read and write; ``backward.signal_path`` looks inside
    "While": OpSpec("loop", NONE),
    "StatelessWhile": OpSpec("loop", NONE),
    "If": OpSpec("branch", NONE),
    "StatelessIf": OpSpec("branch", NONE),
    "Case": OpSpec("branch", NONE),
    "StatelessCase": OpSpec("branch", NONE),
    "TensorListFromTensor": OpSpec("list", JOINT),
    "TensorListConcatV2": OpSpec("list", JOINT),
    "TensorListGather": OpSpec("list", JOINT),
    "TensorListGetItem": OpSpec("list", JOINT),
    "TensorListLength": OpSpec("shape", SHAPE, elementwise.nothing),
    "TensorListPopBack": OpSpec("list", JOINT),
    "TensorListPushBack": OpSpec("list", JOINT),
    "TensorListResize": OpSpec("list", JOINT),
    "TensorListSetItem": OpSpec("list", JOINT),
    "TensorListSplit": OpSpec("list", JOINT),
    "TensorListStack": OpSpec("list", JOINT),
    # ---- signals pass as they are
    "BiasAdd": _passing("bias", channelwise=True, nodes=gradient_nodes.unchanged),
    "BiasAddV1": _passing("bias"),
    "Cast": OpSpec("cast", JOINT, _one(elementwise.cast), pointwise=True),
    "CheckNumerics": _passing("check"),
    "EnsureShape": OpSpec("check", JOINT, pointwise=True),
    "Identity": _passing("identity", channelwise=True, nodes=gradient_nodes.unchanged),
    "IdentityN": OpSpec("identity", JOINT, pointwise=True),
    "Neg": OpSpec("negation", JOINT, _one(elementwise.negation), pointwise=True),
    "PlaceholderWithDefault": OpSpec("input", JOINT),
    "PreventGradient": _passing("check"),
    "Snapshot": _passing("identity"),
    # ---- nothing comes back
    "StopGradient": OpSpec("stop", CUT, elementwise.nothing, pointwise=True),
    "OnesLike": OpSpec("constant", SHAPE, elementwise.nothing),
    "Rank": OpSpec("shape", SHAPE, elementwise.nothing),
    "Shape": OpSpec("shape", SHAPE, elementwise.nothing),
    "ShapeN": OpSpec("shape", SHAPE, elementwise.nothing),
    "Size": OpSpec("shape", SHAPE, elementwise.nothing),
    "ZerosLike": OpSpec("constant", SHAPE, elementwise.nothing),
}
"""Every op that the engine knows."""
