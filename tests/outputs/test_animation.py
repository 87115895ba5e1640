"""Films of dreams: frames of one size, GIF, and MP4 where it can be made."""

import subprocess
import sys
from dataclasses import replace

import imageio_ffmpeg
import keras
import numpy as np
import pytest
from networks import photo
from PIL import Image

from cnnvis_widgets import dream, load
from cnnvis_widgets.errors import MissingPackageError, OptionError, OutputError
from cnnvis_widgets.outputs.animation import frames, write_animation


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(1)
    conv = keras.layers.Conv2D(6, 5, activation="relu", name="c")
    return load(keras.Sequential([keras.Input((None, None, 3)), conv]), photo(64))


@pytest.fixture(scope="module")
def steps(network):
    return list(dream(network, None, "c", [0, 1], start="feed", octaves=2, steps=3, value_range=(0, 1)))


def test_frames_have_the_size_of_the_last(steps):
    shown = list(frames(steps, 1))
    assert steps[0].images.shape[1:3] == (46, 46)
    assert [frame.shape for frame in shown] == [(64, 64, 3)] * 6
    assert shown[0].dtype == np.uint8
    np.testing.assert_allclose(shown[-1], steps[-1].images[1] * 255, atol=1)


def test_a_gif_plays_every_step_and_rests_on_the_last(steps, tmp_path):
    path = write_animation(steps, tmp_path / "dream.gif", rate=10)
    with Image.open(path) as film:
        assert film.size == (64, 64)
        durations = []
        for number in range(film.n_frames):
            film.seek(number)
            durations.append(film.info["duration"])
        assert film.n_frames >= 6
        assert sum(durations) == 1600
        last = np.asarray(film.convert("RGB"), float)
    assert np.abs(last - steps[-1].images[0] * 255).mean() < 20  # of noise, with 256 colours


def test_an_mp4_plays_every_step_and_rests_on_the_last(steps, tmp_path):
    colours = np.linspace(0.1, 0.9, len(steps))  # noise would not survive the compression
    plain = [replace(step, images=np.full_like(step.images, each)) for step, each in zip(steps, colours, strict=True)]
    path = write_animation(plain, tmp_path / "dream.mp4", rate=10)
    decode = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(decode, capture_output=True, check=True).stdout
    shown = np.frombuffer(raw, np.uint8).reshape(-1, 64, 64, 3).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(shown, 255 * np.array([*colours, *[colours[-1]] * 10]), atol=6)


def test_what_cannot_be_written_is_said(steps, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"ending in \.gif or \.mp4"):
        write_animation(steps, tmp_path / "dream.avi")
    with pytest.raises(ValueError, match="at least one step"):
        write_animation([], tmp_path / "dream.gif")
    with pytest.raises(OutputError, match="file that can be written"):
        write_animation(steps, tmp_path / "none" / "dream.gif")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)  # as if it were not installed
    with pytest.raises(MissingPackageError, match=r"imageio_ffmpeg.*cnnvis_widgets\[video\]"):
        write_animation(steps, tmp_path / "dream.mp4")


@pytest.mark.parametrize("rate", [0, -1, 1e9, float("nan"), float("inf"), "15", None])
def test_a_rate_that_no_film_has_is_refused_at_once(steps, tmp_path, rate):
    with pytest.raises(OptionError, match=r"at most 240 frames per second\. Received: rate="):
        write_animation(steps, tmp_path / "dream.gif", rate=rate)


@pytest.mark.parametrize("picture", [2, -3, 0.5, "a", None])
def test_a_picture_that_is_not_there_is_refused(steps, tmp_path, picture):
    with pytest.raises(OptionError, match=r"one of 2 pictures\. Received: picture="):
        write_animation(steps, tmp_path / "dream.gif", picture=picture)
