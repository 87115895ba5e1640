"""Loading: whatever the user holds becomes a ``Network``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...errors import FeedError
from ..graph.freezing import freeze
from ..models.readers import draft_of
from ..models.tracing import unnamed
from ..runtime.tracing import eagerly
from .channels import ordered_class_names
from .feeds import Preprocess, as_array, key_name
from .network import Network
from .runtime import Runtime


@eagerly
def load(
    model: Any = None,
    feed: Any = None,
    *,
    image_input: Any = None,
    class_names: Sequence[str] | Mapping[int, str] | None = None,
    preprocess: Preprocess | None = None,
) -> Network:
    """Turn a model of any kind into a ``Network``. Your object, files and sessions are only read.

    Args:
        model: a tf.Graph, GraphDef, MetaGraphDef, session, Keras model, ConcreteFunction or tf.function; the
            path of a .keras, .h5, .pb or .meta file, a checkpoint or a SavedModel directory; ``None`` for the
            default session, else the default graph; or a ``Network``, which passes through.
        feed: what to feed where a method gets no feed of its own: a dict (keys: tensors, ops, names), a list with
            one value for each input, or just the image or images (arrays, paths, contents of image files, binary
            files, PIL images).
        image_input: the tensor that takes the images, or its name, where it cannot be guessed. Any tensor of the
            graph that is not constant will do.
        class_names: the names of the classes, in the order of the network's outputs.
        preprocess: a function from a picture, uint8 (height, width, channels), to the array that the network expects.
            It is applied to bare images, never to values in a dict, and tells the range of the input.

    Returns:
        The network. A ``Network`` with other settings shares what is compiled.

    Raises:
        ModelError: the model cannot be read; VariableError: a variable has no value.
        FeedError: the feed does not fit, or the image input is not found.

    Example:
        >>> import keras, numpy as np
        >>> edges = keras.layers.Conv2D(4, 3, activation="relu", name="edges")
        >>> network = load(keras.Sequential([keras.Input((8, 8, 3)), edges]), np.ones((2, 8, 8, 3)))
        >>> [layer.name for layer in network.select("r")], network.images().shape
        (['edges/Relu'], (2, 8, 8, 3))
    """
    names = ordered_class_names(class_names)
    if isinstance(model, Network):
        return _with_settings(model, feed, image_input, names, preprocess)
    wanted = None if image_input is None else key_name(image_input)
    frozen = freeze(draft_of(model, lambda: _arguments(feed, preprocess)), wanted)
    return Network(Runtime(frozen, wanted), feed, names, preprocess)


def _with_settings(
    network: Network,
    feed: Any,
    image_input: Any,
    class_names: tuple[str, ...] | None,
    preprocess: Preprocess | None,
) -> Network:
    """The network with other settings. It shares what is compiled, unless another input takes the images."""
    runtime = network.runtime
    wanted = runtime.image_tensor if image_input is None else runtime.tensor(image_input)
    if wanted != runtime.image_tensor:
        runtime = Runtime(runtime.frozen, wanted)
    elif feed is None and class_names is None and preprocess is None:
        return network
    return Network(
        runtime,
        network.feed if feed is None else feed,
        network.class_names if class_names is None else class_names,
        preprocess or network.preprocess,
    )


def _arguments(feed: Any, preprocess: Preprocess | None) -> dict[str, np.ndarray]:
    """The arrays with which a model is traced that has no graph until it sees an input, by name."""
    if feed is None:
        raise FeedError(
            "Expected a feed: this model has no graph until it sees an input. Received: feed=None. "
            "Pass an image of the right size as feed."
        )
    if isinstance(feed, Mapping):
        return {key_name(key): as_array(value) for key, value in feed.items()}
    several = isinstance(feed, list | tuple) and all(np.ndim(value) >= 3 for value in feed) and len(feed) > 1
    arrays = [as_array(value) for value in feed] if several else [as_array(feed)]
    if preprocess is not None and arrays[0].ndim == 3:
        arrays = [np.asarray(preprocess(arrays[0]))]
    return unnamed([array[None] if array.ndim == 3 else array for array in arrays])
