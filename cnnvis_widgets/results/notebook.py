"""Results at home in a notebook: a picture with a line of facts, an image, an array, a data frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..extras import needed

if TYPE_CHECKING:
    import pandas
    from PIL import Image

_PICTURES = "cnnvis_widgets.outputs.notebook"
"""What draws results. It stands above them and is imported when a person looks at one."""


class Shown:
    """A result that shows itself.

    The last line of a notebook cell shows it as a picture; ``np.asarray`` gives its numbers.

    Attributes:
        main_array: the attribute that ``np.asarray`` gives; '' for none.
    """

    main_array: ClassVar[str] = ""

    def to_pil(self) -> Image.Image:
        """Draw the result as one picture: grids of maps, projections beside patches, bars of predictions."""
        picture: Image.Image = import_module(_PICTURES).image_of(self)
        return picture

    def show(self) -> None:
        """Show the picture: in the notebook where there is one, otherwise in the system's image viewer."""
        import_module(_PICTURES).show(self)

    def to_dataframe(self) -> pandas.DataFrame:
        """The numbers of the result that fit into a table, a row for each image and channel."""
        frame: pandas.DataFrame = needed("pandas").DataFrame(list(self._rows()))
        return frame

    def _rows(self) -> Iterator[dict[str, Any]]:
        """The largest value of each image and channel, for arrays with these two axes in front."""
        values = np.asarray(self)
        for image, channel in np.ndindex(values.shape[:2]):
            yield {"image": image, "channel": channel, "largest": float(values[image, channel].max())}

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if not self.main_array:
            raise TypeError(
                f"Expected a result with one array. Received: {type(self).__name__}. Take an attribute of it."
            )
        values: np.ndarray = getattr(self, self.main_array)
        return np.array(values, dtype) if copy else np.asarray(values, dtype)

    def __repr__(self) -> str:
        facts = ", ".join(f"{each.name} {_short(getattr(self, each.name))}" for each in fields(self))  # type: ignore[arg-type]
        return f"<{type(self).__name__}: {facts}>"

    def _repr_png_(self) -> bytes:
        picture: bytes = import_module(_PICTURES).png_of(self)
        return picture

    def _repr_html_(self) -> str:
        page: str = import_module(_PICTURES).html_of(self)
        return page


def _short(value: Any) -> str:
    """A value in a few words: an array by its dtype and shape, a long tuple by its length."""
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{value.dtype} {value.shape}"
    if hasattr(value, "label") and hasattr(value, "name"):
        return repr(value.name)
    if isinstance(value, tuple) and (len(value) > 3 or any(isinstance(each, np.ndarray | Shown) for each in value)):
        return f"{len(value)} of them" if value else "none"
    return str(value) if len(str(value)) < 60 else f"{str(value)[:57]}..."
