"""The config of a network that learns handwritten digits; it loads neither torch nor the data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import ValidationInfo, field_validator

from mlcore.core import DataUnavailableError, Ensemble, Snapshot, Step, canonical_json
from mlcore.core.folds import check_fold, check_folds, fold_size
from mlcore.mnist.data.sources import FOLDER, SOURCES
from mlcore.mnist.fields import MNISTFields

if TYPE_CHECKING:
    from torch import Tensor, nn


def image_sides(kernels: tuple[int, ...], stride: int) -> list[int]:
    """Side of the image in pixels, at first and after each convolution with its pooling."""
    sides = [28]
    for number, kernel in enumerate(kernels):
        inside = sides[-1] - kernel + 1
        strides = number == 0 and stride == 2
        sides.append((inside + 1) // 2 if strides else inside // 2)
    return sides


class MNISTConfig(MNISTFields):
    """The settings of one MNIST training run: data, network, loss, optimizer, schedule.

    The defaults are the course's own: 784-256-64-10, ReLU, mean squared error against one-hot
    labels, SGD with momentum. ``presets`` holds others worth a click.

    A run saves a copy of its weights at the start and after each epoch, so that you can see them
    form. Where all of them would take more than 32 MiB it keeps every k-th epoch, and of a network
    of more than 4 million weights those of its end alone: see ``mlcore.mnist.weight_snapshots``.
    """

    experiment: ClassVar[str] = "mnist"
    version: ClassVar[int] = 1

    # --- rules over several fields: each is said beside the field that breaks it ---------------

    @field_validator("data_dir")
    @classmethod
    def _folder_has_a_place(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("dataset") == FOLDER and not value.strip():
            raise ValueError("data_dir is empty, but dataset=folder needs the folder of IDX files.")
        try:
            return str(Path(value).expanduser().resolve()) if value.strip() else ""
        except (OSError, RuntimeError, ValueError):  # no such user, a loop of links, a null byte
            raise ValueError(
                f"data_dir is {value!r}, which is no folder's path: give one such as ~/digits."
            ) from None

    @field_validator("train_size")
    @classmethod
    def _no_more_images_than_there_are(cls, value: int, info: ValidationInfo) -> int:
        source = SOURCES.get(info.data.get("dataset", ""))
        if source and value > source.train_images:
            raise ValueError(
                f"train_size is {value}, but {source.title} has {source.train_images} images to "
                f"learn from: give 1 to {source.train_images}."
            )
        return value

    @field_validator("validation_size")
    @classmethod
    def _validation_leaves_images(cls, value: int, info: ValidationInfo) -> int:
        source = SOURCES.get(info.data.get("dataset", ""))
        train_size = info.data.get("train_size")
        if not value or source is None or train_size is None:
            return value
        images = source.train_images
        if train_size < images < train_size + value:
            raise ValueError(
                f"validation_size is {value}, but with train_size {train_size} only "
                f"{images - train_size} of the {images} images of {source.title} are left: give "
                "fewer, or a smaller train_size."
            )
        return value

    @field_validator("folds")
    @classmethod
    def _each_fold_has_each_class(cls, value: int, info: ValidationInfo) -> int:
        check_folds(value, "validation_size", info.data.get("validation_size", 0))
        images = info.data.get("train_size")
        source = SOURCES.get(info.data.get("dataset", ""))
        if not value or images is None:
            return value
        if value > images:
            raise ValueError(
                f"folds is {value}, but train_size is {images}, and each fold needs an image: give "
                "fewer folds, or a larger train_size."
            )
        if source and images < value * len(source.classes):
            raise ValueError(
                f"folds is {value}, but of {images} images in {len(source.classes)} classes some "
                f"class has fewer than {value}: give fewer folds, or a larger train_size."
            )
        return value

    _fold_is_one_of_the_folds = field_validator("fold")(check_fold)

    @field_validator("keep", "early_stopping", "schedule")
    @classmethod
    def _needs_validation(cls, value: str | bool, info: ValidationInfo) -> str | bool:
        held_out = info.data.get("validation_size", 1) or info.data.get("folds", 1)
        if value in ("best", "plateau", True) and not held_out:
            said = f"{info.field_name} is {'on' if value is True else value}"
            raise ValueError(
                f"{said}, but no validation images are held out to judge an epoch by: set "
                "validation_size or folds above 0."
            )
        return value

    @field_validator("patience")
    @classmethod
    def _patience_can_end_a_run(cls, value: int, info: ValidationInfo) -> int:
        epochs = info.data.get("epochs")
        if info.data.get("early_stopping") and epochs is not None and value >= epochs:
            most = f"give 1 to {epochs - 1}, or more epochs" if epochs > 1 else "give more epochs"
            raise ValueError(
                f"patience is {value}, but the run has epochs={epochs}, so that early_stopping "
                f"could never end it: {most}."
            )
        return value

    @field_validator("kernels")
    @classmethod
    def _kernels_fit(cls, value: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        channels = info.data.get("channels", value)
        if len(value) != len(channels):
            raise ValueError(
                f"kernels is {value}, but channels {channels} makes {len(channels)} convolutions: "
                "give one size a convolution."
            )
        if min(image_sides(value, stride=1)) < 1:
            raise ValueError(
                f"kernels is {value}, which leaves nothing of 28×28 pixels: give smaller kernels "
                "or fewer convolutions."
            )
        return value

    @field_validator("normalization")
    @classmethod
    def _something_to_average_over(cls, value: str, info: ValidationInfo) -> str:
        if not {"model", "hidden", "channels", "kernels", "stride", "dense"} <= set(info.data):
            return value
        model = info.data["model"]
        if value == "instance" and model == "mlp":
            raise ValueError(
                "normalization=instance averages over the pixels of one channel, but the units of "
                "an mlp have none: choose layer, or model=cnn."
            )
        lone_pixel = image_sides(info.data["kernels"], info.data["stride"])[-1] == 1
        if value == "instance" and model == "cnn" and lone_pixel:
            raise ValueError(
                "normalization=instance averages over the pixels of one channel, but the last "
                "convolution leaves one: choose layer, or smaller kernels."
            )
        widths = {"mlp": info.data["hidden"], "linear": ()}.get(
            model, (info.data["dense"], *(info.data["channels"][-1:] if lone_pixel else ()))
        )
        if value == "group" and 1 in widths:
            raise ValueError(
                "normalization=group averages over units, but a layer has only one: make it wider, "
                "or choose another normalization."
            )
        return value

    @field_validator("nesterov")
    @classmethod
    def _nesterov_needs_momentum(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("optimizer") == "sgd" and info.data.get("momentum") == 0.0:
            raise ValueError("nesterov is on, but needs momentum above 0.")
        return value

    @field_validator("batch_size")
    @classmethod
    def _batch_norm_needs_two(cls, value: int, info: ValidationInfo) -> int:
        batch = info.data.get("normalization") == "batch" and info.data.get("model") != "linear"
        if batch and min(value, info.data.get("train_size", value)) < 2:
            raise ValueError(
                "Batches hold one image, but batch normalization needs at least two: raise "
                "batch_size and train_size to 2 or more, or choose another normalization."
            )
        return value

    # --- what the experiment defines --------------------------------------------------------

    def train(self, snapshot: Snapshot | None = None) -> Iterator[Step]:
        """Yield the run's steps: see ``mlcore.mnist.train.train``."""
        from mlcore.mnist.train import train

        return train(self, snapshot)

    def ensemble_key(self) -> str | None:
        """What configs must share to train as one program: see ``mlcore.mnist.ensemble``."""
        from mlcore.mnist.ensemble.key import shape

        return shape(self)

    @classmethod
    def train_together(
        cls, configs: Sequence[MNISTConfig], snapshots: Sequence[Snapshot | None]
    ) -> Ensemble:
        """Train configs of one ``ensemble_key`` as one vectorized program."""
        from mlcore.mnist.ensemble.program import MNISTEnsemble

        return MNISTEnsemble(configs, snapshots)

    def data_checksum(self) -> str:
        """SHA-256 that names the data.

        Raises:
            DataUnavailableError: If ``data_dir`` lacks a file.
        """
        if self.dataset in SOURCES:
            return SOURCES[self.dataset].checksum()
        from mlcore.mnist.data.folder import folder_checksum

        return folder_checksum(Path(self.data_dir))

    def build_model(self) -> nn.Module:
        """The untrained network, its weights drawn from the seed."""
        from mlcore.mnist.models import build_model

        return build_model(self)

    def example_input(self) -> Tensor:
        """One image of zeros, float32 ``[1, 28, 28]``."""
        import torch

        return torch.zeros(1, 28, 28)

    def sealed(self) -> bool:
        """Whether there is a validation part or fold, so that the test set stays unseen."""
        return self.validation_size > 0 or self.folds > 0

    def test_images(self) -> int:
        """How many images the test set has."""
        if self.dataset in SOURCES:
            return SOURCES[self.dataset].test_images
        from mlcore.mnist.data.folder import folder_test_images

        return folder_test_images(Path(self.data_dir))

    def test_metrics(self, model: nn.Module) -> dict[str, float]:
        """``test_loss`` and ``test_accuracy`` of a network: see ``mlcore.mnist.evaluate``."""
        from mlcore.mnist.evaluate import test_metrics

        return test_metrics(self, model)

    def metric_names(self) -> tuple[str, ...]:
        """What every run logs: see ``mlcore.mnist.train.train``."""
        part = "validation" if self.sealed() else "test"
        best = ("best_validation_accuracy", "best_epoch") if self.keep == "best" else ()
        of_batch = ("train_loss", "train_accuracy", "grad_norm", "lr")
        return (f"{part}_accuracy", f"{part}_loss", *best, *of_batch, "samples_per_second")

    def num_classes(self) -> int:
        """Number of classes."""
        if self.dataset in SOURCES:
            return len(SOURCES[self.dataset].classes)
        from mlcore.mnist.data.folder import folder_classes

        return folder_classes(Path(self.data_dir))

    def num_train(self) -> int:
        """How many images the run learns from.

        Raises:
            DataUnavailableError: If ``data_dir`` lacks a file, or has no image left to learn from.
        """
        available = self._available()
        if self.folds:
            images = min(self.train_size, available)
            return images - fold_size(images, self.folds, self.fold)
        if available <= self.validation_size:
            raise DataUnavailableError(
                f"validation_size is {self.validation_size}, but {self.data_dir} holds "
                f"{available} training images: give fewer, so that some are left to learn from."
            )
        return min(self.train_size, available - self.validation_size)

    def validation_images(self) -> int:
        """How many images the run is validated on: its fold's, or ``validation_size``."""
        if not self.folds:
            return self.validation_size
        return fold_size(min(self.train_size, self._available()), self.folds, self.fold)

    def check_data(self) -> None:
        """Raise ConfigError if a class has fewer images than there are folds."""
        if self.folds:
            from mlcore.mnist.data.digits import load
            from mlcore.mnist.folds import class_counts

            class_counts(self, load(self.dataset, self.data_dir).train_labels)

    def fold_key(self) -> str:
        """What decides which image is in which fold; the seed only if not all are divided."""
        images = min(self.train_size, self._available())
        drawn = {"images": images, "seed": self.seed} if images < self._available() else {}
        fields = {"folds": self.folds, "fold_seed": self.fold_seed, **drawn}
        return canonical_json({"data": self.data_checksum(), **fields})

    def _available(self) -> int:
        if self.dataset in SOURCES:
            return SOURCES[self.dataset].train_images
        from mlcore.mnist.data.folder import folder_train_images

        return folder_train_images(Path(self.data_dir))

    def steps_per_epoch(self) -> int:
        """Optimizer steps in one epoch: ⌈images / batch size⌉.

        A last batch of one image is left out under batch normalization, which cannot use it.
        """
        images = self.num_train()
        lone = images % self.batch_size == 1 and self.normalization == "batch"
        steps = math.ceil(images / self.batch_size)
        return steps - 1 if lone and self.model != "linear" and steps > 1 else steps

    def samples_per_epoch(self) -> int:
        """How many images an epoch learns from: all but a last batch that is left out."""
        return min(self.num_train(), self.steps_per_epoch() * self.batch_size)

    def environment(self) -> dict[str, str | int]:
        """Device, precision, way of a step and threads that the run gets on this machine."""
        import torch

        from mlcore.core.cores import given_cores
        from mlcore.mnist.runtime import device_for, precision_for, threads_for
        from mlcore.mnist.steps.ways import way_for

        device = device_for(self)
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        used: dict[str, str | int] = {"device": name, "precision": precision_for(self, device)}
        way = way_for(self, device, str(used["precision"]))
        used["step"] = str(way)
        if device.type == "cpu":
            manual = way.gradients == "manual"
            used["threads"] = given_cores() if manual else threads_for(self, given_cores())
        return used


MNISTConfig.presets = {
    "course": MNISTConfig(),
    "linear baseline": MNISTConfig(
        model="linear",
        validation_size=10_000,
        loss="cross_entropy",
        lr=0.05,
        schedule="cosine",
        batch_size=256,
        epochs=5,
    ),
    "MLP, cross-entropy": MNISTConfig(
        validation_size=10_000,
        loss="cross_entropy",
        optimizer="adam",
        lr=0.004,
        schedule="one_cycle",
        batch_size=256,
        epochs=5,
        dropout=0.1,
    ),
    # Without validation: it is the published recipe for all 60,000 images, nothing is chosen by it,
    # and its name is a claim about the test set (tests/bench/cnn_recipe.py).
    "99 % CNN": MNISTConfig(
        model="cnn",
        channels=(16, 32),
        kernels=(7, 4),
        stride=2,
        dense=96,
        loss="cross_entropy",
        label_smoothing=0.15,
        optimizer="adam",
        lr=0.015,
        beta1=0.7,
        beta2=0.9,
        schedule="one_cycle",
        peak=0.2,
        batch_size=256,
        epochs=1,
        precision="auto",
    ),
}
