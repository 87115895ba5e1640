"""The calls of tf_cnnvis, with their arguments, files, tags and return values, but with correct results.

A script for tf_cnnvis runs with only the import changed. ``outputs.legacy_files`` lists the files and tags that it
finds; docs/migration.md lists every difference.

Grids are square and not enlarged. All maps of a layer share one scale, so that a weak map looks dark beside a strong
one; if there are negative values, middle grey is zero. A call checks everything it was asked for before it computes
anything. Then it writes each layer, or each dream, as soon as it is done: a run that is stopped keeps those, and needs
no more memory for many layers than for one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial, wraps
from typing import Any

import numpy as np

from .arguments import checked
from .engine.activations import activation_steps
from .engine.backward.rules import TF_CNNVIS
from .engine.dreaming.dream import dream
from .engine.dreaming.steering import octave_sizes
from .engine.network.channels import channel_number
from .engine.network.loading import load
from .engine.network.network import Network
from .engine.reconstruction.reconstruct import reconstruct, require_reconstructible
from .errors import LayerError, ModelFormError
from .imaging.tf_cnnvis import convert_into_grid, image_normalization
from .outputs.legacy_files import LayerWriter, LegacyFiles, legacy_tag
from .outputs.pictures import of_dream, of_layer
from .outputs.tensorboard import is_logged
from .results import FAMILIES, DreamStep, Layer

__all__ = [
    "activation_visualization",
    "convert_into_grid",
    "deconv_visualization",
    "deepdream_visualization",
    "image_normalization",
]

MOST_MAPS = 1024
"""tf_cnnvis skips layers with more feature maps than this."""

_BYTES_PER_RUN = 2**27  # of feature maps that are computed together: each forward pass costs time
_WRITTEN_TOGETHER = 4  # layers: enough to keep every core busy while small and large ones alternate

_OCTAVES, _OCTAVE_SCALE = 3, 1.4  # of a dream, those of tf_cnnvis
_STEPS = 60  # in all octaves together


def _first_keywords(function: Callable[..., bool]) -> Callable[..., bool]:
    """Accept the first argument under two more names: ``sess_graph_path`` and ``model``."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> bool:
        for name in {"sess_graph_path", "model"} & kwargs.keys():
            if args or "graph_or_path" in kwargs:
                raise ModelFormError(f"Expected one model. Received: {name}= and another. Keep one of them.")
            kwargs["graph_or_path"] = kwargs.pop(name)
        return function(*args, **kwargs)

    return call


@checked
@_first_keywords
def activation_visualization(
    graph_or_path: Any,
    value_feed_dict: Any,
    input_tensor: Any = None,
    layers: str | Layer | Sequence[str | Layer | None] | None = "r",
    path_logdir: str | os.PathLike[str] | None = "./Log",
    path_outdir: str | os.PathLike[str] | None = "./Output",
    *,
    each: bool = False,
    trusted: bool = False,
) -> bool:
    """Draw the feature maps of layers.

    Args:
        graph_or_path: a tf.Graph, a path, or anything else that ``load`` takes; ``None`` means the
            default session or graph. May be called ``sess_graph_path`` or ``model`` as well.
        value_feed_dict: the feed: {tensor or name: value} in any order, a list in the order of the placeholders, or
            just the images.
        input_tensor: the tensor that takes the images, where it cannot be guessed. It may also be one that is computed
            from what is fed, such as a reshape of it.
        layers: 'r' (all ReLUs and their relatives), 'p' (pools), 'c' (convolutions), in either case, a layer's
            name, or a list of these. A list may hold ``None``, or a letter of which the network has no layer: it is
            skipped with a message. So is a layer of more than 1024 maps.
        path_logdir: the folder for event files; ``None`` to write none.
        path_outdir: the folder for PNG files; ``None`` to write none.
        each: whether each map has a PNG file and a tag of its own, too.
        trusted: whether you know who made the model and trust them, so that its code may run; see ``load``.

    Returns:
        True, or False after a message if the first argument is no model.

    Raises:
        CnnvisError: see ``errors``. What is asked for is checked before anything is computed or written; only NaN and
            infinity are found when the turn of a layer comes.
        ModelFormError: the call has two models.

    Example:
        >>> from cnnvis_widgets import activation_visualization, demo
        >>> activation_visualization(demo.small_cnn(), demo.digits().test_images[:1], layers="conv2", path_logdir=None)
        Reconstruction Completed for conv2/Relu layer. Time taken = ... s
        True
    """
    network = _network(graph_or_path, value_feed_dict, input_tensor, trusted)
    if network is None:
        return False
    files = LegacyFiles(path_logdir, path_outdir, network.layers, each)
    chosen = _checked(network, layers)
    files.require_writable("activations", chosen)
    with LayerWriter(files, _Reports(), together=_WRITTEN_TOGETHER) as writer:
        for maps in activation_steps(network, None, chosen, limit=_BYTES_PER_RUN) if chosen else ():
            writer.write(maps.layer, partial(of_layer, maps, singles=each, plain=True))
    return True


