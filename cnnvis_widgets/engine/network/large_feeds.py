"""Feeds too large to be computed whole: piece by piece where the network allows it, and refused where it does not.

How gradients go back piece by piece is in ``gradient_pieces``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from ..graph.graphdef import NodeDef, ancestors, node_of
from ..graph.layers import Shapes
from ..graph.receptive_field import seen_by
from ..graph.shapes import static_shapes
from ..ops.windows import ReceptiveField
from ..runtime.footprint import LARGE, backward_bytes, forward_bytes, free_memory, require_memory
from .feeds import Batches, Feeds
from .pieces import Stage, in_pieces, stages, total_stride

if TYPE_CHECKING:
    from .runtime import Runtime


def is_large(feeds: Feeds) -> bool:
    """Whether a feed is so large that its memory should be estimated."""
    return sum(array.nbytes for array in feeds.values()) >= LARGE


def compute(runtime: Runtime, feeds: Feeds, tensors: Sequence[str]) -> list[np.ndarray] | None:
    """Compute tensors of a large feed, image by image or piece by piece.

    Returns:
        ``None`` if there is memory for all of it at once.

    Raises:
        NotEnoughMemoryError: there is not, and there are no pieces small enough.
    """
    plan = Plan.of(runtime, feeds)
    images = len(feeds[runtime.image_tensor]) if runtime.image_tensor in feeds else 1
    if plan.needed(tensors, images) <= free_memory():
        return None
    if images > 1 and not runtime.mixes(tensors) and runtime.batches.fixed_size is None:
        rows = [runtime.run(runtime.batches.rows_of(feeds, np.array([row])), tensors) for row in range(images)]
        return [np.concatenate(values) for values in zip(*rows, strict=True)]
    return [plan.by_pieces(tensor) for tensor in tensors]


def has_room(runtime: Runtime, feeds: Feeds, tensors: Sequence[str], *, gradient: bool) -> bool:
    """Whether there is memory for what ``require_room`` checks."""
    if not is_large(feeds):
        return True
    return Plan.of(runtime, feeds).needed_at_once(tensors, gradient) <= free_memory()


def entry_of(runtime: Runtime, feeds: Feeds, tensors: Sequence[str]) -> str | None:
    """Find the last layer through which tensors depend on the image, and which can be computed in pieces."""
    plan = Plan.of(runtime, feeds)
    candidates = (layer.tensor for layer in reversed(runtime.structure.layers))
    separating = (each for each in candidates if all(plan.separates(each, tensor) for tensor in tensors))
    return next((each for each in separating if plan.local(each) is not None), None)


def require_room(runtime: Runtime, feeds: Feeds, tensors: Sequence[str], *, gradient: bool, source: str = "") -> None:
    """Check that there is memory to compute tensors of one large image at once, and to send a gradient back.

    Args:
        runtime, feeds, tensors: see ``compute``.
        gradient: whether one is sent back.
        source: the tensor that is there already, and that it is sent to; '' for the image.

    Raises:
        NotEnoughMemoryError: there is not.
    """
    if is_large(feeds):
        plan = Plan.of(runtime, feeds)
        name = ", ".join(tensor.removesuffix(":0") for tensor in tensors)
        needed = plan.needed_at_once(tensors, gradient, [source] if source else ())
        require_memory(needed, plan.fed, f"{'the gradient of ' if gradient else ''}{name!r}")


@dataclass(frozen=True)
class Plan:
    """How tensors can be computed from a feed.

    Attributes:
        runtime: of the network.
        feeds: the feed.
        shapes: of all tensors, for this feed.
    """

    runtime: Runtime
    feeds: Feeds
    shapes: Shapes

    @classmethod
    def of(cls, runtime: Runtime, feeds: Feeds) -> Plan:
        fed = {tensor: (runtime.structure.shapes[tensor][0], array.shape) for tensor, array in feeds.items()}
        return cls(runtime, feeds, {**_shapes(runtime, feeds), **fed})

    @property
    def fed(self) -> dict[str, tuple[int, ...]]:
        return {tensor: array.shape for tensor, array in self.feeds.items()}

    def nodes_behind(self, tensors: Sequence[str], sources: Sequence[str] = ()) -> list[NodeDef]:
        """The nodes between what is fed, or ``sources``, and tensors, in order of computation."""
        structure = self.runtime.structure
        needed = ancestors(structure.nodes, map(node_of, tensors), stop=sources or self.feeds) & structure.varying
        return [node for name, node in structure.nodes.items() if name in needed]

    def needed(self, tensors: Sequence[str], images: int = 1, sources: Sequence[str] = ()) -> float:
        """The bytes to compute tensors at once, from what is fed or from ``sources``."""
        return forward_bytes(self.nodes_behind(tensors, sources), self.shapes, tensors, images)

    def needed_at_once(self, tensors: Sequence[str], gradient: bool, sources: Sequence[str] = ()) -> float:
        """The same bytes, or those to send a gradient back as well."""
        if gradient:
            return backward_bytes(self.nodes_behind(tensors, sources), self.shapes)
        return self.needed(tensors, sources=sources)

    def by_pieces(self, tensor: str) -> np.ndarray:
        """One tensor of one image, stage by stage and tile by tile.

        Raises:
            NotEnoughMemoryError: there are no pieces small enough.
        """
        image = self.runtime.image_tensor
        found = stages(self, tensor, gradient=False) if list(self.feeds) == [image] else None
        if found is None:
            require_memory(self.needed([tensor]), self.fed, f"{tensor.removesuffix(':0')!r}")
            return self.runtime.run(self.feeds, [tensor])[0]  # meanwhile there is enough
        maps = self.feeds[image]
        for stage in reversed(found):
            maps = self._computed(stage, maps)
        return maps

    def _computed(self, stage: Stage, maps: np.ndarray) -> np.ndarray:
        """The values of the target of a stage, from those of its source."""
        batches = Batches(self.runtime.structure.shapes, stage.source)

        def run(tile: np.ndarray) -> np.ndarray:
            return self.runtime.run({stage.source: tile}, [stage.target], batches)[0]

        if stage.field is None or not stage.side:
            return run(maps)
        shape = tuple(side or 1 for side in self.shapes[stage.target][1] or ())
        return in_pieces(maps, shape, stage.field, stage.step, stage.side, run)

    def local(self, tensor: str, source: str | None = None) -> tuple[ReceptiveField, int] | None:
        """What a unit sees of the image, or of a layer between, and the total stride; ``None`` if windows do not tell.

        Args:
            tensor: of a layer with height and width, channels last.
            source: the tensor whose part is seen, through which all of the layer depends on the image.
        """
        runtime, image = self.runtime, self.runtime.image_tensor
        source = image if source is None else source
        if image not in self.feeds or runtime.layout.channels_first or len(self.feeds) > 1:
            return None
        shape, seen = (self.shapes[each][1] or () for each in (source, tensor))
        if len(shape) != 4 or len(seen) != 4:
            return None
        spec = tf.TensorSpec([None, *shape[1:]], self.shapes[source][0])
        field = runtime.inferred.get_or_make(
            ("seen of", source, tensor, *shape[1:]),
            lambda: seen_by(runtime.structure.graph_def, source, spec, tensor),
        )
        step = total_stride(self.nodes_behind([tensor], [source]))
        return None if field is None or step is None else (field, step)

    def separates(self, candidate: str, tensor: str) -> bool:
        """Whether everything that a tensor takes of the image goes through a candidate."""
        if candidate == tensor:
            return True
        structure = self.runtime.structure
        behind = ancestors(structure.nodes, [node_of(tensor)], stop=[candidate])
        whole = ancestors(structure.nodes, [node_of(tensor)])
        return node_of(candidate) in whole and node_of(self.runtime.image_tensor) not in behind


def _shapes(runtime: Runtime, feeds: Feeds) -> Shapes:
    """The shapes of all tensors for a feed, inferred once for each size of it: TensorFlow takes a tenth of a second."""
    fed = {tensor: (None, *array.shape[1:]) for tensor, array in feeds.items() if array.ndim}
    key = ("shapes", *fed.items())
    return runtime.inferred.get_or_make(key, lambda: static_shapes(runtime.tokens.frozen, fed))
