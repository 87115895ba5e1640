"""Every row of the table of ops: its fields agree with each other, and with what TensorFlow's own gradient does."""

import numpy as np
import pytest
import tensorflow as tf

from cnnvis_widgets.engine.backward.pullback import pull_back
from cnnvis_widgets.engine.ops import elementwise
from cnnvis_widgets.engine.ops.specs import CUT, FIRST, JOINT, NONE, OPS, REST, SHAPE, SINGLE, SWITCH
from cnnvis_widgets.engine.tensorflow_internals import op_definition
from cnnvis_widgets.results import FAMILIES

raw = tf.raw_ops


def weights(*shape, seed=1):
    """Positive numbers, so that no example comes near a kink or a pole."""
    return tf.constant(np.random.default_rng(seed).uniform(0.2, 0.8, shape).astype(np.float32))


def kernel(*shape):
    return tf.constant(np.random.default_rng(2).standard_normal(shape).astype(np.float32))


SAME = {"strides": [1, 1, 1, 1], "padding": "SAME"}
POOL = {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "SAME"}
CUBE = {"ksize": [1, 2, 2, 2, 1], "strides": [1, 2, 2, 2, 1], "padding": "SAME"}


def volume(x):
    return tf.reshape(x, [-1, 4, 2, 2, 2])


def normalised(x):
    return {"x": x, "scale": weights(2), "offset": weights(2), "mean": weights(2), "variance": weights(2)}


def turned(x):
    return tf.reshape(x, [-1, 8, 4])


def of_one(op):
    """An op of one input, of whatever name."""
    (name,) = (argument.name for argument in op_definition(op).input_arg)
    return lambda x: getattr(raw, op)(**{name: x})


FUNCTIONS = (
    *("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Softmax", "LogSoftmax"),
    *("Abs", "Acos", "Asin", "Asinh", "Atan", "Atanh", "Cos", "Cosh", "Erf", "Erfc", "Exp", "Expm1", "Inv", "Lgamma"),
    *("Log", "Log1p", "Reciprocal", "Rsqrt", "Sin", "Sinh", "Sqrt", "Square", "Tan", "Ceil", "Floor", "Rint", "Round"),
    *("Sign", "L2Loss", "Identity", "Neg", "StopGradient", "OnesLike", "ZerosLike"),
)

SPECIAL = {
    "CheckNumerics": lambda x: raw.CheckNumerics(tensor=x, message="not finite"),
    "Relu6": lambda x: raw.Relu6(features=8 * x),
    "Relu": lambda x: raw.Relu(features=x - 0.5),
    "LeakyRelu": lambda x: raw.LeakyRelu(features=x - 0.5),
    "Elu": lambda x: raw.Elu(features=x - 0.5),
    "Selu": lambda x: raw.Selu(features=x - 0.5),
    "Abs": lambda x: raw.Abs(x=x - 0.5),
    "FakeQuantWithMinMaxArgs": lambda x: raw.FakeQuantWithMinMaxArgs(inputs=x, min=0.0, max=0.5),
}

