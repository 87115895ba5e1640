"""How many threads TensorFlow may use in this process."""

from __future__ import annotations

from contextlib import suppress

import tensorflow as tf


def limit_threads(count: int) -> None:
    """Let TensorFlow use so many threads for one op. It does nothing if TensorFlow has run an op already."""
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)
