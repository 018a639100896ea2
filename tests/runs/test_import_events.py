"""Event files of other programs: what belongs together is one run; TensorBoard is the oracle."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import (
    masked_crc32c as tensorboard_crc32c,
)
from tensorboard.summary.writer.record_writer import RecordWriter

from mlcore.core import RunStateError
from mlcore.mnist.config import MNISTConfig
from mlcore.runs import Run, Status, compare
from mlcore.runs.analysis.seed_groups import queue_more_seeds
from mlcore.runs.export import to_tensorboard
from mlcore.runs.imports import ImportRefusedError, import_content, import_tensorboard
from mlcore.runs.imports.crc32c import masked_crc32c
from mlcore.runs.imports.event_files import EventFolder
from mlcore.runs.imports.event_times import Session, work_clock
from mlcore.runs.store.store import Store
from tests.runs.made import made

pytestmark = pytest.mark.sqlite

CASES = Path(__file__).parent / "cases"


def _event(step: int, wall_time: float, **scalars: float) -> Event:
    values = [Summary.Value(tag=tag, simple_value=value) for tag, value in scalars.items()]
    return Event(step=step, wall_time=wall_time, summary=Summary(value=values))


def _start(step: int, wall_time: float = 0.0) -> Event:
    return Event(step=step, wall_time=wall_time, session_log=SessionLog(status=SessionLog.START))


def _file(events: list[Event]) -> bytes:
    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    for event in [Event(file_version="brain.Event:2"), *events]:
        writer.write(event.SerializeToString())
    return buffer.getvalue()


def _write(folder: Path, *files: list[Event]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, events in enumerate(files):
        (folder / f"events.out.tfevents.{number:03}.x").write_bytes(_file(events))


def _curve(run: Run, name: str) -> list[tuple[int, Any]]:
    table = run.metrics([name])
    return list(zip(table["step"].tolist(), table["value"].tolist(), strict=True))


def _shown(folder: Path) -> dict[str, dict[int, float]]:
    """What TensorBoard shows of a folder: the last value of each step."""
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {
        tag: {event.step: event.value for event in accumulator.Scalars(tag)}
        for tag in accumulator.Tags()["scalars"]
    }


def test_hparams_scalars_and_add_scalars_are_one_run_with_its_config(store: Store) -> None:
    (run,) = import_tensorboard(store, CASES / "events_a")
    assert run.name == "events_a/run"
    assert run.config_fields == {"lr": 0.1, "bsize": 32, "opt": "sgd"}
    assert set(run.latest()) == {"loss", "acc/train", "acc/val", "hparam/accuracy", "hparam/loss"}
    assert _curve(run, "acc/val") == [
        (step, pytest.approx(value)) for step, value in enumerate([0.4, 0.5, 0.6, 0.7, 0.8])
    ]


def test_a_restart_takes_back_the_steps_that_it_did_again(store: Store) -> None:
    (run,) = import_tensorboard(store, CASES / "events_b")
    assert dict(_curve(run, "loss")) == _shown(CASES / "events_b")["loss"]
    assert [step for step, _ in _curve(run, "loss")] == list(range(121))
    assert run.elapsed < 0.1, "the second between the two sessions is no work"


steps = st.lists(st.integers(0, 9), max_size=6)
sessions = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(0, 9)), steps), min_size=1, max_size=4
)


@given(sessions)
def test_restarts_leave_what_tensorboard_shows(
    tmp_path_factory: pytest.TempPathFactory, told: list[tuple[int | None, list[int]]]
) -> None:
    folder = tmp_path_factory.mktemp("logs")
    reading, value = EventFolder(), 0.0
    for number, (start, logged) in enumerate(told):
        events = [] if start is None else [_start(start)]
        for step in logged:
            value += 1
            tags = {"a": value} if step % 3 else {"a": value, "b": -value}
            events.append(_event(step, value, **tags))
        (folder / f"events.out.tfevents.{number:03}.x").write_bytes(_file(events))
        reading.add(_file(events), "x")
    found: dict[str, dict[int, float]] = {}
    for scalar in reading.scalars:
        found.setdefault(scalar.tag, {})[scalar.step] = scalar.value
    expected = {tag: curve for tag, curve in _shown(folder).items() if curve}
    shutil.rmtree(folder)
    assert found == expected


@given(st.binary(max_size=70))
def test_checksums_are_those_of_tensorboard(content: bytes) -> None:
    assert masked_crc32c(content) == tensorboard_crc32c(content)


def test_the_splits_of_a_training_are_one_run_with_both_curves(store: Store) -> None:
    a, b = import_tensorboard(store, CASES / "events_c")
    assert (a.name, b.name) == ("events_c/exp_a", "events_c/exp_b")
    assert {"train/epoch_loss", "validation/epoch_loss"} <= set(a.latest())
    assert _curve(a, "train/epoch_loss")[0] == (0, 1.0)
    assert _curve(a, "validation/epoch_loss")[0] == (0, pytest.approx(1.1))


def test_no_advice_is_given_that_can_only_be_refused(store: Store) -> None:
    runs = import_tensorboard(store, CASES / "events_c")
    comparison = compare(runs, metric="validation/epoch_loss", store=store)
    (contrast,) = comparison.contrasts
    assert contrast.more_seeds == {}
    assert contrast.sentence == (
        "A and B are not distinguishable with 1 seed each: more seeds of A and B cannot be run "
        "here (imported, so not trained here)."
    )
    with pytest.raises(RunStateError, match="imported, so not trained here"):
        queue_more_seeds(comparison.groups[0], 2)


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["train"], ["logs"]),
        (["", "eval"], ["logs"]),
        (["a/train", "a/test", "b"], ["logs/a", "logs/b"]),
        (["baseline", "eval", "big"], ["logs/baseline", "logs/big", "logs/eval"]),
        (["test/one", "test/two"], ["logs/test/one", "logs/test/two"]),
        (["a/val/deep"], ["logs/a/val/deep"]),
    ],
)
def test_a_folder_named_as_a_split_is_one_only_beside_the_rest(
    store: Store, tmp_path: Path, folders: list[str], names: list[str]
) -> None:
    for place, folder in enumerate(folders):
        _write(tmp_path / "logs" / folder, [_event(0, 1.0, loss=float(place))])
    runs = import_tensorboard(store, tmp_path / "logs")
    assert sorted(run.name for run in runs) == names


def test_names_that_would_meet_are_kept_apart(store: Store, tmp_path: Path) -> None:
    _write(tmp_path / "logs", [_event(0, 1.0, **{"train/loss": 1.0, "acc/x": 2.0})])
    _write(tmp_path / "logs" / "train", [_event(0, 1.0, loss=3.0)])
    _write(tmp_path / "logs" / "acc_x", [_event(0, 1.0, acc=4.0)])
    (run,) = import_tensorboard(store, tmp_path / "logs")
    assert run.latest() == {
        "train/loss": 1.0,
        "acc/x": 2.0,
        "train/loss (2)": 3.0,
        "acc/x (2)": 4.0,
    }


def test_several_trials_in_one_folder_stay_runs_of_their_own(store: Store, tmp_path: Path) -> None:
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    _write(tmp_path / "logs", [_event(0, 1.0, loss=1.0)])
    for lr in (0.1, 0.2):
        told = Event(wall_time=1.0, summary=hparams_pb({"lr": lr}))
        _write(tmp_path / "logs" / f"17000{lr}", [told, _event(0, 2.0, result=lr)])
    runs = import_tensorboard(store, tmp_path / "logs")
    assert [run.config_fields for run in runs] == [{}, {"lr": 0.1}, {"lr": 0.2}]


def test_what_is_no_scalar_is_named_and_a_placeholder_is_no_result(store: Store) -> None:
    said: list[str] = []
    (run,) = import_tensorboard(store, CASES / "events_d", said.append)
    assert "hp_metric" not in run.latest()
    assert run.latest()["val_loss"] == pytest.approx(9.770264e-05)
    (sentence,) = said
    assert "1 image (img); 1 histogram (w); hp_metric = −1" in sentence
    assert run.origin["left_out"] in sentence


def test_a_metric_that_was_really_logged_under_that_name_stays(
    store: Store, tmp_path: Path
) -> None:
    _write(tmp_path / "logs", [_event(step, 1.0, hp_metric=-1.0) for step in range(3)])
    (run,) = import_tensorboard(store, tmp_path / "logs")
    assert run.latest() == {"hp_metric": -1.0}


def test_one_damaged_file_leaves_the_other_runs(store: Store) -> None:
    said: list[str] = []
    runs = import_tensorboard(store, CASES / "events_g", said.append)
    assert [run.name for run in runs] == ["events_g/run_a", "events_g/run_c"]
    (sentence,) = said
    assert sentence.startswith("events_g/run_b was left out.")
    assert "damaged at byte 422" in sentence


def test_a_training_with_a_damaged_split_is_left_out_whole(store: Store, tmp_path: Path) -> None:
    for folder in ("a/train", "a/validation", "b/train", "b/validation"):
        _write(tmp_path / folder, [_event(0, 1.0, loss=1.0)])
    file = next((tmp_path / "a" / "validation").iterdir())
    content = bytearray(file.read_bytes())
    content[-6] ^= 1
    file.write_bytes(content)
    said: list[str] = []
    runs = import_tensorboard(store, tmp_path, said.append)
    assert [run.name for run in runs] == [f"{tmp_path.name}/b"]
    assert said[0].startswith(f"{tmp_path.name}/a was left out.")


def test_a_pause_is_no_work(store: Store) -> None:
    (run,) = import_tensorboard(store, CASES / "events_h")
    assert run.elapsed == 19.0
    assert run.metrics()["time"].tolist() == [float(second) for second in range(20)]
    assert run.finished is not None
    assert (run.finished - run.created).total_seconds() > 86_400


@pytest.mark.parametrize(
    ("restart", "later", "expected"),
    [
        (False, [3.0, 4.0], [2.0, 3.0, 4.0]),  # the next file of one process
        (False, [1.5, 2.5], [2.0, 1.5, 2.5]),  # two files at the same time
        (False, [1000.0, 1001.0], [2.0, 3.0, 4.0]),  # a pause, though nothing says so
        (True, [30.0, 31.0], [2.0, 3.0, 4.0]),  # a restart half a minute later
    ],
)
def test_work_goes_on_after_a_pause_where_it_was(
    restart: bool, later: list[float], expected: list[float]
) -> None:
    clock = work_clock([Session([0.0, 1.0, 2.0], False), Session(later, restart)])
    assert [clock.work(time) for time in (2.0, *later)] == expected


def test_a_zip_of_a_log_folder_is_read_as_the_folder_is(store: Store) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted((CASES / "events_a").rglob("*tfevents*")):
            archive.writestr(str(file.relative_to(CASES / "events_a")), file.read_bytes())
        archive.writestr("notes.txt", b"for me")
    by_zip = import_content(store, buffer.getvalue(), "events_a.zip")
    by_folder = import_tensorboard(store, CASES / "events_a")
    assert [run.id for run in by_zip] == [run.id for run in by_folder]


def test_our_own_event_files_are_never_put_together(store: Store, tmp_path: Path) -> None:
    runs = [
        made(store, MNISTConfig(seed=seed), {"loss": {0: 1.0}}, Status.STOPPED) for seed in (0, 1)
    ]
    files = to_tensorboard(runs, tmp_path / "all")
    files[0].parent.rename(tmp_path / "all" / "train")
    files[1].parent.rename(tmp_path / "all" / "test")
    twins = import_tensorboard(store, tmp_path / "all")
    assert sorted(twin.config_fields["seed"] for twin in twins) == [0, 1]
    assert {twin.status for twin in twins} == {Status.STOPPED}


def test_only_damaged_files_are_refused(store: Store, tmp_path: Path) -> None:
    shutil.copytree(CASES / "events_g" / "run_b", tmp_path / "run_b")
    with pytest.raises(ImportRefusedError, match="damaged at byte 422"):
        import_tensorboard(store, tmp_path)
    assert store.list() == []
