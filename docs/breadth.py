"""Which networks the engine takes, and what it does with each: ``python -m docs.breadth`` writes docs/breadth.md.

``--only NAME ...`` tries some networks, and keeps the rows of the others.

Every network is loaded, its layers are listed, their activations computed, one layer in the middle is projected under
three rules, and one deep-dream step is made. What is refused is shown with the reason. Weights are random, but for the
embedded network.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from benchmarks.networks import alexnet, application, image_for
from cnnvis_widgets import (
    activations,
    attention_maps,
    attention_relevance,
    attention_rollout,
    demo,
    dream,
    load,
    reconstruct,
)
from cnnvis_widgets.engine.network.network import Network
from cnnvis_widgets.engine.reconstruction.strategies import Route, fastest_strategy
from cnnvis_widgets.errors import CnnvisError

PAGE = Path(__file__).with_name("breadth.md")
RULES = ("deconvnet", "guided", "gradient")
STRATEGIES = {
    "patch pullback": "patches",
    "batched pullback": "one forward pass",
    "tiled gradients": "a forward pass each",
}
layers = keras.layers


@dataclass(frozen=True)
class Entry:
    """A network to try: how to make it and its feed, and which layer lies in its middle."""

    make: Callable[[], tuple[Any, Any]]
    layer: str


def _keras(name: str, size: int = 96, **options: object) -> Callable[[], tuple[Any, Any]]:
    def make() -> tuple[Any, Any]:
        model = application(name, input_shape=(size, size, 3), include_top=False, pooling="avg", **options)
        return model, image_for((size, size, 3))

    return make


def unet() -> tuple[Any, Any]:
    image = keras.Input((64, 64, 3), name="image")
    high = layers.Conv2D(8, 3, padding="same", activation="relu", name="high")(image)
    low = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(high))
    low = layers.Conv2DTranspose(8, 2, strides=2, name="up")(low)
    joined = layers.Conv2D(8, 3, padding="same", activation="relu", name="joined")(layers.Concatenate()([high, low]))
    return keras.Model(image, layers.Conv2D(2, 1, activation="softmax", name="mask")(joined)), image_for((64, 64, 3))


def signal() -> tuple[Any, Any]:
    sound = keras.Input((256, 2), name="signal")
    x = layers.MaxPooling1D()(layers.Conv1D(8, 5, activation="relu", name="first")(sound))
    x = layers.Conv1D(8, 5, activation="relu", name="middle")(x)
    return keras.Model(sound, layers.Dense(3)(layers.GlobalAveragePooling1D()(x))), image_for((256, 2))


def volume() -> tuple[Any, Any]:
    scan = keras.Input((16, 16, 16, 1), name="scan")
    x = layers.MaxPooling3D()(layers.Conv3D(4, 3, padding="same", activation="relu", name="first")(scan))
    x = layers.Conv3D(6, 3, padding="same", activation="relu", name="middle")(x)
    return keras.Model(scan, layers.Dense(3)(layers.GlobalAveragePooling3D()(x))), image_for((16, 16, 16, 1))


def two_inputs() -> tuple[Any, Any]:
    image, age = keras.Input((32, 32, 3), name="image"), keras.Input((2,), name="age")
    x = layers.Conv2D(8, 3, activation="relu", name="middle")(image)
    both = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.Dense(4, activation="relu")(age)])
    model = keras.Model([image, age], layers.Dense(3, name="scores")(both))
    return model, {"image": image_for((32, 32, 3)), "age": image_for((2,))}


def channels_first() -> tuple[Any, Any]:
    graph, rng = tf.Graph(), np.random.default_rng(0)
    with graph.as_default():
        image = tf.compat.v1.placeholder(tf.float32, (None, 3, 32, 32), name="image")
        first, second = (tf.constant(rng.standard_normal(shape), tf.float32) for shape in ((3, 3, 3, 8), (3, 3, 8, 8)))
        x = tf.nn.relu(tf.nn.conv2d(image, first, 1, "SAME", data_format="NCHW"), name="first")
        x = tf.nn.max_pool2d(x, 2, 2, "SAME", data_format="NCHW", name="pool")
        tf.nn.relu(tf.nn.conv2d(x, second, 2, "SAME", data_format="NCHW"), name="middle")
    return graph, {"image": image_for((3, 32, 32))}


class _ClassToken(layers.Layer):  # type: ignore[misc]
    """Puts a learned token in front of the others, and adds a learned embedding of the positions."""

    def build(self, shape: Any) -> None:
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="random_normal")
        self.positions = self.add_weight(shape=(1, shape[1] + 1, shape[-1]), initializer="random_normal")

    def call(self, x: Any) -> Any:
        return tf.concat([tf.tile(self.token, [tf.shape(x)[0], 1, 1]), x], 1) + self.positions


def vit() -> tuple[Any, Any]:
    image = keras.Input((96, 96, 3), name="image")
    x = layers.Reshape((36, 64))(layers.Conv2D(64, 16, 16, name="patches")(image))
    x = _ClassToken()(x)
    for number in range(4):
        seen = layers.LayerNormalization(name=f"normal{number}")(x)
        x = x + layers.MultiHeadAttention(4, 16, name=f"attention{number}")(seen, seen)
        wide = layers.Dense(128, activation="gelu", name=f"wide{number}")(layers.LayerNormalization()(x))
        x = x + layers.Dense(64, name=f"narrow{number}")(wide)
    return keras.Model(image, layers.Dense(10)(layers.LayerNormalization()(x)[:, 0])), image_for((96, 96, 3))


class _Windows(layers.Layer):  # type: ignore[misc]
    """Attention within windows of 4 x 4 places, of maps that are rolled before."""

    def __init__(self, shift: int, **options: Any) -> None:
        super().__init__(**options)
        self.shift, self.attention = shift, layers.MultiHeadAttention(4, 8)

    def build(self, shape: Any) -> None:
        self.attention.build((None, 16, shape[-1]), (None, 16, shape[-1]))

    def call(self, x: Any) -> Any:
        height, width, channels = x.shape[1:]
        x = tf.reshape(tf.roll(x, [-self.shift] * 2, [1, 2]), [-1, height // 4, 4, width // 4, 4, channels])
        x = tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4, 5]), [-1, 16, channels])
        x = tf.reshape(self.attention(x, x), [-1, height // 4, width // 4, 4, 4, channels])
        x = tf.reshape(tf.transpose(x, [0, 1, 3, 2, 4, 5]), [-1, height, width, channels])
        return tf.roll(x, [self.shift] * 2, [1, 2])


def swin() -> tuple[Any, Any]:
    image = keras.Input((96, 96, 3), name="image")
    x = layers.Conv2D(32, 6, 6, name="patches")(image)
    for number in range(4):
        x = x + _Windows(2 * (number % 2), name=f"windows{number}")(layers.LayerNormalization()(x))
        x = x + layers.Dense(32)(layers.Dense(64, activation="gelu", name=f"wide{number}")(x))
    return keras.Model(image, layers.Dense(10)(layers.GlobalAveragePooling2D()(x))), image_for((96, 96, 3))


def embedded() -> tuple[Any, Any]:
    return demo.network(), next(iter(demo.photos().values()))


def _alexnet() -> tuple[Any, Any]:
    return alexnet(), image_for((227, 227, 3))


SMALL = {
    "U-Net": Entry(unet, "joined"),
    "1-D net": Entry(signal, "middle"),
    "3-D net": Entry(volume, "middle"),
    "Two inputs": Entry(two_inputs, "middle"),
    "NCHW graph": Entry(channels_first, "middle"),
    "Vision transformer": Entry(vit, "wide2"),
    "Windows, rolled (Swin)": Entry(swin, "wide2"),
    "MobileNetV2": Entry(_keras("MobileNetV2"), "block_6_expand_relu"),
}
LARGE = {
    "VGG16": Entry(_keras("VGG16"), "block3_pool"),
    "ResNet50": Entry(_keras("ResNet50"), "conv3_block2_out"),
    "InceptionV3": Entry(_keras("InceptionV3"), "mixed2"),
    "DenseNet121": Entry(_keras("DenseNet121"), "conv3_block6_concat"),
    "MobileNetV3Small": Entry(_keras("MobileNetV3Small"), "expanded_conv_4_add"),
    "EfficientNetB0": Entry(_keras("EfficientNetB0"), "block3b_add"),
    "EfficientNet-Lite0 (embedded)": Entry(embedded, "r"),
    "ConvNeXtTiny": Entry(_keras("ConvNeXtTiny"), "convnext_tiny_stage_1_block_2_gelu"),
    "Xception": Entry(_keras("Xception"), "block4_sepconv1_act"),
    "AlexNet (LRN, towers)": Entry(_alexnet, "conv3/Relu"),
}
COLUMNS = (
    "network",
    "load, s",
    "layers",
    "activations",
    *RULES,
    "rule reach",
    "unruled",
    "unknown ops",
    "backward",
    "dream step",
    "attention",
)


def tried(name: str, entry: Entry) -> dict[str, str]:
    """One row of the table."""
    row = {"network": name}
    begun = time.perf_counter()
    model, feed = entry.make()
    begun = time.perf_counter()
    network = load(model, feed)
    row["load, s"] = f"{time.perf_counter() - begun:.1f}"
    families = {family: sum(layer.family == family for layer in network.layers) for family in "rpc"}
    row["layers"] = (
        f"{len(network.layers)} (" + ", ".join(f"{count} {family}" for family, count in families.items()) + ")"
    )
    middle = network.select(entry.layer)
    layer = middle[len(middle) // 2]
    row["activations"] = _said(
        lambda: _finite(maps.values for maps in activations(network, None, [each for each in "rpc" if families[each]]))
    )
    for rule in RULES:
        row[rule] = _said(
            lambda rule=rule: _finite(
                [reconstruct(network, None, layer, channels=[0, 1], rule=rule, seed="map").images]
            )
        )
    row |= _covered(network, layer)
    feeds = network.runtime.batches.rows_of(network.feeds(), np.array([0]))
    choices = [fastest_strategy(Route(network, layer, "guided", seed), feeds, tf.float32) for seed in ("map", "unit")]
    row["backward"] = ", ".join(dict.fromkeys(STRATEGIES[choice.strategy.name] for choice in choices))
    channel = int(np.argmax(activations(network, None, layer)[0].strengths[0]))
    row["dream step"] = _said(lambda: _dreamt(network, layer, channel))
    row["attention"] = _attended(network)
    return row


def _attended(network: Network) -> str:
    """The number of attentions and of their heads, and which of the three methods give numbers."""
    if not network.attentions:
        return "none"
    maps = attention_maps(network)
    ways = {"rollout": attention_rollout, "relevance": attention_relevance}
    done = [
        name
        for name, method in ways.items()
        if _said(lambda method=method: _finite([method(network).weights])) == "yes"
    ]
    size = " × ".join(map(str, maps.weights.shape[2:]))
    return f"{len(network.attentions)} of {maps.weights.shape[1]} heads on {size}; " + ", ".join(["maps", *done])


def _dreamt(network: Network, layer: Any, channel: int) -> str:
    """One step from the fed image, for the channel that it excites most: others may be dead in a random network."""
    size = (96, 96) if network.runtime.layout.picture_shape[:-1] == (None, None) else None
    return _finite([next(dream(network, None, layer, channel, start="feed", octaves=1, steps=1, size=size)).images])


def _said(work: Callable[[], str]) -> str:
    try:
        return work()
    except (CnnvisError, ValueError) as error:
        return f"refused: {error}".replace("|", "\\|")


def _finite(arrays: Any) -> str:
    arrays = list(arrays)
    if not all(np.isfinite(array).all() for array in arrays):
        return "not finite"
    return "yes" if any(array.any() for array in arrays) else "black"


def _covered(network: Network, layer: Any) -> dict[str, str]:
    """What coverage says of the ops up to a layer under 'guided'."""
    ops = network.coverage("guided", layer).ops

    def listed(*treatments: str) -> str:
        return ", ".join(f"{op.count} {op.kind}" for op in ops if op.treatment in treatments) or "none"

    obeying = sum(op.count for op in ops if op.treatment == "rule")
    others = sum(op.count for op in ops if not op.covered)
    return {
        "rule reach": f"{obeying} of {obeying + others}",
        "unruled": listed("unruled"),
        "unknown ops": listed("unknown", "lost"),
    }


def page(rows: list[dict[str, str]]) -> str:
    """The table as Markdown."""
    lines = [" | ".join(row[column] for column in COLUMNS) for row in rows]
    head = [" | ".join(COLUMNS), " | ".join("---" for _ in COLUMNS)]
    return "\n".join(f"| {line} |" for line in (*head, *lines))


TEXT = """# What the engine takes

