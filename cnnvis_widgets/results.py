"""The values that cross layers: frozen dataclasses of names, numbers and NumPy arrays.

Nothing here computes with a network, draws or writes. Axes are always in the order
(image, height, width, channel); a signal has one length instead of height and width, a volume has
(depth, height, width), and a dense layer has no spatial axis at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

FAMILIES = {"r": "activation functions", "p": "pooling", "c": "convolutions", "": "other layers"}
"""The short names of layer families that ``Network.select`` understands, and their titles."""


@dataclass(frozen=True)
class TensorInfo:
    """A named input or output of a network.

    ``name`` is the tensor's name without a trailing ``:0``; ``dtype`` its NumPy name; ``shape``
    has ``None`` where a size is free, and is ``None`` as a whole where even the rank is unknown.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Layer:
    """One named op of a network, with a floating-point output.

    Attributes:
        name: the op's name, unique in the network.
        kind: what it does: 'convolution', 'relu', 'max_pool', 'dense', 'softmax', 'add', ...
        family: 'r', 'p', 'c', or '' (see ``FAMILIES``).
        shape: of the output, batch first, ``None`` where free.
        channel_axis: where the channels are in ``shape`` (1 in NCHW graphs).
        keras_name: the Keras layer it belongs to, if the model came from Keras.
        tensor: the full tensor name, such as 'conv1/Relu:0'.
    """

    name: str
    kind: str
    family: str
    shape: tuple[int | None, ...]
    channel_axis: int
    keras_name: str | None = None
    tensor: str = ""

    @property
    def channels(self) -> int | None:
        """How many channels (feature maps, units of a dense layer) it has."""
        return self.shape[self.channel_axis]

    @property
    def spatial_shape(self) -> tuple[int | None, ...]:
        """(height, width) for images, (length,) for signals, () for dense layers."""
        return tuple(size for axis, size in enumerate(self.shape) if axis not in (0, self.channel_axis))

    @property
    def label(self) -> str:
        """One line for a menu: name, kind, and shape as 'height x width x channels'."""
        sizes = [*self.spatial_shape, self.channels]
        shape = " × ".join("?" if size is None else str(size) for size in sizes)
        return f"{self.name} · {self.kind.replace('_', ' ')} · {shape}"


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """The activations of one layer.

    ``values`` is float32 (images, height, width, channels), channels last even where the network
    keeps them first; (images, length, channels) for signals, (images, depth, height, width,
    channels) for volumes, (images, units) for dense layers.
    """

    layer: Layer
    values: np.ndarray

    @property
    def strengths(self) -> np.ndarray:
        """The largest activation of every map, float32 (images, channels)."""
        spatial = tuple(range(1, self.values.ndim - 1))
        return self.values.max(axis=spatial) if spatial else self.values


@dataclass(frozen=True)
class OpCoverage:
    """How the ops of one kind between image and layer were treated under a rule.

    ``treatment`` is 'rule' (the rule's own backward pass), 'exact' (the true gradient is what the
    rule prescribes), 'identity' (skipped on the way down), 'removed' (a softmax at the end), or
    'unruled' (a non-linearity that the rule does not know; its true gradient was used).
    """

    kind: str
    count: int
    treatment: str


