"""The live chart of a cell: one display, updated in place while something trains."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlcore.notebook import pictures
from mlcore.notebook.hook import shell
from mlcore.notebook.progress import bar_html, bar_text, progress_of
from mlcore.notebook.tables import Bundle

if TYPE_CHECKING:
    from mlcore.notebook.progress import Progress

EVERY: Final = 0.5
"""Seconds from one drawing to the next."""
SHARE: Final = 0.05
"""Share of the time that drawing may take; what is slow to draw is drawn less often."""
MOST_CHARTS: Final = 5
"""Live charts in one cell; from then on there are only bars, as of a loop over many configs."""

_log = logging.getLogger("mlcore.notebook")
_drawn: dict[str, int] = {}
_of_cell: tuple[int, int] = (0, 0)


def drawn_here(shown_id: str) -> bool:
    """Whether the cell that is executed has a live chart of this run or sweep in its output."""
    found = shell()
    return found is not None and _drawn.get(shown_id) == found.execution_count


class LiveChart:
    """A ``LiveView`` in a notebook.

    It stands in the output of the cell in which it is made. Whatever hinders it is left to the
    log: the training must not end by its picture.

    Args:
        read: Reads the run, the sweep or the runs as they are now.
    """

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read
        self._id = f"mlcore-{uuid.uuid4().hex}"
        self._lock = threading.Lock()
        self._cell = int(shell().execution_count)
        self._with_chart = _take_place(self._cell)
        self._shown = ""
        self._due = 0.0
        self._tried(lambda: self._draw(update=False))

    def update(self) -> None:
        """Draw it as it is now, unless it was drawn a moment ago."""
        if time.monotonic() >= self._due and self._lock.acquire(blocking=False):
            try:
                self._tried(lambda: self._draw())
            finally:
                self._lock.release()

    def end(self) -> None:
        """Draw it as it ended, with a picture for front ends that draw no Vega-Lite."""
        with self._lock:
            self._tried(lambda: self._draw(still=True))

    def _tried(self, draw: Callable[[], None]) -> None:
        began = time.monotonic()
        try:
            draw()
        except Exception:  # noqa: BLE001 - whatever hinders it, the training goes on
            _log.debug("The live chart was not drawn.", exc_info=True)
        now = time.monotonic()
        self._due = now + max(EVERY, (now - began) / SHARE)

    def _draw(self, *, update: bool = True, still: bool = False) -> None:
        now = self._read()
        progress = progress_of(now)
        content = (self._chart(now, progress, still) if update else None) or _bar(progress)
        if still and not isinstance(now, Sequence) and pictures.MIME in content:
            _drawn[now.id] = self._cell
        if content["text/plain"] != self._shown or still:
            publish(content, self._id, update=update)
            self._shown = content["text/plain"]

    def _chart(self, now: Any, progress: Progress, still: bool) -> Bundle | None:
        if not self._with_chart:
            return None
        from mlcore.notebook.views import live_spec

        spec = live_spec(now, progress, still=still)
        if spec is None:
            return None
        return pictures.bundle(spec, _text(progress), still=still)


def publish(content: Bundle, display_id: str | None = None, *, update: bool = False) -> None:
    """Show a bundle in the notebook, or put it in the place of an earlier one."""
    named = {"display_id": display_id} if display_id else {}
    shell().display_pub.publish(data=content, metadata={}, transient=named, update=update)


def _bar(progress: Progress) -> Bundle:
    return {"text/html": bar_html(progress), "text/plain": _text(progress)}


def _text(progress: Progress) -> str:
    return "\n".join([progress.title, bar_text(progress), *progress.lines])


def _take_place(cell: int) -> bool:
    """Whether the cell has room for another live chart."""
    global _of_cell
    count = _of_cell[1] + 1 if _of_cell[0] == cell else 1
    _of_cell = (cell, count)
    return count <= MOST_CHARTS
