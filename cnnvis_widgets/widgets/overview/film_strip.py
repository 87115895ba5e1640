"""Fills the film strip in the background: what each layer sees of the chosen image, as it is shown now."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...engine.activations import layer_runs
from ...engine.network.connections import connections
from ...engine.overview import one_map, overview
from ...errors import CnnvisError, described
from ...imaging import encode
from ...imaging.render import picture
from ...results import Layer
from ..elements.network_strip import NetworkStrip
from ..jobs import jobs
from ..jobs.computations import RESULTS, feature_maps
from ..state.explorer_state import ExplorerState
from ..state.fed_images import FedImages, FedLayer
from .blocks import blocks_of
from .cells import kind_of, labels_of, size_of, text_of, whole_size_of
from .thumbnails import COLUMNS, Drawing, drawing, photo_thumbnail, sprite, thumbnail, tile_size

QUALITY, EXACT = 88, 2**18
"""A sprite of up to ``EXACT`` bytes is sent without loss: its thumbnails are shown large. A larger one is a JPEG."""

REST = 19.0
"""After a strip of a running dream comes a rest of so many times its duration: a twentieth of the dream's time."""

_FOLLOWED = "image", "method", "thumbnails", "occluder", "factor", "channel", "region"


@dataclass(frozen=True)
class Scene:
    """What the network sees now.

    Attributes:
        fed: the chosen image, as it is or behind the occluder; its layer is the chosen one.
        about: the image in words.
        changed: the channel, the factor and the region of an intervention.
        stays: whether it may come again, so that it is worth keeping.
    """

    fed: FedLayer
    about: str = "this image"
    changed: tuple[int, float, tuple[int, ...]] | None = None
    stays: bool = True


@dataclass
class Film:
    """Thumbnails so far, by layer number; the first tile is that of the image.

    Attributes:
        tiles: uint8 (1 + layers, height, width, 3).
        ready: which of them are drawn.
        drawings: of layers without height and width.
    """

    tiles: np.ndarray
    ready: set[int] = field(default_factory=set)
    drawings: dict[int, Drawing] = field(default_factory=dict)

    def put(self, number: int, values: np.ndarray | None, *, signal: bool) -> None:
        """Draw the map of a layer; the image has number -1. ``None`` is a layer that cannot be computed."""
        if values is None or not values.size:
            return
        if values.ndim == 1:
            self.drawings[number] = drawing(values, signal=signal)
        else:
            self.tiles[number + 1] = thumbnail(values, self.tiles.shape[1:3])
            self.ready.add(number)


