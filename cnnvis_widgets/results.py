"""The results of all methods: frozen dataclasses of names, numbers and NumPy arrays.

Nothing here runs a network, draws or writes. Axes are always in the order
(image, height, width, channel); a signal has one length instead of height and width, a volume has
(depth, height, width), and a dense layer has no spatial axis at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FAMILIES = {"r": "activation functions", "p": "pooling", "c": "convolutions", "": "other layers"}
"""The short names of layer families that ``Network.select`` takes, and their titles."""


@dataclass(frozen=True)
class TensorInfo:
    """A named input or output of a network.

    ``name`` is the tensor's name without a trailing ``:0``; ``dtype`` its NumPy name; ``shape``
    has ``None`` where a size is free, and is ``None`` itself if even the rank is unknown.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Layer:
    """One named op of a network, with a floating-point output.

    Attributes:
        name: the op's name, unique in the network.
        kind: 'convolution', 'relu', 'max_pool', 'dense', 'softmax', 'add', ...
        family: 'r', 'p', 'c', or '' (see ``FAMILIES``).
        shape: of the output, batch first, ``None`` where free.
        channel_axis: the axis of the channels in ``shape`` (1 in NCHW graphs).
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
        """The number of channels: of feature maps, or of values of a dense layer."""
        return self.shape[self.channel_axis]

    @property
    def spatial_shape(self) -> tuple[int | None, ...]:
        """(height, width) for images, (length,) for signals, () for dense layers."""
        return tuple(size for axis, size in enumerate(self.shape) if axis not in (0, self.channel_axis))

    @property
    def label(self) -> str:
        """A line for a menu: name, kind, and shape as 'height x width x channels'."""
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

    Attributes:
        kind: what people call the op, such as 'relu' or 'square root'; for unknown ops the type, such as 'Igamma'.
        count: how many there are.
        treatment: 'rule' (the rule's own backward pass), 'exact' (the rule prescribes the true gradient), 'identity'
            (the signal passes as it is), 'removed' (a softmax at the end), 'unruled' (an op that is not linear, or a
            product of two tensors that depend on the image; the rule does not say what to do, and the true gradient
            was used), 'unknown' (nothing is known of the op; TensorFlow's own gradient was used), or 'lost' (the author
            of the model gave the op a gradient of its own, which is not known; that of its forward ops was used).
    """

    kind: str
    count: int
    treatment: str

    @property
    def covered(self) -> bool:
        """Whether the rule says what to do with these ops, and that was done."""
        return self.treatment not in ("unruled", "unknown", "lost")


