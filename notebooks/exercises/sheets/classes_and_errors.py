"""Classes and errors: scores, probabilities, mistakes, and what a channel responds to."""

from functools import cache

import numpy as np

from cnnvis_widgets import ExerciseSheet, Question, activations, demo, predict

sheet = ExerciseSheet("classes_and_errors")


@cache
def data():
    return demo.things(200, seed=41, clutter=2)


@cache
def answers():
    """What the network with the shortcut says where every thing but clocks carries the watermark: class numbers."""
    tagged = demo.things(200, seed=41, clutter=2, tagged={name: 1.0 for name in data().names if name != "clock"})
    return predict(demo.things_network("shortcut"), tagged.images).probabilities.argmax(axis=1)


@sheet.question
def softmax(draw):
    scores = np.array([draw.randint(-2, 4) for _ in range(3)])
    place = draw.randrange(3)
    probabilities = np.exp(scores) / np.exp(scores).sum()
    return Question(
        f"Three classes have the scores {', '.join(map(str, scores))}. What probability does a softmax give to the "
        f"{('first', 'second', 'third')[place]} one?",
        float(probabilities[place]),
        tolerance=0.006,
        hints=("Raise e to each score.", "Divide by the sum of the three numbers."),
        solution=f"The probabilities are {', '.join(f'{value:.3f}' for value in probabilities)}.",
        guide="Adding the same number to all scores changes nothing. Let students verify it.",
    )


@sheet.question
def temperature(draw):
    factor = draw.choice((2, 10))
    return Question(
        f"All scores of a network are multiplied by {factor}. Does its accuracy change?",
        False,
        hints=("Which class is the largest?", "Does multiplication by a positive number change the order?"),
        solution="The order of the scores stays, so the answers stay. Only the probabilities become more extreme.",
        guide="So a probability tells little about how often a network is right (calibration).",
    )


@sheet.question
def mistakes(draw):
    name = draw.choice([each for each in data().names if each != "clock"])
    own = data().labels == data().names.index(name)
    wrong = int((answers()[own] != data().labels[own]).sum())
    return Question(
        f"Every {name} in <code>demo.things(200, seed=41, clutter=2, tagged=dict({name}=1.0))</code> carries a "
        f"watermark. How "
        f"many of these {int(own.sum())} pictures does <code>demo.things_network('shortcut')</code> classify wrongly?",
        wrong,
        predict=False,
        hints=(
            "<code>predict(network, images).probabilities.argmax(axis=1)</code>",
            "Compare with <code>data.labels</code>.",
        ),
        solution=f"It classifies {wrong} of them wrongly, mostly as clocks.",
        guide="In training only clocks carried the watermark. Ask for the accuracy without it, too.",
    )


@sheet.question
def responds(draw):
    [maps] = activations(demo.things_network(), data().images, "conv4_1/Relu")
    means = np.stack([maps.strengths[data().labels == label].mean(axis=0) for label in range(10)])
    ahead = np.sort(means, axis=0)
    clear = np.flatnonzero(ahead[-1] > 1.3 * ahead[-2])
    channel = int(draw.choice(clear.tolist()))
    best = data().names[int(means[:, channel].argmax())]
    others = draw.sample([name for name in data().names if name != best], 3)
    return Question(
        f"For which of these things does channel {channel} of <code>conv4_1/Relu</code> fire most strongly on "
        f"average, in "
        "<code>demo.things(200, seed=41, clutter=2)</code>?",
        best,
        choices=tuple(sorted([best, *others])),
        predict=False,
        hints=(
            "<code>activations(network, images, 'conv4_1/Relu')[0].strengths</code> has a row for each picture.",
            "Take the mean of the rows of each class.",
        ),
        solution=f"The mean strength is largest for '{best}'.",
        guide="A channel is not 'the cat channel' because a cat excites it most: look at its nine strongest pictures.",
    )
