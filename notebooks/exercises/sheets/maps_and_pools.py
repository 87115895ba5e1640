"""Maps and pools: sizes, receptive fields and weights of the network that knows ten things."""

from cnnvis_widgets import ExerciseSheet, Question, demo

sheet = ExerciseSheet("maps_and_pools")
LAYERS = ("conv2_1", "conv2_2", "conv3_1", "conv3_2", "conv4_1")


def relu(layer):
    return demo.things_network().layer(f"{layer}/Relu")


@sheet.question
def pools(draw):
    layer = draw.choice(LAYERS)
    return Question(
        f"How many max-pools lie between the image and <code>{layer}</code>?",
        int(layer[4]) - 1,
        hints=(
            f"Open the menu of layers. Which ones come before {layer}?",
            "The names of max-pools start with 'pool'.",
        ),
        solution="Each stage of this network ends with one max-pool, so the stage number minus 1 is the answer.",
        guide="Some students count convolutions with stride 2 as pools. This network has none.",
    )


@sheet.question
def size(draw):
    layer = draw.choice(LAYERS)
    rows, columns = relu(layer).shape[1:3]
    return Question(
        f"How many rows and columns does a feature map of <code>{layer}</code> have? Type them as <em>rows x "
        f"columns</em>.",
        (rows, columns),
        hints=(
            "The image has 64 rows. A convolution with padding 'same' keeps the size.",
            "Each max-pool of 2 x 2 halves rows and columns.",
        ),
        solution=f"64 is halved by each max-pool before {layer}. That leaves {rows} rows and as many columns.",
        guide="Ask what padding 'valid' would change: each 3 x 3 convolution would take away 2 rows.",
    )


@sheet.question
def field(draw):
    layer = draw.choice(LAYERS)
    width = demo.things_network().receptive_field(relu(layer)).size[1]
    return Question(
        f"How many pixels wide is the receptive field of a unit in <code>{layer}</code>? conv1_1 has a kernel of 5 x "
        f"5, "
        "all later convolutions have 3 x 3, and each max-pool has 2 x 2 with stride 2.",
        width,
        unit="pixels",
        hints=(
            "Start with 1 pixel. A kernel of k adds (k - 1) steps. One step is 1 pixel before the first pool.",
            "Behind each max-pool one step is twice as long: 2, then 4, then 8 pixels.",
        ),
        solution=f"Add (kernel - 1) x step for each layer up to {layer}, and 1: {width} pixels.",
        guide="The usual error: the step of a pool applies to layers behind it, not to the pool itself.",
    )


@sheet.question
def weights(draw):
    kernel, inputs, outputs = draw.choice((3, 5)), draw.choice((3, 8, 16)), draw.choice((16, 32, 64))
    count = kernel * kernel * inputs * outputs + outputs
    return Question(
        f"A convolution with a {kernel} x {kernel} kernel reads {inputs} maps and makes {outputs} maps. How many "
        f"numbers "
        "does it learn, biases included?",
        count,
        hints=(
            "One kernel covers all input maps: it has kernel x kernel x inputs weights.",
            "Each output map has one kernel and one bias.",
        ),
        solution=f"{kernel} x {kernel} x {inputs} x {outputs} weights and {outputs} biases: {count}.",
        guide="The size of the image does not matter. Let students say why: weights are shared over all places.",
    )
