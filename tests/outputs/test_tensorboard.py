"""Event files, read back with TensorBoard's own reader."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnnvis_widgets.errors import OutputError
from cnnvis_widgets.imaging.render import activation_tiles
from cnnvis_widgets.outputs.pictures import of_dream, of_layer
from cnnvis_widgets.outputs.tensorboard import EventWriter, is_logged, tag_of
from cnnvis_widgets.results import Coverage, DreamStep, FeatureMaps, Layer, Reconstruction

RELU = Layer("conv1/Relu", "relu", "r", (None, 8, 8, 12), 3)


def maps(images: int = 1, channels: int = 12) -> FeatureMaps:
    values = np.random.default_rng(0).uniform(0, 1, (images, 8, 8, channels)).astype(np.float32)
    return FeatureMaps(RELU, values)


def dream_step(index: int) -> DreamStep:
    images = np.random.default_rng(index).uniform(-1, 1, (2, 6, 7, 3)).astype(np.float32)
    return DreamStep(
        RELU,
        False,
        (134, 517),
        ("crane", "crane"),
        images,
        np.float32([1, 2]),
        0,
        1,
        index,
        5,
        (np.float32(-1), np.float32(1)),
    )


def logged(logdir: Path) -> dict[str, list]:
    reader = EventAccumulator(str(logdir), size_guidance={"images": 0}).Reload()
    return {tag: reader.Images(tag) for tag in reader.Tags()["images"]}


def logged_plain(logdir: Path) -> dict[str, list]:
    with EventWriter(logdir) as writer:
        writer.add(of_layer(maps(), singles=True, plain=True))
    return logged(logdir)


def pixels(event) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(event.encoded_image_string)))


def test_every_map_and_the_grid_come_back_exactly(tmp_path):
    pictures = list(of_layer(maps(), singles=True))
    with EventWriter(tmp_path) as writer:
        writer.add(pictures)
    found = logged(tmp_path)
    assert list(found) == ["conv1/Relu/activations", *(f"conv1/Relu/activations/map_{n}" for n in range(12))]
    for picture in pictures:
        (event,) = found[tag_of(picture)]
        assert (event.step, event.height, event.width) == (0, *picture.shape[:2])
        assert event.encoded_image_string == picture.png
    grey = activation_tiles(maps(), colours=False)
    (event,) = logged_plain(tmp_path / "plain")["conv1/Relu/activations/map_7"]
    np.testing.assert_array_equal(pixels(event), grey[7, ..., 0])


def test_no_map_is_lost_to_the_default_sample_of_ten(tmp_path):
    with EventWriter(tmp_path) as writer:
        writer.add(of_layer(maps(channels=40), singles=True))
    reader = EventAccumulator(str(tmp_path)).Reload()
    assert len(reader.Tags()["images"]) == 41


def test_tags_tell_image_rule_channel_and_class():
    values = np.ones((2, 1, 4, 4, 3), np.float32)
    guided = Reconstruction(
        RELU,
        values,
        (5,),
        "guided",
        "ones",
        np.zeros((2, 1, 2), int),
        np.ones((2, 1), np.float32),
        Coverage("guided", ()),
    )
    assert [tag_of(each) for each in of_layer(guided, singles=True)] == [
        "conv1/Relu/guided/image_0",
        "conv1/Relu/guided/image_0/map_5",
        "conv1/Relu/guided/image_1",
        "conv1/Relu/guided/image_1/map_5",
    ]
    # ImageNet's two cranes
    assert [tag_of(each) for each in of_dream(dream_step(0))] == [
        "conv1/Relu/deepdream/134 crane",
        "conv1/Relu/deepdream/517 crane",
    ]


def test_iterations_of_a_dream_are_steps(tmp_path):
    with EventWriter(tmp_path) as writer:
        for index in (0, 1, 4):
            writer.add(of_dream(dream_step(index)), step=index)
    events = logged(tmp_path)["conv1/Relu/deepdream/134 crane"]
    assert [event.step for event in events] == [0, 1, 4]
    expected = np.rint((dream_step(4).images[0] + 1) * 127.5).astype(np.uint8)
    np.testing.assert_array_equal(pixels(events[-1]), expected)


def test_a_later_result_does_not_hide_an_earlier_one(tmp_path):
    with EventWriter(tmp_path) as writer:
        writer.add(of_layer(maps()))
        writer.add(of_layer(maps(), scale="map"))
    assert [event.step for event in logged(tmp_path)["conv1/Relu/activations"]] == [0, 1]


def test_pictures_can_be_read_while_the_writer_is_open(tmp_path):
    with EventWriter(tmp_path) as writer:
        writer.add(of_layer(maps(channels=1), plain=True))  # less than a buffer of the file
        assert list(logged(tmp_path)) == ["conv1/Relu/activations"]


def test_writers_of_one_second_never_share_a_file(tmp_path):
    for _ in range(5):
        with EventWriter(tmp_path) as writer:
            writer.add(of_layer(maps()))
    assert len(list(tmp_path.iterdir())) == 5


def test_a_name_taken_by_another_process_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1.0)
    monkeypatch.setattr("cnnvis_widgets.outputs.tensorboard._numbers", iter([7, 7, 8]))
    for _ in range(2):
        with EventWriter(tmp_path) as writer:
            writer.add(of_layer(maps()))
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".7", ".8"]


def test_a_writer_without_pictures_leaves_nothing(tmp_path):
    with EventWriter(tmp_path / "Log"):
        pass
    assert not (tmp_path / "Log").exists()


@pytest.mark.parametrize(("total", "shown"), [(1, 1), (7, 7), (10, 10), (60, 10), (61, 10)])
def test_a_tag_has_no_more_steps_of_a_dream_than_tensorboard_keeps(total, shown):
    steps = [index for index in range(total) if is_logged(replace(dream_step(index), total=total))]
    assert len(steps) == shown
    assert steps[-1] == total - 1
    assert max(np.diff(steps), default=1) - min(np.diff(steps), default=1) <= 1


def test_an_unwritable_folder_is_named(tmp_path):
    (tmp_path / "Log").write_text("")
    with EventWriter(tmp_path / "Log") as writer, pytest.raises(OutputError, match=r"Log'.*another logdir"):
        writer.add(of_layer(maps()))


def test_tensorflow_is_not_loaded_and_nothing_warns(tmp_path):
    code = (
        "import sys; import numpy as np\n"
        "from cnnvis_widgets.outputs.tensorboard import EventWriter\n"
        "from cnnvis_widgets.outputs.pictures import of_layer\n"
        "from cnnvis_widgets.results import FeatureMaps, Layer\n"
        "maps = FeatureMaps(Layer('a', 'relu', 'r', (None, 2, 2, 1), 3), np.ones((1, 2, 2, 1), np.float32))\n"
        f"with EventWriter({str(tmp_path)!r}) as writer: writer.add(of_layer(maps))\n"
        "assert not {'tensorflow', 'pkg_resources'} & sys.modules.keys()\n"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (0, "")
    assert logged(tmp_path).keys() == {"a/activations"}
