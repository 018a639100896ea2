"""Imports: marked, read-only, found again, and refused whole when damaged or hostile."""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlcore
from mlcore.core import RunStateError
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, Status
from mlcore.runs.export import to_tensorboard, to_zip
from mlcore.runs.imports import ImportRefusedError, import_tensorboard, import_zip
from mlcore.runs.imports.tensorboard import import_event_file
from mlcore.runs.store.store import Store
from tests.runs.made import made

pytestmark = pytest.mark.sqlite

Members = dict[str, bytes]


@pytest.fixture
def run(store: Store) -> Run:
    return made(store, MNISTConfig(), {"test_accuracy": {0: 0.1, 5: 0.9}})


def _members(content: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _zipped(members: Members, *, sealed: bool = True) -> bytes:
    """A zip of these members; sealed: its manifest tells their right checksums."""
    if sealed:
        manifest = json.loads(members["manifest.json"])
        manifest["members"] = {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in members.items()
            if name != "manifest.json"
        }
        members = {**members, "manifest.json": json.dumps(manifest).encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_a_run_that_was_brought_in_is_marked_and_read_only(store: Store, run: Run) -> None:
    content = to_zip([run])
    (twin,) = import_zip(store, content, "lesson.zip")
    assert (twin.source, twin.origin["file"]) == ("zip", "lesson.zip")
    assert twin.origin["id"] == run.id
    assert twin.id != run.id, "that id is taken here"
    assert store.submit(MNISTConfig()).id == run.id, "it answers for no config"
    with pytest.raises(RunStateError, match="was imported, so it cannot be resumed"):
        twin.resume()
    assert twin.edit(note="seen").note == "seen"


def test_bringing_it_in_twice_finds_the_first(store: Store, run: Run) -> None:
    content = to_zip([run])
    (first,) = import_zip(store, content)
    (again,) = import_zip(store, to_zip([run.edit(note="edited since")]))
    assert again.id == first.id
    first.delete()
    (fresh,) = import_zip(store, content)
    assert fresh.id != first.id, "one in the trash is not there"


def test_an_experiment_that_is_not_known_keeps_its_fields_and_imports_nothing(
    store: Store, run: Run
) -> None:
    members = _members(to_zip([run]))
    home = f"runs/{run.id}"
    facts = json.loads(members[f"{home}/run.json"])
    facts["experiment"] = "antigravity:Evil"
    members[f"{home}/run.json"] = json.dumps(facts).encode()
    (twin,) = import_zip(store, _zipped(members))
    assert ":" not in twin.experiment
    with pytest.raises(ValueError, match="There is no experiment"):
        _ = twin.config
    assert twin.config_fields["lr"] == 0.01


def _replace(name: str, data: bytes) -> Callable[[Members], Members]:
    return lambda members: {
        key: data if key.endswith(name) else value for key, value in members.items()
    }


def _add(name: str, data: bytes = b"{}") -> Callable[[Members], Members]:
    return lambda members: {**members, name: data}


def _without(name: str) -> Callable[[Members], Members]:
    return lambda members: {k: v for k, v in members.items() if not k.endswith(name)}


_HOME = "runs/abcd2345"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_add("../evil.py"), "which is no file of a run"),
        (_add("/etc/passwd"), "which is no file of a run"),
        (_add("runs/../../evil/run.json"), "which is no file of a run"),
        (_add("runs\\abcd2345\\run.json"), "which is no file of a run"),
        (_add(f"{_HOME}/files/../../x-1.safetensors"), "which is no file of a run"),
        (_add(f"{_HOME}/files/weights-1.pkl", b"\x80\x04."), "which is no file of a run"),
        (_add(f"{_HOME}/run.json"), "lacks its config.json"),
        (_without("metrics.csv"), "lacks its metrics.csv"),
        (_replace("run.json", b"[1]"), "run.json in upload.zip is no JSON object"),
        (_replace("run.json", b"{" * 50), "is no JSON object"),
        (_replace("config.json", b'{"lr": NaN}'), "holds what no config does"),
        (_replace("config.json", b'{"lr": "\\ud800"}'), "holds what no config does"),
        (_replace("config.json", b"[" * 100_000), "is no JSON object"),
        (_replace("metrics.csv", b"a,b\n1,2\n"), "its columns are not metric, step, value, time"),
        (_replace("metrics.csv", b"metric,step,value,time\nl,x,1,1\n"), "cannot be read"),
        (_replace("metrics.csv", b"metric,step,value,time\nl,1,1\n"), "cannot be read"),
        (_replace("metrics.csv", b"metric,step,value,time\nl,1,1,NaN\n"), "without a time"),
        (
            _replace("metrics.csv", b"metric,step,value,time\nl,9" + b"9" * 30 + b",1,1\n"),
            "no step",
        ),
        (_replace("metrics.csv", b"metric,step,value,time\n\xff\xfe,1,1,1\n"), "cannot be read"),
        (_replace("metrics.csv", b'metric,step,value,time\n"l\0",1,1,1\n'), "NUL"),
    ],
)
def test_a_hostile_zip_is_refused_and_leaves_nothing(
    store: Store, run: Run, change: Callable[[Members], Members], words: str
) -> None:
    hostile = _zipped(change(_members(to_zip([run]))))
    before = sorted(store.files.rglob("*"))
    with pytest.raises(ImportRefusedError, match=words):
        import_zip(store, hostile)
    assert [one.id for one in store.list()] == [run.id]
    assert sorted(store.files.rglob("*")) == before


