"""Short dreams for the tests."""

from cnnvis_widgets import dream


def run(*args, **options):
    """All steps of a dream: five in one octave, for an input in [0, 1], unless options say otherwise."""
    return list(dream(*args, **({"octaves": 1, "steps": 5, "value_range": (0, 1)} | options)))
