"""The card and the arithmetic of a unit over networks of many kinds: each part is there, or says why it is not."""

from __future__ import annotations

import keras
import pytest
from kinds import blocks, inputs, outputs, sequences

from cnnvis_widgets import ModelExplorer
from cnnvis_widgets.widgets.card.channel_card import ChannelCard
from cnnvis_widgets.widgets.surveying.image_survey import ImageSurvey

pytest_plugins = ["widget_jobs"]
pytestmark = [pytest.mark.usefixtures("no_leaked_jobs", "inline_jobs"), pytest.mark.slow]

MAKE = {
    "U-Net": outputs.unet(3, "softmax"),
    "vision transformer": blocks.vision_transformer,
    "two heads": lambda: outputs.KINDS[next(name for name in outputs.KINDS if "two" in name.lower())](),
    "signal": inputs.signal,
    "volume": inputs.volume,
    "flat": inputs.flat,
    "recurrent": lambda: next(iter(sequences.KINDS.values()))(),
}


@pytest.mark.parametrize("kind", MAKE)
def test_every_part_is_there_or_says_why_not(kind):
    keras.utils.set_random_seed(0)
    sample = MAKE[kind]()
    explorer = ModelExplorer(sample.model, sample.feed, logdir=None, **sample.options)
    survey = ImageSurvey(explorer.state, explorer.fed_images)
    card = ChannelCard(explorer.state, explorer.fed_images, survey, lambda key: None)
    card.number.toggle()
    layers = explorer.network.layers
    for layer in {layers[0], layers[len(layers) // 2], layers[-1]}:
        explorer.state.layer = layer.name
        card.begin()
        facts = card.wait(60)
        if card._job.error is not None:  # with its own traceback
            raise card._job.error
        assert facts.fed_layer.layer == layer.name
        assert facts.complete
        for view in (card.face.where, card.face.sees, card.face.excites):
            figure = view.figure
            assert figure.pixels is not None or len(figure.note) > 10
            assert not figure.waiting
        assert card.face.votes.value
        assert "Error:" not in card.number._error.value  # an error of ours has no name of a class before it
        assert card.number.told is None or card.number.told.steps or card.number.told.layer
    card.close()
    survey.close()
    explorer.close()
