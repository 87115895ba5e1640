"""The pictures of the methods page and a page to click, made on the embedded default."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import cnnvis_widgets as cv
from cnnvis_widgets.imaging import encode
from cnnvis_widgets.imaging.grid import montage
from cnnvis_widgets.imaging.render import activation_tiles, picture, reconstruction_tiles
from cnnvis_widgets.outputs.pictures import of_wall

LAYER, DEEP = "block3_expand_relu", "block6_expand_relu"
RULES = "gradient", "deconvnet", "guided"
QUICK = "grad_cam", "guided_grad_cam", "grad_cam_plus_plus", "layer_cam", "gradient_times_input"


def make(folder: Path) -> None:
    """Write them, unless they are there."""
    if (folder / "page.html").exists():
        return
    folder.mkdir(exist_ok=True)
    network, cat = cv.demo.network(), cv.demo.photos()["chelsea"]
    (maps,) = cv.activations(network, cat, LAYER)
    strongest = np.argsort(-maps.strengths[0], kind="stable")[:12].tolist()
    _write(folder / "maps.png", montage(activation_tiles(maps, channels=strongest), gap=2))
    (deep,) = cv.activations(network, cat, DEEP)
    below = np.where(deep.strengths[0] < 6, deep.strengths[0], 0)  # the gradient of a ReLU6 that is full is zero
    channels = np.argsort(-below, kind="stable")[:4].tolist()
    seen = {rule: cv.reconstruct(network, cat, DEEP, channels=channels, rule=rule) for rule in RULES}
    for rule, result in seen.items():
        _write(folder / f"{rule}.png", montage(reconstruction_tiles(result, crop=True), gap=2))
    heat = cv.grad_cam(network, cat, [282], upsampled=True).images[0, 0]
    _write(folder / "grad_cam.png", _over(cat, heat, network))
    wall = cv.method_wall(network, cat, 282, methods=QUICK)
    (drawn,) = of_wall(wall)
    (folder / "wall.png").write_bytes(drawn.png)
    *_, dream = cv.dream(network, None, network.logits, "goldfish", octaves=3, steps=24)
    _write(folder / "dream.png", picture(dream.images[0], dream.value_range))
    cv.write_html([maps, *seen.values(), dream], folder / "page.html", photos={"chelsea": _fed(network, cat)})


def _fed(network: cv.Network, cat: np.ndarray) -> np.ndarray:
    return picture(network.images(cat)[0], network.value_range(cat))


def _over(cat: np.ndarray, heat: np.ndarray, network: cv.Network) -> np.ndarray:
    """The photo, dark where the class is not."""
    weight = 0.15 + 0.85 * heat[..., np.newaxis] / max(float(heat.max()), 1e-9)
    return np.rint(_fed(network, cat) * weight).astype(np.uint8)


def _write(path: Path, pixels: np.ndarray) -> None:
    path.write_bytes(encode.png(pixels))
