"""The page *Generalization* in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import DashboardServer

pytestmark = pytest.mark.browser


def test_keys_move_the_degree_and_the_fit_follows(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    tab.goto(f"{dashboard_server.url}/generalization?degree=3")
    expect(tab.get_by_text("Degree 3 underfits")).to_be_visible()
    line = tab.locator(".st-key-picture-gen-fit svg g.mark-line path").nth(1)
    before = line.get_attribute("d")
    assert before

    tab.get_by_role("slider", name="Degree").press("ArrowRight")

    expect(tab.get_by_text("Degree 4 underfits")).to_be_visible()
    expect(line).not_to_have_attribute("d", before)
    expect(tab).to_have_url(re.compile("degree=4"))


def test_ridge_flattens_the_peak_of_double_descent(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    tab.goto(f"{dashboard_server.url}/generalization?tab=Double descent&width=1")

    expect(tab.get_by_text("It peaks at width 40")).to_be_visible()
    expect(tab.locator(".st-key-picture-gen-descent svg g.mark-rule")).not_to_have_count(0)
    expect(tab.get_by_text("they agree")).to_be_visible()
