"""Reads a folder of TensorBoard event files: scalars, hyperparameters, restarts."""

from __future__ import annotations

import hashlib
import json
import math
import struct
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

from mlcore.runs.export.file_formats import DESCRIPTION_TAG, POINTS_TAG
from mlcore.runs.imports.crc32c import masked_crc32c
from mlcore.runs.imports.event_folders import PLACEHOLDER
from mlcore.runs.imports.foreign import ImportRefusedError
from mlcore.runs.store.points import Point

MOST_RECORD_BYTES: Final = 512 * 1024**2
LONGEST_TAG: Final = 1000

_HEADER: Final = 12  # bytes: length and its checksum
_FOOTER: Final = 4
_KINDS: Final = {"histo": "histogram", "histograms": "histogram", "images": "image"}


class Scalar(NamedTuple):
    """A scalar of an event file.

    Attributes:
        tag: Its name.
        step: Global step.
        value: The value.
        wall_time: When it was written, in seconds since 1970.
        session: Which file of the folder it stands in, counted from 0.
    """

    tag: str
    step: int
    value: float
    wall_time: float
    session: int


class EventFolder:
    """The contents of one folder's event files; ``add`` them in order of their names.

    A file that begins with a session's start at step n, as a restarted training writes it
    (``purge_step``), takes back what the files before it say of steps from n on.

    Attributes:
        scalars: The scalars that are valid, in the order they were written.
        restarts: Sessions that say of themselves that they are a restart.
        exact: Points that ``mlcore export`` wrote, in float64.
        facts: What ``mlcore export`` wrote of the run; empty in files of other programs.
        hparams: Hyperparameters.
        left_out: Names of what is neither, by kind: image, histogram, text, graph.
        damage: Why a file cannot be read; None if all can.
        taken_back: How often scalars were taken back.
    """

    def __init__(self) -> None:
        self.scalars: list[Scalar] = []
        self.restarts: set[int] = set()
        self.exact: list[Point] = []
        self.facts: dict[str, Any] = {}
        self.hparams: dict[str, Any] = {}
        self.left_out: dict[str, set[str]] = {}
        self.damage: str | None = None
        self.taken_back = 0
        self._sessions = 0
        self._version = 0.0
        self._highest = -(2**63)
        self._plugins: dict[str, str] = {}
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 of the files' bytes, one after the other."""
        return self._digest.hexdigest()

    @property
    def is_ours(self) -> bool:
        """Whether ``mlcore export`` wrote the files."""
        return bool(self.facts)

    def add(self, content: bytes, name: str) -> None:
        """Read one file; if it is damaged, ``damage`` says how."""
        self._digest.update(content)
        self.read_on(content, name, self.begin())

    def begin(self) -> int:
        """Begin a further file; gives the number of its session, for ``read_on``."""
        self._sessions += 1
        return self._sessions - 1

    def read_on(self, content: bytes, name: str, session: int) -> int:
        """Read what a file holds behind what was read of it; if damaged, ``damage`` says how.

        Args:
            content: Of the file, from the end of the last whole record that was read.
            name: Of the file.
            session: As ``begin`` gave it.

        Returns:
            The bytes of the whole records: a record of which a part is there is not among them.
        """
        from google.protobuf.message import DecodeError
        from tensorboard.compat.proto.event_pb2 import Event

        used = 0
        try:
            for record in records(content, name):
                self._read(Event.FromString(record), name, session)
                used += _HEADER + len(record) + _FOOTER
        except DecodeError as error:
            damage = f"The event file {name} is damaged: a record is no event ({error})."
            self.damage = self.damage or damage
        except ImportRefusedError as error:
            self.damage = self.damage or str(error)
        return used

    @property
    def holds_placeholder(self) -> bool:
        """Whether ``PLACEHOLDER`` is no result so far: its only value is −1."""
        values = [one.value for one in self.scalars if one.tag == PLACEHOLDER]
        return values == [-1]

    @property
    def results(self) -> list[Scalar]:
        """The scalars that are results so far."""
        if not self.holds_placeholder:
            return self.scalars
        return [one for one in self.scalars if one.tag != PLACEHOLDER]

    def settle(self) -> None:
        """Call after the last file: removes scalars that are no results."""
        if self.holds_placeholder:
            self.scalars = self.results
            self.left_out["placeholder"] = {f"{PLACEHOLDER} = −1"}

    def _read(self, event: Any, name: str, session: int) -> None:
        kind = event.WhichOneof("what")
        if kind == "summary":
            self._take_back(event)
            for value in event.summary.value:
                self._take(value, event.step, event.wall_time, name, session)
        elif kind == "file_version":
            self._version = _version(event.file_version)
        elif kind == "session_log":
            if event.session_log.status == event.session_log.START:
                self._restart(event.step, session)
        elif kind in ("graph_def", "meta_graph_def"):
            self.left_out.setdefault("graph", set()).add("graph")

    def _restart(self, step: int, session: int) -> None:
        if self._version < 2:
            return
        if session:
            self.restarts.add(session)
        self._keep([one for one in self.scalars if one.step < step])

    def _keep(self, scalars: list[Scalar]) -> None:
        if len(scalars) < len(self.scalars):
            self.taken_back += 1
            self.scalars = scalars

    def _take_back(self, event: Any) -> None:
        """Drop points after a restart in older files, seen by a step that goes back."""
        if self._version < 2 and event.step < self._highest:
            tags = {value.tag for value in event.summary.value}
            self._keep([s for s in self.scalars if s.step < event.step or s.tag not in tags])
        else:
            self._highest = event.step

    def _take(self, value: Any, step: int, wall_time: float, name: str, session: int) -> None:
        tag = sys.intern(value.tag)  # one text for all scalars of a curve
        if len(tag) > LONGEST_TAG or "\0" in tag:
            raise ImportRefusedError(f"A tag in {name} is too long or holds the character NUL.")
        plugin = value.metadata.plugin_data.plugin_name
        if plugin:
            self._plugins.setdefault(tag, plugin)
        plugin = self._plugins.get(tag, "")
        if plugin == "text" and tag == DESCRIPTION_TAG:
            self.facts |= _own_json(value)
        elif plugin == "mlcore" and tag == POINTS_TAG:
            self.exact += _exact_points(_own_json(value), name)
        elif plugin == "hparams":
            self.hparams |= _hparams(value)
        elif (number := _scalar(value, plugin)) is not None:
            before = self.scalars[-1].wall_time if self.scalars else 0.0
            moment = wall_time if math.isfinite(wall_time) else before
            self.scalars.append(Scalar(tag, step, number, moment, session))
        else:
            kind = plugin or value.WhichOneof("value") or "value"
            self.left_out.setdefault(_KINDS.get(kind, kind), set()).add(tag)


