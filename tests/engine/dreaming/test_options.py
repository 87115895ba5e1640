"""The options of a dream: defaults, checks, and the signatures that show them."""

import inspect
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from dreams import run
from networks import photo

from cnnvis_widgets import DreamOptions, dream, zoom
from cnnvis_widgets.engine.dreaming import parameterizations, transforms
from cnnvis_widgets.errors import OptionError


def test_noise_is_dreamt_as_a_spectrum_where_it_is_large_enough(free):
    large, small = (run(free, None, "c", 1, size=size)[-1].recipe["options"] for size in ((64, 64), (63, 80)))
    assert large["parameterization"]["kind"] == "Fourier"
    assert small["parameterization"] is None
    assert run(free, None, "c", 1, start=photo(64))[-1].recipe["options"]["parameterization"] is None


def test_each_option_changes_the_result(free):
    def final(**options):
        return run(free, None, "c", 1, **({"size": (96, 96), "steps": 3, "octaves": 2} | options))[-1].images

    plain = final()
    for option in ({"step_size": 4.0}, {"laplacian_levels": 1}, {"octave_scale": 1.8}, {"steps": 4}, {"octaves": 1}):
        assert np.abs(final(**option) - plain).max() > 1e-3, option


def test_options_that_mean_nothing_here_are_refused(free):
    cases = [
        ("laplacian_levels for pixels only", {"laplacian_levels": 2, "parameterization": parameterizations.fourier()}),
        ("a transform beside a parameterization", {"transform": transforms.jitter(2), "start": photo(64)}),
        ("mask and strength on a photo only", {"strength": 0.5}),
        ("strength from 0 to 1", {"strength": 1.5, "start": photo(64)}),
        ("pictures of at least 1", {"pictures": 0}),
        ("views of at least 1", {"views": 0}),
        (r"octaves of at least 1\. Received: octaves=1.5\. Give a whole number", {"octaves": 1.5}),
        (r"step_size of at least 0\. Received: step_size=nan", {"step_size": np.nan}),
        (r"step_size of at least 0\. Received: step_size=inf", {"step_size": np.inf}),
        (r"octave_scale of at least 1\. Received: octave_scale=None", {"octave_scale": None}),
        (r"seed of at least 0\. Received: seed=None", {"seed": None}),
        (r"a size of 2 numbers .* Received: size=\(64,\)", {"size": (64,)}),
        (
            r"numbers from 0 to 1\. Received: mask of shape \(2, 2\), from 0 to 255",
            {"mask": 255 * np.eye(2), "start": photo(64)},
        ),
        (r"numbers from 0 to 1\. Received: mask of shape \(1, 0\), empty", {"mask": [[]], "start": photo(64)}),
        (r"size as \(height, width\) in pixels\. Received: size=\(0, 64\)", {"size": (0, 64)}),
        ("several views of one picture with a parameterization", {"views": 2, "size": (40, 40)}),
        ("a transform beside a parameterization", {"transform": transforms.jitter(2), "size": (40, 40)}),
        (r"Expected an option of dream\. Received: 'octave'\. Nearest names: 'octaves', 'octave_scale'", {"octave": 2}),
        ("several views of one picture", {"views": 2, "pictures": 2}),
        ("several views of one picture", {"views": 2, "start": photo(64)}),
        (r"parameterizations.fourier\(\).*Received: parameterization='fourier'", {"parameterization": "fourier"}),
        (r"transforms.jitter\(8\).*Received: transform='jitter'", {"transform": "jitter"}),
    ]
    for message, options in cases:
        with pytest.raises(OptionError, match=message):
            dream(free, None, "c", 1, **{"size": (64, 64)} | options)


def test_options_are_checked_when_they_are_made():
    with pytest.raises(OptionError, match="Expected octaves of at least 1"):
        DreamOptions(octaves=0)
    with pytest.raises(FrozenInstanceError):
        DreamOptions().seed = 1
    assert DreamOptions(octaves=4, seed=0, start="feed").changed == {"start": "feed", "octaves": 4}


def test_every_option_is_in_the_signatures():
    names = [item.name for item in fields(DreamOptions)]
    for function, own in ((dream, ["resume", "controls"]), (zoom, ["frames", "rate"])):
        keywords = list(inspect.signature(function).parameters.values())[4:]
        assert [keyword.name for keyword in keywords] == own + names
        assert all(keyword.kind is inspect.Parameter.KEYWORD_ONLY for keyword in keywords)
    assert inspect.signature(dream).parameters["octave_scale"].default == 1.4
    assert [inspect.signature(zoom).parameters[name].default for name in ("start", "octaves", "steps")] == [
        "feed",
        1,
        4,
    ]


def test_defaults_are_those_of_pixels_or_of_parameters(free):
    def resolved(photo_size=None, **options):
        return DreamOptions(**options).resolved(free, photo_size)

    noise, small, on_photo = resolved(), resolved(size=(63, 80)), resolved((70, 90), start=photo(64))
    assert (noise.octaves, noise.steps, noise.step_size, noise.size) == (4, 32, 1.0, (224, 224))
    assert (noise.parameterization.name, noise.laplacian_levels) == ("fourier", None)
    for pixels in (small, on_photo):
        assert (pixels.octaves, pixels.steps, pixels.step_size, pixels.laplacian_levels) == (4, 20, 1.5, 4)
        assert pixels.parameterization is None
    assert on_photo.size == (70, 90)
    assert [end.dtype for end in noise.value_range] == [np.float32] * 2
    assert resolved(octaves=2, steps=3, step_size=0.0, size=[64, 64]).to_dict() == {
        **noise.to_dict(),
        "octaves": 2,
        "steps": 3,
        "step_size": 0.0,
        "size": [64, 64],
    }
