"""The calls of tf_cnnvis, with their arguments, files, tags and return values, but with correct results.

A script for tf_cnnvis runs unchanged. It finds these files in its folders:

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

Grids are square and not enlarged. All maps of a layer share one scale, so that a weak map looks dark beside a strong
one; if there are negative values, middle grey is zero. A call computes everything before it writes the first file, so
that a call that raises leaves nothing behind.
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
from .outputs.tensorboard import EventWriter, is_logged
from .results import Layer

_TAGS = {"activations": "Activations", "reconstruction": "Deconv", "dream": "DeepDream"}
_Logged = tuple[int | None, list[Picture]]  # the step, or None for the next one, and its pictures


def _first_keywords(function: Callable[..., bool]) -> Callable[..., bool]:
    """Accept the first argument under two more names: ``sess_graph_path`` and ``model``."""

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
        value_feed_dict: the feed: {tensor or name: value} in any order, a list in the order of the placeholders, or
            just the images.
        input_tensor: the tensor that takes the images, where it cannot be guessed.
        layers: 'r' (all ReLUs and their relatives), 'p' (pools), 'c' (convolutions), a layer's
            name, or a list of these.
        path_logdir: the folder for event files; ``None`` to write none.
        path_outdir: the folder for PNG files; ``None`` to write none.

    Returns:
        True, or False after a message if the first argument is no model.

    Raises:
        CnnvisError: see ``errors``; no file has been written then.
        TypeError: the call has two models.

    Example:
        >>> from cnnvis_widgets import activation_visualization, demo
        >>> activation_visualization(demo.small_cnn(), demo.digits().test_images[:1], layers="conv2", path_logdir=None)
        Reconstruction Completed for conv2/Relu layer. Time taken = ... s
        True
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

    The method is that of Zeiler and Fergus: it sends one feature map at a time, all others being zero, back through the
    deconvnet. tf_cnnvis computed something else: guided backpropagation of ones over the whole map.
    ``rule='guided', seed='ones'`` looks like it.

    Args:
        graph_or_path, value_feed_dict, input_tensor, layers, path_logdir, path_outdir: as in
            ``activation_visualization``.
        rule: 'deconvnet', 'guided' or 'gradient'; see ``reconstruct``.
        seed: 'map', 'strongest' (only the largest activation of each map), 'ones', or a unit (y, x).

    Returns:
        True, or False after a message if the first argument is no model.

    Raises:
        CnnvisError: see ``errors``; no file has been written then.
        TypeError: the call has two models.

    References:
        [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014,
            DOI 10.1007/978-3-319-10590-1_53.

    Example:
        >>> from cnnvis_widgets import deconv_visualization, demo
        >>> deconv_visualization(demo.small_cnn(), demo.digits().test_images[:1], layers="conv2", path_logdir=None)
        Reconstruction Completed for conv2/Relu layer. Time taken = ... s
        True
    """
    network = _network(graph_or_path, value_feed_dict, input_tensor)
    if network is None:
        return False
    start, pictures = time.perf_counter(), list[Picture]()
    for layer in network.select(layers):
        result = reconstruct(network, None, layer, rule=rule, seed=seed)
        # reconstruct replaces a softmax by its logits; the folder keeps the name of the softmax
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

    Each picture starts from noise and grows through up to three octaves of 50 steps. Its final size is that of the fed
    image times 1.4, times 1.4 again, rounded down each time. A softmax is replaced by its logits.

    Args:
        graph_or_path, value_feed_dict, input_tensor, path_logdir, path_outdir: as in
            ``activation_visualization``.
        layer: the name of one layer.
        classes: the channels, by index or, where the network knows them, by class name.
        seed: of the noise; the same seed gives the same pictures.

    Returns:
        True, or False after a message if the first argument is no model or ``layer`` is not one name.

    Raises:
        CnnvisError: see ``errors``; no file has been written then.
        TypeError: the call has two models.

    Example:
        >>> import keras
        >>> from cnnvis_widgets import deepdream_visualization
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv")])
        >>> images = keras.ops.zeros((1, 8, 8, 1))
        >>> deepdream_visualization(model, images, "conv", 1, path_logdir=None)
        Reconstruction Completed for conv/BiasAdd layer. Time taken = ... s
        True
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
        if is_logged(step):
            logged.append((step.index, list(of_dream(replace(step, layer=chosen)))))
    _report(chosen, start)
    _write(network, logged, path_logdir, path_outdir)
    return True


