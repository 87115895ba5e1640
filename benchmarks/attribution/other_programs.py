"""Compare attribution maps with those of tf-keras-vis, captum and pytorch-grad-cam, on one small network.

``python -m benchmarks.attribution.other_programs FOLDER`` makes a virtual environment in FOLDER, once, installs the
other programs there, has each of them explain the same images with the same weights, and prints the worst difference as
a part of the largest value. Maps have the size of the layer and are not scaled, so that nothing but the formula is
compared; those of Grad-CAM++ and Score-CAM, which have no unit, are divided by their largest value.

Where a program departs from the paper, the table has a second row: ours changed in the way that the program departs. It
shows that nothing else differs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

import cnnvis_widgets as cv
from cnnvis_widgets.engine.attribution.class_scores import ClassScores

HERE = Path(__file__).parent
PACKAGES = ("tensorflow", "tf-keras", "tf-keras-vis", "scipy<1.15", "torch", "torchvision", "captum", "grad-cam")
PROGRAMS = ("in_tf_keras_vis", "in_pytorch")
TARGET, STEPS = 3, 40
UNITLESS = ("Grad-CAM++", "Score-CAM")

Row = tuple[str, str, float, str]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="of the environment of the other programs, and of what they return")
    folder = parser.parse_args().folder.resolve()
    python = environment(folder / "environment")
    model, images = network()
    np.savez(folder / "network.npz", *map(np.asarray, model.get_weights()), images=images)
    theirs = {}
    for program in PROGRAMS:
        output = folder / f"{program}.npz"
        subprocess.run([python, HERE / f"{program}.py", folder / "network.npz", output], check=True)
        theirs[program] = dict(np.load(output))
    for method, program, difference, remark in rows(model, images, theirs):
        print(f"| {method} | {program} | {difference:.1e} | {remark} |")


def environment(folder: Path) -> Path:
    """The Python of a virtual environment with the other programs; it is made where it does not exist."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def network() -> tuple[keras.Model, np.ndarray]:
    """A classifier of five classes whose gradients differ from place to place, and two images."""
    keras.utils.set_random_seed(11)
    model = keras.Sequential(
        [
            keras.Input((24, 24, 3)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(12, 3, activation="relu", name="maps"),
            keras.layers.Flatten(),
            keras.layers.Dense(5, name="scores"),
        ]
    )
    rng = np.random.default_rng(5)
    model.set_weights(
        [rng.normal(size=weights.shape) / np.sqrt(weights[..., 0].size) for weights in model.get_weights()]
    )
    return model, rng.random((2, 24, 24, 3)).astype(np.float32)


def rows(model: keras.Model, images: np.ndarray, theirs: dict[str, dict[str, np.ndarray]]) -> list[Row]:
    """Compare every map of the other programs with ours."""
    loaded = cv.load(model, images, class_names=[*"abcde"])
    options = {"layer": "maps"}
    ours: dict[str, np.ndarray] = {
        "Grad-CAM": cv.grad_cam(loaded, None, TARGET, **options).images,
        "Grad-CAM++": cv.grad_cam_plus_plus(loaded, None, TARGET, **options).images,
        "HiResCAM": cv.hires_cam(loaded, None, TARGET, **options).images,
        "LayerCAM": cv.layer_cam(loaded, None, TARGET, **options).images,
        "Score-CAM": cv.score_cam(loaded, None, TARGET, **options).images,
        "gradient x input": cv.gradient_times_input(loaded, None, TARGET).images,
        "integrated gradients": cv.integrated_gradients(loaded, None, TARGET, baseline=0, steps=STEPS).images,
    }
    departures = as_they_do(loaded)
    table: list[Row] = []
    for results in theirs.values():
        for name, values in results.items():
            method, _, library = name.partition(" by ")
            table.append((method, library, _difference(method, ours[method][:, 0], values), ""))
            if name in departures:
                remark, changed = departures[name]
                table.append((method, library, _difference(method, changed(), values), remark))
    return table


def as_they_do(loaded: cv.Network) -> dict[str, tuple[str, Callable[[], np.ndarray]]]:
    """How programs depart from the papers and from us, in words and in NumPy: by method and program."""
    class_scores = ClassScores.of(loaded, None, None)
    bound = class_scores.bound(TARGET)
    maps, gradients = class_scores.backward_to(loaded.layer("maps"), *bound.pairs())
    sums = maps.sum(axis=(1, 2), keepdims=True)

    def plus_plus(alphas: np.ndarray) -> np.ndarray:
        weights = (np.maximum(gradients, 0) * alphas).sum(axis=(1, 2), keepdims=True)
        return np.maximum((weights * maps).sum(axis=-1), 0)

    def plus_plus_with_alphas_that_add_up_to_one() -> np.ndarray:
        alphas = np.where(gradients == 0, 0, 1 / (2 + gradients * sums))
        return plus_plus(alphas / alphas.sum(axis=(1, 2), keepdims=True))

    def plus_plus_with_epsilon() -> np.ndarray:
        return plus_plus(gradients**2 / (2 * gradients**2 + gradients**3 * sums + 1e-6))

    def score_cam(probabilities: bool) -> np.ndarray:
        masked = [_behind_corner_masks(class_scores, row, of_image) for row, of_image in enumerate(maps)]
        if probabilities:
            weights = np.stack([by_class[1] for by_class in masked])
        else:
            logits = np.stack([by_class[0] for by_class in masked])
            weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return np.maximum((weights[:, None, None] * maps).sum(axis=-1), 0)

    return {
        "Grad-CAM++ by tf-keras-vis": (
            "alphas of each map divided by their sum, as in the authors' program",
            plus_plus_with_alphas_that_add_up_to_one,
        ),
        "Grad-CAM++ by pytorch-grad-cam": ("1e-6 added to each denominator", plus_plus_with_epsilon),
        "HiResCAM by pytorch-grad-cam": (
            "positive part only",
            lambda: np.maximum((gradients * maps).sum(axis=-1), 0),
        ),
        "Score-CAM by tf-keras-vis": (
            "probabilities as weights, no softmax over the maps; masks enlarged from corner to corner",
            lambda: score_cam(True),
        ),
        "Score-CAM by pytorch-grad-cam": (
            "masks enlarged from corner to corner; a constant map is a black mask",
            lambda: score_cam(False),
        ),
    }


def _behind_corner_masks(class_scores: ClassScores, row: int, maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits and probabilities of an image behind its maps, enlarged so that corners stay corners: (maps,) each."""
    image, masks = class_scores.images[row], np.moveaxis(maps, -1, 0).astype(np.float64)
    for axis in (1, 2):
        places = np.linspace(0, masks.shape[axis] - 1, image.shape[axis - 1])
        below = np.minimum(places.astype(int), masks.shape[axis] - 2)
        part = (places - below).reshape((-1, 1) if axis == 1 else (-1,))
        masks = masks.take(below, axis) * (1 - part) + masks.take(below + 1, axis) * part
    low, high = masks.min(axis=(1, 2), keepdims=True), masks.max(axis=(1, 2), keepdims=True)
    masks = (masks - low) / (high - low + 1e-8)
    rows = np.full(len(masks), row)
    logits, probabilities = class_scores.of_variants(rows, (image * masks[..., np.newaxis]).astype(np.float32))
    return logits[:, TARGET], logits[:, TARGET] if probabilities is None else probabilities[:, TARGET]


def _difference(method: str, found: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference as a part of the largest value."""
    if found.shape != expected.shape:
        sys.exit(f"Expected maps of shape {expected.shape}. Received: {found.shape}.")
    if method in UNITLESS:
        found, expected = (maps / maps.max(axis=(1, 2), keepdims=True) for maps in (found, expected))
    return float(np.abs(found - expected).max() / np.abs(expected).max())


if __name__ == "__main__":
    main()
