"""Settings are in pyproject.toml, except the README: its links and its pip line must work outside the repository."""

import re
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent


def readme() -> str:
    """The README for a page that is not the repository: absolute addresses, and an index to install from."""
    text = (ROOT / "README.md").read_text("utf-8")
    [home] = re.findall(r'^Source = "(.+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
    raw = home.replace("https://github.com/", "https://raw.githubusercontent.com/")
    text = re.sub(r"(!\[[^\]]*\]\()(?!https?:|#)", rf"\1{raw}/main/", text)
    text = re.sub(r"((?<!!)\[(?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*\]\()(?!https?:|#)", rf"\1{home}/blob/main/", text)
    return text.replace('pip install ".[', 'pip install "cnnvis_widgets[')


setup(long_description=readme(), long_description_content_type="text/markdown")
