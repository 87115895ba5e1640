"""Layers are written in threads: in order, whole, and also where something stops the run."""

import threading

import numpy as np
import pytest

from cnnvis_widgets.errors import OutputError
from cnnvis_widgets.outputs.legacy_files import LayerWriter, LegacyFiles
from cnnvis_widgets.outputs.pictures import of_layer
from cnnvis_widgets.results import FeatureMaps, Layer

LAYERS = tuple(Layer(f"conv{number}", "convolution", "c", (None, 4, 4, 3), 3) for number in range(6))


def maps(layer):
    return FeatureMaps(layer, np.arange(48, dtype=np.float32).reshape(1, 4, 4, 3))


def drawing(layer):
    return lambda: of_layer(maps(layer), plain=True)


def failing():
    raise OutputError("no room")


def folders(path):
    return sorted(folder.name for folder in path.iterdir())


def test_layers_are_reported_in_order_and_written_whole(tmp_path):
    reported = []
    with LayerWriter(LegacyFiles(tmp_path / "log", tmp_path / "out", LAYERS), reported.append, together=3) as writer:
        for layer in LAYERS:
            writer.write(layer, drawing(layer))
    assert reported == list(LAYERS)
    alone = LegacyFiles(tmp_path / "log2", tmp_path / "alone", LAYERS)
    for layer in LAYERS:
        alone.write_layer(layer, drawing(layer)())
        written, expected = (
            tmp_path / name / layer.name / "activations/grid_activation.png" for name in ("out", "alone")
        )
        assert written.read_bytes() == expected.read_bytes()
        assert len(list((tmp_path / "log" / layer.name).iterdir())) == 1


def test_no_more_layers_wait_than_allowed(tmp_path):
    begun, go_on = [], threading.Event()

    def waiting(layer):
        begun.append(layer)
        assert go_on.wait(30)
        return drawing(layer)()

    writer = LayerWriter(LegacyFiles(None, tmp_path, LAYERS), lambda _: None, together=1)
    with writer:
        writer.write(LAYERS[0], lambda: waiting(LAYERS[0]))
        handed_over = threading.Thread(target=writer.write, args=(LAYERS[1], drawing(LAYERS[1])))
        handed_over.start()
        handed_over.join(0.2)
        assert handed_over.is_alive()
        go_on.set()
        handed_over.join(30)
        assert not handed_over.is_alive()
    assert folders(tmp_path) == ["conv0", "conv1"]


def write(path, layers, report=lambda _: None):
    """Write layers; the second raises, or the caller where there is one layer only."""
    with LayerWriter(LegacyFiles(None, path, LAYERS), report, together=4) as writer:
        for number, layer in enumerate(layers):
            writer.write(layer, failing if number == 1 else drawing(layer))
        if len(layers) == 1:
            raise KeyboardInterrupt


def test_what_stops_one_layer_is_raised_and_the_others_are_kept(tmp_path):
    reported = []
    with pytest.raises(OutputError, match="no room"):
        write(tmp_path, LAYERS[:3], reported.append)
    assert reported == [LAYERS[0]]
    assert folders(tmp_path) == ["conv0", "conv2"]


def test_an_interrupted_run_writes_what_was_handed_over(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, LAYERS[:1])
    assert folders(tmp_path) == ["conv0"]
