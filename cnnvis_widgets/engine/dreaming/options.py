"""``DreamOptions``: how to dream, checked when it is made. It is also the part of a recipe that tells how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar, cast

import numpy as np

from ...arguments import checked, require_counts
from ...errors import FeedError, OptionError
from ...methods.signatures import with_fields
from ..network.network import Network
from ..runtime.precision import PRECISIONS
from . import recipes
from .numbers_given import is_count, is_number, is_size, range_of, require_mask
from .parameterizations import Parameterization, fourier
from .transforms import Transform

_Function = TypeVar("_Function", bound=Callable[..., Any])

LEAST_SPECTRUM = 64
"""The least side of a spectrum. Smaller pictures are changed pixel by pixel: their views hardly differ."""

_LEVELS = 4  # of the Laplacian pyramid, by default
_USUAL_SIDE = 224  # of a picture where neither the network nor its feed has a size
_ON_PIXELS, _ON_PARAMETERS = (4, 20, 1.5), (4, 32, 1.0)  # octaves, steps and step size, by default

_LIMITS: Mapping[str, tuple[float, float]] = {
    "octave_scale": (1, np.inf),
    "step_size": (0, np.inf),
    "strength": (0, 1),
}
_LEAST_COUNTS = {
    "seed": 0,
    "octaves": 1,
    "steps": 1,
    "laplacian_levels": 0,
    "views": 1,
    "pictures": 1,
    "together": 1,
}


@checked
@dataclass(frozen=True, eq=False, kw_only=True)
class DreamOptions:
    """How to dream. ``dream`` takes these as keywords; a PNG file stores them in its recipe.

    Attributes:
        start: ``None`` for noise; 'feed' for the first fed image; a picture (uint8, path, file, PIL image), which goes
            through the network's ``preprocess``; or a floating-point array (height, width, channels) of any size, in
            the range of the input. A recipe stores its fingerprint only.
        seed: of the noise and of the views. The same seed gives the same bytes.
        octaves: the number of sizes that the picture grows through; the last one is ``size``. By default 4. Sizes with
            a side below 32 pixels are left out. With a parameterization, so are those below 64, and the other octaves
            make their steps, too.
        octave_scale: the factor from one size to the next, at least 1.
        steps: in each octave; by default 20 on pixels, 32 with a parameterization.
        step_size: on pixels, how far a step moves, in 1/255 of the input range for a gradient of mean magnitude 1; by
            default 1.5. With a parameterization, a factor of its own rate; by default 1.
        laplacian_levels: on pixels, the number of scales of detail that are brought to the same strength; by default
            4, and 0 for the plain gradient. A dream from noise changes pixels if you give it.
        parameterization: the variables that are changed in place of pixels (see ``parameterizations``). By default
            ``fourier()`` from noise of at least 64 x 64, and none on a photo.
        transform: with a parameterization, the distribution of views (see ``transforms``); by default
            ``transforms.ROBUST``, with distances in proportion to pictures smaller than 224 pixels.
        views: with a parameterization, the number of views in a step. The gradient is their mean, and a step takes as
            many times longer. MACO was published with 32 crops a step.
        pictures: the number of pictures for each objective, for ``objectives.diversity``.
        together: the number of channels in one batch. Four took 1.3 to 1.7 times less time a picture on two cores.
            Every batch is filled up to this number, because rounding depends on it: the same channel gives the same
            bytes in any company, but other bytes for another ``together``.
        mask: on a photo, (height, width) in [0, 1], of any size. The photo stays as it is where the mask is 0.
        strength: on a photo, how much of the dream is mixed into the pictures, from 0 to 1.
        size: (height, width) of the pictures in pixels; by default that of the photo, of the input, or 224 x 224.
        value_range: (darkest, brightest) of the input, numbers or one per channel; by default the network's.
        precision: of the network's convolutions and products: 'float32', 'bfloat16', or 'auto' for the one that is
            faster, as measured once for this machine and network; VGG16 with AVX-512 takes half of the time. The
            picture, sums and Adam's means are float32 in any case. The recipe tells which one it was; another one
            gives other bytes.

    Raises:
        OptionError: an option is out of range, or has no meaning beside the others.

    Example:
        >>> from cnnvis_widgets import DreamOptions
        >>> options = DreamOptions(octaves=3, seed=5)
        >>> options.changed
        {'seed': 5, 'octaves': 3}
        >>> DreamOptions.from_dict(options.to_dict()).changed == options.changed
        True
    """

    start: Any = None
    seed: int = 0
    octaves: int | None = None
    octave_scale: float = 1.4
    steps: int | None = None
    step_size: float | None = None
    laplacian_levels: int | None = None
    parameterization: Parameterization | None = None
    transform: Transform | None = None
    views: int = 1
    pictures: int = 1
    together: int = 1
    mask: Any = None
    strength: float = 1.0
    size: tuple[int, ...] | None = None
    value_range: tuple[Any, Any] | None = None
    precision: str = "float32"

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_kinds()
        self._check_pixels()
        self._check_noise()
        self._check_company()

    @classmethod
    @checked
    def of(cls, options: Mapping[str, Any]) -> DreamOptions:
        """The options of a mapping from names to values.

        Raises:
            OptionError: an unknown name, or as ``DreamOptions``.
        """
        recipes.require_names(options, option_names(), "an option of dream")
        return cls(**options)

    @classmethod
    @checked
    def from_dict(cls, stored: Mapping[str, Any], start: Any = None) -> DreamOptions:
        """The options of a recipe, with the photo that the recipe stores a fingerprint of.

        Raises:
            OptionError: as ``of``.
        """
        recipes.require_names(
            stored, [name for name in option_names() if name != "start"], "an option of dream in the recipe"
        )
        options = {name: recipes.decoded(value) for name, value in stored.items()}
        if options.get("size") is not None:
            options["size"] = tuple(options["size"])
        return cls(start=start, **options)

    def to_dict(self) -> dict[str, Any]:
        """Every option but ``start``, as JSON has it."""
        return {name: recipes.encoded(getattr(self, name)) for name in option_names() if name != "start"}

    @property
    def changed(self) -> dict[str, Any]:
        """The options that are not at their default."""
        values = {item.name: (getattr(self, item.name), item.default) for item in fields(self)}
        return {
            name: value
            for name, (value, default) in values.items()
            if value is not default and not (np.isscalar(value) and value == default)
        }

    @property
    def on_photo(self) -> bool:
        """Whether the dream starts from a photo."""
        return self.start is not None

    @property
    def on_pixels(self) -> bool:
        """Whether the dream changes pixels at any size. Otherwise a dream from noise decides by its size."""
        return self.parameterization is None and (self.on_photo or self.laplacian_levels is not None)

    @checked
    def resolved(self, network: Network, photo_size: tuple[int, ...] | None) -> ResolvedOptions:
        """The same options with a value in place of every default that depends on the network or the photo.

        Args:
            network: the network.
            photo_size: (height, width) of the photo, or ``None`` in a dream from noise.

        Raises:
            FeedError: a parameterization for inputs without height and width.
            OptionError: an option has no meaning beside the values that were filled in.
        """
        if photo_size is not None and not is_size(photo_size):
            raise OptionError(f"Expected photo_size as (height, width) in pixels. Received: a {type(photo_size)}.")
        size = tuple(self.size or photo_size or _usual_size(network))
        axes = len(network.runtime.layout.picture_shape) - 1
        if len(size) != axes:
            raise OptionError(
                f"Expected a size of {axes} numbers for the input of this network. Received: size={size!r}. "
                "Leave it out for the usual size."
            )
        parameterization = self.parameterization
        if parameterization is None and not self.on_pixels and len(size) == 2 and min(size) >= LEAST_SPECTRUM:
            parameterization = fourier()
        if parameterization is not None and len(size) != 2:
            raise FeedError(
                f"Expected pictures for a parameterization. Received: a network for inputs of size {size}. "
                "Leave the parameterization out."
            )
        value_range = range_of(network.value_range() if self.value_range is None else self.value_range)
        channels = network.runtime.layout.picture_shape[-1]
        if not all(end.size == 1 or channels in (None, end.size) for end in value_range):
            raise OptionError(
                f"Expected value_range of two numbers, or of one for each of {channels} channels. "
                f"Received: value_range={self.value_range!r}."
            )
        octaves, steps, step_size = _ON_PIXELS if parameterization is None else _ON_PARAMETERS
        levels = _LEVELS if self.laplacian_levels is None else self.laplacian_levels
        values = {name: getattr(self, name) for name in option_names()} | {
            "octaves": octaves if self.octaves is None else self.octaves,
            "steps": steps if self.steps is None else self.steps,
            "step_size": step_size if self.step_size is None else self.step_size,
            "laplacian_levels": levels if parameterization is None else None,
            "parameterization": parameterization,
            "size": size,
            "value_range": value_range,
        }
        return ResolvedOptions(**values)

    def _check_numbers(self) -> None:
        optional = {item.name for item in fields(self) if item.default is None and getattr(self, item.name) is None}
        for name, least in _LEAST_COUNTS.items():
            value = getattr(self, name)
            if name not in optional and not is_count(value, least):
                raise OptionError(
                    f"Expected {name} of at least {least}. Received: {name}={value!r}. Give a whole number."
                )
        require_counts(0, **{name: getattr(self, name) for name in _LEAST_COUNTS if name != "seed"})
        for name, (lowest, highest) in _LIMITS.items():
            value = getattr(self, name)
            if name not in optional and not is_number(value, lowest, highest):
                limits = f"from {lowest} to {highest}" if highest < np.inf else f"of at least {lowest}"
                raise OptionError(f"Expected {name} {limits}. Received: {name}={value!r}. Give a number {limits}.")

    def _check_kinds(self) -> None:
        if not isinstance(self.parameterization, Parameterization | None):
            raise OptionError(
                "Expected a parameterization, as parameterizations.fourier() makes one. "
                f"Received: parameterization={self.parameterization!r}. Call one of that module's functions."
            )
        if not isinstance(self.transform, Transform | None):
            raise OptionError(
                "Expected a transform, as transforms.jitter(8) makes one. "
                f"Received: transform={self.transform!r}. Call one of that module's functions."
            )
        if self.precision not in PRECISIONS:
            raise OptionError(
                f"Expected precision to be one of {', '.join(map(repr, PRECISIONS))}. "
                f"Received: precision={self.precision!r}. Leave it out for float32."
            )
        if self.size is not None and not is_size(self.size):
            raise OptionError(
                f"Expected size as (height, width) in pixels. Received: size={self.size!r}. Give two whole numbers."
            )
        if self.value_range is not None:
            range_of(self.value_range)
        if self.mask is not None:
            require_mask(self.mask)

    def _check_pixels(self) -> None:
        if self.parameterization is not None and self.laplacian_levels is not None:
            raise OptionError(
                "Expected laplacian_levels for pixels only. "
                f"Received: laplacian_levels={self.laplacian_levels!r} and a parameterization. Leave one of them out."
            )
        if self.on_pixels and self.transform is not None:
            raise OptionError(
                "Expected a transform beside a parameterization only. Received: one without. "
                "Pass parameterization=parameterizations.pixels() too."
            )
        if self.on_pixels and self.views > 1:
            raise OptionError(
                f"Expected several views of one picture with a parameterization only. Received: views={self.views} "
                "on pixels. Pass parameterization=parameterizations.pixels() too."
            )

    def _check_noise(self) -> None:
        if not self.on_photo and (self.mask is not None or self.strength != 1):
            raise OptionError("Expected mask and strength on a photo only. Received: a dream from noise. Give a start.")

    def _check_company(self) -> None:
        if self.views > 1 and (self.pictures > 1 or self.together > 1):
            raise OptionError(
                f"Expected several views of one picture at a time. Received: views={self.views}, "
                f"pictures={self.pictures}, together={self.together}. Leave two of them out."
            )
        if self.together > 1 and self.pictures > 1:
            raise OptionError(
                f"Expected channels of a layer to compute together. Received: together={self.together} and "
                f"pictures={self.pictures}. Leave one of them out."
            )


@dataclass(frozen=True, eq=False, kw_only=True)
class ResolvedOptions(DreamOptions):
    """Options in which no default is left that depends on the network or the photo.

    ``laplacian_levels`` is ``None`` with a parameterization; ``parameterization`` is ``None`` on pixels.
    """

    octaves: int
    steps: int
    step_size: float
    size: tuple[int, ...]
    value_range: tuple[np.ndarray, np.ndarray]


def option_names() -> tuple[str, ...]:
    """The names of all options of ``dream``."""
    return tuple(item.name for item in fields(DreamOptions))


def with_option_names(**defaults: Any) -> Callable[[_Function], _Function]:
    """Name all options in the signature of a function that takes ``**options``, for ``help`` and completion.

    Args:
        defaults: of the function, where they differ from ``DreamOptions``.
    """

    return with_fields(DreamOptions, **defaults)


def _usual_size(network: Network) -> tuple[int, ...]:
    fixed = network.runtime.layout.picture_shape[:-1]
    if None not in fixed:
        return cast("tuple[int, ...]", fixed)
    feeds = {} if network.feed is None else network.feeds(images=False)
    return network.images().shape[1:-1] if network.runtime.image_tensor in feeds else (_USUAL_SIDE,) * len(fixed)
