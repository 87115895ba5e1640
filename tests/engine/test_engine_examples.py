"""The examples in the documentation of the engine are run, and every public callable has one."""

import doctest

import pytest

from cnnvis_widgets import Network, activations, load, reconstruct
from cnnvis_widgets.engine.reconstruction.reconstruct import reconstruct_steps
from cnnvis_widgets.engine.training import TrainingHistory

CALLABLES = [load, activations, reconstruct, reconstruct_steps, TrainingHistory]

METHODS = [
    *("select", "layer", "describe", "coverage", "receptive_field", "feeds", "images", "value_range", "fingerprint"),
    *("nonfinite_weights", "head", "before_saturation", "to_bytes", "close"),
]


def run(documented, globals_):
    [example] = doctest.DocTestFinder(recurse=False).find(documented, documented.__name__, globs=globals_)
    assert example.examples
    assert doctest.DocTestRunner().run(example, clear_globs=False).failed == 0
    return example.globs


@pytest.fixture(scope="module")
def of_the_class():
    """The names that the example of ``Network`` defines, for those of its methods."""
    return run(Network, {})


def test_every_method_of_a_network_has_an_example():
    methods = {name for name, member in vars(Network).items() if callable(member) and not name.startswith("_")}
    assert methods == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_the_example_of_a_method_runs(of_the_class, name):
    run(getattr(Network, name), dict(of_the_class))


@pytest.mark.parametrize("documented", CALLABLES, ids=lambda documented: documented.__name__)
def test_the_example_runs(documented):
    run(documented, {documented.__name__: documented})
