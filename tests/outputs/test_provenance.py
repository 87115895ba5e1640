"""A picture's file says how it was made, and the picture can be made again from it."""

import json
from dataclasses import fields, replace
from importlib.metadata import Distribution, PackageNotFoundError

import keras
import numpy as np
import pytest
import tensorflow as tf
from networks import photo
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from cnnvis_widgets import DreamControls, DreamOptions, dream, load
from cnnvis_widgets.engine.dreaming import objectives as o
from cnnvis_widgets.engine.dreaming import parameterizations, transforms
from cnnvis_widgets.engine.dreaming.recipes import decoded, encoded
from cnnvis_widgets.errors import FeedError, ModelError, OptionError, OutputError
from cnnvis_widgets.imaging import render
from cnnvis_widgets.outputs.pictures import CHUNK
from cnnvis_widgets.outputs.png_files import write_dream
from cnnvis_widgets.outputs.provenance import recipe_of, recreate


def model(seed=1):
    keras.utils.set_random_seed(seed)
    conv = keras.layers.Conv2D(6, 5, activation="relu", name="c")
    return keras.Sequential([keras.Input((None, None, 3)), conv])


MASK = np.zeros((40, 40), np.float32)
MASK[:20] = 1
WAYS = {
    "channels on a photo": lambda: (("c", [3, 1]), {"start": "feed", "mask": MASK, "strength": 0.5}),
    "from noise": lambda: (("c", 2), {"size": (64, 70), "step_size": 2.0}),
    "maco": lambda: (
        ("c", None),
        {
            "size": (64, 64),
            "parameterization": parameterizations.maco([np.uint8(photo(64)[0] * 255)]),
            "transform": transforms.compose(transforms.jitter(3), transforms.noise(0.1)),
            "views": 2,
        },
    ),
    "objectives": lambda: (([o.channel("c", 1), o.guide("c", photo(40)[0]) - 0.1 * o.l2()],), {"size": (48, 48)}),
    "several": lambda: ((o.channel("c", 1) + o.diversity("c"),), {"size": (48, 48), "pictures": 2}),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_picture_is_made_again(way, tmp_path):
    asked, options = WAYS[way]()
    network = load(model(), photo(64))
    steps = list(dream(network, None, *asked, octaves=2, steps=2, value_range=(0, 1), seed=5, **options))
    step = replace(steps[2], channels=tuple(range(len(steps[2].channels))))
    for place, path in enumerate(write_dream(step, tmp_path, layers=network.layers)):
        again = recreate(path, model(), photo(64), start=options.get("start"))
        assert again.images.shape == (1, *step.images.shape[1:])
        assert again.images[0].tobytes() == step.images[place].tobytes()
        np.testing.assert_array_equal(Image.open(path), render.picture(again.images[0], again.value_range))


def steered(network, seed=5):
    """A run that is changed in every way while it goes on, an octave of it undone."""
    controls = DreamControls()
    controls.step_size = 2.5
    orders = {
        2: {"strength": 0.3, "steps": 3},
        4: {"octaves": 4},
        5: {"undo": True},
        6: {"step_size": None, "steps": 2},
    }
    options = {"start": "feed", "octaves": 2, "steps": 2, "value_range": (0, 1), "seed": seed}
    steps = []
    for step in dream(network, None, "c", [3, 1], controls=controls, **options):
        steps.append(step)
        controls.follow(orders.get(len(steps), {}))
    return steps


def test_a_picture_of_a_steered_run_is_made_again(tmp_path):
    network = load(model(), photo(64))
    steps = steered(network)
    assert len(steps) > 8
    assert [made for made, _ in steps[-1].recipe["steered"]] == [0, 2, 4, 5, 6]
    plain = list(dream(network, None, "c", [3, 1], start="feed", octaves=2, steps=2, value_range=(0, 1), seed=5))
    assert plain[-1].images.tobytes() != steps[-1].images.tobytes()
    for made in (1, 5, len(steps) - 1):
        for place, path in enumerate(write_dream(steps[made], tmp_path / str(made), layers=network.layers)):
            again = recreate(path, model(), photo(64), start="feed")
            assert again.images[0].tobytes() == steps[made].images[place].tobytes()
            assert (again.index, again.octave, again.total) == (
                steps[made].index,
                steps[made].octave,
                steps[made].total,
            )


def test_a_run_that_went_on_from_another_is_not_made_again(tmp_path):
    network = load(model(), photo(64))
    options = {"start": "feed", "octaves": 2, "steps": 1, "value_range": (0, 1)}
    first, _ = dream(network, None, "c", 1, **options)
    (last,) = dream(network, None, "c", 1, resume=first, **options)
    (path,) = write_dream(last, tmp_path, layers=network.layers)
    with pytest.raises(OutputError, match=r"from its beginning\. Received: one that was resumed .* resume from there"):
        recreate(path, model(), photo(64), start="feed")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    network = load(model(), photo(64))
    *_, step = dream(network, None, "c", 1, start="feed", octaves=1, steps=1)
    return write_dream(step, tmp_path_factory.mktemp("out"), layers=network.layers)[0]


def test_the_recipe_is_plain_json_with_versions(path):
    recipe = recipe_of(path)
    assert recipe["layer"] == "c"
    assert recipe["options"]["seed"] == 0
    assert set(recipe["versions"]) == {"cnnvis_widgets", "tensorflow", "numpy"}
    assert recipe["model"] == load(model()).fingerprint() != load(model(2)).fingerprint()


def test_dreams_need_no_package_called_tensorflow(monkeypatch):
    """On Binder it is called tensorflow-cpu."""

    found = Distribution.from_name

    def but_one(name):
        if name == "tensorflow":
            raise PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(Distribution, "from_name", but_one)
    *_, step = dream(load(model(), photo(64)), None, "c", 1, start="feed", octaves=1, steps=1)
    assert step.recipe["versions"]["tensorflow"] == tf.__version__


def test_what_is_not_the_same_is_said(path, tmp_path):
    with pytest.raises(ModelError, match="other layers or weights"):
        recreate(path, model(2), photo(64), start="feed")
    with pytest.raises(FeedError, match=r"the photo that the dream started from\. Received: start=None"):
        recreate(path, model(), photo(64))
    with pytest.raises(FeedError, match="Received: another one"):
        recreate(path, model(), photo(64, seed=3), start="feed")
    Image.new("RGB", (4, 4)).save(tmp_path / "plain.png")
    with pytest.raises(OutputError, match="which holds none"):
        recipe_of(tmp_path / "plain.png")
    with pytest.raises(OutputError, match="Expected a PNG file"):
        recipe_of(tmp_path / "missing.png")


def test_values_survive_json():
    values = [
        1,
        2.5,
        "a",
        None,
        [1, [2]],
        {"x": np.arange(3)},
        o.direction("c", [1, 2]) * 2,
        transforms.ROBUST,
        parameterizations.fourier(decay=2, colours=np.eye(3)),
    ]
    for value in values:
        assert json.dumps(encoded(decoded(json.loads(json.dumps(encoded(value)))))) == json.dumps(encoded(value))
    with pytest.raises(OptionError, match="Received: kind='what'"):
        decoded({"kind": "what"})
    with pytest.raises(
        OptionError, match=r"a part of Fourier in the recipe\. Received: 'decoy'\. Nearest names: 'decay'"
    ):
        decoded({"kind": "Fourier", "decoy": 1.0})


def test_options_survive_json():
    """Every option at a value of its own, through text and back."""
    options = DreamOptions(
        seed=3,
        octaves=2,
        octave_scale=1.5,
        steps=7,
        step_size=0.5,
        parameterization=parameterizations.fourier(decay=2),
        transform=transforms.jitter(3),
        views=2,
        mask=MASK,
        strength=0.5,
        size=(40, 50),
        value_range=(np.zeros(3, np.float32), np.ones(3, np.float32)),
        start="feed",
    )
    stored = json.loads(json.dumps(options.to_dict()))
    again = DreamOptions.from_dict(stored, "feed")
    assert again.to_dict() == options.to_dict()
    assert set(stored) == {item.name for item in fields(DreamOptions)} - {"start"}
    assert (again.size, again.start, again.seed, again.parameterization.decay) == ((40, 50), "feed", 3, 2)
    np.testing.assert_array_equal(again.mask, MASK)
    np.testing.assert_array_equal(again.value_range, options.value_range)


def test_unknown_names_in_a_recipe_are_said():
    message = r"an option of dream in the recipe\. Received: 'octave'\. Nearest names: 'octaves', 'octave_scale'"
    with pytest.raises(OptionError, match=message):
        DreamOptions.from_dict({"seed": 1, "octave": 2})
    with pytest.raises(OptionError, match="Received: 'start'"):
        DreamOptions.from_dict({"start": "feed"})
    with pytest.raises(OptionError, match="Expected steps of at least 1"):
        DreamOptions.from_dict({"steps": 0})


def test_a_file_with_an_unknown_option_is_said(path, tmp_path):
    recipe = dict(recipe_of(path))
    text = PngInfo()
    text.add_text(CHUNK, json.dumps(recipe | {"options": recipe["options"] | {"octave_size": 2}}))
    with Image.open(path) as picture:
        picture.save(tmp_path / "edited.png", pnginfo=text)
    with pytest.raises(OptionError, match=r"in the recipe\. Received: 'octave_size'\. Nearest names: 'octave_scale'"):
        recreate(tmp_path / "edited.png", model(), photo(64), start="feed")
