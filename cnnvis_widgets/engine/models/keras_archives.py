"""Looks at the containers of Keras files, ZIP and HDF5, before anything in them is taken out.

Both can state any size, and HDF5 can refer to other files. Keras follows what it finds.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

import h5py

from ...errors import ModelError
from .soundness import require_room

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_TEXT = 2**28
"""Bytes of an architecture as text."""

_MOST_OBJECTS = 1_000_000  # groups and datasets of an HDF5 file
_WEIGHTS = "model.weights.h5"


def archive_texts(path: Path) -> dict[str, Any]:
    """Return the parsed JSON files of a .keras archive by name, after a look at all its sizes and names.

    Raises:
        ModelError: a name leads out of the archive, it takes more memory than there is, or it is damaged.
    """
    texts: dict[str, Any] = {}
    with damaged(path), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        for member in members:
            parts = PurePosixPath(member.filename.replace("\\", "/"))
            if parts.is_absolute() or ".." in parts.parts or ":" in member.filename.split("/")[0]:
                raise ModelError(f"Expected names in an archive. Received: {member.filename!r} in {str(path)!r}.")
        require_room(sum(member.file_size for member in members), f"what {str(path)!r} unpacks to")
        for member in members:
            if member.filename in ("config.json", "metadata.json"):
                if member.file_size > MOST_TEXT:
                    raise ModelError(f"Expected at most {MOST_TEXT:,} bytes of text. Received: {str(path)!r}.")
                texts[member.filename] = json.loads(archive.read(member))
    return texts


def weights_in_archive(path: Path) -> int:
    """Return how many numbers the weights of a .keras archive hold, after a look at all of them.

    Raises:
        ModelError: as ``weights_in_hdf5``.
    """
    with damaged(path), zipfile.ZipFile(path) as archive:
        if _WEIGHTS not in archive.namelist():
            return 0
        with archive.open(_WEIGHTS) as packed:
            if archive.getinfo(_WEIGHTS).compress_type == zipfile.ZIP_STORED:
                with _StoredMember(path, archive.getinfo(_WEIGHTS)) as stored:
                    return weights_in_hdf5(path, stored)
            with tempfile.TemporaryFile() as copy:  # to go back in what is packed would unpack it again
                while chunk := packed.read(2**24):
                    copy.write(chunk)
                return weights_in_hdf5(path, copy)


class _StoredMember(io.RawIOBase):
    """A member of an archive that is stored as it is. ``zipfile`` would read, and sum up, all that a seek passes over.

    Args:
        path: of the archive.
        member: was opened once by ``zipfile``, which looked at its header.
    """

    def __init__(self, path: Path, member: zipfile.ZipInfo) -> None:
        self._file = path.open("rb")
        self._file.seek(member.header_offset + 26)
        name, extra = struct.unpack("<2H", self._file.read(4))
        self._begin, self._size = member.header_offset + 30 + name + extra, min(member.compress_size, member.file_size)
        self.seek(0)

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell() - self._begin

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        from_where = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size}[whence]
        return self._file.seek(self._begin + from_where + offset) - self._begin

    def readinto(self, buffer: WriteableBuffer) -> int:
        left = max(self._size - self.tell(), 0)
        return self._file.readinto(memoryview(buffer)[:left])

    def close(self) -> None:
        self._file.close()
        super().close()


def weights_in_hdf5(path: Path, file: IO[bytes] | io.RawIOBase | None = None) -> int:
    """Return how many numbers the datasets of an HDF5 file hold, after a look at all of them.

    Args:
        path: of the file.
        file: its content, if that lies elsewhere.

    Raises:
        ModelError: it refers to other files, takes more memory than there is, or is damaged.
    """
    elements, size = 0, 0
    with damaged(path), h5py.File(path if file is None else file, "r") as opened:
        for dataset in _datasets(opened, path):
            if dataset.external or dataset.is_virtual:
                raise ModelError(
                    f"Expected weights in the file itself. Received: {str(path)!r}, which refers to others."
                )
            if dataset.dtype.kind in "fiub" and dataset.shape is not None:
                elements, size = elements + dataset.size, size + dataset.nbytes
    require_room(size, f"the weights of {str(path)!r}")
    return elements


def _datasets(opened: h5py.File, path: Path) -> Iterator[h5py.Dataset]:
    pending: list[h5py.Group] = [opened]
    seen = set[Any]()
    while pending:
        group = pending.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ModelError(f"Expected no links in a file. Received: {name!r} in {str(path)!r}.")
            item = group[name]
            where = h5py.h5o.get_info(item.id).addr
            if where in seen:
                continue
            seen.add(where)
            if len(seen) > _MOST_OBJECTS:
                raise ModelError(f"Expected at most {_MOST_OBJECTS:,} parts. Received: {str(path)!r} with more.")
            if isinstance(item, h5py.Group):
                pending.append(item)
            elif isinstance(item, h5py.Dataset):
                yield item


@contextmanager
def damaged(path: Path) -> Iterator[None]:
    """Raise a ModelError in place of what ZIP, HDF5 and JSON raise for damaged files."""
    try:
        yield
    except ModelError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, EOFError, NotImplementedError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"Expected a whole file of Keras. Received: {str(path)!r}: {error}. Copy or download it again."
        ) from error
    except Exception as error:  # zlib.error, struct.error, RecursionError of a deep text
        raise ModelError(f"Expected a whole file of Keras. Received: {str(path)!r}, which cannot be read.") from error
