"""Where the tokens of a transformer attend to: each head of an attention, or all attentions together."""

from __future__ import annotations

from typing import Any

import ipywidgets as w
import numpy as np
import traitlets as t

from ...engine.attention.flow import attentions_beside
from ...errors import ChannelError, CnnvisError, LayerError, nearest
from ...imaging import encode
from ...imaging.grid import Grid, enlarge, magnification
from ...imaging.heat import Heat, heat, overlay
from ...imaging.render import picture
from ...methods import METHODS, of_kind
from ...results import AttentionMaps
from ..elements.badges import Fact, marks
from ..elements.canvas import PictureCanvas
from ..elements.class_picker import ClassPicker
from ..elements.controls import button, caption, column, dropdown, refill, side_by_side, slider
from ..elements.shared_layouts import create, set_visible
from ..jobs import computations
from ..state.checked_traits import Checked
from ..state.explorer_state import ExplorerState
from .class_choice import (
    ExplanationTraits,
    explained_menu,
    explains_another_class,
    question,
    target_code,
)
from .view import Context, Steps, View

WAYS = {method.name: method.title for method in of_kind("attention")}
"""Values of ``attention_method`` and their titles."""

MEAN = -1
"""The value of ``attention_head`` for the mean over heads."""

_SOURCES = {
    "attention_maps": "softmax over keys",
    "attention_rollout": "rollout of Abnar and Zuidema 2020",
    "attention_relevance": "equations 5 and 6 of Chefer, Gur and Wolf, ICCV 2021",
}


_WHICH = "The attention whose heads are shown. Rollout and relevance go through those among the same tokens"


def _attention(state: ExplorerState, value: Any) -> str:
    names = [layer.name for layer in state.network.attentions]
    if value in names or (value == "" and not names):
        return str(value)
    raise LayerError(f"Expected the name of an attention. Received: attention={value!r}. {nearest(str(value), names)}")


def _query(state: ExplorerState, value: Any) -> tuple[int, ...] | int | str | None:
    if value is None or value == "mean" or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    if isinstance(value, tuple | list) and value and all(isinstance(at, int) and at >= 0 for at in value):
        return tuple(value)
    raise ChannelError(
        f"Expected a place of a token, the number of one without a place, 'mean' or None. "
        f"Received: attention_query={value!r}."
    )


class AttentionTraits(ExplanationTraits):
    """Which attention is shown, from which token, and how.

    Attributes:
        attention: the name of the attention; '' for a network without one. Rollout and relevance go through the
            attentions among the same tokens.
        attention_method: a key of ``WAYS``.
        attention_head: the head; -1 for the mean over heads.
        attention_query: the token that attends: a place (row, column) of its grid, the number of a token without a
            place (0 is the class token), 'mean' over all tokens, or ``None`` for the one that classes are read from.
        attention_opacity: of the map over the photo, 0 to 1.
    """

    attention = Checked(_attention)
    attention_method = t.Enum(tuple(WAYS), next(iter(WAYS)))
    attention_head = t.Int(MEAN, min=MEAN)
    attention_query = Checked(_query)
    attention_opacity = t.Float(0.8, min=0.0, max=1.0)

    @t.default("attention")
    def _last_attention(self) -> str:
        attentions = self.network.attentions
        return attentions[-1].name if attentions else ""

    @t.observe("attention")
    def _reset_query(self, change: Any) -> None:
        self.attention_query = None  # tokens of another attention may lie on another grid


