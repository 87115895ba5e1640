"""Small vision transformers: with Keras' attention or written by hand, on all tokens or in windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

layers = keras.layers


class ClassToken(layers.Layer):
    """Puts one learned token in front of the others."""

    def build(self, shape: Any) -> None:
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="random_normal", name="token")

    def call(self, x: Any) -> Any:
        return tf.concat([tf.tile(self.token, [tf.shape(x)[0], 1, 1]), x], 1)


class Positions(layers.Layer):
    """Adds a learned embedding of the positions."""

    def build(self, shape: Any) -> None:
        self.positions = self.add_weight(shape=(1, *shape[1:]), initializer="random_normal", name="positions")

    def call(self, x: Any) -> Any:
        return x + self.positions


class HandWritten(layers.Layer):
    """Attention of two heads, by a dense layer for queries, keys and values together, and products of matrices."""

    def __init__(self, width: int = 8, **options: Any) -> None:
        super().__init__(**options)
        self.width = width

    def build(self, shape: Any) -> None:
        self.qkv = layers.Dense(6 * self.width, name="qkv")
        self.qkv.build(shape)
        self.projected = layers.Dense(shape[-1], name="projected")
        self.projected.build((*shape[:-1], 2 * self.width))

    def call(self, x: Any) -> Any:
        tokens = x.shape[1]
        parts = tf.transpose(tf.reshape(self.qkv(x), [-1, tokens, 3, 2, self.width]), [2, 0, 3, 1, 4])
        query, key, value = tf.unstack(parts)
        weights = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) * self.width**-0.5, name="weights")
        mixed = tf.transpose(tf.matmul(weights, value), [0, 2, 1, 3])
        return self.projected(tf.reshape(mixed, [-1, tokens, 2 * self.width]))


class Windows(layers.Layer):
    """Attention within windows of 4 x 4 places, of maps that are rolled before."""

    def __init__(self, shift: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.shift, self.attention = shift, HandWritten(name="attention")

    def build(self, shape: Any) -> None:
        self.attention.build((None, 16, shape[-1]))

    def call(self, x: Any) -> Any:
        height, width, channels = x.shape[1:]
        x = tf.roll(x, [-self.shift, -self.shift], [1, 2])
        x = tf.transpose(tf.reshape(x, [-1, height // 4, 4, width // 4, 4, channels]), [0, 1, 3, 2, 4, 5])
        x = self.attention(tf.reshape(x, [-1, 16, channels]))
        x = tf.transpose(tf.reshape(x, [-1, height // 4, width // 4, 4, 4, channels]), [0, 1, 3, 2, 4, 5])
        return tf.roll(tf.reshape(x, [-1, height, width, channels]), [self.shift, self.shift], [1, 2])


class Merged(layers.Layer):
    """Joins 2 x 2 places to one."""

    def build(self, shape: Any) -> None:
        self.normal, self.reduced = layers.LayerNormalization(name="normal"), layers.Dense(16, name="reduced")
        for layer in (self.normal, self.reduced):
            layer.build((*shape[:-1], 4 * shape[-1]))

    def call(self, x: Any) -> Any:
        parts = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        return self.reduced(self.normal(tf.concat(parts, -1)))


def keras_attention(name: str, **options: Any) -> Callable[[Any], Any]:
    attention = layers.MultiHeadAttention(2, 8, name=name, **options)
    return lambda x: attention(x, x)


def with_dropout(name: str) -> Callable[[Any], Any]:
    return keras_attention(name, dropout=0.1)


def hand_written(name: str) -> Callable[[Any], Any]:
    return HandWritten(name=name)


Attend = Callable[[str], Callable[[Any], Any]]


def block(x: Any, name: str, attend: Attend) -> Any:
    """One block, with normalisation first."""
    x = x + attend(f"{name}_attention")(layers.LayerNormalization(name=f"{name}_normal")(x))
    y = layers.Dense(32, activation="gelu", name=f"{name}_wide")(layers.LayerNormalization(name=f"{name}_second")(x))
    return x + layers.Dense(16, name=f"{name}_narrow")(y)


def vit(attend: Attend = keras_attention, *, token: bool = True, blocks: int = 2, grid: int = 4) -> keras.Model:
    """Patches of 6 x 6 pixels; classes from the class token, or from the mean of all tokens."""
    keras.utils.set_random_seed(3)
    image = keras.Input((6 * grid, 6 * grid, 3), name="image")
    x = layers.Reshape((grid * grid, 16))(layers.Conv2D(16, 6, 6, name="patches")(image))
    x = Positions(name="positions")(ClassToken(name="class_token")(x) if token else x)
    for number in range(blocks):
        x = block(x, f"block{number}", attend)
    x = layers.LayerNormalization(name="final")(x)
    x = x[:, 0] if token else layers.GlobalAveragePooling1D(name="mean")(x)
    return lively(keras.Model(image, layers.Dense(4, activation="softmax", name="classes")(x)))


def vit_of_reshaped_patches() -> keras.Model:
    """Patches by reshape and transpose, as in papers; no convolution tells where they are."""
    keras.utils.set_random_seed(4)
    image = keras.Input((24, 24, 3), name="image")
    x = keras.ops.transpose(keras.ops.reshape(image, (-1, 4, 6, 4, 6, 3)), (0, 1, 3, 2, 4, 5))
    x = Positions(name="positions")(layers.Dense(16, name="embedded")(keras.ops.reshape(x, (-1, 16, 108))))
    x = layers.GlobalAveragePooling1D()(block(x, "block0", keras_attention))
    return lively(keras.Model(image, layers.Dense(4, activation="softmax", name="classes")(x)))


def swin() -> keras.Model:
    """Windows of 4 x 4 on 8 x 8 places, shifted by 2 the second time, then merged to 4 x 4 places."""
    keras.utils.set_random_seed(5)
    image = keras.Input((32, 32, 3), name="image")
    x = layers.Conv2D(16, 4, 4, name="patches")(image)
    for name, shift in (("first", 0), ("second", 2)):
        x = x + Windows(shift, name=name)(layers.LayerNormalization(name=f"{name}_normal")(x))
        x = x + layers.Dense(16, activation="gelu", name=f"{name}_mixed")(x)
    x = Merged(name="merged")(x)
    x = x + Windows(0, name="third")(x)
    scores = layers.Dense(4, activation="softmax", name="classes")(layers.GlobalAveragePooling2D()(x))
    return lively(keras.Model(image, scores))


def hybrid() -> keras.Model:
    """Keras' attention right on maps, between convolutions: its softmax runs over two axes."""
    keras.utils.set_random_seed(6)
    image = keras.Input((24, 24, 3), name="image")
    x = layers.Conv2D(16, 4, 4, activation="relu", name="before")(image)
    x = x + layers.MultiHeadAttention(2, 8, name="attention")(x, x)
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="behind")(x)
    scores = layers.Dense(4, activation="softmax", name="classes")(layers.GlobalAveragePooling2D()(x))
    return lively(keras.Model(image, scores))


def lively(model: keras.Model) -> keras.Model:
    """Larger weights, so that attention differs from place to place, as in a trained network."""
    rng = np.random.default_rng(1)
    for variable in model.trainable_variables:
        if len(variable.shape) > 1:
            scale = 1.5 / np.sqrt(np.prod(variable.shape[:-1])) if len(variable.shape) != 3 else 0.6
            variable.assign(rng.standard_normal(variable.shape).astype(np.float32) * scale)
    return model


def photo(size: int, images: int = 1, seed: int = 0) -> np.ndarray:
    """Random images, float32 (images, size, size, 3) around 0."""
    return np.random.default_rng(seed).standard_normal((images, size, size, 3)).astype(np.float32)