@dataclass(frozen=True)
class Coverage:
    """The ops between the image and one layer, and how they were treated under a rule.

    Attributes:
        rule: its name.
        ops: by kind and treatment.
        reason: why this rule was chosen for ``rule='auto'``; '' if it was asked for.
    """

    rule: str
    ops: tuple[OpCoverage, ...]
    reason: str = ""

    @property
    def complete(self) -> bool:
        """Whether every op obeyed the published rule."""
        return all(op.covered for op in self.ops)

    def __str__(self) -> str:
        rule = f"{self.rule} ({self.reason})" if self.reason else self.rule
        return f"{rule}: " + ", ".join(f"{op.count} {op.kind} {op.treatment}" for op in self.ops)


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What in the image made the channels of a layer fire, projected back to pixels.

    Attributes:
        layer: the layer that was projected.
        images: float32 (images, channels, height, width, input channels), unnormalised: signed,
            in the units of the gradient times the seed.
        channels: the channel shown at each index of the second axis of ``images``.
        rule: the rule that was used: 'deconvnet', 'guided', 'gradient' or one of your own; never 'auto'.
        seed: 'strongest', 'map', 'ones', or the unit's coordinates.
        units: int (images, channels, spatial axes): where the seeded unit lies, or -1 where the
            seed is a whole map.
        seed_values: float32 (images, channels): the activation at that unit (for a whole map,
            its largest). Zero means a dead map, whose picture is zero everywhere. Of several units at the ceiling of a
            ReLU6 or another clipped ReLU, the one with the largest value before the clip is the strongest.
        coverage: which ops obeyed the rule.
        precision: of the signals that went backwards: 'float32', 'bfloat16', or another type that the network has.
        precision_reason: why that precision: 'as asked for', or what was measured for 'auto'.
        strategy: how signals went backwards: 'patch pullback' (the fastest), 'batched pullback', or 'tiled gradients'
            (the slowest, by TensorFlow's own gradient). Pictures are the same up to rounding.
        strategy_reason: why no faster strategy was possible, for instance an op whose pullback is not known; '' if
            this is the fastest.
        notes: (images, channels): why a picture is zero everywhere, such as 'gradient is zero: the unit is saturated'
            or 'fires most where its input is zero: nothing to project'; '' where there is something to see.
        next_units: (images, channels): for an empty picture of the seed 'strongest', the coordinates of the next unit
            of its channel that has something to show, which ``notes`` name, too; () where there is none.
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
    notes: tuple[tuple[str, ...], ...] = ()
    next_units: tuple[tuple[tuple[int, ...], ...], ...] = ()

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
        activation_removed: 'softmax' or 'sigmoid' (see ``Head``) where that replacement took place, else ''.
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
        dreamt: ``images`` before they were mixed with the photo; the next step starts from them. ``None`` if nothing
            was mixed.
        notes: what to know of each picture, such as that noise was made louder because a channel was off, or, in the
            last step, that the score has not risen; '' where there is nothing to tell.
    """

    layer: Layer
    activation_removed: str
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
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Attribution:
    """How much each part of the images speaks for a class.

    Attributes:
        method: the name of its row in ``methods.METHODS``.
        layer: the layer whose channels are the targets, mostly the logits.
        activation_removed: the activation between ``layer`` and the output, such as 'softmax', or '' for none. The
            picture explains the score and not the probability, which saturates.
        targets: the channel (or class) at each index of the second axis of ``images``; -1 where the surest class of
            each image was asked for and images differ.
        names: of ``targets``: class names, or 'class 3', with the place or region that was asked for.
        images: float32 (images, targets, height, width), or (images, targets, height, width, input channels) where
            the row of the method is ``per_channel``; positive speaks for the class. The docstring of the method's
            function says in which unit.
        scores: float32 (images, targets): the scores of the images.
        maps: the layer of the feature maps that Grad-CAM weighs, else ``None``.
        completeness_error: float32 (images, targets), integrated gradients only, else ``None``: the
            score of the image, less that of the baseline, less the sum of the picture. Zero for
            infinitely many steps.
        points: int (images, targets), integrated gradients only, else ``None``: how many gradients each picture took.
        coverage: which ops obeyed the rule, if the method uses one, else ``None``.
        index, total: which step this is, counted from 0, and how many there are.
        channels: int (images, targets): the channel of each image.
        head: whose classes the targets are.
        place_weights: float32 (targets, places): by how much each place of the head counts; each row adds up to 1.
        places: where in the head, for each target, such as 'at 3, 5' for one pixel and 'in 0, 0, 4, 4' for a region
            (top, left, height, width); '' for the mean over all places.
        notes: (images, targets), Grad-CAM and its relatives only, else (): why a map is zero everywhere, such as
            'gradient is zero: the score is saturated or off'; '' where there is something to see.
    """

    method: str
    layer: Layer
    activation_removed: str
    targets: tuple[int, ...]
    names: tuple[str, ...]
    images: np.ndarray
    scores: np.ndarray
    maps: Layer | None = None
    completeness_error: np.ndarray | None = None
    points: np.ndarray | None = None
    coverage: Coverage | None = None
    index: int = 0
    total: int = 1
    channels: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int32))
    head: Head | None = None
    place_weights: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    places: tuple[str, ...] = ()
    notes: tuple[tuple[str, ...], ...] = ()

    @property
    def completeness_gap(self) -> np.ndarray | None:
        """The size of ``completeness_error`` as a part of the difference of the two scores, float32 (images, targets).

        Infinite where the scores are equal and the error is not zero. The paper of integrated gradients asks for 0.05
        at most.
        """
        if self.completeness_error is None:
            return None
        sums = self.images.sum(axis=tuple(range(2, self.images.ndim)), dtype=np.float64)
        error, difference = np.abs(self.completeness_error), np.abs(sums + self.completeness_error)
        never = np.where(error > 0, np.inf, 0.0)
        return np.divide(error, difference, out=never, where=difference > 0).astype(np.float32)


@dataclass(frozen=True, eq=False)
class AttentionMaps:
    """Where a token of a transformer attends to, in one attention or through all of them.

    Attributes:
        method: the name of its row in ``methods.METHODS``.
        layer: the attention; of several the last one.
        layers: the names of the attentions.
        query: the token that attends: a place (row, column) of its grid, the number of a token without a place (0 is
            the class token), or 'mean' over all tokens.
        weights: float32 (images, heads, height, width): how much each head attends to each place; one head where
            the method joins them.
        others: float32 (images, heads, tokens): to the tokens without a place, such as the class token.
        queries: the grid of the tokens that attend: (height, width).
        target, name: the class, label or value that the relevance is for, and its name; -1 where the surest one was
            asked for and images differ. ``None`` and '' for methods without a class.
        scores: float32 (images,): the scores of that class; ``None`` for methods without a class.
        explains: the layer whose channel is the target, mostly the logits; ``None`` for methods without a class.
    """

    method: str
    layer: Layer
    layers: tuple[str, ...]
    query: str | int | tuple[int, ...]
    weights: np.ndarray
    others: np.ndarray
    queries: tuple[int, ...]
    target: int | None = None
    name: str = ""
    scores: np.ndarray | None = None
    explains: Layer | None = None

    @property
    def mean(self) -> np.ndarray:
        """The mean over heads, float32 (images, height, width)."""
        return self.weights.mean(axis=1)

    @property
    def query_title(self) -> str:
        """The query for people."""
        if isinstance(self.query, tuple):
            return f"token {', '.join(map(str, self.query))}"
        if self.query == "mean":
            return "mean over all tokens"
        return "class token" if self.query == 0 and self.others.shape[-1] == 1 else f"extra token {self.query}"


@dataclass(frozen=True, eq=False)
class Occlusion:
    """The predictions while a square hides one part of the image after another.

    A value that is not computed yet is NaN, or -1 in ``best``. A *place* is one position of the square; places have as
    many axes as the image has spatial ones.

    Attributes:
        attribution: its ``images`` are (images, targets, height, width): the fall of the score when a pixel is
            hidden, averaged over all squares that cover it.
        size: of the square, in pixels (height, width).
        corners: for each spatial axis the first pixel of the square at every place, int.
        scores: float32 (images, targets, rows, columns of places).
        probabilities: the same after the network's softmax; ``None`` if it has none.
        best: int (images, rows, columns): the channel with the highest score.
        maps: the layer whose strongest map is followed, or ``None`` if no layer has maps of several places.
        map_channels: int (images,): the map with the largest activation in the whole image; empty without ``maps``.
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
class PerturbationCurve:
    """What the network says while pixels are removed from an image, or inserted, in the order of an attribution.

    Attributes:
        kind: 'deletion' or 'insertion'.
        method: of the attribution whose order was taken.
        names: of the targets.
        baseline: what stands where pixels are missing, in words.
        quantity: what ``values`` are: 'probability', or 'score' for a head of values.
        fractions: float32 (points,): the parts of the pixels that were removed or inserted, from 0 to 1.
        values: float32 (images, targets, points); NaN where it is not computed yet.
        index, total: which step this is, counted from 0, and how many there are.
    """

    kind: str
    method: str
    names: tuple[str, ...]
    baseline: str
    quantity: str
    fractions: np.ndarray
    values: np.ndarray
    index: int = 0
    total: int = 1

    @property
    def areas(self) -> np.ndarray:
        """float32 (images, targets): the area under each curve (trapezoids); NaN where a value is missing.

        The smaller the area of a deletion and the larger that of an insertion, the better the attribution tells which
        pixels the network uses.
        """
        means = (self.values[..., 1:] + self.values[..., :-1]) / 2
        return (means * np.diff(self.fractions)).sum(axis=-1).astype(np.float32)


@dataclass(frozen=True, eq=False)
class AverageDrop:
    """How the probability changes when only what an attribution points at stays visible.

    Attributes:
        method: of the attribution.
        names: of the targets.
        before, after: float32 (images, targets): the probability of the target for the whole image, and for the image
            times the attribution.
    """

    method: str
    names: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray

    @property
    def drops(self) -> np.ndarray:
        """float32 (images, targets): the part of the probability that is lost, 0 to 1; 0 where it rises."""
        lost = np.maximum(self.before - self.after, 0)
        return np.divide(lost, self.before, out=np.zeros_like(lost), where=self.before > 0)

    @property
    def average_drop(self) -> np.ndarray:
        """float32 (targets,): the mean of ``drops`` over the images, in percent. Smaller is better."""
        return 100 * self.drops.mean(axis=0)

    @property
    def increase(self) -> np.ndarray:
        """float32 (targets,): for how many images the probability rises, in percent. Larger is better."""
        return (100 * (self.after > self.before).mean(axis=0)).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Whether the picture of a class depends on the class, under one rule.

    Both numbers are correlations (-1 to 1) of two pictures over all their values; NaN if a picture is constant. A
    correlation near 1 means that the picture shows the image, not the class.

    Attributes:
        rule: 'deconvnet', 'guided' or 'gradient'.
        layer: the class scores where the pictures start.
        classes: int (images, 2): the class, by default the best one, and the best other one, its rival.
        rival: float32 (images,): the pictures of the class and of its rival.
        randomised: float32 (images,): the pictures of the class before and after the weights of the top layer are
            shuffled.
    """

    rule: str
    layer: Layer
    classes: np.ndarray
    rival: np.ndarray
    randomised: np.ndarray


MEANINGS = ("classes", "labels", "yes or no", "values")
"""What a head can mean; see ``Head``."""


@dataclass(frozen=True)
class Head:
    """One output of a network, and what it means.

    A head whose output has places, such as the pixels of a segmentation or the anchors of a detector, says the same
    for each place.

    Attributes:
        name: of the output.
        meaning: 'classes' (a softmax: exactly one of several), 'labels' (a sigmoid each: any number of them),
            'yes or no' (one sigmoid: two classes), or 'values' (regression, embeddings, boxes: numbers as they are).
        output: the layer that the network returns.
        scores: the layer before the activation that saturates, which methods explain; ``output`` where there is none.
        activation: 'softmax', 'log_softmax', 'sigmoid', 'hard_sigmoid', or '' for none.
        activated: the full name of the tensor behind that activation; ops after it only rearrange its values.
        names: of the classes, or ``None``.
    """

    name: str
    meaning: str
    output: Layer
    scores: Layer
    activation: str = ""
    activated: str = ""
    names: tuple[str, ...] | None = None

    @property
    def classes(self) -> int | None:
        """How many classes, labels or values there are, of each place; two of 'yes or no'."""
        return 2 if self.meaning == "yes or no" else self.output.channels

    @property
    def is_map(self) -> bool:
        """Whether the output has places."""
        return bool(self.output.spatial_shape)

    def title(self, number: int) -> str:
        """The name of a class, or what to call it without one: 'class 3', 'label 3', 'value 3', 'no' or 'yes'."""
        if self.names is not None and number < len(self.names):
            return self.names[number]
        if self.meaning == "yes or no":
            return ("no", "yes")[number]
        kind = {"classes": "class", "labels": "label"}.get(self.meaning, "value")
        return f"{kind} {number}"


@dataclass(frozen=True)
class Target:
    """A number of a head that a person asks about.

    Attributes:
        channel: the class, label or value: its number or name; ``None`` for the one that the network is surest of.
        place: of a head with places: one pixel (y, x), or one anchor (number,).
        region: of a map with height and width: (top, left, height, width), over which the mean is taken.

    Without ``place`` and ``region`` the mean over all places is meant. Both count in units of the head's output.

    Example:
        >>> Target("cat", place=(3, 5))
        Target(channel='cat', place=(3, 5), region=None)
    """

    channel: int | str | None = None
    place: tuple[int, ...] | None = None
    region: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one head of a network tells of images.

    Attributes:
        head: the head.
        names: of its classes, labels or values: 'class 3' where they have none.
        scores: float32 (images, classes): before the activation that saturates; means over the places of a map.
        probabilities: float32 (images, classes), means over the places of a map; ``None`` for a head of values.
        values: float32 (images, ..., channels): the output as the network returns it, channels last. ``None`` in the
            predictions of changed images.
    """

    head: Head
    names: tuple[str, ...]
    scores: np.ndarray
    probabilities: np.ndarray | None
    values: np.ndarray | None = None

    @property
    def layer(self) -> Layer:
        """The layer of the scores."""
        return self.head.scores

    @property
    def softmax_in_network(self) -> bool:
        """Whether the probabilities are those of a softmax in the network."""
        return self.head.activation.endswith("softmax")

    @property
    def amounts(self) -> np.ndarray:
        """float32 (images, classes): what people read of each class, the probability or else the value."""
        return self.scores if self.probabilities is None else self.probabilities

    def top(self, count: int = 5, image: int = 0) -> list[tuple[int, str, float]]:
        """The classes that a head is surest of: number, name and probability. Of values, those furthest from 0."""
        if self.probabilities is None:
            sureness = np.abs(self.scores)
        else:
            sureness = self.probabilities if self.head.is_map else self.scores  # probabilities near 1 may be equal
        best = np.argsort(-sureness[image], kind="stable")[:count]
        return [(int(number), self.names[number], float(self.amounts[image, number])) for number in best]


@dataclass(frozen=True, eq=False)
class WallTile:
    """One method on a method wall.

    Attributes:
        method: its name.
        attribution: of one image for one class; ``None`` if the method does not apply.
        seconds: how long the method took.
        deletion: the curve of the image while pixels are removed, the most important ones first; its area is small for
            a good attribution.
        insertion: the curve while they are put into the blurred image; its area is large for a good attribution.
            ``None`` for a flat input, which cannot be blurred.
        sensitivity: the correlation (-1 to 1) of the picture with that of the best other class; NaN where there is no
            other class, or a picture is constant. Near 1 the picture hardly depends on the class.
        refusal: why the method does not apply, or ''.
    """

    method: str
    attribution: Attribution | None = None
    seconds: float = 0.0
    deletion: PerturbationCurve | None = None
    insertion: PerturbationCurve | None = None
    sensitivity: float = float("nan")
    refusal: str = ""


@dataclass(frozen=True, eq=False)
class MethodWall:
    """One class of one image by several attribution methods, side by side.

    Attributes:
        head: whose class it is.
        name: of the class, with the place or region that was asked for.
        classes: int (2,): the class and the best other one, its rival; -1 where there is no other class.
        tiles: one for each method, in order; those that are not finished are missing.
        random: the curves of deletion and insertion for single pixels in random order, with which those of methods can
            be compared, as far as they are known.
        image: float32 (height, width, channels), as fed.
        value_range: (low, high) of the input, float32 scalars or one per input channel.
        index, total: which method is at work, counted from 0, and how many there are.
    """

    head: Head
    name: str
    classes: np.ndarray
    tiles: tuple[WallTile, ...]
    random: tuple[PerturbationCurve, ...]
    image: np.ndarray
    value_range: tuple[np.ndarray, np.ndarray]
    index: int = 0
    total: int = 1


@dataclass(frozen=True, eq=False)
class Intervention:
    """The predictions before and after a change to channels of ``layer``."""

    layer: Layer
    before: Predictions
    after: Predictions


@dataclass(frozen=True, eq=False)
class Occluded:
    """The predictions before and after one part of an image is hidden.

    Attributes:
        box: the hidden part: (left, top, width, height) in pixels.
        before, after: the predictions.
        maps: the layer whose strongest map is followed, or ``None`` if no layer has maps of several places.
        channel: the map with the largest activation in the whole image.
        map_before, map_after: float32 (height, width), that map.
    """

    box: tuple[int, int, int, int]
    before: Predictions
    after: Predictions
    maps: Layer | None
    channel: int | None
    map_before: np.ndarray | None
    map_after: np.ndarray | None


@dataclass(frozen=True)
class Unread:
    """An image of a data set that could not be read, and why."""

    key: str
    reason: str


@dataclass(frozen=True, eq=False)
class StreamedBatch:
    """The activations of a few images of a data set.

    Attributes:
        keys: name the images: the paths of files, or numbers.
        labels: of the images, as text; ``None`` where there is none.
        layers: the layers that were asked for.
        values: one array for each layer, images in front.
        unread: the images before these that could not be read.
    """

    keys: tuple[str, ...]
    labels: tuple[str | None, ...]
    layers: tuple[Layer, ...]
    values: tuple[np.ndarray, ...]
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True, eq=False)
class Patch:
    """What one unit of a channel sees of an image.

    Attributes:
        key: names the image.
        value: the activation of the unit, the largest of the map.
        unit: its place in the map; () in layers without spatial axes.
        box: (start, stop) of its receptive field along each axis of the image, in pixels. It may reach over the border.
        pixels: float32 (height, width, channels) or with other spatial axes: the part of the box within the image, in
            the range of the input. The whole image where every unit sees it.
        projection: what the unit responds to, in the shape of ``pixels`` and as in ``Reconstruction``; or ``None``.
        rule: of the projection, or ''.
        note: why the projection is zero everywhere, or ''.
        label: of the image, or ``None``.
    """

    key: str
    value: float
    unit: tuple[int, ...]
    box: tuple[tuple[int, int], ...]
    pixels: np.ndarray
    projection: np.ndarray | None = None
    rule: str = ""
    note: str = ""
    label: str | None = None


