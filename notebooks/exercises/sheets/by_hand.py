"""One number at a time: a convolution, a stride, a max-pool and a backward pass, computed by hand."""

import numpy as np

from cnnvis_widgets import ExerciseSheet, Question

sheet = ExerciseSheet("by_hand")


def table(values):
    """Numbers as an HTML table."""
    cell = '<td style="text-align:right;padding:0 8px;border:1px solid">'
    rows = "".join(f"<tr>{''.join(f'{cell}{value}</td>' for value in row)}</tr>" for row in values)
    return f'<table style="border-collapse:collapse;margin:4px">{rows}</table>'


def whole(draw, low, high, shape):
    """Random whole numbers of a shape."""
    return np.array([draw.randint(low, high) for _ in range(int(np.prod(shape)))]).reshape(shape)


@sheet.question
def convolution(draw):
    window, kernel, bias = whole(draw, 0, 4, (3, 3)), whole(draw, -2, 2, (3, 3)), draw.randint(-4, 4)
    total = int((window * kernel).sum()) + bias
    return Question(
        f"This is the part of the image below the kernel: {table(window)} This is the kernel: {table(kernel)} The "
        f"bias is "
        f"{bias}. What value does the unit have behind the ReLU?",
        max(total, 0),
        hints=(
            "Multiply each number by the one at the same place in the kernel.",
            "Add the nine products and the bias.",
        ),
        solution=f"The sum with the bias is {total}; the ReLU gives {max(total, 0)}.",
        guide="TensorFlow does not flip the kernel: it computes a cross-correlation. Some forget the ReLU.",
    )


@sheet.question
def stride(draw):
    size, kernel, step, padding = (
        draw.choice((28, 32, 64)),
        draw.choice((3, 5, 7)),
        draw.choice((1, 2)),
        draw.choice((0, 1)),
    )
    outputs = (size - kernel + 2 * padding) // step + 1
    return Question(
        f"An image has {size} rows. A convolution has a {kernel} x {kernel} kernel, stride {step} and {padding} rows "
        f"of "
        "zeros on each side. How many rows does its output have?",
        outputs,
        unit="rows",
        hints=("How many positions does the kernel have if it moves by 1?", "(W - F + 2P) / S + 1, rounded down."),
        solution=f"({size} - {kernel} + 2 x {padding}) / {step} + 1, rounded down, is {outputs}.",
        guide="Rounding down matters: rows that the kernel cannot reach any more are not seen at all.",
    )


@sheet.question
def switch(draw):
    values = np.array(draw.sample(range(1, 30), 16)).reshape(4, 4)
    row, column = draw.choice((0, 2)), draw.choice((0, 2))
    window = values[row : row + 2, column : column + 2]
    at = np.unravel_index(window.argmax(), (2, 2))
    place = (row + int(at[0]), column + int(at[1]))
    return Question(
        f"A 2 x 2 max-pool with stride 2 reads this map: {table(values)} A deconvnet sends a signal back to the "
        f"pooled unit "
        f"in row {row // 2}, column {column // 2}. To which place of the map does the signal go? Type <em>row, "
        f"column</em>, "
        "counted from 0.",
        place,
        hints=("Which four values does this unit read?", "The signal goes to the place of the largest: the switch."),
        solution=f"The largest of the four values is {window.max()}, in row {place[0]}, column {place[1]}.",
        guide="Zeiler and Fergus 2014, section 2.1. Ask where the signal would go without stored switches.",
    )


@sheet.question
def backward(draw):
    rule = draw.choice(("gradient", "deconvnet", "guided"))
    value, signal = draw.choice((-3, -1, 2, 5)), draw.choice((-4, -2, 1, 3))
    passes = {"gradient": value > 0, "deconvnet": signal > 0, "guided": value > 0 and signal > 0}[rule]
    return Question(
        f"Going forward, a ReLU received the value {value}. Going backward, the signal {signal} arrives at its output. "
        f"What does the ReLU send on to its input under the rule '{rule}'?",
        signal if passes else 0,
        hints=(
            "The gradient passes where the forward value was positive.",
            "The deconvnet passes positive signals. Guided backpropagation asks for both.",
        ),
        solution=f"The forward value is {'positive' if value > 0 else 'negative'} and the signal is "
        f"{'positive' if signal > 0 else 'negative'}, so '{rule}' sends {signal if passes else 0}.",
        guide="Springenberg et al. 2015, figure 1, has the three rules side by side.",
    )
