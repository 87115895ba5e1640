"""``python -m docs.truth`` writes docs/truth.md."""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from .page import main

if __name__ == "__main__":
    main()
