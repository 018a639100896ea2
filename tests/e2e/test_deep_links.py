"""A page that is reached by a cold link is the whole dashboard.

Which page that is makes no difference to a fresh server, so the first and the last stand for all;
``test_accessibility.py`` opens every page by a link with parameters.
"""

import pytest
from playwright.sync_api import Page, expect

from mlcore.ui import navigation
from tests.e2e.conftest import DashboardServer
from tests.e2e.settling import Recorded, expect_whole_dashboard, settle

pytestmark = pytest.mark.browser

CHAPTERS = navigation.chapters()


@pytest.mark.parametrize("chapter", [CHAPTERS[0], CHAPTERS[-1]], ids=lambda chapter: chapter.file)
def test_cold_deep_link_with_parameters_shows_the_whole_dashboard(
    fresh_server: DashboardServer, tab: Page, chapter: navigation.Chapter
) -> None:
    tab.goto(f"{fresh_server.url}/{chapter.file}?seed=7")

    expect_whole_dashboard(tab, chapter.title)
    assert "seed=7" in tab.url


def test_cold_link_to_the_file_of_home_shows_home(fresh_server: DashboardServer, tab: Page) -> None:
    tab.goto(f"{fresh_server.url}/home")

    expect_whole_dashboard(tab, "Home")


@pytest.mark.parametrize("chapter", CHAPTERS[-1:], ids=lambda chapter: chapter.file)
def test_restart_under_an_open_tab_shows_the_whole_dashboard(
    fresh_server: DashboardServer, tab: Page, chapter: navigation.Chapter
) -> None:
    tab.goto(f"{fresh_server.url}/{chapter.file}?seed=7")
    expect_whole_dashboard(tab, chapter.title)
    tab.evaluate("window.notReloaded = true")
    states = Recorded(tab.get_by_test_id("stApp"), "data-test-connection-state")

    fresh_server.restart()

    states.wait_until(lambda seen: len(set(seen)) > 1 and seen[-1] == seen[0])
    settle(tab)
    expect(tab.get_by_test_id("stConnectionStatus")).to_have_count(0)
    expect_whole_dashboard(tab, chapter.title)
    assert tab.evaluate("window.notReloaded")
    assert "seed=7" in tab.url
