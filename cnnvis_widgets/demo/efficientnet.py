"""EfficientNet-Lite0 in Keras, with the weights of a checkpoint that names its tensors as torch does.

References:
    [1] M. Tan, Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
        ICML 2019, arXiv:1905.11946. The Lite variants drop squeeze-and-excitation, use ReLU6, and
        keep stem and head at one width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

_BLOCK_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
_BATCH_NORM_EPSILON = 1e-3
_BATCH_NORM_PARTS = ("weight", "bias", "running_mean", "running_var")


def efficientnet_lite0(weights: Mapping[str, np.ndarray]) -> keras.Model:
    """Build the network: images float32 (batch, height, width, 3), (RGB - 127) / 128, any size -> 1000 classes.

    Widths, kernel sizes and expansions come from ``weights``. This module adds what no weight shows: the strides and
    the activation functions. The names of the layers say what they do: ``stem_conv``, ``stem_bn``, ``stem_relu``,
    ``block0_depthwise_conv`` ... ``block15_project_bn``, ``block6_add``, ``head_relu``, ``pool``, ``logits`` and, last,
    the softmax ``predictions``.

    Raises:
        KeyError: a tensor is missing in ``weights``.
    """
    image = keras.Input((None, None, 3), name="image")
    x = _relu(_convolution(image, weights, "_conv_stem", "_bn0", "stem", stride=2), "stem")
    for index, stride in enumerate(_BLOCK_STRIDES):
        x = _block(x, weights, index, stride)
    x = _relu(_convolution(x, weights, "_conv_head", "_bn1", "head"), "head")
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    kernel, bias = weights["_fc.weight"].T, weights["_fc.bias"]
    logits = keras.layers.Dense(bias.size, name="logits")
    x = keras.layers.Softmax(name="predictions")(logits(x))
    logits.set_weights([kernel, bias])
    return keras.Model(image, x, name="efficientnet_lite0")


def _block(x: Any, weights: Mapping[str, np.ndarray], index: int, stride: int) -> Any:
    """Expand (not in the first block), filter each map, and project without an activation function."""
    source, name, entry = f"_blocks.{index}", f"block{index}", x
    if f"{source}._expand_conv.weight" in weights:
        x = _convolution(x, weights, f"{source}._expand_conv", f"{source}._bn0", f"{name}_expand")
        x = _relu(x, f"{name}_expand")
    x = _convolution(x, weights, f"{source}._depthwise_conv", f"{source}._bn1", f"{name}_depthwise", stride=stride)
    x = _relu(x, f"{name}_depthwise")
    x = _convolution(x, weights, f"{source}._project_conv", f"{source}._bn2", f"{name}_project")
    shortcut = stride == 1 and x.shape[-1] == entry.shape[-1]
    return keras.layers.Add(name=f"{name}_add")([x, entry]) if shortcut else x


def _convolution(
    x: Any, weights: Mapping[str, np.ndarray], source: str, norm_source: str, name: str, *, stride: int = 1
) -> Any:
    """Add a convolution without bias and a batch normalisation, with the padding of TensorFlow, not of torch."""
    kernel = weights[f"{source}.weight"]  # output, input, height, width
    size = kernel.shape[2:]
    options = {"strides": stride, "padding": "same", "use_bias": False, "name": f"{name}_conv"}
    if source.endswith("_depthwise_conv"):
        convolution, axes = keras.layers.DepthwiseConv2D(size, **options), (2, 3, 0, 1)
    else:
        convolution, axes = keras.layers.Conv2D(kernel.shape[0], size, **options), (2, 3, 1, 0)
    norm = keras.layers.BatchNormalization(epsilon=_BATCH_NORM_EPSILON, name=f"{name}_bn")
    x = norm(convolution(x))
    convolution.set_weights([kernel.transpose(axes)])
    norm.set_weights([weights[f"{norm_source}.{part}"] for part in _BATCH_NORM_PARTS])
    return x


def _relu(x: Any, name: str) -> Any:
    return keras.layers.ReLU(max_value=6.0, name=f"{name}_relu")(x)
