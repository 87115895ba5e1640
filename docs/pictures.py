"""The pictures of the pages and a page to click, made on the two embedded networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

import cnnvis_widgets as cv
from cnnvis_widgets.imaging import encode
from cnnvis_widgets.imaging.captions import captioned_grid
from cnnvis_widgets.imaging.grid import enlarge, montage
from cnnvis_widgets.imaging.heat import heat, overlay
from cnnvis_widgets.imaging.places import value_map
from cnnvis_widgets.imaging.render import activation_tiles, picture, reconstruction_tiles
from cnnvis_widgets.outputs.pictures import of_wall

LAYER, DEEP = "block3_expand_relu", "block6_expand_relu"
EDGES = 0, 6, 15, 2, 19, 14, 21, 20, 5
"""Feature maps of the first layer that differ most to the eye."""
RULES = "gradient", "deconvnet", "guided"
QUICK = "grad_cam", "guided_grad_cam", "grad_cam_plus_plus", "layer_cam", "gradient_times_input"
CLASS = "tabby cat"
THINGS = "house", "car", "butterfly", "fish"
DREAMS = {"goldfish": (1, 0), "ladybug": (2, 0), "jellyfish": (0, 1), "volcano": (2, 2), "bell_pepper": (2, 3)}
"""Where classes stand in docs/images/dream_classes.png, which design note 10 tells how to make: (column, row)."""
SIDE = 224


def make(folder: Path) -> None:
    """Write them, unless they are there."""
    if (folder / "page.html").exists():
        return
    folder.mkdir(exist_ok=True)
    network, cat = cv.demo.network(), cv.demo.photos()["chelsea"]
    _dreams(folder)
    _things(folder)
    _attention(folder)
    _attributions(folder, network, cat)
    _interventions(folder, network, cat)
    results = _maps_and_projections(folder, network, cat)
    cv.write_html(results, folder / "page.html", photos={"chelsea": _fed(network, cat)})


def _maps_and_projections(folder: Path, network: cv.Network, cat: np.ndarray) -> list[cv.results.FeatureMaps]:
    """Feature maps of two layers, and four channels by each rule; what the page to click shows."""
    (edges,) = cv.activations(network, cat, "stem_relu")
    _write(folder / "edges.png", montage(activation_tiles(edges, scale="map")[list(EDGES)], gap=2))
    (maps,) = cv.activations(network, cat, LAYER)
    strongest = np.argsort(-maps.strengths[0], kind="stable")[:12].tolist()
    _write(folder / "maps.png", montage(activation_tiles(maps, channels=strongest), gap=2))
    (deep,) = cv.activations(network, cat, DEEP)
    below = np.where(deep.strengths[0] < 6, deep.strengths[0], 0)  # the gradient of a ReLU6 that is full is zero
    channels = np.argsort(-below, kind="stable")[:4].tolist()
    seen = {rule: cv.reconstruct(network, cat, DEEP, channels=channels, rule=rule) for rule in RULES}
    for rule, result in seen.items():
        _write(folder / f"{rule}.png", montage(reconstruction_tiles(result, crop=True), gap=2))
    eyes = cv.reconstruct(network, cat, "block9_depthwise_relu", channels=_strongest(network, cat), rule="guided")
    _write(folder / "eyes.png", montage(reconstruction_tiles(eyes, scale="map", crop=True), gap=2))
    *_, dream = cv.dream(network, None, network.logits, "goldfish", octaves=3, steps=24)
    _write(folder / "dream.png", picture(dream.images[0], dream.value_range))
    return [edges, maps, *seen.values(), dream]


def _strongest(network: cv.Network, cat: np.ndarray) -> list[int]:
    (maps,) = cv.activations(network, cat, "block9_depthwise_relu")
    return [int(channel) for channel in maps.strengths[0].argsort()[::-1][1:5]]


def _attributions(folder: Path, network: cv.Network, cat: np.ndarray) -> None:
    """One class of one photo by each method, beside the photo."""
    photo = _fed(network, cat)
    methods: dict[str, Callable[[], np.ndarray]] = {
        "grad_cam": lambda: cv.grad_cam(network, cat, [CLASS], upsampled=True).images[0, 0],
        "guided_grad_cam": lambda: cv.grad_cam(network, cat, [CLASS], guided=True).images[0, 0],
        "layer_cam": lambda: cv.layer_cam(network, cat, [CLASS], layer=LAYER, upsampled=True).images[0, 0],
        "hires_cam": lambda: cv.hires_cam(network, cat, [CLASS], upsampled=True).images[0, 0],
        "gradient_times_input": lambda: cv.gradient_times_input(network, cat, [CLASS]).images[0, 0],
        "integrated_gradients": lambda: cv.integrated_gradients(network, cat, [CLASS], steps=32).images[0, 0],
        "smooth_grad": lambda: cv.smooth_grad(network, cat, [CLASS], samples=16).images[0, 0],
    }
    for name, compute in methods.items():
        _write(folder / f"{name}.png", _side_by_side(photo, _over(photo, compute())))
    _write(folder / "occlusion.png", _occlusion(network, cat, photo))
    (drawn,) = of_wall(cv.method_wall(network, cat, CLASS, methods=QUICK))
    (folder / "wall.png").write_bytes(drawn.png)


def _occlusion(network: cv.Network, cat: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """The photo, by how much the score falls where the square is, and the probability that is left."""
    sweep = cv.occlusion(network, cat, CLASS, size=48, stride=16)
    left = Image.fromarray(value_map(sweep.probabilities[0, 0])).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    panels = photo, _over(photo, sweep.attribution.images[0, 0]), np.asarray(left)
    captions = ["The photo"], ["Fall of the score"], ["Probability of the class"]
    return _side_by_side(*(captioned_grid(panel[None], [words]) for panel, words in zip(panels, captions, strict=True)))


def _interventions(folder: Path, network: cv.Network, cat: np.ndarray) -> None:
    """What the network says without the channel that speaks most for the class."""
    strongest = np.argsort(-cv.channel_evidence(network, cat, "head_relu", CLASS)[0], kind="stable")[:8]
    silenced = cv.intervene(network, cat, "head_relu", {int(channel): 0.0 for channel in strongest})
    silenced.to_pil().save(folder / "intervention.png")


def _things(folder: Path) -> None:
    """What made units of a max-pool network fire, in pictures whose truth is known: by rule, below the picture."""
    network, data = cv.demo.things_network(), cv.demo.things(60, seed=3)
    chosen = [next(i for i, label in enumerate(data.labels) if data.names[label] == name) for name in THINGS]
    images = data.images[chosen]
    layer = network.select("r")[-1].name
    rows = [_row(images)]
    for rule in ("deconvnet", "guided"):
        best = [
            cv.reconstruct(network, each, layer, channels=[_best(network, each, layer)], rule=rule) for each in images
        ]
        rows.append(_row([reconstruction_tiles(seen, scale="map")[0] for seen in best]))
    _write(folder / "things.png", enlarge(np.vstack(rows), 2))


def _attention(folder: Path) -> None:
    """Where the class token of a transformer looks: in a row the picture, one head, rollout and relevance."""
    data = cv.demo.things(60, seed=3)
    options = {"class_names": data.names, "preprocess": cv.demo.things_preprocess}
    network = cv.load(cv.demo.things_transformer(), data.images[:1], **options)
    rows = []
    for name in THINGS[1:]:
        image = data.images[next(i for i, label in enumerate(data.labels) if data.names[label] == name)]
        heads = cv.attention_maps(network, image).weights[0]
        flows = cv.attention_rollout(network, image), cv.attention_relevance(network, image, name)
        maps = [heads[0], *(flow.weights[0, 0] for flow in flows)]
        rows.append(_row([image, *(_over(image, values.repeat(8, axis=0).repeat(8, axis=1)) for values in maps)]))
    _write(folder / "attention.png", enlarge(np.vstack(rows), 2))


def _best(network: cv.Network, image: np.ndarray, layer: str) -> int:
    (maps,) = cv.activations(network, image, layer)
    return int(maps.strengths[0].argmax())


def _dreams(folder: Path) -> None:
    """Single dreams out of the sheet of twenty."""
    with Image.open(Path(__file__).parent / "images" / "dream_classes.png") as sheet:
        for name, (column, row) in DREAMS.items():
            left, top = 3 + 230 * column, 3 + 246 * row
            sheet.convert("RGB").crop((left, top, left + SIDE, top + SIDE)).save(folder / f"dream_{name}.png")


def _fed(network: cv.Network, cat: np.ndarray) -> np.ndarray:
    return picture(network.images(cat)[0], network.value_range(cat))


def _over(photo: np.ndarray, values: np.ndarray) -> np.ndarray:
    """An attribution over the photo, in the colours of the explorer: red and blue where it has both signs."""
    return overlay(photo, heat(values), 0.8)


def _side_by_side(*pictures: np.ndarray) -> np.ndarray:
    gap = np.full((len(pictures[0]), 4, 3), 255, np.uint8)
    return np.hstack([part for each in pictures for part in (each, gap)][:-1])


def _row(tiles: Sequence[np.ndarray]) -> np.ndarray:
    """Tiles beside each other, with a margin of one pixel."""
    return np.hstack([np.pad(tile, ((1, 1), (1, 1), (0, 0)), constant_values=255) for tile in tiles])


def _write(path: Path, pixels: np.ndarray) -> None:
    path.write_bytes(encode.png(pixels))
