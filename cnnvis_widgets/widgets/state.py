"""What the explorer shows, as validated traits: every control writes here and every pane reads here.

A value that does not fit raises at once and leaves the state as it was, also inside
``hold_trait_notifications``: the checks belong to the traits themselves, because traitlets delays
the ones written as ``@validate`` methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import traitlets as t

from ..errors import ChannelError, FeedError, LayerError, nearest

if TYPE_CHECKING:
    from ..engine.network import Network
    from ..results import Layer

METHODS = ("activations", "deconvolution", "deep dream")
RULES = ("deconvnet", "guided", "gradient")
SEEDS = ("strongest", "map", "ones")
STARTS = ("noise", "photo")
FAMILY_FILTERS = {
    "all": "all layers",
    "r": "activation functions",
    "c": "convolutions",
    "p": "pooling",
    "": "other layers",
}
"""Values of ``ExplorerState.family`` and their titles, in the order of the menu."""


class _Checked(t.TraitType):
    """A trait whose values pass through ``check(state, value)``, which returns the value to keep."""

    def __init__(self, check: Callable[[ExplorerState, Any], Any], default: Any = None) -> None:
        super().__init__(default)
        self._check = check

    def validate(self, obj: Any, value: Any) -> Any:
        return self._check(obj, value)


def _layer(state: ExplorerState, value: Any) -> str:
    return state.network.layer(value).name


def _family(state: ExplorerState, value: Any) -> str:
    if value in state.families:
        return value
    raise LayerError(
        f"Expected a family of layers that the network has. Received: family={value!r}. "
        f"Use one of {', '.join(map(repr, state.families))}."
    )


def _index(value: Any, names: Sequence[str], count: int, what: str, error: type[Exception]) -> int:
    """``value`` as an index below ``count``: a number, its text, or one of ``names`` in any case."""
    if isinstance(value, str) and not value.isdigit():
        found = [index for index, name in enumerate(names) if name.lower() == value.lower()]
        if found:
            return found[0]
        raise error(f"Expected the name of {what}. Received: {value!r}. {nearest(value, names)}")
    if isinstance(value, bool) or int(value) != float(value) or not 0 <= int(value) < count:
        raise error(f"Expected {what} from 0 to {count - 1}. Received: {value!r}.")
    return int(value)


def _channel(state: ExplorerState, value: Any) -> int | None:
    if value is None:
        return None
    count = state.current_layer.channels
    return _index(value, (), count or 2**31, f"a channel of {state.layer!r}", ChannelError)


def _image(state: ExplorerState, value: Any) -> int:
    return _index(value, state.images, len(state.images), "an image", FeedError)


def _target(state: ExplorerState, value: Any) -> int:
    count = len(state.classes)
    return _index(value, state.classes, count, "a class", ChannelError) if count else 0


def _climb(state: ExplorerState, value: Any) -> str:
    choices = ("class", "channel") if state.classes else ("channel",)
    if value not in choices:
        raise LayerError(
            f"Expected what to climb, one of {', '.join(map(repr, choices))}. Received: climb={value!r}."
        )
    return value


class ExplorerState(t.HasTraits):
    """The one truth of a ``ModelExplorer``.

    Args:
        network: the network to explore.
        images: a name for every image that is fed.
        labels: a line for the menu for each layer, by its name; what the layer says of itself by default.

    Attributes:
        layer: name of the layer; also takes a ``Layer``, 'name:0' or a Keras layer name.
        family: which layers the menu lists, a key of ``FAMILY_FILTERS``.
        method: 'activations', 'deconvolution' or 'deep dream'.
        image: index of the image; also takes its name.
        channel: the selected map, or None for the strongest; changing ``layer`` makes it None.
        page: which page of the montage is shown, from 0.
        rule, seed: of the deconvolution, see ``cnnvis_widgets.reconstruct``.
        climb: a dream climbs a 'class' of the class scores, or a 'channel' of ``layer``.
        target: index of that class; also takes its name.
        start: a dream begins from 'noise' or from the 'photo'.
        octaves, steps: of the dream: scales, and steps at each.
        save_png, log_to_tensorboard: write every finished result.
        running, progress, status, detail, error, files: what the explorer reports. ``progress``
            runs from 0 to 1; ``files`` are the paths written last.
    """

    layer = _Checked(_layer)
    family = _Checked(_family, "all")
    method = t.Enum(METHODS, METHODS[0])
    image = _Checked(_image, 0)
    channel = _Checked(_channel)
    page = t.Int(0, min=0)
    rule = t.Enum(RULES, RULES[0])
    seed = t.Enum(SEEDS, SEEDS[0])
    climb = _Checked(_climb)
    target = _Checked(_target, 0)
    start = t.Enum(STARTS, STARTS[0])
    octaves = t.Int(4, min=1, max=8)
    steps = t.Int(32, min=1, max=1000)
    save_png = t.Bool(False)
    log_to_tensorboard = t.Bool(False)

    running = t.Bool(False)
    progress = t.Float(0.0, min=0.0, max=1.0)
    status = t.Unicode("")
    detail = t.Unicode("")
    error = t.Unicode("")
    files = t.Tuple()

    def __init__(
        self,
        network: Network,
        images: Sequence[str] = ("image 0",),
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self.network = network
        self.labels = labels or {layer.name: layer.label for layer in network.layers}
        self.images = tuple(images)
        logits = network.logits
        count = logits.channels or 0 if logits else 0
        names = (network.class_names or ())[: count or None]
        self.classes = (*names, *map(str, range(len(names), count))) if logits else ()
        present = {layer.family for layer in network.layers}
        self.families = tuple(key for key in FAMILY_FILTERS if key == "all" or key in present)
        super().__init__()

    @t.default("layer")
    def _first_layer(self) -> str:
        layers = self.network.layers
        if not layers:
            raise LayerError("Expected a network with at least one layer. Received: none.")
        return next((layer.name for layer in layers if layer.family == "r"), layers[0].name)

    @t.default("climb")
    def _climb_class(self) -> str:
        return "class" if self.classes else "channel"

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

    @t.observe("layer")
    def _reset_selection(self, change: Any) -> None:
        self.channel, self.page = None, 0
        if self.family not in ("all", self.current_layer.family):
            self.family = self.current_layer.family

    @t.observe("family")
    def _stay_in_family(self, change: Any) -> None:
        listed = self.listed_layers()
        if self.current_layer not in listed:
            self.layer = listed[0].name