Written by `python -m docs.breadth` with TensorFlow {tensorflow} and Keras {keras}. Weights are random, but for
the embedded network.

- *layers*: all that are listed (r activation functions, p pools, c convolutions).
- *deconvnet, guided, gradient*: two maps of a layer in the middle, projected under each rule; "yes" means
  finite numbers, not all zero.
- *rule reach*: how many of the ops up to that layer that are not linear obey the rule, max-pools apart.
- *unruled*: ops up to that layer that are not linear and for which the papers give no rule. They take their true
  gradient, and `network.coverage(rule, layer)` names them. Examples are the gates of squeeze-and-excitation (a sigmoid
  and a product) and the softmax of attention.
- *attention*: how many attentions there are, their heads, the grid of their tokens, and which methods give numbers.
- *unknown ops*: those of which the engine knows nothing, and custom gradients that are lost. They would take
  TensorFlow's own gradient, and coverage would name them.
- *backward*: the backward strategy (see design note 0020) for whole maps and for single units.

{table}
"""


def stored() -> dict[str, dict[str, str]]:
    """The rows of the page, by network."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    return {cells[0]: dict(zip(COLUMNS, cells, strict=True)) for cells in lines[2:]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small networks only; prints, writes nothing")
    parser.add_argument("--only", nargs="+", choices=LARGE | SMALL, help="these networks; the page keeps other rows")
    options = parser.parse_args()
    entries = SMALL if options.quick else LARGE | SMALL
    rows = {}
    for name in options.only or entries:
        rows[name] = tried(name, (LARGE | SMALL)[name])
        print(rows[name], flush=True)
        keras.backend.clear_session()
    if options.quick:
        print(page(list(rows.values())))
        return
    whole = (stored() if options.only else {}) | rows
    table = page([whole[name] for name in entries])
    PAGE.write_text(TEXT.format(tensorflow=tf.__version__, keras=keras.__version__, table=table), "utf-8")


if __name__ == "__main__":
    main()
