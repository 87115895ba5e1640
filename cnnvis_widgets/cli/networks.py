"""Runs ``describe``."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict

from .given import network_of
from .report import Report


def describe(arguments: Namespace, report: Report) -> None:
    """Tell inputs, layers, outputs and heads of a model."""
    network = network_of(arguments)
    report.say(network.describe())
    for head in network.heads:
        known = f", such as {', '.join(head.names[:3])}" if head.names else ""
        report.say(f"{head.name!r} tells {head.meaning}: {head.classes or '?'} of them{known}")
    report.fact(
        inputs=[asdict(each) for each in network.inputs],
        image_input=network.image_input.name,
        layers=[asdict(layer) for layer in network.layers],
        outputs=[asdict(each) for each in network.outputs],
        heads=[
            {"name": head.name, "meaning": head.meaning, "scores": head.scores.name, "names": head.names}
            for head in network.heads
        ],
        nonfinite_weights=network.nonfinite_weights(),
        fingerprint=network.fingerprint(),
    )