EXAMPLES = (
    {op: of_one(op) for op in FUNCTIONS if op not in SPECIAL}
    | SPECIAL
    | {
        "Conv2D": lambda x: raw.Conv2D(input=x, filter=kernel(3, 3, 2, 3), **SAME),
        "DepthwiseConv2dNative": lambda x: raw.DepthwiseConv2dNative(input=x, filter=kernel(3, 3, 2, 2), **SAME),
        "Conv3D": lambda x: raw.Conv3D(input=volume(x), filter=kernel(2, 2, 2, 2, 3), strides=[1] * 5, padding="SAME"),
        "Conv2DBackpropInput": lambda x: raw.Conv2DBackpropInput(
            input_sizes=tf.stack([tf.shape(x)[0], 4, 4, 3]), filter=kernel(3, 3, 3, 2), out_backprop=x, **SAME
        ),
        "Conv3DBackpropInputV2": lambda x: raw.Conv3DBackpropInputV2(
            input_sizes=tf.stack([tf.shape(x)[0], 4, 2, 2, 3]),
            filter=kernel(2, 2, 2, 3, 2),
            out_backprop=volume(x),
            strides=[1] * 5,
            padding="SAME",
        ),
        "MatMul": lambda x: raw.MatMul(a=tf.reshape(x, [-1, 32]), b=kernel(32, 3)),
        "BatchMatMul": lambda x: raw.BatchMatMul(x=turned(x), y=tf.tile(kernel(1, 4, 3), [tf.shape(x)[0], 1, 1])),
        "BatchMatMulV2": lambda x: raw.BatchMatMulV2(x=turned(x), y=kernel(1, 4, 3)),
        "BatchMatMulV3": lambda x: raw.BatchMatMulV3(x=turned(x), y=kernel(1, 4, 3), Tout=tf.float32),
        "Einsum": lambda x: raw.Einsum(inputs=[x, kernel(2, 3)], equation="nhwc,cd->nhwd"),
        "MaxPool": lambda x: raw.MaxPool(input=x, **POOL),
        "MaxPoolV2": lambda x: raw.MaxPoolV2(input=x, **POOL),
        "MaxPool3D": lambda x: raw.MaxPool3D(input=volume(x), **CUBE),
        "MaxPoolWithArgmax": lambda x: raw.MaxPoolWithArgmax(input=x, **POOL)[0],
        "AvgPool": lambda x: raw.AvgPool(value=x, **POOL),
        "AvgPool3D": lambda x: raw.AvgPool3D(input=volume(x), **CUBE),
        "Acosh": lambda x: raw.Acosh(x=1 + x),
        "ClipByValue": lambda x: raw.ClipByValue(t=x, clip_value_min=0.4, clip_value_max=0.6),
        "FakeQuantWithMinMaxVars": lambda x: raw.FakeQuantWithMinMaxVars(inputs=x, min=0.0, max=0.5),
        "FakeQuantWithMinMaxVarsPerChannel": lambda x: raw.FakeQuantWithMinMaxVarsPerChannel(
            inputs=x, min=[0.0, 0.0], max=[0.5, 0.4]
        ),
        "QuantizeAndDequantizeV4": lambda x: raw.QuantizeAndDequantizeV4(
            input=x, input_min=0.0, input_max=0.5, range_given=True
        ),
        "Add": lambda x: raw.Add(x=x, y=weights(2)),
        "AddN": lambda x: raw.AddN(inputs=[x, 2 * x]),
        "AddV2": lambda x: raw.AddV2(x=x, y=weights(2)),
        "Sub": lambda x: raw.Sub(x=weights(2), y=x),
        "Mul": lambda x: raw.Mul(x=x, y=weights(2)),
        "MulNoNan": lambda x: raw.MulNoNan(x=x, y=weights(2)),
        "Div": lambda x: raw.Div(x=x, y=weights(2)),
        "DivNoNan": lambda x: raw.DivNoNan(x=x, y=weights(2)),
        "RealDiv": lambda x: raw.RealDiv(x=x, y=weights(2)),
        "Xdivy": lambda x: raw.Xdivy(x=x, y=weights(2)),
        "Atan2": lambda x: raw.Atan2(y=x, x=weights(2)),
        "FloorDiv": lambda x: raw.FloorDiv(x=x, y=weights(2)),
        "FloorMod": lambda x: raw.FloorMod(x=weights(2), y=x),
        "Maximum": lambda x: raw.Maximum(x=x, y=weights(2)),
        "Minimum": lambda x: raw.Minimum(x=x, y=weights(2)),
        "Pow": lambda x: raw.Pow(x=weights(1, 1, 1, 2), y=x) + raw.Pow(x=x, y=weights(2)),
        "Select": lambda x: raw.Select(condition=tf.cast(tf.zeros_like(x), tf.bool), x=x, y=2 * x),
        "SelectV2": lambda x: raw.SelectV2(condition=weights(2) > 0.5, t=x, e=2 * x),
        "SquaredDifference": lambda x: raw.SquaredDifference(x=x, y=weights(2)),
        "Xlogy": lambda x: raw.Xlogy(x=weights(2), y=x),
        "FusedBatchNorm": lambda x: raw.FusedBatchNorm(**normalised(x), is_training=False)[0],
        "FusedBatchNormV2": lambda x: raw.FusedBatchNormV2(**normalised(x), is_training=False)[0],
        "FusedBatchNormV3": lambda x: raw.FusedBatchNormV3(**normalised(x), is_training=False)[0],
        "LRN": lambda x: raw.LRN(input=x, depth_radius=1),
        "Dilation2D": lambda x: raw.Dilation2D(
            input=x, filter=kernel(2, 2, 2), strides=[1] * 4, rates=[1] * 4, padding="SAME"
        ),
        "Max": lambda x: raw.Max(input=x, axis=[1, 2]),
        "Mean": lambda x: raw.Mean(input=x, axis=[1, 2], keep_dims=True),
        "Min": lambda x: raw.Min(input=x, axis=[1, 2]),
        "Sum": lambda x: raw.Sum(input=x, axis=[-1]),
        "Prod": lambda x: raw.Prod(input=x, axis=[-1]),
        "EuclideanNorm": lambda x: raw.EuclideanNorm(input=x, axis=[-1]),
        "Cumprod": lambda x: raw.Cumprod(x=x, axis=1),
        "Cumsum": lambda x: raw.Cumsum(x=x, axis=1),
        "TopKV2": lambda x: raw.TopKV2(input=turned(x), k=4)[0],
        "BatchToSpaceND": lambda x: raw.BatchToSpaceND(
            input=tf.tile(x, [4, 1, 1, 1]), block_shape=[2, 2], crops=[[0, 0], [0, 0]]
        ),
        "BroadcastTo": lambda x: raw.BroadcastTo(input=x, shape=tf.concat([[3], tf.shape(x)], 0)),
        "Concat": lambda x: raw.Concat(concat_dim=3, values=[x, weights(1, 4, 4, 1), x][::2]),
        "ConcatV2": lambda x: raw.ConcatV2(values=[x, 3 * x], axis=3),
        "DepthToSpace": lambda x: raw.DepthToSpace(input=tf.reshape(x, [-1, 2, 2, 8]), block_size=2),
        "ExpandDims": lambda x: raw.ExpandDims(input=x, axis=2),
        "ExtractImagePatches": lambda x: raw.ExtractImagePatches(
            images=x, ksizes=[1, 2, 2, 1], strides=[1] * 4, rates=[1] * 4, padding="SAME"
        ),
        "Fill": lambda x: raw.Fill(dims=[3], value=tf.reduce_sum(x)),
        "Gather": lambda x: raw.Gather(params=tf.transpose(x, [1, 0, 2, 3]), indices=[2, 0]),
        "GatherNd": lambda x: raw.GatherNd(params=x, indices=[[0, 2], [0, 1]]),
        "GatherV2": lambda x: raw.GatherV2(params=x, indices=[1, 0], axis=3),
        "MirrorPad": lambda x: raw.MirrorPad(input=x, paddings=[[0, 0], [1, 2], [0, 1], [0, 0]], mode="REFLECT"),
        "Pack": lambda x: raw.Pack(values=[x, 2 * x], axis=1),
        "Pad": lambda x: raw.Pad(input=x, paddings=[[0, 0], [1, 2], [0, 1], [0, 0]]),
        "PadV2": lambda x: raw.PadV2(input=x, paddings=[[0, 0], [1, 2], [0, 1], [0, 0]], constant_values=0.5),
        "Reshape": lambda x: raw.Reshape(tensor=x, shape=[-1, 2, 8, 2]),
        "ReverseV2": lambda x: raw.ReverseV2(tensor=x, axis=[1]),
        "Roll": lambda x: raw.Roll(input=x, shift=[1], axis=[2]),
        "Slice": lambda x: raw.Slice(input=x, begin=[0, 1, 0, 0], size=[-1, 2, 4, 2]),
        "SpaceToBatchND": lambda x: raw.SpaceToBatchND(input=x, block_shape=[2, 2], paddings=[[0, 0], [0, 0]]),
        "SpaceToDepth": lambda x: raw.SpaceToDepth(input=x, block_size=2),
        "Split": lambda x: raw.Split(axis=3, value=x, num_split=2)[1],
        "SplitV": lambda x: raw.SplitV(value=x, size_splits=[1, 3], axis=1, num_split=2)[1],
        "Squeeze": lambda x: raw.Squeeze(input=tf.expand_dims(x, 3), axis=[3]),
        "StridedSlice": lambda x: x[:, 1:, ::2],
        "Tile": lambda x: raw.Tile(input=x, multiples=[1, 2, 1, 1]),
        "Transpose": lambda x: raw.Transpose(x=x, perm=[0, 2, 3, 1]),
        "Unpack": lambda x: raw.Unpack(value=x, num=4, axis=1)[2],
        "CropAndResize": lambda x: raw.CropAndResize(
            image=x, boxes=[[0.1, 0.2, 0.9, 0.8]], box_ind=[0], crop_size=[3, 3]
        ),
        "ImageProjectiveTransformV2": lambda x: raw.ImageProjectiveTransformV2(
            images=x, transforms=[[1.0, 0.1, 0, 0, 1, 0.3, 0, 0]], output_shape=[4, 4], interpolation="BILINEAR"
        ),
        "ImageProjectiveTransformV3": lambda x: raw.ImageProjectiveTransformV3(
            images=x,
            transforms=[[1.0, 0.1, 0, 0, 1, 0.3, 0, 0]],
            output_shape=[4, 4],
            fill_value=0.0,
            interpolation="BILINEAR",
        ),
        "ResizeBicubic": lambda x: raw.ResizeBicubic(images=x, size=[7, 6]),
        "ResizeBilinear": lambda x: raw.ResizeBilinear(images=x, size=[7, 6], half_pixel_centers=True),
        "ResizeNearestNeighbor": lambda x: raw.ResizeNearestNeighbor(images=x, size=[8, 8], half_pixel_centers=True),
        "ScaleAndTranslate": lambda x: raw.ScaleAndTranslate(
            images=x, size=[6, 6], scale=[1.5, 1.5], translation=[0.0, 0.0]
        ),
        "BiasAdd": lambda x: raw.BiasAdd(value=x, bias=weights(2)),
        "BiasAddV1": lambda x: raw.BiasAddV1(value=x, bias=weights(2)),
        "Cast": lambda x: raw.Cast(x=raw.Cast(x=x, DstT=tf.float64), DstT=tf.float32),
        "EnsureShape": lambda x: raw.EnsureShape(input=x, shape=[None, 4, 4, 2]),
        "IdentityN": lambda x: raw.IdentityN(input=[x, 2 * x])[0],
        "PlaceholderWithDefault": lambda x: raw.PlaceholderWithDefault(input=x, shape=[None, 4, 4, 2]),
        "Rank": lambda x: tf.cast(raw.Rank(input=x), tf.float32),
        "Shape": lambda x: tf.cast(raw.Shape(input=x), tf.float32),
        "ShapeN": lambda x: tf.cast(raw.ShapeN(input=[x])[0], tf.float32),
        "Size": lambda x: tf.cast(raw.Size(input=x), tf.float32),
    }
)
"""An op with one input that depends on an image x (images, 4, 4, 2) of numbers between 0.2 and 0.8."""

