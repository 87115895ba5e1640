"""Silence and evidence: what happens when a part of the network, or of the picture, is taken away."""

from functools import cache

import numpy as np

from cnnvis_widgets import ExerciseSheet, Question, activations, channel_evidence, demo, intervene, occlusion, predict

sheet = ExerciseSheet("silence_and_evidence")
LAYER = "conv4_1/Relu"
EFFECTS = ("falls", "rises", "stays within a hundredth")
QUARTERS = ("top left", "top right", "bottom left", "bottom right")


@cache
def data():
    return demo.things(200, seed=21, clutter=2)


@cache
def unsure():
    """The pictures of which the network is least sure: there a probability can still change."""
    probabilities = predict(demo.things_network(), data().images).probabilities.max(axis=1)
    return np.argsort(probabilities)[:20].tolist()


def larger(pixels):
    """Pixels three times as large."""
    return pixels.repeat(3, axis=0).repeat(3, axis=1)


@cache
def evidence(picture):
    """The class that the network is surest of, and what each channel says for it."""
    number, name, _ = predict(demo.things_network(), data().images[picture]).top(1)[0]
    return number, name, channel_evidence(demo.things_network(), data().images[picture], LAYER, number)[0]


def effect(picture, channel):
    """What silencing a channel does to the probability of the surest class, and by how much."""
    number, _, _ = evidence(picture)
    result = intervene(demo.things_network(), data().images[picture], LAYER, {channel: 0.0})
    change = float(result.after.probabilities[0, number] - result.before.probabilities[0, number])
    return (EFFECTS[2] if abs(change) <= 0.01 else EFFECTS[1] if change > 0 else EFFECTS[0]), change


def silenced(draw, strongest):
    picture = draw.choice(unsure())
    _, name, values = evidence(picture)
    channel = int(values.argmax() if strongest else values.argmin())
    answer, change = effect(picture, channel)
    return Question(
        f"The network says '{name}'. Channel {channel} of <code>{LAYER}</code> speaks most "
        f"<b>{'for' if strongest else 'against'}</b> this class (evidence {values[channel]:.2f}). We silence it. What "
        "happens to the probability of the class?",
        answer,
        choices=EFFECTS,
        picture=larger(data().images[picture]),
        hints=(
            "Evidence is activation times gradient: what the score loses if everything is linear.",
            "A probability near 1 can hardly change: look at the score, too.",
        ),
        solution=f"The probability changes by {change:+.3f}. One channel of 64 seldom decides alone.",
        guide="Discuss why the score can move a lot while the probability stays: the softmax saturates.",
    )


@sheet.question
def friend(draw):
    return silenced(draw, strongest=True)


@sheet.question
def opponent(draw):
    return silenced(draw, strongest=False)


@sheet.question
def fires(draw):
    [maps] = activations(demo.things_network(), data().images[:40], LAYER)
    limit = draw.choice((1, 2, 3))
    counts = (maps.strengths > limit).sum(axis=0)
    channel = draw.choice(np.flatnonzero((counts > 3) & (counts < 37)).tolist())
    return Question(
        "In how many of the first 40 pictures of <code>demo.things(200, seed=21, clutter=2)</code> does channel "
        f"{channel} of <code>{LAYER}</code> have an activation above {limit} somewhere?",
        int(counts[channel]),
        predict=False,
        hints=(
            "<code>activations(network, images, layer)[0].strengths</code> has a row for each picture.",
            "The strength of a map is its largest activation. Count the rows where it is above the limit.",
        ),
        solution=f"That is so in {counts[channel]} of 40 pictures.",
        guide="A channel that never fires is called dead, but only for the pictures that were tried.",
    )


@sheet.question
def quarter(draw):
    picture = draw.randrange(200)
    number, name, _ = evidence(picture)
    swept = occlusion(demo.things_network(), data().images[picture], number, size=32, stride=32)
    scores = np.asarray(swept.scores)[0, 0]
    return Question(
        f"The network says '{name}'. We hide one quarter of the picture after the other. Which one costs the "
        f"<b>score</b> of "
        "the class most?",
        QUARTERS[int(scores.argmin())],
        choices=QUARTERS,
        picture=larger(data().images[picture]),
        hints=(
            f"Where are the parts that only a {name} has?",
            "<code>occlusion(...).scores[0, 0]</code> has one number for each.",
        ),
        solution=f"The scores are {', '.join(f'{value:.1f}' for value in scores.ravel())}, in the order of the menu.",
        guide="What hurts when hidden is what the network uses. It need not be what people look at.",
    )
