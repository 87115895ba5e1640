"""The precision of dreams: measured once for a network, said in the recipe, and close to float32."""

import numpy as np
import pytest
from dreams import run
from networks import keras_cnn, photo

from cnnvis_widgets import DreamOptions, dream, load
from cnnvis_widgets.engine.devices import assumed, cpu, gpu
from cnnvis_widgets.engine.dreaming import faster_precision
from cnnvis_widgets.engine.dreaming.dream import dream_with
from cnnvis_widgets.errors import OptionError

WAYS = [{}, {"start": "feed"}, {"size": (70, 70), "steps": 2}]


@pytest.fixture
def timed(monkeypatch):
    """A function that sets what a convolution and a step take in bfloat16; tells the precisions that were timed."""
    precisions: list[str] = []

    def set_times(on_cpu: float, half_takes: float, exact_takes: float = 1.0):
        durations = {"float32": exact_takes, "bfloat16": half_takes * exact_takes}

        def shortest(call, times):
            call()
            precisions.append(("float32", "bfloat16")[len(precisions) % 2])
            return durations[precisions[-1]]

        monkeypatch.setattr(faster_precision, "bfloat16_share", lambda: on_cpu)
        monkeypatch.setattr(faster_precision, "shortest", shortest)
        monkeypatch.setattr(faster_precision, "_MEASURED", {})
        return precisions

    return set_times


def precision_in(step):
    return step.recipe["options"]["precision"]


@pytest.mark.parametrize(
    ("on_cpu", "half_takes", "exact_takes", "chosen", "timings"),
    [(1.3, 0.1, 1.0, "float32", 0), (0.5, 0.1, 1.0, "bfloat16", 2), (0.5, 0.9, 1.0, "float32", 2),
     (0.5, 0.1, 0.001, "float32", 1)],
)  # fmt: skip
@pytest.mark.usefixtures("cpu_policy")
def test_the_precision_is_measured_once_for_a_network(timed, on_cpu, half_takes, exact_takes, chosen, timings):
    precisions = timed(on_cpu, half_takes, exact_takes)
    by_name = {each: run(load(keras_cnn(), photo()), None, "scores", 1, precision=each)[-1] for each in
               ("float32", "bfloat16")}  # fmt: skip
    for _ in range(2):
        step = run(load(keras_cnn(), photo()), None, "scores", 1, precision="auto")[-1]
        assert precision_in(step) == chosen
        assert step.images.tobytes() == by_name[chosen].images.tobytes()
    assert len(precisions) == timings
    assert by_name["float32"].images.tobytes() != by_name["bfloat16"].images.tobytes()


@pytest.mark.parametrize("options", WAYS)
def test_both_precisions_make_nearly_the_same_step(network, options):
    exact, half = (run(network, None, "scores", 1, precision=each, **options) for each in ("float32", "bfloat16"))
    assert [precision_in(step) for step in (exact[0], half[0])] == ["float32", "bfloat16"]
    assert half[0].images.dtype == np.float32
    np.testing.assert_allclose(half[0].scores, exact[0].scores, rtol=0.02, atol=0.02)
    assert np.corrcoef(exact[0].images.ravel(), half[0].images.ravel())[0, 1] > 0.99
    np.testing.assert_allclose(half[-1].scores, exact[-1].scores, rtol=0.02, atol=0.02)


@pytest.mark.usefixtures("cpu_policy")
def test_a_recipe_repeats_a_dream_in_its_precision(network, timed):
    timed(0.5, 0.1)
    assert precision_in(run(network, None, "scores", 1, steps=1)[-1]) == "float32"
    step = run(network, None, "scores", 1, steps=3, precision="auto")[-1]
    assert precision_in(step) == "bfloat16"
    timed(1.3, 0.1)
    options = DreamOptions.from_dict(step.recipe["options"])
    *_, again = dream_with(network, "scores", 1, options)
    assert precision_in(again) == "bfloat16"
    assert again.images.tobytes() == step.images.tobytes()


def test_nothing_is_timed_where_it_was_said_or_on_a_gpu(network, monkeypatch):
    monkeypatch.setattr(faster_precision, "bfloat16_share", lambda: pytest.fail("it was measured"))
    assert precision_in(run(network, None, "scores", 1, steps=1, precision="float32")[0]) == "float32"
    with assumed(gpu()):
        assert precision_in(run(network, None, "scores", 1, steps=1, precision="auto")[0]) == "float32"
    with assumed(cpu()), pytest.raises(pytest.fail.Exception, match="measured"):
        next(dream(network, None, "scores", 1, steps=1, precision="auto"))


def test_another_precision_is_refused():
    with pytest.raises(OptionError, match=r"one of 'float32', 'bfloat16', 'auto'\. Received: precision='half'"):
        DreamOptions(precision="half")
