"""The packaged photographs, their authors and their licences, which ``photos/LICENCES.txt`` states in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from .reading import read_image


@dataclass(frozen=True)
class Photograph:
    """The file of a photograph, its author and its licence."""

    file: str
    author: str
    licence: str

    @property
    def path(self) -> Path:
        """The file."""
        return Path(__file__).parent / "photos" / self.file


PHOTOGRAPHS: dict[str, Photograph] = {
    "chelsea": Photograph("chelsea.png", "Stéfan van der Walt", "CC0"),
    "coffee": Photograph("coffee.png", "Rachel Michetti", "CC0"),
    "flower": Photograph("flower.jpg", "vultilion, on Flickr", "CC BY 2.0"),
    "china": Photograph("china.jpg", "danielbuechele, on Flickr", "CC BY 2.0"),
    "motorcycle": Photograph("motorcycle_left.png", "Daniel Scharstein", "CC0"),
    "rocket": Photograph("rocket.jpg", "SpaceX", "public domain"),
    "camera": Photograph("camera.png", "Lav Varshney", "CC0"),
    "astronaut": Photograph("astronaut.png", "NASA", "public domain"),
    "hubble": Photograph("hubble_deep_field.jpg", "NASA and ESA", "public domain"),
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
