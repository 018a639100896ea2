"""The folds of a cross-validation as one row of a table of runs: their mean and standard error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from mlcore.runs.analysis.fold_scores import (
    CrossValidation,
    cross_validations_of,
    folds_text,
    sd_over_folds,
)
from mlcore.ui import page, run_parts

if TYPE_CHECKING:
    import pandas as pd

    from mlcore.runs.analysis.comparison import Comparison

BASELINE: Final = "◆ "
"""Before the name of what the others are compared with."""

_NAME: Final = 48


def one_row_each(
    frame: pd.DataFrame, runs: Sequence[frozenset[str]], comparison: Comparison
) -> pd.DataFrame:
    """A table in which each cross-validation is one row, where its first fold was.

    Args:
        frame: With the columns value and name; columns that folds do not share become empty.
        runs: Ids of the runs of each row.
        comparison: Whose measures they are.

    Returns:
        The frame with a column ``error``, the standard error over folds; as it was if there is no
        whole cross-validation.
    """
    import pandas as pd

    found = cross_validations_of(comparison.runs)
    if not found:
        return frame
    rows = [{str(name): cell for name, cell in row.items()} for row in frame.to_dict("records")]
    kept: list[dict[str, Any]] = []
    means: dict[int, dict[str, Any]] = {}
    for row, ids in zip(rows, runs, strict=True):
        place = next((k for k, one in enumerate(found) if ids <= {r.id for r in one.runs}), None)
        if place is None:
            kept.append(row)
            continue
        if place not in means:
            means[place] = _row(row, found[place], comparison)
            kept.append(means[place])
        if str(row["name"]).startswith(BASELINE):
            means[place]["name"] = BASELINE + means[place]["name"]
    columns = list(frame.columns)
    columns.insert(columns.index("value") + 1, "error")
    return pd.DataFrame(kept, columns=columns)


def _row(first: dict[str, Any], found: CrossValidation, comparison: Comparison) -> dict[str, Any]:
    ids = [run.id for run in found.runs]
    scores = [float(comparison.measures[run_id]) for run_id in ids]
    fields = {k: v for k, v in found.config.to_dict().items() if k not in ("fold", "fold_seed")}
    name = page.one_line(run_parts.config_name(found.config.experiment, fields), _NAME)
    seeds = {run.seed for run in found.runs}
    letters = [g.letter for g in comparison.groups if not set(g.run_ids).isdisjoint(ids)]
    return {
        "hue": first["hue"],
        "group": f"{letters[0]}–{letters[-1]}" if len(letters) > 1 else letters[0],
        "name": f"{name} · mean of {folds_text(found.folds, found.repeats)}",
        "n": len(seeds),
        "value": math.fsum(scores) / len(scores),
        "error": sd_over_folds(scores, found.folds) / math.sqrt(found.folds),
        "seed": seeds.pop() if len(seeds) == 1 else None,
        "status": sorted({str(run.status) for run in found.runs}),
    }
