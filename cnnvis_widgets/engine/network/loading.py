"""Loading: whatever the user holds becomes a ``Network``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np
import tensorflow as tf

from ...arguments import checked
from ...errors import FeedError, warn_of_feed
from ...imaging.reading import is_image_source
from ...results import Head
from ..graph.freezing import FrozenGraph, freeze
from ..models.admission import admitted, admitted_draft
from ..models.open_files import OPEN_FILES, stamp_of
from ..models.readers import draft_of, unreadable
from ..models.tracing import Request, unnamed
from ..runtime.memory import give_back
from ..runtime.tracing import eagerly
from .cautions import cautions
from .feeds import Preprocess, as_array, key_name
from .heads import ClassNames, find_heads
from .image_sources import is_numbers, items_of, read_once
from .input_layout import InputLayout
from .network import Network
from .pictures import batch_of
from .runtime import Runtime

_ANY_PICTURE = InputLayout("input:0", tf.float32, None)


@checked
@eagerly
def load(
    model: Any = None,
    feed: Any = None,
    *,
    image_input: Any = None,
    class_names: ClassNames | None = None,
    heads: Mapping[str, str] | None = None,
    preprocess: Preprocess | None = None,
    trusted: bool = False,
) -> Network:
    """Turn a model of any kind into a ``Network``. Your object, files and sessions are only read.

    Args:
        model: a tf.Graph, GraphDef, MetaGraphDef, session, Keras model, ConcreteFunction or tf.function; the
            path of a .keras, .h5, .pb, .pbtxt or .meta file, a checkpoint or a SavedModel directory; ``None`` for the
            default session, else the default graph; or a ``Network``, which passes through.
        feed: what to feed where a method gets no feed of its own: a dict (keys: tensors, ops, names), a list with
            one value for each input, or just the image or images: arrays, paths, contents of image files, binary
            files, PIL images, a folder, a glob pattern, or a list, pandas Series, ``tf.data.Dataset`` (of images, or
            of images and labels) or iterator of these. Without a feed, methods use a packaged photograph, or random
            numbers where the input is no picture, and a ``FeedWarning`` says so.
        image_input: the tensor that takes the images, or its name, where it cannot be guessed. Any tensor of the
            graph that is not constant will do. It need not be fed: its values then follow from what is fed, as those
            of a reshape do.
        class_names: the names of the classes in their order, or a dict of numbers and names. They belong to the main
            head; ``{head: names}`` names the classes of several.
        heads: what an output means, by its name, where the graph does not tell: 'classes', 'labels', 'yes or no' or
            'values' (see ``Head``). Scores without a softmax are values unless class names are given.
        preprocess: a function from a picture, uint8 (height, width, 3), to the array that the network expects. All
            calls, and ``dream(start=)``, have one rule: paths, contents of files, PIL images and uint8 arrays are
            pictures and go through it. Without it they are resized to the input and keep their values, 0 to 255.
            Arrays of floating point are the network's own values, in the shape of its input or as
            (height, width, channels), and are fed as they are; a ``FeedWarning`` tells where their range suggests
            otherwise. ``preprocess`` also tells the range of the input.
        trusted: whether you know who made the model and trust them. Without it, ops that do more than compute (files,
            connections, Python), Lambda layers and other code of files do not run: what no layer needs is removed, and
            the rest is refused by name. A ``Network`` was admitted before, so this changes nothing for it.

    Returns:
        The network. A ``Network`` with other settings shares what is compiled.

    Raises:
        ModelError: the model cannot be read; VariableError: a variable has no value; TrustError: the model would do
            more than compute, and is not trusted.
        FeedError: the feed does not fit, or the image input is not found.

    Warns:
        FeedWarning: images of one batch influence each other, as in batch normalisation on the statistics of a batch;
            or the network draws random numbers, as a dropout that was called with training=True does.
        TrustWarning: the model is trusted and does more than compute.

    Example:
        >>> import keras, numpy as np
        >>> edges = keras.layers.Conv2D(4, 3, activation="relu", name="edges")
        >>> network = load(keras.Sequential([keras.Input((8, 8, 3)), edges]), np.ones((2, 8, 8, 3)))
        >>> [layer.name for layer in network.select("r")], network.images().shape
        (['edges/Relu'], (2, 8, 8, 3))
    """
    feed = read_once(feed)
    if isinstance(model, Network):
        return _with_settings(model, feed, image_input, class_names, heads, preprocess)
    wanted = None if image_input is None else key_name(image_input)
    fed = tuple(map(key_name, feed)) if isinstance(feed, Mapping) else ()
    request = Request(lambda: _arguments(model, feed, preprocess), trusted)
    with unreadable(model):
        runtime = _runtime(model, request, wanted, fed)
        doubts = cautions(runtime)
        _ = runtime.structure.functions  # read now: the body of a loop may be damaged, too
    for doubt in doubts:
        warn_of_feed(doubt)
    found = find_heads(runtime.structure, runtime.frozen.outputs, heads, class_names)
    return Network(runtime, found, feed, preprocess)


def _frozen(model: Any, request: Request, fed: Sequence[str]) -> FrozenGraph:
    """Read a model, and let in of it what may run."""
    draft = admitted_draft(draft_of(model, request))
    declared = [tensor for _, tensor in draft.outputs or ()]
    return admitted(freeze(draft, fed), fed, declared, trusted=request.trusted)


def _runtime(model: Any, request: Request, wanted: str | None, fed: tuple[str, ...]) -> Runtime:
    """Read and freeze a model. A file that another network holds as it is now is not read again."""
    named = fed if wanted is None else (wanted, *fed)
    stamp, is_traced = stamp_of(model, trusted=request.trusted), False

    def traced_for() -> Mapping[str, np.ndarray]:
        nonlocal is_traced
        is_traced = True
        return request.arguments()

    frozen = None if stamp is None else OPEN_FILES.find(stamp, named)
    if frozen is None:
        frozen = _frozen(model, Request(traced_for, request.trusted), named)
        if stamp is not None:
            give_back()  # what the reader of a file freed
        if is_traced or stamp != stamp_of(model, trusted=request.trusted):  # for this feed, or written meanwhile
            stamp = None
    runtime = Runtime(frozen, wanted, fed)
    OPEN_FILES.keep(stamp, named, runtime.frozen)
    return runtime


def _with_settings(
    network: Network,
    feed: Any,
    image_input: Any,
    class_names: ClassNames | None,
    meanings: Mapping[str, str] | None,
    preprocess: Preprocess | None,
) -> Network:
    """The network with other settings. It shares what is compiled, unless another input takes the images."""
    runtime, heads = network.runtime, network.heads
    wanted = runtime.image_tensor if image_input is None else runtime.tensor(image_input)
    if wanted != runtime.image_tensor:
        runtime = Runtime(runtime.frozen, wanted)
    elif feed is None and class_names is None and meanings is None and preprocess is None:
        return network
    if runtime is not network.runtime or class_names is not None or meanings is not None:
        heads = _heads_again(network.heads, runtime, meanings or {}, class_names)
    return Network(runtime, heads, network.feed if feed is None else feed, preprocess or network.preprocess)


def _heads_again(
    heads: Sequence[Head], runtime: Runtime, meanings: Mapping[str, str], class_names: ClassNames | None
) -> tuple[Head, ...]:
    """Find the heads with new meanings or names, which otherwise stay those of ``heads``."""
    outputs = runtime.frozen.outputs
    present = {head.name for head in find_heads(runtime.structure, outputs)}  # another input may not lead to them all
    kept = [head for head in heads if head.name in present]
    names: Any = {head.name: head.names for head in kept if head.names} if class_names is None else class_names
    return find_heads(runtime.structure, outputs, {head.name: head.meaning for head in kept} | dict(meanings), names)


def _arguments(model: Any, feed: Any, preprocess: Preprocess | None) -> dict[str, np.ndarray]:
    """The arrays with which a model is traced that has no graph of its own, by name. Only their shapes count."""
    if feed is None:
        raise FeedError(
            "Expected a feed: this model has no graph until it sees an input. Received: feed=None. "
            "Pass an image of the right size as feed."
        )
    if isinstance(feed, Mapping):
        return {key_name(key): _example(value, preprocess) for key, value in feed.items()}
    values = list(feed) if _has_one_for_each_input(feed, model) else [feed]
    return unnamed([_example(value, preprocess) for value in values])


def _has_one_for_each_input(feed: Any, model: Any) -> bool:
    """Whether a list holds the values of several inputs. Otherwise it holds images."""
    if not isinstance(feed, list | tuple) or len(feed) < 2:
        return False
    function = getattr(model, "python_function", None)
    if function is None:  # a Keras model does not say how many inputs it takes: images are of one kind
        axes = [getattr(value, "ndim", 0) for value in feed]
        return min(axes) >= 4 or (min(axes) > 0 and len(set(axes)) > 1)
    parameters = [each for each in signature(function).parameters.values() if each.name != "self"]
    return len([each for each in parameters if each.default is each.empty]) == len(feed)


def _example(value: Any, preprocess: Preprocess | None) -> np.ndarray:
    """One image of a value, or its array, with an axis for images in front."""
    item = next(items_of(value), None)
    if item is None:
        raise FeedError("Expected at least one image. Received: an empty feed. Pass an image of the right size.")
    if not is_image_source(item):
        array = as_array(item)
        if array.ndim not in (3, 4) and not (array.dtype == np.uint8 and preprocess is not None):
            one_of_several = not hasattr(value, "__array__") and not is_numbers(value)
            return array[None] if one_of_several or array.ndim == 1 else array
    return batch_of(_ANY_PICTURE, item, preprocess)
