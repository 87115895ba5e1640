"""The engine gives the same results in every mode that TensorFlow can be in."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
import tensorflow as tf
{mode}
import numpy as np
from networks import frozen_graph, photo, variable_graph, v1
from cnnvis_widgets import activations, dream, load, reconstruct

graph = variable_graph(resource={resource})
with v1.Session(graph=graph) as session:
    with graph.as_default():
        session.run(v1.global_variables_initializer())
    network = load(session, {{graph.get_tensor_by_name("image:0"): photo()}})
    maps = activations(network, None, "r")
    back = reconstruct(network, None, "conv2/Relu")
    steps = list(dream(network, None, "probabilities", 1, steps=9, octaves=1))
want = activations(frozen_graph(), photo(), "r")
for found, wanted in zip(maps, want, strict=True):
    np.testing.assert_allclose(found.values, wanted.values, atol=1e-5)
assert back.images.shape == (1, 8, 20, 20, 3) and np.abs(back.images).max() > 0
assert steps[8].scores[0] > steps[0].scores[0]
print("same")
"""


@pytest.mark.parametrize(
    "mode",
    [
        "tf.compat.v1.disable_v2_behavior()",
        "tf.compat.v1.disable_eager_execution()",
        "tf.config.run_functions_eagerly(True)",
    ],
)
def test_modes(mode):
    program = PROGRAM.format(tests=str(Path(__file__).parents[1]), mode=mode, resource="v2_behavior" not in mode)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "same", done.stderr[-3000:]