def records(content: bytes, name: str) -> Iterator[bytes]:
    """The records of a TFRecord file; each is length, its CRC-32C, data, its CRC-32C.

    A file that ends within a record, as one that is still being written does, gives those before.

    Raises:
        ImportRefusedError: If a checksum is wrong.
    """
    place = 0
    while place + _HEADER <= len(content):
        length, checksum = struct.unpack_from("<QI", content, place)
        if (
            _checksum_of_length(content[place : place + 8]) != checksum
            or length > MOST_RECORD_BYTES
        ):
            raise _damaged(name, place)
        end = place + _HEADER + length
        if end + _FOOTER > len(content):
            return  # still being written, or cut off
        record = content[place + _HEADER : end]
        if masked_crc32c(record) != struct.unpack_from("<I", content, end)[0]:
            raise _damaged(name, place)
        yield record
        place = end + _FOOTER


_checksum_of_length: Final = lru_cache(4096)(masked_crc32c)  # there are few lengths


def _damaged(name: str, place: int) -> ImportRefusedError:
    return ImportRefusedError(
        f"The event file {name} is damaged at byte {place:,}: a checksum is wrong."
    )


def _version(text: str) -> float:
    try:
        return float(text.removeprefix("brain.Event:"))
    except ValueError:
        return 0.0


def _scalar(value: Any, plugin: str) -> float | None:
    """The number of a summary value; None for images, texts, histograms and the like."""
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    if kind != "tensor" or plugin not in ("", "scalars"):
        return None
    from tensorboard.util.tensor_util import make_ndarray

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
            whole = number.is_integer() and abs(number) < 2**53
            # JSON, and so a config, has no NaN and no infinity
            found[name] = int(number) if whole else number if math.isfinite(number) else str(number)
        elif kind in ("string_value", "bool_value"):
            found[name] = getattr(held, kind)
    return found


def _own_json(value: Any) -> dict[str, Any]:
    """JSON written by mlcore's own export; {} if it is something else."""
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
