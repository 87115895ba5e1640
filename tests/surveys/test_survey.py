"""Surveys: the same answer as plain NumPy, whatever the cut; what is complete survives every stop."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from networks import keras_cnn
from oracles import survey as oracle
from surveying import LAYERS, assert_same_files, files_of, surveyed

import cnnvis_widgets
from cnnvis_widgets import Survey, survey
from cnnvis_widgets.errors import ChannelError, FeedWarning, LayerError, OptionError, OutputError
from cnnvis_widgets.surveys import index as index_module


@pytest.fixture(scope="module")
def network():
    return cnnvis_widgets.load(keras_cnn())


@pytest.fixture(scope="module")
def pixels():
    images = np.random.default_rng(1).integers(0, 256, (50, 20, 20, 3), np.uint8)
    images[7] = images[21]  # a tie in every channel
    return images


@pytest.fixture(scope="module")
def whole(network, pixels, tmp_path_factory):
    return surveyed(network, pixels, tmp_path_factory.mktemp("whole") / "Survey")


@pytest.mark.parametrize("options", [{}, {"partition": 50, "batch": 50}, {"partition": 7, "batch": 5, "top": 3}])
def test_a_plain_oracle_finds_the_same_images(network, pixels, tmp_path, options):
    found = surveyed(network, pixels, tmp_path, **options)
    table = found.to_dataframe()
    keys = [str(number) for number in range(50)]
    maps = [each.values for each in cnnvis_widgets.activations(network, pixels, [*LAYERS, network.logits])]
    assert found.keys == tuple(keys)
    for layer, values in zip(found.layers, maps, strict=True):
        rows = table[table.layer == layer.name]
        for channel, expected in enumerate(oracle.strongest(keys, values, options.get("top", 9))):
            entries = rows[rows.channel == channel]
            assert list(entries.key) == [key for key, _, _ in expected]
            assert list(entries.unit) == [unit for _, _, unit in expected]
            np.testing.assert_allclose(list(entries.value), [value for _, value, _ in expected], rtol=1e-5)
        maxima = values.reshape(50, -1, values.shape[-1]).max(axis=1)
        np.testing.assert_allclose(found.maxima(layer), maxima, rtol=1e-5, atol=1e-6)
        counts = found.layer_summary(layer).counts
        np.testing.assert_array_equal(counts.images, 50)
        np.testing.assert_array_equal(counts.fired, (maxima > 0).sum(axis=0))
        np.testing.assert_allclose(counts.total, maxima.sum(axis=0, dtype=float), rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(counts.squares, (maxima.astype(float) ** 2).sum(axis=0), rtol=1e-5)
        np.testing.assert_allclose(counts.lowest, maxima.min(axis=0), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(counts.highest, maxima.max(axis=0), rtol=1e-5)


def test_signals_dense_layers_and_channels_in_front(tmp_path):
    import keras

    signal = keras.Input((30, 2))
    model = keras.Model(signal, keras.layers.Conv1D(4, 5, name="edges")(signal))
    signals = np.random.default_rng(0).random((9, 30, 2)).astype(np.float32)
    found = survey(model, signals, "edges", out=tmp_path / "signals", progress=False)
    (maps,) = cnnvis_widgets.activations(model, signals, "edges")
    expected = oracle.strongest(list("012345678"), maps.values, 9)
    table = found.to_dataframe()
    for channel in range(4):
        rows = table[(table.layer == found.layers[0].name) & (table.channel == channel)]
        assert list(rows.unit) == [unit for _, _, unit in expected[channel]]


def test_two_runs_write_the_same_bytes(network, pixels, whole, tmp_path):
    surveyed(network, pixels, tmp_path / "again")
    assert_same_files(whole.index.folder, tmp_path / "again")


def test_an_interrupted_survey_keeps_what_is_complete_and_goes_on(network, pixels, whole, tmp_path):
    def interrupted():
        yield from pixels[:30]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        surveyed(network, interrupted(), tmp_path)
    partial = Survey.open(tmp_path)
    assert partial.index.partitions() in ([0], [0, 1])
    assert list(partial.keys) == [str(number) for number in range(12 * len(partial.index.partitions()))]
    before = (tmp_path / "partition-000000/images.parquet").stat().st_mtime_ns
    found = surveyed(network, pixels, tmp_path)
    assert (tmp_path / "partition-000000/images.parquet").stat().st_mtime_ns == before
    assert len(found) == 50
    assert_same_files(whole.index.folder, tmp_path)


SCRIPT = """
import sys
import numpy as np
from networks import keras_cnn
from surveying import surveyed

