"""Write files that appear complete or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex

from ..errors import OutputError


def write_whole(path: Path, content: bytes, remedy: str) -> None:
    """Write a file, and create its folder if needed. A reader sees the old file or the new one, never a part.

    Args:
        path: the file.
        content: what it will contain.
        remedy: the last sentence of the error message: what to do if the file cannot be written.

    Raises:
        OutputError: the file cannot be written. Nothing stays behind.
    """
    # os.replace is atomic within one folder only, so the temporary file cannot be in the system's folder
    temporary = path.with_name(f".{path.stem}.{token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_bytes(content)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"Expected a folder that can be written to. Received: {str(path)!r} ({error}). {remedy}"
        ) from error
