"""One row for each method: its names, its function, the options it takes and the result it gives.

The public names of the package, the explorer's menus, copied code, the titles of pictures and the table in the
documentation all read these rows. To add a method of attribution, write one module in ``engine/attribution`` and add
one row here.

The table is text. A row imports the module of its function when it runs, so that reading the table loads neither
TensorFlow nor NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal[
    "activations",
    "reconstruction",
    "attribution",
    "attention",
    "occlusion",
    "wall",
    "intervention",
    "comparison",
    "dream",
    "survey",
]
"""What a result is about. The kind decides how a picture is drawn, and the folder and the name of its file."""


@dataclass(frozen=True)
class Option:
    """One keyword of a method.

    Attributes:
        name: the keyword.
        default: its value if the caller leaves it out.
        low, high: the range of a number; ``None`` where there is no bound. The explorer keeps to it.
        choices: the values of a word; empty where any value is taken.
    """

    name: str
    default: Any = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Method:
    """One way of looking at a network.

    Attributes:
        name: the method in results, in the explorer's state, in file names and in TensorBoard tags. Pictures of a
            reconstruction carry the name of their rule instead.
        title: the same for people, as a menu shows it.
        kind: what its result is about.
        module: where its function is, counted from the package.
        function: the function, which the package exports under this name.
        gives: the class of its result, in ``results``.
        steps: the generator of partial results in the same module; '' if the function takes a single step.
        options: the keywords that people choose.
        fixed: the keywords that make the function this method, unless the caller says otherwise.
        per_channel: whether an attribution has one value for each input channel, which drawings sum.
    """

    name: str
    title: str
    kind: Kind
    module: str
    function: str
    gives: str
    steps: str = ""
    options: tuple[Option, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    per_channel: bool = False

    def option(self, name: str) -> Option | None:
        """Return the option of that name; ``None`` if the method does not take it.

        Example:
            >>> METHODS["smooth_grad"].option("samples")
            Option(name='samples', default=50, low=1, high=None, choices=())
        """
        return next((option for option in self.options if option.name == name), None)

    def run(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        """Run the method and yield its results so far; the last one is complete.

        Args:
            arguments: those of the function: network, feed, and what the method asks for.
            options: further keywords of the function.

        Raises:
            CnnvisError, ValueError: as the function.
        """
        module = import_module(f".{self.module}", __package__)
        keywords = {**self.fixed, **options}
        if self.steps:
            results: Iterator[Any] = getattr(module, self.steps)(*arguments, **keywords)
            return results
        return iter([getattr(module, self.function)(*arguments, **keywords)])

    def code(self, *arguments: str, **options: Any) -> str:
        """Return the Python call that a person would write.

        Args:
            arguments: Python text of the positional arguments.
            options: values of further keywords.

        Example:
            >>> METHODS["grad_cam"].code("network", "feed", "3", layer="conv5")
            "cnnvis_widgets.grad_cam(network, feed, 3, layer='conv5', upsampled=True)"
        """
        keywords = [f"{name}={value!r}" for name, value in {**options, **self.fixed, **options}.items()]
        return f"cnnvis_widgets.{self.function}({', '.join([*arguments, *keywords])})"


_SCORES = Option("scores")
_ROWS = (
    Method(
        "activations",
        "Feature maps",
        "activations",
        module="engine.activations",
        function="activations",
        gives="FeatureMaps",
    ),
    Method(
        "reconstruction",
        "Reconstruction",
        "reconstruction",
        module="engine.reconstruction.reconstruct",
        function="reconstruct",
        gives="Reconstruction",
        options=(
            Option("rule", "deconvnet"),  # the explorer begins with 'auto'
            Option("seed", "strongest", choices=("strongest", "map", "ones")),
            Option("precision", "float32", choices=("float32", "bfloat16", "auto")),
        ),
    ),
    Method(
        "grad_cam",
        "Grad-CAM",
        "attribution",
        module="engine.attribution.grad_cam",
        function="grad_cam",
        gives="Attribution",
        options=(Option("layer"), _SCORES),
        fixed={"upsampled": True},
    ),
    Method(
        "guided_grad_cam",
        "Guided Grad-CAM",
        "attribution",
        module="engine.attribution.grad_cam",
        function="grad_cam",
        gives="Attribution",
        options=(Option("layer"), _SCORES),
        fixed={"guided": True},
        per_channel=True,
    ),
    Method(
        "grad_cam_plus_plus",
        "Grad-CAM++",
        "attribution",
        module="engine.attribution.grad_cam",
        function="grad_cam_plus_plus",
        gives="Attribution",
        options=(Option("layer"), _SCORES),
        fixed={"upsampled": True},
    ),
    Method(
        "hires_cam",
        "HiResCAM",
        "attribution",
        module="engine.attribution.grad_cam",
        function="hires_cam",
        gives="Attribution",
        options=(Option("layer"), _SCORES),
        fixed={"upsampled": True},
    ),
    Method(
        "layer_cam",
        "LayerCAM",
        "attribution",
        module="engine.attribution.grad_cam",
        function="layer_cam",
        gives="Attribution",
        options=(Option("layer"), _SCORES),
        fixed={"upsampled": True},
    ),
    Method(
        "gradient_times_input",
        "Gradient × input",
        "attribution",
        module="engine.attribution.gradient_times_input",
        function="gradient_times_input",
        gives="Attribution",
        options=(_SCORES,),
        per_channel=True,
    ),
    Method(
        "integrated_gradients",
        "Integrated gradients",
        "attribution",
        module="engine.attribution.integrated_gradients",
        function="integrated_gradients",
        steps="integrated_gradients_steps",
        gives="Attribution",
        options=(Option("baseline"), Option("steps"), Option("tolerance", 0.01, low=0), _SCORES),
        per_channel=True,
    ),
    Method(
        "smooth_grad",
        "SmoothGrad",
        "attribution",
        module="engine.attribution.smooth_grad",
        function="smooth_grad",
        steps="smooth_grad_steps",
        gives="Attribution",
        options=(Option("noise", 0.15, low=0), Option("samples", 50, low=1), Option("seed", 0), _SCORES),
        per_channel=True,
    ),
    Method(
        "score_cam",
        "Score-CAM",
        "attribution",
        module="engine.attribution.score_cam",
        function="score_cam",
        steps="score_cam_steps",
        gives="Attribution",
        options=(Option("layer"), Option("baseline", 0.0), _SCORES),
        fixed={"upsampled": True},
    ),
    Method(
        "attention_maps",
        "Attention of each head",
        "attention",
        module="engine.attention.maps",
        function="attention_maps",
        gives="AttentionMaps",
        options=(Option("query"), Option("grid")),
    ),
    Method(
        "attention_rollout",
        "Attention rollout",
        "attention",
        module="engine.attention.flow",
        function="attention_rollout",
        gives="AttentionMaps",
        options=(Option("query"), Option("layers"), Option("grid")),
    ),
    Method(
        "attention_relevance",
        "Attention relevance",
        "attention",
        module="engine.attention.flow",
        function="attention_relevance",
        gives="AttentionMaps",
        options=(Option("query"), Option("layers"), Option("grid"), _SCORES),
    ),
    Method(
        "occlusion",
        "Occlusion",
        "occlusion",
        module="engine.attribution.occlusion",
        function="occlusion",
        steps="occlusion_steps",
        gives="Occlusion",
        options=(Option("size"), Option("stride"), Option("fill"), Option("layer"), _SCORES),
    ),
    Method(
        "method_wall",
        "Method wall",
        "wall",
        module="engine.attribution.method_wall",
        function="method_wall",
        steps="method_wall_steps",
        gives="MethodWall",
        options=(Option("methods"), Option("layer"), _SCORES, Option("points", 50, low=1)),
    ),
    Method(
        "intervention",
        "Intervention",
        "intervention",
        module="engine.attribution.intervention",
        function="intervene",
        gives="Intervention",
        options=(Option("region"),),
    ),
    Method(
        "comparison",
        "Comparison",
        "comparison",
        module="engine.activations",
        function="activations",
        gives="FeatureMaps",
    ),
    Method(
        "deepdream",
        "Deep dream",
        "dream",
        module="engine.dreaming.dream",
        function="dream",
        steps="dream",
        gives="DreamStep",
        options=(
            Option("octaves", 4, low=1, high=8),
            Option("steps", 32, low=1, high=1000),
            Option("step_size", 1.0, low=0),
            Option("strength", 1.0, low=0, high=1),
        ),
    ),
)

METHODS: Mapping[str, Method] = MappingProxyType({row.name: row for row in _ROWS})
"""All methods by name, in the order of the menus."""


def of_kind(kind: Kind) -> tuple[Method, ...]:
    """Return the methods of one kind, in the order of the menus.

    Example:
        >>> [method.title for method in of_kind("dream")]
        ['Deep dream']
    """
    return tuple(row for row in _ROWS if row.kind == kind)
