"""Photographs in the folders of scikit-image and scikit-learn, read without importing either.

An import would take seconds, and opening a file does not need it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from .reading import read_image


@dataclass(frozen=True)
class Photograph:
    """The place of a photograph inside an installed package, its author and its licence."""

    package: str
    file: str
    author: str
    licence: str

    @property
    def path(self) -> Path:
        """The file. Raises ModuleNotFoundError where the package is not installed."""
        spec = find_spec(self.package)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{self.file} comes with the package {self.package}; install it.")
        return Path(spec.origin).parent / self.file


PHOTOGRAPHS: dict[str, Photograph] = {
    "chelsea": Photograph("skimage", "data/chelsea.png", "Stéfan van der Walt", "CC0"),
    "coffee": Photograph("skimage", "data/coffee.png", "Rachel Michetti", "CC0"),
    "flower": Photograph("sklearn", "datasets/images/flower.jpg", "vultilion, on Flickr", "CC BY 2.0"),
    "china": Photograph("sklearn", "datasets/images/china.jpg", "danielbuechele, on Flickr", "CC BY 2.0"),
    "motorcycle": Photograph("skimage", "data/motorcycle_left.png", "Daniel Scharstein", "CC0"),
    "rocket": Photograph("skimage", "data/rocket.jpg", "SpaceX", "public domain"),
    "camera": Photograph("skimage", "data/camera.png", "Lav Varshney", "CC0"),
    "astronaut": Photograph("skimage", "data/astronaut.png", "NASA", "public domain"),
    "hubble": Photograph("skimage", "data/hubble_deep_field.jpg", "NASA and ESA", "public domain"),
}


@lru_cache(maxsize=len(PHOTOGRAPHS))
def _pixels(name: str) -> np.ndarray:
    pixels = read_image(PHOTOGRAPHS[name].path, channels=3)
    pixels.setflags(write=False)  # everyone who asks gets this one array
    return pixels


class Photos(Mapping[str, np.ndarray]):
    """Photographs by name, uint8 (height, width, 3); each is decoded at its first use."""

    def __getitem__(self, name: str) -> np.ndarray:
        return _pixels(name)

    def __iter__(self) -> Iterator[str]:
        return iter(PHOTOGRAPHS)

    def __len__(self) -> int:
        return len(PHOTOGRAPHS)

    def __repr__(self) -> str:
        return f"Photos({', '.join(self)})"


def credit(name: str) -> str:
    """Author and licence of a photograph, as one line to print beside it."""
    photograph = PHOTOGRAPHS[name]
    return f"{photograph.author} ({photograph.licence})"


def is_installed() -> bool:
    """Whether the packages that hold the photographs are installed."""
    return all(find_spec(photograph.package) is not None for photograph in PHOTOGRAPHS.values())
