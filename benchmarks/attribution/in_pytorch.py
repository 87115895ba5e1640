"""Explain a network by captum and pytorch-grad-cam: ``other_programs`` runs this in an environment of its own."""

import sys

import numpy as np
import torch
from captum.attr import InputXGradient, IntegratedGradients, LayerGradCam, LayerGradientXActivation
from pytorch_grad_cam import GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

TARGET, STEPS = 3, 40
nn = torch.nn


def rebuilt(weights: list[np.ndarray]) -> nn.Sequential:
    """The network of ``other_programs``; kernels and the order of flattened maps are PyTorch's."""
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 12, 3), nn.ReLU(), nn.Flatten(), nn.Linear(972, 5)
    )
    dense = weights[4].reshape(9, 9, 12, 5).transpose(3, 2, 0, 1).reshape(5, 972)
    kernels = [weights[0].transpose(3, 2, 0, 1), weights[2].transpose(3, 2, 0, 1), dense]
    with torch.no_grad():
        for layer, kernel, bias in zip((model[0], model[3], model[6]), kernels, weights[1::2], strict=True):
            layer.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))
            layer.bias.copy_(torch.from_numpy(bias))
    return model.eval()


def by_captum(model: nn.Sequential, images: torch.Tensor) -> dict[str, torch.Tensor]:
    maps, last = model[4], {"target": TARGET}
    return {
        "Grad-CAM": LayerGradCam(model, maps).attribute(images, relu_attributions=True, **last)[:, 0],
        "HiResCAM": LayerGradientXActivation(model, maps).attribute(images, **last).sum(1),
        "gradient x input": InputXGradient(model).attribute(images, **last).movedim(1, -1),
        "integrated gradients": IntegratedGradients(model)
        .attribute(images, 0.0, n_steps=STEPS, method="riemann_middle", **last)
        .movedim(1, -1),
    }


def by_grad_cam(model: nn.Sequential, images: torch.Tensor) -> dict[str, np.ndarray]:
    """The maps before they are scaled and enlarged, image after image."""
    programs = {
        "Grad-CAM": GradCAM,
        "Grad-CAM++": GradCAMPlusPlus,
        "HiResCAM": HiResCAM,
        "LayerCAM": LayerCAM,
        "Score-CAM": ScoreCAM,
    }
    results = {}
    for name, program in programs.items():
        explain, found, targets = program(model, [model[4]]), [], [ClassifierOutputTarget(TARGET)]
        for image in images:
            fed = image[None].clone().requires_grad_(True)
            outputs = explain.activations_and_grads(fed)
            model.zero_grad()
            outputs[0, TARGET].backward(retain_graph=True)
            maps = explain.activations_and_grads.activations[0].numpy()
            gradients = explain.activations_and_grads.gradients[0].numpy()
            values = explain.get_cam_image(fed, model[4], targets, maps, gradients, False)
            found.append(np.maximum(values[0], 0))  # as the program does before it enlarges the map
        results[name] = np.stack(found)
    return results


def main(network: str, output: str) -> None:
    stored = np.load(network)
    model = rebuilt([stored[f"arr_{index}"].astype(np.float32) for index in range(6)])
    images = torch.from_numpy(stored["images"].transpose(0, 3, 1, 2).copy())
    results = {f"{name} by captum": values.detach().numpy() for name, values in by_captum(model, images).items()}
    results |= {f"{name} by pytorch-grad-cam": values for name, values in by_grad_cam(model, images).items()}
    np.savez(output, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
