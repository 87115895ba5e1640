"""What the network sees in a dream while it grows: the dream is fed to it as if it were the image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from ...engine.attribution.predictions import predict
from ...results import DreamStep
from ..state.fed_images import FedImages, FedLayer
from ..state.questions import Question
from .jobs import Pacer
from .newest_request import NewestRequest

LOOKS_PER_SECOND = 1.0
"""How often a growing dream is fed to the network: a forward pass must not slow down the dream."""


class DreamSight:
    """Tells the probability of the dreamt class, and hands the dream to those who show what layers see.

    Args:
        fed_images: the network and its images; the dream takes the place of an image.
        show: called with a step and the probability of the class, in a thread of its own.

    Attributes:
        followers: called with the dream as a fed layer and whether it is final, now and then and after the last step.
    """

    def __init__(self, fed_images: FedImages, show: Callable[[int, float], None]) -> None:
        self._fed_images, self._show = fed_images, show
        self.followers: list[Callable[[FedLayer, bool], None]] = []
        self._request = NewestRequest(self._told, self._ignore)
        self._pacer = Pacer(LOOKS_PER_SECOND)

    def look(self, fed: FedLayer, image: int, step: DreamStep, question: Question | None, final: bool) -> None:
        """Feed the first picture of a step in place of an image, where that is due.

        Args:
            fed: the layer, fed the image that is replaced; ``image``: its number.
            step: of the dream. ``final``: whether it is the last one, which is always fed.
            question: about the dreamt class; ``None`` where no class is dreamt.
        """
        if not (self._pacer.ready() or final):
            return
        picture = as_input(step.images[0], self._fed_images.images[image].shape)
        if picture is None:
            return
        dreamt = self._fed_images.with_pixels(fed, picture, ("dream", step.index))
        for follow in self.followers:
            follow(dreamt, final)
        if question is not None:
            number = step.index
            self._request.submit(lambda: (number, _probability(dreamt, question)))

    def _told(self, answer: tuple[int, float | None]) -> None:
        step, probability = answer
        if probability is not None:
            self._show(step, probability)

    def _ignore(self, error: Exception) -> None:
        """The dream goes on without its probability; what the network cannot compute is told by other views."""


def as_input(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
    """A picture of a dream in the size of an image of the network; dreams grow from small to large.

    Args:
        picture: float32 (height, width, channels).
        shape: of the images of the network.

    Returns:
        float32 of that shape; ``None`` for a signal or a volume of another size.

    Example:
        >>> as_input(np.zeros((20, 20, 3), np.float32), (28, 28, 3)).shape
        (28, 28, 3)
    """
    if picture.shape == shape:
        return picture
    if picture.ndim != 3:
        return None
    height, width = shape[:2]
    channels = [Image.fromarray(np.ascontiguousarray(channel)) for channel in np.moveaxis(picture, -1, 0)]
    return np.stack([np.asarray(each.resize((width, height), Image.Resampling.BILINEAR)) for each in channels], axis=-1)


def _probability(fed: FedLayer, question: Question) -> float | None:
    """The probability of the class that a question is about; ``None`` for a head of values."""
    predictions = predict(fed.network, fed.feed, scores=question.scores, target=question.where)
    number = question.target.channel
    if predictions.probabilities is None or not isinstance(number, int):
        return None
    return float(predictions.probabilities[0, number])