def test_weights_that_are_none_are_refused(store: Store, run: Run) -> None:
    members = _members(to_zip([run]))
    for data in (b"", b"\x80\x04.", struct.pack("<Q", 2**60) + b"{}", b"\x02" + b"\0" * 7 + b"{}x"):
        members[f"runs/{run.id}/files/weights-5.safetensors"] = data
        with pytest.raises(ImportRefusedError, match="holds no tensors"):
            import_zip(store, _zipped(members))


def test_a_bomb_is_refused_before_it_is_unpacked(store: Store, run: Run) -> None:
    members = _members(to_zip([run]))
    members[f"runs/{run.id}/metrics.csv"] = b"metric,step,value,time\n" + b"0" * 30_000_000
    with pytest.raises(ImportRefusedError, match="would unpack to 30,000,023 bytes"):
        import_zip(store, _zipped(members))


def test_two_members_of_one_name_are_refused(store: Store, run: Run) -> None:
    buffer = io.BytesIO(to_zip([run]))
    with (
        zipfile.ZipFile(buffer, "a") as archive,
        pytest.warns(UserWarning, match="Duplicate name"),
    ):
        archive.writestr("manifest.json", b"{}")
    with pytest.raises(ImportRefusedError, match=r"two members 'manifest\.json'"):
        import_zip(store, buffer.getvalue())


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"{}", "is of the format 'None'"),
        (b'{"format": "mlcore runs 9"}', "reads 'mlcore runs 1'. Update mlcore"),
        (b'{"format": "mlcore runs 1", "members": {}}', "manifest disagree"),
        (b'{"format": "mlcore runs 1", "members": []}', "manifest disagree"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    store: Store, run: Run, manifest: bytes, words: str
) -> None:
    members = {**_members(to_zip([run])), "manifest.json": manifest}
    with pytest.raises(ImportRefusedError, match=words):
        import_zip(store, _zipped(members, sealed=False))


def test_a_changed_number_is_noticed_by_its_checksum(store: Store, run: Run) -> None:
    members = _members(to_zip([run]))
    name = f"runs/{run.id}/metrics.csv"
    members[name] = members[name].replace(b"0.9", b"0.99")
    with pytest.raises(ImportRefusedError, match="is damaged: its SHA-256 is"):
        import_zip(store, _zipped(members, sealed=False))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_zip_is_the_same_run_or_refused(store: Store, run: Run, data: Any) -> None:
    content = bytearray(to_zip([run]))
    place = data.draw(st.integers(0, len(content) - 1))
    cut = data.draw(st.booleans())
    damaged = bytes(content[:place])
    if not cut:
        content[place] ^= data.draw(st.integers(1, 255))
        damaged = bytes(content)
    try:
        (twin,) = import_zip(store, damaged)
    except ImportRefusedError:
        return
    assert twin.metrics()["value"].tolist() == run.metrics()["value"].tolist()


def test_what_is_no_zip_is_said_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="is no zip, or is damaged"):
        import_zip(store, b"PK but no zip")
    with pytest.raises(FileNotFoundError):
        import_zip(store, tmp_path / "nope.zip")


