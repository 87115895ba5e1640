"""Every example in a docstring runs, and every public function has one."""

from __future__ import annotations

import doctest
import pkgutil
from importlib import import_module

import pytest

import cnnvis_widgets
from cnnvis_widgets import demo

ROOMS = ("cli", "demo", "demo.world", "engine.attribution", "imaging", "outputs")
"""Other rooms run their examples in tests of their own."""
SINGLE = ("demo", "engine.ops.windows", "errors", "legacy", "methods", "methods.method", "results")
MODULES = sorted(
    {
        *SINGLE,
        *(
            f"{room}.{module.name}"
            for room in ROOMS
            for module in pkgutil.iter_modules(import_module(f"cnnvis_widgets.{room}").__path__)
            if module.name not in ("__main__", "provenance")  # a program; and dreams have tests of their own
        ),
    }
)
WIDGETS = {"Exercise", "ModelExplorer", "WatchTraining"}
"""Their examples are the notebooks, which tests execute."""
PUBLIC = [getattr(cnnvis_widgets, name) for name in cnnvis_widgets.__all__] + [
    getattr(demo, name) for name in demo.__all__
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tests = doctest.DocTestFinder().find(import_module(f"cnnvis_widgets.{name}"))
    for test in tests:
        if test.examples:
            assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed == 0, test.name


@pytest.mark.parametrize(
    "function",
    [value for value in PUBLIC if callable(value) and value.__name__ not in WIDGETS],
    ids=lambda value: value.__name__,
)
def test_public_functions_have_an_example(function):
    assert ">>> " in function.__doc__
