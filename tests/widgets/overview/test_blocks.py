"""Layers by block, from names and kinds alone."""

from __future__ import annotations

import pytest

from cnnvis_widgets import demo
from cnnvis_widgets.results import Layer
from cnnvis_widgets.widgets.overview.blocks import FEW, MOST, blocks_of
from cnnvis_widgets.widgets.overview.cells import kind_of, labels_of

KINDS = {"conv": ("convolution", "c"), "bn": ("batch_normalization", ""), "relu": ("relu", "r"), "add": ("add", "")}


def layer(name, kind="conv", side=8):
    told, family = KINDS[kind]
    return Layer(name, told, family, (None, side, side, 4), 3, name)


def partition(layers, blocks):
    """The blocks that hold layers must hold each layer once, in order."""
    leaves = [block for number, block in enumerate(blocks) if all(other.parent != number for other in blocks)]
    numbers = [number for block in leaves for number in range(block.first, block.last + 1)]
    assert numbers == list(range(len(layers)))
    for block in blocks:
        assert block.first <= block.shown <= block.last
        if block.parent >= 0:
            stage = blocks[block.parent]
            assert stage.first <= block.first <= block.last <= stage.last
    return leaves


def test_the_embedded_network_has_the_blocks_of_its_author():
    layers = demo.network().layers
    blocks = blocks_of(layers)
    partition(layers, blocks)
    assert [block.label for block in blocks] == ["stem", *map(str, range(16)), "head", "pool", "logits"]
    assert layers[blocks[6].shown].keras_name == "block5_depthwise_relu", "the last activation function"
    labels = labels_of(layers, blocks)[blocks[6].first : blocks[6].last + 1]
    assert labels == ["expand", "BN", "ReLU", "depthwise", "BN", "ReLU", "project", "BN"]


def test_a_network_of_a_few_layers_has_no_blocks():
    layers = [layer(f"conv2d_{number}") for number in range(FEW)]
    assert blocks_of(layers) == ()
    assert len(blocks_of([*layers, layer("conv2d_99")])) == FEW + 1


def test_without_names_a_convolution_takes_what_follows_it():
    layers = [layer(f"{kind}2d_{number}", kind) for number in range(12) for kind in ("conv", "bn", "relu")]
    blocks = blocks_of(layers)
    assert [(block.first, block.last) for block in partition(layers, blocks)] == [(3 * n, 3 * n + 2) for n in range(12)]
    assert {block.shown % 3 for block in blocks} == {2}


def test_names_that_all_begin_alike_are_told_apart_by_what_follows():
    layers = [layer(f"net/block{number}/{kind}", kind) for number in range(9) for kind in ("conv", "bn", "relu")]
    assert [block.title for block in blocks_of(layers)] == [f"block {number}" for number in range(9)]
    same = [layer(f"resnet_{kind}_{number}", kind) for number in range(10) for kind in ("conv", "bn", "relu")]
    assert len(blocks_of(same)) == 10, "one common word is no block"


@pytest.mark.parametrize("named", [True, False])
def test_many_blocks_are_grouped_into_stages(named):
    """By their names where these tell it, else by the size of the maps."""
    layers = []
    for stage, side in ((2, 56), (3, 28), (4, 14), (5, 7)):
        for number in range(1, 13):
            name = f"conv{stage}_block{number}" if named else f"block{12 * stage + number}"
            layers += [layer(f"{name}_{kind}", kind, side) for kind in ("conv", "bn", "relu")]
    blocks = blocks_of(layers)
    leaves = partition(layers, blocks)
    stages = [block for block in blocks if block.parent < 0]
    assert len(leaves) == 48
    assert len(stages) == 4
    assert len(stages) <= MOST
    assert [stage.label for stage in stages] == (["2", "3", "4", "5"] if named else [s.label for s in stages])
    first = [block for block in blocks if block.parent == 0]
    assert [block.label for block in first][:3] == (["1", "2", "3"] if named else ["25", "26", "27"])


def test_blocks_of_stages_are_numbered_twice():
    layers = [
        layer(f"conv{stage}_block{number}_{kind}", kind)
        for stage in (2, 3)
        for number in (1, 2, 3)
        for kind in ("conv", "bn", "relu", "add", "bn")
    ]
    assert [block.label for block in blocks_of(layers)] == ["2.1", "2.2", "2.3", "3.1", "3.2", "3.3"]


@pytest.mark.parametrize(("kind", "colour"), [("conv", "convolution"), ("bn", "normalisation"), ("relu", "activation")])
def test_the_colour_of_a_kind(kind, colour):
    assert kind_of(layer("x", kind)) == colour
    assert kind_of(Layer("x", "dense", "", (None, 4), 1)) == "dense"
    assert kind_of(Layer("x", "concat", "", (None, 4), 1)) == "other"


def test_layers_of_one_name_are_told_apart_by_their_kind():
    layers = [layer("conv1", "conv"), layer("conv1", "relu"), layer("scores", "conv")]
    assert labels_of(layers, ()) == ["conv1 convolution", "conv1 ReLU", "scores"]
