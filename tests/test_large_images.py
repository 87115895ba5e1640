"""A small file that promises 144 million pixels is refused by its header, on every way that an image can come in."""

import struct
import zlib
from io import BytesIO

import keras
import numpy as np
import pytest

import cnnvis_widgets as cv
from cnnvis_widgets.cli.main import main
from cnnvis_widgets.errors import FeedWarning, ImageError, OutputError

pytest_plugins = ["widget_jobs"]
WORDS = r"at most 50,331,648 pixels\. Received: .*PNG of 12000 x 12000 pixels"


def bomb() -> bytes:
    """A PNG file of 12,000 x 12,000 black pixels, 432 MB when it is decoded and 0.4 MB as it is."""
    row = b"\0" + bytes(3 * 12_000)
    packer = zlib.compressobj(6)
    body = b"".join([*(packer.compress(row) for _ in range(12_000)), packer.flush()])
    header = struct.pack(">2I5B", 12_000, 12_000, 8, 2, 0, 0, 0)
    chunks = (b"IHDR" + header, b"IDAT" + body, b"IEND")
    packed = (struct.pack(">I", len(each) - 4) + each + struct.pack(">I", zlib.crc32(each)) for each in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    file = tmp_path_factory.mktemp("bomb") / "bomb.png"
    file.write_bytes(bomb())
    assert file.stat().st_size < 500_000
    return file


OPTIONS = {"steps": 1, "octaves": 1}
WAYS = {
    "a feed": lambda network, path: cv.activations(network, path, "first"),
    "the content of a file": lambda network, path: cv.activations(network, path.read_bytes(), "first"),
    "a file object": lambda network, path: cv.activations(network, BytesIO(path.read_bytes()), "first"),
    "a folder": lambda network, path: cv.activations(network, str(path.parent), "first"),
    "a pattern": lambda network, path: cv.activations(network, f"{path.parent}/*.png", "first"),
    "a default feed": lambda network, path: cv.load(network, path).images(),
    "an explorer": lambda network, path: cv.ModelExplorer(network, path, logdir=None),
    "the start of a dream": lambda network, path: next(cv.dream(network, None, "first", 0, start=path, **OPTIONS)),
    "a guide": lambda network, path: next(cv.dream(network, None, cv.objectives.guide("first", path), **OPTIONS)),
    "demo.preprocess": lambda network, path: cv.demo.preprocess(path),
    "a survey with one image": lambda network, path: cv.invariance(network, path, "first", target=0),
    "a photo for legacy": lambda network, path: cv.activation_visualization(network, path, layers="first"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_too_many_pixels_is_refused_by_its_header(network, path, way, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError, match=WORDS):
        WAYS[way](network, path)


def test_a_recipe_in_it_is_refused(network, path):
    with pytest.raises(OutputError, match="at most 50,331,648 pixels"):
        cv.recreate(path, network)


def test_uploads_pictures_of_a_webcam_and_added_images(explorer, path):
    incoming = explorer.image_pane.incoming
    incoming.read([("bomb.png", path.read_bytes())])
    assert "at most 50,331,648 pixels. Received: 'bomb.png'" in explorer.state.error
    explorer.state.error = ""
    incoming.webcam._handle_custom_msg({"event": "picture"}, [memoryview(path.read_bytes())])
    assert "at most 50,331,648 pixels" in explorer.state.error
    with pytest.raises(ImageError, match=WORDS):
        explorer.add_image(path)
    assert len(explorer.state.images) == 2


def test_streams_and_surveys_list_it_and_go_on(network, path, tmp_path):
    good = np.zeros((20, 24, 3), np.uint8)
    with pytest.warns(FeedWarning, match="Skipped"):
        (batch,) = cv.stream(network, [path, good], "first", progress=False)
    [unread] = batch.unread
    assert "50,331,648 pixels" in unread.reason
    with pytest.warns(FeedWarning, match="Skipped"):
        found = cv.survey(network, [path, good], "first", out=tmp_path / "Survey", progress=False)
    assert len(found.unread) == 1


def test_the_command_line_refuses_it(path, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    image = keras.Input((20, 24, 3))
    keras.Model(image, keras.layers.Conv2D(2, 3, activation="relu", name="first")(image)).save("model.keras")
    assert main(["activations", "model.keras", str(path)]) == 1
    assert "50,331,648 pixels" in capsys.readouterr().err
