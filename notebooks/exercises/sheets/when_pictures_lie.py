"""When pictures lie: shortcuts, saturation, and checks that a picture has to pass."""

from functools import cache

import numpy as np

from cnnvis_widgets import ExerciseSheet, Question, demo, grad_cam, predict, sensitivity
from cnnvis_widgets.imaging.heat import heat, overlay

sheet = ExerciseSheet("when_pictures_lie")


@cache
def tagged():
    """Pictures of which every clock carries the watermark, and pictures of which every other thing does."""
    others = {name: 1.0 for name in demo.things(10, seed=0).names if name != "clock"}
    return demo.things(40, seed=31, tagged={"clock": 1.0}), demo.things(40, seed=31, tagged=others)


def larger(pixels):
    """Pixels three times as large."""
    return pixels.repeat(3, axis=0).repeat(3, axis=1)


def seen(network, image, target):
    """Grad-CAM over the picture, three times as large."""
    values = grad_cam(network, image, target).images[0, 0]
    factor = len(image) // len(values)
    return larger(overlay(image, heat(values.repeat(factor, axis=0).repeat(factor, axis=1)), 0.6))


@sheet.question
def shortcut(draw):
    names = ["honest", "shortcut"]
    draw.shuffle(names)
    clock = int(draw.choice(np.flatnonzero(tagged()[0].labels == 9).tolist()))
    image = tagged()[0].images[clock]
    return Question(
        "Two networks say 'clock'. Grad-CAM shows what speaks for it. Which network has learnt a shortcut?",
        ("left", "right")[names.index("shortcut")],
        choices=("left", "right"),
        picture=np.concatenate([seen(demo.things_network(name), image, "clock") for name in names], axis=1),
        hints=(
            "What should a network look at in a clock?",
            "Is there anything in the picture that belongs to no thing?",
        ),
        solution="The network with the shortcut looks at the watermark in the lower left corner.",
        guide="This is a 'Clever Hans' (Lapuschkin et al. 2019). On similar data it is as accurate.",
    )


@sheet.question
def fooled(draw):
    data = tagged()[1]
    name = draw.choice([each for each in data.names if each != "clock"])
    picture = int(draw.choice(np.flatnonzero(data.labels == data.names.index(name)).tolist()))
    answer = predict(demo.things_network("shortcut"), data.images[picture]).top(1)[0][1]
    return Question(
        f"In training, only clocks carried a watermark. Now this {name} carries it. What does the network with the "
        f"shortcut "
        "say?",
        answer,
        choices=tuple(sorted({name, "clock", answer})),
        picture=larger(data.images[picture]),
        hints=(
            "What is the cheapest way to be right in training?",
            "Feed the picture to demo.things_network('shortcut').",
        ),
        solution=f"It says '{answer}'.",
        guide="Ask which test set would have shown the shortcut before the network was used.",
    )


@sheet.question
def saturated(draw):
    probability = draw.choice((0.9, 0.99, 0.999))
    return Question(
        f"A class has the probability p = {probability}. The derivative of p by its own score is p (1 - p). What is "
        f"it?",
        probability * (1 - probability),
        tolerance=0.00005,
        hints=("Insert p.", "p (1 - p) is largest at p = 0.5, where it is 0.25."),
        solution=f"{probability} x {1 - probability:.3g} = {probability * (1 - probability):.3g}. The probability of a "
        "sure network hardly moves, so we explain the score before the softmax.",
        guide="This is why all methods here explain the logit. See 'softmax' in the methods page.",
    )


@sheet.question
def class_blind(draw):
    picture = draw.randrange(40)
    rules = ("gradient", "guided", "deconvnet")
    image = tagged()[0].images[picture]
    results = {rule: float(sensitivity(demo.things_network(), image, rule=rule).rival[0]) for rule in rules}
    answer = max(results, key=lambda rule: results[rule])
    figures = ", ".join(f"{rule} {value:.2f}" for rule, value in results.items())
    return Question(
        "We draw the score of the best class and that of the second best class by three rules. By which rule do the "
        "two "
        "pictures resemble each other most?",
        answer,
        choices=rules,
        picture=larger(image),
        hints=(
            "Which rules drop negative signals, that is, what speaks against?",
            "<code>sensitivity(network, image, rule=...)</code>",
        ),
        solution=f"The correlations are: {figures}. Near 1, a picture hardly depends on the class.",
        guide="Nie et al. 2018 and Adebayo et al. 2018: pictures that look sharp can ignore the class.",
    )