class AttentionView(View):
    """The attention of one token over the photo, and that of every head. A click on the photo chooses the token.

    Attributes:
        over: the photo under the map; ``heads``: the map of each head, side by side.
    """

    name, title = "attention", "Attention"
    tooltip = "See where the tokens of a transformer attend to, from a token that you click"
    depends_on = ("attention", "attention_method", "attention_query")
    asks_class = True
    state: AttentionTraits

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        state = self.state
        layers = [(layer.label, layer.name) for layer in state.network.attentions] or [("none", "")]
        ways = [(title, name) for name, title in WAYS.items()]
        self._layer = dropdown(state, "attention", "Attention", layers, tooltip=_WHICH)
        self._head = create(w.Dropdown, description="Head", tooltip="One head, or the mean over all heads")
        self._head.observe(self._choose_head, "value")
        self._token = create(w.Dropdown, description="From token", tooltip="The word, or other token, that attends")
        self._token.observe(self._choose_token, "value")
        self._explain = explained_menu(state)
        self.options = (
            dropdown(state, "attention_method", "Show", ways, tooltip="One attention, or what arrives through all"),
            self._layer,
            self._head,
            self._token,
            self._explain,
            button("Class token or mean", self._reset, "From the token that the classes are read from"),
            slider(state, "attention_opacity", "Opacity", tooltip="Of the map over the photo"),
        )
        self.over = PictureCanvas(name="attention", smooth=True, interactive=True, width=480)
        self.heads = PictureCanvas(name="attention-heads", interactive=True, width=480)
        self._caption, self._heads_caption = create(w.HTML), create(w.HTML)
        self._classes = column(ClassPicker(state), grow="2 1 220px", widest="320px")
        self._of_heads = column(self.heads, self._heads_caption, grow="3 1 240px", widest="500px")
        self.panel = side_by_side(
            column(self.over, self._caption, grow="3 1 240px", widest="500px"), self._of_heads, self._classes
        )
        self._drawn: tuple[AttentionMaps, int] | None = None  # and the index of its image
        self._grid: Grid | None = None
        self.over.on_click(self._ask)
        context.image_pane.canvas.on_click(self._ask_the_photo)
        self.heads.on_click(self._click_head)
        state.observe(lambda change: self._draw_result(), ["attention_head", "attention_opacity"])
        state.observe(self._update_controls, ["explained", "attention_method"])
        self._update_controls()

    def unavailable(self) -> str:
        return "" if self.state.network.attentions else "The network has no attention: it is no transformer."

    def is_stale(self, trait: str) -> bool:
        asks = self.state.attention_method == "attention_relevance"
        return super().is_stale(trait) or (asks and explains_another_class(self.state, trait))

    def work(self) -> tuple[str, Steps]:
        state = self.state
        way = computations.AttentionWay(
            state.attention_method, state.attention, state.attention_query, question(state), self._layers()
        )
        return f"Computing {WAYS[way.method]}", computations.attend(self.context.fed_layer(), way)

    def _layers(self) -> tuple[str, ...]:
        """The attentions that rollout and relevance go through; () for all, and for heads of one attention."""
        if self.state.attention_method == "attention_maps":
            return ()
        network, feed, *_ = self.context.fed_layer()
        try:
            beside = attentions_beside(network, feed, self.state.attention)
        except CnnvisError:  # the method itself says why
            return ()
        return tuple(layer.name for layer in beside) if len(beside) < len(network.attentions) else ()

    def draw(self, progress: computations.Progress, final: bool) -> None:
        result: AttentionMaps = progress.result
        self._drawn = result, self.state.image
        self._draw_result()

    def _shown_head(self, heads: int) -> int:
        return self.state.attention_head if self.state.attention_head < heads > 1 else MEAN

    def _draw_result(self) -> None:
        if self._drawn is None:
            return
        result, image = self._drawn
        values = _flat(result.weights[0])
        head = self._shown_head(len(values))
        several = range(len(values)) if len(values) > 1 else ()
        options = [("mean over heads", MEAN), *((f"head {number}", number) for number in several)]
        refill(self._head, options, head, self._choose_head)
        shown = values.mean(axis=0) if head == MEAN else values[head]
        colours = heat(shown, limit=float(shown.max(initial=0.0)) or 1.0, signed=False)
        photo = picture(self.context.fed_images.images[image], self.context.fed_images.value_range)
        of_heads = "" if len(values) == 1 else ", mean over heads" if head == MEAN else f", head {head}"
        title = f"{WAYS[result.method]} from the {result.query_title}{of_heads}"
        frame = self._frame(result, photo.shape[:2])
        self.over.show(encode.screen(_over(photo, colours, self.state.attention_opacity)), title, frame)
        by_click = ["click a place to ask from its token"] if len(result.queries) == 2 else []
        lines = [title, f"yellow: {colours.limit:.3g}", *_others(result, head), *by_click]
        self._fill_tokens(result)
        self._caption.value = caption(lines) + marks(facts(result))
        self._draw_heads(result, values, head)

    def _fill_tokens(self, result: AttentionMaps) -> None:
        """Offer the tokens that attend and have no place to click: words, and what stands in front of a grid."""
        set_visible(self._token, result.other_queries > 1)
        options = [(f"token {number}", number) for number in range(result.other_queries)]
        at_place = [] if isinstance(result.query, int | str) else [("the clicked place", result.query)]
        refill(self._token, [*options, ("mean over all", "mean"), *at_place], result.query, self._choose_token)

    def _draw_heads(self, result: AttentionMaps, values: np.ndarray, head: int) -> None:
        set_visible(self._of_heads, len(values) > 1)
        if len(values) == 1:
            self._grid = None
            return
        limit = float(values.max()) or 1.0
        tiles = np.stack([heat(each, limit=limit, signed=False).pixels for each in values])
        tiles = enlarge(tiles, magnification(tiles, side=480))
        self._grid = Grid.of(tiles, gap=2)
        left = self._grid.corner(head) if head != MEAN else None
        frame = () if left is None else (left[1], left[0], self._grid.width, self._grid.height)
        self.heads.show(encode.screen(self._grid.montage(tiles)), f"{len(values)} heads, head 0 first", frame)
        lines = [f"The {len(values)} heads of {result.layer.name}", f"one scale, yellow: {limit:.3g}; click one"]
        self._heads_caption.value = caption(lines)

    def _frame(self, result: AttentionMaps, sides: tuple[int, ...]) -> Any:
        """The place of the query on the photo: left, top, width and height; () for a token without one."""
        if not isinstance(result.query, tuple) or len(result.queries) != 2:
            return ()
        (top, bottom), (left, right) = (
            (at * side // size, -(-(at + 1) * side // size))
            for at, size, side in zip(result.query, result.queries, sides, strict=True)
        )
        return left, top, right - left, bottom - top

    def _ask(self, x: float, y: float) -> None:
        """Ask from the token at a pixel of the photo."""
        if self._drawn is None or len(self._drawn[0].queries) != 2:
            return
        result, image = self._drawn
        sides = self.context.fed_images.images[image].shape[:2]
        self.state.attention_query = tuple(
            min(max(int(at), 0) * size // side, size - 1)
            for at, size, side in zip((y, x), result.queries, sides, strict=True)
        )

    def _ask_the_photo(self, x: float, y: float) -> None:
        """Take a click on the photo that stands beside every view, while this view is shown."""
        if self.state.method == self.name:
            self._ask(x, y)

    def _click_head(self, x: float, y: float) -> None:
        found = None if self._grid is None else self._grid.locate(int(y), int(x))
        if found is not None:
            self.state.attention_head = MEAN if found[0] == self.state.attention_head else found[0]

    def _choose_head(self, change: Any) -> None:
        if change["new"] is not None:
            self.state.attention_head = change["new"]

    def _choose_token(self, change: Any) -> None:
        if change["new"] is not None:
            self.state.attention_query = change["new"]

    def _reset(self) -> None:
        self.state.attention_query = None

    def _update_controls(self, change: Any = None) -> None:
        asks = self.state.attention_method == "attention_relevance"
        self._head.disabled = self.state.attention_method != "attention_maps"
        self._layer.disabled = self._head.disabled and not self._layers()
        set_visible(self._explain, asks)
        set_visible(self._classes, asks and self.state.explained == "chosen")

    def code(self) -> str:
        state, options = self.state, {}
        if state.attention_query is not None:
            options["query"] = state.attention_query
        if layers := self._layers():
            options["layers"] = layers
        if state.attention_method == "attention_relevance":
            options |= question(state).options
            call = METHODS[state.attention_method].code("network", "feed", "target", **options)
            return f"{target_code(state)}\nattention = {call}"
        chosen = (repr(state.attention),) if state.attention_method == "attention_maps" else ()
        return f"attention = {METHODS[state.attention_method].code('network', 'feed', *chosen, **options)}"


def _flat(weights: np.ndarray) -> np.ndarray:
    """Weights as pictures (heads, height, width); a line of tokens has one row."""
    return weights if weights.ndim == 3 else weights.reshape(len(weights), 1, -1)


def _over(photo: np.ndarray, colours: Heat, opacity: float) -> np.ndarray:
    """The map, each token as large as its patch, over the photo; alone where the photo has no height and width."""
    rows, columns = (
        np.arange(side) * size // side for side, size in zip(photo.shape[:2], colours.strength.shape, strict=True)
    )
    spread = Heat(colours.pixels[rows][:, columns], colours.strength[rows][:, columns], colours.limit, colours.signed)
    return overlay(photo, spread, opacity)


def _others(result: AttentionMaps, head: int) -> list[str]:
    """How much goes to tokens without a place."""
    others = result.others[0].mean(axis=0) if head == MEAN else result.others[0, head]
    if not len(others):
        return []
    what = "class token" if len(others) == 1 else f"{len(others)} tokens without a place"
    return [f"to the {what}: {others.sum():.3g}"]


def facts(result: AttentionMaps) -> list[Fact]:
    """How the maps were computed, for their badge."""
    size = " × ".join(map(str, result.weights.shape[2:]))
    words: list[Fact] = [(_SOURCES[result.method], False), (f"{size} tokens", False)]
    if len(result.layers) > 1:
        words.append((f"{len(result.layers)} attentions", False))
    if result.explains is not None and result.scores is not None:
        words.append((f"{result.name}: score {result.scores[0]:.4g} of {result.explains.name}", False))
    return words
