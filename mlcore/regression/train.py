"""Trains a regression: a generator of steps that can be resumed bit for bit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from mlcore.core import DivergenceError, Snapshot, SnapshotError, Step
from mlcore.regression.data import Dataset, hours_scores, made
from mlcore.regression.descent import Descent
from mlcore.regression.module import state_of
from mlcore.regression.problem import Problem
from mlcore.regression.rules import Rule
from mlcore.regression.tables import from_table, read_table
from mlcore.regression.validation_split import split, validation_loss

if TYPE_CHECKING:
    from mlcore.regression.config import RegressionConfig

MOST_POINTS = 1000
"""A run reports its metrics at most about so often."""


def load(config: RegressionConfig) -> Dataset:
    """The data a config names.

    Raises:
        DataUnavailableError: If its CSV file is not there.
        DataError: (a ValueError) if no points can be read from it.

    Example:
        >>> import mlcore
        >>> data = mlcore.regression.load(mlcore.RegressionConfig(data="made", count=10))
        >>> print(len(data.x))
        10
    """
    if config.data == "hours_scores":
        return hours_scores()
    if config.data == "made":
        return made(
            config.slope,
            config.intercept,
            config.noise,
            config.outliers,
            config.count,
            config.seed,
        )
    return from_table(read_table(config.data_file()), config.x_column, config.y_column)


def problem_of(config: RegressionConfig, data: Dataset | None = None) -> Problem:
    """The problem of a config, on its own data or on other points, without those held out.

    Example:
        >>> import mlcore
        >>> problem = mlcore.regression.problem_of(mlcore.RegressionConfig())
        >>> print(problem.names, problem.features.shape)
        ('w', 'b') torch.Size([100, 2])
    """
    data, _ = split(config, data or load(config))
    return Problem.of(
        data.x,
        data.y,
        model=config.model,
        degree=config.degree,
        loss=config.loss,
        delta=config.delta,
        standardize=config.standardize,
    )


def rule_of(config: RegressionConfig) -> Rule:
    """The update rule a config names.

    Example:
        >>> import mlcore
        >>> config = mlcore.RegressionConfig(optimizer="momentum", momentum=0.8)
        >>> rule = mlcore.regression.rule_of(config)
        >>> print(rule.name, rule.momentum)
        momentum 0.8
    """
    return Rule(config.optimizer, momentum=config.momentum)


def train(config: RegressionConfig, snapshot: Snapshot | None = None) -> Iterator[Step]:
    """Yield a step every ⌈steps / 1000⌉ optimizer steps, with the loss and each parameter.

    With ``validation_share`` also the ``validation_loss`` of the points held out.

    Args:
        config: What to fit, and how.
        snapshot: Go on from here rather than from the start.

    Raises:
        DivergenceError: When the loss is no finite number any more; the text names the step.
        DataError, DataUnavailableError: If there is no usable data.
        SnapshotError: If the snapshot is not of such a run.
    """
    data = load(config)
    problem, held = problem_of(config, data), split(config, data)[1]
    generator = torch.Generator().manual_seed(config.seed)
    descent = Descent(
        problem,
        rule_of(config),
        torch.tensor(config.lr, dtype=torch.float64),
        config.start(),
        config.batch_size or None,
        generator,
    )
    if snapshot is None:
        yield _step(config, descent, held)
    else:
        _restore(descent, snapshot)
    every = math.ceil(config.steps / MOST_POINTS)
    while descent.count < config.steps:
        descent.step()
        if descent.count % every == 0 or descent.count == config.steps:
            yield _step(config, descent, held)


def _step(config: RegressionConfig, descent: Descent, held: Dataset | None) -> Step:
    loss = float(descent.problem.losses(descent.theta))
    if not math.isfinite(loss):
        raise DivergenceError(
            f"The loss overflowed at step {descent.count} or shortly before: a learning rate of "
            f"{config.lr:g} is too large here. Use a smaller one, or standardize x."
        )
    metrics = {"loss": loss}
    if held is not None:
        metrics["validation_loss"] = float(validation_loss(descent.problem, held, descent.theta))
    parameters = dict(zip(descent.problem.names, descent.theta[:, 0].tolist(), strict=True))
    return Step(
        index=descent.count,
        done=descent.count,
        total=config.steps,
        metrics={**metrics, **parameters},
        snapshot=lambda: _snapshot(descent),
    )


def _snapshot(descent: Descent) -> Snapshot:
    model = state_of(descent.problem, descent.theta[:, 0])
    tensors = {f"model.{name}": tensor for name, tensor in model.items()}
    tensors |= {f"optimizer.{name}": tensor.clone() for name, tensor in descent.state.items()}
    tensors["generator"] = descent.generator.get_state()
    if descent.order is not None:
        tensors["order"] = descent.order.clone()
    return Snapshot(tensors, {"step": descent.count})


def _restore(descent: Descent, snapshot: Snapshot) -> None:
    tensors = snapshot.tensors
    wanted = {f"optimizer.{name}" for name in descent.state} | {"model.theta", "generator"}
    if missing := wanted - set(tensors):
        raise SnapshotError(
            f"The snapshot lacks {', '.join(sorted(missing))}: it belongs to another experiment. "
            "Start the run again with force=True."
        )
    descent.theta.copy_(tensors["model.theta"][:, None])
    for name, value in descent.state.items():
        value.copy_(tensors[f"optimizer.{name}"])
    descent.generator.set_state(tensors["generator"])
    if descent.order is not None:
        descent.order = tensors["order"].clone()
    descent.count = int(snapshot.meta["step"])
