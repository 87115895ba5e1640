"""Steering: the schedule of octaves, and changes while a dream runs."""

import numpy as np
import pytest
from dreams import run
from networks import photo

from cnnvis_widgets import DreamControls, dream
from cnnvis_widgets.engine.dreaming.steering import octave_sizes
from cnnvis_widgets.engine.runtime.resizing import resize


def test_octaves_grow_and_keep_the_photo(free):
    steps = run(free, None, "c", 0, start=photo(96), octaves=3, steps=2)
    assert [step.images.shape[1] for step in steps] == [49, 49, 69, 69, 96, 96]
    assert [step.octave for step in steps] == [0, 0, 1, 1, 2, 2]
    assert steps[0].octaves == 3
    assert np.abs(steps[-1].images - photo(96)).mean() < 0.1
    assert octave_sizes((224, 224), 9, 1.4)[0][0] >= 32


def test_small_pictures_make_all_steps_in_the_octaves_that_are_left(free):
    """A part of a thing that is drawn at half its size, and enlarged for the network, is another part."""
    assert octave_sizes((90, 90), 4, 1.4) == [(33, 33), (46, 46), (64, 64), (90, 90)]
    for side, sides in ((64, [64] * 12), (90, [64] * 6 + [90] * 6), (63, [63] * 3)):
        steps = run(free, None, "c", 0, size=(side, side), octaves=4 if side > 63 else 1, steps=3)
        assert [step.images.shape[1] for step in steps] == sides
        assert steps[0].total == len(sides)


def test_a_run_is_steered_between_its_steps(free):
    options = {"start": photo(40), "octaves": 2, "steps": 3}
    controls, plain = DreamControls(), run(free, None, "c", 0, **options)
    steps = dream(free, None, "c", 0, value_range=(0, 1), controls=controls, **options)
    first = next(steps)
    np.testing.assert_array_equal(first.images, plain[0].images)
    assert first.recipe["steered"] == []
    controls.step_size = 0.0
    second = next(steps)
    np.testing.assert_array_equal(second.images, first.images)
    assert second.recipe["steered"] == [(1, {"step_size": 0.0})]
    controls.step_size, controls.strength = 1.5, 0.0
    third = next(steps)
    np.testing.assert_allclose(third.images, run(free, None, "c", 0, **options, strength=0)[2].images)
    assert np.abs(third.dreamt - second.images).max() > 0.001


def places(steps):
    return [(step.index, step.octave, step.images.shape[1], step.octaves, step.total) for step in steps]


def test_the_number_of_steps_changes_while_a_run_goes_on(free):
    controls = DreamControls()
    options = {"octaves": 3, "size": (128, 128), "value_range": (0, 1), "controls": controls}
    steps = dream(free, None, "c", 0, steps=3, **options)
    seen = [next(steps), next(steps)]
    controls.steps = 1  # the octave has made two: it ends
    seen.append(next(steps))
    controls.steps = 2  # one more for the running octave, although it had made all of its steps
    seen += [next(steps), next(steps)]
    controls.steps = None
    seen += steps
    assert places(seen) == [
        (0, 0, 65, 3, 9),
        (1, 0, 65, 3, 9),
        (2, 1, 91, 3, 4),
        (3, 1, 91, 3, 6),
        (4, 2, 128, 3, 6),
        (5, 2, 128, 3, 7),
        (6, 2, 128, 3, 7),
    ]


def test_the_number_of_octaves_changes_while_a_run_goes_on(free):
    controls = DreamControls()
    options = {"octaves": 3, "size": (128, 128), "value_range": (0, 1), "controls": controls}
    steps = dream(free, None, "c", 0, steps=1, **options)
    seen = [next(steps)]
    controls.octaves = 5
    seen += [next(steps), next(steps)]
    controls.octaves = 1  # the last size is reached all the same
    seen += steps
    assert places(seen) == [(0, 0, 65, 3, 3), (1, 1, 77, 5, 5), (2, 2, 91, 5, 5), (3, 3, 128, 4, 4)]
    controls.octaves = 2
    assert [step.octave for step in dream(free, None, "c", 0, steps=1, **options)] == [0, 1]


def test_an_octave_is_undone_while_it_runs(free):
    controls = DreamControls()
    steps = dream(free, None, "c", 0, octaves=2, steps=3, value_range=(0, 1), size=(60, 60), controls=controls)
    seen = [next(steps) for _ in range(5)]
    assert (seen[3].octave, seen[4].octave) == (1, 1)
    controls.undo_octave()
    controls.step_size = 0.0
    assert controls.undoing
    again = next(steps)
    assert not controls.undoing
    assert (again.index, again.octave) == (3, 1)
    np.testing.assert_array_equal(again.images, resize(seen[2].images, (60, 60)))
    assert again.recipe["steered"] == [(5, {"step_size": 0.0, "undo": True})]
    controls.undo_octave()  # at the first step of an octave: the one before
    assert [(step.index, step.octave) for step in steps] == [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 1)]


def test_controls_check_what_they_are_given(network):
    controls = DreamControls()
    for name, value, expected in (
        ("step_size", -1, "step_size of at least 0"),
        ("step_size", np.nan, "step_size"),
        ("steps", 0, "of at least 1"),
        ("strength", 2, "strength from 0 to 1"),
        ("octaves", 1.5, "a whole number of at least 1"),
    ):
        with pytest.raises(ValueError, match=rf"Expected .*{expected}.*Received: {name}={value}"):
            setattr(controls, name, value)
    steps = dream(network, None, "inner", 0, controls=controls)
    controls.strength = 0.5
    with pytest.raises(ValueError, match="on a photo only"):
        next(steps)
    with pytest.raises(ValueError, match="on a photo only"):
        dream(network, None, "inner", 0, controls=controls)
