"""The runtime of a network: its structure, the layout of its images, and the functions compiled from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any, cast

import numpy as np
import tensorflow as tf

from ...caches import LRUCache
from ...errors import GradientError, ModelError, NumericalError
from ...results import Layer, TensorInfo
from ..backward.gradient_path import blocked_gradient
from ..graph.batch_mixing import depends_on_batch, mixing_nodes
from ..graph.channels_last import for_device
from ..graph.freezing import FrozenGraph
from ..graph.graphdef import ancestors, node_of
from ..graph.nonfinite import is_finite
from ..graph.shapes import static_shapes
from ..graph.shared_memory import lazy_tensor
from ..graph.structure import Structure
from ..runtime.caches import ForwardPasses, function_cache
from ..runtime.constant_folding import FoldedWeights
from ..runtime.memory import give_back
from ..runtime.op_by_op import can_run, run_nodes
from ..runtime.precision import in_bfloat16
from ..runtime.subgraphs import ImportedSubgraph, import_subgraph, import_with_gradient
from ..runtime.tracing import as_arrays, capture_all, eagerly, traced
from ..tokens.layers import read_tokens
from .feeds import Batches, Feeds, cast_to, key_name, require_whole_numbers, tensor_named
from .input_layout import behind_entry, choose_image_input, entry_of, layout_of
from .large_feeds import compute, is_large


class Runtime:
    """One frozen graph with one image input, ready to run.

    The methods of the engine compute with it. It knows nothing of what ``load`` was given to feed, so that networks
    with other feeds, class names or preprocessing share it with all that is compiled.

    Args:
        frozen: the graph and its weights.
        image_input: the input that takes the images, by any of its names; ``None`` to guess it.
        fed: names of tensors that will be fed, inputs or others. The guess is one of them if it can be.

    Attributes:
        frozen: the graph and its weights.
        structure: shapes, layers, and the paths between them.
        tokens: where tokens lie, and where they attend to each other.
        layout: of the image input.
        entry: the input that bare images are fed to: the image input, or what stands in front of it.
        image_is_behind_entry: whether the guessed image input is a tensor behind ``entry``, because the network takes
            one image and makes a batch of it, or computes with bytes, and no gradient passes that.
        batches: cuts feeds to batches.
        mixing: the names of the ops through which images of one batch influence each other.
        inputs, outputs: as ``TensorInfo``.
        cache: compiled functions and other things that are made once for each key.
        forward_passes: those that are kept for the next backward pass.
        inferred: what follows from sizes of images alone: shapes, and receptive fields.

    Raises:
        FeedError: there is no such input, or none can be guessed.
    """

    def __init__(self, frozen: FrozenGraph, image_input: str | None = None, fed: Sequence[str] = ()) -> None:
        weights = {name: lazy_tensor(value) for name, value in frozen.weights.items()}
        self.frozen = frozen = replace(frozen, weights=weights)
        named = [frozen.inputs.get(name, name) for name in (*fed, *([] if image_input is None else [image_input]))]
        sources = {node_of(tensor) for tensor in (*frozen.inputs.values(), *named)}
        self.structure = Structure(frozen, sources)
        guessed = choose_image_input(frozen, self.structure, fed) if image_input is None else ""
        image = behind_entry(guessed, self.structure) if guessed else self.tensor(image_input)
        self.entry = guessed or entry_of(image, frozen, self.structure)
        self.image_is_behind_entry = bool(guessed) and image != guessed
        self.tokens = read_tokens(frozen, self.structure, sources, image)
        self.structure = structure = self.tokens.structure
        self._open_weights: FoldedWeights | None = FoldedWeights(structure, weights)
        self.layout = layout_of(image, structure)
        self.batches = Batches(structure.shapes, image)
        self.mixing = mixing_nodes(structure, self.batches.fixed_size)
        self.inputs = tuple(self.info(name, tensor) for name, tensor in frozen.inputs.items())
        self.outputs = tuple(self.info(name, structure.origin(tensor)) for name, tensor in frozen.outputs.items())
        self.cache = function_cache(nodes=len(structure.nodes))
        self.forward_passes = ForwardPasses()
        self.inferred: LRUCache[Any] = LRUCache(1024)
        self._looked_at: LRUCache[bool] = LRUCache(1024)

    # ---- an end

    def close(self) -> None:
        """Free the weights and everything that was compiled or computed. A second call does nothing."""
        self._open_weights = None
        self.frozen = replace(self.frozen, weights={})
        self.tokens = replace(self.tokens, frozen=replace(self.tokens.frozen, weights={}))
        self.cache.clear()
        self.forward_passes.clear()
        self.inferred.clear()
        self._looked_at.clear()
        give_back()

    @property
    def is_closed(self) -> bool:
        """Whether ``close`` was called."""
        return self._open_weights is None

    @property
    def _weights(self) -> FoldedWeights:
        self.require_open()
        return cast("FoldedWeights", self._open_weights)

    def require_open(self) -> None:
        """Check that the weights are there.

        Raises:
            ModelError: the network was closed.
        """
        if self.is_closed:
            raise ModelError(
                "Expected a network that is open. Received: one that was closed, so that its weights are gone. "
                "Load the model again: load(model)."
            )

    # ---- names, and arrays that fit them

    @property
    def image_tensor(self) -> str:
        """The full name of the tensor that takes the images."""
        return self.layout.tensor

    @property
    def image_input(self) -> TensorInfo:
        """The input that takes the images."""
        return self.info(self._input_name(self.image_tensor), self.image_tensor)

    def tensor(self, key: Any) -> str:
        """The full name of a tensor, by an input's name, an op, a tensor or a KerasTensor.

        Raises:
            FeedError: there is none.
        """
        return tensor_named(key_name(key), self.structure.shapes, self.frozen.inputs)

    def fitted(self, tensor: str, array: np.ndarray) -> np.ndarray:
        """An array in the dtype and shape that a tensor wants.

        Raises:
            FeedError: the shape does not fit, or fractions would be lost.
        """
        dtype, shape = self.structure.shapes[tensor]
        return cast_to(array, dtype, shape, self._input_name(tensor))

    def fed(self, tensor: str, array: np.ndarray) -> np.ndarray:
        """The same for an array that a person feeds: an input of whole numbers takes those of its range.

        Raises:
            FeedError: the shape or the values do not fit.
        """
        fitted, dtype = self.fitted(tensor, array), self.frozen.whole_numbers.get(tensor)
        if dtype is not None:
            require_whole_numbers(fitted, dtype, self._input_name(tensor))
        return fitted

    def from_images(self, images: np.ndarray) -> np.ndarray:
        """Pictures (images, height, width, channels), in the range of the input, as the image input takes them.

        It is the inverse of ``Network.images``. Nothing is preprocessed.

        Raises:
            FeedError: they do not have the shape of the input.
        """
        return self.fitted(self.image_tensor, self.layout.from_images(images))

    def info(self, name: str, tensor: str) -> TensorInfo:
        """The dtype and shape of a tensor in the model, under a name."""
        dtype, shape = self.structure.shapes.get(tensor, (tf.float32, None))
        return TensorInfo(name, self.frozen.whole_numbers.get(tensor, dtype.name), shape)

    def _input_name(self, tensor: str) -> str:
        names = (name for name, fed in self.frozen.inputs.items() if fed == tensor)
        return next(names, tensor.removesuffix(":0"))

    # ---- layers

    def layers_as_fed(self, feeds: Feeds) -> tuple[Layer, ...]:
        """All layers, with the sizes that a feed gives them where the graph leaves them free."""
        return self.as_fed(self.structure.layers, feeds)

    @eagerly
    def as_fed(self, layers: Sequence[Layer], feeds: Feeds) -> tuple[Layer, ...]:
        """Layers with the sizes that a feed gives them where the graph leaves them free."""
        if all(None not in layer.shape[1:] for layer in layers):
            return tuple(layers)
        fed = {tensor: (None, *array.shape[1:]) for tensor, array in feeds.items() if array.ndim}
        shapes = static_shapes(self.tokens.frozen, fed)
        return tuple(replace(layer, shape=shapes[layer.tensor][1] or layer.shape) for layer in layers)

    def require_computable(self, layers: Sequence[Layer], feeds: Feeds) -> None:
        """Check that layers can be computed from a feed. Nothing is run.

        Raises:
            FeedError: a placeholder that they need is missing.
            NumericalError: NaN or infinity in the feed, or in a weight that they depend on.
        """
        if not all(map(is_finite, feeds.values())):
            raise self.nonfinite_error(feeds)
        self._weights.require_computable([layer.tensor for layer in layers], feeds.keys())

    def require_gradient(self, layer: Layer) -> None:
        """Check that a gradient can flow from a layer to the image.

        Raises:
            GradientError: it names the op that blocks and the nearest tensor behind it that could be fed.
        """
        between = self.structure.between(self.image_tensor, layer)
        problem = blocked_gradient(self.image_tensor, layer, between, self.structure.shapes)
        if problem:
            raise GradientError(problem)

    def mixes(self, tensors: Sequence[str]) -> bool:
        """Whether tensors depend on which images are fed together."""
        return depends_on_batch(self.structure, self.mixing, tensors)

    def nonfinite_weights(self, layer: Layer | None = None) -> tuple[str, ...]:
        """The names of the weights that hold NaN or infinity; with a layer, only those that it depends on."""
        if layer is None:
            return self._weights.nonfinite.names
        return self._weights.nonfinite_behind([layer.tensor], [self.image_tensor])

    # ---- functions

    def image_from(self, feeds: Feeds) -> np.ndarray | None:
        """Compute what the image input takes from what is fed in front of it: the image itself, or rows of pixels.

        Returns:
            The values of the image tensor; ``None`` if they do not depend on what is fed.

        Raises:
            FeedError: another placeholder that they need is missing.
        """
        before = ancestors(self.structure.nodes, [node_of(self.image_tensor)])
        arrays = {tensor: array for tensor, array in feeds.items() if array.ndim and node_of(tensor) in before}
        if not arrays:
            return None
        batches = Batches(self.structure.shapes, max(arrays, key=lambda tensor: arrays[tensor].size))
        if batches.fixed_size is not None:
            return self.run(feeds, [self.image_tensor], batches)[0]
        # the first axis of what is fed need not be that of the images, so it is not cut
        return self._function(feeds, [self.image_tensor])(*feeds.values())[0]

    def run(self, feeds: Feeds, tensors: Sequence[str], batches: Batches | None = None) -> list[np.ndarray]:
        """Compute tensors for all images of a feed, a few images at a time; all at once if they mix images.

        Args:
            feeds: arrays by tensor name.
            tensors: the full names of the tensors to compute.
            batches: cuts the feeds; ``None`` to cut them by the images.

        Returns:
            One array for each tensor, images in front.

        Raises:
            FeedError: a placeholder that they need is missing.
            NumericalError: they depend on weights that hold NaN or infinity.
            NotEnoughMemoryError: there is too little memory, also for pieces of an image.
        """
        if is_large(feeds) and (pieces := compute(self, feeds, tensors)) is not None:
            return pieces
        chunks = (batches or self.batches).chunks(feeds, together=self.mixes(tensors))
        first = list(islice(chunks, 2))
        looks = len(first) == 1 and not is_large(feeds)  # op by op, more values are there at one time
        run = (looks and self._first_look(feeds, tensors)) or self._function(feeds, tensors)
        cuts = batches or self.batches
        parts = [
            [value[:count] for value in part]
            for chunk, count in chain(first, chunks)
            for part in cuts.in_halves(chunk, run, whole=self.mixes(tensors))
        ]
        return parts[0] if len(parts) == 1 else [np.concatenate(values) for values in zip(*parts, strict=True)]

    def _first_look(self, feeds: Feeds, tensors: Sequence[str]) -> Callable[..., list[np.ndarray]] | None:
        """What computes tensors op by op; ``None`` from the second time on, and where that cannot be done.

        To compile a function takes longer than to run a small network many times, and most layers are looked at once.
        """
        key = tuple(feeds), tuple(tensors)
        if self._looked_at.get(key) or not self._feeds_everything(feeds):
            return None
        self._looked_at.put(key, True)
        subgraph, weights = self._weights.subgraph(feeds.keys(), tensors)
        nodes = for_device(subgraph.nodes)
        if not all(map(can_run, nodes)):
            return None
        dtypes = [spec.dtype for spec in self.batches.signature(feeds)]

        @eagerly
        def run(*arrays: np.ndarray) -> list[np.ndarray]:
            fed = dict(zip(feeds, map(tf.convert_to_tensor, arrays, dtypes), strict=True))
            return as_arrays(run_nodes(nodes, weights | fed, tensors))

        return run

    def _function(self, feeds: Feeds, tensors: Sequence[str]) -> Callable[..., Any]:
        """The compiled function from what is fed to tensors."""

        def body(*fed: tf.Tensor) -> list[tf.Tensor]:
            return self.build(dict(zip(feeds, fed, strict=True)), tensors)

        key, signature = ("run", tuple(feeds), tuple(tensors)), self.batches.signature(feeds)
        return self.compiled(key, body, signature, take_over=self._feeds_everything(feeds))

    def _feeds_everything(self, feeds: Feeds) -> bool:
        """Whether all inputs are fed. Otherwise a result may be the default value of one, which is a weight."""
        return feeds.keys() >= set(self.frozen.inputs.values())

    def nonfinite_error(self, feeds: Feeds) -> NumericalError:
        """Make an error that names the feed, or else the first layer, that holds NaN or infinity."""
        tensor = next((tensor for tensor, array in feeds.items() if not is_finite(array)), None)
        if tensor is not None:
            name = tensor.removesuffix(":0")
            return NumericalError(
                f"Expected finite values to feed. Received: NaN or infinity for {name!r}. Check how they were made."
            )
        layers = [layer for layer in self.structure.layers if not self.nonfinite_weights(layer)]
        values = zip(layers, self.run(feeds, [layer.tensor for layer in layers]), strict=True)
        names = (f"first in layer {layer.name!r}" for layer, array in values if not is_finite(array))
        return NumericalError(
            f"Expected finite activations. Received: NaN or infinity {next(names, 'in no layer')}. Check the range of "
            "the values that are fed, and the weights."
        )

    def compiled(
        self,
        key: Any,
        body: Callable[..., Any],
        signature: Sequence[tf.TensorSpec],
        *,
        quick_start: bool = False,
        take_over: bool = False,
    ) -> Callable[..., Any]:
        """A function of NumPy arrays, compiled once for each key while the cache holds it.

        Args:
            key: names the function; two functions with the same key must be the same.
            body, signature, quick_start, take_over: see ``traced``.
        """
        return self.cache.get_or_make(
            key, lambda: traced(body, signature, quick_start=quick_start, take_over=take_over)
        )

    def build(
        self,
        inputs: Mapping[str, tf.Tensor],
        tensors: Sequence[str],
        rule: str = "gradient",
        *,
        folding: bool = False,
    ) -> list[tf.Tensor]:
        """Import the part of the network between ``inputs`` and ``tensors`` into the function being traced.

        Args:
            inputs: tensors to feed, by name.
            tensors: the full names of the tensors to return.
            rule: the rule for signals that go backwards through it.
            folding: whether batch normalisation may be folded into kernels. That is faster and rounds differently.

        Raises:
            FeedError: a placeholder between them is not fed.
            NumericalError: the tensors depend on weights that hold NaN or infinity.
        """
        subgraph, weights = self._weights.subgraph(inputs.keys(), tensors, folding=folding)
        return import_subgraph(subgraph, capture_all(weights) | dict(inputs), rule)

    def build_with_gradient(
        self,
        inputs: Mapping[str, tf.Tensor],
        tensors: Sequence[str],
        rule: str = "gradient",
        precision: str = "float32",
    ) -> ImportedSubgraph:
        """Import the same part, folded; under the rule 'gradient' with a gradient graph that is built faster.

        In precision 'bfloat16', convolutions and products compute in it, see ``in_bfloat16``. ``tf.gradients`` then
        builds the whole gradient.
        """
        subgraph, weights = self._weights.subgraph(inputs.keys(), tensors, folding=True)
        if precision == "bfloat16":
            subgraph, weights = in_bfloat16(subgraph, weights)
        values = capture_all(weights) | dict(inputs)
        shapes = self.structure.shapes if precision == "float32" else None
        return import_with_gradient(subgraph, values, self.image_tensor, shapes, rule)
