"""A network: one frozen graph, its layers, inputs and outputs, and the calls compiled from it."""

from __future__ import annotations

import copy
import html
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ..errors import FeedError, GradientError, LayerError, ModelError, nearest
from ..results import FAMILIES, Coverage, Layer, TensorInfo
from . import rules
from .channels_last import run_on_cpu
from .feeds import Preprocess, as_array, cast_to, is_bare_list, key_name, pictures_to_batch, read_image, tensor_named
from .frozen import FrozenGraph, descendants, freeze
from .graph_surgery import NodeDef, ancestors, copy_of, data_inputs, node_of, tensor_of
from .inputs import choose_image_input, gradient_path
from .layers import channel_axes, find_layers, make_layer, matching, unknown_layer
from .sources import draft_of
from .units import find_units
from .views import view_of

Feeds = dict[str, np.ndarray]
"""Arrays by tensor name, as the network's inputs want them."""

_BATCH = 16  # images that run together where the graph leaves the batch size free


def load(
    model: Any = None,
    feed: Any = None,
    *,
    image_input: Any = None,
    class_names: Sequence[str] | Mapping[int, str] | None = None,
    preprocess: Preprocess | None = None,
) -> Network:
    """Turn whatever you hold into a ``Network``. Your object, files and sessions are only read.

    Args:
        model: a tf.Graph, GraphDef, MetaGraphDef, session, Keras model, ConcreteFunction or tf.function; the
            path of a .keras, .h5, .pb or .meta file, a checkpoint or a SavedModel directory; ``None`` for the
            default session, else the default graph; or a ``Network``, which passes through.
        feed: what to feed where a method gets no feed of its own: a dict (keys: tensors, ops, names), a list with
            one value for each input, or just the image or images (arrays, PIL images, paths).
        image_input: the tensor that takes the images, by name or itself, where it cannot be guessed; any tensor
            of the graph that is not constant.
        class_names: of the classes, in the order of the network's outputs.
        preprocess: picture (uint8, height x width x channels) -> what the network eats. It is applied to bare
            images, never to values in a dict, and it tells the range of the input.

    Returns:
        The network.

    Raises:
        ModelError: the model cannot be read; VariableError: a variable has no value.
        FeedError: the feed does not fit, or the image input is not found.
    """
    if isinstance(model, Network):
        return model._with(feed, image_input, class_names, preprocess)
    wanted = None if image_input is None else key_name(image_input)
    frozen = freeze(draft_of(model, lambda: _arguments(feed, preprocess)), wanted)
    return Network(frozen, feed, image_input=wanted, class_names=class_names, preprocess=preprocess)


def _arguments(feed: Any, preprocess: Preprocess | None) -> list[np.ndarray]:
    """The arrays to trace a model with that has no graph before it sees an input."""
    if feed is None:
        raise FeedError(
            "Expected a feed: this model has no graph until it sees an input. Received: feed=None. "
            "Pass an image of the right size as feed."
        )
    if isinstance(feed, Mapping):
        arrays = [as_array(value) for value in feed.values()]
    else:
        several = isinstance(feed, list | tuple) and all(np.ndim(each) >= 3 for each in feed) and len(feed) > 1
        arrays = [as_array(each) for each in feed] if several else [as_array(feed)]
        if preprocess is not None and arrays[0].ndim == 3:
            arrays = [np.asarray(preprocess(arrays[0]))]
        arrays = [array[None] if array.ndim == 3 else array for array in arrays]
    return [array.astype(np.float32) if array.dtype.kind in "fiu" else array for array in arrays]


