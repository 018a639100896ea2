"""Exports the trained network of an MNIST run: a folder that runs without mlcore, or ONNX."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlcore import __version__
from mlcore.core import InputError, MlcoreError, RunStateError
from mlcore.core.files import write_atomically
from mlcore.runs.export.missing import extra
from mlcore.runs.export.network_readme import network_readme
from mlcore.runs.recorded_run import Run
from mlcore.runs.store.artifacts import CHECKPOINT, WEIGHTS

if TYPE_CHECKING:
    from torch import nn

    from mlcore.mnist.config import MNISTConfig

MNIST: Final = "mnist"
_FIXED_TIME: Final = (1980, 1, 1, 0, 0, 0)


def trained_network(run: Run) -> tuple[MNISTConfig, nn.Module]:
    """The config of an MNIST run and its network with the trained weights.

    A run that was stopped, paused, or lost counts with the weights it had; so does an imported one.

    Raises:
        InputError: If the run is of another experiment, or was logged by a script.
        RunStateError: If it is queued or running, or has saved no weights.
        SnapshotError: If the file with the weights is gone or damaged.

    Example:
        >>> import mlcore
        >>> run = mlcore.run(mlcore.MNISTConfig(train_size=200, hidden=(8,), epochs=1))
        >>> config, model = mlcore.runs.export.trained_network(run)
        >>> print(config.hidden, model.training)
        (8,) False
    """
    from mlcore.mnist.config import MNISTConfig

    if run.logged:
        raise InputError(
            f"Run {run.id} was logged by a script, so only the script knows its network: its "
            "weights are run.state_dict()."
        )
    if run.experiment != MNIST:
        raise InputError(
            f"Run {run.id} is of the experiment {run.experiment}, but only the networks of "
            f"{MNIST} can be taken out: choose one of its runs."
        )
    now = run.refresh()
    if now.status.moving:
        raise RunStateError(
            f"Run {run.id} is {now.status} at {now.progress:.0%}: wait for it to finish, or stop "
            "it to keep what it has."
        )
    config = now.config
    if not isinstance(config, MNISTConfig):
        raise InputError(f"Run {run.id} has a config of another kind than MNISTConfig.")
    return config, now.model()


def to_model_folder(run: Run, folder: str | Path) -> Path:
    """Write a run's network as a folder that runs without mlcore.

    It holds ``model.py`` (plain PyTorch), ``weights.safetensors``, ``predict.py`` (``python
    predict.py IMAGE …``), ``read_picture.py`` (how a picture is read), and ``README.md`` (what it
    was trained on, accuracy, config, requirements). The logits are those of ``run.model()``, bit
    for bit.

    Args:
        run: Of MNIST, see ``trained_network``.
        folder: It is made; an earlier one of this export is replaced.

    Returns:
        The folder.

    Raises:
        InputError: If the folder holds anything else, or cannot be made; or the run cannot be
            exported, see ``trained_network``.

    Example:
        >>> import mlcore, pathlib, tempfile
        >>> run = mlcore.run(mlcore.MNISTConfig(train_size=200, hidden=(8,), epochs=1))
        >>> folder = pathlib.Path(tempfile.mkdtemp()) / "digits"
        >>> written = mlcore.runs.export.to_model_folder(run, folder)
        >>> print(sorted(path.name for path in written.iterdir()))
        ['README.md', 'model.py', 'predict.py', 'read_picture.py', 'weights.safetensors']
    """
    path = Path(folder).expanduser().absolute()
    _check_target(path)
    files = _files(run)
    try:
        path.mkdir(exist_ok=True)
        for name, content in files.items():
            write_atomically(path / name, content)
    except OSError as error:
        raise InputError(f"The folder {path} cannot be written: {error.strerror}.") from None
    return path


def to_model_zip(run: Run) -> bytes:
    """``to_model_folder`` as a zip with one folder in it; equal runs give equal bytes.

    Raises:
        InputError: If the run cannot be exported, see ``trained_network``.

    Example:
        >>> import io, mlcore, zipfile
        >>> run = mlcore.run(mlcore.MNISTConfig(train_size=200, hidden=(8,), epochs=1))
        >>> names = zipfile.ZipFile(io.BytesIO(mlcore.runs.export.to_model_zip(run))).namelist()
        >>> print(f"network-{run.id}/model.py" in names)
        True
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _files(run).items():
            entry = zipfile.ZipInfo(f"network-{run.id}/{name}", _FIXED_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return buffer.getvalue()


def to_onnx(run: Run) -> bytes:
    """A run's network as an ONNX file, its normalization included.

    Its input ``pixels`` is float32 ``[N, 28, 28]`` from 0 (background) to 1, its output ``logits``
    is ``[N, classes]``.

    Raises:
        InputError: If the run cannot be exported, see ``trained_network``.
        MissingExtraError: If onnx is not installed: ``pip install 'mlcore[onnx]'``.

    Example:
        >>> import mlcore, onnx
        >>> run = mlcore.run(mlcore.MNISTConfig(train_size=200, hidden=(8,), epochs=1))
        >>> made = onnx.load_model_from_string(mlcore.runs.export.to_onnx(run))
        >>> print(made.graph.input[0].name, made.graph.output[0].name)
        pixels logits
    """
    extra("onnx", "An ONNX file", "onnx")
    from mlcore.mnist.portable.network_files import onnx_bytes

    return onnx_bytes(*trained_network(run))


def exportable(run: Run) -> bool:
    """Whether ``to_model_folder`` takes a run: of MNIST, at rest, with weights.

    Example:
        >>> import mlcore
        >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
        >>> mlcore.runs.export.exportable(run)
        False
    """
    if run.experiment != MNIST or run.logged or run.status.moving:
        return False
    return any(one.name in (WEIGHTS, CHECKPOINT) for one in run.artifacts.kept())


def _files(run: Run) -> dict[str, bytes]:
    from mlcore.mnist.data.digits import load
    from mlcore.mnist.portable.network_files import network_files

    config, model = trained_network(run)
    readme = network_readme(run, config, model, load(config.dataset, config.data_dir), __version__)
    return {"README.md": readme.encode("utf-8"), **network_files(config, model)}


def _check_target(path: Path) -> None:
    from mlcore.mnist.portable.network_source import MARK

    if not path.parent.is_dir():
        raise InputError(f"There is no folder {path.parent}. Make it first.")
    try:
        if not os.path.lexists(path):
            return
        if not path.is_dir():
            raise InputError(f"{path} is a file, but must be a folder, new or empty.")
        model = path / "model.py"
        if not any(path.iterdir()):
            return
        if model.is_file():
            with model.open("rb") as file:
                if file.readline(200).decode("utf-8", "replace").strip() == MARK:
                    return
    except MlcoreError:
        raise
    except OSError as error:
        raise InputError(f"The folder {path} cannot be read: {error.strerror}.") from None
    raise InputError(
        f"The folder {path} is not empty, and is none that this export wrote: name a new or an "
        "empty one."
    )
