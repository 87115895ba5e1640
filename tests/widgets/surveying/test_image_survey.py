"""The survey of an explorer: what it answers while it runs, and when it is stopped."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from PIL import Image

from cnnvis_widgets import ModelExplorer, demo, survey
from cnnvis_widgets.errors import FeedError, ImageError, LayerError, OptionError
from cnnvis_widgets.widgets.surveying.image_survey import ImageSurvey

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs")


@pytest.fixture
def surveying(explorer):
    surveying = ImageSurvey(explorer.state, explorer.fed_images)
    yield surveying
    surveying.close()


def test_the_images_of_the_explorer_are_surveyed_as_they_are_fed(explorer, surveying, images, tmp_path):
    assert surveying.found is None
    surveying.start()
    found = surveying.wait(60)
    layer = explorer.state.layer
    assert found.keys == ("0", "1")
    alone = survey(explorer.network, images, [layer], out=tmp_path / "alone", progress=False)
    ours, theirs = found.layer_summary(found.layer(layer)).ranking, alone.layer_summary(alone.layer(layer)).ranking
    np.testing.assert_array_equal(ours.values, theirs.values)
    np.testing.assert_array_equal(ours.units, theirs.units)
    patches = surveying.patches(layer, 1, "auto")
    assert sorted(patch.key for patch in patches.patches) == ["0", "1"]
    assert surveying.is_own("1")
    assert not surveying.is_own("2")
    state = explorer.state
    assert (state.survey_running, state.survey_done, state.survey_total) == (False, 2, 2)
    assert state.survey_status == "2 images surveyed"


def test_a_survey_answers_while_it_runs_and_keeps_what_it_has_when_stopped(explorer, surveying):
    answered = threading.Event()

    class Images:
        """Forty images. The thirty-first comes when the survey was asked and stopped."""

        def __iter__(self):
            rng = np.random.default_rng(1)
            for number in range(40):
                if number == 30:
                    assert answered.wait(60)
                yield rng.integers(0, 256, (20, 24, 3)).astype(np.float32)

    steps = []
    more = threading.Event()
    explorer.state.observe(lambda change: (steps.append(change.new), more.set()), "survey_step")
    job = threading.Thread(target=surveying.start, args=(Images(),))
    job.start()
    assert more.wait(60)  # a step is told while the data set hesitates
    patches = surveying.patches(explorer.state.layer, 0, "auto")
    assert len(patches.patches) >= 4
    assert explorer.state.survey_running
    surveying.stop()
    answered.set()
    job.join(60)
    found = surveying.wait(60)
    assert 0 < len(found) < 40
    assert explorer.state.survey_status == f"Stopped: {len(found)} images surveyed"
    assert not explorer.state.survey_running
    assert steps == list(range(1, len(steps) + 1))


def test_an_empty_data_set_is_an_error_of_the_survey(explorer, surveying):
    surveying.start(iter(()))
    with pytest.raises(FeedError, match="an empty data set"):
        surveying.wait(60)
    assert explorer.state.survey_status.startswith("FeedError: Expected at least one image")
    assert not explorer.state.survey_running


def test_what_was_not_surveyed_is_refused(explorer, surveying):
    with pytest.raises(OptionError, match="to sort by selectivity"):
        surveying.selectivities(explorer.state.layer, 0)
    with pytest.raises(OptionError, match="with labels"):
        surveying.mistakes(3, explorer.state.layer)
    surveying.start(layers=[explorer.state.layer])
    surveying.wait(60)
    other = next(layer.name for layer in explorer.network.layers if layer.name != explorer.state.layer)
    with pytest.raises(LayerError, match="surveyed layer"):
        surveying.selectivities(other, 0)
    assert surveying.patches(other, 0, "auto") is None
    with pytest.raises(OptionError, match="with labels"):
        surveying.mistakes(3, explorer.state.layer)


def test_a_folder_is_surveyed_and_its_files_can_be_opened(explorer, surveying, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    explorer.state.survey_folder = str(folder)
    with pytest.raises(ImageError):
        surveying.start()
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (30, 30, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    surveying.start()
    found = surveying.wait(60)
    assert [key.rsplit("/", 1)[-1] for key in found.keys] == ["0.png", "1.png", "2.png"]
    assert not surveying.is_own(found.keys[0])
    assert surveying.source(found.keys[0]) == found.keys[0]


def test_labels_tell_selectivity_and_mistakes(tmp_path, inline_jobs):
    digits = demo.digits()
    explorer = ModelExplorer(demo.small_cnn(), digits.test_images[:3], class_names=list("0123456789"))
    surveying = ImageSurvey(explorer.state, explorer.fed_images)
    surveying.start(digits.test_images[:120], labels=digits.test_labels[:120])
    found = surveying.wait(60)
    layer = next(layer.name for layer in reversed(found.layers[:-1]))
    values = surveying.selectivities(layer, 3)
    best = found.find(3, layer, count=1)
    assert values.argmax() == best["channel"][0]
    assert values.max() == pytest.approx(best["selectivity"][0])
    wrong = surveying.mistakes(2, layer)
    assert all(mistake.label != mistake.prediction for mistake in wrong)
    surveying.close()
    explorer.close()
