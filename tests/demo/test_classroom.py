"""The digits and the small CNN of the classroom."""

from __future__ import annotations

import numpy as np
import pytest

from cnnvis_widgets import demo, load


def test_digits_are_apart_and_in_range():
    data = demo.digits()
    assert data.train_images.shape == (1437, 32, 32, 1)
    assert data.test_images.shape == (360, 32, 32, 1)
    assert data.train_images.dtype == np.float32
    assert data.train_images.min() == 0
    assert data.train_images.max() == 1
    assert set(data.test_labels) == set(range(10))
    seen = {image.tobytes() for image in data.train_images}
    assert not any(image.tobytes() in seen for image in data.test_images)


@pytest.mark.slow
def test_two_epochs_learn_and_repeat():
    data = demo.digits()
    first, second = (demo.train_small_cnn(epochs=2) for _ in range(2))
    assert all(np.array_equal(*pair) for pair in zip(first.get_weights(), second.get_weights(), strict=True))
    assert first.evaluate(data.test_images, data.test_labels, verbose=0)[1] > 0.7
    other = demo.small_cnn(seed=1).get_weights()[0]
    assert not np.array_equal(other, demo.small_cnn().get_weights()[0])


def test_projections_follow_the_switches():
    network = load(demo.small_cnn(), demo.digits().test_images[:1])
    kinds = {op.kind: op.count for op in network.coverage("deconvnet", "conv3").ops}
    assert [count for kind, count in kinds.items() if "pool" in kind] == [2]
