"""Whatever a public function gets, an error is one of ours, and it comes soon and without much memory."""

import datetime
import inspect
import resource
import signal
import string
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import cnnvis_widgets as cv

sys.path.insert(0, str(Path(__file__).parents[1]))  # tests.fuzzing is a package, for its own processes

from tests.fuzzing.calls import HIDDEN, METHODS, MODULES, ODD, SLOW, functions, new_catalogue, parameters_of

SECONDS, MOST_MORE = 60, 2 * 2**30

letters = st.text(st.characters(), max_size=20) | st.text(string.printable, max_size=5)
scalars = st.one_of(
    *(st.none(), st.booleans(), st.integers(-3, 12), st.integers(-(10**30), -(10**9)), st.integers(10**9, 10**30)),
    *(st.floats(), st.complex_numbers(), letters, st.binary(max_size=20), st.just(datetime.date(2026, 1, 1))),
)
collections = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(letters | st.integers(-2, 9), inner, max_size=3)
    ),
    max_leaves=6,
)
dtypes = st.one_of(
    *(arrays.boolean_dtypes(), arrays.integer_dtypes(), arrays.floating_dtypes(), arrays.complex_number_dtypes()),
    *(arrays.datetime64_dtypes(), arrays.timedelta64_dtypes(), arrays.unicode_string_dtypes(max_len=5)),
)
tensors = dtypes.flatmap(
    lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=9))
)
values = st.sampled_from(list(ODD)).map(ODD.get) | collections | tensors


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)  # where an odd name may put files
        yield new_catalogue()


def late(*_):
    raise TimeoutError


def run_odd(call, odd):
    """Make a call; only an error of ours may come out of it."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    previous = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call.run(odd)
    except cv.errors.CnnvisError:
        pass
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < MOST_MORE


@st.composite
def odd_calls(draw, names):
    name = draw(st.sampled_from(names))
    parameters = draw(st.lists(st.sampled_from(list(parameters_of(name))), min_size=1, max_size=2, unique=True))
    return name, {parameter: draw(values) for parameter in parameters}


def properties(names, count):
    return lambda test: settings(
        max_examples=count, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )(given(odd=odd_calls(sorted(names)))(test))


def test_every_public_name_is_called():
    called = {name.partition(".")[0] for name in functions()}
    assert called | {"Network", "errors", "results"} == set(cv.__all__)
    assert {name.rpartition(".")[0] for name in HIDDEN} <= set(MODULES)
    assert all(f"{owner}.{method}" in functions() for owner, names in METHODS.items() for method in names)


def test_every_public_call_explains_arguments_that_do_not_fit():
    called = {name: call.__init__ if inspect.isclass(call) else call for name, call in functions().items()}
    assert [name for name, call in called.items() if not hasattr(call, "__wrapped__")] == []  # by ``checked``


@pytest.mark.parametrize("name", [name for name in functions() if name not in SLOW])
def test_whole_arguments_are_accepted(catalogue, name):
    if name == "demo.application":  # the whole ones would download weights
        pytest.skip("nothing is downloaded here")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        catalogue.calls[name].run({})


@properties([name for name in functions() if name not in SLOW], 150)
def test_odd_arguments_are_accepted_or_refused(catalogue, odd):
    run_odd(catalogue.calls[odd[0]], odd[1])


@pytest.mark.slow
@properties(functions(), 5_000)
def test_thousands_of_odd_arguments(catalogue, odd):
    run_odd(catalogue.calls[odd[0]], odd[1])
