"""Layers grouped into blocks, by their names and by what they do, so that a strip has room for all of them.

People name what belongs together alike: 'block5_expand', 'block5_expand_bn' and 'block5_expand_relu' are one block.
Where names tell nothing ('conv2d_17'), a convolution and what follows it up to the next one are a block. Networks of a
few layers have no blocks; where there are more blocks than a row can hold, blocks are grouped once more, into stages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby

from ...results import Layer

FEW = 24
"""Up to so many layers stand in the row one by one."""
MOST = 25
"""Up to so many blocks stand in the row; of more, stages are made."""

_WORDS = (
    "block|stage|layer|unit|cell|module|mixed|bottleneck|residual|fire|inverted|expanded_conv|encoder|decoder|features|"
    "level|group|down|up|enc|dec|res|stack|inception|transition"
)
_NUMBERED = re.compile(rf"^(.*?(?:{_WORDS})[a-z]*[_.\-/]*\d+[a-z]?)(?=[_.\-/]|$)", re.IGNORECASE)
_STAGE = re.compile(rf"^(.*?\d+[a-z]?)[_.\-/]+(?:{_WORDS})[a-z]*[_.\-/]*\d+[a-z]?$", re.IGNORECASE)
_FIRST_WORD = re.compile(r"^([a-z]+\d*)(?=[_.\-/])", re.IGNORECASE)
_GENERIC = re.compile(
    r"^(conv\d?d?|batch|activation|re|relu\d?|max|average|global|dense|add|dropout|flatten|input|separable|depthwise|bn|pool"
    r"|concatenate|p|leaky|zero|lambda|tf|functional|model|sequential|elu|gelu|softmax|layer|multi|lstm|gru|bidirectional"
    r"|time|simple|embedding|reshape|permute|upsampling|upsampling\d?d?|conv\d?d?transpose|stateful|partitionedcall)\d*$",
    re.IGNORECASE,
)
_CONVOLVING = ("convolution", "dense", "product")


@dataclass(frozen=True)
class Block:
    """Neighbouring layers that a strip shows as one while they are folded.

    Attributes:
        title: 'block 5', 'stem'.
        label: short enough to stand below a thumbnail: '5'.
        first, last: the numbers of the first and the last layer.
        shown: the number of the layer that stands for the block: its last activation function, else its last
            convolution, else its last layer.
        parent: the number of the block that this one belongs to, or -1.
        key: what the names of its layers have in common.
    """

    title: str
    label: str
    first: int
    last: int
    shown: int
    parent: int = -1
    key: str = ""


def blocks_of(layers: Sequence[Layer]) -> tuple[Block, ...]:
    """Group layers into blocks.

    Args:
        layers: in order of computation.

    Returns:
        The blocks in order, each with its layers side by side; a stage stands before the blocks that belong to it. No
        blocks for a network of a few layers.

    Example:
        >>> shape = (None, 8, 8, 4)
        >>> names = [f"block{number}_{part}" for number in range(9) for part in ("conv", "bn", "relu")]
        >>> layers = [Layer(name, "relu", "r", shape, 3) for name in names]
        >>> [block.title for block in blocks_of(layers)][:2], blocks_of(layers[:5])
        (['block 0', 'block 1'], ())
    """
    if len(layers) <= FEW:
        return ()
    names = _told_apart([layer.keras_name or layer.name for layer in layers])
    keys = [_key(name) for name in names]
    runs = _runs(keys, layers)
    if len(runs) < 3:  # everything has one name
        runs = _runs([""] * len(layers), layers)
    blocks = [_block(layers, names, first, last, keys) for first, last in runs]
    return tuple(_labelled(blocks) if len(blocks) <= MOST else _in_stages(layers, _labelled(blocks)))


def _told_apart(names: Sequence[str]) -> list[str]:
    """Names without the leading parts that all of them share."""
    parts = [name.split("/") for name in names]
    while all(len(each) > 1 for each in parts) and len({each[0] for each in parts}) == 1:
        parts = [each[1:] for each in parts]
    return ["/".join(each) for each in parts]


def _key(name: str) -> str:
    """What the names of a block share; '' where a name tells nothing."""
    if numbered := _NUMBERED.match(name):
        return numbered[1]
    word = _FIRST_WORD.match(name)
    return "" if word is None or _GENERIC.match(word[1]) else word[1]


def _runs(keys: Sequence[str], layers: Sequence[Layer]) -> list[tuple[int, int]]:
    """The first and the last layer of each block."""
    starts = []
    for number, (key, layer) in enumerate(zip(keys, layers, strict=True)):
        begins = number == 0 or key != keys[number - 1]
        if not key and not begins:  # a convolution takes what follows it along
            begins = layer.family == "c" or any(word in layer.kind for word in _CONVOLVING)
        if begins:
            starts.append(number)
    return [(first, after - 1) for first, after in zip(starts, [*starts[1:], len(layers)], strict=True)]


def _block(layers: Sequence[Layer], names: Sequence[str], first: int, last: int, keys: Sequence[str]) -> Block:
    title = _title(keys[first] or _own_name(names[first])) or layers[first].kind.replace("_", " ")
    if first == last and layers[first].family == "p":
        title = "pool"
    return Block(title, title, first, last, _shown(layers, first, last), key=keys[first])


def _own_name(name: str) -> str:
    """The part of a layer's name that a block without a common name is called by: 'conv 17' of 'conv2d_17'."""
    name = name.split("/", maxsplit=1)[0]
    numbered = re.fullmatch(r"([A-Za-z]+?)(?:\d?d)?_(\d+)", name)
    return f"{numbered[1]} {numbered[2]}" if numbered else re.split(r"[_.\-]", name)[0]


