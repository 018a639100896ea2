"""Exports runs as one zip: config, metrics, weights, versions and checksums.

The layout is that of ``mlcore.runs.export.file_formats``.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

from mlcore import __version__
from mlcore.core import RunStateError
from mlcore.core.snapshots import pack_snapshot
from mlcore.runs.export.described import UNITS, described, shared_environment
from mlcore.runs.export.file_formats import FACTS, FORMAT, MANIFEST
from mlcore.runs.export.tables import check_some, csv_parts
from mlcore.runs.logged.media import is_png
from mlcore.runs.recorded_run import Run
from mlcore.runs.store.artifacts import CHECKPOINT, DIFF, MEDIA, SAVED, WEIGHTS

_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)


def to_zip(runs: Sequence[Run]) -> bytes:
    """Export runs as a zip for ``mlcore.runs.imports.import_zip``; equal runs give equal bytes.

    A run that is not finished brings the weights of its last checkpoint. Checkpoints themselves
    stay here: an imported run cannot be resumed. So do uncommitted changes to a script
    (``Run.diff``): they may hold passwords.

    Raises:
        ValueError: If no run is given.
        SnapshotError: If a file of a run is gone or damaged.

    Example:
        >>> import io, mlcore, zipfile
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> content = mlcore.runs.export.to_zip([run])
        >>> print("manifest.json" in zipfile.ZipFile(io.BytesIO(content)).namelist())
        True
    """
    check_some(runs)
    buffer = io.BytesIO()
    members: dict[str, dict[str, Any]] = {}
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:

        def add(name: str, *parts: bytes) -> None:
            add_parts(name, parts)

        def add_parts(name: str, parts: Iterable[bytes]) -> None:
            size, digest = 0, hashlib.sha256()
            long = name.endswith(".csv")  # how long is not known before
            with archive.open(_entry(name), "w", force_zip64=long) as member:
                for part in parts:
                    member.write(part)
                    digest.update(part)
                    size += len(part)
            members[name] = {"size": size, "sha256": digest.hexdigest()}

        for run in runs:
            home = f"runs/{run.id}"
            add(f"{home}/run.json", _json(described(run)))
            add(f"{home}/config.json", _json(dict(run.config_fields)))
            made_with = {"versions": dict(run.versions), "environment": shared_environment(run)}
            add(f"{home}/versions.json", _json(made_with))
            add_parts(f"{home}/metrics.csv", csv_parts([run], with_run=False))
            for name, step, content in _files(run):
                if name in FACTS:
                    add(f"{home}/facts/{FACTS[name]}", content)
                elif name.startswith(MEDIA):
                    _, at, kind, called = name.split("/", 3)
                    ending = "png" if is_png(content) else "json"
                    add(f"{home}/media/{at}/{kind}/{quote(called, safe='')}.{ending}", content)
                elif name.startswith(SAVED):
                    add(f"{home}/saved/{step}-{name.removeprefix(SAVED)}", content)
                else:
                    add(f"{home}/files/{name}-{step}.safetensors", content)
        made_by = f"mlcore {__version__}"
        manifest = {"format": FORMAT, "made_by": made_by, "units": UNITS, "members": members}
        archive.writestr(_entry(MANIFEST), _json(manifest))
    return buffer.getvalue()


def _files(run: Run) -> Iterator[tuple[str, int, bytes]]:
    names = set()
    for kept in run.artifacts.kept():
        left_out = kept.name in (CHECKPOINT, DIFF)
        content = None if left_out else run.artifacts.content(kept.name)
        if content is not None:
            names.add(kept.name)
            yield kept.name, kept.step, content
    checkpoint = None if WEIGHTS in names else run.artifacts.load(CHECKPOINT)
    if checkpoint is not None:
        try:
            weights = checkpoint.weights_alone(run.step)
        except RunStateError:  # it keeps its best epoch, and none has ended yet
            return
        yield WEIGHTS, run.step, pack_snapshot(weights)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _FIXED_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return text.encode("utf-8")
