"""A bar that shows how far a long run is, in terminals and in notebooks."""

from __future__ import annotations

from types import TracebackType

from tqdm.auto import tqdm


class Progress:
    """A bar of images that are done, and of how many could not be read.

    Args:
        total: the number of images, if it is known.
        shown: whether there is a bar at all.
    """

    def __init__(self, total: int | None, *, shown: bool) -> None:
        self._bar = tqdm(total=total, unit="image", disable=not shown, dynamic_ncols=True)

    def advance(self, images: int, *, unread: int = 0) -> None:
        """Count images that are done.

        Args:
            images: how many more.
            unread: how many could not be read until now.
        """
        if unread:
            self._bar.set_postfix_str(f"{unread} unreadable", refresh=False)
        self._bar.update(images)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
