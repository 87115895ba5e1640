"""What the explorer shows, as validated traits: every control writes here and every pane reads here.

A value that does not fit raises at once and leaves the state as it was. Here is what all ways of
looking share; what belongs to one of them is in ``traits``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import traitlets as t
from traitlets import Bunch

from ...errors import ChannelError, FeedError, LayerError
from .attribution_traits import AttributionTraits
from .checked_traits import Checked, index_of
from .comparison_traits import ComparisonTraits
from .deconvolution_traits import DeconvolutionTraits
from .dream_traits import DreamTraits
from .intervention_traits import InterventionTraits
from .maps_traits import MapTraits

if TYPE_CHECKING:
    from ...engine.network.network import Network
    from ...results import Layer

METHODS = ("activations", "deconvolution", "attribution", "occlusion", "intervention", "comparison", "deep dream")
FAMILY_FILTERS = {
    "all": "all layers",
    "r": "activation functions",
    "c": "convolutions",
    "p": "pooling",
    "": "other layers",
}
"""Values of ``ExplorerState.family`` and their titles, in the order of the menu."""


def _layer(state: ExplorerState, value: Any) -> str:
    return state.network.layer(value).name


def _family(state: ExplorerState, value: Any) -> str:
    if value in state.families:
        return value
    raise LayerError(
        f"Expected a family of layers that the network has. Received: family={value!r}. "
        f"Use one of {', '.join(map(repr, state.families))}."
    )


def _channel(state: ExplorerState, value: Any) -> int | None:
    if value is None:
        return None
    count = state.current_layer.channels
    return index_of(value, (), count or 2**31, f"a channel of {state.layer!r}", ChannelError)


def _unit(state: ExplorerState, value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    sizes, place = state.current_layer.spatial_shape, tuple(value)
    fits = len(place) == len(sizes) and all(
        int(index) == index and 0 <= index < (size or 2**31) for index, size in zip(place, sizes, strict=True)
    )
    if not fits:
        shape = " × ".join("?" if size is None else str(size) for size in sizes) or "one value"
        raise ChannelError(
            f"Expected the position of a unit in a map of {state.layer!r}, which is {shape}. Received: unit={value!r}."
        )
    return tuple(map(int, place))


def _image(state: ExplorerState, value: Any) -> int:
    return index_of(value, state.images, len(state.images), "an image", FeedError)


def _target(state: ExplorerState, value: Any) -> int:
    count = len(state.classes)
    return index_of(value, state.classes, count, "a class", ChannelError) if count else 0


class ExplorerState(
    AttributionTraits, ComparisonTraits, DeconvolutionTraits, DreamTraits, InterventionTraits, MapTraits
):
    """The one truth of a ``ModelExplorer``.

    Args:
        network: the network to explore.
        images: a name for every image that is fed.
        labels: a line for the menu for each layer, by its name; what the layer says of itself by default.

    Attributes:
        layer: name of the layer; also takes a ``Layer``, 'name:0' or a Keras layer name.
        family: which layers the menu lists, a key of ``FAMILY_FILTERS``.
        method: the way of looking, one of ``METHODS``.
        images: the names of the images; ``Subject.add`` makes another one.
        image: index of the image; also takes its name.
        channel: the selected map, or None for the strongest; changing ``layer`` makes it None.
        unit: the selected position in the map, (row, column) for images, or None; changing
            ``layer`` makes it None.
        page: which page of the montage is shown, from 0.
        target: index of the class that is asked about; also takes its name.
        save_png, log_to_tensorboard: write every finished result.
        running, progress, status, detail, error, files: what the explorer reports. ``progress``
            runs from 0 to 1; ``files`` are the paths written last.

    What is tagged with ``report`` is not a choice of a person, and not kept by ``save_state``. The
    attributes of single ways of looking are told by the classes it is made of.
    """

    layer = Checked(_layer)
    family = Checked(_family, "all")
    method = t.Enum(METHODS, METHODS[0])
    images = t.Tuple().tag(report=True)
    image = Checked(_image, 0)
    channel = Checked(_channel)
    unit = Checked(_unit)
    page = t.Int(0, min=0)
    target = Checked(_target, 0)
    save_png = t.Bool(False)
    log_to_tensorboard = t.Bool(False)

    running = t.Bool(False).tag(report=True)
    progress = t.Float(0.0, min=0.0, max=1.0).tag(report=True)
    status = t.Unicode("").tag(report=True)
    detail = t.Unicode("").tag(report=True)
    error = t.Unicode("").tag(report=True)
    files = t.Tuple().tag(report=True)

    def __init__(
        self,
        network: Network,
        images: Sequence[str] = ("image 0",),
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self.network = network
        self.labels = labels or {layer.name: layer.label for layer in network.layers}
        logits = network.logits
        count = logits.channels or 0 if logits else 0
        names = (network.class_names or ())[: count or None]
        self.classes = (*names, *map(str, range(len(names), count))) if logits else ()
        present = {layer.family for layer in network.layers}
        self.families = tuple(key for key in FAMILY_FILTERS if key == "all" or key in present)
        super().__init__(images=tuple(images))

    @t.default("layer")
    def _first_layer(self) -> str:
        layers = self.network.layers
        if not layers:
            raise LayerError("Expected a network with at least one layer. Received: none.")
        return next((layer.name for layer in layers if layer.family == "r"), layers[0].name)

    @property
    def current_layer(self) -> Layer:
        """The layer that ``layer`` names."""
        return self.network.layer(self.layer)

    def listed_layers(self) -> tuple[Layer, ...]:
        """The layers of the chosen family in graph order; all of them family by family."""
        if self.family != "all":
            return tuple(layer for layer in self.network.layers if layer.family == self.family)
        order = list(FAMILY_FILTERS)
        return tuple(sorted(self.network.layers, key=lambda layer: order.index(layer.family)))

    def choose_class(self, number: int) -> None:
        """Ask about a class: in attribution and occlusion, in the order by evidence, and in a dream that is shown."""
        self.target = number
        self.explained = "chosen"
        if self.method == "deep dream":
            self.climb = "class"

    def image_replaced(self) -> None:
        """Tell all who follow ``image`` that the image of that number has other pixels."""
        self.notify_change(Bunch(name="image", old=self.image, new=self.image, owner=self, type="change"))

    @t.observe("layer")
    def _reset_selection(self, change: Any) -> None:
        self.channel, self.unit, self.page, self.region, self.pins = None, None, 0, (), ()
        if self.family not in ("all", self.current_layer.family):
            self.family = self.current_layer.family

    @t.observe("order")
    def _first_page(self, change: Any) -> None:
        self.page = 0

    @t.observe("family")
    def _stay_in_family(self, change: Any) -> None:
        listed = self.listed_layers()
        if self.current_layer not in listed:
            self.layer = listed[0].name