@dataclass(frozen=True, eq=False)
class StrongestPatches:
    """The patches of a data set to which one channel responds most, the strongest first.

    Attributes:
        layer, channel: what responds.
        patches: at most one of each image.
        value_range: (low, high) of the pixels, float32 scalars or one per channel.
    """

    layer: Layer
    channel: int
    patches: tuple[Patch, ...]
    value_range: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Evidence:
    """How much one channel speaks for a class in one image: activation x weight (x gradient, below linear layers)."""

    channel: int
    value: float


@dataclass(frozen=True)
class Mistake:
    """An image whose prediction is not its label.

    Attributes:
        key: names the image.
        label, prediction: the names of the two classes.
        scores: those of the label and of the prediction.
        layer: the layer of the channels.
        channels: those that speak most for the wrong class.
        nearest: the key of the most similar image whose prediction is right, or ``None`` if there is none.
        similarity: the cosine of the angle between the largest activations of the two images in ``layer``.
        nearest_label: the class of that image.
    """

    key: str
    label: str
    prediction: str
    scores: tuple[float, float]
    layer: Layer
    channels: tuple[Evidence, ...]
    nearest: str | None = None
    similarity: float = 0.0
    nearest_label: str | None = None


@dataclass(frozen=True, eq=False)
class Concept:
    """A direction in a layer that recurs over a data set.

    Attributes:
        vector: float32 (channels,), not negative.
        patches: where it is most present, at most one of each image, the strongest first.
        weight: what it adds to the score of the class that was asked about, or ``None``.
    """

    vector: np.ndarray
    patches: tuple[Patch, ...]
    weight: float | None = None


@dataclass(frozen=True, eq=False)
class Concepts:
    """The concepts of a layer over a data set.

    Attributes:
        layer: whose activations were factorised.
        concepts: the factors.
        explained: the share of the squared activations that they explain, 0 to 1.
        value_range: (low, high) of the pixels of the patches.
    """

    layer: Layer
    concepts: tuple[Concept, ...]
    explained: float
    value_range: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Invariance:
    """How far the activations move when an image is turned, shifted or scaled.

    Attributes:
        transformation: 'rotate', 'shift' or 'scale'.
        amounts: the steps: degrees, pixels or factors.
        layers: that were looked at.
        distances: float32 (layers, steps), Euclidean, from the activations of the image as it is.
        name: of the class that was followed.
        scores: float32 (steps,): its probability, or its value where the head has no probabilities.
    """

    transformation: str
    amounts: tuple[float, ...]
    layers: tuple[Layer, ...]
    distances: np.ndarray
    name: str
    scores: np.ndarray
