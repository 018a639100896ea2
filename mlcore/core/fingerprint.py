"""The cache key of a run: a hash of everything that decides its result."""

import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any


def canonical_json(value: object) -> str:
    """JSON that is equal for equal values: sorted keys, no spaces, tuples as lists, -0.0 as 0.0.

    A member of an enumeration is its value, and a path its text.

    Raises:
        ValueError: For NaN and infinities, which JSON cannot hold.
    """
    return json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def fingerprint(
    experiment: str, version: int, config: Mapping[str, Any], data: str, code: str = ""
) -> str:
    """The SHA-256 that equal runs share.

    Args:
        experiment: Name of the experiment, such as ``"mnist"``.
        version: Raised whenever the experiment's code changes what a config gives.
        config: The fields of the config, as ``Config.to_json`` records them.
        data: Checksum of the data the config reads; ``""`` where it makes its own.
        code: The code hash of an experiment of one's own; ``""`` for mlcore's, which have
            ``version``.

    Returns:
        64 hexadecimal digits: the SHA-256 of the canonical JSON of the four, and of ``code`` where
        there is one.
    """
    whole = {"config": config, "data": data, "experiment": experiment, "version": version}
    if code:
        whole["code"] = code
    return hashlib.sha256(canonical_json(whole).encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, float):
        return value + 0.0  # -0.0 + 0.0 is 0.0
    return value
