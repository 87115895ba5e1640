"""``tf_cnnvis.utils`` as its README documents it: two helpers, which live in ``imaging.tf_cnnvis``.

This is the one module of such a name in this package, so that ``from tf_cnnvis.utils import ...`` runs with only the
import changed. Nothing else belongs here.
"""

from __future__ import annotations

from .imaging.tf_cnnvis import convert_into_grid, image_normalization

__all__ = ["convert_into_grid", "image_normalization"]
