"""Reads TensorBoard event files: each folder of them becomes a run, read-only and marked."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlcore.runs.export.missing import extra
from mlcore.runs.export.tensorboard import DESCRIPTION_TAG, POINTS_TAG
from mlcore.runs.imports.insertion import Foreign, ImportRefusedError, bring_in
from mlcore.runs.recorded_run import Run
from mlcore.runs.store.points import Point

if TYPE_CHECKING:
    from mlcore.runs.store.store import Store

MOST_FOLDERS: Final = 10_000
MOST_RECORD_BYTES: Final = 512 * 1024**2
LONGEST_TAG: Final = 1000

_HEADER: Final = 12  # bytes: length and its checksum
_FOOTER: Final = 4


def import_tensorboard(store: Store, path: Path) -> list[Run]:
    """Bring in the runs of a log folder, or of one event file.

    Scalars become metrics, hyperparameters the config; images, histograms and graphs stay where
    they are. A file that ends within a record, as one does that is still being written, gives the
    records before. What was brought in before, and has not changed, is not brought in twice.

    Args:
        store: Where to keep them.
        path: A folder (each subfolder with event files is a run) or an event file.

    Returns:
        The runs, marked with ``source="tensorboard"``.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ImportRefusedError: If there are no scalars, or a file is damaged; nothing of it is kept.
        MissingExtraError: If tensorboard is not installed.
    """
    extra("tensorboard", "Reading event files", "tensorboard")
    folders = _folders(path)
    read = [(home, _read(files)) for home, files in folders.items()]
    found = [(home, reading) for home, reading in read if reading.points]
    if not found:
        raise ImportRefusedError(
            f"{path} holds no scalars of TensorBoard. Give a log folder or an event file "
            "(events.out.tfevents.…)."
        )
    return [bring_in(store, reading.foreign(_name(path, home))) for home, reading in found]


def import_event_file(store: Store, content: bytes, name: str) -> Run:
    """Bring in the run of one event file, given as its content.

    Raises:
        ImportRefusedError: If it has no scalars or is damaged.
        MissingExtraError: If tensorboard is not installed.
    """
    extra("tensorboard", "Reading event files", "tensorboard")
    reading = _Reading()
    reading.add(content, name)
    if not reading.points:
        raise ImportRefusedError(f"{name} holds no scalars of TensorBoard.")
    return bring_in(store, reading.foreign(name))


class _Reading:
    """What the event files of one run say."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self._times: list[float] = []
        self._exact: list[Point] = []
        self._facts: dict[str, Any] = {}
        self._hparams: dict[str, Any] = {}
        self._plugins: dict[str, str] = {}
        self._digest = hashlib.sha256()

    def add(self, content: bytes, name: str) -> None:
        from google.protobuf.message import DecodeError
        from tensorboard.compat.proto.event_pb2 import Event

        self._digest.update(content)
        for record in _records(content, name):
            try:
                event = Event.FromString(record)
            except DecodeError as error:
                raise ImportRefusedError(
                    f"The event file {name} is damaged: a record is no event ({error})."
                ) from None
            for value in event.summary.value:
                self._take(value, event.step, event.wall_time, name)

    def _take(self, value: Any, step: int, wall_time: float, name: str) -> None:
        if len(value.tag) > LONGEST_TAG or "\0" in value.tag:
            raise ImportRefusedError(f"A tag in {name} is too long or holds the character NUL.")
        plugin = value.metadata.plugin_data.plugin_name
        if plugin:
            self._plugins.setdefault(value.tag, plugin)
        plugin = self._plugins.get(value.tag, "")
        if value.tag == DESCRIPTION_TAG:
            self._facts |= _own_json(value)
        elif value.tag == POINTS_TAG:
            self._exact += _exact_points(_own_json(value), name)
        elif plugin == "hparams":
            self._hparams |= _hparams(value)
        else:
            number = _scalar(value, plugin)
            if number is not None:
                self.points.append(Point(step, value.tag, number, 0.0))
                before = self._times[-1] if self._times else 0.0
                self._times.append(wall_time if math.isfinite(wall_time) else before)

    def foreign(self, name: str) -> Foreign:
        begin = self._began()
        points = [
            point._replace(time=max(0.0, time - begin))
            for point, time in zip(self.points, self._times, strict=True)
        ]
        known = {(point.name, point.step) for point in self._exact}
        points = [p for p in points if (p.name, p.step) not in known] + self._exact
        facts = {
            "name": name,
            "status": "finished",
            "config": self._hparams,
            "started": _moment(begin),
            "created": _moment(begin),
            "finished": _moment(max(self._times)),
            **{k: v for k, v in self._facts.items() if v is not None},
        }
        digest = f"{self._digest.hexdigest()} {name}"
        return Foreign(
            source="tensorboard",
            file=name,
            digest=hashlib.sha256(digest.encode("utf-8", "replace")).hexdigest(),
            facts=facts,
            points=points,
        )

    def _began(self) -> float:
        """The wall time from which seconds of work count."""
        from datetime import datetime

        started = self._facts.get("started") or self._facts.get("created")
        try:
            return datetime.fromisoformat(str(started)).timestamp()
        except (ValueError, OverflowError):
            return min(self._times)


