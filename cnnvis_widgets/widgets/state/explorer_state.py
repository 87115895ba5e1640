"""What all views of an explorer share, as validated traits: every control writes here and every view reads here.

A value that does not fit raises at once and leaves the state as it was. The traits of a single view stand in the
module of that view, in a subclass of ``ExplorerState``; ``views.registry.FullState`` has the traits of all views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import traitlets as t
from traitlets import Bunch

from ...engine.backward import rules
from ...errors import ChannelError, FeedError, LayerError, nearest
from ...results import Target
from .checked_traits import Checked, index_of
from .fed_images import FedImages
from .questions import Question

if TYPE_CHECKING:
    from ...engine.network.network import Network
    from ...results import Head, Layer

FAMILY_FILTERS = {
    "all": "all layers",
    "r": "activation functions",
    "c": "convolutions",
    "p": "pooling",
    "": "other layers",
}
"""Values of ``ExplorerState.family`` and their titles, in the order of the menu."""

COLOUR_NAMES = {"magma": "magma (from black)", "viridis": "viridis (from blue)", "grey": "grey"}
"""Values of ``ExplorerState.colours`` and their titles."""

THUMBNAILS = {"mean": "mean map", "strongest": "strongest map"}
"""Values of ``ExplorerState.thumbnails`` and their titles."""

PICTURE, ONE_PAGE = 12, 256
"""See ``opening_layer``."""

UNKNOWN_SIZE = 2**31
"""Stands for a number of rows, columns or channels that the graph does not tell."""


def opening_layer(layers: Sequence[Layer]) -> Layer:
    """The layer that shows most at first sight.

    It is the deepest activation function whose maps are still pictures (``PICTURE`` units a side at least) and that has
    few enough of them for one page; else the first activation function, else the first layer.
    """
    activations = [layer for layer in layers if layer.family == "r"]
    pictures = [
        layer
        for layer in activations
        if len(layer.spatial_shape) == 2
        and min(side or 0 for side in layer.spatial_shape) >= PICTURE
        and 8 <= (layer.channels or 0) <= ONE_PAGE
    ]
    return [*pictures[-1:], *activations, *layers][0]


def _layer(state: ExplorerState, value: Any) -> str:
    return state.network.layer(value).name


def _family(state: ExplorerState, value: Any) -> str:
    if value in state.families:
        return value
    raise LayerError(
        f"Expected a family of layers that the network has. Received: family={value!r}. "
        f"Use one of {', '.join(map(repr, state.families))}."
    )


def _method(state: ExplorerState, value: Any) -> str:
    if value in state.methods:
        return value
    raise t.TraitError(
        f"Expected the name of a view. Received: method={value!r}. Use one of {', '.join(map(repr, state.methods))}."
    )


def _channel(state: ExplorerState, value: Any) -> int | None:
    if value is None:
        return None
    count = state.current_layer.channels
    return index_of(value, (), count or UNKNOWN_SIZE, f"a channel of {state.layer!r}", ChannelError)


def _unit(state: ExplorerState, value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    sizes, place = state.current_layer.spatial_shape, tuple(value)
    fits = len(place) == len(sizes) and all(
        int(index) == index and 0 <= index < (size or UNKNOWN_SIZE) for index, size in zip(place, sizes, strict=True)
    )
    if not fits:
        raise ChannelError(
            f"Expected the position of a unit in a map of {state.layer!r}, which is {_size_text(sizes)}. "
            f"Received: unit={value!r}."
        )
    return tuple(map(int, place))


def _region(state: ExplorerState, value: Any) -> tuple[int, ...]:
    region, sizes = tuple(map(int, value or ())), state.current_layer.spatial_shape
    if region and not _fits(region, sizes):
        raise ChannelError(
            f"Expected (top, left, height, width) within a map of {state.layer!r}, which is {_size_text(sizes)}, "
            f"or (). Received: region={value!r}."
        )
    return region


def _fits(region: tuple[int, ...], sizes: Sequence[int | None]) -> bool:
    """Whether (top, left, height, width) is a rectangle within a map of these sizes."""
    if len(region) != 4 or len(sizes) != 2 or min(region) < 0 or min(region[2:]) < 1:
        return False
    (top, left, height, width), (rows, columns) = region, (size or UNKNOWN_SIZE for size in sizes)
    return top + height <= rows and left + width <= columns


def _size_text(sizes: Sequence[int | None]) -> str:
    return " × ".join("?" if size is None else str(size) for size in sizes) or "one value"


def _image(state: ExplorerState, value: Any) -> int:
    return index_of(value, state.images, len(state.images), "an image", FeedError)


def _head(state: ExplorerState, value: Any) -> str:
    names = [head.name for head in state.network.heads]
    if value in names or (value == "" and not names):
        return str(value)
    raise LayerError(f"Expected the name of a head. Received: head={value!r}. {nearest(str(value), names)}")


def _place(state: ExplorerState, value: Any) -> tuple[int, ...]:
    place, head = tuple(map(int, value or ())), state.current_head
    sizes = () if head is None else head.output.spatial_shape
    region = len(place) == 4 and len(sizes) == 2
    firsts, lengths = (place[:2], place[2:]) if region else (place, (1,) * len(place))
    fits = len(firsts) == len(sizes) and all(
        first >= 0 and length >= 1 and first + length <= (size or UNKNOWN_SIZE)
        for first, length, size in zip(firsts, lengths, sizes, strict=True)
    )
    if place and not fits:
        raise ChannelError(
            f"Expected a place of head {state.head!r}, which is {_size_text(sizes)}, a region of a map as (top, left, "
            f"height, width), or (). Received: place={value!r}."
        )
    return place


def _target(state: ExplorerState, value: Any) -> int:
    count = len(state.classes)
    return index_of(value, state.classes, count, "a class", ChannelError) if count else 0


def _rule(state: ExplorerState, value: Any) -> str:
    rules.require_rule(value, automatic=True)  # not an Enum: more may be registered at any time
    return str(value)


class ExplorerState(t.HasTraits):
    """The part of a ``ModelExplorer``'s state that its views share.

    Args:
        fed_images: the network to explore and the images that it is fed.
        images: a name for each image.
        labels: a line for the menu for each layer, by the layer's name; by default the layer's own label.

    Attributes:
        layer: name of the layer; also takes a ``Layer``, 'name:0' or a Keras layer name.
        family: which layers the menu lists, a key of ``FAMILY_FILTERS``.
        method: the name of the view on the screen, one of ``methods``.
        images: the names of the images; ``ModelExplorer.add_image`` adds one.
        image: index of the image; also takes its name.
        channel: the selected map, or None for the strongest; changing ``layer`` makes it None.
        unit: the selected position in the map, (row, column) for images, or None; changing
            ``layer`` makes it None.
        region: a selected part of the map, (top, left, height, width), or () for the whole map; changing ``layer``
            makes it ().
        page: which page of the montage is shown, from 0.
        colours: of maps without negative values, a key of ``COLOUR_NAMES``; ``gamma``: the exponent of brightness.
        thumbnails: what stands for each layer in the film strip, a key of ``THUMBNAILS``.
        head: the name of the output that is asked; changing it makes ``target`` 0 and ``place`` ().
        target: index of the chosen class of the head; also takes its name.
        place: the pixel (row, column), anchor (number,) or region (top, left, height, width) of the head that is asked
            about, in units of its map, or () for the mean over all of it.
        rule: how reconstructions send signals backwards; a registered name or 'auto', see
            ``cnnvis_widgets.reconstruct``.
        save_png: whether every finished result is written to PNG files.
        log_to_tensorboard: whether every finished result, and a step of a dream a second, is logged. An explorer with
            a log folder begins with True, and switches it off where the folder cannot be written to.
        log_note: why logging was switched off.
        running, progress, status, detail, error, files: what the explorer reports. ``progress``
            runs from 0 to 1; ``files`` are the paths written last.

    A trait that is tagged with ``report`` is not a choice of the user, and ``save_state`` leaves it out.
    """

    methods: ClassVar[tuple[str, ...]] = ("activations",)

    layer = Checked(_layer)
    family = Checked(_family, "all")
    method = Checked(_method)
    images = t.Tuple().tag(report=True)
    image = Checked(_image, 0)
    channel = Checked(_channel)
    unit = Checked(_unit)
    region = Checked(_region, ())
    page = t.Int(0, min=0)
    colours = t.Enum(tuple(COLOUR_NAMES), "magma")
    gamma = t.Float(0.75, min=0.25, max=2.0)
    thumbnails = t.Enum(tuple(THUMBNAILS), "mean")
    head = Checked(_head)
    target = Checked(_target, 0)
    place = Checked(_place, ())
    rule = Checked(_rule, rules.AUTO)
    save_png = t.Bool(False)
    log_to_tensorboard = t.Bool(False)

    running = t.Bool(False).tag(report=True)
    progress = t.Float(0.0, min=0.0, max=1.0).tag(report=True)
    status = t.Unicode("").tag(report=True)
    detail = t.Unicode("").tag(report=True)
    error = t.Unicode("").tag(report=True)
    files = t.Tuple().tag(report=True)
    log_note = t.Unicode("").tag(report=True)

    def __init__(
        self,
        fed_images: FedImages,
        images: Sequence[str] = ("image 0",),
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._fed_images = fed_images
        network = fed_images.network
        self.labels = labels or {layer.name: layer.label for layer in network.layers}
        present = {layer.family for layer in network.layers}
        self.families = tuple(key for key in FAMILY_FILTERS if key == "all" or key in present)
        super().__init__(images=tuple(images))

    @t.default("layer")
    def _first_layer(self) -> str:
        layers = self.network.layers
        if not layers:
            raise LayerError("Expected a network with at least one layer. Received: none.")
        return opening_layer(layers).name

    @t.default("method")
    def _first_method(self) -> str:
        return self.methods[0]

    @t.default("head")
    def _main_head(self) -> str:
        return self.network.head().name if self.network.heads else ""

    @property
    def current_head(self) -> Head | None:
        """The head that ``head`` names, or ``None`` for a network without one."""
        return next((head for head in self.network.heads if head.name == self.head), None)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, labels or values of the head; 'class 3' where it has no names."""
        head = self.current_head
        return () if head is None else tuple(map(head.title, range(head.classes or 0)))

    def question(self, number: int | None) -> Question:
        """The question about a class of the head, or about its surest class, at the chosen place."""
        main = self.network.head().name if self.network.heads else ""
        region = len(self.place) == 4
        target = Target(number, region=self.place) if region else Target(number, place=self.place or None)
        return Question(target, None if self.head == main else self.head)

    @property
    def network(self) -> Network:
        """The network that is explored now; ``ModelExplorer.look_at`` changes it."""
        return self._fed_images.network

    @property
    def current_layer(self) -> Layer:
        """The layer that ``layer`` names."""
        return self.network.layer(self.layer)

    @property
    def has_predictions(self) -> bool:
        """Whether the network tells something of the whole image; a map of values is a feature map."""
        head = self.current_head
        return head is not None and not (head.is_map and head.meaning == "values")

    def class_name(self, number: int) -> str:
        """The name of a class; 'class 3' where the network has no names."""
        head = self.current_head
        return f"class {number}" if head is None else head.title(number)

    def listed_layers(self) -> tuple[Layer, ...]:
        """The layers of the chosen family in graph order; all of them family by family."""
        if self.family != "all":
            return tuple(layer for layer in self.network.layers if layer.family == self.family)
        order = list(FAMILY_FILTERS)
        return tuple(sorted(self.network.layers, key=lambda layer: order.index(layer.family)))

    def choose_class(self, number: int) -> None:
        """Choose a class in every view that has a use for one, as a click on its bar does."""
        self.target = number

    def image_replaced(self) -> None:
        """Notify the observers of ``image`` that the image of that number has other pixels."""
        self.notify_change(Bunch(name="image", old=self.image, new=self.image, owner=self, type="change"))

    @t.observe("head")
    def _reset_target(self, change: Any) -> None:
        self.target, self.place = 0, ()

    @t.observe("layer")
    def _reset_selection(self, change: Any) -> None:
        self.channel, self.unit, self.page, self.region = None, None, 0, ()
        if self.family not in ("all", self.current_layer.family):
            self.family = self.current_layer.family

    @t.observe("image")
    def _reset_unit(self, change: Any) -> None:
        if change["old"] != change["new"]:  # what stands out in one image may be silent in the next
            self.unit = None

    @t.observe("family")
    def _stay_in_family(self, change: Any) -> None:
        listed = self.listed_layers()
        if self.current_layer not in listed:
            self.layer = listed[0].name
