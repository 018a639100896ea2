"""The accuracy a run is quoted with: on the test set, or on its validation part."""

from __future__ import annotations

from collections.abc import Mapping

TEST = "test_accuracy"
VALIDATION = "validation_accuracy"
KEPT = "best_validation_accuracy"
"""Validation accuracy of the weights that a run with ``keep="best"`` keeps."""


def headline(latest: Mapping[str, float]) -> tuple[str, float] | None:
    """The metric that sums a run up, with its value; None if it logs no such accuracy.

    ``test_accuracy`` where the test set was opened, else the validation accuracy of the weights
    that are kept.

    Example:
        >>> from mlcore.runs.headline import headline
        >>> headline({"validation_accuracy": 0.91, "train_loss": 0.2})
        ('validation_accuracy', 0.91)
    """
    return next(((name, latest[name]) for name in (TEST, KEPT, VALIDATION) if name in latest), None)


def held_out_accuracy(latest: Mapping[str, float]) -> float:
    """The value of ``headline``; 0 without one.

    Example:
        >>> from mlcore.runs.headline import held_out_accuracy
        >>> held_out_accuracy({"test_accuracy": 0.97, "validation_accuracy": 0.98})
        0.97
    """
    found = headline(latest)
    return 0.0 if found is None else found[1]


def accuracy_words(latest: Mapping[str, float], *, digits: int = 2) -> list[str]:
    """A run's accuracies in words, those that matter: ``["test accuracy 97.10%"]``.

    Of a run that keeps its best epoch both are told, the best epoch's and the last.

    Args:
        latest: The last value of each metric.
        digits: Decimals of a percentage.

    Example:
        >>> from mlcore.runs.headline import accuracy_words
        >>> accuracy_words({"validation_accuracy": 0.91, "best_validation_accuracy": 0.93,
        ...                 "best_epoch": 4.0})
        ['validation accuracy 93.00% (epoch 4; last 91.00%)']
    """
    words = []
    if TEST in latest:
        words.append(f"test accuracy {latest[TEST]:.{digits}%}")
    if KEPT in latest:
        last = f"; last {latest[VALIDATION]:.{digits}%}" if VALIDATION in latest else ""
        epoch = f"epoch {latest['best_epoch']:.0f}" if "best_epoch" in latest else "best epoch"
        words.append(f"validation accuracy {latest[KEPT]:.{digits}%} ({epoch}{last})")
    elif VALIDATION in latest:
        words.append(f"validation accuracy {latest[VALIDATION]:.{digits}%}")
    return words