def image_normalization(
    image: ArrayLike, ubound: float = 255.0, epsilon: float = 1e-07, *, s: float | None = None
) -> np.ndarray:
    """Stretch an image to the range 0 to ``ubound``.

    Args:
        image: numbers in any shape, usually (height, width, channels).
        ubound: the new largest value, at most 255.
        epsilon: an image with less contrast than this is stretched less; a constant one becomes 0.
        s: an argument of later versions of tf_cnnvis. It had no effect there and has none here.

    Returns:
        uint8, rounded, of the same shape.

    Raises:
        NumericalError: the image contains NaN or infinity.
        ValueError: ``ubound`` is not within 0 to 255.

    Example:
        >>> from cnnvis_widgets import image_normalization
        >>> image_normalization([[-1.0, 0.0, 1.0]]).tolist()
        [[0, 128, 255]]
    """
    if not 0 < ubound <= 255:
        raise ValueError(
            f"Expected ubound within 0 to 255, since the result is uint8. Received: ubound={ubound}. "
            "Choose a smaller one."
        )
    return np.rint(normalize.min_max(image, upper=ubound, epsilon=epsilon)).astype(np.uint8)


def convert_into_grid(Xs: ArrayLike, padding: int = 1, ubound: float = 255.0) -> np.ndarray:  # noqa: N803
    """Lay images out in a square grid, row by row, on one common scale from 0 to ``ubound``.

    Args:
        Xs: (images, height, width, channels).
        padding: black pixels between the images.
        ubound: the new largest value of all images; the smallest becomes 0.

    Returns:
        float (height, width, channels).

    Raises:
        ValueError: ``Xs`` does not have four axes. NumericalError: it contains NaN or infinity.

    Example:
        >>> import numpy as np
        >>> from cnnvis_widgets import convert_into_grid
        >>> convert_into_grid(np.ones((3, 4, 4, 1))).shape
        (9, 9, 1)
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
    """Load a network. Print a message and return None if the object is of no known form of model."""
    try:
        return load(model, feed, image_input=input_tensor)
    except ModelFormError as error:
        print(error)
        return None


def _grown(size: tuple[int, ...]) -> tuple[int, int] | None:
    """The size of a dream two octaves larger; None for signals and volumes, which have no octaves."""
    if len(size) != 2:
        return None
    height, width = (int(int(side * 1.4) * 1.4) for side in size)
    return height, width


def _report(layer: Layer, start: float) -> float:
    """Print that a layer is done and how long it took; return the time."""
    now = time.perf_counter()
    print(f"Reconstruction Completed for {layer.name} layer. Time taken = {now - start:.3f} s")
    return now


def _write(
    network: Network,
    logged: Sequence[_Logged],
    logdir: str | os.PathLike[str] | None,
    outdir: str | os.PathLike[str] | None,
) -> None:
    """Write grids and dreams of the last step as PNG files, and all pictures of all steps into event files."""
    if outdir is not None:
        pictures = logged[-1][1]
        grids = [picture for picture in pictures if picture.channel is None or picture.kind == "dream"]
        png_files.write(grids, outdir, network.layers)
    if logdir is None:
        return
    for layer in dict.fromkeys(picture.layer for _, pictures in logged for picture in pictures):
        with EventWriter(Path(logdir, folder_name(layer, network.layers))) as writer:
            for step, pictures in logged:
                writer.add((picture for picture in pictures if picture.layer == layer), step=step, tag=_tag)


def _tag(picture: Picture) -> str:
    parts = [f"{'All_At_Once' if picture.channel is None else 'One_By_One'}_{_TAGS[picture.kind]}", "image"]
    if picture.image is not None:
        parts.append(str(picture.image))
    if picture.channel is not None:
        parts.append(picture.title)
    return "/".join(parts)
