"""The config of a regression by gradient descent; imports neither torch nor pandas."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from mlcore.core import (
    Config,
    DataUnavailableError,
    Ensemble,
    Snapshot,
    Step,
    canonical_json,
)
from mlcore.core.folds import check_fold, check_folds, fold_field, fold_seed_field, folds_field
from mlcore.regression.data import HOURS_SCORES
from mlcore.regression.losses import Loss
from mlcore.regression.problem import MAX_DEGREE, Model
from mlcore.regression.rules import RuleName

if TYPE_CHECKING:
    from torch import Tensor, nn

_MADE = {"group": "Data", "only_if": {"data": ["made"]}}


class RegressionConfig(Config):
    """The settings that decide how a line (or polynomial) is fitted by gradient descent.

    The defaults are the course's own: hours and scores, y = wx + b, squared error, 1,000 steps of
    gradient descent at a rate of 1e-4 from (0, 0).
    """

    experiment: ClassVar[str] = "regression"
    version: ClassVar[int] = 1

    # --- data -------------------------------------------------------------------------------

    data: str = Field(
        "hours_scores",
        title="Data",
        min_length=1,
        max_length=4096,
        description="hours_scores (included), made (generated points), or the path of a CSV file.",
        json_schema_extra={"group": "Data"},
    )
    x_column: str = Field(
        "",
        title="Column of x",
        max_length=200,
        description="Column of the CSV file; if empty, its first column of numbers.",
        json_schema_extra={"group": "Data"},
    )
    y_column: str = Field(
        "",
        title="Column of y",
        max_length=200,
        description="Column of the CSV file; if empty, its next column of numbers.",
        json_schema_extra={"group": "Data"},
    )
    slope: float = Field(
        1.5,
        title="True slope",
        ge=-1000,
        le=1000,
        description="The slope w of the line around which points are generated.",
        json_schema_extra=_MADE,  # type: ignore[arg-type]
    )
    intercept: float = Field(
        5.0,
        title="True intercept",
        ge=-1e6,
        le=1e6,
        description="The intercept b of that line.",
        json_schema_extra=_MADE,  # type: ignore[arg-type]
    )
    noise: float = Field(
        10.0,
        title="Noise",
        ge=0,
        le=1e6,
        description="Standard deviation of the generated points around the line, in units of y.",
        json_schema_extra=_MADE,  # type: ignore[arg-type]
    )
    outliers: int = Field(
        0,
        title="Outliers",
        ge=0,
        le=1000,
        description="How many points, those with the largest x, lie far below the line.",
        json_schema_extra=_MADE,  # type: ignore[arg-type]
    )
    count: int = Field(
        100,
        title="Points",
        ge=1,
        le=1_000_000,
        description="How many points to generate.",
        json_schema_extra=_MADE | {"scale": "log"},  # type: ignore[arg-type]
    )
    standardize: bool = Field(
        False,
        title="Standardize x",
        description="Bring x to mean 0 and standard deviation 1 before fitting.",
        json_schema_extra={"group": "Data"},
    )

    validation_share: float = Field(
        0.0,
        title="Validation share",
        ge=0.0,
        le=0.9,
        description="Share of the points, drawn with the seed, that is not fitted but measured.",
        json_schema_extra={"group": "Data", "later": True},
    )

    folds: int = folds_field("Data")
    fold: int = fold_field("Data")
    fold_seed: int = fold_seed_field("Data")

    # --- model and loss ---------------------------------------------------------------------

    model: Model = Field(
        "line",
        title="Model",
        description="y = wx (origin), y = wx + b (line), or a polynomial.",
        json_schema_extra={"group": "Model"},
    )
    degree: int = Field(
        2,
        title="Degree",
        ge=1,
        le=MAX_DEGREE,
        description="The highest power of x in the polynomial.",
        json_schema_extra={"group": "Model", "only_if": {"model": ["polynomial"]}},
    )
    loss: Loss = Field(
        "squared",
        title="Loss",
        description="The mean over the points of the squared, absolute or Huber residual.",
        json_schema_extra={"group": "Model"},
    )
    delta: float = Field(
        10.0,
        title="Huber's δ",
        gt=0,
        le=1e6,
        description="Where the Huber loss changes from squared to linear, in units of y.",
        json_schema_extra={"group": "Model", "only_if": {"loss": ["huber"]}},
    )

    # --- descent ----------------------------------------------------------------------------

    optimizer: RuleName = Field(
        "gradient_descent",
        title="Optimizer",
        description="How a gradient becomes a step; settings not named here are torch.optim's.",
        json_schema_extra={"group": "Descent"},
    )
    momentum: float = Field(
        0.9,
        title="Momentum μ",
        ge=0,
        le=0.9999,
        description="Share of the last step that is added to the next one.",
        json_schema_extra={
            "group": "Descent",
            "only_if": {"optimizer": ["momentum", "nesterov"]},
        },
    )
    lr: float = Field(
        1e-4,
        title="Learning rate η",
        gt=0,
        le=1e6,
        description="Step size per unit of gradient.",
        json_schema_extra={"group": "Descent", "scale": "log"},
    )
    steps: int = Field(
        1000,
        title="Steps",
        ge=1,
        le=1_000_000,
        description="Number of optimizer steps.",
        json_schema_extra={"group": "Descent", "scale": "log"},
    )
    batch_size: int = Field(
        0,
        title="Batch size",
        ge=0,
        le=1_000_000,
        description="Points per step; 0 for all of them.",
        json_schema_extra={"group": "Descent"},
    )
    start_w: float = Field(
        0.0,
        title="Start w",
        ge=-1e9,
        le=1e9,
        description="The slope (of a polynomial: each coefficient but b) to start from.",
        json_schema_extra={"group": "Descent"},
    )
    start_b: float = Field(
        0.0,
        title="Start b",
        ge=-1e9,
        le=1e9,
        description="The intercept to start from.",
        json_schema_extra={"group": "Descent"},
    )
    seed: int = Field(
        0,
        title="Seed",
        ge=0,
        le=2**31 - 1,
        description="Decides the generated points and the order of the mini-batches.",
        json_schema_extra={"group": "Descent"},
    )

    # --- rules over several fields ------------------------------------------------------------

    @field_validator("folds")
    @classmethod
    def _folds_alone(cls, value: int, info: ValidationInfo) -> int:
        check_folds(value, "validation_share", info.data.get("validation_share", 0.0))
        return value

    _fold_is_one_of_the_folds = field_validator("fold")(check_fold)

    # --- what the experiment defines --------------------------------------------------------

    def train(self, snapshot: Snapshot | None = None) -> Iterator[Step]:
        """Yield the run's steps: see ``mlcore.regression.train.train``."""
        from mlcore.regression.train import train

        return train(self, snapshot)

    def ensemble_key(self) -> str:
        """All but learning rate and start: members of equal shape are columns of one θ."""
        free = ("lr", "start_w", "start_b")
        return canonical_json({k: v for k, v in self.to_dict().items() if k not in free})

    @classmethod
    def train_together(
        cls, configs: Sequence[RegressionConfig], snapshots: Sequence[Snapshot | None]
    ) -> Ensemble:
        """Train configs of one ``ensemble_key`` as one program."""
        from mlcore.regression.ensemble import RegressionEnsemble

        return RegressionEnsemble(configs, snapshots)

    def data_checksum(self) -> str:
        """SHA-256 of the data file; ``""`` for made points.

        Raises:
            DataUnavailableError: If the CSV file is not there.
        """
        if self.data == "made":
            return ""
        path = self.data_file()
        facts = path.stat()
        return _checksum(str(path), facts.st_size, facts.st_mtime_ns)

    def data_file(self) -> Path:
        """The CSV file that is read.

        Raises:
            DataUnavailableError: If it is not there.
        """
        path = HOURS_SCORES if self.data == "hours_scores" else Path(self.data).expanduser()
        if not path.is_file():
            raise DataUnavailableError(
                f"There is no file {self.data!r}; data must be hours_scores, made, or the path of "
                "a CSV file on this machine."
            )
        return path

    def metric_names(self) -> tuple[str, ...]:
        """The loss, with a split the validation loss, and each parameter by its name."""
        names = {"origin": ("w",), "line": ("w", "b")}.get(self.model)
        powers = tuple(f"w{power}" for power in range(1, self.degree + 1))
        held = ("validation_loss",) if self.validation_share or self.folds else ()
        return ("loss", *held, *(names or (*powers, "b")))

    def check_data(self) -> None:
        """Raise ConfigError if there are fewer points than folds."""
        if self.folds:
            from mlcore.regression.train import load
            from mlcore.regression.validation_split import fold_numbers

            fold_numbers(self, len(load(self)))

    def fold_key(self) -> str:
        """What decides which point is in which fold: the data, ``folds`` and ``fold_seed``."""
        made = ("slope", "intercept", "noise", "outliers", "count", "seed")
        columns = ("x_column", "y_column")
        names = ("folds", "fold_seed", *(made if self.data == "made" else columns))
        fields = {name: getattr(self, name) for name in names}
        return canonical_json({"data": self.data_checksum(), **fields})

    def build_model(self) -> nn.Module:
        """The unfitted model as a module that maps raw x, shape (n,), to y, shape (n,)."""
        from mlcore.regression.module import RegressionModule

        return RegressionModule(self.model, self.degree)

    def example_input(self) -> Tensor:
        """One x of 0, shape (1,)."""
        import torch

        return torch.zeros(1)

    def start(self) -> tuple[float, ...]:
        """The parameters at step 0, in the order of ``Problem.names``."""
        slopes = (self.start_w,) * (self.degree if self.model == "polynomial" else 1)
        return slopes if self.model == "origin" else (*slopes, self.start_b)


RegressionConfig.presets = {
    "course": RegressionConfig(),
    "oscillating": RegressionConfig(lr=3.9e-4),
    "divergent": RegressionConfig(lr=4.2e-4, steps=200),
    "standardized": RegressionConfig(standardize=True, lr=0.1, steps=100),
    "Polyak's momentum": RegressionConfig(
        optimizer="momentum", momentum=0.984554, lr=7.9638e-4, steps=2000
    ),
    "outliers, Huber": RegressionConfig(
        data="made", outliers=10, loss="huber", standardize=True, lr=0.5, steps=500
    ),
}
"""Named example configs."""


@lru_cache(maxsize=8)
def _checksum(path: str, _size: int, _changed_ns: int) -> str:
    """SHA-256 of a file, computed again only when it has changed: a sweep asks for each run."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
