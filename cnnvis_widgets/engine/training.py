"""What layers see while a Keras model is trained: maps and projections, snapshot after snapshot.

References:
    [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", section 4.1 and
        figure 4 (how features change with the epochs), ECCV 2014, DOI 10.1007/978-3-319-10590-1_53.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import keras
import numpy as np

from ..errors import ChannelError, LayerError
from ..results import FeatureMaps, Layer, Reconstruction
from .activations import activations
from .backward.rules import require_rule
from .network.loading import load
from .network.network import Network
from .reconstruction.reconstruct import reconstruct

Period = Literal["epoch", "batch"]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What the watched layers saw after ``step`` epochs (or batches); step 0 is before training.

    Attributes:
        step: how many epochs or batches had been trained.
        maps: of each layer, for all watched images.
        projections: of each layer, as of a single image: every channel is projected from the image
            in which it fires most strongly, as in figure 4 of [1].
        sources: of each layer, int (channels,): the index of that image.
    """

    step: int
    maps: tuple[FeatureMaps, ...]
    projections: tuple[Reconstruction, ...]
    sources: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Evolution:
    """Channels of a layer through training.

    Attributes:
        layer: the layer.
        channels: the channel of each row.
        steps: the step of each column.
        images: float32 (channels, steps, height, width, input channels), projections, unnormalised.
        sources: int (channels, steps): the index of the image that each came from. A jump in a row
            of pictures is mostly a change of this.
        strengths: float32 (channels, steps): the activation that was projected.
    """

    layer: Layer
    channels: tuple[int, ...]
    steps: tuple[int, ...]
    images: np.ndarray
    sources: np.ndarray
    strengths: np.ndarray


class TrainingHistory(keras.callbacks.Callback):
    """A Keras callback that keeps a ``Snapshot`` of layers every so many epochs or batches.

    The model is read through a frozen copy with its present weights, so that training goes on
    exactly as it would without the callback.

    Args:
        layers: a selection (see ``Network.select``).
        images: what to look at, as the model is fed.
        every: a snapshot after so many periods.
        period: 'epoch' or 'batch'.
        rule: of the projections.

    Attributes:
        history: the snapshots so far, as a list.

    Raises:
        ValueError: ``every`` below 1, or an unknown period or rule.
    """

    def __init__(
        self, layers: Any, images: Any, *, every: int = 1, period: Period = "epoch", rule: str = "deconvnet"
    ) -> None:
        super().__init__()
        require_rule(rule)
        if every < 1 or period not in ("epoch", "batch"):
            raise ValueError(
                f"Expected every >= 1 and period 'epoch' or 'batch'. Received: every={every!r}, period={period!r}."
            )
        self.history: list[Snapshot] = []
        self._layers, self._images, self._rule = layers, images, rule
        self._every, self._period, self._step = every, period, 0

    def on_train_begin(self, logs: Any = None) -> None:
        if not self.history:  # a second fit goes on where the first ended
            self._look()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._count("epoch")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._count("batch")

    def _count(self, period: Period) -> None:
        if period == self._period:
            self._step += 1
            if self._step % self._every == 0:
                self._look()

    def _look(self) -> None:
        network = load(self.model, self._images)
        maps = activations(network, None, self._layers)
        pairs = [_strongest_projections(network, each, self._rule) for each in maps]
        projections, sources = zip(*pairs, strict=True)
        snapshot = Snapshot(self._step, maps, projections, sources)
        self.history.append(snapshot)
        self.seen(snapshot, network)

    def seen(self, snapshot: Snapshot, network: Network) -> None:
        """Called with each snapshot and the network it was made with; for subclasses."""

    def evolution(self, layer: str, channels: Sequence[int] | None = None) -> Evolution:
        """How channels of a layer changed, as figure 4 of [1] shows it.

        Args:
            layer: one of the watched layers.
            channels: all by default.

        Raises:
            LayerError, ChannelError: not watched, or no such channel.
        """
        place = self._place(layer)
        projections = [snapshot.projections[place] for snapshot in self.history]
        count = len(projections[0].channels)
        chosen = list(range(count)) if channels is None else [int(channel) for channel in channels]
        if not chosen or not all(0 <= channel < count for channel in chosen):
            raise ChannelError(
                f"Expected channels from 0 to {count - 1} of layer {layer!r}. Received: channels={channels!r}."
            )
        return Evolution(
            projections[0].layer,
            tuple(chosen),
            tuple(snapshot.step for snapshot in self.history),
            np.stack([each.images[0, chosen] for each in projections], axis=1),
            np.stack([snapshot.sources[place][chosen] for snapshot in self.history], axis=1),
            np.stack([each.seed_values[0, chosen] for each in projections], axis=1),
        )

    def _place(self, layer: str) -> int:
        watched = [each.layer for each in self.history[0].maps] if self.history else []
        for place, each in enumerate(watched):
            if layer in (each.name, each.keras_name):
                return place
        names = ", ".join(repr(each.name) for each in watched) or "none before training"
        raise LayerError(f"Expected a watched layer: {names}. Received: layer={layer!r}.")


def _strongest_projections(network: Network, maps: FeatureMaps, rule: str) -> tuple[Reconstruction, np.ndarray]:
    """Every channel projected from the image that excites it most, and which image that is."""
    sources = maps.strengths.argmax(axis=0)
    feeds = network.feeds()
    parts: list[Reconstruction] = []
    for image in np.unique(sources):
        channels = [int(channel) for channel in np.flatnonzero(sources == image)]
        feed = network.runtime.batches.rows_of(feeds, np.array([image]))
        parts.append(reconstruct(network, feed, maps.layer, channels=channels, rule=rule))
    order = np.argsort([channel for part in parts for channel in part.channels])
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts], axis=1)[:, order]
        for name in ("images", "units", "seed_values")
    }
    return replace(parts[0], channels=tuple(range(len(order))), **joined), sources