NO_EXAMPLE = {
    **dict.fromkeys(("While", "StatelessWhile"), "calls functions; see test_inlining"),
    **dict.fromkeys(("If", "StatelessIf", "Case", "StatelessCase"), "calls functions; see test_inlining"),
    **dict.fromkeys([op for op in OPS if op.startswith("TensorList")], "its list is no array"),
    "Conv": "its gradient is not written in TensorFlow",
    "Conv3DBackpropInput": "of TensorFlow 0, without a gradient",
    "QuantizeAndDequantizeV2": "passes the signal, as V4 does within its range",
    "QuantizeAndDequantizeV3": "as V2",
    "PreventGradient": "its gradient is an error; it is passed where a network needs it",
    "ResizeArea": "its gradient is not written in TensorFlow",
    "Snapshot": "of TensorFlow's optimiser, without a gradient",
    "TopK": "of TensorFlow 0",
}


def image(seed):
    return tf.constant(np.random.default_rng(seed).uniform(0.2, 0.8, (1, 4, 4, 2)).astype(np.float32))


def gradient(function, x, seed=3):
    """TensorFlow's own gradient of a random sum of what ``function`` gives, in a graph, as the networks are."""

    def body(x):
        values = function(x)
        seeds = tf.random.stateless_normal(tf.shape(values), [seed, 0])
        found = tf.gradients(values, x, seeds)[0]
        return tf.zeros_like(x) if found is None else found

    return tf.compat.v1.wrap_function(body, [tf.TensorSpec([1, 4, 4, 2])])(x).numpy()