@dataclass(frozen=True)
class Coverage:
    """Which ops obeyed the rule, for one layer of one network."""

    rule: str
    ops: tuple[OpCoverage, ...]

    @property
    def complete(self) -> bool:
        """Whether the rule is the published method for every op on the way."""
        return all(op.treatment != "unruled" for op in self.ops)

    def __str__(self) -> str:
        return f"{self.rule}: " + ", ".join(f"{op.count} {op.kind} {op.treatment}" for op in self.ops)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What in the image made the channels of a layer fire, projected back to pixels.

    Attributes:
        layer: the layer that was projected.
        images: float32 (images, channels, height, width, input channels), unnormalised: signed,
            in the units of the gradient times the seed.
        channels: the channel shown at each index of the second axis of ``images``.
        rule: 'deconvnet', 'guided' or 'gradient'.
        seed: 'strongest', 'map', 'ones', or the unit's coordinates.
        units: int (images, channels, spatial axes): where the seeded unit lies, or -1 where the
            seed is a whole map.
        seed_values: float32 (images, channels): the activation at that unit (for a whole map,
            its largest); zero tells a dead map, whose picture is zero everywhere.
        coverage: which ops obeyed the rule.
        precision: of the signals that went backwards: 'float32', 'bfloat16', or another type that the network has.
        precision_reason: why that precision: 'as asked for', or what was measured for 'auto'.
        strategy: how signals went backwards: 'patch pullback' (the fastest), 'batched pullback', or 'tiled gradients'
            (the slowest, by TensorFlow's own gradient). Pictures are the same up to rounding.
        strategy_reason: why no faster strategy was possible, for instance an op whose pullback is not known; '' if
            this is the fastest.
    """

    layer: Layer
    images: np.ndarray
    channels: tuple[int, ...]
    rule: str
    seed: str | tuple[int, ...]
    units: np.ndarray
    seed_values: np.ndarray
    coverage: Coverage
    precision: str = "float32"
    precision_reason: str = "as asked for"
    strategy: str = "batched pullback"
    strategy_reason: str = ""

    def __repr__(self) -> str:
        count, images = len(self.channels), len(self.images)
        slower = f", {self.strategy} ({self.strategy_reason})" if self.strategy_reason else ""
        return (
            f"<Reconstruction: {count} channels of {self.layer.name!r}, {images} images, seed {self.seed!r}, "
            f"{self.precision} ({self.precision_reason}){slower}; {self.coverage}>"
        )


@dataclass(frozen=True, eq=False)
class DreamStep:
    """One step of a deep dream.

    Attributes:
        layer: the layer whose score rises; the logits in place of a softmax.
        softmax_removed: whether that replacement took place.
        channels: the channel (or class) of each picture.
        names: the class names of ``channels``, or the channel numbers as text.
        images: float32 (channels, height, width, input channels), in the range of the input.
        scores: float32 (channels,): the mean activation of the channel, or the logit, *before*
            this step's move, so that the first step shows the score of the start.
        octave, octaves: the number of the current size, counted from 0, and how many sizes there are.
        index, total: which step this is, counted from 0 over all octaves, and how many there are.
        value_range: (low, high) of the input, float32 scalars or one per input channel.
        seconds: computing time since the dream began, without what its consumer took in between.
        recipe: how the dream was made, as JSON has it, for ``outputs.provenance``.
        dreamt: ``images`` before they were mixed with the photo, from which a run goes on; ``None`` where
            nothing was mixed.
    """

    layer: Layer
    softmax_removed: bool
    channels: tuple[int, ...]
    names: tuple[str, ...]
    images: np.ndarray
    scores: np.ndarray
    octave: int
    octaves: int
    index: int
    total: int
    value_range: tuple[np.ndarray, np.ndarray]
    seconds: float = 0.0
    recipe: Mapping[str, Any] | None = None
    dreamt: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each part of the images speaks for a class.

    Attributes:
        method: 'grad_cam', 'guided_grad_cam', 'integrated_gradients', 'smooth_grad' or 'occlusion'.
        layer: whose channels are explained, mostly the logits.
        softmax_removed: whether a softmax of the network follows ``layer``: its probabilities are
            not what is explained, since each of them depends on all classes.
        targets: the channel (or class) at each index of the second axis of ``images``.
        names: the class names of ``targets``, or the channel numbers as text.
        images: float32 (images, targets, height, width) for Grad-CAM and occlusion, (images,
            targets, height, width, input channels) for the others; positive speaks for the class.
            In units of the score for integrated gradients and occlusion, of the score per unit of
            the input for SmoothGrad; Grad-CAM has no scale that means anything.
        scores: float32 (images, targets): what the network gives to the images.
        maps: the feature maps that Grad-CAM weighs, else ``None``.
        completeness_error: float32 (images, targets), integrated gradients only, else ``None``: the
            score of the image, less that of the baseline, less the sum of the picture. Zero for
            infinitely many steps.
        coverage: which ops obeyed the rule, where one was used for the picture, else ``None``.
        index, total: which step this is, counted from 0, and how many there are.
    """

    method: str
    layer: Layer
    softmax_removed: bool
    targets: tuple[int, ...]
    names: tuple[str, ...]
    images: np.ndarray
    scores: np.ndarray
    maps: Layer | None = None
    completeness_error: np.ndarray | None = None
    coverage: Coverage | None = None
    index: int = 0
    total: int = 1


@dataclass(frozen=True, eq=False)
class Occlusion:
    """What the network says while a square hides one part of the image after another.

    What has not been tried yet is NaN, or -1 in ``best``. A *place* is one position of the square;
    places have as many axes as the image has spatial ones.

    Attributes:
        attribution: ``images`` are (images, targets, height, width): by how much the score falls
            when a pixel is hidden, the mean over all squares that cover it.
        size: of the square, in pixels (height, width).
        corners: for each spatial axis the first pixel of the square at every place, int.
        scores: float32 (images, targets, rows, columns of places).
        probabilities: the same after the network's softmax, or ``None`` where it has none.
        best: int (images, rows, columns): the channel with the highest score.
        maps: the layer whose strongest map is followed, or ``None`` where no layer has places.
        map_channels: int (images,): which map: the one with the largest activation in the image as
            it is; empty without ``maps``.
        map_totals: float32 (images, rows, columns): the sum over that map; NaN without ``maps``.
        index, total: which step this is, counted from 0, and how many there are.
    """

    attribution: Attribution
    size: tuple[int, ...]
    corners: tuple[np.ndarray, ...]
    scores: np.ndarray
    probabilities: np.ndarray | None
    best: np.ndarray
    maps: Layer | None
    map_channels: np.ndarray
    map_totals: np.ndarray
    index: int
    total: int


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Whether the pictures of a rule depend on the class that is asked about.

    Both numbers are correlations (-1 to 1) with the picture of the class, over all values of
    the picture; NaN where a picture is the same everywhere. Near 1 the picture shows the image, not
    the class.

    Attributes:
        rule: 'deconvnet', 'guided' or 'gradient'.
        layer: the class scores that the pictures start from.
        classes: int (images, 2): the class, by default the best one, and the best other one, its rival.
        rival: float32 (images,): with the picture of the rival.
        randomised: float32 (images,): with the picture of the class after the weights of the top layer have been
            shuffled.
    """

    rule: str
    layer: Layer
    classes: np.ndarray
    rival: np.ndarray
    randomised: np.ndarray


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a network says of images.

    Attributes:
        layer: the class scores.
        names: of all classes, or their numbers as text.
        scores: float32 (images, classes).
        probabilities: float32 (images, classes): the softmax of the scores.
        softmax_in_network: whether the network ends in that softmax itself; else it was added here.
    """

    layer: Layer
    names: tuple[str, ...]
    scores: np.ndarray
    probabilities: np.ndarray
    softmax_in_network: bool

    def top(self, count: int = 5, image: int = 0) -> list[tuple[int, str, float]]:
        """The most probable classes of an image, best first: number, name and probability."""
        best = np.argsort(-self.scores[image], kind="stable")[:count]
        return [(int(each), self.names[each], float(self.probabilities[image, each])) for each in best]


@dataclass(frozen=True, eq=False)
class Intervention:
    """What a network says without and with a change to the channels of ``layer``."""

    layer: Layer
    before: Predictions
    after: Predictions


@dataclass(frozen=True, eq=False)
class Occluded:
    """What a network says without and with one part of an image hidden.

    Attributes:
        box: (left, top, width, height) that is hidden, in pixels.
        before, after: the classes.
        maps: the layer whose strongest map is followed, or ``None`` where no layer has places.
        channel: which map: the one with the largest activation in the image as it is.
        map_before, map_after: float32 (height, width), that map.
    """

    box: tuple[int, int, int, int]
    before: Predictions
    after: Predictions
    maps: Layer | None
    channel: int | None
    map_before: np.ndarray | None
    map_after: np.ndarray | None
