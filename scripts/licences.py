"""Lists the licence of every package that cnnvis_widgets needs; fails where one is unknown or forbids free use.

Run it in the environment that is to be checked: .venv/bin/python scripts/licences.py
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution, requires

FREE = re.compile(
    r"MIT|BSD|Apache|PSF|Python Software Foundation|ISC|MPL|Mozilla|HPND|Zlib|Unlicense|CC0|0BSD|Public Domain"
)
KNOWN = {"google-crc32c": "Apache-2.0", "namex": "Apache-2.0"}
"""Packages that do not state their licence in a field that can be read; as their sources state it."""


def needed(name: str) -> dict[str, str]:
    """Return the licence of each package that a package needs without extras, itself included, by name."""
    found: dict[str, str] = {}
    pending = [name]
    while pending:
        package = re.split(r"[ ;<>=!~\[(]", pending.pop())[0].lower().replace("_", "-")
        if package in found:
            continue
        try:
            found[package] = _licence(package)
        except PackageNotFoundError:  # of another system or an older Python
            continue
        pending += [each for each in requires(package) or () if "extra ==" not in each]
    return found


def _licence(package: str) -> str:
    stated = distribution(package).metadata
    classifiers = [
        each.rpartition(" :: ")[2] for each in stated.get_all("Classifier") or () if each.startswith("License")
    ]
    text = stated.get("License-Expression") or ", ".join(classifiers) or (stated.get("License") or "").strip()
    return (text or KNOWN.get(package, "")).splitlines()[0][:70] if text or package in KNOWN else ""


def main() -> int:
    """Print the list; return 1 if a licence is not free."""
    found = needed("cnnvis_widgets")
    other = [package for package, licence in found.items() if not FREE.search(licence)]
    for package in sorted(found):
        print(f"{package:32} {found[package] or 'unknown'}{'   <- look at it' if package in other else ''}")
    return 1 if other else 0


if __name__ == "__main__":
    sys.exit(main())
