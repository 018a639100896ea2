"""Hooks by which a higher layer has its work done by a lower one, which does not import it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

TendHook = Callable[[Any], None]
_tend_hooks: list[TendHook] = []


def on_tend(hook: TendHook) -> TendHook:
    """Have a function called with the store each time its runs are tended; use as a decorator.

    Watchers tend a store about once a second: the function must be cheap when it has nothing to do.
    """
    _tend_hooks.append(hook)
    return hook


def run_tend_hooks(store: object) -> None:
    """Call every function that ``on_tend`` registered."""
    for hook in _tend_hooks:
        hook(store)


class LiveView(Protocol):
    """Shows how something goes on, where a terminal has a progress bar. Never raises."""

    def update(self) -> None:
        """Draw it as it is now, unless it was drawn a moment ago; from any thread."""

    def end(self) -> None:
        """Draw it as it ended."""


LiveViewHook = Callable[[Callable[[], Any]], LiveView | None]
_live_view_hooks: list[LiveViewHook] = []


def on_live_view(hook: LiveViewHook) -> LiveViewHook:
    """Have a function asked for a ``LiveView``, or None where there is none; a decorator.

    It is called with what reads the run, the sweep or the list of runs as it is now.
    """
    _live_view_hooks.append(hook)
    return hook


def live_view(read: Callable[[], Any]) -> LiveView | None:
    """The view that a registered function offers here, such as in a notebook; usually None."""
    views = (hook(read) for hook in _live_view_hooks)
    return next((view for view in views if view is not None), None)
