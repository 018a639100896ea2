"""A store that cannot be opened: every page says so in a sentence, and nothing is lost."""

from pathlib import Path

import pytest
from sqlalchemy import update

from mlcore import MNISTConfig
from mlcore.runs.store.schema import runs
from mlcore.runs.store.store import Store
from tests.pages.conftest import Open


@pytest.mark.parametrize(
    ("page", "params"),
    [
        ("pages/home.py", {}),
        ("pages/mnist.py", {"tab": "Train"}),
        ("pages/mnist.py", {"tab": "Predictions"}),
        ("pages/runs.py", {}),
        ("pages/compare.py", {"runs": "abc"}),
        ("pages/sweeps.py", {}),
        ("pages/sweeps.py", {"sweep": "abc"}),
    ],
)
def test_a_store_that_is_no_database_is_named_in_a_sentence(
    broken_store: Path, open_page: Open, page: str, params: dict[str, str]
) -> None:
    before = broken_store.read_bytes()

    at = open_page(page, **params)

    sentences = [error.value.replace("\\", "") for error in at.error]
    assert sentences
    assert all(broken_store.name in sentence for sentence in sentences)
    assert broken_store.read_bytes() == before


@pytest.mark.parametrize(
    ("column", "value"), [("status", "sleeping"), ("config", "{"), ("latest", "")]
)
@pytest.mark.parametrize("page", ["home", "mnist", "runs", "compare", "sweeps", "draw", "inside"])
def test_a_damaged_row_is_named_in_a_sentence(
    empty_store: Store, open_page: Open, page: str, column: str, value: str
) -> None:
    run = empty_store.submit(MNISTConfig())
    with empty_store.writing() as connection:
        connection.execute(update(runs).values({column: value}))

    params = {"tab": "Train", "runs": run.id} if page in ("mnist", "compare") else {}
    at = open_page(f"pages/{page}.py", **params)

    sentences = [error.value.replace("\\", "") for error in at.error]
    if page in ("home", "mnist", "runs", "compare"):
        assert sentences
    assert all(f"of run {run.id} is" in sentence for sentence in sentences)


def test_a_damaged_run_is_named_beside_the_healthy_ones(
    empty_store: Store, open_page: Open
) -> None:
    damaged, healthy = (empty_store.submit(MNISTConfig(seed=seed)) for seed in (0, 1))
    with empty_store.writing() as connection:
        mine = update(runs).where(runs.c.id == damaged.id)
        connection.execute(mine.values(status="sleeping"))

    at = open_page("pages/runs.py", run=healthy.id)

    (error,) = at.error
    assert f"of run {damaged.id} is" in error.value.replace("\\", "")
    assert any("**1** run" in text.value for text in at.markdown)


def test_a_click_on_start_is_answered_with_a_sentence_too(
    broken_store: Path, open_page: Open
) -> None:
    at = open_page()

    at.button(key="home.start.button").click().run()

    assert not at.exception
    assert broken_store.name in at.error[0].value
