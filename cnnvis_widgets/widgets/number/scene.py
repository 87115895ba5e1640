"""The arithmetic of a unit as a scene: words, grids of numbers, and the beats of its animation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...results import ArithmeticStep, UnitArithmetic

MOST_CHANNELS = 3
"""Channels of a window that are drawn; of the others the sum is told."""

MOST_TERMS = 8
"""Products of a long sum that are listed; of the others the sum is told."""

LARGEST_WINDOW = 7
"""Rows and columns of a window that is drawn as a grid."""

TITLES = {
    "convolution": "Convolution",
    "depthwise_convolution": "Depthwise convolution",
    "dense": "Dense layer",
    "max_pool": "Max-pool",
    "average_pool": "Average pool",
    "global average_pool": "Mean over all places",
    "global max_pool": "Maximum over all places",
    "addition": "Sum of branches",
    "bias": "Bias",
    "factor": "Factor",
    "batch_normalization": "Batch normalisation",
    "softmax": "Softmax",
    "relu": "ReLU",
    "relu6": "ReLU6",
    "clipped_relu": "ReLU with a ceiling",
    "leaky_relu": "Leaky ReLU",
    "prelu": "PReLU",
    "elu": "ELU",
    "selu": "SELU",
    "silu": "SiLU",
    "gelu": "GELU",
}


def scene(told: UnitArithmetic) -> dict[str, Any]:
    """What the page draws.

    Returns:
        ``title``, ``below`` and ``forward`` and ``backward``: lists of steps. Each has ``title``, ``words``, ``grids``,
        ``result``, and in ``backward`` a column for each rule.
    """
    unit = f", unit ({', '.join(map(str, told.unit))})" if told.unit else ""
    return {
        "title": f"{told.layer.name}, channel {told.channel}{unit} = {shown(told.value)}",
        "below": told.below,
        "forward": [_forward(step) for step in told.steps],
        "backward": [_backward(step, told.rules) for step in reversed(told.steps)],
    }


def shown(value: float) -> str:
    """A number as people read it.

    Example:
        >>> shown(-0.12345), shown(1234.5), shown(0.0), shown(float("nan"))
        ('−0.1235', '1234', '0', '·')
    """
    if np.isnan(value):
        return "·"
    if value == 0:
        return "0"
    return f"{value:.4g}".replace("-", "−")


def title_of(step: ArithmeticStep) -> str:
    """The name of a step, for people.

    Example:
        >>> title_of(ArithmeticStep("a", "leaky_relu", np.zeros(()), 0.0, 0.0))
        'Leaky ReLU'
    """
    words = step.kind.replace("_", " ")
    title = TITLES.get(step.kind, words[:1].upper() + words[1:])
    normalises = step.kind in ("factor", "bias") and re.search(r"(?i)batch_?norm|(^|[/_])bn", step.op)
    return f"{title} of the batch normalisation" if normalises else title


def _forward(step: ArithmeticStep) -> dict[str, Any]:
    told: dict[str, Any] = {"title": title_of(step), "grids": [], "terms": [], "result": shown(step.value)}
    if step.note:
        return {**told, "words": step.note}
    if step.inputs.ndim == 0:
        return {**told, "words": _one_number(step), "result": ""}
    if step.weights is not None:
        parts, rest = _parts(step.inputs, step.weights)
        told |= {"grids": parts} if parts else {"terms": _terms(step)}
        count = step.inputs.size
        rest_words = f" {rest}" if rest else ""
        words = f"Multiply {count} numbers by their weights, and add up.{rest_words}"
        if step.kind == "addition":
            words = f"Add up what {count} branches give at this place."
        return {**told, "words": words}
    if step.switch is not None:
        where = np.unravel_index(step.switch, step.inputs.shape)
        words = f"Take the largest of {step.inputs.size} numbers. It stands at {_place(where)} of the window."
        return {**told, "words": words, "grids": _plain(step.inputs, step.switch)}
    words = f"Take the mean of {int((~np.isnan(step.inputs)).sum())} numbers."
    if step.kind == "softmax":
        words = f"Raise e to each of {step.inputs.size} numbers, and take the share of this one."
    return {**told, "words": words, "grids": _plain(step.inputs, None)}


def _one_number(step: ArithmeticStep) -> str:
    x, given, numbers = shown(float(step.inputs)), shown(step.value), step.parameters
    if step.kind == "batch_normalization":
        mean, factor, offset = (shown(numbers[name]) for name in ("mean", "factor", "offset"))
        spread = f"variance {shown(numbers['variance'])}, scale {shown(numbers['scale'])}"
        return f"({x} − {_signed(mean)}) × {_signed(factor)} + {_signed(offset)} = {given}. Mean {mean}, {spread}."
    if step.kind == "bias":
        minus = "−" if numbers.get("factor") == -1.0 else ""
        return f"{minus}{_signed(x)} + {_signed(shown(numbers['bias']))} = {given}"
    if step.kind == "factor":
        return f"{x} × {_signed(shown(numbers['factor']))} = {given}"
    passed = " It is off." if step.value == 0 else ""
    return (
        f"{step.kind.replace('_', ' ')}({x}) = {given}.{passed} Its slope there is {shown(numbers.get('slope', 0.0))}."
    )


def _signed(number: str) -> str:
    return f"({number})" if number.startswith("−") else number


def _backward(step: ArithmeticStep, rules: tuple[str, ...]) -> dict[str, Any]:
    columns = []
    for rule in rules:
        if rule not in step.sent or rule not in step.signals:
            continue
        sent, arrived = step.sent[rule], shown(step.signals[rule])
        told: dict[str, Any] = {"rule": rule, "grids": [], "terms": []}
        if sent.ndim == 0:
            told["words"] = f"{arrived} → {shown(float(sent))}"
        else:
            told["words"] = f"{arrived} spreads over {int((sent != 0).sum())} of {sent.size} numbers"
            told["grids"] = _sent_grids(step, sent)
            if not told["grids"]:
                told["terms"] = _sent_terms(sent)
        columns.append(told)
    return {"title": title_of(step), "words": _back_words(step), "columns": columns}


def _back_words(step: ArithmeticStep) -> str:
    if step.inputs.ndim == 0:
        if "slope" not in step.parameters:
            factor = step.parameters.get("factor", 1.0)
            return "The signal passes unchanged." if factor == 1.0 else f"The signal is multiplied by {shown(factor)}."
        return (
            "The gradient multiplies by the slope. deconvnet lets positive signals pass. guided does so only where the "
            "unit is on."
        )
    if step.switch is not None:
        return "The signal goes to the place where the largest number stood."
    if step.weights is not None:
        return "The signal is multiplied by each weight."
    return "Each number gets its share of the signal."


# ---- grids and lists of numbers


def _parts(inputs: np.ndarray, weights: np.ndarray) -> tuple[list[dict[str, Any]], str]:
    """Grids of the channels that matter most, and words about the others."""
    if not _is_grid(inputs):
        return [], ""
    if inputs.ndim == 2:
        return [_grid("", inputs, weights)], ""
    products = (inputs.astype(np.float64) * weights).reshape(-1, inputs.shape[-1])
    order = np.argsort(-np.abs(products).sum(axis=0), kind="stable")
    chosen, others = order[:MOST_CHANNELS], order[MOST_CHANNELS:]
    grids = [_grid(f"channel {channel} below", inputs[..., channel], weights[..., channel]) for channel in chosen]
    for grid, channel in zip(grids, chosen, strict=True):
        grid["channel"] = int(channel)
    if not others.size:
        return grids, ""
    total = shown(float(products[:, others].sum()))
    count = f"{len(others)} other channel{'s' if len(others) > 1 else ''}"
    return grids, f"Here are the {len(chosen)} channels that weigh most; the {count} add up to {total}."


def _is_grid(numbers: np.ndarray) -> bool:
    """Whether numbers have a height and a width that can be drawn, and perhaps channels."""
    return numbers.ndim in (2, 3) and max(numbers.shape[:2]) <= LARGEST_WINDOW


def _grid(name: str, inputs: np.ndarray, weights: np.ndarray) -> dict[str, Any]:
    return {
        "name": name,
        "inputs": _numbers(inputs),
        "weights": _numbers(weights),
        "products": _floats(inputs * weights),
    }


def _plain(inputs: np.ndarray, switch: int | None) -> list[dict[str, Any]]:
    if inputs.ndim != 2 or max(inputs.shape) > LARGEST_WINDOW:
        return []
    return [{"name": "", "inputs": _numbers(inputs), "weights": None, "products": _floats(inputs), "switch": switch}]


def _sent_grids(step: ArithmeticStep, sent: np.ndarray) -> list[dict[str, Any]]:
    if not _is_grid(sent):
        return []
    if sent.ndim == 2:
        return [{"name": "", "inputs": _numbers(sent), "weights": None, "products": _floats(sent), "switch": None}]
    strongest = int(np.abs(step.products if step.weights is not None else sent).sum(axis=(0, 1)).argmax())
    grid = sent[..., strongest]
    name = f"to channel {strongest} below"
    return [{"name": name, "inputs": _numbers(grid), "weights": None, "products": _floats(grid), "switch": None}]


def _terms(step: ArithmeticStep) -> list[dict[str, Any]]:
    """The products of a long sum that weigh most."""
    products = step.products.astype(np.float64).ravel()
    order = np.argsort(-np.abs(products), kind="stable")[:MOST_TERMS]
    weights = np.ones_like(step.inputs) if step.weights is None else step.weights
    terms = [
        {
            "name": _place(np.unravel_index(int(number), step.inputs.shape)),
            "words": f"{shown(float(step.inputs.ravel()[number]))} × {_signed(shown(float(weights.ravel()[number])))}",
            "product": shown(float(products[number])),
        }
        for number in order
    ]
    others = len(products) - len(order)
    if others > 0:
        total = shown(float(products.sum() - products[order].sum()))
        terms.append({"name": f"{others} others", "words": "add up to", "product": total})
    return terms


def _sent_terms(sent: np.ndarray) -> list[dict[str, Any]]:
    flat = sent.ravel()
    order = np.argsort(-np.abs(flat), kind="stable")[:3].tolist()
    names = [_place(np.unravel_index(number, sent.shape)) for number in order]
    pairs = zip(names, order, strict=True)
    return [{"name": name, "words": "", "product": shown(float(flat[number]))} for name, number in pairs]


def _place(where: Any) -> str:
    return f"({', '.join(str(int(at)) for at in where)})" if len(where) > 1 else f"number {int(where[0])}"


def _numbers(values: np.ndarray) -> list[list[str]]:
    return [[_short(float(value)) for value in row] for row in values]


def _short(value: float) -> str:
    return "·" if np.isnan(value) else f"{value:.2g}".replace("-", "−") if value else "0"


def _floats(values: np.ndarray) -> list[list[float]]:
    clean: Mapping[Any, Any] | np.ndarray = np.nan_to_num(values.astype(np.float64))
    return [[float(f"{value:.6g}") for value in row] for row in clean]
