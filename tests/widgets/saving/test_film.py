"""A film of a dream is kept in bounded memory and written beside earlier ones."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cnnvis_widgets.errors import OutputError
from cnnvis_widgets.results import DreamStep, Layer
from cnnvis_widgets.widgets.saving.film import Film

_LAYER = Layer("c", "convolution", "c", (None, 8, 8, 1), -1)
_STEP = DreamStep(
    _LAYER,
    False,
    (0,),
    ("0",),
    np.zeros((1, 8, 8, 3), np.float32),
    np.zeros(1, np.float32),
    0,
    1,
    0,
    50,
    (np.float32(0), np.float32(1)),
)


def _filled(count, **limits):
    film = Film(**limits)
    for index in range(count):
        film.add(replace(_STEP, index=index))
    return film


def test_every_step_is_kept_while_there_is_room():
    assert [step.index for step in _filled(5).steps] == [0, 1, 2, 3, 4]


def test_a_long_run_is_thinned_evenly_and_ends_with_its_newest_step():
    assert [step.index for step in _filled(50, frames=10).steps] == [0, 8, 16, 24, 32, 40, 48, 49]


def test_large_pictures_are_bounded_by_their_bytes():
    size = _STEP.images.size  # a byte for each value
    assert [step.index for step in _filled(12, size=3 * size).steps] == [0, 4, 8, 11]


def test_films_stand_beside_each_other(tmp_path):
    film = _filled(3)
    assert [film.write(tmp_path).name for _ in range(2)] == ["dream.gif", "dream_2.gif"]
    with Image.open(tmp_path / "dream.gif") as image:
        assert (image.format, image.size) == ("GIF", (8, 8))


def test_films_written_at_once_take_names_of_their_own(tmp_path):
    film = _filled(3)
    with ThreadPoolExecutor(8) as pool:
        names = {path.name for path in pool.map(film.write, [tmp_path] * 8)}
    assert len(names) == 8
    assert all((tmp_path / name).stat().st_size for name in names)


def test_a_film_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def full(*args):
        raise OutputError("Expected room. Received: none.")

    monkeypatch.setattr("cnnvis_widgets.widgets.saving.film.write_animation", full)
    with pytest.raises(OutputError, match="room"):
        _filled(3).write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_film_of_nothing_is_refused(tmp_path):
    with pytest.raises(OutputError, match="Start dreaming first"):
        Film().write(tmp_path)
