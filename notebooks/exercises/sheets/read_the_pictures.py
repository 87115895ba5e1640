"""Read the pictures: which layer, which class, which rule, which input."""

import numpy as np

from cnnvis_widgets import ExerciseSheet, Question, activations, demo, dream, reconstruct
from cnnvis_widgets.imaging import render
from cnnvis_widgets.imaging.grid import enlarge, montage

sheet = ExerciseSheet("read_the_pictures")


def strongest_maps(image, layer, count=9):
    """The maps with the largest means, side by side, uint8."""
    [maps] = activations(demo.things_network(), image, layer)
    best = np.argsort(-maps.values[0].mean(axis=(0, 1)))[:count]
    tiles = render.activation_tiles(maps, channels=[int(each) for each in best], scale="map")
    return montage(enlarge(tiles, max(1, 96 // tiles.shape[1])), gap=2)


def larger(pixels):
    """Pixels three times as large."""
    return pixels.repeat(3, axis=0).repeat(3, axis=1)


@sheet.question
def layer(draw):
    layers = {"conv1_1/Relu": 64, "conv2_2/Relu": 32, "conv3_2/Relu": 16, "conv4_1/Relu": 8}
    mystery, picture = draw.choice([*layers]), draw.randrange(10)
    return Question(
        "These are nine feature maps of one picture. Which layer do they come from?",
        mystery,
        choices=tuple(layers),
        picture=strongest_maps(demo.things(10, seed=11).images[picture], mystery),
        hints=(
            "How many squares does one map have along its side?",
            "The menu of layers shows rows x columns x channels.",
        ),
        solution=f"Each map has {layers[mystery]} x {layers[mystery]} units, and each max-pool halves the size.",
        guide="Early maps show edges and colours at their place; late maps show few, large spots.",
    )


@sheet.question
def dreamt(draw):
    names = draw.sample(["house", "fish", "car", "flower", "boat", "cat", "butterfly", "clock"], 5)
    network = demo.things_network()
    *_, last = dream(network, None, network.logits, names[0], seed=draw.randrange(100))
    return Question(
        "This deep dream started from noise. Which class was it made for?",
        names[0],
        choices=tuple(sorted(names)),
        picture=larger(render.picture(last.images[0], last.value_range)),
        hints=("Look for parts that repeat: wheels, eyes, petals, windows.", "Feed the picture to the network."),
        solution=f"The parts of a {names[0]} repeat, because each of them raises the score.",
        guide="A dream is no memory of a training image. It shows parts, not one whole object.",
    )


@sheet.question
def rule(draw):
    rules = ["gradient", "guided", "deconvnet"]
    draw.shuffle(rules)
    network, label = demo.things_network(), draw.choice((3, 4, 7))
    picture = demo.things(10, seed=12).images[label]
    drawn = [reconstruct(network, picture, network.logits, rule=each, channels=[label]) for each in rules]
    tiles = [larger(render.reconstruction_tiles(each, scale="map")[0]) for each in drawn]
    places = ("left", "middle", "right")
    return Question(
        "The score of a class is projected to the image by the gradient, guided backpropagation and a deconvnet. Which "
        "picture is the plain gradient?",
        places[rules.index("gradient")],
        choices=places,
        picture=np.concatenate(tiles, axis=1),
        hints=(
            "Guided backpropagation and the deconvnet drop negative signals at each ReLU.",
            "A rule that keeps both signs gives the noisiest picture.",
        ),
        solution="The gradient keeps positive and negative parts, so neighbouring pixels often have opposite signs.",
        guide="'Looks better' does not mean 'is more true': see notebook 07.",
    )


@sheet.question
def fed(draw):
    data = demo.things(10, seed=13)
    names = draw.sample(list(data.names), 5)
    return Question(
        "These are nine feature maps of conv2_2. Which thing was in the picture?",
        names[0],
        choices=tuple(sorted(names)),
        picture=strongest_maps(data.images[data.names.index(names[0])], "conv2_2/Relu"),
        hints=(
            "Half close your eyes: which outline do several maps share?",
            "Compute the maps of each thing and compare.",
        ),
        solution="Early maps keep where things are, so outlines can still be read.",
        guide="Let students try the same with conv4_1: there the outline is gone, and parts are left.",
    )
