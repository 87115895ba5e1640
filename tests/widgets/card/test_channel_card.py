"""The card of a channel: what it tells, against the methods that tell it one by one, and what it does with clicks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import keras
import numpy as np
import pytest
from on_screen import pixels

from cnnvis_widgets import ModelExplorer, channel_evidence, load, reconstruct
from cnnvis_widgets.engine.attribution.intervention import ResumedNetwork
from cnnvis_widgets.errors import ChannelError, LayerError, OptionError
from cnnvis_widgets.imaging.render import picture
from cnnvis_widgets.widgets.card import channel_card
from cnnvis_widgets.widgets.card import facts as facts_of_a_card
from cnnvis_widgets.widgets.card.channel_card import ChannelCard
from cnnvis_widgets.widgets.card.face import strongest_votes
from cnnvis_widgets.widgets.card.figures import Colouring, Subject, what_excites_it, what_it_sees, where_it_fires
from cnnvis_widgets.widgets.card.idle_dreams import IdleDreams, kept_dream, small_dream
from cnnvis_widgets.widgets.jobs import jobs
from cnnvis_widgets.widgets.state.cards import Address
from cnnvis_widgets.widgets.surveying.image_survey import ImageSurvey

pytest_plugins = ["widget_jobs"]
pytestmark = pytest.mark.usefixtures("no_leaked_jobs")

LAYER = "second/Relu"


def card_of(explorer: ModelExplorer) -> ChannelCard:
    survey, incoming = ImageSurvey(explorer.state, explorer.fed_images), explorer.image_pane.incoming
    return ChannelCard(explorer.state, explorer.fed_images, survey, lambda key: survey.open(key, incoming))


@pytest.fixture
def card(explorer: ModelExplorer) -> Iterator[ChannelCard]:
    """The card of an explorer, as if it were in a page."""
    explorer.state.layer = next(layer.name for layer in explorer.network.layers if layer.name.endswith(LAYER))
    card = card_of(explorer)
    card.begin()
    yield card
    card.close()


def test_the_facts_are_those_of_the_single_methods(explorer, card):
    state = explorer.state
    state.channel = 3
    card.begin()
    facts = card.wait(10)
    alone = reconstruct(explorer.network, explorer.feed, state.layer, channels=[3], rule="auto")
    assert (facts.channel, facts.unit) == (3, tuple(alone.units[0, 0].tolist()))
    assert facts.value == pytest.approx(float(alone.seed_values[0, 0]))
    np.testing.assert_array_equal(facts.projection.images, alone.images)
    for number in range(4):
        (evidence,) = channel_evidence(explorer.network, explorer.feed, state.layer, number)
        assert facts.votes[number] == pytest.approx(float(evidence[3]), rel=1e-3, abs=1e-5)
    assert facts.complete


def test_a_channel_scaled_by_two_interventions_tells_all_classes_at_once():
    """A network with biases and a ReLU above the layer: the difference is central, so its error is of second order."""
    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3)),
            keras.layers.Conv2D(5, 3, activation="relu", name="conv"),
            keras.layers.Conv2D(6, 3, activation="tanh"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(7, activation="softmax"),
        ]
    )
    image = np.random.default_rng(0).normal(size=(2, 12, 12, 3)).astype(np.float32)
    network = load(model, image)
    votes = np.stack([ResumedNetwork(network, None, "conv").evidence(channel) for channel in range(5)], axis=-1)
    exact = np.stack([channel_evidence(network, None, "conv", number) for number in range(7)], axis=1)
    assert votes.shape == exact.shape == (2, 7, 5)
    assert votes.dtype == np.float32
    np.testing.assert_allclose(votes, exact, rtol=5e-3, atol=2e-5)
    with pytest.raises(ChannelError, match="channels from 0 to 4"):
        ResumedNetwork(network, None, "conv").evidence(5)


def test_patch_and_projection_are_cut_by_the_receptive_field(explorer, card):
    state = explorer.state
    state.channel, state.unit, state.crop = 2, (4, 7), "field"
    card.begin()
    facts = card.wait(10)
    field = explorer.network.receptive_field(state.layer)
    rows, columns = field.window((4, 7))
    assert (rows, columns) == (slice(4, 9), slice(7, 12))
    image = explorer.fed_images.images[0]
    expected = picture(image, explorer.fed_images.value_range)[rows, columns]
    np.testing.assert_array_equal(pixels(card.face.sees.canvas), expected)
    assert pixels(card.face.excites.canvas).shape[:2] == (5, 5)
    assert card.face.where.canvas.selected == (7, 4, 5, 5)
    assert card.face.sees.figure.note == "receptive field, 5 × 5 px"
    state.crop = "image"
    card.begin()
    assert pixels(card.face.sees.canvas).shape == image.shape
    assert facts.unit == (4, 7)


def test_a_click_on_the_map_selects_the_unit_there(explorer, card):
    card.face.where.canvas._receive(None, {"event": "click", "x": 23.9, "y": 10.0}, None)
    assert explorer.state.unit == (8, 19)  # of 16 x 20 units over 20 x 24 pixels
    card.begin()
    assert card.wait(10).unit == (8, 19)


def test_the_offer_of_an_empty_projection_selects_that_unit(explorer, card):
    facts = card.wait(10)
    subject = Subject.of(facts, explorer.fed_images, 0)
    note = "fires most where its input is zero: nothing to project"
    silent = replace(facts.projection, notes=((note,),), next_units=(((2, 3),),))
    figure = what_excites_it(replace(subject, facts=replace(facts, projection=silent)), "strong")
    assert figure.pixels is None
    assert figure.offer == (2, 3)
    assert figure.note == "Fires most where its input is zero: nothing to project."
    card.face.excites.show(figure)
    assert card.face.excites.offer.description == "Show unit (2, 3)"
    assert card.face.excites.offer.layout.display is None
    card.face.excites.offer.click()
    assert explorer.state.unit == (2, 3)


def test_a_brush_sets_the_colour_scale(explorer, card):
    card.histogram.brush.brushing, card.histogram.brush.selected = True, np.array([0.2, 1.5])
    assert explorer.state.scale == "shared"  # while it is dragged
    card.histogram.brush.brushing = False
    assert (explorer.state.scale, explorer.state.floor, explorer.state.limit) == ("custom", 0.2, 1.5)


def test_the_histogram_counts_every_value(card):
    facts = card.wait(10)
    assert card.histogram.counts.sum() == facts.values.size
    low, high = min(0.0, facts.maps.values.min()), facts.maps.values.max()
    np.testing.assert_array_equal(card.histogram.counts, np.histogram(facts.values, 30, (low, high))[0])


def test_names_are_kept_with_the_state(explorer, card, tmp_path):
    state = explorer.state
    state.channel = 4
    card.name.value = "  round   things "
    assert state.channel_names == {f"{state.layer}[4]": "round things"}
    saved = explorer.save_state(tmp_path / "state.json")
    card.name.value = ""
    assert state.channel_names == {}
    state.channel = 5
    explorer.load_state(saved)
    assert state.channel == 4
    assert state.channel_name(state.layer, 4) == "round things"
    assert card.name.value == "round things"
    state.channel = 5
    assert card.name.value == ""


@pytest.mark.parametrize(
    ("names", "error"),
    [
        ({"nowhere[0]": "x"}, LayerError),
        ({"second": "x"}, ChannelError),
        (["second[1]"], OptionError),
        ({"second/Relu[99]": "x"}, (ChannelError, LayerError)),
    ],
)
def test_names_of_what_is_not_there_are_refused(explorer, names, error):
    before = explorer.state.channel_names
    with pytest.raises(error):
        explorer.state.channel_names = names
    assert explorer.state.channel_names == before


def test_pinned_cards_tell_the_same_image(explorer, card, tmp_path):
    state = explorer.state
    first = next(layer.name for layer in explorer.network.layers if layer.name.endswith("first/Relu"))
    state.layer, state.channel = first, 1
    card.begin()
    card.pin()
    address = str(Address(first, 1))
    assert state.pinned_cards == (address,)
    assert card._pin.description == "Unpin"
    state.image = 1
    state.channel = 2
    card.begin()
    card.wait(10)
    alone = reconstruct(explorer.network, explorer.feed, first, channels=[1], rule="auto")
    shown = card.pinned.faces[address]
    assert f"{int(alone.units[0, 0, 0])}" in shown.where.figure.note
    saved = explorer.save_state(tmp_path / "state.json")
    state.pinned_cards = ()
    card.begin()
    assert not card.pinned.children
    explorer.load_state(saved)
    assert state.pinned_cards == (address,)
    with pytest.raises(OptionError, match="at most 4"):
        state.pinned_cards = [str(Address(first, channel)) for channel in range(5)]


def test_the_card_works_only_in_a_page(explorer):
    card = card_of(explorer)
    explorer.state.channel = 1
    assert card.wait(1) is None
    card._view_count = 1
    assert card.wait(10).channel == 1
    explorer.state.channel = 2
    assert card.wait(10).channel == 2
    card._view_count = 0
    explorer.state.channel = 3
    assert card.wait(10).channel == 2
    card.close()


def test_who_walks_through_layers_waits_for_no_projection(explorer, card, monkeypatch):
    card._slot = jobs.Slot()
    projected, compute = [], facts_of_a_card.reconstruct

    def reconstruct_and_count(network, feed, layer, **options):
        projected.append((layer, *options["channels"]))
        return compute(network, feed, layer, **options)

    monkeypatch.setattr(facts_of_a_card, "reconstruct", reconstruct_and_count)
    rests, rest = [], jobs.Job.rest
    monkeypatch.setattr(jobs.Job, "rest", lambda job, seconds: rests.append(seconds) or rest(job, seconds))
    layers = [layer.name for layer in explorer.network.layers if layer.name != explorer.state.layer]
    for layer in layers:
        explorer.state.layer = layer
        card.begin()
    facts = card.wait(10)
    assert len(layers) > 2
    assert rests[-1] == channel_card.PATIENCE
    assert projected == [(layers[-1], facts.channel)]
    rests.clear()
    explorer.state.channel = (facts.channel + 1) % 4
    card.begin()
    assert card.wait(10).projection is not None
    assert rests == []  # in the same layer


def test_a_dream_is_kept_and_begins_only_when_nothing_runs(explorer, card):
    shown, busy = [], [True]
    fed_layer = explorer.fed_images.at(0, explorer.state.layer)
    dreams = IdleDreams(lambda *step: shown.append(step), lambda: busy[0])
    dreams._begin(fed_layer, 2)
    assert not shown
    dreams.stop()
    *_, last = small_dream(fed_layer, 2)
    assert last.start == "noise"
    assert last.step.images.shape == (1, 20, 24, 3)
    assert kept_dream(fed_layer, 2) is last
    assert kept_dream(explorer.fed_images.at(1, fed_layer.layer), 2) is last  # noise is the same for all images
    dreams.wish(fed_layer, 2)
    assert shown == [(fed_layer, 2, last)]


def test_votes_name_classes_of_both_sides():
    votes = np.array([3.0, -1.0, 2.0, 0.0, 1.0, -4.0])
    names = tuple("abcdef")
    assert [name for _, name, _ in strongest_votes(votes, names, 4)] == ["a", "c", "b", "f"]
    assert [name for _, name, _ in strongest_votes(np.abs(votes), names, 4)] == ["f", "a", "c", "b"]
    assert strongest_votes(np.zeros(3), names) == []


def test_a_map_without_activation_is_told_in_words(explorer, card):
    facts = card.wait(10)
    silent = replace(facts, maps=replace(facts.maps, values=np.zeros_like(facts.maps.values)))
    subject = Subject.of(silent, explorer.fed_images, 0)
    figure = where_it_fires(subject, Colouring())
    assert figure.pixels is None
    assert "does not fire" in figure.note
    assert what_it_sees(subject, "field").pixels is not None


def test_a_click_on_a_patch_opens_its_image(explorer, card):
    state = explorer.state
    assert "No images are surveyed yet" in card.elsewhere._words.value
    card.elsewhere._begin.click()
    assert state.survey_status == "2 images surveyed"
    card.elsewhere.ask(state.layer, 1)
    patches = card.elsewhere.patches.patches
    assert [patch.key for patch in patches] in (["0", "1"], ["1", "0"])
    state.image = int(patches[0].key)
    card.elsewhere.canvas._receive(None, {"event": "click", "x": 150.0, "y": 10.0}, None)
    assert state.image == int(patches[1].key)
    card.elsewhere.canvas._receive(None, {"event": "key", "key": "ArrowLeft"}, None)
    assert state.image == int(patches[0].key)
    card.elsewhere._folder.value = "/nowhere"
    card.elsewhere._begin.click()
    assert "nowhere" in card.elsewhere._error.value


def test_of_units_at_the_ceiling_the_projected_one_is_told(inline_jobs):
    """A ReLU6 that many units reach: the map has its maximum in all of them."""
    keras.utils.set_random_seed(2)
    layers = [keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, name="conv"), keras.layers.ReLU(6.0, name="clipped")]
    image = np.random.default_rng(3).integers(0, 256, (1, 16, 16, 3)).astype(np.float32)
    explorer = ModelExplorer(keras.Sequential(layers), image)
    state = explorer.state
    state.layer = next(layer.name for layer in explorer.network.layers if layer.kind == "relu6")
    maps = explorer.wait(60)
    for channel in np.flatnonzero((maps.values[0] == 6).sum(axis=(0, 1)) > 1):
        state.channel = int(channel)
        card = card_of(explorer)
        card.begin()
        alone = reconstruct(explorer.network, explorer.feed, state.layer, channels=[int(channel)], rule="auto")
        assert card.wait(10).unit == tuple(alone.units[0, 0].tolist())
        card.close()
    firsts = [np.unravel_index(maps.values[0, ..., channel].argmax(), (14, 14)) for channel in range(4)]
    projected = [tuple(unit) for unit in reconstruct(explorer.network, explorer.feed, state.layer).units[0].tolist()]
    assert [tuple(map(int, first)) for first in firsts] != projected  # otherwise the test could not fail
    explorer.close()
