"""The whole path of a person: start a run, watch it, leave, come back, stop, resume, again."""

import re
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Page, expect

from mlcore import MNISTConfig
from mlcore.runs.store.store import open_store
from tests.e2e.conftest import DashboardServer
from tests.e2e.settling import FINISHED_MS, Asked, badge, runs_held
from tests.forked import ForkServer
from tests.waiting import until

pytestmark = pytest.mark.browser


def drawn_points(tab: Page) -> int:
    """Points of the longest curve on the page."""
    count: int = tab.evaluate(
        """() => Math.max(0, ...[...document.querySelectorAll('g.mark-line path')].map(
            path => ((path.getAttribute('d') || '').match(/L/g) || []).length + 1))"""
    )
    return count


def wait_for_more_points(tab: Page, than: int) -> int:
    tab.wait_for_function(
        """than => [...document.querySelectorAll('g.mark-line path')].some(
            path => ((path.getAttribute('d') || '').match(/L/g) || []).length + 1 > than)""",
        arg=than,
        timeout=FINISHED_MS,
    )
    return drawn_points(tab)


def test_a_run_survives_reload_stop_and_resume_and_answers_from_the_cache(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    tab.goto(f"{dashboard_server.url}/mnist?tab=Train&epochs=12&train_size=6000")
    tab.get_by_role("button", name="Start training").click()
    with runs_held(dashboard_server, 0.2):
        expect(badge(tab, "running")).to_be_visible()
        expect(tab).to_have_url(re.compile(r"runs=\w+"))
        seen = wait_for_more_points(tab, 2)

        tab.reload()
        expect(badge(tab, "running")).to_be_visible()
        expect(tab.get_by_label("Epochs, exactly")).to_have_value("12")
    with runs_held(dashboard_server, 0.5) as run:
        wait_for_more_points(tab, seen)
        # while a page runs, Streamlit shows a button Stop of its own above it
        main = tab.get_by_test_id("stMainBlockContainer")
        main.get_by_role("button", name="Stop").first.click()
        until(lambda: run.refresh().request == "stop")
    expect(badge(tab, "stopped")).to_be_visible(timeout=FINISHED_MS)
    held = drawn_points(tab)

    tab.get_by_role("button", name="Resume").click()
    wait_for_more_points(tab, held)
    expect(badge(tab, "finished")).to_be_visible(timeout=FINISHED_MS)
    expect(tab.get_by_role("button", name="Resume")).to_have_count(0)

    expect(badge(tab, "cached")).to_have_count(0)
    tab.get_by_role("button", name="Start training").click()
    expect(badge(tab, "cached")).to_be_visible()
    store = open_store(dashboard_server.store)
    config = MNISTConfig(epochs=12, train_size=6000)
    [run] = [run for run in store.list() if run.config == config]
    assert run.status == "finished"
    store.close()


def test_home_starts_the_course_run_and_shows_it_live(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    tab.goto(dashboard_server.url)
    tab.get_by_role("button", name="Train the course's network").click()

    expect(tab.locator("h1")).to_have_text("MNIST")
    expect(badge(tab, "finished")).to_be_visible(timeout=FINISHED_MS)
    expect(tab.get_by_text("test accuracy 8").first).to_be_visible()

    menu = tab.get_by_test_id("stSidebarNavItems")
    menu.get_by_role("link", name="Home").click()
    expect(tab.get_by_role("link", name="Open").first).to_be_visible()
    tab.get_by_role("button", name="Train the course's network").click()
    expect(badge(tab, "cached")).to_be_visible()


def test_the_worker_that_was_started_ahead_takes_the_first_run(
    tmp_path: Path, ports: tuple[int, int], fork_server: ForkServer, tab: Page
) -> None:
    server = DashboardServer(tmp_path, ports[1], fork_server, {"MLCORE_SPARE_WORKER": "1"})
    server.start()
    try:
        tab.goto(server.url)
        until(lambda: server.workers() != [])
        tab.goto(f"{server.url}/mnist?tab=Train&epochs=1")
        expect(tab.get_by_role("button", name="Start training")).to_be_visible()
        (spare,) = server.workers()

        tab.get_by_role("button", name="Start training").click()
        expect(badge(tab, "finished")).to_be_visible(timeout=FINISHED_MS)

        assert server.workers() == [spare]
    finally:
        server.close()


def test_a_finished_run_is_no_longer_asked_for(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    store = open_store(dashboard_server.store)
    finished = store.submit(MNISTConfig(train_size=512, epochs=1))
    finished.wait(FINISHED_MS / 1000)
    store.close()
    asked = Asked(tab)
    tab.goto(f"{dashboard_server.url}/mnist?tab=Train&runs={finished.id}")
    expect(badge(tab, "finished")).to_be_visible()
    asked.wait_for_silence()


def test_the_home_page_never_waits_for_torch(
    tmp_path: Path, ports: tuple[int, int], tab: Page
) -> None:
    server = DashboardServer(tmp_path, ports[1])  # a forked one has torch from birth
    server.start()
    try:
        tab.goto(server.url)
        expect(tab.get_by_text("No run yet")).to_be_visible()

        loaded = {region.path for region in psutil.Process(server.pid).memory_maps()}
    finally:
        server.close()

    assert not [path for path in loaded if "libtorch" in path]
