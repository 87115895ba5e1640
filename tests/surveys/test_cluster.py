"""Surveys on Dask: however many workers of as many threads each, and those that die, they write the same bytes."""

import os
import signal
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from distributed import Client, LocalCluster
from networks import keras_cnn
from surveying import assert_same_files, surveyed

import cnnvis_widgets
from cnnvis_widgets import Survey
from cnnvis_widgets.errors import OptionError

pytestmark = pytest.mark.filterwarnings("ignore:Port 8787:UserWarning")


@pytest.fixture(scope="module")
def network():
    return cnnvis_widgets.load(keras_cnn())


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(1).integers(0, 256, (50, 20, 20, 3), np.uint8)


@pytest.fixture(scope="module")
def here(network, pixels, tmp_path_factory):
    return surveyed(network, pixels, tmp_path_factory.mktemp("here") / "Survey").index.folder


@contextmanager
def cluster_of(workers, **options):
    options = {"threads_per_worker": 1, "dashboard_address": None, "memory_limit": "3GB"} | options
    with LocalCluster(n_workers=workers, **options) as cluster, Client(cluster) as client:
        yield client


def test_threads(network, pixels, here, tmp_path):
    with cluster_of(2, processes=False, memory_limit=0) as client:
        surveyed(network, pixels, tmp_path, client=client)
        assert_same_files(here, tmp_path)
        address = client.scheduler.address
        surveyed(network, pixels, tmp_path / "by address", client=address)
        assert_same_files(here, tmp_path / "by address")


@pytest.fixture(scope="module")
def one_worker(network, pixels, tmp_path_factory):
    with cluster_of(1) as client:
        return surveyed(network, pixels, tmp_path_factory.mktemp("one") / "Survey", client=client)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 4])
def test_processes(network, pixels, one_worker, tmp_path, workers):
    with cluster_of(workers) as client:
        surveyed(network, pixels, tmp_path, client=client)
    assert_same_files(one_worker.index.folder, tmp_path)


@pytest.mark.slow
def test_other_numbers_of_threads_change_last_digits_at_most(here, one_worker):
    """Without oneDNN, TensorFlow cuts a convolution by its threads, and so adds in another order."""
    alone = Survey.open(here)
    for layer in alone.layers:
        np.testing.assert_allclose(one_worker.maxima(layer), alone.maxima(layer), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_a_killed_worker(network, pixels, tmp_path, tmp_path_factory):
    with cluster_of(2) as client:
        victim = next(iter(client.run(os.getpid).values()))

        def kill():
            while not (tmp_path / "partition-000000").exists() and not (tmp_path / "partition-000001").exists():
                time.sleep(0.01)
            os.kill(victim, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        surveyed(network, pixels, tmp_path, client=client, partition=3)
        killer.join()
        assert victim not in client.run(os.getpid).values()
    alone = surveyed(network, pixels, tmp_path_factory.mktemp("alone"), partition=3)
    assert_same_files(alone.index.folder, tmp_path)


def test_what_is_no_client(network, pixels, tmp_path):
    with pytest.raises(OptionError, match=r"Expected a distributed.Client or the address"):
        surveyed(network, pixels, tmp_path, client=8)
