"""Fixtures for tests of the widgets: a small network in an explorer, jobs run at once, the ones left running found."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest

from cnnvis_widgets import ModelExplorer, Network, load
from cnnvis_widgets.widgets.jobs import jobs

CLASSES = ("cat", "<b>dog</b>", "crane", "crane")


class InlineSlot:
    """Runs each job to its end inside ``start``, without rests."""

    def start(self, job: jobs.Job, *, replace: bool = True) -> None:
        job.rest = lambda seconds: True
        job.run()

    def stop(self, timeout: float | None = None) -> None:
        pass


@pytest.fixture
def inline_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "WRITING", InlineSlot())
    monkeypatch.setattr(jobs, "new_slot", InlineSlot)


@pytest.fixture
def no_leaked_jobs() -> Iterator[None]:
    """Fails a test that leaves a job's thread behind."""
    yield
    left = [thread for thread in threading.enumerate() if thread.name == "cnnvis-job"]
    for thread in left:  # a job that has just been cancelled may still be on its way out
        thread.join(5)
    assert not [thread for thread in left if thread.is_alive()], "a job was left running"


@pytest.fixture(scope="module")
def network() -> Network:
    """Two convolutions and four classes, over pictures of 20 × 24 pixels."""
    keras.utils.set_random_seed(3)
    layers = [
        keras.Input((20, 24, 3)),
        keras.layers.Conv2D(6, 3, activation="relu", name="first"),
        keras.layers.Conv2D(8, 3, activation="relu", name="second"),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(4, activation="softmax", name="classes"),
    ]
    return load(keras.Sequential(layers), class_names=CLASSES)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 20, 24, 3)).astype(np.float32)


@pytest.fixture
def explorer(network: Network, images: np.ndarray, tmp_path: Path, inline_jobs: None) -> Iterator[ModelExplorer]:
    """The network and the images of the module that asks, or those of this one, at the first activation function."""
    explorer = ModelExplorer(network, images, outdir=tmp_path / "Output", logdir=tmp_path / "Log")
    explorer.state.layer = next((layer for layer in network.layers if layer.family == "r"), network.layers[0]).name
    yield explorer
    explorer.close()