class Network:
    """One frozen graph: ops without variables, the weights beside it as tensors that are captured once.

    Make one with ``load``.

    Attributes:
        layers: the layers in the order in which they are computed.
        inputs, outputs: what can be fed and what comes out, as ``TensorInfo``.
        image_input: the input that takes the images.
        class_names: of the classes, or ``None``.
        logits: the layer of class scores before a softmax, or ``None``.
        feed: what ``load`` was given to feed.
        preprocess: what ``load`` was given, or ``None``.
    """

    def __init__(
        self,
        frozen: FrozenGraph,
        feed: Any = None,
        *,
        image_input: str | None = None,
        class_names: Sequence[str] | Mapping[int, str] | None = None,
        preprocess: Preprocess | None = None,
    ) -> None:
        self._frozen = frozen
        self._nodes: dict[str, NodeDef] = {node.name: node for node in frozen.graph_def.node}
        self._weights = {name: tf.constant(value) for name, value in frozen.weights.items()}
        self._shapes = _static_shapes(frozen)
        sources = {node_of(tensor) for tensor in frozen.inputs.values()}
        if image_input is not None:
            image_input = tensor_named(image_input, self._shapes, frozen.inputs)
            sources.add(node_of(image_input))
        self._varying = descendants(frozen.graph_def, sources)
        self._units = find_units(self._nodes, self._varying)
        self._axes = channel_axes(self._nodes, self._varying, self._shapes)
        self.layers = find_layers(self._nodes, self._varying, self._units, self._shapes, frozen.keras_names)
        self._image = image_input or choose_image_input(frozen, self._nodes, self._shapes, self.layers)
        self._view = view_of(self._image, self._nodes, self._varying, self._shapes)
        self.inputs = tuple(self._info(name, tensor) for name, tensor in frozen.inputs.items())
        self.outputs = tuple(self._info(name, self._origin(tensor)) for name, tensor in frozen.outputs.items())
        self.logits = self._find_logits()
        self.feed = feed
        self.preprocess = preprocess
        self.class_names = _names(class_names)
        self._compiled: dict[Any, Any] = {}
        self._lock = threading.RLock()

    def _with(self, feed: Any, image_input: Any, class_names: Any, preprocess: Preprocess | None) -> Network:
        """This network with other settings; the compiled calls are shared."""
        if image_input is not None and tensor_named(key_name(image_input), self._shapes, self._frozen.inputs) != self._image:
            name = key_name(image_input)
            return Network(
                self._frozen,
                self.feed if feed is None else feed,
                image_input=name,
                class_names=self.class_names if class_names is None else class_names,
                preprocess=preprocess or self.preprocess,
            )
        if feed is None and class_names is None and preprocess is None:
            return self
        other = copy.copy(self)
        other.feed = self.feed if feed is None else feed
        other.class_names = self.class_names if class_names is None else _names(class_names)
        other.preprocess = preprocess or self.preprocess
        return other

    # ---- what there is

    @property
    def image_input(self) -> TensorInfo:
        """The input that takes the images."""
        return self._info(self._people_name(self._image), self._image)

    def select(self, selection: str | Layer | Sequence[str | Layer] = "r") -> tuple[Layer, ...]:
        """The layers that a selection means.

        Args:
            selection: 'r' (ReLU and its relatives), 'p' (pools), 'c' (convolutions), the name of any op with or
                without ':0', the name of a Keras layer (its output), a glob such as 'block3*', or a list of these.

        Returns:
            Each layer once, in the order asked for; a letter or glob gives the order of computation.

        Raises:
            LayerError: something in the selection fits no layer; the nearest names are given.
        """
        if isinstance(selection, Layer):
            return (selection,)
        if isinstance(selection, str):
            found = self._selected(selection)
            if not found:
                raise unknown_layer(selection, self.layers)
            return found
        if not selection:
            raise LayerError("Expected at least one layer. Received: an empty list.")
        return tuple(dict.fromkeys(layer for each in selection for layer in self.select(each)))

    def layer(self, name: str | Layer) -> Layer:
        """The one layer that a name means.

        Raises:
            LayerError: it means none, or several.
        """
        found = self.select(name)
        if len(found) > 1:
            names = ", ".join(layer.name for layer in found[:5])
            raise LayerError(f"Expected one layer. Received: {name!r}, which means {len(found)}: {names} ...")
        return found[0]

    def _selected(self, selection: str) -> tuple[Layer, ...]:
        name = selection.removesuffix(":0")
        if selection not in FAMILIES or not self._layers_named(selection):
            for known in (self._keras_output(name), self._any_op(selection)):
                if known is not None and not self._layers_named(name):
                    return (known,)
        return matching(selection, self.layers)

    def _layers_named(self, name: str) -> tuple[Layer, ...]:
        return tuple(layer for layer in self.layers if layer.name == name)

    def _keras_output(self, name: str) -> Layer | None:
        """The output of a Keras layer, by its name or its path in nested models."""
        owners = self._frozen.keras_names
        for key in (lambda owner: owner, lambda owner: owner.split("/")[-1]):
            nodes = [node for node in self._nodes if node in self._varying and key(owners.get(node, "")) == name]
            inside = {node_of(each) for node in nodes for each in data_inputs(self._nodes[node])}
            ends = [node for node in nodes if node not in inside and tensor_of(node) in self._shapes]
            if ends:
                listed = [layer for layer in self.layers if layer.name in nodes]
                exact = [layer for layer in listed if ends[-1] in (layer.name, node_of(layer.tensor))]
                kind = listed[-1].kind if listed else self._nodes[ends[-1]].op.lower()
                return exact[0] if exact else self._make(tensor_of(ends[-1]), kind)
        return None

    def _any_op(self, selection: str) -> Layer | None:
        tensor = selection if ":" in selection else f"{selection}:0"
        if node_of(tensor) not in self._varying or tensor not in self._shapes:
            return None
        listed = [layer for layer in self.layers if layer.tensor == tensor]
        return listed[0] if listed else self._make(tensor, self._nodes[node_of(tensor)].op.lower())

    def _make(self, tensor: str, kind: str) -> Layer | None:
        name = tensor.removesuffix(":0")
        return make_layer(tensor, kind, self._shapes, self._axes, self._frozen.keras_names.get(node_of(tensor)), name)

    def _find_logits(self) -> Layer | None:
        softmax = [layer for layer in self.layers if layer.kind == "softmax" and not layer.spatial_shape]
        if softmax:
            return self.before_softmax(softmax[-1])
        ends = [self._origin(tensor) for tensor in self._frozen.outputs.values()]
        for tensor in ends:
            layer = self._any_op(tensor) if tensor in self._shapes else None
            if layer is not None and not layer.spatial_shape:
                return layer
        dense = [layer for layer in self.layers if layer.kind == "dense"]
        return dense[-1] if dense else None

    def before_softmax(self, layer: Layer) -> Layer:
        """The layer whose values a softmax turns into probabilities; any other layer passes."""
        if layer.kind != "softmax":
            return layer
        source = self._origin(tensor_of(data_inputs(self._nodes[node_of(layer.tensor)])[0]))
        shape = self._shapes[source][1]
        if shape is not None and len(shape) != len(layer.shape):
            source = tensor_of(data_inputs(self._nodes[node_of(layer.tensor)])[0])
        found = self._any_op(source)
        if found is None:
            raise LayerError(f"Expected class scores before the softmax {layer.name!r}. Received: {source!r}.")
        return found

    def _origin(self, tensor: str) -> str:
        """The tensor behind identities and the reshapes that a softmax of TensorFlow 1 puts around itself."""
        passing = {"Identity", "StopGradient"}
        while (node := self._nodes.get(node_of(tensor))) is not None and node.op in passing | {"Reshape"}:
            before = tensor_of(data_inputs(node)[0])
            if node.op == "Reshape" and self._shapes[before][1] != self._shapes[tensor][1]:
                break
            if before not in self._shapes:
                break
            tensor = before
        return tensor

    def _info(self, name: str, tensor: str) -> TensorInfo:
        dtype, shape = self._shapes.get(tensor, (tf.float32, None))
        return TensorInfo(name, dtype.name, shape)

    def _people_name(self, tensor: str) -> str:
        return next((name for name, each in self._frozen.inputs.items() if each == tensor), tensor.removesuffix(":0"))

    def describe(self) -> str:
        """Inputs, layers and outputs as a table of plain text."""
        return "\n".join("  ".join(cell.ljust(width) for cell, width in row).rstrip() for row in self._aligned())

    def _aligned(self) -> Iterator[list[tuple[str, int]]]:
        rows = list(self._rows())
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows:
            yield list(zip(row, widths, strict=True))

    def _rows(self) -> Iterator[tuple[str, str, str, str]]:
        yield "", "name", "kind", "shape"
        for info in self.inputs:
            mark = "input (images)" if info.name == self.image_input.name else "input"
            yield mark, info.name, info.dtype, _shape_text(info.shape)
        for layer in self.layers:
            yield layer.family, layer.name, layer.kind, _shape_text(layer.shape)
        for info in self.outputs:
            yield "output", info.name, info.dtype, _shape_text(info.shape)

    def __repr__(self) -> str:
        families = ", ".join(
            f"{sum(layer.family == key for layer in self.layers)} {title}" for key, title in FAMILIES.items()
        )
        return f"<Network: images to {self.image_input.name!r} {_shape_text(self.image_input.shape)}; {families}>"

    def _repr_html_(self) -> str:
        rows = list(self._rows())
        head = "".join(f"<th>{cell}</th>" for cell in rows[0])
        body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows[1:])
        return (
            f"<details><summary>{html.escape(repr(self).strip('<>'))}</summary>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
        )

    # ---- what is fed

    def feeds(self, feed: Any = None) -> Feeds:
        """A feed in any spelling as arrays by tensor name, the images under the image input.

        Raises:
            FeedError: no feed at all, an unknown name, or values that do not fit.
        """
        feed = self.feed if feed is None else feed
        if feed is None:
            raise FeedError(
                f"Expected a feed for {self.image_input.name!r}. Received: None. "
                "Pass an image, or a dict of names and values."
            )
        placeholders = list(self._frozen.inputs.values())
        if isinstance(feed, Mapping):
            named = {tensor_named(key_name(key), self._shapes, self._frozen.inputs): feed[key] for key in feed}
        elif is_bare_list(feed, len(placeholders)):
            named = dict(zip(placeholders, feed, strict=True))
        else:
            return {self._image: self._batch(feed)}
        fed = {tensor: self._fitted(tensor, as_array(value)) for tensor, value in named.items()}
        if self._image not in fed:
            raise FeedError(
                f"Expected the images under {self.image_input.name!r}. "
                f"Received: a feed for {', '.join(repr(tensor.removesuffix(':0')) for tensor in fed)} only. "
                "Feed it, or say which tensor takes the images: load(model, image_input=...)."
            )
        return fed

    def _batch(self, images: Any) -> np.ndarray:
        shape = self._shapes[self._image][1] or (None,) * 4
        picture = self._view.picture_shape(shape)
        array = images if isinstance(images, np.ndarray) else None
        if array is not None and self._view.folded is not None and array.ndim <= 2 and array.shape[-1:] == shape[1:]:
            return self._fitted(self._image, array)  # flat vectors, as the network takes them
        batch = pictures_to_batch(images, picture, self.preprocess)
        if self._view.folded is not None:
            batch = batch.reshape(len(batch), *(-1 if size is None else size for size in shape[1:]))
        elif self._view.channels_first:
            batch = np.moveaxis(batch, -1, 1)
        return self._fitted(self._image, batch)

    def _fitted(self, tensor: str, array: np.ndarray) -> np.ndarray:
        dtype, shape = self._shapes[tensor]
        return cast_to(array, dtype, shape, self._people_name(tensor))

    def images(self, feed: Any = None) -> np.ndarray:
        """The images as fed: float32 (images, height, width, channels), in the range of the input."""
        return self._view.images(self.feeds(feed)[self._image]).astype(np.float32)

    def photo(self, image: Any) -> np.ndarray:
        """One image to start from: float32 (1, height, width, channels), of any size, in the range of the input.

        Pictures (uint8, PIL, paths) go through ``preprocess``; floating-point arrays are taken as they are.
        """
        shape = self.picture_shape
        array = read_image(image)
        if isinstance(array, np.ndarray) and array.dtype.kind == "f":
            return pictures_to_batch(array, shape, None)[:1].astype(np.float32)
        free = (*(None for _ in shape[:-1]), shape[-1])
        return pictures_to_batch(image, free, self.preprocess)[:1].astype(np.float32)

    def value_range(self, feed: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The darkest and brightest value of the input, float32 scalars or one per channel.

        It is what ``preprocess`` makes of black and of white; without one, the usual range that the fed images
        fit in ([0, 1], [-1, 1] or [0, 255]); without either, [0, 255].
        """
        if self.preprocess is not None:
            shape = self._view.picture_shape(self._shapes[self._image][1] or (None,) * 4)
            sizes = [32 if size is None else size for size in shape]
            sizes[-1] = 3 if shape[-1] is None else sizes[-1]
            ends = [np.asarray(self.preprocess(np.full(sizes, value, np.uint8))) for value in (0, 255)]
            low, high = (end.reshape(-1, end.shape[-1]).mean(0).astype(np.float32) for end in ends)
            return low, high
        if feed is None and self.feed is None:
            return np.float32(0), np.float32(255)
        images = self.images(feed)
        least, most = float(images.min()), float(images.max())
        for low, high in ((0, 1), (-1, 1), (0, 255)):
            if low <= least and most <= high:
                return np.float32(low), np.float32(high)
        return np.float32(least), np.float32(most)

    # ---- what is computed

    def run(self, feeds: Feeds, tensors: Sequence[str]) -> list[np.ndarray]:
        """Values of tensors for a feed; all images, a few at a time.

        Raises:
            FeedError: a placeholder that they need is missing.
        """
        key = ("run", tuple(feeds), tuple(tensors))

        def make() -> Any:
            def body(*fed: tf.Tensor) -> list[tf.Tensor]:
                return self.build(dict(zip(feeds, fed, strict=True)), tensors)

            return tf.function(body, autograph=False, input_signature=self.signature(feeds))

        function = self.compiled(key, make)
        parts = [
            [value.numpy()[:count] for value in function(*chunk.values())] for chunk, count in self.chunks(feeds)
        ]
        return [np.concatenate(values) for values in zip(*parts, strict=True)]

    def compiled(self, key: Any, make: Callable[[], Any]) -> Any:
        """A function compiled once for each key; ``make`` is called under a lock, by one thread."""
        with self._lock:
            if key not in self._compiled:
                self._compiled[key] = make()
            return self._compiled[key]

    def signature(self, feeds: Mapping[str, Any]) -> list[tf.TensorSpec]:
        """What a compiled function takes for these feeds: sizes that the graph leaves free stay free."""
        return [tf.TensorSpec(self._shapes[tensor][1], self._shapes[tensor][0]) for tensor in feeds]

    def fixed_batch(self) -> int | None:
        """How many images the graph insists on, or ``None``."""
        shape = self._shapes[self._image][1]
        return shape[0] if shape else None

    def chunks(self, feeds: Feeds) -> Iterator[tuple[Feeds, int]]:
        """The feeds cut to runs of a few images, with how many of them count; fixed batches are filled up."""
        images, fixed = len(feeds[self._image]), self.fixed_batch()
        size = fixed or _BATCH
        for start in range(0, images, size):
            count = min(size, images - start)
            yield self.rows_of(feeds, np.arange(start, start + (fixed or count)) % images), count

    def rows_of(self, feeds: Feeds, rows: np.ndarray) -> Feeds:
        """The feeds of chosen images; what is not one value for each image (a keep_prob) stays."""
        images = len(feeds[self._image])

        def chosen(tensor: str, array: np.ndarray) -> np.ndarray:
            shape = self._shapes[tensor][1]
            free = shape is None or shape[:1] in ((None,), (len(rows),))
            return array[rows] if array.ndim > 0 and len(array) == images and free else array

        return {tensor: chosen(tensor, array) for tensor, array in feeds.items()}

    def build(self, inputs: Mapping[str, tf.Tensor], tensors: Sequence[str], rule: str = "gradient", target: str = "") -> list[tf.Tensor]:
        """Put the part of the network between ``inputs`` and ``tensors`` into the graph that is being built.

        Args:
            inputs: tensors to feed, by name.
            tensors: the names of those to return.
            rule: how signals go backwards through it.
            target: a node whose dead ReLU a signal may enter (deep dream).

        Raises:
            FeedError: a placeholder between them is not fed.
        """
        names = [node_of(tensor) for tensor in tensors if tensor not in inputs]
        needed = ancestors(self._nodes, names, stop=inputs)
        self._require_fed(needed, inputs)
        given = {tensor_of(name): tf.identity(self._weights[name]) for name in needed & self._weights.keys()} | dict(inputs)
        fed = {node_of(tensor) for tensor in given if f"{node_of(tensor)}:1" not in self._shapes}
        cut = [NodeDef.FromString(node.SerializeToString()) for name, node in self._nodes.items() if name in needed - fed]
        units = {name: unit for name, unit in self._units.items() if unit.inner <= needed}
        rules.apply_rule(cut, rule, units)
        rules.redirect(cut, target)
        cut = run_on_cpu(cut)
        used = {tensor_of(reference) for node in cut for reference in node.input}
        fetched = [rules.spanned(tensor, rule, units) for tensor in tensors if tensor not in inputs]
        values = iter(
            tf.graph_util.import_graph_def(
                copy_of(self._frozen.graph_def, cut),
                {tensor: value for tensor, value in given.items() if tensor in used},
                return_elements=fetched,
                name="network",
            )
            if fetched
            else ()
        )
        return [inputs[tensor] if tensor in inputs else next(values) for tensor in tensors]

    def _require_fed(self, needed: set[str], inputs: Mapping[str, Any]) -> None:
        missing = [
            name
            for name in self._nodes
            if name in needed - self._weights.keys()
            and self._nodes[name].op == "Placeholder"
            and tensor_of(name) not in inputs
        ]
        if missing:
            shown = ", ".join(f"{name!r} ({self._text(name)})" for name in missing)
            raise FeedError(
                f"Expected a value for every placeholder that the layer needs. Received: none for {shown}. "
                "Add it to the feed, such as {'" + missing[0] + ":0': value}."
            )

    def _text(self, name: str) -> str:
        dtype, shape = self._shapes[tensor_of(name)]
        return f"{dtype.name} {_shape_text(shape)}"

    def between(self, layer: Layer) -> list[NodeDef]:
        """The nodes on the way from the image input to a layer, in order of computation."""
        reached = descendants(self._frozen.graph_def, {node_of(self._image)})
        needed = ancestors(self._nodes, [node_of(layer.tensor)])
        return [node for name, node in self._nodes.items() if name in reached & needed]

    def coverage(self, rule: str, layer: str | Layer) -> Coverage:
        """Which ops between the image and a layer obey a rule, without running anything."""
        asked = self.layer(layer)
        target = self.before_softmax(asked)
        return rules.coverage(self.between(target), rule, self._units, target is not asked)

    def require_gradient(self, layer: Layer) -> None:
        """Check that a gradient can flow from a layer to the image.

        Raises:
            GradientError: it names the op that blocks and the nearest tensor behind it that could be fed.
        """
        problem = gradient_path(self._image, layer, self.between(layer), self._shapes)
        if problem:
            raise GradientError(problem)

    def to_input(self, images: tf.Tensor) -> tf.Tensor:
        """Channels-last pictures -> the tensor that the image input takes, inside a compiled function."""
        dtype, shape = self._shapes[self._image]
        return tf.cast(self._view.fed(images, shape or ()), dtype)

    def to_images(self, fed: np.ndarray) -> np.ndarray:
        """An array in the layout of the image input -> channels-last pictures."""
        return self._view.images(fed)

    @property
    def image_tensor(self) -> str:
        """The full name of the tensor that takes the images."""
        return self._image

    @property
    def picture_shape(self) -> tuple[int | None, ...]:
        """(height, width, channels) of one picture, ``None`` where the network leaves a size free."""
        return self._view.picture_shape(self._shapes[self._image][1] or (None,) * 4)


def _static_shapes(frozen: FrozenGraph) -> dict[str, tuple[tf.DType, tuple[int | None, ...] | None]]:
    graph = tf.Graph()
    try:
        with graph.as_default():
            tf.graph_util.import_graph_def(frozen.graph_def, name="")
    except (ValueError, TypeError, tf.errors.OpError) as error:
        raise ModelError(
            f"Expected a graph that TensorFlow {tf.__version__} can import. Received: {error}"
        ) from error
    return {
        tensor.name: (tensor.dtype, None if tensor.shape.rank is None else tuple(tensor.shape.as_list()))
        for op in graph.get_operations()
        for tensor in op.outputs
    }


def _names(class_names: Sequence[str] | Mapping[int, str] | None) -> tuple[str, ...] | None:
    if class_names is None:
        return None
    if isinstance(class_names, Mapping):
        last = max(map(int, class_names), default=-1)
        named = {int(index): str(name) for index, name in class_names.items()}
        return tuple(named.get(index, str(index)) for index in range(last + 1))
    return tuple(map(str, class_names))


def _shape_text(shape: tuple[int | None, ...] | None) -> str:
    return "?" if shape is None else " × ".join("?" if size is None else str(size) for size in shape)
