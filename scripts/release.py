#!/usr/bin/env python3
"""Prepare a release: check what tests do not see, write notes, and build what is to be uploaded.

    python scripts/release.py 0.2.0 --dry-run     # says what is missing, changes nothing
    python scripts/release.py 0.2.0               # sets the version, writes dist/ and dist/notes.md

It commits, tags and uploads nothing; it prints the commands for that. docs/releasing.md tells the whole way.
"""

from __future__ import annotations

import argparse
import datetime
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = r"\d+\.\d+\.\d+((a|b|rc)\d+)?"


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, text=True, capture_output=True, check=True).stdout.strip()


def problems(version: str) -> Iterator[str]:
    """What stands in the way of this release, each as a sentence that says what to do."""
    if not re.fullmatch(VERSION, version):
        yield f"{version!r} is no version such as 1.2.3 or 1.2.3rc1."
    if version in git("tag", "--list", f"v{version}").removeprefix("v").split():
        yield f"The tag v{version} exists. Choose the next number."
    if git("status", "--porcelain"):
        yield "There are changes that are not committed. Commit them first."
    if "OWNER" in re.findall(r'^Source = "(.+)"', read("pyproject.toml"), re.M)[0]:
        yield "The repository has no address yet. Run scripts/set_home.py OWNER/NAME."
    if not unreleased(read("CHANGELOG.md")).strip():
        yield "CHANGELOG.md says nothing under 'Unreleased'. Say what changed."


def unreleased(changelog: str) -> str:
    """What the change log says under its first heading 'Unreleased'."""
    parts = re.split(r"^## (.*)$\n", changelog, flags=re.M)
    return parts[2] if len(parts) > 2 and parts[1].startswith("Unreleased") else ""


def with_version(version: str, today: str) -> dict[str, str]:
    """The files that name the version, with the new one."""
    init = re.sub(r'^__version__ = ".*"', f'__version__ = "{version}"', read("cnnvis_widgets/__init__.py"), flags=re.M)
    cited = re.sub(r"^version: .*", f"version: {version}", read("CITATION.cff"), flags=re.M)
    cited = re.sub(r"^date-released: .*", f"date-released: {today}", cited, flags=re.M)
    log = re.sub(r"^## Unreleased.*$", f"## {version} ({today})", read("CHANGELOG.md"), count=1, flags=re.M)
    return {"cnnvis_widgets/__init__.py": init, "CITATION.cff": cited, "CHANGELOG.md": log}


def build() -> list[Path]:
    """Wheel and archive of sources, built and checked."""
    for old in (ROOT / "dist").glob("*"):
        old.unlink()
    subprocess.run([sys.executable, "-m", "build", "--outdir", "dist"], cwd=ROOT, check=True)
    files = sorted((ROOT / "dist").iterdir())
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *files], check=True)
    [wheel] = (file for file in files if file.suffix == ".whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in ("demo/digits.npz", "demo/class_names.txt", "imaging/photos/chelsea.png", "py.typed"):
            archive.getinfo(f"cnnvis_widgets/{name}")
    return files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version")
    parser.add_argument("--dry-run", action="store_true", help="only say what is missing")
    options = parser.parse_args()
    missing = list(problems(options.version))
    print(*(f"- {problem}" for problem in missing), sep="\n", end="\n" if missing else "")
    if missing or options.dry_run:
        sys.exit(1 if missing else 0)
    notes = unreleased(read("CHANGELOG.md"))
    for name, text in with_version(options.version, datetime.date.today().isoformat()).items():
        (ROOT / name).write_text(text, "utf-8")
    files = build()
    (ROOT / "dist" / "notes.md").write_text(f"# cnnvis_widgets {options.version}\n\n{notes.strip()}\n", "utf-8")
    print("Built:", *files, "Notes: dist/notes.md", "Then:", sep="\n    ")
    print(f"    git commit -am 'Release {options.version}' && git tag v{options.version} && git push --follow-tags")
    print(f"    python -m twine upload {' '.join(str(file.relative_to(ROOT)) for file in files)}")


if __name__ == "__main__":
    main()
