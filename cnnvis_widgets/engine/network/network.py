"""A network: one frozen graph, its layers, inputs and outputs, and the calls compiled from it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from ...errors import FeedError, GradientError
from ...results import Coverage, Layer, TensorInfo
from ..backward import rules
from ..graph.freezing import FrozenGraph
from ..graph.graphdef import node_of, tensor_of
from ..graph.receptive_field import seen_by
from ..graph.structure import Structure, static_shapes
from ..ops.windows import ReceptiveField
from ..runtime.caches import ForwardPasses, function_cache
from ..runtime.constant_folding import Settled
from ..runtime.subgraphs import Passage, import_cut, import_passage
from ..runtime.tracing import eagerly, traced
from .batches import Batches, Feeds
from .description import Table, as_html, as_text, summary, table
from .feeds import Preprocess, as_array, cast_to, is_bare_list, key_name, tensor_named
from .image_input import ImageInput, usual_range
from .input_layout import view_of
from .inputs import choose_image_input, gradient_path, names_of_classes


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
        forward_passes: those that are kept for the next way back.
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
        named = None if image_input is None else node_of(frozen.inputs.get(image_input, image_input))
        sources = {node_of(tensor) for tensor in frozen.inputs.values()} | ({named} if named else set())
        self._structure = structure = Structure(frozen, sources)
        self._settled = Settled(structure, {name: tf.constant(value) for name, value in frozen.weights.items()})
        self._shapes = structure.shapes
        self._image = (
            choose_image_input(frozen, self._shapes, structure.layers)
            if image_input is None
            else self._tensor(image_input)
        )
        view = view_of(self._image, structure.nodes, self._shapes, structure.axes)
        self._pictures = ImageInput(self._image, *self._shapes[self._image], view)
        self._batches = Batches(self._shapes, self._image)
        self.layers = structure.layers
        self.inputs = tuple(self._info(name, tensor) for name, tensor in frozen.inputs.items())
        self.outputs = tuple(self._info(name, structure.origin(tensor)) for name, tensor in frozen.outputs.items())
        self.logits = structure.logits()
        self.feed = feed
        self.preprocess = preprocess
        self.class_names = names_of_classes(class_names)
        self._compiled = function_cache()
        self.forward_passes = ForwardPasses()

    def with_settings(self, feed: Any, image_input: Any, class_names: Any, preprocess: Preprocess | None) -> Network:
        """This network with other settings; the compiled calls are shared."""
        wanted = self._image if image_input is None else self._tensor(image_input)
        if wanted != self._image:
            other = Network(self._frozen, image_input=wanted)
        elif feed is None and class_names is None and preprocess is None:
            return self
        else:
            other = copy.copy(self)
        other.feed = self.feed if feed is None else feed
        other.class_names = self.class_names if class_names is None else names_of_classes(class_names)
        other.preprocess = preprocess or self.preprocess
        return other

    # ---- what there is

    @property
    def image_input(self) -> TensorInfo:
        """The input that takes the images."""
        return self._info(self._people_name(self._image), self._image)

    def select(self, selection: str | Layer | Sequence[str | Layer] = "r") -> tuple[Layer, ...]:
        """The layers that a selection means; see ``Structure.select``."""
        return self._structure.select(selection)

    def layer(self, name: str | Layer) -> Layer:
        """The one layer that a name means; see ``Structure.layer``."""
        return self._structure.layer(name)

    @eagerly
    def layers_as_fed(self, feed: Any = None) -> tuple[Layer, ...]:
        """The layers with the sizes that they have for a feed, where the graph leaves them free."""
        fed = {tensor: (None, *array.shape[1:]) for tensor, array in self.feeds(feed).items() if array.ndim}
        shapes = static_shapes(self._frozen, fed)
        return tuple(replace(layer, shape=shapes[layer.tensor][1] or layer.shape) for layer in self.layers)

    def before_softmax(self, layer: Layer) -> Layer:
        """The layer whose values a softmax turns into probabilities; any other layer passes."""
        return self._structure.before_softmax(layer)

    def _info(self, name: str, tensor: str) -> TensorInfo:
        dtype, shape = self._shapes.get(tensor, (tf.float32, None))
        return TensorInfo(name, dtype.name, shape)

    def _people_name(self, tensor: str) -> str:
        return next((name for name, each in self._frozen.inputs.items() if each == tensor), tensor.removesuffix(":0"))

    def describe(self) -> str:
        """Inputs, layers, outputs, and weights that hold NaN or infinity, as a table of plain text."""
        return as_text(self._table())

    def _table(self) -> Table:
        nonfinite = [self._info(name, tensor_of(name)) for name in self.nonfinite_weights()]
        return table(self.inputs, self.layers, self.outputs, self.image_input.name, nonfinite)

    def nonfinite_weights(self, layer: str | Layer | None = None) -> tuple[str, ...]:
        """The names of the weights that hold NaN or infinity; with a layer, of those that it depends on.

        Layers that depend on none of them can be computed; all others raise ``NumericalError``.
        """
        if layer is None:
            return self._settled.nonfinite.names
        return self._settled.nonfinite_behind([self.layer(layer).tensor], [self._image])

    def __repr__(self) -> str:
        return f"<Network: {self._summary()}>"

    def _summary(self) -> str:
        return summary(self.image_input, self.layers, self.nonfinite_weights())

    def _repr_html_(self) -> str:
        return as_html(self._table(), self._summary())

    def fingerprint(self) -> str:
        """A hash of the ops and weights, the same in every process."""
        return self._frozen.fingerprint

    # ---- what is fed

    def feeds(self, feed: Any = None, *, images: bool = True) -> Feeds:
        """A feed in any spelling as arrays by tensor name, the images under the image input.

        Args:
            feed: ``None`` for the one given to ``load``.
            images: whether the images must be among them; a dream from noise needs none.

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
            named = {self._tensor(key): feed[key] for key in feed}
        elif is_bare_list(feed, len(placeholders)):
            named = dict(zip(placeholders, feed, strict=True))
        else:
            return {self._image: self._fitted(self._image, self._pictures.batch(feed, self.preprocess))}
        fed = {tensor: self._fitted(tensor, as_array(value)) for tensor, value in named.items()}
        if images and self._image not in fed:
            raise FeedError(
                f"Expected the images under {self.image_input.name!r}. "
                f"Received: a feed for {', '.join(repr(tensor.removesuffix(':0')) for tensor in fed)} only. "
                "Feed it, or say which tensor takes the images: load(model, image_input=...)."
            )
        return fed

    def laid_out(self, batch: np.ndarray) -> np.ndarray:
        """Pictures (images, height, width, channels) in the range of the input, as the image input takes them.

        The way back from ``images``; nothing is preprocessed.

        Raises:
            FeedError: they are not of the input's shape.
        """
        return self._fitted(self._image, self._pictures.laid_out(batch))

    def _tensor(self, key: Any) -> str:
        return tensor_named(key_name(key), self._shapes, self._frozen.inputs)

    def _fitted(self, tensor: str, array: np.ndarray) -> np.ndarray:
        dtype, shape = self._shapes[tensor]
        return cast_to(array, dtype, shape, self._people_name(tensor))

    def has_images(self, feed: Any = None) -> bool:
        """Whether a feed, or else the one given to ``load``, holds images."""
        given = self.feed if feed is None else feed
        return given is not None and self._image in self.feeds(given, images=False)

    def images(self, feed: Any = None) -> np.ndarray:
        """The images as fed: float32 (images, height, width, channels), in the range of the input."""
        return self._pictures.view.images(self.feeds(feed)[self._image]).astype(np.float32)

    def photo(self, image: Any) -> np.ndarray:
        """One image to start from: float32 (1, height, width, channels), of any size, in the range of the input.

        Pictures (uint8, paths, files, PIL) go through ``preprocess``; floating-point arrays are taken as they are.
        """
        return self._pictures.photo(image, self.preprocess)

    def value_range(self, feed: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The darkest and brightest value of the input, float32 scalars or one per channel.

        It is what ``preprocess`` makes of black and of white; without one, the usual range that the fed images
        fit in ([0, 1], [-1, 1] or [0, 255]); without either, [0, 255].
        """
        if self.preprocess is not None:
            return self._pictures.range_of(self.preprocess)
        return usual_range(self.images(feed) if self.has_images(feed) else None)

    # ---- what is computed

    def run(self, feeds: Feeds, tensors: Sequence[str]) -> list[np.ndarray]:
        """Values of tensors for a feed; all images, a few at a time.

        Raises:
            FeedError: a placeholder that they need is missing.
            NumericalError: they depend on weights that hold NaN or infinity.
        """
        key = ("run", tuple(feeds), tuple(tensors))

        def body(*fed: tf.Tensor) -> list[tf.Tensor]:
            return self.build(dict(zip(feeds, fed, strict=True)), tensors)

        function = self.compiled(key, body, self.signature(feeds))
        parts = [[value[:count] for value in function(*chunk.values())] for chunk, count in self._batches.chunks(feeds)]
        return [np.concatenate(values) for values in zip(*parts, strict=True)]

    def compiled(
        self, key: Any, body: Callable[..., Any], signature: Sequence[tf.TensorSpec], *, soon: bool = False
    ) -> Callable[..., Any]:
        """A function of NumPy arrays, compiled once for each key while it is kept; ``soon`` as ``traced`` takes it."""
        return self.once(key, lambda: traced(body, signature, soon=soon))

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, made once for each key while it is kept; see ``LRUCache``."""
        return self._compiled.get_or_make(key, make)

    def signature(self, feeds: Iterable[str]) -> list[tf.TensorSpec]:
        """What a compiled function takes for these feeds; see ``Batches.signature``."""
        return self._batches.signature(feeds)

    def signature_for_one(self, feeds: Feeds) -> list[tf.TensorSpec]:
        """The same for a feed of one image; see ``Batches.signature_for_one``."""
        return self._batches.signature_for_one(feeds)

    def fixed_batch(self) -> int | None:
        """How many images the graph insists on, or ``None``."""
        return self._batches.fixed

    def rows_of(self, feeds: Feeds, rows: np.ndarray) -> Feeds:
        """The feeds of chosen images; see ``Batches.rows_of``."""
        return self._batches.rows_of(feeds, rows)

    def build(
        self,
        inputs: Mapping[str, tf.Tensor],
        tensors: Sequence[str],
        rule: str = "gradient",
        target: str = "",
        *,
        folding: bool = False,
    ) -> list[tf.Tensor]:
        """Put the part of the network between ``inputs`` and ``tensors`` into the function being traced.

        Args:
            inputs: tensors to feed, by name.
            tensors: the names of those to return.
            rule: how signals go backwards through it.
            target: a node whose dead ReLU a signal may enter (deep dream).
            folding: whether scales may become part of kernels: faster, with other rounding; see ``folding``.

        Raises:
            FeedError: a placeholder between them is not fed.
            NumericalError: the tensors depend on weights that hold NaN or infinity.
        """
        return import_cut(*self._settled.cut(inputs, tensors, folding=folding), rule, target)

    def passage(self, inputs: Mapping[str, tf.Tensor], tensors: Sequence[str], target: str = "") -> Passage:
        """The same folded, under the rule 'gradient', with a way back to the images built faster; see ``Passage``."""
        return import_passage(*self._settled.cut(inputs, tensors, folding=True), self._image, target, self._shapes)

    def coverage(self, rule: str, layer: str | Layer) -> Coverage:
        """Which ops between the image and a layer obey a rule, without running anything."""
        asked = self.layer(layer)
        target = self.before_softmax(asked)
        nodes = self._structure.between(self._image, target)
        return rules.coverage(nodes, rule, self._structure.units, target is not asked)

    @eagerly
    def receptive_field(self, layer: str | Layer, size: Sequence[int] | None = None) -> ReceptiveField | None:
        """What one unit of a layer sees of the image, in pixels.

        Args:
            layer: one layer with spatial axes.
            size: (height, width) of the image where the network leaves it free; the padding can depend on it.

        Returns:
            Stride, start and size along each axis; ``None`` where every unit sees the whole image, and where the way
            holds an op that windows do not describe.
        """
        *lengths, channels = self.picture_shape
        lengths = lengths if size is None else list(size)
        sizes = [channels, *lengths] if self.channels_first else [*lengths, channels]
        spec, seen = tf.TensorSpec([None, *sizes], self._shapes[self._image][0]), self.layer(layer)
        return seen_by(self._frozen.graph_def, self._image, spec, seen.tensor, _first(seen))

    def require_gradient(self, layer: Layer) -> None:
        """Check that a gradient can flow from a layer to the image.

        Raises:
            GradientError: it names the op that blocks and the nearest tensor behind it that could be fed.
        """
        problem = gradient_path(self._image, layer, self._structure.between(self._image, layer), self._shapes)
        if problem:
            raise GradientError(problem)

    def to_input(self, images: tf.Tensor) -> tf.Tensor:
        """Channels-last pictures -> the tensor that the image input takes, inside a compiled function."""
        return self._pictures.to_input(images)

    def to_images(self, fed: np.ndarray) -> np.ndarray:
        """An array in the layout of the image input -> channels-last pictures."""
        return self._pictures.view.images(fed)

    @property
    def image_tensor(self) -> str:
        """The full name of the tensor that takes the images."""
        return self._image

    @property
    def channels_first(self) -> bool:
        """Whether the image input has its channels in front of height and width."""
        return self._pictures.view.channels_first

    @property
    def picture_shape(self) -> tuple[int | None, ...]:
        """(height, width, channels) of one picture, ``None`` where the network leaves a size free."""
        return self._pictures.picture_shape


def _first(layer: Layer) -> bool:
    return len(layer.shape) > 2 and layer.channel_axis == 1
