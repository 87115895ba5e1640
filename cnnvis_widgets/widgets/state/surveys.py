"""How far a survey is, and what is surveyed."""

from __future__ import annotations

import traitlets as t

from .explorer_state import ExplorerState


class SurveyTraits(ExplorerState):
    """A survey of many images.

    Attributes:
        survey_folder: the folder or pattern of the image files to survey; '' for the images of the explorer.
        survey_running: whether a survey runs.
        survey_done, survey_total: how many images it has taken, and how many there are (0 if nobody knows).
        survey_status: what it does, in words.
        survey_step: grows whenever there is more to answer with.
    """

    survey_folder = t.Unicode("")
    survey_running = t.Bool(False).tag(report=True)
    survey_done = t.Int(0, min=0).tag(report=True)
    survey_total = t.Int(0, min=0).tag(report=True)
    survey_status = t.Unicode("").tag(report=True)
    survey_step = t.Int(0, min=0).tag(report=True)
