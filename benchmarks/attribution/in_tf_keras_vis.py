"""Explain a network by tf-keras-vis: ``other_programs`` runs this in an environment of its own."""

import os
import sys

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # tf-keras-vis was written for Keras 2

import numpy as np
import tensorflow as tf
from tf_keras_vis.gradcam import Gradcam
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus
from tf_keras_vis.layercam import Layercam
from tf_keras_vis.scorecam import Scorecam
from tf_keras_vis.utils.scores import CategoricalScore

TARGET = 3
layers = tf.keras.layers


def main(network: str, output: str) -> None:
    stored = np.load(network)
    images = stored["images"]
    maps = layers.Conv2D(12, 3, activation="relu", name="maps")
    model = tf.keras.Sequential(
        [
            layers.Input((24, 24, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            maps,
            layers.Flatten(),
            layers.Dense(5),
        ]
    )
    model.set_weights([stored[f"arr_{index}"] for index in range(6)])
    options = {
        "penultimate_layer": "maps",
        "seek_penultimate_conv_layer": False,  # it looks for layers of Keras 3
        "expand_cam": False,
        "normalize_cam": False,
    }
    programs = {"Grad-CAM": Gradcam, "Grad-CAM++": GradcamPlusPlus, "LayerCAM": Layercam, "Score-CAM": Scorecam}
    score = CategoricalScore([TARGET] * len(images))
    results = {}
    for name, program in programs.items():
        explain = program(model, clone=False)
        if program is Scorecam:  # it takes one image at a time apart: scores of all masks are one batch
            found = [explain(CategoricalScore([TARGET]), image[None], **options)[0] for image in images]
        else:
            found = explain(score, images, **options)
        results[f"{name} by tf-keras-vis"] = np.asarray(found, np.float32)
    np.savez(output, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
