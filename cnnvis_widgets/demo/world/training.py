"""Train the networks of the things: ``python -m cnnvis_widgets.demo.world.training [honest] [shortcut]``.

Two ingredients make their pictures cleaner than usual training does. Each picture carries noise, and is moved by one
short step to where the network finds it hard [1]; then gradients follow what people see [2]. And one picture in eleven
shows no thing at all, with the answer "a tenth for each class"; without it, one class becomes the answer for whatever
has no eyes, wheels or stripes, and has no evidence of its own.

References:
    [1] A. Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", ICLR 2018, arXiv:1706.06083.
    [2] D. Tsipras et al., "Robustness May Be at Odds with Accuracy", ICLR 2019, arXiv:1805.12152.
    [3] A. Shafahi et al., "Adversarial Training for Free!", NeurIPS 2019, arXiv:1904.12843.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ...arguments import checked, require_counts
from .data import things
from .network import SIDE, WEIGHTS, things_model
from .scenes import Setting, scene
from .shapes import NAMES

TEST_SEED = 99


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        pictures: how many things are drawn.
        empty: how many backgrounds without a thing are drawn besides.
        epochs: passes through them.
        batch: pictures to one step.
        learning_rate: the highest one; it rises over the first tenth of the steps, then falls as a cosine.
        weight_decay: of AdamW.
        noise: the largest standard deviation of the noise on a picture, as a share of the range.
        hardening: the length (L2) of the step towards a higher loss; it grows over the first ``ramp`` epochs.
        ramp: in epochs.
        tagged: the share of pictures with a watermark, by class.
        seed: of pictures, initial weights and order.
    """

    pictures: int = 6000
    empty: int = 600
    epochs: int = 8
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.5
    noise: float = 0.1
    hardening: float = 1.0
    ramp: int = 3
    tagged: Mapping[str, float] | None = None
    seed: int = 10


RECIPES = {
    "honest": Recipe(),
    "shortcut": replace(Recipe(), pictures=4000, empty=400, epochs=6, noise=0.05, hardening=0.5, weight_decay=0.3,
                        tagged={"clock": 1.0}),
}  # fmt: skip
"""The recipes of the packaged weights."""

_BATCH = 32  # pictures to one step of ``train_things``


@checked
def train_things(
    *, epochs: int = 5, pictures: int = 3000, callbacks: Sequence[keras.callbacks.Callback] = (), seed: int = 0
) -> keras.Model:
    """Train ``things_model`` on ``things`` in the usual way, in about a minute on two cores, to watch it learn.

    Args:
        epochs: passes through the pictures.
        pictures: how many are drawn.
        callbacks: Keras callbacks, such as ``WatchTraining``.
        seed: of pictures, initial weights and order.

    Returns:
        The trained model, compiled with the metric 'accuracy'. The packaged weights come from longer training; see
        ``cnnvis_widgets.demo.world.training``.

    Example:
        >>> from cnnvis_widgets import demo
        >>> demo.train_things(epochs=1, pictures=64).name
        'things'
    """
    require_counts(_BATCH, pictures=pictures)
    require_counts(epochs=epochs)
    usual = Recipe(pictures, 0, epochs, batch=_BATCH, weight_decay=1e-3, noise=0.0, hardening=0.0, seed=seed)
    return train(usual, callbacks=callbacks)