pixels = np.load(sys.argv[1])
surveyed(keras_cnn(), pixels, sys.argv[2])
"""


def test_a_killed_process_loses_no_complete_partition(pixels, whole, tmp_path):
    np.save(tmp_path / "pixels.npy", pixels)
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])])
    }
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "pixels.npy"), str(tmp_path / "Survey")]
    process = subprocess.Popen(command, env=environment)
    first = tmp_path / "Survey/partition-000000"
    while not first.exists() and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert first.exists()
    network = cnnvis_widgets.load(keras_cnn())
    for number in Survey.open(tmp_path / "Survey").index.partitions():
        assert len(files_of(tmp_path / f"Survey/partition-{number:06d}")) == 4
    surveyed(network, pixels, tmp_path / "Survey")
    assert_same_files(whole.index.folder, tmp_path / "Survey")


def test_a_full_disk_is_told_and_loses_nothing(network, pixels, whole, tmp_path, monkeypatch):
    write = index_module.write_folder

    def full(folder, files, remedy):
        if folder.name.endswith("2"):
            files = {**files, "x" * 300: b""}  # a name that no file system takes
        write(folder, files, remedy)

    monkeypatch.setattr(index_module, "write_folder", full)
    with pytest.raises(OutputError, match=r"partition-000002.*Free space"):
        surveyed(network, pixels, tmp_path / "full")
    monkeypatch.undo()
    assert Survey.open(tmp_path / "full").index.partitions() == [0, 1]
    assert not list((tmp_path / "full").glob(".*"))
    surveyed(network, pixels, tmp_path / "full")
    assert_same_files(whole.index.folder, tmp_path / "full")


def test_images_that_changed_are_surveyed_again(network, pixels, tmp_path):
    surveyed(network, pixels, tmp_path)
    found = surveyed(network, pixels[:20], tmp_path)
    assert (len(found), found.index.partitions()) == (20, [0, 1])
    assert set(found.to_dataframe().key) <= {str(number) for number in range(20)}


def test_other_settings_need_another_folder(network, pixels, tmp_path):
    surveyed(network, pixels[:10], tmp_path)
    with pytest.raises(OptionError, match="other values of top"):
        surveyed(network, pixels[:10], tmp_path, top=4)
    found = surveyed(network, pixels[:10], tmp_path, top=4, resume=False)
    assert found.to_dataframe().groupby(["layer", "channel"]).size().eq(4).all()


def test_a_folder_of_other_things_is_left_alone(network, pixels, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other files"):
        surveyed(network, pixels, tmp_path)
    with pytest.raises(OutputError, match="Survey the images first"):
        Survey.open(tmp_path)
    assert files_of(tmp_path) == [Path("thesis.txt")]


def test_broken_images_and_nan_are_listed(network, pixels, tmp_path):
    images = pixels.astype(np.float32)
    images[3, 0, 0, 0] = np.nan
    with pytest.warns(FeedWarning, match="Skipped images that cannot be read: '3'"):
        found = surveyed(network, images, tmp_path)
    assert [image.key for image in found.unread] == ["3"]
    assert (len(found), repr(found)) == (
        49,
        f"<Survey: 49 images, 1 unreadable, 6 layers, 37 channels in {str(tmp_path)!r}>",
    )
    assert "3" not in set(found.to_dataframe().key)
    assert len(surveyed(network, images, tmp_path)) == 49  # nothing to do: what could not be read counts as done


def test_wrong_names_and_numbers(whole, network):
    with pytest.raises(LayerError, match=r"Expected a surveyed layer\. Received: 'nested'"):
        whole.maxima("nested")
    with pytest.raises(ChannelError, match=r"channels from 0 to 5 of 'pool/MaxPool2d'. Received: 6"):
        whole.histogram("pool", 6)
    other = keras_cnn()
    other.get_layer("last").kernel.assign(other.get_layer("last").kernel * 2)
    with pytest.raises(OptionError, match="Expected the network that was surveyed"):
        Survey.open(whole.index.folder, cnnvis_widgets.load(other))


def test_a_survey_is_found_again(whole, network, pixels):
    found = Survey.open(whole.index.folder, network, pixels)
    assert repr(found) == repr(whole)
    assert found.to_dataframe().equals(whole.to_dataframe())
