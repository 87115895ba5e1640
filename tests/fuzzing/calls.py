"""Every public function with arguments that it takes, and the odd ones that are put in their place."""

from __future__ import annotations

import datetime
import inspect
import itertools
import math
import random
import shutil
import tempfile
import types
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np

import cnnvis_widgets as cv
from cnnvis_widgets.engine.backward import rules

MODULES = ("demo", "objectives", "parameterizations", "rules", "transforms")
"""Public modules whose functions are called; ``errors`` and ``results`` hold classes that others make."""

METHODS = {
    "DreamControls": ("follow", "take_changes"),
    "DreamOptions": ("of", "from_dict", "resolved"),
    "Exercise": ("predict", "answer"),
    "ExerciseSheet": ("question", "load", "of", "exercise", "score", "release", "mark"),
    "ModelExplorer": ("add_image", "export_html", "save_state", "load_state", "survey"),
    "Network": (
        *("head", "select", "layer", "nonfinite_weights", "from_bytes", "coverage", "receptive_field", "feeds"),
        *("images", "value_range"),
    ),
    "Question": ("accepts", "unreadable"),
    "Survey": (
        *("open", "layer", "patches", "all_patches", "dead", "histogram", "find", "class_means", "errors", "concepts"),
        *("invariance", "maxima", "class_number"),
    ),
}
"""Methods that people call with arguments of their own, by class."""

SLOW = (
    "ModelExplorer",
    "ModelExplorer.survey",
    "WatchTraining",
    "demo.train_small_cnn",
    "demo.train_things",
    "method_wall",
)
"""Calls that take a second or more."""

STEPS = 3
"""So many results are taken of what never ends by itself."""

HIDDEN = {
    "rules.apply_rule": "the engine calls it with nodes of a graph",
    "rules.ruled_tensor": "the engine calls it with tensors of a graph",
    "rules.is_rule": "the engine calls it with names of gradients",
    "rules.is_channelwise": "the engine calls it with names of gradients",
    "rules.lrn_is_identity": "the engine calls it with a rule that was checked",
    "transforms.apply": "the engine calls it with tensors",
    "demo.vgg16": "it takes no arguments",
}
"""What is in a public module and no part of what people call."""


def _function(*_: Any, **__: Any) -> None:
    return None


def _send(signal: Any, entered: Any) -> Any:
    return signal


ODD: Mapping[str, Any] = {
    "None": None,
    "True": True,
    "-1": -1,
    "0": 0,
    "1": 1,
    "1.5": 1.5,
    "10**20": 10**20,
    "-10**9": -(10**9),
    "1e300": 1e300,
    "NaN": math.nan,
    "infinity": math.inf,
    "a complex number": 1 + 2j,
    "''": "",
    "'nothing'": "nothing",
    "a text of 100,000 letters": "x" * 100_000,
    "a text with NUL": "a\0b",
    "other letters": "ü 日本 🐈 \ud800",
    "bytes": b"\x89PNG\r\n\x1a\n",
    "a path": Path("no/such/file.png"),
    "a date": datetime.datetime(2026, 1, 1),
    "[]": [],
    "[1]": [1],
    "[[0, 1]]": [[0, 1]],
    "[-1, 10**12]": [-1, 10**12],
    "[[1], [2, 3]]": [[1], [2, 3]],
    "a tuple of texts": ("maps", "nothing"),
    "{}": {},
    "{'a': 1}": {"a": 1},
    "a set": {1, "a"},
    "an object": object(),
    "a class": dict,
    "a function": _function,
    "a module": math,
    "an array without axes": np.array(2.0),
    "an empty array": np.zeros((0, 8, 8, 3), np.float32),
    "an array of texts": np.array(["a", "b"]),
    "an array of complex numbers": np.full((2, 8, 8, 3), 1j),
    "an array of dates": np.full((2, 8, 8, 3), np.datetime64("2026-01-01")),
    "an array of objects": np.full((2, 8, 8, 3), None),
    "an array of NaN": np.full((2, 8, 8, 3), np.nan, np.float32),
    "an array of float16": np.full((2, 8, 8, 3), 0.5, np.float16),
    "an array of int64": np.full((2, 8, 8, 3), 2**40),
    "an array of nine axes": np.zeros((1,) * 9, np.float32),
    "an array of other sides": np.zeros((2, 5, 7, 2), np.float32),
    "an array of 4 TB": np.broadcast_to(np.float32(0), (1000, 10**9)),
    "a record array": np.zeros(2, [("a", np.int32), ("b", np.float32)]),
}
"""Values that no parameter, or few, can take. The array of 4 TB takes four bytes here."""


