"""The sealed test set: looked at once for a run, when a person asks, and remembered."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from mlcore.core import InputError, RunStateError
from mlcore.runs.status import Status
from mlcore.runs.store.damage import json_of
from mlcore.runs.store.people import LOCAL_PERSON, LONGEST
from mlcore.runs.store.schema import openings, runs

if TYPE_CHECKING:
    from mlcore.runs.recorded_run import Run
    from mlcore.runs.store.store import Store

_NAMED: Final = 3
_MOST_METRICS: Final = 100


@dataclass(frozen=True, slots=True)
class Opening:
    """One look of one run at its test set.

    Attributes:
        run_id: The run.
        sweep_id: The sweep whose winner it was, or None.
        data: Checksum of the data set; openings of one test set share it.
        person: Who asked.
        opened: When (UTC).
        trials: Among how many trials the run had been chosen, without the test set; 1 if none.
        metrics: What was measured, such as ``test_accuracy``.
    """

    run_id: str
    sweep_id: str | None
    data: str
    person: str
    opened: datetime
    trials: int
    metrics: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """The opening as JSON values, as exports hold it; ``opening_row`` reads it."""
        return {
            "sweep": self.sweep_id,
            "data": self.data,
            "person": self.person,
            "opened": self.opened.isoformat(),
            "trials": self.trials,
            "metrics": {n: v if math.isfinite(v) else str(v) for n, v in self.metrics.items()},
        }

    def sentence(self) -> str:
        """The opening in words."""
        accuracy = self.metrics.get("test_accuracy")
        found = "" if accuracy is None else f" test accuracy {accuracy:.2%};"
        chosen = (
            f"chosen by validation among {self.trials} trials"
            if self.sweep_id is not None
            else "a single run"
        )
        return (
            f"Examined on the test set:{found} {chosen}, asked by {self.person} on "
            f"{self.opened:%Y-%m-%d %H:%M} UTC."
        )


def examine(
    run: Run, *, person: str = LOCAL_PERSON, sweep_id: str | None = None, trials: int = 1
) -> Opening:
    """Evaluate a run's weights on the test set that it did not look at, and write down that it was.

    A second call gives what the first one found and opens nothing.

    Args:
        run: Finished, of a config with a validation split.
        person: Who asks.
        sweep_id: The sweep whose winner it is.
        trials: Among how many trials it was chosen.

    Raises:
        RunStateError: If the run is not finished, or has looked at the test set while it trained.
        ValueError: If the name of the person is empty or too long.

    Example:
        >>> import mlcore
        >>> from mlcore.runs.test_set import examine
        >>> config = mlcore.MNISTConfig(
        ...     train_size=300, validation_size=100, hidden=(8,), epochs=1, seed=7)
        >>> opening = examine(mlcore.run(config), person="Ada")
        >>> print(opening.person, opening.trials, sorted(opening.metrics))
        Ada 1 ['test_accuracy', 'test_loss']
    """
    if not 0 < len(person) <= LONGEST:
        raise InputError(f"person has {len(person)} characters; give 1 to {LONGEST}.")
    found = opening_of(run.store, [run.id]).get(run.id)
    if found is not None:
        return found
    if run.status != Status.FINISHED:
        raise RunStateError(
            f"Run {run.id} is {run.status}: only a finished run can be examined on the test set."
        )
    if run.source is not None or not run.config.sealed():
        raise RunStateError(
            f"Run {run.id} has no sealed test set: its config holds out no validation data "
            "(validation_size is 0), so what it measured was measured on the test set."
        )
    row = {
        "run": run.key,
        "sweep": sweep_id,
        "data": run.config.data_checksum(),
        "person": person,
        "opened": round(time.time(), 6),  # as exactly as exports tell it
        "trials": trials,
        "metrics": json.dumps(dict(run.config.test_metrics(run.model()))),
    }
    try:
        with run.store.writing() as connection:
            connection.execute(insert(openings).values(**row))
    except IntegrityError:  # another tab was quicker
        pass
    return opening_of(run.store, [run.id])[run.id]


def opening_row(told: object) -> dict[str, Any]:
    """The columns of an opening that an export told (``Opening.to_dict``), but for its run.

    Args:
        told: Of a foreign file: any JSON value.

    Raises:
        ValueError: If it is no opening; the text says why.
    """
    if not isinstance(told, dict):
        raise InputError("it is no JSON object")
    texts = {name: told.get(name) for name in ("data", "person", "opened")}
    for name, value in texts.items():
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST or "\0" in value:
            raise InputError(f"its {name} is no text of 1 to {LONGEST} characters")
    sweep, trials, metrics = (told.get(name) for name in ("sweep", "trials", "metrics"))
    if sweep is not None and not (isinstance(sweep, str) and sweep.isalnum() and len(sweep) <= 32):
        raise InputError("its sweep is no id")
    if type(trials) is not int or not 0 < trials < 2**31:
        raise InputError("its trials are no whole number from 1")
    if not isinstance(metrics, dict) or len(metrics) > _MOST_METRICS:
        raise InputError(f"its metrics are no JSON object of at most {_MOST_METRICS}")
    try:
        moment = datetime.fromisoformat(str(texts["opened"]))
        opened = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        values = {name[:LONGEST]: float(value) for name, value in metrics.items()}
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"it cannot be read: {error}") from None
    return {**texts, "opened": opened, "sweep": sweep, "trials": trials} | {
        "metrics": json.dumps(values)
    }


def opening_of(store: Store, run_ids: Iterable[str]) -> dict[str, Opening]:
    """The openings of runs by their ids; runs whose test set is still sealed are left out.

    Example:
        >>> import mlcore
        >>> from mlcore.runs.test_set import opening_of
        >>> opening_of(mlcore.open_store(), ["nosuchid"])
        {}
    """
    query = (
        select(openings, runs.c.id.label("run_id"))
        .join(runs, runs.c.key == openings.c.run)
        .where(runs.c.id.in_(list(run_ids)))
    )
    with store.reading() as connection:
        rows = connection.execute(query).all()
    return {
        row.run_id: Opening(
            run_id=row.run_id,
            sweep_id=row.sweep,
            data=row.data,
            person=row.person,
            opened=datetime.fromtimestamp(row.opened, UTC),
            trials=row.trials,
            metrics=json_of(row.metrics, dict, "metrics", f"run {row.run_id}"),
        )
        for row in rows
    }


def times_opened(store: Store, data: str) -> int:
    """How often a data set's sealed test set was opened, by any run in this store.

    An opening that was imported counts, but once, also beside the run that it was exported from.

    Args:
        store: Where the openings are.
        data: Checksum of the data set.

    Example:
        >>> import mlcore
        >>> from mlcore.runs.test_set import times_opened
        >>> times_opened(mlcore.open_store(), "no data has this checksum")
        0
    """
    moments = func.count(openings.c.opened.distinct())
    query = select(moments).where(openings.c.data == data)
    with store.reading() as connection:
        return int(connection.execute(query).scalar_one())


def opened_words(times: int) -> str:
    """How often a test set was opened, as a sentence.

    Example:
        >>> from mlcore.runs.test_set import opened_words
        >>> opened_words(2)
        'This test set was opened 2 times in this store.'
    """
    if not times:
        return "The test set is sealed: no run in this store has opened it."
    return f"This test set was opened {times} {'time' if times == 1 else 'times'} in this store."


def test_set_words(store: Store, compared: Iterable[Run]) -> list[str]:
    """What is to be said of runs that are compared and their test set, in whole sentences.

    Example:
        >>> import mlcore
        >>> from mlcore.runs.test_set import test_set_words
        >>> run = mlcore.run(mlcore.MNISTConfig(train_size=300, hidden=(8,), epochs=1))
        >>> print(test_set_words(mlcore.open_store(), [run])[0].replace(run.id, "ID"))
        Chosen on test: run ID looked at the test set while it trained.
    """
    found = list(compared)
    seen = [run.id for run in found if "test_accuracy" in run.last]
    sealed = [run for run in found if run.id not in seen and "validation_accuracy" in run.last]
    said = []
    if seen:
        word = "runs" if len(seen) > 1 else "run"
        named = ", ".join(seen[:_NAMED]) + f" and {len(seen) - _NAMED} more" * (len(seen) > _NAMED)
        each = "they" if len(seen) > 1 else "it"
        said.append(f"Chosen on test: {word} {named} looked at the test set while {each} trained.")
    said += [one.sentence() for one in opening_of(store, [run.id for run in sealed]).values()]
    data = {str(run.environment["data"]) for run in sealed if "data" in run.environment}
    times = sum(times_opened(store, one) for one in data)
    if sealed:
        said.append(opened_words(times))
    return said
