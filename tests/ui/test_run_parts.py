"""What is said of a run, in words."""

from dataclasses import replace

import pytest

from mlcore import MNISTConfig, Run
from mlcore.runs import Status
from mlcore.runs.store.store import Store
from mlcore.ui import run_parts


@pytest.fixture
def run(store: Store) -> Run:
    return store.submit(MNISTConfig())


def test_a_run_is_called_by_its_preset(run: Run) -> None:
    assert run_parts.name_of(run) == "course"


def test_a_run_is_called_by_what_it_changes(store: Store) -> None:
    run = store.submit(MNISTConfig(hidden=(32, 16), lr=0.5, nesterov=True))
    assert run_parts.name_of(run) == "hidden 32, 16, lr 0.5, nesterov true"
    searched = store.submit(MNISTConfig(lr=0.048198760892585))
    assert run_parts.name_of(searched) == "lr 0.0482"


def test_a_run_close_to_a_preset_is_called_by_it_and_the_change(store: Store) -> None:
    run = store.submit(MNISTConfig.presets["99 % CNN"].replace(epochs=2, seed=3))
    assert run_parts.name_of(run) == "99 % CNN, epochs 2, seed 3"


@pytest.mark.parametrize(
    "strange", [{"experiment": "no_such_module:Thing"}, {"config_fields": {"lr": -1}}]
)
def test_a_run_whose_config_is_not_known_here_is_called_by_its_experiment(
    run: Run, strange: dict[str, object]
) -> None:
    found = replace(run, **strange)  # type: ignore[arg-type]  # two of its fields
    assert run_parts.config_of(found) is None
    assert run_parts.name_of(found) == found.experiment


def test_runs_of_one_name_are_told_apart_by_id(run: Run) -> None:
    twin = replace(run, id="twin")
    other = replace(run, id="other", config_fields={**run.config_fields, "seed": 3})
    assert run_parts.labels_of([run, twin, other]) == {
        run.id: f"course · {run.id}",
        "twin": "course · twin",
        "other": "seed 3",
    }


def test_labels_leave_out_what_all_runs_share(store: Store) -> None:
    widths = MNISTConfig(hidden=(32, 16), lr=0.5)
    one, two = store.submit(widths), store.submit(widths.replace(hidden=(64, 16)))
    assert run_parts.labels_of([one, two]) == {one.id: "hidden 32, 16", two.id: "hidden 64, 16"}
    assert run_parts.labels_of([one]) == {one.id: "hidden 32, 16, lr 0.5"}


def test_progress_says_steps_speed_and_time_left(run: Run) -> None:
    running = replace(
        run,
        status=Status.RUNNING,
        step=118,
        done=118.0,
        total=354.0,
        elapsed=2.0,
        last={"samples_per_second": 12345.6, "test_accuracy": 0.8873},
    )
    assert run_parts.progress_text(running) == (
        "step 118 of 354 · 12,346 samples/s · 4.0 s left · test accuracy 88.73%"
    )
    assert run_parts.progress_text(run) == "Waiting for a worker…"
    finished = replace(running, status=Status.FINISHED, step=354, done=354.0)
    assert run_parts.progress_text(finished) == (
        "step 354 of 354 · 2.0 s of work · test accuracy 88.73%"
    )


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (9.9, "9.9 s"), (42.4, "42 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_durations_are_said_as_a_person_would(seconds: float, said: str) -> None:
    assert run_parts.duration(seconds) == said
