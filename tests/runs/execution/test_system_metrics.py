"""System metrics: what was sampled is what the machine did, bounded, and survives a resume."""

from __future__ import annotations

import itertools
import os
import sys
import time
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.charts.system import SYSTEM_PANELS, panels_of
from mlcore.runs.execution import system_metrics
from mlcore.runs.execution.claims import take
from mlcore.runs.execution.system_metrics import (
    MOST_SAMPLES,
    SYSTEM_COLUMNS,
    SystemMonitor,
    SystemRecorder,
    pack_samples,
    read_samples,
)
from mlcore.runs.process_id import ProcessId
from mlcore.runs.store.artifacts import SYSTEM
from mlcore.runs.store.store import Store
from tests.runs.toy import ToyConfig


def busy(seconds: float) -> float:
    """Compute for so many CPU seconds; the wall-clock seconds it took."""
    began, until = time.monotonic(), time.process_time() + seconds
    while time.process_time() < until:
        pass
    return time.monotonic() - began


def test_a_sample_is_what_the_process_did(tmp_path: Any) -> None:
    monitor = SystemMonitor()
    monitor.sample()
    before = time.process_time()
    began = time.monotonic()
    busy(0.3)
    with (tmp_path / "written").open("wb") as file:
        file.write(os.urandom(2**22))
        file.flush()
        os.fsync(file.fileno())
    monitor.sample()
    share = 100 * (time.process_time() - before) / (time.monotonic() - began)
    found = monitor.samples[-1]
    assert found["cpu"] == pytest.approx(share, rel=0.25)
    assert found["memory"] >= 0.5 * psutil.Process().memory_info().rss
    assert 0 <= found["machine_cpu"] <= 100
    if sys.platform == "linux" and psutil.Process().io_counters().write_bytes:
        passed = found["seconds"] - monitor.samples[-2]["seconds"]
        assert found["disk_written"] * passed >= 0.9 * 2**22
    assert set(found) <= set(SYSTEM_COLUMNS)


def test_children_count_too() -> None:
    monitor = SystemMonitor()
    alone = monitor._counters()
    with psutil.Popen([sys.executable, "-c", "x = bytearray(2**25); input()"], stdin=-1) as child:
        while child.memory_info().rss < 2**25:
            time.sleep(0.01)
        assert monitor._counters()[3] > alone[3] + 2**25 * 0.9
        child.communicate(b"\n")


def test_no_more_than_so_many_are_kept_evenly_spaced(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(system_metrics, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monitor = SystemMonitor()
    for _ in range(5 * MOST_SAMPLES):
        now[0] += system_metrics.SAMPLE_EVERY
        if monitor.due:
            monitor.sample()
    at = [sample["seconds"] for sample in monitor.samples]
    assert MOST_SAMPLES / 2 <= len(at) < MOST_SAMPLES
    gaps = {round(after - before) for before, after in itertools.pairwise(at)}
    assert gaps == {16}, "every second one was dropped, three times"
    assert now[0] - at[-1] < 16


number = st.floats(0, 1e15)


@given(st.lists(st.dictionaries(st.sampled_from([*SYSTEM_COLUMNS][1:]), number), max_size=8))
def test_packed_samples_are_read_again(samples: list[dict[str, float]]) -> None:
    given_ = [{"seconds": 2.0 * at, **sample} for at, sample in enumerate(samples)]
    back = read_samples(pack_samples(given_)) if given_ else []
    assert [set(sample) for sample in back] == [set(sample) for sample in given_]
    for sample, read in zip(given_, back, strict=True):
        assert read == pytest.approx(sample, rel=1e-3)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"seconds": 3}', b'{"seconds": ["x"]}'])
def test_what_is_no_sample_is_none(content: bytes) -> None:
    assert read_samples(content) == []


def test_a_run_has_them_and_a_resumed_one_has_those_of_before(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_metrics, "FIRST_WRITE", 0.0)
    monkeypatch.setattr(system_metrics, "SAMPLE_EVERY", 0.0)
    run = store.submit(ToyConfig())
    claim = take(store, ProcessId.of(), run.id)
    assert claim is not None
    first = SystemRecorder([claim])
    first.keep()
    first.end()
    before = run.system_metrics()
    assert list(before) == [name for name in SYSTEM_COLUMNS if name in before]
    assert len(before) >= 1

    second = SystemRecorder([claim])
    second.keep()
    second.end()
    after = run.system_metrics()
    assert len(after) > len(before)
    assert after.iloc[: len(before)].equals(before)
    assert [one.name for one in run.artifacts.kept()] == [SYSTEM]

    panels = panels_of(after)
    assert panels[:2] == list(SYSTEM_PANELS[:2])
    rows = SYSTEM_PANELS[0].rows(after, cores=2)
    drawn = rows[rows["what"] == "whole machine"]["value"]
    assert list(drawn) == pytest.approx(list(after["machine_cpu"] / 50))


def test_a_store_that_refuses_hinders_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = store.submit(ToyConfig())
    claim = take(store, ProcessId.of(), run.id)
    assert claim is not None

    def refuse(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(system_metrics, "FIRST_WRITE", 0.0)
    monkeypatch.setattr(type(run.artifacts), "write", refuse)
    recorder = SystemRecorder([claim])
    recorder.keep()
    recorder.end()
    assert run.system_metrics().empty
