"""One library at work, in a process of its own: ``python work.py LIBRARY FOLDER`` with that library's Python.

The folder holds ``weights.npz`` (the kernels and biases of a VGG16) and ``image.npy``. After each line that it reads,
the process does the work of that name once more and answers with one line of JSON: seconds, seconds of processor time
(all threads), and the largest memory of the process in MiB. ``LIBRARY_WORK.npy`` beside the weights is the result.
Its first line names the works, and the largest memory until then: Keras and PyTorch compute random weights first.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

CLASS, LAYER, STEPS = 285, "block5_conv3", 20
BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
Work = Callable[[], np.ndarray]


def keras_model(weights: Any) -> Any:
    """VGG16 of keras.applications with these weights, and class scores instead of probabilities."""
    keras = importlib.import_module("keras")
    model = keras.applications.VGG16(weights=None, classifier_activation=None)
    model.set_weights([weights[name] for name in weights.files])
    return model


def torch_model(weights: Any) -> Any:
    """The same network in PyTorch."""
    torch = importlib.import_module("torch")
    arrays = [weights[name] for name in weights.files]
    layers: list[Any] = []
    for block in BLOCKS:
        for channels in block:
            kernel, bias = arrays.pop(0), arrays.pop(0)
            layer = torch.nn.Conv2d(kernel.shape[2], channels, 3, padding=1)
            layer.weight.data, layer.bias.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy()), torch.tensor(bias)
            layers += [layer, torch.nn.ReLU()]
        layers.append(torch.nn.MaxPool2d(2))
    layers.append(torch.nn.Flatten())
    while arrays:
        kernel, bias = arrays.pop(0), arrays.pop(0)
        if kernel.shape[0] == 7 * 7 * 512:  # Keras flattens channels last
            kernel = kernel.reshape(7, 7, 512, -1).transpose(2, 0, 1, 3).reshape(kernel.shape)
        layer = torch.nn.Linear(*kernel.shape)
        layer.weight.data, layer.bias.data = torch.tensor(kernel.T.copy()), torch.tensor(bias)
        layers += [layer, torch.nn.ReLU()] if arrays else [layer]
    return torch.nn.Sequential(*layers).eval()


def ours(weights: Any, image: np.ndarray) -> dict[str, Work]:
    cv = importlib.import_module("cnnvis_widgets")
    model = keras_model(weights)
    network = cv.load(model, image)
    return {
        "first maps": lambda: cv.activations(cv.load(model, image), None, LAYER)[0].values[0],
        "Grad-CAM": lambda: cv.grad_cam(network, None, CLASS, layer=LAYER).images[0, 0],
        "integrated gradients": lambda: cv.integrated_gradients(network, None, CLASS, baseline=0.0, steps=STEPS).images[
            0, 0
        ],
    }


def tf_keras_vis(weights: Any, image: np.ndarray) -> dict[str, Work]:
    gradcam = importlib.import_module("tf_keras_vis.gradcam")
    scores = importlib.import_module("tf_keras_vis.utils.scores")
    model = keras_model(weights)
    return {
        "Grad-CAM": lambda: np.asarray(
            gradcam.Gradcam(model, clone=False)(
                scores.CategoricalScore([CLASS]), image, penultimate_layer=LAYER, expand_cam=False
            )
        )[0],
    }


def xplique(weights: Any, image: np.ndarray) -> dict[str, Work]:
    library = importlib.import_module("xplique.attributions")
    model = keras_model(weights)
    target = np.eye(1000, dtype=np.float32)[[CLASS]]
    return {
        "Grad-CAM": lambda: np.asarray(library.GradCAM(model, conv_layer=LAYER)(image, target))[0],
        "integrated gradients": lambda: np.asarray(
            library.IntegratedGradients(model, steps=STEPS, batch_size=16, reducer=None)(image, target)
        )[0],
    }


def captum(weights: Any, image: np.ndarray) -> dict[str, Work]:
    torch, library = importlib.import_module("torch"), importlib.import_module("captum.attr")
    model = torch_model(weights)
    pixels = torch.tensor(image.transpose(0, 3, 1, 2).copy(), requires_grad=True)
    relu = [place for place, layer in enumerate(model) if isinstance(layer, torch.nn.ReLU)][12]

    def array(tensor: Any) -> np.ndarray:
        return np.asarray(tensor.detach()[0].permute(1, 2, 0))

    return {
        "first maps": lambda: array(library.LayerActivation(model, model[relu]).attribute(pixels)),
        "Grad-CAM": lambda: array(
            library.LayerGradCam(model, model[relu]).attribute(pixels, CLASS, relu_attributions=True)
        )[..., 0],
        "integrated gradients": lambda: array(
            library.IntegratedGradients(model).attribute(
                pixels, target=CLASS, n_steps=STEPS, internal_batch_size=16, method="riemann_middle"
            )
        ),
    }


LIBRARIES: dict[str, Callable[[Any, np.ndarray], dict[str, Work]]] = {
    "cnnvis_widgets": ours,
    "tf-keras-vis": tf_keras_vis,
    "xplique": xplique,
    "captum": captum,
}


def largest_memory() -> int:
    """The most memory that this process held so far, in MiB."""
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024


def main() -> None:
    """Answer requests until standard input ends."""
    library, folder = sys.argv[1], Path(sys.argv[2])
    with np.load(folder / "weights.npz") as weights:
        works = LIBRARIES[library](weights, np.load(folder / "image.npy"))
    print(json.dumps([list(works), largest_memory()]), flush=True)
    for line in sys.stdin:
        begun, used = time.perf_counter(), time.process_time()
        result = works[line.strip()]()
        took, processor = time.perf_counter() - begun, time.process_time() - used
        np.save(folder / f"{library}_{line.strip()}.npy", result)
        print(json.dumps([took, processor, largest_memory()]), flush=True)


if __name__ == "__main__":
    main()
