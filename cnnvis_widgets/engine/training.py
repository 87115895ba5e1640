"""Training: feature maps and projections of a Keras model, in snapshots taken while it is trained.

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

from ..errors import ChannelError, LayerError, OptionError
from ..results import FeatureMaps, Layer, Reconstruction
from .activations import activations
from .backward.rules import require_rule
from .network.loading import load
from .network.network import Network
from .reconstruction.reconstruct import reconstruct

Period = Literal["epoch", "batch"]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """The watched layers after some epochs or batches.

    Attributes:
        step: the number of epochs or batches trained so far; 0 is before training.
        maps: the feature maps of each layer, for all watched images.
        projections: a reconstruction for each layer. Every channel is projected from the image in which it fires most,
            as in figure 4 of [1], so ``images`` has one image.
        sources: for each layer int (channels,), the index of the image of each channel.
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
        steps: the step of each column, in epochs or batches.
        images: float32 (channels, steps, height, width, input channels), the projections, unnormalised.
        sources: int (channels, steps), the index of the image that each projection comes from. Where the pictures of a
            channel jump, this index has mostly changed.
        strengths: float32 (channels, steps), the activation that was projected.
    """

    layer: Layer
    channels: tuple[int, ...]
    steps: tuple[int, ...]
    images: np.ndarray
    sources: np.ndarray
    strengths: np.ndarray


class TrainingHistory(keras.callbacks.Callback):
    """A Keras callback that takes a ``Snapshot`` of layers before training and then at regular intervals.

    It reads the model through a frozen copy with the present weights, so training goes on exactly as without it.

    Args:
        layers: a selection (see ``Network.select``).
        images: the images to watch, in any spelling of a feed (see ``load``).
        every: the number of periods between two snapshots.
        period: 'epoch' or 'batch'.
        rule: for the projections (see ``reconstruct``).

    Attributes:
        history: the list of snapshots so far.

    Raises:
        OptionError: ``every`` below 1, or an unknown period or rule.

    Example:
        >>> import keras, numpy as np
        >>> edges = keras.layers.Conv2D(2, 3, activation="relu", name="edges")
        >>> model = keras.Sequential([keras.Input((6, 6, 1)), edges, keras.layers.GlobalAveragePooling2D()])
        >>> images = np.random.default_rng(0).random((4, 6, 6, 1), np.float32)
        >>> watcher = TrainingHistory("edges", images)
        >>> model.compile("sgd", "mse")
        >>> _ = model.fit(images, np.ones((4, 2)), epochs=1, verbose=0, callbacks=[watcher])
        >>> [snapshot.step for snapshot in watcher.history]
        [0, 1]
        >>> watcher.evolution("edges").images.shape
        (2, 2, 6, 6, 1)
    """

    def __init__(
        self, layers: Any, images: Any, *, every: int = 1, period: Period = "epoch", rule: str = "deconvnet"
    ) -> None:
        super().__init__()
        require_rule(rule)
        if every < 1 or period not in ("epoch", "batch"):
            raise OptionError(
                f"Expected every >= 1 and period 'epoch' or 'batch'. Received: every={every!r}, period={period!r}."
            )
        self.history: list[Snapshot] = []
        self._layers, self._images, self._rule = layers, images, rule
        self._every, self._period, self._step = every, period, 0

    def on_train_begin(self, logs: Any = None) -> None:
        """Take the snapshot before training."""
        if not self.history:  # a second fit goes on where the first ended
            self._take_snapshot()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Count an epoch, and take a snapshot if one is due."""
        self._count("epoch")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count a batch, and take a snapshot if one is due."""
        self._count("batch")

    def _count(self, period: Period) -> None:
        if period == self._period:
            self._step += 1
            if self._step % self._every == 0:
                self._take_snapshot()

    def _take_snapshot(self) -> None:
        network = load(self.model, self._images)
        maps = activations(network, None, self._layers)
        pairs = [_strongest_projections(network, layer_maps, self._rule) for layer_maps in maps]
        projections, sources = zip(*pairs, strict=True)
        snapshot = Snapshot(self._step, maps, projections, sources)
        self.history.append(snapshot)
        self.seen(snapshot, network)

    def seen(self, snapshot: Snapshot, network: Network) -> None:
        """A hook for subclasses: called with each snapshot and the network that it was made with."""

    def evolution(self, layer: str, channels: Sequence[int] | None = None) -> Evolution:
        """Collect the projections of channels over all snapshots, as in figure 4 of [1].

        Args:
            layer: the name of a watched layer.
            channels: which channels; ``None`` for all.

        Raises:
            LayerError: the layer is not watched, or no snapshot exists yet. ChannelError: no such channel.
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
            np.stack([projection.images[0, chosen] for projection in projections], axis=1),
            np.stack([snapshot.sources[place][chosen] for snapshot in self.history], axis=1),
            np.stack([projection.seed_values[0, chosen] for projection in projections], axis=1),
        )

    def _place(self, layer: str) -> int:
        watched = [maps.layer for maps in self.history[0].maps] if self.history else []
        for place, candidate in enumerate(watched):
            if layer in (candidate.name, candidate.keras_name):
                return place
        names = ", ".join(repr(candidate.name) for candidate in watched) or "none before training"
        raise LayerError(f"Expected a watched layer: {names}. Received: layer={layer!r}.")


def _strongest_projections(network: Network, maps: FeatureMaps, rule: str) -> tuple[Reconstruction, np.ndarray]:
    """Project every channel from the image in which it fires most. Returns also the index of that image."""
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