@pytest.mark.parametrize("op", OPS)
def test_the_fields_of_a_row_agree(op):
    spec = OPS[op]
    assert spec.kind
    assert spec.family is None or spec.family in FAMILIES
    assert not (spec.windows and spec.pointwise)
    assert not spec.windows or spec.image_input == 0
    assert spec.image_input is None or spec.image_input < len(op_definition(op).input_arg)
    assert not spec.channelwise or spec.pullback
    assert not (spec.channelwise and spec.narrow_pullback)
    assert spec.gradient_nodes is None or spec.pullback
    assert (spec.pullback is elementwise.nothing) <= (spec.linearity in (NONE, CUT, SHAPE))
    assert spec.linearity in (CUT, SHAPE) or spec.pullback or spec.image_input is None
    assert op in EXAMPLES or op in NO_EXAMPLE


def test_no_row_is_missing_from_the_examples():
    assert set(EXAMPLES) | set(NO_EXAMPLE) == set(OPS)
    assert not set(EXAMPLES) & set(NO_EXAMPLE)


@pytest.mark.parametrize("op", EXAMPLES)
def test_the_gradient_of_an_op_depends_on_the_image_only_if_it_is_not_linear(op):
    here, there = gradient(EXAMPLES[op], image(0)), gradient(EXAMPLES[op], image(1))
    linearity = OPS[op].linearity
    if linearity in (JOINT, SINGLE, FIRST, REST):
        assert here.any()
        np.testing.assert_allclose(here, there, rtol=1e-5, atol=1e-6)
    elif linearity in (CUT, SHAPE) or OPS[op].pullback is elementwise.nothing:
        assert not here.any()
    elif op != "FloorDiv":  # a quotient that is rounded has no gradient in TensorFlow
        assert np.abs(here - there).max() > 1e-3
        assert linearity in (NONE, SWITCH)


