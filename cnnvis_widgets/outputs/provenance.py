"""Where a picture comes from: its recipe in the file, and the picture made again from it.

A run that was steered is steered again, by what it was told at each of its steps.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..engine.dreaming.controls import DreamControls
from ..engine.dreaming.dream import dream
from ..engine.dreaming.recipes import decoded, fingerprint
from ..engine.network.loading import load
from ..errors import FeedError, ModelError, OutputError
from ..imaging.reading import opened
from ..results import DreamStep
from .pictures import CHUNK


def recipe_of(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """The recipe in a PNG file that was written from a dream.

    Raises:
        OutputError: the file cannot be read, or holds none.
    """
    try:
        with opened(path) as image:
            text = getattr(image, "text", {}).get(CHUNK)
    except OSError as error:
        raise OutputError(f"Expected a PNG file. Received: {str(path)!r} ({error}). Give another path.") from error
    if not text:
        raise OutputError(
            f"Expected a picture of a dream with its recipe. Received: {str(path)!r}, which holds none. "
            "Programs that edit pictures drop it; use the file as it was written."
        )
    recipe: Mapping[str, Any] = json.loads(text)
    return recipe


def recreate(path: str | os.PathLike[str], model: Any, feed: Any = None, *, start: Any = None) -> DreamStep:
    """Make the picture of a PNG file again.

    Args:
        path: a file written from a dream.
        model: the model it was dreamt with, as for ``load``.
        feed: values for other inputs of the network, if it needs any.
        start: the photo, if it was dreamt on one: 'feed' or as for ``dream``.

    Returns:
        The step, with one picture: on the same machine and versions equal to the last bit.

    Raises:
        OutputError: the file holds no recipe.
        ModelError: the model has other weights.
        FeedError: the photo is missing or another one.
    """
    recipe = recipe_of(path)
    network = load(model, feed)
    if network.fingerprint() != recipe["model"]:
        raise ModelError(
            f"Expected the model that the picture was made with ({recipe['model']}). "
            f"Received: one with other layers or weights ({network.fingerprint()})."
        )
    if recipe["resumed"]:
        raise OutputError(
            "Expected a dream from its beginning. Received: one that went on from another's step. "
            "Write that one's picture too, recreate it, and resume from there."
        )
    if (start is None) != (recipe["start"] is None):
        raise FeedError(
            f"Expected {'no photo' if recipe['start'] is None else 'the photo that was dreamt on'}. "
            f"Received: start={start!r}."
        )
    if start is not None:
        photo = (
            network.images()[:1]
            if isinstance(start, str) and start == "feed"
            else network.runtime.layout.photo(start, network.preprocess)
        )
        if fingerprint(photo) != recipe["start"]:
            raise FeedError("Expected the photo that was dreamt on. Received: another one.")
    options = {name: decoded(value) for name, value in recipe["options"].items()}
    layer, channels, place = decoded(recipe["layer"]), recipe["channels"], recipe["picture"]
    steered = dict(recipe["steered"])
    controls = DreamControls() if steered else None
    steps = dream(network, None, layer, channels, start=start, controls=controls, **options)
    for made in range(recipe["made"] + 1):
        if controls is not None:
            controls.follow(steered.get(made, {}))
        step = next(steps)
    return replace(
        step,
        images=step.images[place : place + 1],
        scores=step.scores[place : place + 1],
        channels=step.channels[place : place + 1],
        names=step.names[place : place + 1],
    )
