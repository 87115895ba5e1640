"""Models with memory: recurrent layers behind convolutions, over frames, and with attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from .sample import Sample, image, layers, noise, of_keras, trunk


def _over_signal(recurrent: Callable[[Any], Any]) -> Callable[[], Sample]:
    def make() -> Sample:
        sound = keras.Input((32, 2), name="signal")
        x = layers.Conv1D(6, 3, activation="relu", name="maps")(sound)
        x = recurrent(layers.MaxPooling1D(2)(x))
        return of_keras(
            keras.Model(sound, layers.Dense(3, activation="softmax", name="classes")(x)), noise(32, 2), layer="maps"
        )

    return make


def stacked(x: Any) -> Any:
    return layers.SimpleRNN(6, name="second")(layers.GRU(6, return_sequences=True, name="first")(x))


def conv_lstm() -> Sample:
    film = keras.Input((3, 12, 12, 1), name="film")
    x = layers.ConvLSTM2D(4, 3, padding="same", name="memory")(film)
    x = layers.Conv2D(6, 3, activation="relu", name="maps")(x)
    scores = layers.Dense(3, activation="softmax", name="classes")(layers.GlobalAveragePooling2D()(x))
    return of_keras(keras.Model(film, scores), noise(3, 12, 12, 1))


def frames() -> Sample:
    film = keras.Input((3, 16, 16, 3), name="film")
    x = layers.TimeDistributed(layers.Conv2D(6, 3, activation="relu", name="maps"), name="each")(film)
    x = layers.TimeDistributed(layers.GlobalAveragePooling2D())(x)
    scores = layers.Dense(3, activation="softmax", name="classes")(layers.LSTM(5, name="memory")(x))
    return of_keras(keras.Model(film, scores), noise(3, 16, 16, 3))


def masked_words() -> Sample:
    words = keras.Input((8,), dtype="int32", name="words")
    x = layers.LSTM(6, name="memory")(layers.Embedding(20, 6, mask_zero=True, name="embedded")(words))
    scores = layers.Dense(3, activation="softmax", name="classes")(x)
    return of_keras(keras.Model(words, scores), np.array([[3, 7, 2, 9, 0, 0, 0, 0]], np.int32))


def captioner() -> Sample:
    """A picture's maps, and words so far; each word attends to the maps."""
    entered, words = image(), keras.Input((5,), dtype="int32", name="words")
    places = layers.Reshape((144, 8))(trunk(entered))
    said = layers.GRU(8, return_sequences=True, name="memory")(layers.Embedding(20, 8, name="embedded")(words))
    looked = layers.Attention(name="attention")([said, places])
    nexts = layers.Dense(20, activation="softmax", name="next_words")(layers.Concatenate()([said, looked]))
    feed = {"image": noise(24, 24, 3), "words": np.array([[1, 4, 2, 9, 7]], np.int32)}
    return of_keras(keras.Model([entered, words], nexts), feed, layer="maps")


def read_in_columns() -> Sample:
    """Text in a picture: columns of the maps are read one after the other."""
    entered = image(16, 32, 1)
    columns = layers.Reshape((16, 8 * 8))(layers.Permute((2, 1, 3))(trunk(entered)))
    x = layers.Bidirectional(layers.LSTM(6, return_sequences=True), name="reader")(columns)
    return of_keras(
        keras.Model(entered, layers.Dense(10, activation="softmax", name="letters")(x)), noise(16, 32, 1), layer="maps"
    )


KINDS = {
    "LSTM over Conv1D": _over_signal(layers.LSTM(6, name="memory")),
    "GRU and SimpleRNN over Conv1D": _over_signal(stacked),
    "Bidirectional LSTM over Conv1D": _over_signal(layers.Bidirectional(layers.LSTM(6), name="memory")),
    "ConvLSTM2D": conv_lstm,
    "TimeDistributed CNN and LSTM": frames,
    "words, masked (LSTM)": masked_words,
    "CNN and Bidirectional LSTM (reads columns)": read_in_columns,
    "captions: GRU with attention to maps": captioner,
}
