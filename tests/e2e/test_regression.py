"""The regression page in a real browser: scrub, click, upload, three rates, race."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.e2e.conftest import DashboardServer
from tests.e2e.settling import FINISHED_MS, Asked, Recorded, badge, settle, settled_box

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def usual(dashboard_server: DashboardServer, window: BrowserContext) -> Iterator[Page]:
    """The page as it opens without parameters, for tests that do not mind the others' clicks."""
    tab = window.new_page()
    open_views(tab, dashboard_server)
    yield tab
    tab.close()


def open_views(tab: Page, server: DashboardServer, query: str = "") -> Locator:
    tab.goto(f"{server.url}/regression{query}")
    views = tab.locator(".views")
    expect(views.locator("output")).to_contain_text("loss")
    return views


def click_at(view: Locator, right: float, down: float) -> None:
    """Click a canvas at a part of its width and height."""
    box = settled_box(view)
    view.click(position={"x": right * box["width"], "y": down * box["height"]})


def test_scrubbing_moves_all_views_without_a_word_to_the_server(
    tab: Page, dashboard_server: DashboardServer
) -> None:
    asked = Asked(tab)
    views = open_views(tab, dashboard_server)
    expect(views.locator("output")).to_contain_text("step 1,000 · loss 112.615")
    slider = views.get_by_role("slider", name="Step")

    def scrub() -> None:
        slider.fill("3")
        expect(views.locator("output")).to_contain_text("step 3 · loss 199.")
        for view in ("data", "surface", "slice", "loss"):
            canvas = views.locator(f"[data-view={view}] canvas")
            expect(canvas).to_have_attribute("aria-label", re.compile("step 3"))
        slider.press("ArrowLeft")
        expect(views.locator("output")).to_contain_text("step 2 ·")

    asked.expect_nothing_sent(scrub)


def test_play_runs_to_the_last_step(tab: Page, dashboard_server: DashboardServer) -> None:
    views = open_views(tab, dashboard_server, "?steps=20")
    settle(tab)
    names = Recorded(views.locator("button.play"), "aria-label")
    steps = Recorded(views, "data-step")
    views.get_by_role("button", name="Play").click()
    names.wait_until(lambda seen: seen == ["Play", "Pause", "Play"])
    expect(views.locator("output")).to_contain_text("step 20 ·")
    moved = [int(step) for step in steps.values()[1:]]
    assert (moved[0], moved[-1]) == (0, 20)
    assert moved == sorted(moved)


def test_a_click_on_the_surface_is_the_new_start_and_stands_in_the_url(usual: Page) -> None:
    views = usual.locator(".views")
    click_at(views.locator("[data-view=surface] canvas"), 0.4, 0.3)
    expect(usual).to_have_url(re.compile("start_w=.*start_b="))
    back = usual.get_by_role("button", name=re.compile(r"Reset the start .* to \(0, 0\)"))
    expect(back).to_be_visible()
    views.get_by_role("slider", name="Step").fill("0")
    expect(views.locator("output")).not_to_contain_text("w 0 ·")


def test_clicks_on_the_data_add_and_remove_points_and_can_be_undone(usual: Page) -> None:
    views = usual.locator(".views")
    canvas = views.locator("[data-view=data] canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("^100 points"))
    click_at(canvas, 0.9, 0.7)
    expect(canvas).to_have_attribute("aria-label", re.compile("^101 points"))
    click_at(canvas, 0.9, 0.7)
    expect(canvas).to_have_attribute("aria-label", re.compile("^100 points"))
    expect(usual).to_have_url(re.compile("points="))
    usual.get_by_role("button", name="Undo 2 edits").click()
    expect(usual).not_to_have_url(re.compile("points="))


def test_too_small_best_and_too_large_start_at_one_point(usual: Page) -> None:
    views = usual.locator(".views")
    usual.get_by_role("button", name="Too small · best · too large").click()
    for label in ("too small", "best", "too large"):
        expect(views.get_by_role("button", name=re.compile(f"^{label} η = "))).to_be_visible()
    settle(usual)
    losses = {}
    views.get_by_role("slider", name="Step").fill("100")
    for label in ("too small", "best", "too large"):
        chip = views.get_by_role("button", name=re.compile(f"^{label} η = "))
        chip.click()
        expect(chip).to_have_attribute("aria-pressed", "true")
        losses[label] = views.locator("output").inner_text().split("·")[1]
    assert len(set(losses.values())) == 3


def test_a_csv_of_ones_own_is_read_and_fitted(
    tab: Page, dashboard_server: DashboardServer, tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("who;hours;score\nAnn;1;3\nBob;2;5\nCem;;7\nDua;4;9\n")
    open_views(tab, dashboard_server)
    tab.get_by_role("combobox", name="Data").click()
    tab.get_by_role("option", name="My own CSV").click()
    tab.locator("input[type=file]").set_input_files(path)
    expect(tab.get_by_text("1 row with an empty cell was left out.")).to_be_visible()
    canvas = tab.locator("[data-view=data] canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("^3 points of score against hours"))


def test_a_bad_csv_is_answered_with_a_sentence(
    tab: Page, dashboard_server: DashboardServer, tmp_path: Path
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("name,colour\nAnn,red\nBob,blue\n")
    tab.goto(f"{dashboard_server.url}/regression?data=csv")
    tab.locator("input[type=file]").set_input_files(path)
    expect(tab.get_by_text("has 0 column(s) of numbers; two are needed")).to_be_visible()
    expect(tab.locator(".stException")).to_have_count(0)


def test_a_link_to_a_cold_server_brings_settings_back(
    tab: Page, fresh_server: DashboardServer
) -> None:
    views = open_views(tab, fresh_server, "?lr=0.0005&steps=50&model=origin")
    expect(tab.get_by_text("Divergent:", exact=True)).to_be_visible()
    expect(views.get_by_role("button", name="yours η = 5e−4")).to_be_visible()


def test_the_race_restarts_where_it_is_clicked(
    tab: Page, dashboard_server: DashboardServer
) -> None:
    tab.goto(f"{dashboard_server.url}/optimizers")
    canvas = tab.locator("[data-view=race] canvas")
    expect(canvas).to_have_attribute("aria-label", re.compile("step 500"))
    click_at(canvas, 0.8, 0.4)
    expect(tab).to_have_url(re.compile("race.himmelblau.x="))
    # the new race, once it is there, is shown at its end, whatever was scrubbed before
    settle(tab)
    expect(canvas).to_have_attribute("aria-label", re.compile("step 500"))
    tab.locator(".views").get_by_role("slider", name="Step").fill("0")
    expect(canvas).to_have_attribute("aria-label", re.compile("step 0;"))


def test_a_recorded_run_finishes_and_is_overlaid(
    tab: Page, dashboard_server: DashboardServer
) -> None:
    tab.goto(f"{dashboard_server.url}/regression?tab=As+a+run&steps=30")
    tab.get_by_role("button", name="Record this run").click()
    expect(badge(tab, "finished")).to_be_visible(timeout=FINISHED_MS)
    expect(tab.get_by_text("Recorded runs")).to_be_visible()