@dataclass(frozen=True)
class Call:
    """A public function and arguments that it takes.

    Attributes:
        name: as people write it after ``cnnvis_widgets.``
        function: what is called.
        arguments: by name; a function without arguments makes those that a call uses up.
    """

    name: str
    function: Callable[..., Any]
    arguments: Mapping[str, Callable[[], Any]]

    def run(self, odd: Mapping[str, Any]) -> None:
        """Call the function with odd arguments in place of some. Of a generator, the first results are taken."""
        known = dict(rules._RULES)
        try:
            result = self.function(**{name: make() for name, make in self.arguments.items() if name not in odd}, **odd)
            if isinstance(result, Iterator):
                for _ in itertools.islice(result, STEPS):
                    pass
            if isinstance(result, cv.ModelExplorer):
                result.close()
        finally:
            if self.name == "limit_memory":
                cv.limit_memory(2**33)
            for name in rules._RULES.keys() - known:
                del rules._RULES[name]


class Catalogue:
    """Every public function, with one small network and what the functions make of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float32)

    @cached_property
    def network(self) -> cv.Network:
        keras.utils.set_random_seed(0)
        image = keras.Input((8, 8, 3), name="image")
        x = keras.layers.Conv2D(3, 3, activation="relu", name="maps")(image)
        x = keras.layers.Dense(4, activation="softmax", name="scores")(keras.layers.GlobalAveragePooling2D()(x))
        return cv.load(keras.Model(image, x), self.images, class_names=("a", "b", "c", "d"))

    @cached_property
    def attending(self) -> cv.Network:
        """A network of 16 tokens."""
        image = keras.Input((8, 8, 3))
        tokens = keras.layers.Reshape((16, 4))(keras.layers.Conv2D(4, 2, 2)(image))
        tokens = keras.layers.MultiHeadAttention(2, 2, name="attention")(tokens, tokens)
        scores = keras.layers.Dense(3, activation="softmax")(keras.layers.GlobalAveragePooling1D()(tokens))
        return cv.load(keras.Model(image, scores), self.images)

    @cached_property
    def steps(self) -> list[Any]:
        options = {"steps": 2, "octaves": 1, "value_range": (0, 1), "seed": 0}
        return list(cv.dream(self.network, None, "maps", [0], **options))

    @cached_property
    def recipe(self) -> Path:
        from cnnvis_widgets.outputs.png_files import write_dream

        return write_dream(self.steps[-1], self.folder / "Recipe", layers=self.network.layers)[0]

    @cached_property
    def survey(self) -> cv.Survey:
        labels = ["a", "b"]
        return cv.survey(
            self.network, self.images, ["maps", "scores"], labels=labels, out=self.folder / "Survey", progress=False
        )

    @cached_property
    def explorer(self) -> cv.ModelExplorer:
        return cv.ModelExplorer(self.network, self.images, logdir=None, outdir=self.folder / "Output")

    @cached_property
    def sheet(self) -> Path:
        path = self.folder / "sheet.py"
        path.write_text("import cnnvis_widgets as cv\nsheet = cv.ExerciseSheet('x')\n")
        return path

    @cached_property
    def calls(self) -> Mapping[str, Call]:
        """All of them by name."""
        return {name: self._call(name, function) for name, function in functions().items()}

    def _call(self, name: str, function: Callable[..., Any]) -> Call:
        owner, _, method = name.rpartition(".")
        values = dict(self._usual()) | self._special().get(name, {})
        if method in METHODS.get(owner, ()) and not isinstance(vars(getattr(cv, owner))[method], classmethod):
            bound = self._owners()[owner]
            function = lambda _make=bound, _method=method, **given: getattr(_make(), _method)(**given)  # noqa: E731
        arguments = {}
        for parameter in parameters_of(name).values():
            if parameter.name in values:
                arguments[parameter.name] = values[parameter.name]
            elif parameter.default is parameter.empty:
                raise LookupError(f"{name} wants {parameter.name}")
        return Call(name, function, arguments)

    def _owners(self) -> Mapping[str, Callable[[], Any]]:
        question = cv.Question("How many?", 3)
        sheet = cv.ExerciseSheet("x")

        @sheet.question
        def q(rng: random.Random) -> cv.Question:
            return question

        return {
            "DreamControls": cv.DreamControls,
            "DreamOptions": cv.DreamOptions,
            "Exercise": lambda: cv.Exercise(question, key="q", folder=self.folder / "Answers"),
            "ExerciseSheet": lambda: sheet,
            "ModelExplorer": lambda: self.explorer,
            "Network": lambda: self.network,
            "Question": lambda: question,
            "Survey": lambda: self.survey,
        }

    def _usual(self) -> Mapping[str, Callable[[], Any]]:
        """Return what parameters of a name take in most functions."""
        scratch = self.folder / "Scratch"
        return {
            "network": lambda: self.network,
            "model": lambda: self.network,
            "feed": lambda: None,
            "images": lambda: self.images,
            "image": lambda: self.images[0],
            "layer": lambda: "maps",
            "layers": lambda: "maps",
            "channel": lambda: 0,
            "channels": lambda: [0],
            "target": lambda: cv.Target(0),
            "targets": lambda: 0,
            "attribution": lambda: cv.grad_cam(self.network, None, 0),
            "folder": lambda: scratch,
            "outdir": lambda: scratch,
            "logdir": lambda: None,
            "out": lambda: scratch / "Survey",
            "path": lambda: scratch / "page.html",
            "progress": lambda: False,
            "key": lambda: "q",
            "text": lambda: "3",
            "name": lambda: "a",
        }

    def _special(self) -> Mapping[str, Mapping[str, Callable[[], Any]]]:
        """Return what parameters take in single functions."""
        dreaming = {"octaves": lambda: 1, "steps": lambda: 1, "value_range": lambda: (0, 1)}
        attending = {"network": lambda: self.attending, "layer": lambda: None, "layers": lambda: None}
        legacy = {
            "graph_or_path": lambda: self.network,
            "value_feed_dict": lambda: self.images,
            "path_logdir": lambda: None,
            "path_outdir": lambda: None,
        }
        photographs = list((self.images * 255).astype(np.uint8))
        one = lambda: {"a": 1}  # noqa: E731
        question = lambda: cv.Question("How many?", 3)  # noqa: E731
        return {
            "DreamControls.follow": {"changes": lambda: {"steps": 3}},
            "DreamControls.take_changes": {"settings": lambda: {"steps": 3}},
            "DreamOptions.of": {"options": lambda: {"steps": 3}},
            "DreamOptions.from_dict": {"stored": lambda: {"steps": 3}},
            "DreamOptions.resolved": {"photo_size": lambda: None},
            "Exercise": {"question": question},
            "ExerciseSheet.question": {"draw": lambda: _function},
            "ExerciseSheet.load": {"path": lambda: self.sheet},
            "ModelExplorer.add_image": {"picture": lambda: np.zeros((8, 8, 3), np.uint8)},
            "ModelExplorer.load_state": {"path": lambda: self.explorer.save_state(self.folder / "state.json")},
            "ModelExplorer.survey": {"layers": lambda: ["maps"]},
            "Network.coverage": {"rule": lambda: "deconvnet"},
            "Network.from_bytes": {"data": lambda: self.network.to_bytes()},
            "Network.layer": {"name": lambda: "maps"},
            "Network.select": {"selection": lambda: "maps"},
            "Question": {"prompt": lambda: "How many?", "answer": lambda: 3},
            "ReceptiveField": {name: lambda: (1, 1) for name in ("stride", "start", "size")},
            "Survey": {"index": lambda: self.survey.index},
            "Survey.open": {"folder": lambda: self.survey.index.folder},
            "Survey.layer": {"name": lambda: "maps"},
            "Survey.concepts": {"k": lambda: 2, "images": lambda: 2, "target": lambda: None},
            "Survey.errors": {"channels": lambda: 1},
            "Survey.invariance": {"key": lambda: next(iter(self.survey.keys))},
            "Target": {"channel": lambda: 0},
            "WatchTraining": {"target": lambda: None, "images": lambda: self.images},
            "activation_visualization": legacy,
            "deconv_visualization": legacy,
            "deepdream_visualization": legacy | {"classes": lambda: 0, "layer": lambda: "maps"},
            "attention_maps": attending,
            "attention_rollout": attending,
            "attention_relevance": attending,
            "average_drop": {},
            "convert_into_grid": {"Xs": lambda: self.images},
            "demo.application": {"name": lambda: "nothing"},
            "demo.preprocess": {"image": lambda: np.zeros((8, 8, 3), np.uint8)},
            "demo.things": {"count": lambda: 2, "seed": lambda: 0},
            "demo.things_preprocess": {"image": lambda: np.zeros((64, 64, 3), np.uint8)},
            "demo.train_small_cnn": {"epochs": lambda: 1, "examples": lambda: 8},
            "demo.train_things": {"epochs": lambda: 1, "pictures": lambda: 32},
            "dream": dreaming,
            "image_normalization": {"image": lambda: self.images[0]},
            "insertion": {"steps": lambda: 2},
            "deletion": {"steps": lambda: 2},
            "integrated_gradients": {"steps": lambda: 2},
            "intervene": {"scales": lambda: {0: 0.0}},
            "invariance": {"amounts": lambda: [0, 10], "target": lambda: 0},
            "limit_memory": {"most": lambda: 2**31},
            "load": {"model": lambda: self.network},
            "method_wall": {"methods": lambda: ["grad_cam"], "points": lambda: 2},
            "objectives.Objective": {"name": lambda: "l1", "arguments": one},
            "objectives.logit": {"class_": lambda: 0},
            "objectives.region": {"region": lambda: (0, 0, 1, 1)},
            "objectives.direction": {"vector": lambda: [1, 0, 0]},
            "objectives.direction_cosine": {"vector": lambda: [1, 0, 0]},
            "objectives.masked": {
                "objective": lambda: cv.objectives.channel("maps", 0),
                "mask": lambda: np.ones((6, 6)),
            },
            "occlude": {"box": lambda: (0, 0, 2, 2)},
            "parameterizations.maco": {"photographs": lambda: photographs},
            "parameterizations.magnitude_spectrum": {"photographs": lambda: photographs, "size": lambda: (8, 8)},
            "parameterizations.colour_statistics": {"images": lambda: photographs},
            "parameterizations.spectrum_scale": {"size": lambda: (8, 8), "decay": lambda: 1.0},
            "recreate": {"path": lambda: self.recipe},
            "rules.register": {"name": lambda: f"odd{random.random()}", "rectify": lambda: _send},
            "rules.require_rule": {"rule": lambda: "deconvnet"},
            "rules.sent_down": {
                **{"rule": lambda: "deconvnet", "kind": lambda: "relu"},
                **{name: lambda: 1.0 for name in ("signal", "entered", "slope")},
            },
            "smooth_grad": {"samples": lambda: 2},
            "stream": {"reduce": lambda: None},
            "transforms.Transform": {"name": lambda: "jitter", "arguments": lambda: {"pixels": 2}},
            "transforms.jitter": {"pixels": lambda: 2},
            "transforms.pad": {"pixels": lambda: 2},
            "transforms.scale": {"smallest": lambda: 0.9, "largest": lambda: 1.1},
            "transforms.crop": {"smallest": lambda: 0.9, "largest": lambda: 1.0},
            "transforms.rotate": {"degrees": lambda: 3},
            "transforms.noise": {"deviation": lambda: 0.1},
            "write_animation": {"steps": lambda: self.steps, "path": lambda: self.folder / "Scratch.gif"},
            "write_html": {"results": lambda: cv.activations(self.network, None, "maps")},
            "write_mistakes_page": {"mistakes": lambda: self.survey.errors(channels=1, layer="maps")},
            "write_survey_page": {"strongest": lambda: [self.survey.patches("maps", 0, rule=None)]},
            "zoom": dreaming | {"frames": lambda: 2},
        }


def functions() -> dict[str, Callable[..., Any]]:
    """Return everything that can be called, by name: functions, classes, their methods, and those of public modules."""
    found: dict[str, Callable[..., Any]] = {}
    for name in cv.__all__:
        value = getattr(cv, name)
        if isinstance(value, types.ModuleType):
            found |= {f"{name}.{each}": getattr(value, each) for each in _public(value) if name in MODULES}
        else:
            found[name] = value
            found |= {f"{name}.{method}": getattr(value, method) for method in METHODS.get(name, ())}
    return {
        name: function
        for name, function in found.items()
        if name not in HIDDEN and name != "Network" and parameters_of(name, function)
    }


def _public(module: types.ModuleType) -> list[str]:
    own = [
        name
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and str(getattr(value, "__module__", "")) == module.__name__
    ]
    listed = list(getattr(module, "__all__", own))
    return [name for name in listed if not (inspect.isclass(getattr(module, name)) and name not in ("Objective",))]


def parameters_of(name: str, function: Callable[..., Any] | None = None) -> dict[str, inspect.Parameter]:
    """Return the parameters that people give, by name."""
    owner, _, method = name.rpartition(".")
    if function is None:
        function = getattr(getattr(cv, owner), method) if owner else getattr(cv, name)
    listed = inspect.signature(function).parameters
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {key: each for key, each in listed.items() if key != "self" and each.kind not in kinds}


def random_odd(call: Call, rng: random.Random) -> dict[str, Any]:
    """Choose one parameter or two, and an odd value for each."""
    parameters = list(parameters_of(call.name))
    chosen = rng.sample(parameters, min(rng.choice((1, 1, 1, 2)), len(parameters)))
    return {name: ODD[rng.choice(list(ODD))] for name in chosen}


def new_catalogue() -> Catalogue:
    """Make one in a folder that goes with it."""
    folder = tempfile.mkdtemp(prefix="odd")
    catalogue = Catalogue(Path(folder))
    weakref.finalize(catalogue, shutil.rmtree, folder, ignore_errors=True)
    return catalogue
