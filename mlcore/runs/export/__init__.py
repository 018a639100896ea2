"""Takes runs elsewhere: tables, TensorBoard's event files, MLflow, and a zip to bring them back."""

from mlcore.runs.export.archive import to_zip
from mlcore.runs.export.described import described
from mlcore.runs.export.mlflow import to_mlflow
from mlcore.runs.export.tables import read_json, to_csv, to_json, to_parquet
from mlcore.runs.export.tensorboard import to_tensorboard

__all__ = [
    "described",
    "read_json",
    "to_csv",
    "to_json",
    "to_mlflow",
    "to_parquet",
    "to_tensorboard",
    "to_zip",
]
