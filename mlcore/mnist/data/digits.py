"""Loads image data sets as tensors: MNIST, its relatives, or a folder of IDX files."""

from __future__ import annotations

import functools
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError

import torch

from mlcore.core import DataUnavailableError
from mlcore.mnist.data import cache, folder
from mlcore.mnist.data.idx import read_idx
from mlcore.mnist.data.sources import FOLDER, SOURCES, DatasetName, Source
from mlcore.mnist.data.torchvision_compat import torchvision_datasets

_ANEW: Final = "Delete it, and it is downloaded anew, or put the published file in its place."


@dataclass(frozen=True, slots=True, eq=False)
class Digits:
    """One data set on the CPU. Shared within the process: do not write to it.

    Attributes:
        name: The data set's name in a config.
        title: What people call it.
        train_images: uint8 ``[N, 28, 28]``, 0 is background.
        train_labels: int64 ``[N]``, from 0.
        test_images: uint8 ``[M, 28, 28]``.
        test_labels: int64 ``[M]``.
        classes: Name of each class, in the order of the labels.
        mean: Mean of the training images as fractions of 255, to four decimals (MNIST: 0.1307).
        std: Their standard deviation, likewise (MNIST: 0.3081).
    """

    name: str
    title: str
    train_images: torch.Tensor
    train_labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    classes: tuple[str, ...]
    mean: float
    std: float


def load(dataset: DatasetName = "mnist", data_dir: str | Path = "") -> Digits:
    """Read a data set; a second call in the same process returns the same object.

    Args:
        dataset: ``mnist`` needs no network. Its relatives are read from the cache folder, or
            downloaded by torchvision where there is a network. ``folder`` reads ``data_dir``.
        data_dir: For ``folder``: where ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
            ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte`` lie, each perhaps ``.gz``.

    Raises:
        DataUnavailableError: If the files are neither here nor to be had; says where to put them.
        ValueError: If there is no data set of that name.

    Example:
        >>> import mlcore
        >>> digits = mlcore.mnist.load("mnist")
        >>> print(digits.train_images.shape, digits.test_labels[:5].tolist())
        torch.Size([60000, 28, 28]) [7, 2, 1, 0, 4]
    """
    if dataset == FOLDER:
        return _load_folder(str(data_dir), folder.folder_checksum(Path(data_dir)))
    if dataset not in SOURCES:
        raise ValueError(
            f"There is no data set {dataset!r}; there are {', '.join(SOURCES)} and {FOLDER}."
        )
    return _load_named(dataset, str(cache.cache_folder()))


@functools.lru_cache(maxsize=4)
def _load_named(dataset: str, _cache: str) -> Digits:
    source = SOURCES[dataset]
    if dataset == "mnist":
        cache.unpack_mnist()
    else:
        _fetch(source)
    train_images, train_labels = _read(source, train=True)
    test_images, test_labels = _read(source, train=False)
    return _digits(
        dataset, source.title, source.classes, train_images, train_labels, test_images, test_labels
    )


@functools.lru_cache(maxsize=2)
def _load_folder(data_dir: str, _checksum: str) -> Digits:
    path = Path(data_dir)
    tensors = folder.read_folder(path)
    classes = tuple(str(label) for label in range(folder.folder_classes(path)))
    return _digits(FOLDER, path.name, classes, *tensors)


def _digits(
    name: str,
    title: str,
    classes: tuple[str, ...],
    train_images: torch.Tensor,
    train_labels: torch.Tensor,
    test_images: torch.Tensor,
    test_labels: torch.Tensor,
) -> Digits:
    counts = torch.bincount(train_images.flatten(), minlength=256).double()
    levels = torch.arange(256, dtype=torch.float64) / 255
    mean = float((counts * levels).sum() / counts.sum())
    variance = float((counts * (levels - mean).square()).sum() / counts.sum())
    return Digits(
        name=name,
        title=title,
        train_images=train_images,
        train_labels=train_labels,
        test_images=test_images,
        test_labels=test_labels,
        classes=classes,
        mean=round(mean, 4),
        std=max(round(variance**0.5, 4), 1e-4),
    )


def _read(source: Source, *, train: bool) -> tuple[torch.Tensor, torch.Tensor]:
    raw = cache.raw_folder(source)
    paths = [raw / name for name in (source.files[:2] if train else source.files[2:])]
    images, labels = map(read_idx, paths)
    _check(source, paths, images, labels, source.train_images if train else source.test_images)
    if source.torchvision == "QMNIST":
        labels = labels[:, 0].contiguous()  # the other seven columns are about the writer
    if source.torchvision == "EMNIST":
        images = images.transpose(1, 2).contiguous()  # published with rows and columns swapped
    if source.split == "letters":
        labels = labels - 1  # published from 1
    if int(labels.min()) < 0 or int(labels.max()) >= len(source.classes):
        raise DataUnavailableError(
            f"{paths[1]} holds a label that {source.title} does not have. {_ANEW}"
        )
    return images, labels.long()


def _check(
    source: Source, paths: list[Path], images: torch.Tensor, labels: torch.Tensor, count: int
) -> None:
    """Refuse files that are whole, but not those that were published: another set, or a part."""
    want_labels = (count, 8) if source.torchvision == "QMNIST" else (count,)
    for path, values, want in zip(
        paths, (images, labels), ((count, 28, 28), want_labels), strict=True
    ):
        if tuple(values.shape) != want:
            found, wanted = (" × ".join(map(str, shape)) for shape in (values.shape, want))
            raise DataUnavailableError(
                f"{path} holds {found} values, but {source.title} has {wanted} there. {_ANEW}"
            )
    if images.dtype != torch.uint8 or labels.dtype.is_floating_point:
        path = paths[0] if images.dtype != torch.uint8 else paths[1]
        raise DataUnavailableError(f"{path} holds values of another type. {_ANEW}")


def _download(source: Source, root: Path, *, train: bool) -> None:
    options = {"split": source.split} if source.split else {}
    dataset = getattr(torchvision_datasets(), source.torchvision)
    dataset(root=root, train=train, download=True, **options)


def _fetch(source: Source) -> None:
    """Have torchvision download what the cache lacks, beside it first, then in place."""
    cache.unzip_published(source)
    missing = cache.missing_files(source)
    if not missing:
        return
    root = cache.cache_folder()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".download-") as beside:
            for train in (True, False):
                _download(source, Path(beside), train=train)
            cache.put_in_place(source, Path(beside))
    except (URLError, OSError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise DataUnavailableError(
            f"{source.title} is not on this machine and could not be downloaded ({reason}): put "
            f"{', '.join(missing)} (or the same as .gz) into {cache.raw_folder(source)}."
        ) from None