# --- TensorBoard -------------------------------------------------------------------------------


def test_each_folder_of_event_files_is_a_run(store: Store, tmp_path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for name, offset in (("a", 0.0), ("deep/b", 1.0)):
        writer = EventFileWriter(str(tmp_path / "logs" / name))
        for step in range(3):
            value = Summary.Value(tag="loss/train", simple_value=offset + step / 4)
            event = Event(wall_time=1000.0 + step, step=step, summary=Summary(value=[value]))
            writer.add_event(event)
        writer.close()
    one, two = import_tensorboard(store, tmp_path / "logs")
    assert (one.name, two.name) == ("logs/a", "logs/deep/b")
    assert (one.source, one.status, one.experiment) == (
        "tensorboard",
        Status.FINISHED,
        "tensorboard",
    )
    assert two.metrics()[["step", "value", "time"]].to_numpy().tolist() == [
        [0, 1.0, 0.0],
        [1, 1.25, 1.0],
        [2, 1.5, 2.0],
    ]
    assert one.created.timestamp() == 1000.0
    again = import_tensorboard(store, tmp_path / "logs")
    assert [run.id for run in again] == [one.id, two.id]
    assert mlcore.runs.compare([one, two], metric="loss/train").measures.tolist() == [0.5, 1.5]


def test_a_file_that_is_still_written_gives_what_is_whole(
    store: Store, run: Run, tmp_path: Path
) -> None:
    (file,) = to_tensorboard([run], tmp_path)
    content = file.read_bytes()
    strange = content.replace(b"mlcore/points", b"mlcore/quoits")  # its checksum is wrong now
    with pytest.raises(ImportRefusedError, match="a checksum is wrong"):
        import_event_file(store, strange, "strange")
    events = _others_events([0.5, 0.25])
    whole = import_event_file(store, events, "whole")
    cut = import_event_file(store, events[:-5], "cut")
    assert len(whole.metrics()) == 2
    assert len(cut.metrics()) == 1


def _others_events(values: list[float]) -> bytes:
    """An event file of another program: the scalar ``loss``, a value a step."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = io.BytesIO()
    for step, value in enumerate(values):
        summary = Summary(value=[Summary.Value(tag="loss", simple_value=value)])
        event = Event(wall_time=5.0 + step, step=step, summary=summary)
        RecordWriter(buffer).write(event.SerializeToString())
    return buffer.getvalue()


def test_a_damaged_event_file_is_refused(store: Store, run: Run, tmp_path: Path) -> None:
    (file,) = to_tensorboard([run], tmp_path)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(ImportRefusedError, match="is damaged at byte"):
        import_tensorboard(store, tmp_path)
    assert [one.id for one in store.list()] == [run.id]


def test_a_tensor_that_claims_a_huge_shape_is_left_alone(store: Store, tmp_path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.summary.writer.record_writer import RecordWriter

    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=2**40)])
    tensor = TensorProto(dtype=2, tensor_shape=shape, double_val=[1.0])
    summary = Summary(value=[Summary.Value(tag="huge", tensor=tensor)])
    with (tmp_path / "events.out.tfevents.1.x").open("wb") as file:
        RecordWriter(file).write(Event(wall_time=1.0, step=0, summary=summary).SerializeToString())
    with pytest.raises(ImportRefusedError, match="holds no scalars"):
        import_tensorboard(store, tmp_path)


def test_a_folder_without_event_files_is_said_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="holds no scalars of TensorBoard"):
        import_tensorboard(store, tmp_path)
    with pytest.raises(FileNotFoundError, match="There is no file or folder"):
        import_tensorboard(store, tmp_path / "nope")


def test_hyperparameters_of_others_are_the_config(store: Store, tmp_path: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.summary.writer.record_writer import RecordWriter

    told = {"lr": 0.25, "layers": 3, "optimizer": "sgd", "nesterov": True}
    loss = Summary(value=[Summary.Value(tag="loss", simple_value=0.5)])
    with (tmp_path / "events.out.tfevents.1.x").open("wb") as file:
        for summary in (hparams_pb(told), loss):
            RecordWriter(file).write(Event(wall_time=1.0, summary=summary).SerializeToString())
    (run,) = import_tensorboard(store, tmp_path)
    assert run.config_fields == told
    assert isinstance(run.config_fields["layers"], int)
