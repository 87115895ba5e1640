"""Networks to measure and to try: random weights of the usual spread, no downloads."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

v1 = tf.compat.v1


def application(name: str, **options: object) -> keras.Model:
    """A network of keras.applications with He weights, so that its activations neither fade nor explode."""
    model = getattr(keras.applications, name)(weights=None, **options)
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if variable.path.endswith("kernel"):
            spread = np.sqrt(2 / np.prod(variable.shape[:-1]))
            variable.assign(rng.standard_normal(variable.shape, np.float32) * np.float32(spread))
    return model


def alexnet(classes: int = 1000) -> tf.Graph:
    """AlexNet as of 2012: local response normalisation, and two towers in its second, fourth and fifth layer."""
    rng = np.random.default_rng(0)

    def weights(*shape: int) -> tf.Tensor:
        return tf.constant((rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))).astype(np.float32))

    def convolved(x: tf.Tensor, size: int, channels: int, name: str, stride: int = 1, towers: int = 1) -> tf.Tensor:
        kernel = weights(size, size, x.shape[-1] // towers, channels)
        parts = zip(tf.split(x, towers, -1), tf.split(kernel, towers, -1), strict=True)
        padding = "VALID" if stride > 1 else "SAME"
        sides = [tf.nn.conv2d(part, own, stride, padding) for part, own in parts]
        joined = tf.concat(sides, -1) if towers > 1 else sides[0]
        return tf.nn.relu(tf.nn.bias_add(joined, tf.zeros([channels])), name=f"{name}/Relu")

    def pooled(x: tf.Tensor, name: str) -> tf.Tensor:
        return tf.nn.max_pool2d(x, 3, 2, "VALID", name=f"{name}/MaxPool")

    graph = tf.Graph()
    with graph.as_default():
        x = v1.placeholder(tf.float32, [None, 227, 227, 3], name="image")
        x = convolved(x, 11, 96, "conv1", stride=4)
        x = pooled(tf.nn.local_response_normalization(x, 2, 1.0, 2e-5, 0.75, name="norm1/LRN"), "pool1")
        x = convolved(x, 5, 256, "conv2", towers=2)
        x = pooled(tf.nn.local_response_normalization(x, 2, 1.0, 2e-5, 0.75, name="norm2/LRN"), "pool2")
        x = convolved(x, 3, 384, "conv3")
        x = convolved(x, 3, 384, "conv4", towers=2)
        x = pooled(convolved(x, 3, 256, "conv5", towers=2), "pool5")
        x = tf.reshape(x, [-1, 6 * 6 * 256])
        for name, units in (("fc6", 4096), ("fc7", 4096)):
            x = tf.nn.relu(tf.matmul(x, weights(x.shape[-1], units)), name=f"{name}/Relu")
        tf.nn.softmax(tf.matmul(x, weights(4096, classes), name="fc8/MatMul"), name="probabilities")
    return graph


def mnist_session() -> v1.Session:
    """A session with two convolutions, pools and dense layers for MNIST, its variables initialised at random."""
    graph = tf.Graph()
    with graph.as_default():

        def variable(*shape: int) -> tf.Tensor:
            name = f"weights{len(v1.global_variables())}"
            started = v1.truncated_normal_initializer(stddev=0.1)
            return v1.get_variable(name, shape, initializer=started, use_resource=False)

        x = tf.reshape(v1.placeholder(tf.float32, [None, 784], "image"), [-1, 28, 28, 1])
        for number, (entering, leaving) in enumerate([(1, 32), (32, 64)], 1):
            x = tf.nn.conv2d(x, variable(5, 5, entering, leaving), 1, "SAME", name=f"conv{number}")
            x = tf.nn.relu(x + variable(leaving), name=f"relu{number}")
            x = tf.nn.max_pool2d(x, 2, 2, "SAME", name=f"pool{number}")
        flat = tf.reshape(x, [-1, 7 * 7 * 64])
        x = tf.nn.relu(tf.matmul(flat, variable(7 * 7 * 64, 1024)) + variable(1024), name="relu3")
        tf.add(tf.matmul(x, variable(1024, 10)), variable(10), name="scores")
        session = v1.Session(graph=graph)
        session.run(v1.global_variables_initializer())
    return session


def image_for(shape: tuple[int | None, ...], seed: int = 0) -> np.ndarray:
    """A random image of a network's input shape (without the image axis), 64 where a size is free."""
    sizes = [64 if size is None else size for size in shape]
    return np.random.default_rng(seed).standard_normal((1, *sizes)).astype(np.float32)
