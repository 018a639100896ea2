"""Event files of TensorBoard, written at once, and what they and a run say."""

from __future__ import annotations

import io
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from mlcore.runs import Run

Curves = dict[str, dict[int, float]]
"""Values by step, by name."""


def shown(folder: Path) -> Curves:
    """What TensorBoard shows of a folder: the last value of each step."""
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    found = {
        tag: {event.step: event.value for event in accumulator.Scalars(tag)}
        for tag in accumulator.Tags()["scalars"]
    }
    return {tag: curve for tag, curve in found.items() if curve}


def curves(run: Run) -> Curves:
    """What the store has of a run; each step of a metric once."""
    table = run.metrics()
    assert not table.duplicated(["step", "name"]).any()
    found: Curves = {}
    for step, name, value in zip(table["step"], table["name"], table["value"], strict=True):
        found.setdefault(name, {})[int(step)] = float(value)
    return found


def content(events: list[Event]) -> bytes:
    """An event file."""
    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    for event in [Event(file_version="brain.Event:2", wall_time=events[0].wall_time), *events]:
        writer.write(event.SerializeToString())
    return buffer.getvalue()


def loss(step: int, value: float | None = None, tag: str = "loss") -> Event:
    """A loss of a step, measured a second after the one before."""
    number = float(step) if value is None else value
    values = [Summary.Value(tag=tag, simple_value=number)]
    return Event(step=step, wall_time=1000.0 + step, summary=Summary(value=values))


def write(folder: Path, name: str, events: list[Event]) -> Path:
    """Write an event file, in one piece: nobody sees it empty."""
    folder.mkdir(parents=True, exist_ok=True)
    return put(folder / f"events.out.tfevents.{name}", content(events))


def put(path: Path, whole: bytes) -> Path:
    """Write a file in one piece."""
    new = path.with_name("new")
    new.write_bytes(whole)
    return new.rename(path)
