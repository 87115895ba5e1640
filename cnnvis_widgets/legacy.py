"""The calls of tf_cnnvis, with their arguments, files, tags and return values; the results put right.

A script written for tf_cnnvis runs as it is. What it finds in its folders:

==========================================================  =======================================
``<out>/<layer>/activations/grid_activation.png``           feature maps, in grey
``<out>/<layer>/deconvolution/grid_image.png``              their reconstructions
``<out>/deepdream_<layer>/image_<class>.png``               deep dream of a class
``<log>/<layer>/events.out.tfevents.*``                     the same for TensorBoard, where each
                                                            layer is a run with these tags:
``All_At_Once_Activations/image``                           the grid
``One_By_One_Activations/image/<channel>``                  every feature map
``All_At_Once_Deconv/image``                                the grid
``One_By_One_Deconv/image/<channel>``                       every reconstruction
``One_By_One_DeepDream/image/<class>``                      ten steps of the dream
==========================================================  =======================================

With several images, each file name ends in ``_<image>`` and each tag has ``/<image>`` after 'image'.

Grids are square and at the maps' own size. All maps of a layer share one scale, so that a map that
hardly fires looks dark beside one that does; where there are negative values, middle grey is zero.
Everything is computed before the first file is written, so a call that raises leaves nothing behind.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .engine.activations import activations
from .engine.dreaming.dream import dream
from .engine.network.loading import load
from .engine.network.network import Network
from .engine.reconstruction.reconstruct import reconstruct
from .errors import ModelFormError
from .imaging import normalize
from .imaging.grid import Grid
from .outputs import png_files
from .outputs.file_names import folder_name
from .outputs.pictures import Picture, of_dream, of_layer
from .outputs.tensorboard import EventWriter, is_shown
from .results import Layer

_TAGS = {"activations": "Activations", "reconstruction": "Deconv", "dream": "DeepDream"}
_Logged = tuple[int | None, list[Picture]]  # the step, or None for the next one, and its pictures


def _first_keywords(function: Callable[..., bool]) -> Callable[..., bool]:
    """Take the first argument under the newer names too: ``sess_graph_path`` and ``model``."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> bool:
        for name in {"sess_graph_path", "model"} & kwargs.keys():
            if args or "graph_or_path" in kwargs:
                raise TypeError(f"Expected one model. Received: {name}= and another. Keep one of them.")
            kwargs["graph_or_path"] = kwargs.pop(name)
        return function(*args, **kwargs)

    return call


@_first_keywords
def activation_visualization(
    graph_or_path: Any,
    value_feed_dict: Any,
    input_tensor: Any = None,
    layers: str | Layer | Sequence[str | Layer] = "r",
    path_logdir: str | os.PathLike[str] | None = "./Log",
    path_outdir: str | os.PathLike[str] | None = "./Output",
) -> bool:
    """Draw the feature maps of layers.

    Args:
        graph_or_path: a tf.Graph, a path, or anything else that ``load`` takes; ``None`` means the
            default session or graph. May be called ``sess_graph_path`` or ``model`` as well.
        value_feed_dict: what to feed, in any order: {tensor or name: value}, a list in the order
            of the placeholders, or just the images.
        input_tensor: the tensor the images go to, where it cannot be guessed.
        layers: 'r' (all ReLUs and their relatives), 'p' (pools), 'c' (convolutions), a layer's
            name, or a list of these.
        path_logdir: where event files go; ``None`` to write none.
        path_outdir: where PNG files go; ``None`` to write none.

    Returns:
        Whether pictures of all layers were made: True, or False if the first argument is no model.

    Raises:
        CnnvisError: see ``errors``; nothing has been written then.
        TypeError: two models were given.
    """
    network = _network(graph_or_path, value_feed_dict, input_tensor)
    if network is None:
        return False
    start, pictures = time.perf_counter(), list[Picture]()
    for maps in activations(network, None, layers):
        pictures += of_layer(maps, singles=True, plain=True)
        start = _report(maps.layer, start)
    _write(network, [(None, pictures)], path_logdir, path_outdir)
    return True


