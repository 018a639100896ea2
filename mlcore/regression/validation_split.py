"""The split of a regression's points into those to fit and those held out for validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlcore.core import ConfigError
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
        config: Its ``validation_share`` and ``seed`` decide; at least one point is held out. With
            ``folds`` it is the points of its fold.
        data: All points.

    Returns:
        The points to fit, and those held out; all of them and None without a share.

    Raises:
        DataError: (a ValueError) if no point would be left to fit.
        ConfigError: If there are fewer points than folds.

    Example:
        >>> import mlcore
        >>> data = mlcore.regression.hours_scores()
        >>> config = mlcore.RegressionConfig(validation_share=0.2)
        >>> train, validation = mlcore.regression.split(config, data)
        >>> print(len(train), len(validation))
        80 20
    """
    import torch

    if config.folds:
        numbers = fold_numbers(config, len(data))
        fit, own = (numbers != config.fold).nonzero(), (numbers == config.fold).nonzero()
        return _part(data, fit[:, 0]), _part(data, own[:, 0])
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


def fold_numbers(config: RegressionConfig, points: int) -> Tensor:
    """The fold of each point: they are shuffled by ``fold_seed`` and dealt out in turn.

    Args:
        config: Its ``folds`` and ``fold_seed`` decide.
        points: How many there are.

    Returns:
        int64 ``[points]``, 1 to ``folds``; two folds differ by at most one point.

    Raises:
        ConfigError: If there are fewer points than folds.
    """
    import torch

    if points < config.folds:
        are = "is 1 point" if points == 1 else f"are {points} points"
        raise ConfigError(
            {
                "folds": f"folds is {config.folds}, but there {are}, and each fold needs one: "
                "give fewer folds."
            }
        )
    generator = torch.Generator().manual_seed(config.fold_seed + _OWN_DRAWS)
    numbers = torch.empty(points, dtype=torch.int64)
    numbers[torch.randperm(points, generator=generator)] = torch.arange(points) % config.folds + 1
    return numbers


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