def _folders(path: Path) -> dict[Path, list[Path]]:
    """Event files by folder, in order of their names."""
    if path.is_file():
        return {path: [path]}
    if not path.is_dir():
        raise FileNotFoundError(f"There is no file or folder {path}. Check the path.")
    folders: dict[Path, list[Path]] = {}
    for file in sorted(path.rglob("*tfevents*")):
        if file.is_file():
            folders.setdefault(file.parent, []).append(file)
        if len(folders) > MOST_FOLDERS:
            raise ImportRefusedError(
                f"{path} holds more than {MOST_FOLDERS:,} runs. Name a folder in it."
            )
    return folders


def _read(files: Sequence[Path]) -> _Reading:
    reading = _Reading()
    for file in files:
        reading.add(file.read_bytes(), file.name)
    return reading


def _name(path: Path, home: Path) -> str:
    """What to call the run: its folder, as seen from the one that was given."""
    if home == path:
        return path.name
    return str(Path(path.name) / home.relative_to(path))


def _records(content: bytes, name: str) -> Iterator[bytes]:
    """The records of a TFRecord file; each is length, its CRC-32C, data, its CRC-32C."""
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    place = 0
    while place + _HEADER <= len(content):
        length, checksum = struct.unpack_from("<QI", content, place)
        if masked_crc32c(content[place : place + 8]) != checksum or length > MOST_RECORD_BYTES:
            raise ImportRefusedError(
                f"The event file {name} is damaged at byte {place:,}: a checksum is wrong."
            )
        end = place + _HEADER + length
        if end + _FOOTER > len(content):
            return  # still being written, or cut off
        record = content[place + _HEADER : end]
        if masked_crc32c(record) != struct.unpack_from("<I", content, end)[0]:
            raise ImportRefusedError(
                f"The event file {name} is damaged at byte {place:,}: a checksum is wrong."
            )
        yield record
        place = end + _FOOTER


def _scalar(value: Any, plugin: str) -> float | None:
    """The number of a summary value; None for images, texts, histograms and the like."""
    from tensorboard.util.tensor_util import make_ndarray

    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind != "tensor" or plugin not in ("", "scalars"):
        return None
    tensor = value.tensor
    if any(dim.size != 1 for dim in tensor.tensor_shape.dim) or tensor.ByteSize() > 256:
        return None  # and no shape, however large it claims to be, is ever made
    try:
        array = make_ndarray(tensor)
    except (TypeError, ValueError, KeyError):
        return None
    return float(array.item()) if array.size == 1 and array.dtype.kind in "fiub" else None


def _hparams(value: Any) -> dict[str, Any]:
    from google.protobuf.message import DecodeError
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    try:
        data = HParamsPluginData.FromString(value.metadata.plugin_data.content)
    except DecodeError:
        return {}
    found: dict[str, Any] = {}
    for name, held in data.session_start_info.hparams.items():
        kind = held.WhichOneof("kind")
        if kind == "number_value":
            number = held.number_value
            found[name] = int(number) if number.is_integer() and abs(number) < 2**53 else number
        elif kind in ("string_value", "bool_value"):
            found[name] = getattr(held, kind)
    return found


def _own_json(value: Any) -> dict[str, Any]:
    """What our own export wrote as JSON; {} if it is not that."""
    texts = value.tensor.string_val
    try:
        whole = json.loads(texts[0]) if len(texts) == 1 else {}
    except (ValueError, RecursionError):
        return {}
    return whole if isinstance(whole, dict) else {}


def _exact_points(metrics: dict[str, Any], name: str) -> list[Point]:
    try:
        return [
            Point(int(step), metric, float(value), float(time))
            for metric, curve in metrics.items()
            for step, value, time in zip(curve["step"], curve["value"], curve["time"], strict=True)
        ]
    except (KeyError, TypeError, ValueError, OverflowError):
        raise ImportRefusedError(
            f"The event file {name} is damaged: its exact points cannot be read."
        ) from None


def _moment(seconds: float) -> str | None:
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None
