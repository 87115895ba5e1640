"""Examples in docstrings run, and give what they say."""

import doctest
import importlib

import pytest

MODULES = ("activations", "reconstruction.reconstruct")


def examples():
    for name in MODULES:
        module = importlib.import_module(f"cnnvis_widgets.engine.{name}")
        yield from (found for found in doctest.DocTestFinder().find(module) if found.examples)


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name.removeprefix("cnnvis_widgets."))
def test_an_example_gives_what_it_says(example):
    assert doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example).failed == 0
