"""Runs ``survey``."""

from __future__ import annotations

from argparse import Namespace

from ..methods import METHODS
from ..outputs.mistake_pages import write_mistakes_page
from ..outputs.survey_pages import write_survey_page
from ..surveys.survey import Survey
from .given import images_of, labels_of, network_of
from .parsing import call_of
from .report import Report

_NAMED = 3


def survey(arguments: Namespace, report: Report) -> None:
    """Survey a data set, and write the pages that are wanted."""
    method = METHODS["survey"]
    images = images_of(arguments.images)
    asked, keywords = call_of(method, arguments)
    keywords |= {"progress": report.progress, "labels": labels_of(keywords.get("labels"), images)}
    report.begin(f"Reading {arguments.model}")
    [found] = method.run(network_of(arguments), images, *asked, **keywords)
    _tell(found, report)
    folder = found.index.folder
    if arguments.patches:
        report.begin("Projecting the strongest patches")
        strongest = (each for layer in arguments.patches for each in found.all_patches(layer))
        report.files([write_survey_page(strongest, folder / "patches.html")])
    if arguments.errors:
        mistakes = found.errors()
        report.say(f"{mistakes.wrong} of {mistakes.labelled} predictions are wrong")
        report.fact(wrong=mistakes.wrong, labelled=mistakes.labelled)
        report.files([write_mistakes_page(mistakes, folder / "errors.html")])


def _tell(found: Survey, report: Report) -> None:
    dead = found.dead()
    report.say(f"{len(found)} images, {len(found.layers)} layers, {len(dead)} channels that never fire")
    for unread in found.unread[:_NAMED]:
        report.say(f"    could not be read: {unread.key}: {unread.reason}")
    report.say(f"Index: {found.index.folder}")
    report.fact(
        folder=str(found.index.folder),
        images=len(found),
        unread=[{"key": each.key, "reason": each.reason} for each in found.unread],
        layers=[{"name": layer.name, "channels": layer.channels} for layer in found.layers],
        dead=[{"layer": name, "channel": channel} for name, channel in dead],
    )
