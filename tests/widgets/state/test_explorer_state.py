"""ExplorerState alone: what it accepts, what it refuses, and what follows from what."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace
from typing import get_type_hints

import pytest
import tensorflow as tf
import traitlets

from cnnvis_widgets.errors import ChannelError, FeedError, LayerError, nearest
from cnnvis_widgets.results import Head, Layer
from cnnvis_widgets.widgets.state.explorer_state import ExplorerState, opening_layer
from cnnvis_widgets.widgets.views.registry import VIEWS, FullState

LAYERS = (
    Layer("conv1/Conv2D", "convolution", "c", (None, 8, 8, 4), 3),
    Layer("conv1/Relu", "relu", "r", (None, 8, 8, 4), 3),
    Layer("pool", "max_pool", "p", (None, 4, 4, 4), 3),
    Layer("conv2/Relu", "relu", "r", (None, 4, 4, 6), 3),
    Layer("logits", "dense", "", (None, 3), 1),
)
CLASSES = ("cat", "crane", "crane")


def fed_images(layers=LAYERS, logits=LAYERS[-1], class_names=CLASSES):
    def layer(name):
        for known in layers:
            if name in (known, known.name, known.name + ":0"):
                return known
        raise LayerError(f"No such layer. Received: {name!r}. {nearest(name, [x.name for x in layers])}")

    heads = () if logits is None else (Head("scores", "classes", logits, logits, names=class_names),)
    nodes = defaultdict(lambda: SimpleNamespace(op="MatMul", input=[]))
    structure = SimpleNamespace(between=lambda image, scores: layers, nodes=nodes, varying=())
    layout = SimpleNamespace(picture_shape=(8, 8, 3), dtype=tf.float32)
    tokens = SimpleNamespace(attentions=())
    runtime = SimpleNamespace(structure=structure, layout=layout, image_tensor="image:0", tokens=tokens)
    fed = SimpleNamespace(
        layers=layers, layer=layer, logits=logits, heads=heads, head=lambda: heads[0], runtime=runtime, attentions=()
    )
    return SimpleNamespace(network=fed)


@pytest.fixture
def state():
    return FullState(fed_images(), images=("cat photo", "coffee"))


def test_opens_on_the_first_activation_function(state):
    assert state.layer == "conv1/Relu"
    assert state.method == "activations"
    assert (state.channel, state.image, state.objective) == (None, 0, "class")


def test_opens_on_any_layer_where_there_is_no_activation_function():
    assert FullState(fed_images(LAYERS[2:3], None, None)).layer == "pool"


def test_a_network_without_layers_is_refused():
    with pytest.raises(LayerError, match="at least one layer"):
        _ = FullState(fed_images((), None)).layer


@pytest.mark.parametrize("spelling", ["conv2/Relu", "conv2/Relu:0", LAYERS[3]])
def test_layer_takes_every_spelling_and_keeps_the_name(state, spelling):
    state.layer = spelling
    assert state.layer == "conv2/Relu"
    assert state.current_layer is LAYERS[3]


@pytest.mark.parametrize(
    ("trait", "value", "error", "message"),
    [
        ("layer", "conv3/Relu", LayerError, "Nearest names: 'conv2/Relu'"),
        ("family", "x", LayerError, "Received: family='x'"),
        ("channel", 4, ChannelError, "from 0 to 3. Received: 4"),
        ("channel", -1, ChannelError, "Received: -1"),
        ("channel", True, ChannelError, "Received: True"),
        ("channel", 1.5, ChannelError, "Received: 1.5"),
        ("image", 2, FeedError, "from 0 to 1. Received: 2"),
        ("image", "cofee", FeedError, "Nearest names: 'coffee'"),
        ("target", 3, ChannelError, "a class from 0 to 2"),
        ("target", "cta", ChannelError, "Nearest names: 'cat'"),
        ("objective", "loss", LayerError, "'class', 'channel', 'layer'. Received: objective='loss'"),
        ("method", "deconv", traitlets.TraitError, "'deep dream'"),
        ("rule", "lrp", ValueError, "'guided'"),
        ("seed", "best", traitlets.TraitError, "'strongest'"),
        ("start", "blank", traitlets.TraitError, "'noise'"),
        ("octaves", 0, traitlets.TraitError, "octaves"),
        ("steps", 0, traitlets.TraitError, "steps"),
        ("page", -1, traitlets.TraitError, "page"),
    ],
)
def test_a_bad_value_raises_and_leaves_the_state_as_it_was(state, trait, value, error, message):
    before = {name: getattr(state, name) for name in state.trait_names()}
    with pytest.raises(error, match=message):
        setattr(state, trait, value)
    with pytest.raises(error, match=message), state.hold_trait_notifications():
        setattr(state, trait, value)
    assert {name: getattr(state, name) for name in state.trait_names()} == before


def test_another_layer_forgets_the_selected_map_and_page(state):
    state.channel, state.page = 3, 1
    state.layer = "conv2/Relu"
    assert (state.channel, state.page) == (None, 0)
    state.channel = 5
    assert state.channel == 5


def test_the_old_selection_is_gone_before_anyone_hears_of_the_new_layer(state):
    state.channel = 3
    seen = []
    state.observe(lambda change: seen.append((change["name"], state.channel)), "layer")
    state.layer = "conv2/Relu"
    assert seen == [("layer", None)]


def test_a_family_lists_its_own_layers_and_moves_into_them(state):
    assert state.families == ("all", "r", "c", "p", "")
    state.family = "p"
    assert [layer.name for layer in state.listed_layers()] == ["pool"]
    assert state.layer == "pool"


def test_all_layers_are_listed_family_by_family(state):
    assert [layer.family for layer in state.listed_layers()] == ["r", "r", "c", "p", ""]


def test_a_layer_of_another_family_takes_the_filter_along(state):
    state.family = "p"
    state.layer = "conv2/Relu"
    assert (state.family, state.layer) == ("r", "conv2/Relu")


def test_a_family_that_the_network_lacks_is_refused():
    state = FullState(fed_images(LAYERS[1:2], None))
    with pytest.raises(LayerError, match="'all', 'r'"):
        state.family = "p"


def test_images_and_classes_by_name_or_number(state):
    state.image = "Coffee"
    assert state.image == 1
    state.target = "CRANE"
    assert state.target == 1, "of classes with the same name the first is meant"
    state.target = 2
    assert state.target == 2
    state.target = "0"
    assert state.target == 0


def test_without_class_scores_only_channels_and_layers_are_objectives():
    state = FullState(fed_images(LAYERS[:4], None, None))
    assert (state.objective, state.classes) == ("channel", ())
    with pytest.raises(LayerError, match="one of 'channel', 'layer'"):
        state.objective = "class"


def test_classes_without_names_are_told_by_number():
    assert FullState(fed_images(class_names=None)).classes == ("class 0", "class 1", "class 2")


def test_no_two_parts_of_the_state_share_a_trait():
    parts = [part for part in FullState.__mro__ if issubclass(part, ExplorerState)]
    known = FullState.class_trait_names()
    names = [name for part in parts for name in vars(part) if name in known]
    assert len(parts) >= 8
    assert sorted(names) == sorted(set(names))


def test_the_state_has_the_traits_of_every_view():
    assert FullState.methods == tuple(view.name for view in VIEWS)
    for view in VIEWS:
        assert issubclass(FullState, get_type_hints(view)["state"])
        assert view.title.lower() == view.name


def test_it_opens_on_the_deepest_layer_whose_maps_are_pictures():
    def layer(name, side, channels, family="r"):
        return Layer(name, "relu", family, (None, side, side, channels), 3)

    layers = [layer("early", 112, 32), layer("middle", 14, 240), layer("wide", 14, 480), layer("deep", 7, 200)]
    assert opening_layer(layers).name == "middle"
    assert opening_layer([layer("conv", 28, 16, "c"), *layers[2:]]).name == "wide", "no picture: the first of them"
    assert opening_layer([layer("conv", 28, 16, "c")]).name == "conv"
    free = Layer("free", "relu", "r", (None, None, None, 32), 3)
    assert opening_layer([free, layer("late", 6, 8)]).name == "free", "a size that is not known is no picture"
    signal = Layer("signal", "relu", "r", (None, 64, 16), 2)
    assert opening_layer([signal]).name == "signal"
