"""The file of measured choices in the cache folder: each is made once for a machine, and stays."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import torch
from filelock import FileLock, Timeout

from mlcore.core.cores import processor
from mlcore.core.files import write_atomically
from mlcore.mnist.data.cache import cache_folder

FILE: Final = "steps.json"
_WAIT_S: Final = 5.0

_log = logging.getLogger("mlcore.steps")

Entry = dict[str, Any]


def machine() -> str:
    """What a choice holds for: the processor, its cores and torch's version."""
    return f"{processor()}, {os.cpu_count()} cores, torch {torch.__version__}"


def entry_of(key: str) -> Entry | None:
    """This machine's entry of a key, if there is one."""
    return _found(_read(_path()), key)


def kept_entry(
    key: str, measured: Callable[[], Entry], valid: Callable[[Entry], bool]
) -> Entry | None:
    """This machine's entry of a key; a new one is measured and written where there is none.

    Of several processes that measure at once, all get what the first of them wrote.

    Returns:
        None where the file cannot be written.
    """
    path = _path()
    found = _found(_read(path), key)
    if found is not None and valid(found):
        return found
    new = measured()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock"), timeout=_WAIT_S):
            kept = _read(path)
            found = _found(kept, key)
            if found is not None and valid(found):
                return found
            mine = kept.get(machine())
            kept[machine()] = {**(mine if isinstance(mine, dict) else {}), key: new}
            write_atomically(path, json.dumps(kept, indent=1, ensure_ascii=False).encode())
    except (OSError, Timeout) as error:
        _log.info("what was measured for the steps cannot be kept in %s: %s", path, error)
        return None
    return new


def _path() -> Path:
    return cache_folder() / FILE


def _read(path: Path) -> dict[str, Any]:
    """What the file holds; nothing if it is missing or damaged."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        _log.info("%s is damaged, so its choices are measured anew: %s", path, error)
        return {}
    if not isinstance(found, dict):
        _log.info("%s is damaged, so its choices are measured anew: it holds no object", path)
        return {}
    return found


def _found(kept: dict[str, Any], key: str) -> Entry | None:
    of_machine = kept.get(machine())
    entry = of_machine.get(key) if isinstance(of_machine, dict) else None
    return entry if isinstance(entry, dict) else None