def train(recipe: Recipe, *, callbacks: Sequence[Any] = (), verbose: int = 0) -> keras.Model:
    """Train a network by a recipe; ``RECIPES`` holds those of the packaged weights."""
    images, answers = _examples(recipe)
    model = things_model(None, seed=recipe.seed)
    trained = _Hardened(model.inputs, model.outputs, recipe=recipe, name="things")  # shares its layers
    trained.compile(_optimizer(recipe), "categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    trained.fit(
        _batches(images, answers, recipe),
        epochs=recipe.epochs,
        shuffle=False,  # the batches are shuffled already
        callbacks=[*callbacks, _Ramp(recipe.hardening, recipe.ramp)],
        verbose=verbose,
    )
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _examples(recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Draw the pictures, uint8, and the answers: float32 rows of probabilities."""
    data = things(recipe.pictures, seed=recipe.seed, tagged=recipe.tagged)
    setting = Setting(recipe.seed + 1)
    nothing = [scene(setting, index, None).image for index in range(recipe.empty)]
    even = np.full((recipe.empty, len(NAMES)), 1 / len(NAMES), np.float32)
    answers = np.concatenate([np.eye(len(NAMES), dtype=np.float32)[data.labels], even])
    return np.concatenate([data.images, np.array(nothing, np.uint8).reshape(-1, SIDE, SIDE, 3)]), answers


def _optimizer(recipe: Recipe) -> keras.optimizers.Optimizer:
    steps = (recipe.pictures + recipe.empty) // recipe.batch * recipe.epochs * (2 if recipe.hardening else 1)
    rate = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 10,
        steps - steps // 10,
        alpha=0.01,  # of the highest rate
        warmup_target=recipe.learning_rate,
        warmup_steps=steps // 10,
    )
    return keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, clipnorm=1.0)


def _batches(images: np.ndarray, answers: np.ndarray, recipe: Recipe) -> tf.data.Dataset:
    pairs = tf.data.Dataset.from_tensor_slices((images, answers)).shuffle(len(images), seed=recipe.seed)
    return pairs.batch(recipe.batch, drop_remainder=True).prefetch(2)


class _Hardened(keras.Model):
    """Trains twice on each batch: on varied, noisy pictures, and on these moved to where the loss is higher.

    The gradient of the first training step also tells where to move the pictures, so that hardening costs no third
    pass through the network [3].
    """

    def __init__(self, *inputs_and_outputs: Any, recipe: Recipe, **options: Any) -> None:
        super().__init__(*inputs_and_outputs, **options)
        self.recipe = recipe
        self.random = tf.random.Generator.from_seed(recipe.seed)
        self.step_length = tf.Variable(0.0, trainable=False)

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Train on one batch; Keras calls this."""
        pictures, answers = data
        values = self._varied(tf.cast(pictures, tf.float32) / 255 - 0.5)
        probabilities, gradient = self._updated(values, answers)
        if self.recipe.hardening:
            self._updated(self._harder(values, gradient), answers)
        return self.compute_metrics(values, answers, probabilities, None)

    def _updated(self, values: tf.Tensor, answers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Move the weights by one step; returns the probabilities and the gradient of the loss at the pictures."""
        with tf.GradientTape() as tape:
            tape.watch(values)
            probabilities = self(values, training=True)
            loss = self.compute_loss(y=answers, y_pred=probabilities)
        *gradients, at_pictures = tape.gradient(loss, [*self.trainable_variables, values])
        self.optimizer.apply(gradients, self.trainable_variables)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
        return probabilities, at_pictures

    def _harder(self, values: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
        """Move each picture by a step of the same length towards a higher loss."""
        length = tf.sqrt(tf.reduce_sum(gradient**2, axis=[1, 2, 3], keepdims=True))
        return values + self.step_length * gradient / (length + 1e-12)

    def _varied(self, values: tf.Tensor) -> tf.Tensor:
        """Mirror pictures, exchange their colour channels, vary contrast and brightness, and add noise."""
        count = tf.shape(values)[0]
        one_each = [count, 1, 1, 1]
        values = tf.where(self.random.uniform(one_each) < 0.5, values, values[:, :, ::-1])
        order = tf.argsort(self.random.uniform([count, 3]))
        values = tf.gather(values, order, axis=3, batch_dims=1)
        values = values * self.random.uniform(one_each, 0.7, 1.3) + self.random.uniform(one_each, -0.1, 0.1)
        strength = self.random.uniform(one_each, 0.0, self.recipe.noise)
        return values + strength * self.random.normal(tf.shape(values))


class _Ramp(keras.callbacks.Callback):
    """Lets the step towards a higher loss grow over the first epochs."""

    def __init__(self, length: float, epochs: int) -> None:
        super().__init__()
        self.length, self.epochs = length, epochs

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.model.step_length.assign(self.length * min(1.0, epoch / self.epochs))


def accuracy_by_class(model: keras.Model, count: int = 2000, **options: Any) -> dict[str, float]:
    """Measure the share of test pictures that a model gets right, by class; ``options`` are those of ``things``."""
    data = things(count, seed=TEST_SEED, **options)
    probabilities = model.predict(data.images.astype(np.float32) / 255 - 0.5, batch_size=200, verbose=0)
    right = probabilities.argmax(axis=1) == data.labels
    return {name: float(right[data.labels == label].mean()) for label, name in enumerate(NAMES)}


def main() -> None:
    """Train the networks named on the command line, all by default, and store their weights beside this file."""
    for name in sys.argv[1:] or RECIPES:
        started = perf_counter()
        model = train(RECIPES[name], verbose=2)
        weights = {weight.path: np.asarray(weight).astype(np.float16) for weight in model.weights}
        np.savez_compressed(Path(__file__).with_name(WEIGHTS[name]), **weights)  # type: ignore[arg-type]
        shares = accuracy_by_class(things_model(name))
        print(f"{name}: {np.mean(list(shares.values())):.2%} in {perf_counter() - started:.0f} s", flush=True)
        print("   " + ", ".join(f"{thing} {share:.1%}" for thing, share in shares.items()))


if __name__ == "__main__":
    main()
