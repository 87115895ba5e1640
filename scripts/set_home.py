#!/usr/bin/env python3
"""Write where the repository is hosted into every file that names it: addresses, badges, buttons.

    python scripts/set_home.py OWNER/NAME [TAG]

Until then 'OWNER' stands in these files, and the README has no button that would lead nowhere. It can be run again.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("pyproject.toml", "README.md", "CITATION.cff", "docs/install.md", "docs/conf.py", "binder/colab.ipynb")
PLACEHOLDER = "OWNER/cnnvis_widgets"


def current() -> str:
    """The home that pyproject.toml names, as OWNER/NAME."""
    [home] = re.findall(r'^Source = "https://github\.com/(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
    return home


def changed(text: str, old: str, new: str) -> str:
    """A file with the new home, also in the address of the documentation and in the one for mail."""
    for form in ("{}.github.io/{}", "{}@users.noreply.github.com", "{}/{}"):
        text = text.replace(form.format(*old.split("/")), form.format(*new.split("/")))
    return text


def buttons(home: str, tag: str) -> str:
    """The row of the README that is true only where the repository is hosted."""
    site, binder = f"https://github.com/{home}", f"https://mybinder.org/v2/gh/{home}/{tag}?urlpath="
    rows = (
        ("tests", f"{site}/actions/workflows/tests.yml/badge.svg", f"{site}/actions/workflows/tests.yml"),
        (
            "Open in Binder",
            "https://mybinder.org/badge_logo.svg",
            f"{binder}lab/tree/notebooks/01_quickstart.ipynb",
        ),
        (
            "Open in Colab",
            "https://colab.research.google.com/assets/colab-badge.svg",
            f"https://colab.research.google.com/github/{home}/blob/{tag}/binder/colab.ipynb",
        ),
    )
    return "\n".join(f"[![{text}]({image})]({target})" for text, image, target in rows)


def with_buttons(readme: str, row: str) -> str:
    """The README with this row below its badges, in place of an older one."""
    head, rest = readme.split("<!-- badges -->\n", 1)
    inside, tail = rest.split("<!-- /badges -->", 1)
    own = [line for line in inside.splitlines() if not line.startswith("[![")]
    return f"{head}<!-- badges -->\n" + "\n".join([*own, row]) + f"\n<!-- /badges -->{tail}"


def main() -> None:
    if len(sys.argv) not in (2, 3) or not re.fullmatch(r"[\w.-]+/[\w.-]+", sys.argv[1]):
        sys.exit(__doc__)
    new, tag = sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else "main"
    old = current()
    for name in FILES:
        path = ROOT / name
        path.write_text(changed(path.read_text("utf-8"), old, new), "utf-8")
    path = ROOT / "README.md"
    path.write_text(with_buttons(path.read_text("utf-8"), buttons(new, tag)), "utf-8")
    print(f"{old} -> {new}. Look at it: git diff")


if __name__ == "__main__":
    main()
