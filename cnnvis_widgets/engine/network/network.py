"""A network as its user sees it: layers by name, what is fed, and what is known of it without running it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import tensorflow as tf

from ...arguments import checked
from ...errors import FeedError, warn_of_feed
from ...results import Coverage, Head, Layer, TensorInfo
from ..backward.coverage import coverage
from ..graph.graphdef import tensor_of
from ..graph.receptive_field import seen_by
from ..models.readers import unreadable
from ..ops.windows import ReceptiveField
from ..runtime.tracing import eagerly
from ..tokens.layers import attention_layer
from .default_feed import DefaultFeed, default_feed, default_range
from .description import Table, as_html, as_text, summary, table
from .feeds import Feeds, Preprocess, as_array, is_bare_list
from .heads import find_head, main_head
from .image_sources import by_input, is_numbers, reads_files
from .input_layout import layout_of, usual_range
from .pictures import batch_of, fitted_to, preprocessed_range
from .runtime import Runtime
from .serialized import network_bytes, read_network


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """One frozen graph with its weights, and what is fed to it by default. ``load`` makes one.

    Attributes:
        runtime: what the engine computes with. Networks of the same graph share it.
        heads: its outputs, and what each of them means.
        feed: what ``load`` was given to feed, or ``None``.
        preprocess: what ``load`` was given, or ``None``.

    Example:
        >>> import keras, numpy as np
        >>> from cnnvis_widgets import load
        >>> image = keras.Input((8, 8, 3), name="image")
        >>> maps = keras.layers.Conv2D(4, 3, activation="relu", name="edges")(image)
        >>> maps = keras.layers.MaxPooling2D(name="pool")(maps)
        >>> scores = keras.layers.Dense(2, "softmax", name="classes")(keras.layers.Flatten()(maps))
        >>> network = load(keras.Model(image, scores), np.ones((8, 8, 3)), class_names=["cat", "dog"])
        >>> network
        <Network: images to 'image' ? × 8 × 8 × 3; 1 activation functions, 1 pooling, 1 convolutions, 2 other layers>
        >>> [layer.name for layer in network.layers]
        ['edges/convolution', 'edges/Relu', 'pool/MaxPool2d', 'classes/BiasAdd', 'classes/Softmax']
        >>> network.logits.name, network.image_input.shape, network.class_names
        ('classes/BiasAdd', (None, 8, 8, 3), ('cat', 'dog'))
    """

    runtime: Runtime
    heads: tuple[Head, ...]
    feed: Any = None
    preprocess: Preprocess | None = None

    # ---- layers and tensors

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers in order of computation."""
        return self.runtime.structure.layers

    @property
    def attentions(self) -> tuple[Layer, ...]:
        """The attentions of a transformer, in order of computation; see ``attention_maps``."""
        runtime = self.runtime
        names = runtime.frozen.keras_names
        return tuple(attention_layer(runtime.structure, nodes, names) for nodes in runtime.tokens.attentions)

    @property
    def inputs(self) -> tuple[TensorInfo, ...]:
        """The tensors that can be fed."""
        return self.runtime.inputs

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """The tensors that the network returns."""
        return self.runtime.outputs

    @property
    def image_input(self) -> TensorInfo:
        """The input that takes the images."""
        return self.runtime.image_input

    @checked
    def head(self, wanted: str | Layer | Head | None = None) -> Head:
        """Find one output and what it means.

        Args:
            wanted: the name of a head, or a layer; ``None`` for the main head, which methods explain by default.
                A layer that is no output is a head of its own: a softmax with its logits, any other as values.

        Raises:
            LayerError: there is no such head or layer, or the network has no head.

        Example:
            >>> head = network.head()
            >>> head.name, head.meaning, head.names, head.scores.name
            ('classes', 'classes', ('cat', 'dog'), 'classes/BiasAdd')
        """
        return find_head(wanted, self.heads, self.runtime.structure)

    @property
    def logits(self) -> Layer | None:
        """The scores of the main head before its softmax or sigmoid, or ``None`` without a head."""
        main = main_head(self.heads)
        return None if main is None else main.scores

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The names of the classes of the main head, or ``None``."""
        main = main_head(self.heads)
        return None if main is None else main.names

    @checked
    def select(self, selection: str | Layer | Iterable[str | Layer] = "r") -> tuple[Layer, ...]:
        """Find the layers that a selection means.

        Args:
            selection: 'r' (ReLU and its relatives), 'p' (pools), 'c' (convolutions), the name of any op with or
                without ':0', the name of a Keras layer (its output; 'dense.2' is the second call of the layer
                'dense'), a glob such as 'block3*', or any iterable of these.

        Returns:
            Each layer once, in the order of the selection. A letter or a glob gives the order of computation.

        Raises:
            LayerError: something in the selection fits no layer. The error gives the nearest names.

        Example:
            >>> [layer.name for layer in network.select("r")]
            ['edges/Relu']
            >>> [layer.kind for layer in network.select(["pool", "classes"])]
            ['max_pool', 'softmax']
        """
        return self.runtime.structure.select(selection)

    @checked
    def layer(self, name: str | Layer) -> Layer:
        """Find the one layer that a name means.

        Raises:
            LayerError: the name fits no layer, or several.

        Example:
            >>> network.layer("pool").shape
            (None, 3, 3, 4)
        """
        return self.runtime.structure.layer(name)

    def before_saturation(self, layer: Layer) -> tuple[Layer, str]:
        """The layer before a softmax, or before the sigmoid of a head, and the kind of that activation.

        Any other layer is returned as it is, with ''.

        Example:
            >>> scores, removed = network.before_saturation(network.layer("classes"))
            >>> scores.name, removed
            ('classes/BiasAdd', 'softmax')
        """
        for head in self.heads:
            if head.activation and layer.tensor in (head.output.tensor, head.activated):
                return head.scores, head.activation
        scores = self.runtime.structure.before_softmax(layer)
        return scores, "" if scores is layer else "softmax"

    def describe(self) -> str:
        """Inputs, layers, outputs, and weights that hold NaN or infinity, as a table of plain text.

        Example:
            >>> print(network.describe().splitlines()[1])
            input (images)  image              float32      ? × 8 × 8 × 3
        """
        return as_text(self._table())

    def _table(self) -> Table:
        nonfinite = [self.runtime.info(name, tensor_of(name)) for name in self.nonfinite_weights()]
        return table(self.inputs, self.layers, self.outputs, self.image_input.name, nonfinite)

    @checked
    def nonfinite_weights(self, layer: str | Layer | None = None) -> tuple[str, ...]:
        """Name the weights that hold NaN or infinity; with a layer, only those that the layer depends on.

        A layer that depends on such a weight raises ``NumericalError`` when it is computed. All others work.

        Example:
            >>> network.nonfinite_weights()
            ()
        """
        return self.runtime.nonfinite_weights(None if layer is None else self.layer(layer))

    def close(self) -> None:
        """Free the weights, and everything that was compiled or computed, at once. A second call does nothing.

        Networks with other feeds, class names or preprocessing that were made from this one are closed with it, since
        they share its weights. Another ``load`` of the same file stays open. Without ``close``, the memory is free some
        time after the last reference is gone. Names, shapes and layers can still be read.

        Example:
            >>> with load(keras.Model(image, scores)) as another:
            ...     closed = another
            >>> closed
            <Network: closed>
        """
        self.runtime.close()

    def __enter__(self) -> Network:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<Network: closed>" if self.runtime.is_closed else f"<Network: {self._summary()}>"

    def _summary(self) -> str:
        return summary(self.image_input, self.layers, self.nonfinite_weights())

    def _repr_html_(self) -> str:
        return escape(repr(self)) if self.runtime.is_closed else as_html(self._table(), self._summary())

    def fingerprint(self) -> str:
        """A hash of ops and weights that is the same in every process.

        Example:
            >>> len(network.fingerprint())
            16
        """
        self.runtime.require_open()
        return self.runtime.frozen.fingerprint

    def to_bytes(self) -> bytes:
        """Write graph, weights, heads and names, to send them elsewhere; the feed and ``preprocess`` stay behind.

        Example:
            >>> network.from_bytes(network.to_bytes()).fingerprint() == network.fingerprint()
            True
        """
        runtime = self.runtime
        runtime.require_open()
        return network_bytes(runtime.frozen, runtime.image_tensor, runtime.structure.roots, self.heads)

    @classmethod
    @checked
    def from_bytes(
        cls, data: bytes, feed: Any = None, *, preprocess: Preprocess | None = None, trusted: bool = False
    ) -> Network:
        """Read what ``to_bytes`` wrote. No code is run, and without ``trusted=True`` no code is let in; see ``load``.

        Raises:
            ModelError: these are not the bytes of a network.
            TrustError: the network would do more than compute, and is not trusted.
        """
        with unreadable(data):
            frozen, image, roots, heads = read_network(data, trusted=trusted)
            return cls(Runtime(frozen, image, roots), heads, feed, preprocess)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickled, (self.to_bytes(), self.feed, self.preprocess)

    @checked
    def coverage(self, rule: str, layer: str | Layer) -> Coverage:
        """Tell which ops between the image and a layer obey a rule. Nothing is run.

        Args:
            rule: 'deconvnet', 'guided', 'gradient', one of your own (see ``rules.register``), or 'auto' (see
                ``reconstruct``); the result names the rule and the reason.
            layer: one layer. A softmax is replaced by its logits.

        Raises:
            LayerError: no such layer. OptionError: no such rule.

        Example:
            >>> print(network.coverage("guided", "edges"))
            guided: 1 convolution exact, 1 relu rule
        """
        structure, chosen = self.runtime.structure, self.layer(layer)
        target, removed = self.before_saturation(chosen)
        return coverage(structure, self.runtime.image_tensor, target, rule, removed=removed)

    @checked
    @eagerly
    def receptive_field(self, layer: str | Layer, size: Sequence[int] | None = None) -> ReceptiveField | None:
        """Compute the part of the image that one unit of a layer sees, in pixels.

        Args:
            layer: one layer with spatial axes.
            size: (height, width) of the image where the network leaves it free. The padding can depend on it.

        Returns:
            Stride, start and size along each axis; ``None`` where every unit sees the whole image, and where windows
            do not describe an op between image and layer.

        Example:
            >>> field = network.receptive_field("pool")
            >>> field.stride, field.size, field.window((0, 1))
            ((2, 2), (4, 4), (slice(0, 4, None), slice(2, 6, None)))
        """
        seen, runtime = self.layer(layer), self.runtime
        layout = runtime.layout
        *lengths, channels = layout.picture_shape
        lengths = lengths if size is None else list(size)
        sizes = [channels, *lengths] if layout.channels_first else [*lengths, channels]
        spec = tf.TensorSpec([None, *sizes], layout.dtype)
        first = len(seen.shape) > 2 and seen.channel_axis == 1
        key = ("receptive field", seen.tensor, *sizes)
        return runtime.inferred.get_or_make(
            key, lambda: seen_by(runtime.structure.graph_def, layout.tensor, spec, seen.tensor, first)
        )

    # ---- feeds

    @checked
    def feeds(self, feed: Any = None, *, images: bool = True) -> Feeds:
        """Turn a feed in any spelling into arrays by tensor name, the images under the image input.

        Args:
            feed: as ``load`` takes it; ``None`` for the network's own. A network without one is fed a packaged
                photograph, or random numbers where its input is no picture, and a ``FeedWarning`` says so.
            images: whether the images must be among them; a dream from noise needs none.

        Returns:
            One array for each tensor fed, with images in front, in the dtype that the frozen graph takes: float32 for
            an input of uint8 that the network casts itself.

        Raises:
            FeedError: an unknown name, or values that do not fit.

        Example:
            >>> {tensor: array.shape for tensor, array in network.feeds(np.zeros((2, 8, 8, 3))).items()}
            {'image:0': (2, 8, 8, 3)}
        """
        if feed is None and self.feed is None:
            return dict(self._default.feeds)
        if feed is None and reads_files(self.feed):
            return dict(self._decoded)
        feed = self.feed if feed is None else feed
        runtime, image = self.runtime, self.runtime.image_tensor
        placeholders = list(runtime.frozen.inputs.values())
        if isinstance(feed, tf.data.Dataset) and len(placeholders) > 1:
            shapes = {name: runtime.structure.shapes[tensor][1] for name, tensor in runtime.frozen.inputs.items()}
            ranks = {name: None if shape is None else len(shape) for name, shape in shapes.items()}
            feed = by_input(feed, ranks) or feed
        if isinstance(feed, Mapping):
            named = {runtime.tensor(key): feed[key] for key in feed}
        elif is_bare_list(feed, len(placeholders)):
            named = dict(zip(placeholders, feed, strict=True))
        elif (entry := self._entry_for(feed)) != image:
            named = {entry: feed}
        else:
            return {image: runtime.fed(image, batch_of(runtime.layout, feed, self.preprocess))}
        feeds = {tensor: runtime.fed(tensor, self._value(tensor, value)) for tensor, value in named.items()}
        derived = None if image in feeds else runtime.image_from(feeds)
        if derived is not None:
            return {image: derived, **feeds}
        if images and image not in feeds:
            fed = ", ".join(repr(tensor.removesuffix(":0")) for tensor in feeds) or "nothing"
            raise FeedError(
                f"Expected the images under {self.image_input.name!r}. Received: a feed for {fed} only. "
                "Feed it, or say which tensor takes the images: load(model, image_input=...)."
            )
        return feeds

    def _entry_for(self, feed: Any) -> str:
        """The tensor that bare images are for: the image input, or the input in front of it whose shape they have."""
        runtime = self.runtime
        if runtime.entry == runtime.image_tensor or runtime.image_is_behind_entry:
            return runtime.entry
        array = as_array(feed) if is_numbers(feed) or hasattr(feed, "shape") else None
        if array is None or fitted_to(runtime.layout, array) is not None:
            return runtime.image_tensor
        entry = layout_of(runtime.entry, runtime.structure)
        return runtime.image_tensor if fitted_to(entry, array) is None else runtime.entry

    def _value(self, tensor: str, value: Any) -> np.ndarray:
        """The array for one tensor of a feed by names."""
        runtime = self.runtime
        layout = runtime.layout if tensor == runtime.image_tensor else layout_of(tensor, runtime.structure)
        entered = tensor == runtime.image_tensor or (tensor == runtime.entry and runtime.image_is_behind_entry)
        pictures = reads_files(value) or (entered and layout.shape is not None)
        return batch_of(layout, value, self.preprocess, named=True) if pictures else as_array(value)

    @cached_property
    def _decoded(self) -> Feeds:
        """The network's own feed, if it is of files: these are decoded once."""
        return self.feeds(self.feed, images=False)

    @cached_property
    def _default(self) -> DefaultFeed:
        made = default_feed(self.runtime, self.preprocess)
        warn_of_feed(made.notice)
        return made

    @checked
    def images(self, feed: Any = None) -> np.ndarray:
        """The images of a feed: float32 (images, height, width, channels), in the range of the input.

        Raises:
            FeedError: the feed does not fit.

        Example:
            >>> network.images().shape
            (1, 8, 8, 3)
        """
        return self.runtime.layout.to_images(self.feeds(feed)[self.runtime.image_tensor]).astype(np.float32)

    @checked
    def value_range(self, feed: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """The values of the input for black and for white, float32 scalars or arrays (channels,).

        With ``preprocess`` these are the values that it gives to a black and to a white picture, and for an input of
        uint8 they are [0, 255]. Otherwise they are the first of [0, 1], [-1, 1] and [0, 255] that holds all values
        fed. If no image is fed, the ops right behind the input tell it, such as those of a ``Rescaling`` layer, and it
        is [0, 255] without any.

        Example:
            >>> low, high = network.value_range()
            >>> float(low), float(high)
            (0.0, 1.0)
        """
        if self.preprocess is not None:
            return preprocessed_range(self.runtime.layout, self.preprocess)
        if self._has_images(feed):
            return usual_range(None if self.runtime.layout.whole_numbers == "uint8" else self.images(feed))
        return default_range(self.runtime)

    def _has_images(self, feed: Any) -> bool:
        feed = self.feed if feed is None else feed
        return feed is not None and self.runtime.image_tensor in self.feeds(feed, images=False)


def _unpickled(data: bytes, feed: Any, preprocess: Preprocess | None) -> Network:
    return Network.from_bytes(data, feed, preprocess=preprocess, trusted=True)  # whoever unpickles has trusted before
