"""Read torch checkpoints in the format used before 2020, without torch and without running code.

Such a file is a sequence of pickles (a magic number, a version, the writer's byte order, the descriptions of tensors,
the keys of their storages) and then each storage: its length and its raw values. A pickle may call any function of any
module while it loads. So this reader allows only the few names that a plain ``state_dict`` needs, and puts NumPy's
types in place of torch's.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_UNREADABLE = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,
)  # raised by unpickling and by np.ndarray when the bytes are damaged or forged


def read_checkpoint(path: str | Path) -> dict[str, np.ndarray]:
    """Read the tensors of a legacy torch checkpoint by name, in the order of the file and in torch's layouts.

    Raises:
        ModelError: the file has another format or is cut short, or its pickle needs anything but tensors of 32-bit
            floats and 64-bit integers.
    """
    path = Path(path)
    with path.open("rb") as file:
        try:
            return _read(file, path.stat().st_size)
        except _UNREADABLE as error:
            raise ModelError(
                "Expected a torch checkpoint in the legacy format that holds named tensors and nothing else. "
                f"Received: {path}, refused because of {error or type(error).__name__}. "
                "If you trust where it comes from, read it with torch and save its weights in another format."
            ) from error


def _read(file: BufferedReader, size: int) -> dict[str, np.ndarray]:
    unpickler = _TensorUnpickler(file, size)
    magic, version, system = (unpickler.load() for _ in range(3))
    if (magic, version) != (_MAGIC, _VERSION) or not system["little_endian"]:
        raise ValueError(f"its header ({magic!r}, {version!r}, {system!r})")
    tensors = unpickler.load()
    for key in unpickler.load():
        storage = unpickler.storages[key]
        length = int.from_bytes(file.read(8), "little")
        if length != storage.size or file.readinto(storage.data) != storage.nbytes:
            raise ValueError(f"storage {key!r}, which is not as long as announced")
    return dict(tensors)


class _TensorUnpickler(pickle.Unpickler):
    """Makes the arrays at once, as views of storages; the values follow later in the file."""

    def __init__(self, file: BufferedReader, size: int) -> None:
        super().__init__(file)
        self.size = size
        self.storages: dict[str, np.ndarray] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"the name {module}.{name}, not on the list of harmless ones")
        return _ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> np.ndarray:
        kind, dtype, key, _device, count, view = pid
        if kind != "storage" or view is not None or not 0 <= count * dtype.itemsize <= self.size:
            raise pickle.UnpicklingError(f"the storage {pid!r}")
        return self.storages.setdefault(key, np.zeros(count, dtype))


def _view(storage: np.ndarray, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> np.ndarray:
    """Make a tensor from torch's description, which counts offset and strides in values, not bytes."""
    width = storage.itemsize
    # this constructor refuses strides that leave the storage; as_strided does not
    return np.ndarray(shape, storage.dtype, storage, offset * width, tuple(step * width for step in strides))


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch", "FloatStorage"): np.dtype("<f4"),
    ("torch", "LongStorage"): np.dtype("<i8"),
    ("torch._utils", "_rebuild_tensor_v2"): _view,
}
