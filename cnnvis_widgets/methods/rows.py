"""The rows of the table of methods, in the order of the menus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .method import Method, Option

_SCORES = Option("scores", takes="text", about="the output, or the layer, whose channels are the classes")
_TARGETS = Option("targets", takes="any", about="classes by number or name; by default the surest of each image")
_TARGET = Option("target", takes="any", about="one class by number or name; by default the surest one")
_MAPS = Option("layer", takes="text", about="the layer of the feature maps; by default the last before the scores")
_QUERY = Option("query", takes="any", about="the token that attends: row and column, its number, or 'mean'")
_GRID = Option("grid", takes="ints", about="height and width of the grid of tokens, where the network does not tell")
_ATTENTIONS = Option("layers", takes="texts", about="the attentions to join; by default all of them")
_SELECTION = "'r' (ReLUs), 'c' (convolutions), 'p' (pools), names, or patterns such as 'block3*'"


def _weighed_maps(
    name: str, title: str, function: str, fixed: Mapping[str, Any], *, per_channel: bool = False
) -> Method:
    """The row of a relative of Grad-CAM."""
    return Method(
        name,
        title,
        "attribution",
        module="engine.attribution.grad_cam",
        function=function,
        gives="Attribution",
        asks=(_TARGETS,),
        options=(_MAPS, _SCORES),
        fixed=fixed,
        per_channel=per_channel,
    )


ROWS = (
    Method(
        "activations",
        "Feature maps",
        "activations",
        module="engine.activations",
        function="activations",
        gives="FeatureMaps",
        asks=(Option("layers", "r", takes="texts", about=f"the layers: {_SELECTION}"),),
    ),
    Method(
        "reconstruction",
        "Reconstruction",
        "reconstruction",
        module="engine.reconstruction.reconstruct",
        function="reconstruct",
        gives="Reconstruction",
        asks=(Option("layer", takes="text", about="the layer whose channels are projected to the image"),),
        options=(
            Option("channels", takes="ints", about="numbers of channels; by default all of them"),
            # the explorer begins with 'auto'
            Option(
                "rule",
                "deconvnet",
                choices=("deconvnet", "guided", "gradient", "auto"),
                about="what ReLUs do to the signals that go backwards; 'auto' takes what suits the network",
            ),
            Option(
                "seed",
                "strongest",
                choices=("strongest", "map", "ones"),
                takes="any",
                about="what goes backwards; or the row and column of one unit",
            ),
            Option(
                "precision",
                "float32",
                choices=("float32", "bfloat16", "auto"),
                about="of the signals that go backwards",
            ),
        ),
    ),
    _weighed_maps("grad_cam", "Grad-CAM", "grad_cam", {"upsampled": True}),
    _weighed_maps("guided_grad_cam", "Guided Grad-CAM", "grad_cam", {"guided": True}, per_channel=True),
    _weighed_maps("grad_cam_plus_plus", "Grad-CAM++", "grad_cam_plus_plus", {"upsampled": True}),
    _weighed_maps("hires_cam", "HiResCAM", "hires_cam", {"upsampled": True}),
    _weighed_maps("layer_cam", "LayerCAM", "layer_cam", {"upsampled": True}),
    Method(
        "gradient_times_input",
        "Gradient × input",
        "attribution",
        module="engine.attribution.gradient_times_input",
        function="gradient_times_input",
        gives="Attribution",
        asks=(_TARGETS,),
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
        asks=(_TARGETS,),
        options=(
            Option("baseline", takes="any", about="the image that means 'nothing': a number, or one per channel"),
            Option("steps", takes="int", about="points on the line; by default as many as 'tolerance' takes"),
            Option("tolerance", 0.01, low=0, about="the part of the score that the sum may miss"),
            _SCORES,
        ),
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
        asks=(_TARGETS,),
        options=(
            Option("noise", 0.15, low=0, about="its standard deviation, as a part of the range of the input"),
            Option("samples", 50, low=1, about="noisy copies of the image"),
            Option("seed", 0, about="of the noise"),
            _SCORES,
        ),
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
        asks=(_TARGETS,),
        options=(_MAPS, Option("baseline", 0.0, takes="any", about="what stands where the mask is 0"), _SCORES),
        fixed={"upsampled": True},
    ),
    Method(
        "attention_maps",
        "Attention of each head",
        "attention",
        module="engine.attention.maps",
        function="attention_maps",
        gives="AttentionMaps",
        asks=(Option("layer", takes="text", about="the attention; by default the last one"),),
        options=(_QUERY, _GRID),
    ),
    Method(
        "attention_rollout",
        "Attention rollout",
        "attention",
        module="engine.attention.flow",
        function="attention_rollout",
        gives="AttentionMaps",
        options=(_QUERY, _ATTENTIONS, _GRID),
    ),
    Method(
        "attention_relevance",
        "Attention relevance",
        "attention",
        module="engine.attention.flow",
        function="attention_relevance",
        gives="AttentionMaps",
        asks=(_TARGET,),
        options=(_QUERY, _ATTENTIONS, _GRID, _SCORES),
    ),
    Method(
        "occlusion",
        "Occlusion",
        "occlusion",
        module="engine.attribution.occlusion",
        function="occlusion",
        steps="occlusion_steps",
        gives="Occlusion",
        asks=(_TARGETS,),
        options=(
            Option("size", takes="any", about="the sides of the square in pixels; by default 1/7 of the image"),
            Option("stride", takes="any", about="pixels from one place to the next; by default a quarter of 'size'"),
            Option("fill", takes="any", about="the colour of the square, in the range of the input; by default grey"),
            Option("layer", takes="text", about="the layer whose strongest map is followed"),
            _SCORES,
        ),
    ),
    Method(
        "method_wall",
        "Method wall",
        "wall",
        module="engine.attribution.method_wall",
        function="method_wall",
        steps="method_wall_steps",
        gives="MethodWall",
        asks=(_TARGET,),
        options=(
            Option("methods", takes="texts", about="names of the methods on the wall; by default all that apply"),
            _MAPS,
            _SCORES,
            Option("points", 50, low=1, about="equal parts of the pixels that are removed and inserted"),
        ),
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
        asks=(
            Option("layer", takes="text", about="a layer, or an output; by default the class scores"),
            Option("channels", takes="any", about="one picture each: classes by name or number, or channels"),
        ),
        options=(
            Option("start", takes="text", about="a picture to change, or 'feed' for the first image; by default noise"),
            Option("seed", 0, low=0, about="of the noise; the same seed gives the same picture"),
            Option("octaves", 4, low=1, high=8, about="sizes that the picture grows through"),
            Option("octave_scale", 1.4, low=1, about="the factor from one size to the next"),
            Option("steps", 32, low=1, high=1000, about="in each octave"),
            Option("step_size", 1.0, low=0, about="how far a step moves"),
            Option("laplacian_levels", takes="int", about="scales of detail that are brought to the same strength"),
            Option("views", 1, low=1, about="views of the picture in a step; more are smoother and slower"),
            Option("pictures", 1, low=1, about="pictures for each objective"),
            Option("together", 1, low=1, about="channels that are computed in one batch"),
            Option("strength", 1.0, low=0, high=1, about="how much of the dream is mixed into a photo"),
            Option("size", takes="ints", about="height and width of the picture in pixels"),
            Option(
                "precision",
                "float32",
                choices=("float32", "bfloat16", "auto"),
                about="of convolutions and products; 'auto' takes the faster one",
            ),
        ),
    ),
    Method(
        "survey",
        "Survey",
        "survey",
        module="surveys.run",
        function="survey",
        gives="Survey",
        asks=(Option("layers", "c", takes="texts", about=f"the layers: {_SELECTION}"),),
        options=(
            Option("top", 9, low=1, about="images to keep for each channel"),
            Option("labels", takes="text", about="the classes of the images: 'folder', or a file of them"),
            Option("client", takes="text", about="the address of a Dask scheduler, such as 'tcp://10.0.0.7:8786'"),
            Option("out", "Survey", about="the folder of the index"),
            Option("resume", True, about="go on with what is in the folder"),
            Option("batch", 16, low=1, about="images that run together"),
            Option("partition", 256, low=1, about="images that are written together"),
            Option("progress", True, about="show how far it is"),
        ),
    ),
)
