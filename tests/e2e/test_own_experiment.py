"""The whole path of an experiment of one's own: written, run on its page, edited, run again."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mlcore.cli import main
from mlcore.runs import Status
from mlcore.runs.store.store import open_store
from tests.e2e.conftest import DashboardServer
from tests.e2e.settling import FINISHED_MS, badge
from tests.forked import ForkServer

pytestmark = pytest.mark.browser


@pytest.fixture
def server(
    tmp_path: Path, ports: tuple[int, int], fork_server: ForkServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DashboardServer]:
    """A dashboard in a folder in which ``mlcore new spiral`` was called."""
    monkeypatch.chdir(tmp_path)
    assert main(["new", "spiral"]) == 0
    server = DashboardServer(tmp_path, ports[1], fork_server, cwd=tmp_path)
    server.start()
    yield server
    server.close()


def test_new_start_edit_start(server: DashboardServer, tab: Page, tmp_path: Path) -> None:
    tab.goto(f"{server.url}/experiment-spiral?steps=40")
    expect(tab.get_by_role("heading", name="spiral", exact=True)).to_be_visible()
    expect(tab.get_by_role("dialog")).to_have_count(0)
    expect(tab.get_by_text("Your experiments")).to_be_visible()
    start = tab.get_by_role("button", name="Start", exact=True)
    start.click()
    expect(badge(tab, "finished")).to_be_visible(timeout=FINISHED_MS)
    expect(tab.locator("g.mark-line path").first).to_be_visible()
    expect(tab.get_by_text("step 40 of 40")).to_be_visible()

    file = tmp_path / "experiments" / "spiral.py"
    file.write_text(file.read_text().replace("lr=self.lr", "lr=self.lr / 2"))
    start.click()
    badges = tab.locator(".stMarkdownBadge")
    expect(badges.get_by_text("finished")).to_have_count(2, timeout=FINISHED_MS)
    expect(badge(tab, "code changed since")).to_be_visible()
    new, old = open_store(server.store).list()
    assert new.status == old.status == Status.FINISHED
    assert new.config_fields == old.config_fields
    assert (old.code_changed(), new.code_changed()) == (True, False)
    assert new.latest()["train_loss"] > old.latest()["train_loss"]