@_first_keywords
def deconv_visualization(
    graph_or_path: Any,
    value_feed_dict: Any,
    input_tensor: Any = None,
    layers: str | Layer | Sequence[str | Layer] = "r",
    path_logdir: str | os.PathLike[str] | None = "./Log",
    path_outdir: str | os.PathLike[str] | None = "./Output",
    *,
    rule: str = "deconvnet",
    seed: str | tuple[int, ...] = "map",
) -> bool:
    """Draw what in the image made each feature map of layers fire.

    The method is Zeiler and Fergus' own: each feature map alone, all others zero, goes back through
    the deconvnet. tf_cnnvis computed something else, guided backpropagation of ones over the whole
    map; ``rule='guided', seed='ones'`` gives that look.

    Args:
        graph_or_path, value_feed_dict, input_tensor, layers, path_logdir, path_outdir: as in
            ``activation_visualization``.
        rule: 'deconvnet', 'guided' or 'gradient'; see ``reconstruct``.
        seed: 'map', 'strongest' (only the largest activation of each map), 'ones', or a unit (y, x).

    Returns:
        Whether pictures of all layers were made: True, or False if the first argument is no model.

    Raises:
        CnnvisError: see ``errors``; nothing has been written then.
        TypeError: two models were given.
    """
    network = _network(graph_or_path, value_feed_dict, input_tensor)
    if network is None:
        return False
    start, pictures = time.perf_counter(), list[Picture]()
    for layer in network.select(layers):
        result = reconstruct(network, None, layer, rule=rule, seed=seed)
        # a softmax was replaced by its logits; the folder keeps the name that was asked for
        pictures += of_layer(replace(result, layer=layer), singles=True, plain=True)
        start = _report(layer, start)
    _write(network, [(None, pictures)], path_logdir, path_outdir)
    return True


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
) -> bool:
    """Grow images that excite channels of a layer, usually classes of the last one.

    Each picture starts from noise and grows through up to three octaves of 50 steps; it ends at the size
    of the fed image times 1.4, times 1.4 again, rounded down each time. Logits take the place of a softmax.

    Args:
        graph_or_path, value_feed_dict, input_tensor, path_logdir, path_outdir: as in
            ``activation_visualization``.
        layer: the name of one layer.
        classes: the channels, by index or, where the network knows them, by class name.
        seed: of the noise; the same seed gives the same pictures.

    Returns:
        Whether all pictures were made: True, or False if the first argument is no model or
        ``layer`` is not one name.

    Raises:
        CnnvisError: see ``errors``; nothing has been written then.
        TypeError: two models were given.
    """
    if isinstance(layer, list | tuple) or layer in ("r", "p", "c"):
        print("Please only give classification layer name for reconstruction.")
        return False
    network = _network(graph_or_path, value_feed_dict, input_tensor)
    if network is None:
        return False
    start, chosen = time.perf_counter(), network.layer(layer)
    logged: list[_Logged] = []
    size = _grown(network.images().shape[1:-1])
    for step in dream(network, None, chosen, classes, octaves=3, octave_scale=1.4, steps=50, size=size, seed=seed):
        if is_shown(step):
            logged.append((step.index, list(of_dream(replace(step, layer=chosen)))))
    _report(chosen, start)
    _write(network, logged, path_logdir, path_outdir)
    return True


def image_normalization(
    image: ArrayLike, ubound: float = 255.0, epsilon: float = 1e-07, *, s: float | None = None
) -> np.ndarray:
    """Stretch an image so that it runs from 0 to ``ubound``.

    Args:
        image: of any shape, usually (height, width, channels).
        ubound: what the largest value becomes; at most 255.
        epsilon: images with less contrast than this are not stretched to the full; constant ones become 0.
        s: an argument of later versions of tf_cnnvis; it never had an effect and has none here.

    Returns:
        uint8, rounded, of the same shape.

    Raises:
        NumericalError: the image contains NaN or infinity.
        ValueError: ``ubound`` is not within 0 to 255.
    """
    if not 0 < ubound <= 255:
        raise ValueError(f"Expected an upper bound up to 255, as for any uint8. Received: ubound={ubound}.")
    return np.rint(normalize.min_max(image, upper=ubound, epsilon=epsilon)).astype(np.uint8)


def convert_into_grid(Xs: ArrayLike, padding: int = 1, ubound: float = 255.0) -> np.ndarray:  # noqa: N803
    """Lay images out in a square grid, row by row, on one common scale from 0 to ``ubound``.

    Args:
        Xs: (images, height, width, channels).
        padding: black pixels between the images.
        ubound: what the largest value of all images becomes; the smallest becomes 0.

    Returns:
        float (height, width, channels).

    Raises:
        ValueError: ``Xs`` has not four axes. NumericalError: it contains NaN or infinity.
    """
    if isinstance(padding, float):
        warnings.warn(
            "The second argument of convert_into_grid is the padding, an integer. "
            f"Received: {padding}, read as ubound. Write ubound={padding}.",
            DeprecationWarning,
            stacklevel=2,
        )
        padding, ubound = ubound if isinstance(ubound, int) else 1, padding
    images = normalize.min_max(Xs, upper=ubound)
    if images.ndim != 4:
        raise ValueError(f"Expected shape (images, height, width, channels). Received: Xs of {images.shape}.")
    return Grid.of(images, gap=padding, square=True).montage(images)


def _network(model: Any, feed: Any, input_tensor: Any) -> Network | None:
    """The network, or None after a message if this is no model at all; a broken model raises."""
    try:
        return load(model, feed, image_input=input_tensor)
    except ModelFormError as error:
        print(error)
        return None


def _grown(size: tuple[int, ...]) -> tuple[int, int] | None:
    """The size of a dream two octaves up; None for signals and volumes, which have no octaves."""
    if len(size) != 2:
        return None
    height, width = (int(int(side * 1.4) * 1.4) for side in size)
    return height, width


def _report(layer: Layer, start: float) -> float:
    """Say that a layer is done and how long it took; the time now."""
    now = time.perf_counter()
    print(f"Reconstruction Completed for {layer.name} layer. Time taken = {now - start:.3f} s")
    return now


def _write(
    network: Network,
    logged: Sequence[_Logged],
    logdir: str | os.PathLike[str] | None,
    outdir: str | os.PathLike[str] | None,
) -> None:
    """The grids and dreams of the last step into PNG files; all pictures of all steps into event files."""
    if outdir is not None:
        pictures = logged[-1][1]
        shown = [each for each in pictures if each.channel is None or each.kind == "dream"]
        png_files.write(shown, outdir, network.layers)
    if logdir is None:
        return
    for layer in dict.fromkeys(picture.layer for _, pictures in logged for picture in pictures):
        with EventWriter(Path(logdir, folder_name(layer, network.layers))) as writer:
            for step, pictures in logged:
                writer.add((each for each in pictures if each.layer == layer), step=step, tag=_tag)


def _tag(picture: Picture) -> str:
    parts = [f"{'All_At_Once' if picture.channel is None else 'One_By_One'}_{_TAGS[picture.kind]}", "image"]
    if picture.image is not None:
        parts.append(str(picture.image))
    if picture.channel is not None:
        parts.append(picture.title)
    return "/".join(parts)
