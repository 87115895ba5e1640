"""Small surveys for the tests, and whether two indexes have the same bytes."""

from __future__ import annotations

import filecmp
from pathlib import Path
from typing import Any

from cnnvis_widgets import Survey, survey

LAYERS = ["c", "pool"]


def surveyed(network: Any, images: Any, out: Path, **options: Any) -> Survey:
    """Survey a few images in small partitions."""
    usual = {"layers": LAYERS, "batch": 4, "partition": 12, "progress": False}
    return survey(network, images, out=out, **usual | options)


def files_of(folder: Path) -> list[Path]:
    """All files below a folder."""
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def assert_same_files(one: Path, other: Path) -> None:
    assert files_of(one) == files_of(other)
    different = [name for name in files_of(one) if not filecmp.cmp(one / name, other / name, shallow=False)]
    assert different == []
