"""Hooks by which a higher layer has its work done by a lower one, which does not import it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
