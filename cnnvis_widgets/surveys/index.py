"""The folder of a survey: its plan, its partitions, and the tables of the whole.

::

    Survey/survey.json                the plan
    Survey/partition-000000/          images.parquet  strongest.parquet  channels.parquet  unread.parquet
    Survey/partition-000001/ ...
    Survey/strongest.parquet          of the whole data set, written at the end
    Survey/channels.parquet

A partition is one folder that gets its name when it is complete. So whatever stops a survey, each partition is there
as a whole or not at all.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import OptionError, OutputError
from ..outputs.whole_files import write_folder, write_whole
from ..results import Unread
from .plan import Plan
from .summaries import Summary, joined
from .tables import CHANNELS, STRONGEST, read_summary, read_texts, read_unread, summary_files

PLAN = "survey.json"
_PARTITION = re.compile(r"partition-(\d{6,})")
_REMEDY = "Free space, or give another folder: out=..."


@dataclass(frozen=True, eq=False)
class Written:
    """A partition that is on disk: how many images it has, and which of them could not be read."""

    images: int
    unread: Sequence[Unread]


@dataclass(frozen=True)
class Index:
    """The folder of a survey and its plan."""

    folder: Path
    plan: Plan

    @classmethod
    def started(cls, folder: Path, plan: Plan, *, resume: bool) -> Index:
        """Open or make a folder to write to.

        Args:
            folder: of the survey.
            plan: of the survey.
            resume: whether to keep the partitions that are there.

        Raises:
            OptionError: the folder holds a survey with another plan.
            OutputError: it holds other things, or cannot be written to.
        """
        index = cls(folder, plan)
        if (folder / PLAN).exists():
            if resume:
                index._require_same_plan()
            else:
                index._clear()
        elif folder.exists() and any(folder.iterdir()):
            raise OutputError(
                f"Expected a new folder, or one of a survey. Received: {str(folder)!r}, which holds other files. "
                "Give another folder: out=..."
            )
        index._drop_tables()
        write_whole(folder / PLAN, plan.to_json().encode(), _REMEDY)
        for leftover in folder.glob(".*.tmp"):
            shutil.rmtree(leftover, ignore_errors=True) if leftover.is_dir() else leftover.unlink(missing_ok=True)
        return index

    @classmethod
    def opened(cls, folder: Path) -> Index:
        """Open the folder of a survey to read it.

        Raises:
            OutputError: there is none.
        """
        path = folder / PLAN
        try:
            text = path.read_text("utf-8")
        except (OSError, ValueError) as error:
            raise OutputError(
                f"Expected the folder of a survey. Received: {str(folder)!r} ({error}). "
                "Survey the images first: survey(network, images, out=...)."
            ) from error
        return cls(folder, Plan.from_json(text, repr(str(path))))

    def path(self, number: int) -> Path:
        """The folder of a partition."""
        return self.folder / f"partition-{number:06d}"

    def partitions(self) -> list[int]:
        """The numbers of the partitions that are complete."""
        names = (_PARTITION.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(match[1]) for match in names if match)

    def holds(self, number: int, keys: Sequence[str]) -> bool:
        """Whether a partition is complete and holds exactly these images."""
        path = self.path(number)
        if not path.exists():
            return False
        held = [*read_texts(path)[0], *(image.key for image in read_unread(path))]
        return sorted(held) == sorted(keys)

    def write(self, number: int, files: Mapping[str, bytes]) -> None:
        """Write a partition, whole or not at all. It replaces an older one of the same number.

        Raises:
            OutputError: it cannot be written.
        """
        write_folder(self.path(number), files, _REMEDY)

    def summaries(self) -> Iterator[Summary]:
        """Yield the summary of each partition, in their order."""
        for number in self.partitions():
            yield read_summary(self.path(number), self.plan.layers)

    def summary(self) -> Summary | None:
        """The summary of the whole data set, or of those partitions that are complete; ``None`` without any."""
        if (self.folder / CHANNELS).exists() and (self.folder / STRONGEST).exists():
            return read_summary(self.folder, self.plan.layers)
        return joined(self.summaries(), self.plan.top)

    def finish(self, count: int) -> None:
        """Drop partitions of images that the data set no longer has, and write the tables of the whole.

        Args:
            count: the number of partitions.

        Raises:
            OutputError: a file cannot be written.
        """
        for number in self.partitions():
            if number >= count:
                shutil.rmtree(self.path(number))
        self._drop_tables()
        summary = joined(self.summaries(), self.plan.top)
        files = {} if summary is None else summary_files(self.plan.layers, summary)
        for name, content in files.items():
            write_whole(self.folder / name, content, _REMEDY)

    def _require_same_plan(self) -> None:
        differences = Index.opened(self.folder).plan.differences(self.plan)
        if differences:
            raise OptionError(
                f"Expected the settings of the survey in {str(self.folder)!r}. Received: other values of "
                f"{', '.join(differences)}. Give another folder, out=..., or start anew with resume=False."
            )

    def _clear(self) -> None:
        self._drop_tables()
        for number in self.partitions():
            shutil.rmtree(self.path(number))

    def _drop_tables(self) -> None:
        for name in (STRONGEST, CHANNELS):
            (self.folder / name).unlink(missing_ok=True)
