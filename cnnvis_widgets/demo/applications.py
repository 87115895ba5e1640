"""Networks of keras.applications with ImageNet weights, which Keras downloads at the first call and then keeps."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache

import keras
import numpy as np

from ..arguments import checked
from ..engine.network.loading import load
from ..engine.network.network import Network
from ..errors import ModelError, OptionError, described, nearest
from ..imaging.conversion import with_channels
from ..imaging.cropping import fitted_picture
from ..imaging.photographs import Photos
from .class_names import class_names


@dataclass(frozen=True)
class Application:
    """A network of keras.applications: its module there, and the side of its pictures."""

    module: str
    side: int = 224


APPLICATIONS = {
    "VGG16": Application("vgg16"),
    "VGG19": Application("vgg19"),
    "ResNet50": Application("resnet50"),
    "ResNet50V2": Application("resnet_v2"),
    "MobileNetV2": Application("mobilenet_v2"),
    "DenseNet121": Application("densenet"),
    "EfficientNetV2B0": Application("efficientnet_v2"),
    "InceptionV3": Application("inception_v3", 299),
    "Xception": Application("xception", 299),
}
"""The networks that ``application`` loads, by their names in Keras."""


def vgg16() -> Network:
    """Load VGG16 with ImageNet weights, a network with max-pools that many papers use; see ``application``.

    Its weights are 528 MB.

    Example:
        >>> from cnnvis_widgets import demo
        >>> network = demo.vgg16()  # doctest: +SKIP
    """
    return application("VGG16")


@checked
@lru_cache(maxsize=2)
def application(name: str) -> Network:
    """Load a network of keras.applications with ImageNet weights, class names and preprocessing, fed a photo of a cat.

    Keras downloads the weights at the first call, into ``~/.keras/models``, and reads them from there afterwards.

    Args:
        name: 'VGG16', 'VGG19', 'ResNet50', 'ResNet50V2', 'MobileNetV2', 'DenseNet121', 'EfficientNetV2B0',
            'InceptionV3' or 'Xception'.

    Returns:
        The network, made once and kept.

    Raises:
        OptionError: the name is another one.
        ModelError: the weights are not on this machine and cannot be downloaded.

    Example:
        >>> from cnnvis_widgets import demo
        >>> network = demo.application("VGG16")  # doctest: +SKIP
    """
    if name not in APPLICATIONS:
        known = nearest(name, APPLICATIONS)
        raise OptionError(f"Expected the name of a network in keras.applications. Received: {name!r}. {known}")
    found = APPLICATIONS[name]
    module = importlib.import_module(f"keras.applications.{found.module}")

    def preprocess(picture: np.ndarray) -> np.ndarray:
        fitted = fitted_picture(with_channels(np.asarray(picture), 3), found.side, found.side)
        return np.asarray(module.preprocess_input(fitted.astype(np.float32)), np.float32)

    return load(_with_weights(name), Photos()["chelsea"], class_names=class_names(), preprocess=preprocess)


def _with_weights(name: str) -> keras.Model:
    try:
        return getattr(keras.applications, name)(weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise ModelError(
            f"Expected to download the weights of {name} from Keras, or to find them in ~/.keras/models. "
            f"Received: {described(error)}. Go online for the first call, copy the file from a machine that has it, or "
            "use demo.network() or demo.things_network(), which need no download."
        ) from error
