"""The published data sets: files, checksums, classes and statistics."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal

DatasetName = Literal[
    "mnist", "fashion_mnist", "kmnist", "qmnist", "emnist_letters", "emnist_balanced", "folder"
]
FOLDER: Final = "folder"
"""The data set name for a folder of the user's IDX files."""

_DIGITS = tuple("0123456789")
_TRAIN_AND_TEST = tuple(
    f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
)


@dataclass(frozen=True, slots=True)
class Source:
    """One published data set.

    Attributes:
        torchvision: Name of the class in ``torchvision.datasets``, and of its cache folder.
        split: What that class wants as ``split``, or None.
        title: What people call it.
        files: The unpacked files in ``<cache>/<torchvision>/raw``, in the order train images,
            train labels, test images, test labels.
        train_images: How many images there are to learn from.
        test_images: How many there are to test on.
        classes: Name of each class, in the order of the labels.
        published: Checksums of the archives as published (MD5, from torchvision): what names
            the data in a run's fingerprint.
    """

    torchvision: str
    split: str | None
    title: str
    files: tuple[str, ...]
    train_images: int
    test_images: int
    classes: tuple[str, ...]
    published: tuple[str, ...]

    def checksum(self) -> str:
        """One SHA-256 that stands for the whole data set."""
        whole = " ".join((self.torchvision, self.split or "", *self.published))
        return hashlib.sha256(whole.encode()).hexdigest()


def _emnist(split: str) -> tuple[str, ...]:
    return tuple(
        f"emnist-{split}-{part}-{kind}-ubyte"
        for part in ("train", "test")
        for kind in ("images-idx3", "labels-idx1")
    )


MNIST_SHA256: Final = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of the unpacked files that this package brings along."""

SOURCES: Final = {
    "mnist": Source(
        torchvision="MNIST",
        split=None,
        title="MNIST",
        files=_TRAIN_AND_TEST,
        train_images=60_000,
        test_images=10_000,
        classes=_DIGITS,
        published=tuple(MNIST_SHA256.values()),
    ),
    "fashion_mnist": Source(
        torchvision="FashionMNIST",
        split=None,
        title="Fashion-MNIST",
        files=_TRAIN_AND_TEST,
        train_images=60_000,
        test_images=10_000,
        classes=(
            "T-shirt",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
        published=(
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    "kmnist": Source(
        torchvision="KMNIST",
        split=None,
        title="Kuzushiji-MNIST",
        files=_TRAIN_AND_TEST,
        train_images=60_000,
        test_images=10_000,
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        published=(
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
    ),
    "qmnist": Source(
        torchvision="QMNIST",
        split=None,
        title="QMNIST",
        files=tuple(
            f"qmnist-{part}-{kind}"
            for part in ("train", "test")
            for kind in ("images-idx3-ubyte", "labels-idx2-int")
        ),
        train_images=60_000,
        test_images=60_000,
        classes=_DIGITS,
        published=(
            "ed72d4157d28c017586c42bc6afe6370",
            "0058f8dd561b90ffdd0f734c6a30e5e4",
            "1394631089c404de565df7b7aeaf9412",
            "5b5b05890a5e13444e108efe57b788aa",
        ),
    ),
    "emnist_letters": Source(
        torchvision="EMNIST",
        split="letters",
        title="EMNIST letters",
        files=_emnist("letters"),
        train_images=124_800,
        test_images=20_800,
        classes=tuple("abcdefghijklmnopqrstuvwxyz"),
        published=("58c8d27c78d21e728a6bc7b3cc06412e",),
    ),
    "emnist_balanced": Source(
        torchvision="EMNIST",
        split="balanced",
        title="EMNIST balanced",
        files=_emnist("balanced"),
        train_images=112_800,
        test_images=18_800,
        classes=tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"),
        published=("58c8d27c78d21e728a6bc7b3cc06412e",),
    ),
}
"""Every data set that is known by name; ``folder`` is described by its own files."""
