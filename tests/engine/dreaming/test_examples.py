"""The examples in the documentation of dreams are run, and every public callable has one."""

import doctest
from types import FunctionType

import pytest

from cnnvis_widgets import DreamControls, DreamOptions, dream, objectives, parameterizations, recreate, transforms, zoom

CALLABLES = [
    dream,
    zoom,
    recreate,
    DreamControls,
    DreamOptions,
    *(getattr(objectives, name) for name in ("channel", "logit", "unit", "region", "layer")),
    *(
        getattr(objectives, name)
        for name in ("direction", "direction_cosine", "masked", "guide", "caricature", "inversion", "diversity")
    ),
    *(getattr(objectives, name) for name in ("total_variation", "l1", "l2")),
    *(getattr(parameterizations, name) for name in ("pixels", "fourier", "maco", "magnitude_spectrum")),
    parameterizations.colour_statistics,
    *(getattr(transforms, name) for name in ("jitter", "scale", "rotate", "pad", "crop", "noise", "compose")),
]


@pytest.mark.parametrize("documented", CALLABLES, ids=lambda documented: documented.__name__)
def test_the_example_runs(documented):
    examples = doctest.DocTestFinder(recurse=False).find(documented, documented.__name__, globs={})
    runs = [doctest.DocTestRunner().run(example) for example in examples]
    assert [run.failed for run in runs] == [0]
    assert runs[0].attempted >= 2


def test_every_objective_is_among_them():
    public = {
        name
        for name, value in vars(objectives).items()
        if isinstance(value, FunctionType) and value.__module__ == objectives.__name__ and not name.startswith("_")
    }
    assert public == {item.__name__ for item in CALLABLES if item.__module__ == objectives.__name__}
