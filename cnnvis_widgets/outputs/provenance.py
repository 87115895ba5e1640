"""The recipe in a picture's file, and the same picture made again from it.

A dream that was steered is steered again: the recipe holds every change, with the step before which it came.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..arguments import checked
from ..engine.dreaming.dream import dream_with, start_photo
from ..engine.dreaming.options import DreamOptions
from ..engine.dreaming.recipes import decoded, fingerprint
from ..engine.dreaming.steering import DreamControls
from ..engine.network.loading import load
from ..engine.network.network import Network
from ..errors import CnnvisError, FeedError, ModelError, OutputError, described
from ..imaging.reading import opened
from ..results import DreamStep
from .pictures import CHUNK


def recipe_of(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """The recipe in a PNG file that was written from a dream.

    Raises:
        OutputError: the file cannot be read, or holds no recipe.
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
    with _readable(path):
        recipe = json.loads(text)
        if not isinstance(recipe, dict):
            raise TypeError(f"it is {type(recipe).__name__}")
        return recipe


@contextmanager
def _readable(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise an OutputError in place of what a recipe raises that somebody changed."""
    try:
        yield
    except CnnvisError:
        raise
    except Exception as error:
        raise OutputError(
            f"Expected a recipe as a dream wrote it. Received: {os.fspath(path)!r}, where {described(error)[:300]}. "
            "Use the file as it was written."
        ) from error


@checked
def recreate(path: str | os.PathLike[str], model: Any, feed: Any = None, *, start: Any = None) -> DreamStep:
    """Make the picture of a PNG file again.

    Args:
        path: of a file that was written from a dream.
        model: the model of that dream, as ``load`` takes it.
        feed: values for other inputs of the network, if it has any.
        start: the photo, if the dream started from one: 'feed', or as for ``dream``.

    Returns:
        The step with this one picture. On the same machine and with the same versions it is equal to the last bit.

    Raises:
        OutputError: the file holds no recipe, or one of a resumed dream.
        OptionError: the recipe has names that this version does not know.
        ModelError: the model has other weights.
        FeedError: the photo is missing, or is another one.

    Example:
        >>> import keras, tempfile
        >>> from cnnvis_widgets import dream, load, recreate
        >>> from cnnvis_widgets.outputs.png_files import write_dream
        >>> model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3, name="conv")])
        >>> *_, last = dream(model, None, "conv", 1, octaves=1, steps=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     [path] = write_dream(last, folder, layers=load(model).layers)
        ...     again = recreate(path, model)
        >>> again.images.tobytes() == last.images.tobytes()
        True
    """
    recipe = recipe_of(path)
    network = load(model, feed)
    with _readable(path):
        _check_model(network, recipe)
        _check_start(network, start, recipe)
        return _made_again(network, recipe, start)


def _made_again(network: Network, recipe: Mapping[str, Any], start: Any) -> DreamStep:
    options = DreamOptions.from_dict(recipe["options"], start)
    steered = dict(recipe["steered"])
    controls = DreamControls() if steered else None
    steps = dream_with(network, decoded(recipe["layer"]), decoded(recipe["channels"]), options, controls=controls)
    made, step = recipe["steps_made"], None
    if not isinstance(made, int) or made < 0:
        raise TypeError(f"steps_made is {made!r}")
    for number in range(made + 1):
        if controls is not None:
            controls.follow(steered.get(number, {}))
        step = next(steps, None)
        if step is None:
            break
    if step is None:
        raise IndexError(f"the dream has fewer steps than {made + 1}")
    place = slice(recipe["picture"], recipe["picture"] + 1)
    return replace(
        step,
        images=step.images[place],
        scores=step.scores[place],
        channels=step.channels[place],
        names=step.names[place],
    )


def _check_model(network: Network, recipe: Mapping[str, Any]) -> None:
    if network.fingerprint() != recipe["model"]:
        raise ModelError(
            f"Expected the model that the picture was made with ({recipe['model']}). "
            f"Received: one with other layers or weights ({network.fingerprint()}). Pass the model of that dream."
        )
    if recipe["resumed"]:
        raise OutputError(
            "Expected a dream from its beginning. Received: one that was resumed from a step of another dream. "
            "Write the picture of that step too, recreate it, and resume from there."
        )


def _check_start(network: Network, start: Any, recipe: Mapping[str, Any]) -> None:
    if (start is None) != (recipe["start"] is None):
        needed = "no photo" if recipe["start"] is None else "the photo that the dream started from"
        raise FeedError(f"Expected {needed}. Received: start={start!r}. Pass start=None for a dream from noise only.")
    if start is not None and fingerprint(start_photo(network, start)) != recipe["start"]:
        raise FeedError(
            "Expected the photo that the dream started from. Received: another one. Pass the same file or array."
        )
