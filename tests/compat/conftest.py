"""Libraries that log to mlcore: imported when a test needs them, as that takes seconds."""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest

from mlcore.mnist.data.torchvision_compat import torchvision_datasets
from tests.conftest import skip_unless_ci

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "KERAS_BACKEND": "torch",
}
"""Nothing is downloaded or sent."""


@pytest.fixture(scope="module")
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The library that a module of tests names by ``LIBRARY``."""
    name: str = request.module.LIBRARY
    if importlib.util.find_spec(name) is None:
        skip_unless_ci(f"{name} (pip install 'mlcore[{name}]')")
    os.environ.update(OFFLINE, KERAS_HOME=str(tmp_path_factory.getbasetemp() / "keras"))
    torchvision_datasets()  # these libraries import torchvision
    return importlib.import_module(name)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a library writes beside the script goes there."""
    monkeypatch.chdir(tmp_path)