@checked
@_first_keywords
def deconv_visualization(
    graph_or_path: Any,
    value_feed_dict: Any,
    input_tensor: Any = None,
    layers: str | Layer | Sequence[str | Layer | None] | None = "r",
    path_logdir: str | os.PathLike[str] | None = "./Log",
    path_outdir: str | os.PathLike[str] | None = "./Output",
    *,
    rule: str = "deconvnet",
    seed: str | tuple[int, ...] = "map",
    each: bool = False,
    trusted: bool = False,
) -> bool:
    """Draw what in the image made each feature map of layers fire.

    The method is that of Zeiler and Fergus: it sends one feature map at a time, all others being zero, back through the
    deconvnet. tf_cnnvis computed something else: guided backpropagation of ones over the whole map, past every LRN as
    if it were not there. ``rule='guided', seed='ones'`` computes that.

    Args:
        graph_or_path, value_feed_dict, input_tensor, layers, path_logdir, path_outdir: as in
            ``activation_visualization``. The pictures have the shape of ``input_tensor``.
        rule: 'deconvnet', 'guided' or 'gradient'; see ``reconstruct``.
        seed: 'map', 'strongest' (only the largest activation of each map), 'ones', or a unit (y, x).
        each: whether each reconstruction has a PNG file of its own, too. Each has a tag in any case.
        trusted: whether the model's code may run; see ``load``.

    Returns:
        True, or False after a message if the first argument is no model.

    Raises:
        CnnvisError: see ``errors``. What is asked for is checked before anything is computed or written; only NaN and
            infinity are found when the turn of a layer comes.
        ModelFormError: the call has two models.

    References:
        [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014,
            DOI 10.1007/978-3-319-10590-1_53.

    Example:
        >>> from cnnvis_widgets import deconv_visualization, demo
        >>> deconv_visualization(demo.small_cnn(), demo.digits().test_images[:1], layers="conv2", path_logdir=None)
        Reconstruction Completed for conv2/Relu layer. Time taken = ... s
        True
    """
    network = _network(graph_or_path, value_feed_dict, input_tensor, trusted)
    if network is None:
        return False
    rule = TF_CNNVIS if (rule, seed) == ("guided", "ones") else rule
    files = LegacyFiles(path_logdir, path_outdir, network.layers, each)
    chosen = _checked(network, layers)
    require_reconstructible(network, chosen, rule, seed)
    files.require_writable("reconstruction", chosen)
    with LayerWriter(files, _Reports(), together=1) as writer:
        for layer in chosen:
            result = reconstruct(network, None, layer, rule=rule, seed=seed)
            # reconstruct replaces a softmax by its logits; the folder keeps the name of the softmax
            writer.write(layer, partial(of_layer, replace(result, layer=layer), singles=True, plain=True))
            del result  # the next layer is computed while this one is written
    return True


@checked
@_first_keywords
def deepdream_visualization(
    graph_or_path: Any,
    value_feed_dict: Any,
    layer: str | Layer,
    classes: int | str | Sequence[int | str],
    input_tensor: Any = None,
    path_logdir: str | os.PathLike[str] | None = "./Log",
    path_outdir: str | os.PathLike[str] | None = "./Output",
    *,
    seed: int = 0,
    trusted: bool = False,
) -> bool:
    """Grow images that excite channels of a layer, usually classes of the last one.

    Each picture starts from noise and grows through up to three octaves, in 60 steps. Its final size is that of the fed
    image times 1.4, times 1.4 again, rounded down each time. A softmax is replaced by its logits. Each picture is
    written when it is done; its event file grows while it is dreamt.

    Args:
        graph_or_path, value_feed_dict, input_tensor, path_logdir, path_outdir: as in
            ``activation_visualization``.
        layer: the name of one layer. It may have more than 1024 channels, since only ``classes`` are dreamt of.
        classes: the channels, by index or, where the network knows them, by class name.
        seed: of the noise; the same seed gives the same pictures.
        trusted: whether the model's code may run; see ``load``.

    Returns:
        True, or False after a message if the first argument is no model or ``layer`` is not one name.

    Raises:
        CnnvisError: see ``errors``. What is asked for is checked before anything is computed or written.
        ModelFormError: the call has two models.

    Example:
        >>> import keras
        >>> from cnnvis_widgets import deepdream_visualization
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv")])
        >>> images = keras.ops.zeros((1, 8, 8, 1))
        >>> deepdream_visualization(model, images, "conv", 1, path_logdir=None)
        1 -> featuremap completed.
        Reconstruction Completed for conv/BiasAdd layer. Time taken = ... s
        True
    """
    if layer is None or isinstance(layer, list | tuple) or _is_letter(layer):
        print("Please only give classification layer name for reconstruction.")
        return False
    network = _network(graph_or_path, value_feed_dict, input_tensor, trusted)
    if network is None:
        return False
    report, chosen = _Reports(), network.layer(layer)
    _dream(network, chosen, classes, seed)  # the call checks everything and computes nothing
    files = LegacyFiles(path_logdir, path_outdir, network.layers)
    files.require_writable("dream", [chosen])
    with files.events(chosen) as log:
        for number in _numbers(network, chosen, classes):
            for step in filter(is_logged, _dream(network, chosen, number, seed)):
                pictures = list(of_dream(replace(step, layer=chosen)))
                if log is not None:
                    log.add(pictures, step=step.index, tag=legacy_tag)
            files.write_png(pictures)  # of the last step, which is always logged
            print(f"{number} -> featuremap completed.")
    report(chosen)
    return True


