"""What tf_cnnvis did in its three calls, written anew: the baseline that users of that library know.

Every call saves the graph with its variables and imports it again. `activations` runs each layer by itself.
`deconvolutions` adds 8 gradients of single maps for each layer, of ones and with a guided ReLU, and runs them until all
maps are done. Both bring each map to 0 to 255, put the maps into a grid, and write it as a PNG and, through a summary
of a graph of its own, to an event file; of deconvolutions each map, too. `dream` starts from noise around 117, and
climbs three octaves of 50 steps that grow from the size of the input by 1.4 each. Every step rolls the picture, sends
half-overlapping tiles through one session run each, normalises the gradient by a Laplacian pyramid and adds it. Tiles
that the border cuts off fail in a network of a fixed input size, and are skipped. Left out: the smoothing of the
picture between octaves, which another library did.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

v1 = tf.compat.v1

COPIES = 8
OCTAVES, STEPS, SCALE, LEVELS = 3, 50, 1.4, 4
_BINOMIAL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]).astype(np.float32) / 256


@tf.RegisterGradient("GuidedReluOfOlderLibrary")
def _guided(op: tf.Operation, gradient: tf.Tensor) -> tf.Tensor:
    return tf.where((gradient > 0) & (op.outputs[0] > 0), gradient, tf.zeros_like(gradient))


def activations(
    graph: tf.Graph, session: v1.Session, image: str, value: np.ndarray, layers: Sequence[str], folder: Path
) -> None:
    """The whole call: save, import, compute and write all maps of each layer.

    Args:
        graph: with variables.
        session: that holds their values.
        image: the name of the placeholder of images.
        value: one image, (1, height, width, channels).
        layers: names of ops.
        folder: for the saved graph, the pictures and the event files.
    """
    with _imported(graph, session, folder) as running:
        for name in layers:
            found = running.run(f"{name}:0", {image: value})
            if found.ndim == 2:
                picture = _stretched(_grid(found.T[:, :, None, None], gap=0))
            else:
                picture = _grid(np.stack([_stretched(each[..., None]) for each in np.moveaxis(found[0], -1, 0)]))
            _write(folder, name, "activations/grid_activation.png", picture, {"All_At_Once_Activations": picture[None]})


def first_maps(
    graph: tf.Graph, session: v1.Session, image: str, value: np.ndarray, layers: Sequence[str], folder: Path
) -> None:
    """Save, import and compute, without files of pictures. Arguments as of `activations`."""
    with _imported(graph, session, folder) as running:
        for name in layers:
            running.run(f"{name}:0", {image: value})


def deconvolutions(
    graph: tf.Graph,
    session: v1.Session,
    image: str,
    value: np.ndarray,
    layers: Sequence[str],
    folder: Path,
    pixels: str | None = None,
) -> None:
    """The whole call: save, import, reconstruct and write all maps of each layer.

    Arguments as of `activations`, and ``pixels``, the tensor (1, height, width, channels) to go back to, if it is not
    the placeholder.
    """
    with _imported(graph, session, folder, guided=True) as running:
        for name in layers:
            maps = np.stack([_stretched(each) for each in reconstructions(running, image, value, name, pixels)])
            picture = _grid(maps)
            tags = {"One_By_One_Deconv": maps, "All_At_Once_Deconv": picture[None]}
            _write(folder, name, "deconvolution/grid_image.png", picture, tags)


def reconstructions(
    session: v1.Session, image: str, value: np.ndarray, layer: str, pixels: str | None = None, count: int | None = None
) -> list[np.ndarray]:
    """The gradient of the first maps of a layer, of ones, (height, width, channels) each: 8 gradients in each run."""
    with session.graph.as_default():
        target, x = (session.graph.get_tensor_by_name(name) for name in (f"{layer}:0", pixels or image))
        numbers = [v1.placeholder(tf.int32) for _ in range(COPIES)]
        gradients = [tf.gradients(tf.transpose(tf.transpose(target)[number]), x)[0] for number in numbers]
    found: list[np.ndarray] = []
    last = count or target.shape[-1]
    for first in range(0, last, COPIES):
        chosen = range(first, min(first + COPIES, last))
        fed = dict(zip(numbers, chosen, strict=False))
        found += [each[0] for each in session.run(gradients[: len(chosen)], {image: value, **fed})]
    return found


@contextmanager
def _imported(graph: tf.Graph, session: v1.Session, folder: Path, guided: bool = False) -> Iterator[v1.Session]:
    """A session with a copy of the graph and its variables, by way of files."""
    with graph.as_default():
        v1.train.Saver().save(session, str(folder / "model"))
    with tf.Graph().as_default() as own, v1.Session(graph=own) as running:
        read = v1.train.import_meta_graph
        if guided:
            meta = v1.MetaGraphDef.FromString((folder / "model.meta").read_bytes())
            for node in meta.graph_def.node:
                if node.op == "Relu":
                    node.attr["_gradient_op_type"].s = b"GuidedReluOfOlderLibrary"
            read(meta).restore(running, str(folder / "model"))
        else:
            read(str(folder / "model.meta")).restore(running, str(folder / "model"))
        yield running


def _stretched(picture: np.ndarray) -> np.ndarray:
    low, high = picture.min(), picture.max()
    return ((picture - low) * 255 / (high - low + 1e-7)).astype(np.uint8)


def _grid(pictures: np.ndarray, gap: int = 1) -> np.ndarray:
    """Pictures (count, height, width, channels) in rows of a square, as one picture."""
    count, height, width, channels = pictures.shape
    side = int(np.ceil(np.sqrt(count)))
    grid = np.zeros((side * (height + gap) - gap, side * (width + gap) - gap, channels))
    for place, picture in enumerate(pictures):
        y, x = place // side * (height + gap), place % side * (width + gap)
        grid[y : y + height, x : x + width] = picture
    return grid.astype(np.uint8)


def _write(folder: Path, layer: str, file: str, picture: np.ndarray, tags: dict[str, np.ndarray]) -> None:
    """Write one PNG, and one event file with the pictures (count, height, width, channels) of each tag."""
    path = folder / "Output" / layer.lower().replace("/", "_") / file
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(path)
    with tf.Graph().as_default() as graph:
        fed = v1.placeholder(tf.float32, [None] * 4)
        summaries = {tag: v1.summary.image(tag, fed, max_outputs=1024) for tag in tags}
        with v1.Session() as session:
            written = [session.run(summary, {fed: tags[tag]}) for tag, summary in summaries.items()]
        writer = v1.summary.FileWriter(str(folder / "Log" / path.parent.parent.name), graph)
        for each in written:
            writer.add_summary(each)
        writer.close()


def dream(graph: tf.Graph, session: v1.Session, image: str, scores: str, number: int, folder: Path) -> np.ndarray:
    """The whole call: save, import, dream, write.

    Args:
        graph: with variables.
        session: that holds their values.
        image: the name of the placeholder of images, float32 (images, height, width, 3), from 0 to 255.
        scores: the name of the tensor of class scores, (images, classes).
        number: of the class.
        folder: for the saved graph and the picture.

    Returns:
        The picture as it is written, uint8 (height, width, 3): stretched to black and white.
    """
    with _imported(graph, session, folder) as running:
        picture = climb(running, image, scores, number)
    low, high = picture.min(), picture.max()
    written = ((picture - low) / (high - low) * 255).astype(np.uint8)
    Image.fromarray(written).save(folder / f"image_{number}.png")
    return written


def climb(
    session: v1.Session, image: str, scores: str, number: int, octaves: int = OCTAVES, steps: int = STEPS
) -> np.ndarray:
    """Gradient ascent alone: the picture as it ends, float32 (height, width, channels)."""
    with session.graph.as_default():
        x, classes = (session.graph.get_tensor_by_name(name) for name in (image, scores))
        objective = classes[:, number] - 1e-3 * tf.reduce_mean(tf.square(x), [1, 2, 3])
        gradient = tf.gradients(objective, x)[0]
        fed = v1.placeholder(tf.float32, [None, None, None, x.shape[-1]])
        normalized = _normalized(fed)
    _, height, width, channels = x.shape.as_list()
    random = np.random.default_rng(0)
    picture = random.uniform(size=(1, height, width, channels)).astype(np.float32) + 117
    for octave in range(octaves):
        if octave:
            size = [int(side * SCALE) for side in picture.shape[1:3]]
            with session.graph.as_default():
                resized = v1.image.resize_bilinear(picture, size)
            picture = session.run(resized)
        for _ in range(steps):
            shift = random.integers(height, size=2)
            rolled, signal = np.roll(picture, shift, (1, 2)), np.zeros_like(picture)
            for part in _tiles(picture.shape[1:3], (height, width)):
                signal[part] = session.run(gradient, {x: rolled[part]})
            picture = picture + session.run(normalized, {fed: np.roll(signal, -shift, (1, 2))})
    return picture[0]


def _tiles(size: tuple[int, ...], tile: tuple[int, int]) -> list[tuple[slice, slice, slice]]:
    """The tiles that fit whole into a picture."""
    starts = [range(0, max(whole - side // 2, side), side // 2) for whole, side in zip(size, tile, strict=True)]
    return [
        (slice(None), slice(y, y + tile[0]), slice(x, x + tile[1]))
        for y in starts[0]
        for x in starts[1]
        if y + tile[0] <= size[0] and x + tile[1] <= size[1]
    ]


def _normalized(gradient: tf.Tensor) -> tf.Tensor:
    """Each level of a Laplacian pyramid brought to a root mean square of 1."""
    kernel = _BINOMIAL[:, :, None, None] * np.eye(gradient.shape[-1], dtype=np.float32)
    levels, rest = [], gradient
    for _ in range(LEVELS):
        smaller = tf.nn.conv2d(rest, kernel, 2, "SAME")
        levels.append(rest - tf.nn.conv2d_transpose(smaller, 4 * kernel, tf.shape(rest), 2))
        rest = smaller
    result: tf.Tensor | None = None
    for level in [rest, *reversed(levels)]:
        own = level / tf.maximum(tf.sqrt(tf.reduce_mean(tf.square(level))), 1e-10)
        result = own if result is None else tf.nn.conv2d_transpose(result, 4 * kernel, tf.shape(level), 2) + own
    return result
