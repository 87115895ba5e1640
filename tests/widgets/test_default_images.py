"""An explorer that is given a model alone, and one of a flat input."""

import keras
import numpy as np
import pytest

from cnnvis_widgets import ModelExplorer, demo
from cnnvis_widgets.errors import FeedError
from cnnvis_widgets.widgets.views.attribution import explainers

layers = keras.layers


def test_a_model_alone_opens_on_the_packaged_photographs():
    maps = layers.Conv2D(4, 3, activation="relu", name="maps")
    explorer = ModelExplorer(keras.Sequential([keras.Input((20, 20, 3)), maps]))
    explorer.wait(60)
    assert explorer.state.images == tuple(demo.photos())
    assert "the packaged photographs chelsea, coffee" in explorer.image_pane.notice.value
    assert explorer.result.values.shape == (1, 18, 18, 4)
    explorer.close()


def test_an_image_is_added_alone():
    maps = layers.Conv2D(4, 3, activation="relu", name="maps")
    explorer = ModelExplorer(keras.Sequential([keras.Input((8, 8, 3)), maps]), np.ones((8, 8, 3)))
    with pytest.raises(FeedError, match=r"Expected one image\. Received: 2 images"):
        explorer.add_image(np.ones((2, 8, 8, 3)))
    assert len(explorer.fed_images.images) == 1
    explorer.close()


def test_images_that_are_given_need_no_notice():
    maps = layers.Conv2D(4, 3, activation="relu", name="maps")
    explorer = ModelExplorer(keras.Sequential([keras.Input((8, 8, 3)), maps]), np.ones((8, 8, 3)))
    assert explorer.image_pane.notice.value == ""
    explorer.close()


@pytest.mark.parametrize("folded", [False, True])
def test_every_view_of_a_flat_input_works_or_says_why_not(folded):
    keras.utils.set_random_seed(0)
    first = [layers.Reshape((7, 7, 1)), layers.Conv2D(2, 3, activation="relu"), layers.Flatten()] if folded else []
    dense = layers.Dense(8, activation="relu", name="hidden"), layers.Dense(3, activation="softmax")
    values = np.random.default_rng(0).random((2, 49)).astype(np.float32)
    explorer = ModelExplorer(keras.Sequential([keras.Input((49,)), *first, *dense]), values)
    explorer.wait(60)
    explorer.state.layer = "hidden/Relu"
    reasons = {name: view.unavailable() for name, view in explorer.views.items() if view.unavailable()}
    for view in explorer.views:
        explorer.state.method = view
        explorer.wait(60)
        assert explorer.state.error == ""
    explorer.close()
    if folded:
        assert list(reasons) == ["attention"]
        return
    assert list(reasons) == ["attention", "occlusion"]
    assert "A flat input has no neighbouring values to hide" in reasons["occlusion"]
    assert list(explainers(explorer.state)) == ["gradient_times_input", "integrated_gradients", "smooth_grad"]
