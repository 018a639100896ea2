"""Configs, steps, errors and fingerprints: the leaf on which all else stands."""

from mlcore.core.config import Config
from mlcore.core.ensemble import Ensemble, Told
from mlcore.core.errors import (
    ConfigError,
    DataUnavailableError,
    DivergenceError,
    EngineError,
    RunNotFoundError,
    RunStateError,
    SnapshotError,
    StoreError,
    SweepNotFoundError,
    SweepStateError,
)
from mlcore.core.fields import FieldSpec
from mlcore.core.fingerprint import canonical_json, fingerprint
from mlcore.core.steps import MEASURED_METRICS, Snapshot, Step

__all__ = [
    "MEASURED_METRICS",
    "Config",
    "ConfigError",
    "DataUnavailableError",
    "DivergenceError",
    "EngineError",
    "Ensemble",
    "FieldSpec",
    "RunNotFoundError",
    "RunStateError",
    "Snapshot",
    "SnapshotError",
    "Step",
    "StoreError",
    "SweepNotFoundError",
    "SweepStateError",
    "Told",
    "canonical_json",
    "fingerprint",
]
