"""Models by what they are made of: normalisation, gates, kinds of convolution, attention, layers of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from .sample import Sample, classified, classifier_of, image, layers, noise, of_keras


def _conv(x: Any, filters: int = 8, size: int = 3, **options: Any) -> Any:
    return layers.Conv2D(filters, size, padding="same", **options)(x)


def batch_norm(x: Any) -> Any:
    return layers.ReLU(name="maps")(layers.BatchNormalization()(_conv(x, use_bias=False)))


def batch_norm_training(x: Any) -> Any:
    return layers.ReLU(name="maps")(layers.BatchNormalization()(_conv(x, use_bias=False), training=True))


def group_and_layer_norm(x: Any) -> Any:
    x = layers.ReLU()(layers.GroupNormalization(4)(_conv(x)))
    return layers.ReLU(name="maps")(layers.LayerNormalization()(_conv(x)))


def squeeze_excite(x: Any) -> Any:
    gate = layers.Dense(4, activation="relu")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.Multiply()([x, layers.Dense(8, activation="sigmoid", name="gate")(gate)])
    return _conv(x, activation="relu", name="maps")


def separable(x: Any) -> Any:
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(x)
    return layers.SeparableConv2D(8, 3, padding="same", activation="hard_swish", name="maps")(x)


def dilated(x: Any) -> Any:
    return _conv(x, dilation_rate=2, activation="relu", name="maps")


def grouped(x: Any) -> Any:
    return _conv(x, groups=4, activation="relu", name="maps")


def transposed(x: Any) -> Any:
    x = layers.AveragePooling2D(2)(x)
    return layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu", name="maps")(x)


def residual(x: Any) -> Any:
    y = layers.BatchNormalization()(_conv(layers.ReLU()(layers.BatchNormalization()(_conv(x)))))
    return layers.ReLU(name="maps")(layers.Add()([x, y]))


def dense_block(x: Any) -> Any:
    for _ in range(2):
        x = layers.Concatenate()([x, _conv(layers.ReLU()(layers.BatchNormalization()(x)), 4)])
    return _conv(x, activation="relu", name="maps")


def convnext(x: Any) -> Any:
    y = layers.LayerNormalization()(layers.DepthwiseConv2D(7, padding="same")(x))
    y = layers.Dense(8)(layers.Dense(16, activation="gelu", name="maps")(y))
    return layers.Add()([x, y])


def smooth_activations(x: Any) -> Any:
    for number, activation in enumerate(("swish", "elu", "mish", "softplus", "leaky_relu")):
        x = _conv(x, activation=activation, name=f"maps_{number}")
    return layers.PReLU(shared_axes=[1, 2], name="maps")(x)


def dropout(x: Any) -> Any:
    x = layers.GaussianNoise(0.1)(layers.SpatialDropout2D(0.2)(x))
    return layers.Dropout(0.5)(_conv(x, activation="relu", name="maps"))


def gathered(x: Any) -> Any:
    x = keras.ops.take(x, np.array([3, 1, 2, 0, 7, 6, 5, 4]), axis=-1)
    return _conv(x[:, 2:-2, ::-1], activation="relu", name="maps")


def shuffled(x: Any) -> Any:
    x = keras.ops.transpose(keras.ops.reshape(x, (-1, 24, 24, 2, 4)), (0, 1, 2, 4, 3))
    return _conv(keras.ops.reshape(x, (-1, 24, 24, 8)), groups=2, activation="relu", name="maps")


def attention_pooling(x: Any) -> Any:
    weights = layers.Softmax(axis=[1, 2])(_conv(x, 1, 1))
    return layers.Multiply(name="maps")([x, weights])


def spatial_transformer() -> Sample:
    entered = image()
    x = layers.Conv2D(6, 5, 2, activation="relu", name="localised")(entered)
    corner = layers.Dense(2, activation="sigmoid", name="corner")(layers.Flatten()(x))

    def crop(pair: Any) -> Any:
        picture, start = pair
        boxes = tf.concat([start * 0.5, start * 0.5 + 0.5], 1)
        return tf.image.crop_and_resize(picture, boxes, tf.range(tf.shape(picture)[0]), [16, 16])

    part = layers.Lambda(crop, output_shape=(16, 16, 3), name="part")([entered, corner])
    return of_keras(keras.Model(entered, classified(_conv(part, activation="relu", name="maps"))), noise(24, 24, 3))


class Patches(layers.Layer):  # type: ignore[misc]
    """Images (images, height, width, channels) to patches (images, patches, values)."""

    def call(self, pictures: Any) -> Any:
        cut = tf.image.extract_patches(pictures, [1, 6, 6, 1], [1, 6, 6, 1], [1, 1, 1, 1], "VALID")
        return tf.reshape(cut, [-1, 16, 108])


def vision_transformer() -> Sample:
    entered = image()
    x = layers.Dense(16, name="patches")(Patches(name="cut")(entered))
    x = x + layers.Embedding(16, 16, name="places")(keras.ops.arange(16))
    seen = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, 8, name="attention")(seen, seen)
    x = x + layers.Dense(16)(layers.Dense(32, activation="gelu", name="maps")(layers.LayerNormalization()(x)))
    scores = layers.Dense(4, activation="softmax", name="classes")(layers.GlobalAveragePooling1D()(x))
    return of_keras(keras.Model(entered, scores), noise(24, 24, 3))


def mixer() -> Sample:
    entered = image()
    x = layers.Reshape((16, 16))(layers.Conv2D(16, 6, 6, name="patches")(entered))
    across = layers.Permute((2, 1))(layers.LayerNormalization()(x))
    x = x + layers.Permute((2, 1))(layers.Dense(16)(layers.Dense(8, activation="gelu", name="tokens")(across)))
    x = x + layers.Dense(16)(layers.Dense(8, activation="gelu", name="maps")(layers.LayerNormalization()(x)))
    scores = layers.Dense(4, activation="softmax", name="classes")(layers.GlobalAveragePooling1D()(x))
    return of_keras(keras.Model(entered, scores), noise(24, 24, 3))


def capsules() -> Sample:
    entered = image()
    x = layers.Conv2D(16, 5, 3, activation="relu", name="maps")(entered)
    vectors = layers.Dense(6, name="votes")(layers.Reshape((-1, 8))(x))
    summed = keras.ops.reshape(keras.ops.sum(keras.ops.reshape(vectors, (-1, 7, 14, 6)), axis=2), (-1, 7, 6))
    squared = keras.ops.sum(summed**2, axis=-1, keepdims=True)
    squashed = squared / (1 + squared) * summed / keras.ops.sqrt(squared + 1e-7)
    return of_keras(keras.Model(entered, keras.ops.sqrt(keras.ops.sum(squashed**2, axis=-1) + 1e-7)), noise(24, 24, 3))


class Scaled(layers.Layer):  # type: ignore[misc]
    """A layer with a weight of its own."""

    def build(self, shape: Any) -> None:
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones", name="factor")

    def call(self, x: Any) -> Any:
        return tf.nn.relu(x * self.factor - 0.1)


def custom_layer(x: Any) -> Any:
    return Scaled(name="scaled")(_conv(x))


@tf.function
def _bent(x: Any) -> Any:
    return tf.where(x > 0, x, 0.1 * tf.sinh(x))


@tf.custom_gradient
def _straight_through(x: Any) -> Any:
    return tf.sign(x), lambda upstream: upstream


def custom_activation(x: Any) -> Any:
    return _conv(x, activation=_bent, name="maps")


def binarised(x: Any) -> Any:
    return layers.Lambda(_straight_through, name="maps")(_conv(x))


def lambda_layer(x: Any) -> Any:
    return layers.Lambda(lambda t: tf.nn.relu(t) ** 2 / 2, name="maps")(_conv(x))


def branch(x: Any) -> Any:
    maps = _conv(x, activation="relu", name="maps")
    return layers.Lambda(lambda t: tf.cond(tf.reduce_mean(t) > 0.1, lambda: t, lambda: 2 * t), name="chosen")(maps)


def local_response(x: Any) -> Any:
    return _conv(layers.Lambda(tf.nn.lrn, name="lrn")(x), activation="relu", name="maps")


def _block(block: Callable[[Any], Any]) -> Callable[[], Sample]:
    return lambda: classifier_of(block)


KINDS = {
    "batch normalisation": _block(batch_norm),
    "batch normalisation on the batch (training=True)": lambda: classifier_of(batch_norm_training, training=None),
    "group and layer normalisation": _block(group_and_layer_norm),
    "local response normalisation": _block(local_response),
    "squeeze and excitation": _block(squeeze_excite),
    "depthwise separable": _block(separable),
    "dilated": _block(dilated),
    "grouped": _block(grouped),
    "transposed": _block(transposed),
    "residual (ResNet)": _block(residual),
    "concatenated (DenseNet)": _block(dense_block),
    "channel shuffle": _block(shuffled),
    "ConvNeXt block": _block(convnext),
    "swish, ELU, mish, softplus, PReLU": _block(smooth_activations),
    "dropout and noise": _block(dropout),
    "attention pooling": _block(attention_pooling),
    "gather, crop and flip": _block(gathered),
    "spatial transformer (crop_and_resize)": spatial_transformer,
    "vision transformer": vision_transformer,
    "MLP-mixer": mixer,
    "capsules (squash)": capsules,
    "layer of one's own": _block(custom_layer),
    "activation of one's own (tf.function)": _block(custom_activation),
    "gradient of one's own (straight-through)": _block(binarised),
    "Lambda layer": _block(lambda_layer),
    "condition (tf.cond)": _block(branch),
}
