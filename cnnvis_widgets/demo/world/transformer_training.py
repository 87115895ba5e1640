"""Train the transformer of the things: ``python -m cnnvis_widgets.demo.world.transformer_training``, some minutes.

The convolutions keep the weights of the convolutional network. So their maps are computed once, of every picture and
its mirror image, and only the layers behind them are trained.
"""

from __future__ import annotations

from time import perf_counter

import keras
import numpy as np

from .data import things
from .network import things_model
from .training import accuracy_by_class
from .transformer import FILE, STEM, scores_of_tokens, things_transformer

PICTURES, EPOCHS, BATCH, RATE, DECAY = 6000, 6, 64, 2e-3, 0.02
"""How many things are drawn, passes through them, pictures to a step, the highest learning rate, weight decay."""

_SEED = 10


def train_transformer(pictures: int = PICTURES, epochs: int = EPOCHS) -> keras.Model:
    """Train ``things_transformer`` behind its convolutions by AdamW; the rate rises, then falls as a cosine."""
    data = things(pictures, seed=_SEED)
    convolutional = things_model()
    stem = keras.Model(convolutional.input, convolutional.get_layer(STEM).output)
    both = np.concatenate([data.images, data.images[:, :, ::-1]]).astype(np.float32) / 255 - 0.5
    maps = stem.predict(both, batch_size=100, verbose=0)
    labels = np.concatenate([data.labels, data.labels])
    image = keras.Input(maps.shape[1:])
    behind = keras.Model(image, scores_of_tokens(image))
    model = things_transformer(trained=False)
    shared = len(model.weights) - len(behind.weights)
    behind.set_weights(model.get_weights()[shared:])
    steps = len(maps) // BATCH * epochs
    rate = keras.optimizers.schedules.CosineDecay(
        RATE / 10, steps - steps // 10, alpha=0.01, warmup_target=RATE, warmup_steps=steps // 10
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    behind.compile(keras.optimizers.AdamW(rate, weight_decay=DECAY, clipnorm=1.0), loss, metrics=["accuracy"])
    keras.utils.set_random_seed(_SEED)  # of the order of the pictures
    behind.fit(maps, labels, batch_size=BATCH, epochs=epochs, verbose=2)
    model.set_weights(model.get_weights()[:shared] + behind.get_weights())
    return model


def main() -> None:
    """Train, and store the weights beside this file."""
    started = perf_counter()
    model = train_transformer()
    np.savez_compressed(FILE, **{weight.path: np.asarray(weight).astype(np.float16) for weight in model.weights})  # type: ignore[arg-type]
    shares = accuracy_by_class(things_transformer())
    print(f"{np.mean(list(shares.values())):.2%} in {perf_counter() - started:.0f} s", flush=True)
    print("   " + ", ".join(f"{thing} {share:.1%}" for thing, share in shares.items()))


if __name__ == "__main__":
    main()