def _network(model: Any, feed: Any, input_tensor: Any, trusted: bool) -> Network | None:
    """Load a network. Print a message and return None if the object is of no known form of model."""
    try:
        return load(model, feed, image_input=input_tensor, trusted=trusted)
    except ModelFormError as error:
        print(error)
        return None


def _checked(network: Network, selection: Any) -> tuple[Layer, ...]:
    """The layers of a selection without those of too many maps, which can all be computed from the feed."""
    chosen = tuple(layer for layer in _selected(network, selection) if not _too_many_maps(layer))
    if chosen:
        network.runtime.require_computable(chosen, network.feeds())
    return chosen


def _selected(network: Network, selection: Any) -> tuple[Layer, ...]:
    """The layers of a selection. What cannot be a layer is skipped with a message, if anything remains.

    Raises:
        LayerError: a name fits no layer, or nothing remains.
    """
    parts = list(selection) if isinstance(selection, list | tuple) else [selection]
    chosen = dict[Layer, None]()
    for part in parts:
        family = part.lower() if _is_letter(part) else None
        if part is None:
            print("Skipping None . None is not valid layer name or layer type")
        elif family is not None and len(parts) > 1 and all(layer.family != family for layer in network.layers):
            print(f"Skipping {part} . The network has no {FAMILIES[family]}.")
        else:
            chosen.update(dict.fromkeys(network.select(family or part)))
    if not chosen:
        names = ", ".join(repr(layer.name) for layer in network.layers[:10])
        raise LayerError(
            f"Expected at least one layer. Received: layers={selection!r}. Choose 'r', 'p', 'c' or names of layers, "
            f"such as {names}; describe() of the loaded network lists all."
        )
    return tuple(chosen)


def _is_letter(part: Any) -> bool:
    return isinstance(part, str) and len(part) == 1 and part.lower() in FAMILIES


def _too_many_maps(layer: Layer) -> bool:
    """Whether a layer has more maps than tf_cnnvis draws. Says so."""
    if layer.channels is None or layer.channels <= MOST_MAPS:
        return False
    print("Skipping. Too many featuremaps. May cause memory errors.")
    print(f"Layer {layer.name!r} has {layer.channels}, more than {MOST_MAPS}. activations() and reconstruct() take it.")
    return True


def _dream(network: Network, layer: Layer, channels: Any, seed: int) -> Iterator[DreamStep]:
    """A dream in three octaves from noise, as tf_cnnvis makes it.

    tf_cnnvis makes 150 steps, whose score under other views is lower (design note 0013).
    """
    size = _grown(network.images().shape[1:-1])
    steps = _STEPS if size is None else _STEPS // len(octave_sizes(size, _OCTAVES, _OCTAVE_SCALE))
    return dream(
        network,
        None,
        layer,
        channels,
        octaves=_OCTAVES,
        octave_scale=_OCTAVE_SCALE,
        steps=steps,
        size=size,
        seed=seed,
    )


def _numbers(network: Network, layer: Layer, classes: Any) -> list[int]:
    """The number of each class once."""
    scores = network.runtime.structure.before_softmax(layer)
    wanted: list[Any] = [classes] if np.isscalar(classes) else list(classes)
    return list(dict.fromkeys(channel_number(network, scores, each) for each in wanted))


def _grown(size: tuple[int, ...]) -> tuple[int, int] | None:
    """The size of a dream two octaves larger; None for signals and volumes, which have no octaves."""
    if len(size) != 2:
        return None
    height, width = (int(int(side * _OCTAVE_SCALE) * _OCTAVE_SCALE) for side in size)
    return height, width


class _Reports:
    """Prints that a layer is done, and the time since the one before."""

    def __init__(self) -> None:
        self._start = time.perf_counter()

    def __call__(self, layer: Layer) -> None:
        now = time.perf_counter()
        print(f"Reconstruction Completed for {layer.name} layer. Time taken = {now - self._start:.3f} s")
        self._start = now
