"""Networks of every kind of head, and what their outputs mean."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

SIZE = (8, 8, 3)
KINDS = {
    # tail, meaning, activation, shape of the output, shape of the scores
    "softmax": (lambda: [pooled(), layers.Dense(5, "softmax")], "classes", "softmax", (5,), (5,)),
    "labels": (lambda: [pooled(), layers.Dense(3, "sigmoid")], "labels", "sigmoid", (3,), (3,)),
    "yes or no": (lambda: [pooled(), layers.Dense(1, "sigmoid")], "yes or no", "sigmoid", (1,), (1,)),
    "one value": (lambda: [pooled(), layers.Dense(1)], "values", "", (1,), (1,)),
    "values": (lambda: [pooled(), layers.Dense(4)], "values", "", (4,), (4,)),
    "rectified": (lambda: [pooled(), layers.Dense(4, "relu")], "values", "", (4,), (4,)),
    "layer sigmoid": (
        lambda: [pooled(), layers.Dense(2), layers.Activation("sigmoid")],
        "labels",
        "sigmoid",
        (2,),
        (2,),
    ),
    "layer softmax": (lambda: [pooled(), layers.Dense(4), layers.Softmax()], "classes", "softmax", (4,), (4,)),
    "hard sigmoid": (lambda: [pooled(), layers.Dense(2, "hard_sigmoid")], "labels", "hard_sigmoid", (2,), (2,)),
    "log softmax": (lambda: [pooled(), layers.Dense(3, "log_softmax")], "classes", "log_softmax", (3,), (3,)),
    "softmax of one": (lambda: [pooled(), layers.Dense(1), layers.Lambda(tf.nn.softmax)], "values", "", (1,), (1,)),
    "class map": (lambda: [layers.Conv2D(3, 1, activation="softmax")], "classes", "softmax", (8, 8, 3), (8, 8, 3)),
    "label map": (lambda: [layers.Conv2D(3, 1, activation="sigmoid")], "labels", "sigmoid", (8, 8, 3), (8, 8, 3)),
    "mask": (lambda: [layers.Conv2D(1, 1, activation="sigmoid")], "yes or no", "sigmoid", (8, 8, 1), (8, 8, 1)),
    "value map": (lambda: [layers.Conv2D(2, 1)], "values", "", (8, 8, 2), (8, 8, 2)),
    "channels first": (
        lambda: [layers.Permute((3, 1, 2)), layers.Softmax(axis=1)],
        "classes",
        "softmax",
        (4, 8, 8),
        (8, 8, 4),
    ),
    "anchors": (
        lambda: [layers.Conv2D(6, 1), layers.Reshape((-1, 3)), layers.Softmax()],
        "classes",
        "softmax",
        (128, 3),
        (128, 3),
    ),
    "reshaped": (
        lambda: [layers.Flatten(), layers.Dense(4), layers.Reshape((1, 1, 4)), layers.Softmax(), layers.Flatten()],
        "classes",
        "softmax",
        (4,),
        (4,),
    ),
    "softmax by hand": (
        lambda: [pooled(), layers.Dense(3), layers.Lambda(lambda x: tf.exp(x) / tf.reduce_sum(tf.exp(x), -1, True))],
        "classes",
        "softmax",
        (3,),
        (3,),
    ),
    "stable softmax by hand": (
        lambda: [pooled(), layers.Dense(3), layers.Lambda(stable_softmax)],
        "classes",
        "softmax",
        (3,),
        (3,),
    ),
    "softmax over places": (
        lambda: [layers.Conv2D(2, 1), layers.Lambda(lambda x: tf.exp(x) / tf.reduce_sum(tf.exp(x), 1, True))],
        "values",
        "",
        (8, 8, 2),
        (8, 8, 2),
    ),
    "sigmoid by hand": (
        lambda: [pooled(), layers.Dense(3), layers.Lambda(lambda x: 1 / (1 + tf.exp(-x)))],
        "labels",
        "sigmoid",
        (3,),
        (3,),
    ),
    "sigmoid by tanh": (
        lambda: [pooled(), layers.Dense(3), layers.Lambda(lambda x: 0.5 * (tf.tanh(0.5 * x) + 1))],
        "labels",
        "sigmoid",
        (3,),
        (3,),
    ),
}


def pooled():
    return layers.GlobalAveragePooling2D()


def stable_softmax(x):
    raised = tf.exp(x - tf.reduce_max(x, -1, True))
    return raised / tf.reduce_sum(raised, -1, True)


def sequential(*tail):
    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input(SIZE), layers.Conv2D(4, 3, padding="same", activation="relu"), *tail])
