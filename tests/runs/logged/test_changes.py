"""``run.update``: what a script changes of its run after it began is stored."""

from __future__ import annotations

import pytest

import mlcore
from mlcore.core import InputError
from mlcore.runs import Store
from mlcore.runs.store.run_table import run_table
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("store")


def test_config_name_tags_and_note_are_stored_while_the_loop_goes_on(store: Store) -> None:
    with mlcore.start_run("loop", {"lr": 0.1, "net": {"width": 3, "depth": 1}}) as run:
        assert run_table(store)["config.lr"].tolist() == [0.1]
        before = run.read()
        run.update({"net": {"width": 4}, "seed": 7}, name="n", tags=["a", "a", "b"], note="why")
        until(lambda: run.read().name == "n")
        table = run_table(store)
        assert (table["config.net.width"].item(), table["name"].item()) == (4, "n")
        run.update({"lr": 0.2})
    done = run.read()
    assert done.config_fields == {"lr": 0.2, "net.width": 4, "seed": 7}
    assert (done.name, done.tags, done.note, done.seed) == ("n", ("a", "b"), "why", 7)
    assert done.fingerprint != before.fingerprint


def test_what_cannot_be_stored_is_said_and_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with mlcore.start_run("loop", {"lr": 0.1}, strict=True) as strict:
        with pytest.raises(InputError, match="NUL"):
            strict.update(name="a\0")
        with pytest.raises(InputError, match="JSON cannot hold"):
            strict.update({"data": object()})
    with mlcore.start_run("loop", {"lr": 0.1}) as run:
        run.update("lr")
    assert run.read().config_fields == strict.read().config_fields == {"lr": 0.1}
    assert "config is 'lr'" in caplog.text
    run.update(name="late")
    assert "has ended, so update records nothing more" in caplog.text
