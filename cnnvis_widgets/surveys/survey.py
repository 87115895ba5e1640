"""The index of a surveyed data set, and the questions that it answers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..arguments import checked, require_counts
from ..engine.network.labelled_images import LabelledImage, labelled_images
from ..engine.network.network import Network
from ..errors import ChannelError, LayerError, OptionError, nearest
from ..results import Concepts, Invariance, Layer, Mistakes, StrongestPatches, Unread
from . import concepts, frames, mistakes, patches
from .index import Index
from .invariance import invariance
from .summaries import LayerSummary, Summary
from .tables import read_maxima, read_texts, read_unread

if TYPE_CHECKING:
    import pandas


@checked
@dataclass(frozen=True, eq=False, repr=False)
class Survey:
    """What each channel of a network looks for in a data set. ``survey`` makes one, ``Survey.open`` finds it again.

    Attributes:
        index: the folder of its tables.
        network: that was surveyed; ``None`` for questions that need no network.
        images: the data set; ``None`` where all images are files.

    Example:
        >>> from cnnvis_widgets import demo, survey
        >>> digits = demo.digits()
        >>> model = demo.train_small_cnn(epochs=2)
        >>> found = survey(model, digits.test_images, "conv3", labels=digits.test_labels, progress=False)
        >>> len(found), [layer.name for layer in found.layers]
        (360, ['conv3/convolution', 'scores/BiasAdd'])
        >>> counts, edges = found.histogram("conv3/convolution", 4, bins=5)
        >>> int(counts.sum()), len(edges)
        (360, 6)
    """

    index: Index
    network: Network | None = None
    images: Any = None

    @classmethod
    @checked
    def open(
        cls, folder: str | os.PathLike[str] = "Survey", network: Network | None = None, images: Any = None
    ) -> Survey:
        """Open the folder of a survey, also of one that was stopped or still runs.

        Args:
            folder: the ``out`` of the survey.
            network: the same network, for patches, projections and mistakes.
            images: the data set, where its images are not files.

        Raises:
            OutputError: there is no survey. OptionError: the network is another one.
        """
        index = Index.opened(Path(folder))
        if network is not None and network.fingerprint() != index.plan.network:
            raise OptionError(
                f"Expected the network that was surveyed. Received: one with the fingerprint {network.fingerprint()}, "
                f"not {index.plan.network}. Load that network, or survey this one into another folder."
            )
        return cls(index, network, images)

    # ---- images and layers

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The surveyed layers."""
        return self.index.plan.layers

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The keys of the images, in their order."""
        return tuple(key for keys, _ in self._texts for key in keys)

    @cached_property
    def labels(self) -> tuple[str | None, ...]:
        """The labels of the images, in their order."""
        return tuple(label for _, labels in self._texts for label in labels)

    @cached_property
    def unread(self) -> tuple[Unread, ...]:
        """The images that could not be read."""
        index = self.index
        return tuple(image for number in index.partitions() for image in read_unread(index.path(number)))

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        channels = sum(layer.channels or 0 for layer in self.layers)
        unread = f", {len(self.unread)} unreadable" if self.unread else ""
        return (
            f"<Survey: {len(self)} images{unread}, {len(self.layers)} layers, {channels} channels in "
            f"{str(self.index.folder)!r}>"
        )

    @checked
    def layer(self, name: str | Layer) -> Layer:
        """Find a surveyed layer by its name, or by the beginning of it.

        Raises:
            LayerError: it was not surveyed; the error gives the nearest names.
        """
        wanted = name.name if isinstance(name, Layer) else name.removesuffix(":0")
        names = [layer.name for layer in self.layers]
        keras = [layer.name for layer in self.layers if layer.keras_name == wanted]
        for candidates in ([wanted] if wanted in names else [], keras):
            if len(candidates) == 1:
                return self.layers[names.index(candidates[0])]
        raise LayerError(f"Expected a surveyed layer. Received: {name!r}. {nearest(str(wanted), names)}")

    # ---- channels

    def __getitem__(self, wanted: tuple[str | Layer, int | str]) -> StrongestPatches:
        """The strongest patches of a channel, each beside its projection; see ``patches``."""
        layer, channel = wanted
        return self.patches(layer, channel)

    @checked
    def patches(
        self, layer: str | Layer, channel: int | str, *, count: int | None = None, rule: str | None = "auto"
    ) -> StrongestPatches:
        """Cut out what the strongest units of a channel see, and project these units back to pixels.

        Args:
            layer: a surveyed layer.
            channel: its number; of the class scores also the name of a class.
            count: how many patches; ``None`` for all that the index keeps.
            rule: of the projections (see ``reconstruct``); ``None`` for patches alone.

        Raises:
            LayerError, ChannelError: it was not surveyed. OptionError: the network or the images are not here.
        """
        chosen = self.layer(layer)
        number = self._channel(chosen, channel)
        require_counts(count=count)
        return next(patches.strongest_patches(self, chosen, [number], count=count, rule=rule))

    @checked
    def all_patches(
        self, layer: str | Layer, *, count: int | None = None, rule: str | None = "auto"
    ) -> Iterator[StrongestPatches]:
        """Do the same as ``patches`` for all channels of a layer. Each image runs once for all its patches."""
        chosen = self.layer(layer)
        channels = range(len(self.layer_summary(chosen).ranking.images))
        require_counts(count=count)
        return patches.strongest_patches(self, chosen, channels, count=count, rule=rule)

    @checked
    def dead(self, layer: str | Layer | None = None) -> list[tuple[str, int]]:
        """List the channels whose activation is above 0 in no image, as (name of the layer, channel).

        Args:
            layer: one layer; ``None`` for all.
        """
        chosen = self.layers if layer is None else (self.layer(layer),)
        dead = ((each.name, np.flatnonzero(self.layer_summary(each).counts.fired == 0)) for each in chosen)
        return [(name, int(channel)) for name, channels in dead for channel in channels]

    @checked
    def histogram(self, layer: str | Layer, channel: int | str, *, bins: int = 32) -> tuple[np.ndarray, np.ndarray]:
        """Count how strongly a channel responds: a histogram of its largest activation in each image.

        Args:
            layer, channel: as for ``patches``.
            bins: how many.

        Returns:
            int64 (bins,), the numbers of images; float64 (bins + 1,), the edges of the bins.
        """
        require_counts(bins=bins)
        chosen = self.layer(layer)
        number = self._channel(chosen, channel)
        counts = self.layer_summary(chosen).counts
        ends = float(counts.lowest[number]), float(counts.highest[number])
        parts = [np.histogram(values[:, number], bins, ends) for values in self.maxima_by_partition(chosen)]
        return np.sum([counted for counted, _ in parts], axis=0), parts[0][1]

    @checked
    def find(self, name: int | str, layer: str | Layer | None = None, *, count: int = 20) -> pandas.DataFrame:
        """Find the channels that speak for a class; see ``frames.selectivity``.

        Args:
            name: the name or number of a class.
            layer: one layer; ``None`` for all surveyed layers but the class scores.
            count: how many channels.

        Returns:
            A row for each channel, the most selective first: layer, channel, selectivity, and the means of its largest
            activation in images of the class and in all others.

        Raises:
            ChannelError: there is no such class, or no image of it.
        """
        require_counts(count=count)
        return frames.selectivity(self, name, layer, count)

    @checked
    def class_means(self, layer: str | Layer) -> pandas.DataFrame:
        """The mean of the largest activation of every channel over the images of each class; a row for each class."""
        return frames.class_means(self, self.layer(layer))

    @checked
    def errors(self, *, count: int = 20, channels: int = 5, layer: str | Layer | None = None) -> Mistakes:
        """Find the images whose prediction is not their label; see ``mistakes.mistakes``.

        Args:
            count: how many, those with the surest predictions first.
            channels: how many channels to name for each.
            layer: whose channels; ``None`` for the last surveyed layer before the class scores.

        Returns:
            The mistakes, also by index and in a loop. ``write_mistakes_page`` makes a page of them.

        Raises:
            OptionError: images have no labels, or the network has no class scores.
        """
        require_counts(0, count=count, channels=channels)
        return mistakes.mistakes(self, count, channels, layer)

    @checked
    def concepts(
        self, layer: str | Layer, k: int = 8, *, images: int = 200, target: int | str | None = None, seed: int = 0
    ) -> Concepts:
        """Find the concepts of a layer: non-negative factors of its activations; see ``concepts.concepts``.

        Args:
            layer: any layer of the network with height and width, surveyed or not.
            k: how many concepts.
            images: how many images, taken evenly from all of them.
            target: the name or number of a class, to tell what each concept adds to its score.
            seed: of the factorisation.
        """
        require_counts(k=k, images=images)
        chosen = self.require_network().layer(layer)
        return concepts.concepts(self, chosen, k, images=images, target=target, seed=seed)

    @checked
    def invariance(self, key: str, layers: str | Layer | Iterable[str | Layer] = "r", **options: Any) -> Invariance:
        """Turn, shift or scale an image of the data set step by step; see ``cnnvis_widgets.invariance``."""
        network = self.require_network()
        return invariance(network, self.sources({key})[key].source, layers, **options)

    def to_dataframe(self) -> pandas.DataFrame:
        """The strongest images: a row for each layer, channel and rank, with key, label, value and unit."""
        return frames.strongest_table(self)

    # ---- what the answers are computed from

    @cached_property
    def summary(self) -> Summary:
        """The strongest images and the counts of every channel.

        Raises:
            OptionError: no partition is complete.
        """
        summary = self.index.summary()
        if summary is None:
            raise OptionError(
                f"Expected a survey with images. Received: {str(self.index.folder)!r}, of which nothing is complete. "
                "Let the survey run on."
            )
        return summary

    @checked
    def maxima(self, layer: str | Layer) -> np.ndarray:
        """The largest activation of every channel in every image, float32 (images, channels).

        Raises:
            OptionError: no partition is complete. LayerError: no such layer.
        """
        chosen, _ = self.layer(layer), self.summary  # which raises where nothing is complete
        return np.concatenate(list(self.maxima_by_partition(chosen)))

    def maxima_by_partition(self, layer: Layer) -> Iterator[np.ndarray]:
        """The same, partition by partition."""
        for number in self.index.partitions():
            yield read_maxima(self.index.path(number), layer)

    def scores_layer(self) -> Layer:
        """The layer of the class scores.

        Raises:
            OptionError: the network has no class scores.
        """
        if not self.index.plan.scores:
            raise OptionError(
                "Expected a network with class scores. Received: one without. Survey the layer that holds them."
            )
        return self.layers[-1]

    @checked
    def class_number(self, name: int | str) -> int:
        """The number of a class.

        Raises:
            ChannelError: there is no such class.
        """
        return self._channel(self.scores_layer(), name)

    def sources(self, keys: set[str]) -> dict[str, LabelledImage]:
        """Find images again: files by their path, others by going through the data set until all are found.

        Raises:
            OptionError: they are no files, and the data set is not here or can be read only once.
        """
        found = {key: LabelledImage(key, None, key) for key in keys if os.path.isfile(key)}
        if len(found) < len(keys) and self.images is not None and not isinstance(self.images, Iterator):
            for image in labelled_images(self.require_network().runtime.layout, self.images):
                if image.key in keys:
                    found[image.key] = image
                    if len(found) == len(keys):  # the images behind it may take long
                        break
        missing = sorted(keys - found.keys())
        if missing:
            raise OptionError(
                f"Expected images that can be read again. Received: {len(missing)} that are no files, such as "
                f"{missing[0]!r}. Give the data set: Survey.open(folder, network, images)."
            )
        return found

    def require_network(self) -> Network:
        """The network.

        Raises:
            OptionError: it is not here.
        """
        if self.network is None:
            raise OptionError(
                "Expected a network, to run images again. Received: none. Give it: Survey.open(folder, network)."
            )
        return self.network

    def layer_summary(self, layer: Layer) -> LayerSummary:
        """The strongest images and the counts of one layer."""
        return self.summary.layers[self.layers.index(layer)]

    def _channel(self, layer: Layer, channel: int | str) -> int:
        plan = self.index.plan
        count = len(self.layer_summary(layer).ranking.images)
        names = [name.lower() for name in plan.class_names] if layer.name == plan.scores else []
        if isinstance(channel, str):
            if channel.lower() in names:
                return names.index(channel.lower())
            if not channel.isdecimal():
                raise ChannelError(
                    f"Expected a channel of {layer.name!r}. Received: {channel!r}. {nearest(channel, plan.class_names)}"
                )
        number = int(channel)
        if not 0 <= number < count:
            raise ChannelError(f"Expected channels from 0 to {count - 1} of {layer.name!r}. Received: {channel!r}.")
        return number

    @cached_property
    def _texts(self) -> list[tuple[list[str], list[str | None]]]:
        return [read_texts(self.index.path(number)) for number in self.index.partitions()]