PRODUCTS = {
    "Mul": lambda x: raw.Mul(x=x, y=x),
    "MulNoNan": lambda x: raw.MulNoNan(x=x, y=x),
    "RealDiv": lambda x: raw.RealDiv(x=1.0, y=x),
    "Div": lambda x: raw.Div(x=tf.ones_like(x), y=x),
    "DivNoNan": lambda x: raw.DivNoNan(x=tf.ones_like(x), y=x),
    "Xdivy": lambda x: raw.Xdivy(x=tf.ones_like(x), y=x),
    "BatchMatMulV2": lambda x: raw.BatchMatMulV2(x=turned(x), y=turned(x), adj_y=True),
    "Conv2D": lambda x: raw.Conv2D(input=x, filter=tf.reshape(x, [2, 2, 2, 4]), **SAME),
    "SelectV2": lambda x: raw.SelectV2(condition=x > 0.5, t=x, e=2 * x),
    "FusedBatchNormV3": lambda x: raw.FusedBatchNormV3(**{**normalised(x), "mean": [], "variance": []})[0],
}


@pytest.mark.parametrize("op", PRODUCTS)
def test_a_product_of_two_signals_is_not_linear(op):
    assert OPS[op].linearity in (SINGLE, FIRST, REST)
    assert np.abs(gradient(PRODUCTS[op], image(0)) - gradient(PRODUCTS[op], image(1))).max() > 1e-3


PULLED = [op for op in EXAMPLES if OPS[op].pullback and OPS[op].pullback is not elementwise.nothing]


@pytest.mark.parametrize("op", PULLED)
def test_a_pullback_is_the_gradient(op):
    """Two seeds at once over one forward pass; the second is three times the first."""

    def body(x, factor):
        values = EXAMPLES[op](x)
        assert op in {each.type for each in x.graph.get_operations()}
        seeds = tf.random.stateless_normal(tf.shape(values), [3, 0])
        seeds = tf.ensure_shape(factor[(slice(None), *[None] * (values.shape.rank - 1))] * seeds, values.shape)
        return pull_back(values, x, seeds)[0]

    body = tf.compat.v1.wrap_function(body, [tf.TensorSpec([None, 4, 4, 2]), tf.TensorSpec([None])])
    found, expected = body(image(0), tf.constant([1.0, 3.0])).numpy(), gradient(EXAMPLES[op], image(0))
    assert found.shape == (2, 4, 4, 2)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, [expected[0], 3 * expected[0]], rtol=1e-4, atol=1e-5)
