"""``mlcore bench``: what it prints of what it measures."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mlcore.cli import bench, main
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.steps import kept


def stand_in(what: str, *_: Any) -> Any:
    """Figures that need no measuring."""
    if what == "facts":
        return bench._facts()
    speeds = {"bare": 100.0, "run": 120.0, "limit": 200.0}
    if what == "train":
        return {"alone": 150.0, "all": 130.0}
    return 1.5 if what == "ratio" else speeds[what]


def test_it_prints_the_machine_the_way_the_speeds_and_the_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "_child", stand_in)

    assert main(["bench", "--quick", "--rounds", "3"]) == 0

    printed = capsys.readouterr().out
    assert kept.machine() in printed
    assert str(MNISTConfig(device="cpu").environment()["step"]) in printed
    rows = {
        line.rsplit(maxsplit=2)[0].strip(): line.split()[-1]
        for line in printed.splitlines()
        if line
    }
    assert rows["bare loop"] == "1.00"
    assert rows["mlcore.train, training alone"] == "1.50"
    assert rows["mlcore.run"] == "1.20"
    assert rows["limit of the products, float32"] == "2.00"
    assert "width 1024      1.50    1.50    1.50" in printed


def test_a_measure_prints_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(bench._MEASURES, "double", lambda word: 2 * int(word))

    bench.measured("double", "21")

    assert json.loads(capsys.readouterr().out) == 42
