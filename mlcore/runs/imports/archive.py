"""Imports a zip made by mlcore; every member is checked first, nothing is unpacked to disk.

Members are read into memory, never written under their own names, so no name can lead outside;
names that try are refused all the same. Sizes are bounded before reading. Weights are safetensors:
nothing is ever unpickled.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from mlcore.core import InputError
from mlcore.runs.export.file_formats import FACTS, FORMAT, MANIFEST
from mlcore.runs.imports.foreign import Foreign, ImportRefusedError
from mlcore.runs.imports.insertion import bring_in_all, check_file
from mlcore.runs.store.artifacts import MEDIA, SAVED
from mlcore.runs.store.points import Point

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

MOST_MEMBERS: Final = 50_000
MOST_BYTES: Final = 2 * 1024**3
"""Of all members unpacked."""
MOST_MEMBER_BYTES: Final = 512 * 1024**2
MOST_RATIO: Final = 200
"""Unpacked over packed size of a large member: ours stay far below, bombs far above."""

_COLUMNS: Final = ["metric", "step", "value", "time"]
_SMALL: Final = 10 * 1024**2
_MOST_JSON: Final = 20 * 1024**2
_MEMBER: Final = re.compile(
    r"runs/(?P<run>[A-Za-z0-9]{4,32})/"
    r"(?P<file>run\.json|config\.json|versions\.json|metrics\.csv"
    r"|files/(?P<name>[A-Za-z0-9_][A-Za-z0-9_-]{0,80})-(?P<step>\d{1,15})\.safetensors"
    r"|media/(?P<when>\d{1,19})/(?P<kind>image|histogram|table|figure)/"
    r"(?P<medium>[A-Za-z0-9%._~-]{1,9000})\.(?:png|json)"
    r"|facts/(?P<fact>system\.json|packages\.txt)"
    r"|saved/(?P<at>\d{1,15})-(?P<saved>[^/\\\x00-\x1f\x7f]{1,120}))"
)
_FACTS: Final = {member: name for name, member in FACTS.items()}
_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError)


def import_zip(store: Store, file: Path | bytes, name: str | None = None) -> list[Run]:
    """Import the runs of a zip made by ``mlcore.runs.export.to_zip``.

    The checksums in its manifest tell damage on the way; they are no signature, so they do not
    tell who made it. A zip that was imported before gives the runs that are there.

    Args:
        store: Where to store them.
        file: The zip, or its content.
        name: What to call it in the runs' origin; by default the file's name.

    Returns:
        The runs, marked with ``source="zip"``.

    Raises:
        ImportRefusedError: If it is not from mlcore, damaged or hostile; nothing is stored.
        FileNotFoundError: If there is no such file.

    Example:
        >>> import mlcore
        >>> content = mlcore.runs.export.to_zip([mlcore.run(mlcore.RegressionConfig(steps=20))])
        >>> store = mlcore.runs.open_store()
        >>> runs = mlcore.runs.imports.import_zip(store, content, "class.zip")
        >>> print(runs[0].source, runs[0].status)
        zip finished
    """
    name = name or (file.name if isinstance(file, Path) else "upload.zip")
    try:
        with zipfile.ZipFile(file if isinstance(file, Path) else io.BytesIO(file)) as archive:
            return bring_in_all(store, _read(archive, name))
    except FileNotFoundError:
        raise
    except _DAMAGED as error:
        raise ImportRefusedError(
            f"The file {name} is no zip, or is damaged ({error}). Export it again."
        ) from None


def _read(archive: zipfile.ZipFile, name: str) -> list[Foreign]:
    """The runs, their points still in the zip, after every checksum was compared."""
    entries = _checked_entries(archive, name)
    by_run: dict[str, dict[str, zipfile.ZipInfo]] = {}
    digests: dict[str, list[str]] = {}
    for path, told in _manifest(archive, entries, name).items():
        sha256 = _sha256(archive, entries[path])
        if sha256 != told:
            raise ImportRefusedError(
                f"{path} in {name} is damaged: its SHA-256 is {sha256[:12]}…, the manifest says "
                f"{told[:12]}…. Export it again."
            )
        found = _matched(path, name)
        by_run.setdefault(found["run"], {})[found["file"]] = entries[path]
        if found["file"] != "run.json":  # a note that was edited since makes no other run
            digests.setdefault(found["run"], []).append(f"{path} {sha256}")
    if not by_run:
        raise ImportRefusedError(f"The zip {name} holds no runs.")
    return [
        _foreign(archive, run_id, files, "\n".join(digests.get(run_id, [])), name)
        for run_id, files in by_run.items()
    ]


def _sha256(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> str:
    with archive.open(entry) as member:
        return hashlib.file_digest(member, "sha256").hexdigest()  # type: ignore[arg-type]  # reads


def _checked_entries(archive: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    """The members by name, after their declared sizes were checked against the limits."""
    infos = archive.infolist()
    if len(infos) > MOST_MEMBERS:
        raise ImportRefusedError(
            f"The zip {name} has {len(infos):,} members, but at most {MOST_MEMBERS:,} are allowed."
        )
    entries: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        path = info.filename
        if path != MANIFEST:
            _matched(path, name)
        if path in entries:
            raise ImportRefusedError(f"The zip {name} has two members {path!r}.")
        if info.flag_bits & 1 or info.compress_type not in (
            zipfile.ZIP_STORED,
            zipfile.ZIP_DEFLATED,
        ):
            raise ImportRefusedError(
                f"{path} in {name} is encrypted or packed in another way than ours."
            )
        inflated = info.file_size > _SMALL and info.file_size > MOST_RATIO * info.compress_size
        if info.file_size > _bound(path) or inflated:
            raise ImportRefusedError(
                f"{path} in {name} would unpack to {info.file_size:,} bytes from "
                f"{info.compress_size:,}, which no exported run does."
            )
        entries[path] = info
    whole = sum(info.file_size for info in infos)
    if whole > MOST_BYTES:
        raise ImportRefusedError(
            f"The zip {name} would unpack to {whole:,} bytes, but at most {MOST_BYTES:,} are "
            "allowed. Export fewer runs at once."
        )
    return entries


def _bound(path: str) -> int:
    return _MOST_JSON if path.endswith(".json") else MOST_MEMBER_BYTES


def _matched(path: str, name: str) -> re.Match[str]:
    found = _MEMBER.fullmatch(path)
    if found is None:
        raise ImportRefusedError(
            f"The zip {name} holds {path[:120]!r}, which is no file of a run. Only zips that "
            "mlcore export made are imported."
        )
    return found


def _manifest(
    archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo], name: str
) -> dict[str, str]:
    """The checksum of each member from the manifest, which must name exactly the members."""
    if MANIFEST not in entries:
        raise ImportRefusedError(
            f"The zip {name} has no {MANIFEST}. Only zips that mlcore export made are imported."
        )
    whole = _json(archive.read(entries[MANIFEST]), MANIFEST, name)
    if whole.get("format") != FORMAT:
        raise ImportRefusedError(
            f"The zip {name} is of the format {str(whole.get('format'))[:60]!r}, but this mlcore "
            f"reads {FORMAT!r}. Update mlcore, or export it again."
        )
    members = whole.get("members")
    told = members if isinstance(members, dict) else {}
    checksums = {
        str(path): str(facts["sha256"])
        for path, facts in told.items()
        if isinstance(facts, dict) and "sha256" in facts
    }
    odd = set(checksums) ^ (set(entries) - {MANIFEST})
    if odd:
        raise ImportRefusedError(
            f"The zip {name} and its manifest disagree on {min(odd)[:120]!r}. Export it again."
        )
    return checksums


def _foreign(
    archive: zipfile.ZipFile,
    run_id: str,
    files: Mapping[str, zipfile.ZipInfo],
    digest: str,
    name: str,
) -> Foreign:
    for needed in ("run.json", "config.json", "metrics.csv"):
        if needed not in files:
            raise ImportRefusedError(f"Run {run_id} in {name} lacks its {needed}.")
    told = {
        member: _json(archive.read(files[member]), member, name)
        for member in ("run.json", "config.json")
    }
    return Foreign(
        source="zip",
        file=name,
        digest=hashlib.sha256(digest.encode()).hexdigest(),
        facts=told["run.json"] | {"id": run_id, "config": told["config.json"]},
        points=_points(archive, files["metrics.csv"], run_id, name),
        files=_kept(archive, run_id, files, name),
    )


def _kept(
    archive: zipfile.ZipFile, run_id: str, files: Mapping[str, zipfile.ZipInfo], name: str
) -> Iterator[tuple[str, int, bytes]]:
    for file, entry in files.items():
        found = _matched(f"runs/{run_id}/{file}", name)
        if found["name"] is not None:
            content = archive.read(entry)
            check_file(content, hashlib.sha256(content).hexdigest(), f"file {file} in {name}")
            yield found["name"], int(found["step"]), content
        elif found["medium"] is not None:
            called = f"{MEDIA}{found['when']}/{found['kind']}/{unquote(found['medium'])}"
            yield called, int(found["when"]), archive.read(entry)
        elif found["fact"] is not None:
            yield _FACTS[found["fact"]], 0, archive.read(entry)
        elif found["saved"] is not None:
            yield SAVED + found["saved"], int(found["at"]), archive.read(entry)


def _points(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, run_id: str, name: str
) -> Iterator[Point]:
    """The points, read line by line: there may be millions of them."""
    try:
        with archive.open(entry) as member:
            lines = csv.reader(io.TextIOWrapper(member, "utf-8", newline=""), strict=True)
            _check_columns(next(lines, []))
            for metric, step, value, moment in lines:
                yield Point(_step(step), metric, float(value), float(moment))
    except (ValueError, csv.Error) as error:  # what is no UTF-8 is a ValueError, too
        if isinstance(error, ImportRefusedError):
            raise
        raise ImportRefusedError(
            f"The metrics.csv of run {run_id} in {name} cannot be read: {error}."
        ) from None


def _check_columns(found: list[str]) -> None:
    if found != _COLUMNS:
        raise InputError(f"its columns are not {', '.join(_COLUMNS)}")


def _step(text: str) -> int:
    step = int(text)
    if abs(step) >= 2**63:
        raise InputError(f"{step} is no step")
    return step


def _json(content: bytes, member: str, name: str) -> dict[str, Any]:
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError):
        whole = None
    if not isinstance(whole, dict):
        raise ImportRefusedError(f"The {member} in {name} is no JSON object. Export it again.")
    return whole
