"""The split of a regression's points into those to fit and those held out for validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlcore.regression.data import DataError, Dataset
from mlcore.regression.losses import loss_of

if TYPE_CHECKING:
    from torch import Tensor

    from mlcore.regression.config import RegressionConfig
    from mlcore.regression.problem import Problem

_OWN_DRAWS: Final = 1 << 32  # so that the split is not drawn by the numbers that made the points


def split(config: RegressionConfig, data: Dataset) -> tuple[Dataset, Dataset | None]:
    """The training and the validation points of a config, each in the order of the data.

    Args:
        config: Its ``validation_share`` and ``seed`` decide; at least one point is held out.
        data: All points.

    Returns:
        The points to fit, and those held out; all of them and None without a share.

    Raises:
        DataError: (a ValueError) if no point would be left to fit.

    Example:
        >>> import mlcore
        >>> data = mlcore.regression.hours_scores()
        >>> config = mlcore.RegressionConfig(validation_share=0.2)
        >>> train, validation = mlcore.regression.split(config, data)
        >>> print(len(train), len(validation))
        80 20
    """
    import torch

    if not config.validation_share:
        return data, None
    held = max(1, round(config.validation_share * len(data)))
    if held >= len(data):
        raise DataError(
            f"validation_share is {config.validation_share:g}, but of {len(data)} "
            f"point{'s' * (len(data) != 1)} it leaves none to fit: give a smaller share, or 0."
        )
    generator = torch.Generator().manual_seed(config.seed + _OWN_DRAWS)
    order = torch.randperm(len(data), generator=generator)
    train, validation = order[held:].sort().values, order[:held].sort().values
    return _part(data, train), _part(data, validation)


def validation_loss(problem: Problem, held: Dataset, theta: Tensor) -> Tensor:
    """Mean loss of held-out points, scaled as the problem scaled its own.

    Args:
        problem: Whose model and loss it is.
        held: The points.
        theta: Parameters, shape (d, k).

    Returns:
        Shape (k,), in the units of ``Problem.losses``; infinite beyond float64.

    Example:
        >>> import mlcore, torch
        >>> config = mlcore.RegressionConfig(validation_share=0.2)
        >>> data = mlcore.regression.load(config)
        >>> problem = mlcore.regression.problem_of(config, data)
        >>> held = mlcore.regression.split(config, data)[1]
        >>> theta = torch.zeros(2, 1, dtype=torch.float64)
        >>> print(torch.isclose(mlcore.regression.validation_loss(problem, held, theta)[0],
        ...                     held.y.square().mean()).item())
        True
    """
    import torch

    residual = problem.predict(held.x, theta) - held.y[:, None]
    mean = loss_of(residual, problem.loss, problem.delta).mean(0)
    return mean.nan_to_num(nan=torch.inf, posinf=torch.inf)


def _part(data: Dataset, rows: Tensor) -> Dataset:
    return Dataset(data.x[rows], data.y[rows], data.x_name, data.y_name, data.notes)
