"""``WatchTraining``: a Keras callback that shows and logs the maps of layers while a model learns."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import ipywidgets as w
import numpy as np

from ..arguments import checked
from ..engine.network.network import Network
from ..engine.training import Period, Snapshot, TrainingHistory
from ..imaging import encode
from ..imaging.grid import enlarge, magnification, montage
from ..imaging.render import reconstruction_tiles
from ..outputs.pictures import of_layer
from ..outputs.tensorboard import EventWriter
from ..results import FeatureMaps, Reconstruction
from .explorer import ModelExplorer


@checked
class WatchTraining(TrainingHistory):
    """A Keras callback: maps and projections of layers with the weights of the moment.

    It does not change the training: the weights end the same with and without it.

    Args:
        target: an explorer of the model, which then follows the training; a folder for TensorBoard,
            where the step is the epoch (start it with ``--samples_per_plugin images=100`` to see
            every one); or None to keep the history only.
        layers: a selection (see ``Network.select``).
        images: one or more images, as the model is fed.
        every: it takes a snapshot after so many periods, and one before the first.
        period: 'epoch' or 'batch'.
        rule: of the projections.

    Attributes:
        history: the snapshots.
    """

    def __init__(
        self,
        target: ModelExplorer | str | os.PathLike[str] | None,
        layers: Any,
        images: Any,
        *,
        every: int = 1,
        period: Period = "epoch",
        rule: str = "deconvnet",
    ) -> None:
        super().__init__(layers, images, every=every, period=period, rule=rule)
        self._explorer = target if isinstance(target, ModelExplorer) else None
        logged = target is not None and self._explorer is None
        self._log = EventWriter(target) if logged else None  # type: ignore[arg-type]

    def seen(self, snapshot: Snapshot, network: Network) -> None:
        """Log a snapshot, and let the explorer look at its network."""
        if self._log is not None:
            results: list[FeatureMaps | Reconstruction] = [*snapshot.maps, *snapshot.projections]
            for result in results:
                self._log.add(of_layer(result), step=snapshot.step)
        if self._explorer is not None:
            self._explorer.look_at(network)

    def on_train_end(self, logs: Any = None) -> None:
        """Close the event file."""
        if self._log is not None:
            self._log.close()

    def picture(self, layer: str, channels: Any = None) -> np.ndarray:
        """Figure 4 of Zeiler and Fergus: a row for each channel, a column for each snapshot; uint8.

        Each projection has its own scale; grey is zero.
        """
        evolution = self.evolution(layer, channels)
        first = self.history[0].projections[self._place(layer)]
        columns = []
        for column in range(len(evolution.steps)):
            tiles = reconstruction_tiles(replace(first, images=evolution.images[np.newaxis, :, column]), scale="map")
            columns.append(np.concatenate([np.pad(tile, ((0, 2), (0, 2), (0, 0))) for tile in tiles]))
        return np.concatenate(columns, axis=1)

    def slider(self, layer: str) -> w.VBox:
        """The projections of a layer, with a slider through the snapshots."""
        place = self._place(layer)
        steps = [snapshot.step for snapshot in self.history]
        slider = w.SelectionSlider(options=steps, value=steps[-1], description=self._period)
        image = w.Image(format="png", layout=w.Layout(max_width="100%", align_self="flex-start"))

        def draw(change: Any = None) -> None:
            tiles = reconstruction_tiles(self.history[slider.index].projections[place], scale="map")
            image.value = encode.png(montage(enlarge(tiles, magnification(tiles)), gap=2))

        slider.observe(draw, "index")
        draw()
        return w.VBox([slider, image])
