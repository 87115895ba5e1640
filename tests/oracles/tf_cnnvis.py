"""What tf_cnnvis computed as a deconvolution, written anew: guided backpropagation of ones, past every LRN."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


@tf.RegisterGradient("Oracle/GuidedRelu")
def _guided(op: tf.Operation, signal: tf.Tensor) -> tf.Tensor:
    return tf.where((signal > 0) & (op.outputs[0] > 0), signal, tf.zeros_like(signal))


@tf.RegisterGradient("Oracle/Identity")
def _identity(_: tf.Operation, signal: tf.Tensor) -> tf.Tensor:
    return signal


def older_reconstructions(graph: tf.Graph, feed: Mapping[str, np.ndarray], layer: str, input_tensor: str) -> np.ndarray:
    """The pictures of all maps of a layer, (channels, images, ...) as ``input_tensor``.

    Args:
        graph: frozen.
        feed: arrays by tensor name.
        layer: the name of a tensor, channels last.
        input_tensor: where the pictures arrive.
    """
    overrides = {"Relu": "Oracle/GuidedRelu", "LRN": "Oracle/Identity"}
    with tf.Graph().as_default() as own, v1.Session(graph=own) as session:
        with own.gradient_override_map(overrides):
            tf.graph_util.import_graph_def(graph.as_graph_def(), name="")
        maps, image = own.get_tensor_by_name(layer), own.get_tensor_by_name(input_tensor)
        # without another seed, the gradient starts with a one at every place of a map
        pictures = [tf.gradients(maps[..., channel], image)[0] for channel in range(maps.shape[-1])]
        return np.stack(session.run(pictures, feed))