class FilmStrip:
    """Keeps a ``NetworkStrip`` filled, in a slot of its own: the newest scene counts, and no callback waits.

    It is empty until ``refresh`` is called for the first time, after the work of the first view has begun.

    Args:
        state: says what is shown.
        fed_images: the network and its images.
        layers: of the network, as fed.

    Attributes:
        element: the strip in the page.
        blocks: the layers by block.
    """

    def __init__(self, state: ExplorerState, fed_images: FedImages, layers: Sequence[Layer]) -> None:
        self._state, self._fed_images, self._layers = state, fed_images, tuple(layers)
        self._numbers = {layer.name: number for number, layer in enumerate(layers)}
        self.blocks = blocks_of(layers)
        self._slot = jobs.new_slot()
        self._job: jobs.Job | None = None
        self._dream: FedLayer | None = None
        self._due = 0.0
        self.element = NetworkStrip(state, **self._facts())
        self.element.unfolded = self.element.block_of(state.layer)
        state.observe(self.refresh, [name for name in _FOLLOWED if state.has_trait(name)])
        self.element.observe(self._unfold, "selected")
        self.element.observe(self.refresh, "unfolded")

    def _facts(self) -> dict[str, Any]:
        """What does not change while the network is the same."""
        layers, shape = self._layers, self._fed_images.images[0].shape
        labels = labels_of(layers, self.blocks)
        cells = [
            (layer.name, text_of(layer), kind_of(layer), label, size_of(layer.spatial_shape), whole_size_of(layer))
            for layer, label in zip(layers, labels, strict=True)
        ]
        before = connections(self._fed_images.network, layers)
        links = [
            (source, number, kind_of(layers[number]) == "addition")
            for number, sources in enumerate(before)
            for source in sources
        ]
        rows = [(block.title, block.label, block.first, block.last, block.shown, block.parent) for block in self.blocks]
        size = size_of(shape[:-1]) if len(shape) > 1 else str(shape[0])
        tile = list(tile_size(shape))
        return {"layers": cells, "blocks": rows, "links": links, "tile": tile, "columns": COLUMNS, "image_size": size}

    def refresh(self, change: Any = None) -> None:
        """Compute what is missing for the scene as it is now, in the background."""
        if change is not None and change["name"] in ("factor", "channel", "region") and not self._intervening(change):
            return
        scene, kind, unfolded = self._scene(), self._state.thumbnails, self.element.unfolded

        def steps() -> Generator[Film, None, None]:
            began = time.monotonic()
            yield from self._steps(scene, kind, unfolded)
            self._due = time.monotonic() + REST * (time.monotonic() - began)

        def show(film: Film, final: bool) -> None:
            self._show(film, scene.about)

        self._job = jobs.Job(steps, show=show, done=self._done)
        self._slot.start(self._job)

    def follow(self, dream: FedLayer, final: bool) -> None:
        """Show what each layer sees of a dream, while the view of dreams is on the screen.

        A step that comes while another one is computed, or in the rest after it, is left out; the ``final`` one never
        is.
        """
        self._dream = dream
        if final or self._job is None or (self._job.finished and time.monotonic() >= self._due):
            self.refresh()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the strip shows the scene of now; for scripts and tests."""
        self._slot.wait(timeout)

    def stop(self) -> None:
        """End the work."""
        self._slot.stop(0)

    def _intervening(self, change: Any) -> bool:
        """Whether a change of an intervention's trait can be seen."""
        factor = getattr(self._state, "factor", 1.0)
        return self._state.method == "intervention" and (factor != 1.0 or change["name"] == "factor")

    def _unfold(self, change: Any) -> None:
        self.element.unfolded = self.element.block_of(change["new"])

    def _scene(self) -> Scene:
        state = self._state
        fed = self._fed_images.at(state.image, state.layer)
        factor, box = getattr(state, "factor", 1.0), getattr(state, "occluder", ())
        if state.method == "intervention" and factor != 1.0 and state.channel is not None:
            words = f"this image, channel {state.channel} of {state.layer} × {factor:.2g}"
            return Scene(fed, words, (state.channel, factor, state.region), False)
        image = self._fed_images.images[state.image]
        if state.method == "occlusion" and box and image.ndim == 3:
            left, top, width, height = box
            hidden = image.copy()
            hidden[max(0, top) : top + height, max(0, left) : left + width] = sum(self._fed_images.value_range) / 2
            hidden_image = self._fed_images.with_pixels(fed, hidden, box)
            return Scene(hidden_image, "this image behind the occluder", None, False)
        if state.method == "deep dream" and self._dream is not None and self._dream.network is fed.network:
            return Scene(self._dream, "the dream as it grows", None, False)
        return Scene(fed)

    def _steps(self, scene: Scene, kind: str, unfolded: int) -> Generator[Film, None, None]:
        """The film with the layers that are seen while all blocks are folded, then with those of the open block."""
        key = "film strip", scene.fed.network, scene.fed.key, kind
        cached: Film | None = RESULTS.get(key) if scene.stays else None
        film = cached or self._new_film(scene)
        if cached is None and scene.stays:
            RESULTS.put(key, film, film.tiles.nbytes)
        seen = sorted({block.shown for block in self.blocks}) or list(range(len(self._layers)))
        replaced = _replaced(scene)
        if scene.stays and not self.blocks and len(layer_runs(scene.fed.network, scene.fed.feed)) == 1:
            self._fill_from_maps(film, scene, kind, seen)  # the view computes all of them, too
        self._fill(film, scene, kind, seen, replaced)
        if scene.stays:  # else the layers of the open block would go and come again with each step
            yield film
        if 0 <= unfolded < len(self.blocks):
            block = self.blocks[unfolded]
            inner = set(range(block.first, block.last + 1)) - film.ready - film.drawings.keys()
            for run in layer_runs(scene.fed.network, scene.fed.feed):
                numbers = [self._numbers[name] for name in run if self._numbers[name] in inner]
                if numbers and scene.stays:
                    self._fill_from_maps(film, scene, kind, numbers)
                    yield film
                elif numbers:
                    self._fill(film, scene, kind, numbers, replaced)
        if not scene.stays:
            yield film

    def _new_film(self, scene: Scene) -> Film:
        height, width = tile_size(self._fed_images.images[0].shape)
        film = Film(np.full((1 + len(self._layers), height, width, 3), 128, np.uint8))
        image = scene.fed.network.images(scene.fed.feed)[0]
        if image.ndim < 3:
            film.put(-1, image.mean(axis=-1) if image.ndim == 2 else image, signal=True)
            return film
        film.tiles[0] = photo_thumbnail(picture(image, self._fed_images.value_range), (height, width))
        film.ready.add(-1)
        return film

    def _fill(self, film: Film, scene: Scene, kind: str, numbers: Sequence[int], replaced: dict[str, Any]) -> None:
        """Draw layers from one forward pass."""
        missing = [number for number in numbers if number not in film.ready and number not in film.drawings]
        layers = [self._layers[number] for number in missing]
        if not layers:
            return
        maps = overview(scene.fed.network, scene.fed.feed, layers, kind=kind, replaced=replaced)
        for number, layer, values in zip(missing, layers, maps, strict=True):
            film.put(number, values, signal=bool(layer.spatial_shape))

    def _fill_from_maps(self, film: Film, scene: Scene, kind: str, numbers: Sequence[int]) -> None:
        """Draw layers from their feature maps, which are cached for the view that shows them next."""
        for number in numbers:
            if number in film.ready or number in film.drawings:
                continue
            layer = self._layers[number]
            try:
                values = feature_maps(scene.fed._replace(layer=layer.name)).values[0]
            except CnnvisError:
                continue  # the view says why when the layer is chosen
            film.put(number, one_map(values, kind), signal=bool(layer.spatial_shape))

    def _show(self, film: Film, about: str) -> None:
        element = self.element
        ready = "".join("1" if number in film.ready else "0" for number in range(-1, len(self._layers)))
        pixels = sprite(film.tiles)
        data = encode.png(pixels) if pixels.nbytes <= EXACT else encode.jpeg(pixels, quality=QUALITY)
        with element.hold_sync():
            element.ready, element.about = ready, about
            element.drawings = {str(number): list(drawn) for number, drawn in film.drawings.items()}
            element.sprite = data

    def _done(self, job: jobs.Job) -> None:
        if job.error is not None:
            self.element.about = f"this image; they could not be computed: {described(job.error)}"


def _replaced(scene: Scene) -> dict[str, np.ndarray]:
    """The values of the layer that an intervention changes, by its name."""
    if scene.changed is None:
        return {}
    channel, factor, region = scene.changed
    values = feature_maps(scene.fed).values.copy()
    if region:
        top, left, height, width = region
        values[:, top : top + height, left : left + width, channel] *= factor
    else:
        values[..., channel] *= factor
    return {scene.fed.layer: values}
