"""How much memory this process can still take, as far as the system tells.

It imports nothing of the package, so that every room can look at sizes before it allocates anything.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_VERSION_2 = ("memory.max", "memory.current", "inactive_file")
_VERSION_1 = ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file")
_UNKNOWN = 2**33  # bytes; taken where the system does not tell


def spare_memory() -> int:
    """Return how many bytes this process can still allocate.

    The least of three counts: what the system has available, what the control group of a container leaves, and what
    the limit of the address space leaves (``ulimit -v``).

    Example:
        >>> spare_memory() > 0
        True
    """
    return max(min(_counts(), default=_UNKNOWN), 1)


def _counts() -> Iterator[int]:
    available = _field(Path("/proc/meminfo"), "MemAvailable:", 1024)
    if available is not None:
        yield available
    for limit_name, used_name, cache in (_VERSION_2, _VERSION_1):
        limit, used = _number(_GROUPS / limit_name), _number(_GROUPS / used_name)
        if limit is not None and used is not None:  # files that were read count as used, but make room when asked
            yield limit - used + (_field((_GROUPS / used_name).with_name("memory.stat"), cache, 1) or 0)
    limit, used = _address_space(), _field(Path("/proc/self/status"), "VmSize:", 1024)
    if limit is not None and used is not None:
        yield limit - used


def _address_space() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _number(path: Path) -> int | None:
    text = _text(path).strip()
    return int(text) if text.isdecimal() else None  # 'max' where there is no limit


def _field(path: Path, name: str, unit: int) -> int | None:
    for line in _text(path).splitlines():
        words = line.split()
        if words[:1] == [name]:
            return int(words[1]) * unit
    return None


def _text(path: os.PathLike[str]) -> str:
    try:
        return Path(path).read_text("ascii")
    except (OSError, ValueError):
        return ""
