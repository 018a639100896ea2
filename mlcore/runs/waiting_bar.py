"""What a script sees while it waits for several runs: a live view in a notebook, or a bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

from mlcore.core.hooks import live_view

Now = TypeVar("Now")


@contextmanager
def waiting_bar(
    read: Callable[[], Now],
    counts: Callable[[Now], tuple[int, int | None]],
    *,
    name: str,
    wanted: bool,
    live: bool,
    total: int | None = None,
) -> Iterator[Callable[[Now], None]]:
    """Show how runs go on: what is yielded is called with them as they are now.

    Args:
        read: Reads them as they are now.
        counts: How many have ended, of how many.
        name: What stands before the bar.
        wanted: Whether to draw a bar, where the output is a terminal.
        live: Whether to ask for a live view first.
        total: How many there are, if that is known from the start.
    """
    view = live_view(read) if live else None
    if view is not None:
        try:
            yield lambda _now: view.update()
        finally:
            view.end()
        return
    # disable=None: tqdm keeps silent where the output is no terminal
    shown = None if wanted else True
    with tqdm(desc=name, unit="run", total=total, disable=shown) as bar:

        def show(now: Now) -> None:
            done, bar.total = counts(now)
            bar.update(done - bar.n)

        yield show