def _title(name: str) -> str:
    """'block5' and 'conv2_block1' as people write them: 'block 5', 'conv 2 block 1'."""
    return re.sub(r"[_\-./]+", " ", re.sub(r"(?<=[A-Za-z])(?=\d)", " ", name)).strip()


def _shown(layers: Sequence[Layer], first: int, last: int) -> int:
    """The layer that stands for a block."""
    kinds: tuple[Callable[[Layer], bool], ...] = (
        lambda layer: layer.family == "r" and bool(layer.spatial_shape),
        lambda layer: layer.family == "c",
        lambda layer: bool(layer.spatial_shape),
        lambda layer: True,
    )
    numbers = range(last, first - 1, -1)
    return next(number for fits in kinds for number in numbers if fits(layers[number]))


def _labelled(blocks: Sequence[Block]) -> list[Block]:
    """Blocks whose titles differ in numbers alone are labelled with these: '5', and '2.1' for 'conv 2 block 1'."""
    patterns = [re.sub(r"\d+", "#", block.title) for block in blocks]
    numbers = [re.findall(r"\d+", block.title) for block in blocks]
    labels = []
    for block, pattern, own in zip(blocks, patterns, numbers, strict=True):
        alike = [other for other, its in zip(numbers, patterns, strict=True) if its == pattern]
        differing = [number for place, number in enumerate(own) if len({other[place] for other in alike}) > 1]
        labels.append(".".join(differing) if len(alike) > 2 and differing else block.title)
    return [replace(block, label=label) for block, label in zip(blocks, labels, strict=True)]


def _in_stages(layers: Sequence[Layer], blocks: Sequence[Block]) -> list[Block]:
    """Blocks and the stages that they belong to, each stage before its blocks."""
    named = [found[1] if (found := _STAGE.match(block.key)) else "" for block in blocks]
    sizes = [str(layers[block.shown].spatial_shape) for block in blocks]
    wanted = [name or size for name, size in zip(named, sizes, strict=True)]
    runs = [[number for number, _ in run] for _, run in groupby(enumerate(wanted), key=lambda pair: pair[1])]
    while len(runs) > MOST:  # neighbours, two by two
        runs = [list(chain(*runs[first : first + 2])) for first in range(0, len(runs), 2)]
    stages = [_stage(layers, blocks, run, wanted[run[0]] if named[run[0]] else "") for run in runs]
    result: list[Block] = []
    for stage, run in zip(_labelled(stages), runs, strict=True):
        members = _labelled([blocks[number] for number in run])
        if len(run) == 1:
            result.append(blocks[run[0]])
            continue
        parent = len(result)
        result.append(stage)
        result += [replace(block, parent=parent) for block in members]
    return result


def _stage(layers: Sequence[Layer], blocks: Sequence[Block], run: Sequence[int], name: str) -> Block:
    first, last = blocks[run[0]], blocks[run[-1]]
    title = _title(name)
    title = title or (first.title if first.title == last.title else f"{first.title} – {last.title}")
    return Block(title, title, first.first, last.last, _shown(layers, first.first, last.last))
