"""The path of a person through a sweep: start, watch, stop, extend, brush, leave and come back."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from mlcore.runs.store.store import open_store
from mlcore.sweeps import LinearRange, LogRange, Sweep, list_sweeps
from tests.e2e.conftest import DashboardServer
from tests.e2e.settling import FINISHED_MS, Asked, badge, runs_held, settle, settled_box
from tests.waiting import until

pytestmark = pytest.mark.browser

SLOW = (
    "?model=linear&loss=cross_entropy&epochs=5&train_size=6000&range.lr=log%3A0.01%3A1&settings=8"
)
"""Eight rates of a network that learns long enough to be stopped in its midst."""
QUICK = (
    "?experiment=Regression&standardize=true&steps=50&sampler=random&settings=10"
    "&range.lr=log%3A0.01%3A1&range.start_w=lin%3A-5%3A5"
)


def newest(server: DashboardServer) -> Sweep:
    store = open_store(server.store)
    return list_sweeps(store, limit=1)[0]


def points(tab: Page) -> Locator:
    """The points of the first scatter."""
    return tab.get_by_test_id("stVegaLiteChart").first.locator("g.mark-symbol path")


@pytest.fixture(scope="module")
def start(dashboard_server: DashboardServer, window: BrowserContext) -> Iterator[Page]:
    """The page without a sweep, opened once for the tests of the form."""
    tab = window.new_page()
    tab.goto(f"{dashboard_server.url}/sweeps")
    yield tab
    tab.close()


@pytest.fixture(scope="module")
def quick(
    dashboard_server: DashboardServer, window: BrowserContext
) -> Iterator[tuple[Page, Asked]]:
    """The page on which a quick sweep was started and came to its end."""
    tab = window.new_page()
    asked = Asked(tab)
    tab.goto(f"{dashboard_server.url}/sweeps{QUICK}")
    tab.get_by_role("button", name="Start the sweep").click()
    expect(badge(tab, "finished")).to_be_visible(timeout=FINISHED_MS)
    yield tab, asked
    tab.close()


def test_eight_rates_are_swept_watched_stopped_extended_and_found_again(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    tab.goto(f"{dashboard_server.url}/sweeps{SLOW}")
    expect(tab.get_by_text("8 runs").first).to_be_visible()
    tab.get_by_role("button", name="Start the sweep").click()
    with runs_held(dashboard_server, 0.4):
        expect(badge(tab, "running")).to_be_visible()
        some = re.compile("[0-7] of 8 runs done · [1-8] running")
        expect(tab.get_by_text(some)).to_be_visible()
        curve = tab.locator("g.mark-line path").first
        expect(curve).to_have_attribute("d", re.compile("L.*L"))
        # while a page runs, Streamlit shows a button Stop of its own above it
        tab.get_by_test_id("stMainBlockContainer").get_by_role("button", name="Stop").click()
        until(lambda: newest(dashboard_server).status == "stopped")
    expect(badge(tab, "stopped")).to_be_visible(timeout=FINISHED_MS)
    sweep = newest(dashboard_server)
    expect(tab).to_have_url(re.compile(f"sweep={sweep.id}"))
    assert sweep.status == "stopped"

    tab.reload()
    expect(badge(tab, "stopped")).to_be_visible()
    tab.get_by_role("button", name="Resume").click()
    with runs_held(dashboard_server):
        expect(badge(tab, "running")).to_be_visible()
    dashboard_server.restart()  # under the open tab, and runs go on meanwhile
    expect(badge(tab, "finished")).to_be_visible(timeout=FINISHED_MS)
    expect(tab.get_by_text("8 of 8 runs done").first).to_be_visible()

    other = tab.context.new_page()
    other.goto(f"{dashboard_server.url}/sweeps?sweep={sweep.id}")
    expect(badge(other, "finished")).to_be_visible()
    expect(points(other)).to_have_count(9)  # a ring around the best
    frame = sweep.refresh().frame()
    assert (frame["status"] == "finished").all()
    best = frame.sort_values(sweep.objectives[0].metric).iloc[-1]["run"]
    other.get_by_role("link", name="Open").click()
    expect(other.locator("h1")).to_have_text("Compare")
    expect(other).to_have_url(re.compile(f"runs={best}"))
    other.close()


def test_a_finished_sweep_is_no_longer_asked_for(quick: tuple[Page, Asked]) -> None:
    _, asked = quick
    asked.wait_for_silence()


def test_axes_are_brushed_and_the_search_narrowed_while_it_runs(
    dashboard_server: DashboardServer, quick: tuple[Page, Asked]
) -> None:
    tab, _ = quick
    lines = tab.locator(".brush .lines path")
    expect(lines).to_have_count(10)
    mark = tab.locator(".brush .mark").first
    tab.locator(".brush .zone").first.press("ArrowUp")
    expect(mark).to_be_visible()
    tab.locator(".brush .zone").first.press("Delete")
    expect(mark).to_be_hidden()
    expect(tab.locator(".brush .lines path.out")).to_have_count(0)

    for axis, low, high in (("Learning rate η", 0.5, 0.98), ("Start w", 0.02, 0.8)):
        zone = tab.locator(f'.brush .zone[data-axis="{axis}"]')
        box = settled_box(zone)
        middle, inner = box["x"] + box["width"] / 2, box["height"] - 16
        tab.mouse.move(middle, box["y"] + 8 + (1 - high) * inner)
        tab.mouse.down()
        tab.mouse.move(middle, box["y"] + 8 + (1 - low) * inner, steps=6)
        tab.mouse.up()
    sweep = newest(dashboard_server)
    frame = sweep.frame()
    rates = (frame["config.lr"] > 0.1) & (frame["config.lr"] < 0.92)
    both = rates & frame["config.start_w"].between(-4.8, 3)
    kept = tab.locator(".brush .lines path:not(.out)")
    expect(kept).to_have_count(int(both.sum()))
    expect(points(tab).nth(int(both.sum()) - 1)).to_be_visible()

    tab.get_by_role("button", name="Search only there from now on").click()
    expect(tab.get_by_text(re.compile(r"η 0\.(1|09|10)\d* to 0\.9\d*, log"))).to_be_visible()
    ranges = sweep.refresh().space.ranges
    rate, start = ranges["lr"], ranges["start_w"]
    assert isinstance(rate, LogRange)
    assert isinstance(start, LinearRange)
    assert 0.09 < rate.low < 0.12
    assert 0.8 < rate.high < 0.95
    assert -5 < start.low < -4.5

    tab.get_by_role("button", name="Extend").click()
    tab.get_by_role("button", name="Run more").click()
    expect(tab.get_by_text("18 of 18 runs done").first).to_be_visible(timeout=FINISHED_MS)
    later = sweep.refresh().frame().tail(8)["config.lr"]
    assert ((later >= rate.low) & (later <= rate.high)).all()


def test_another_experiment_has_a_form_of_its_own(start: Page) -> None:
    main = start.get_by_test_id("stMain")
    expect(start.get_by_label("Learning rate to")).to_have_value("10")

    main.get_by_text("Regression", exact=True).click()

    expect(start.get_by_label("Learning rate η to")).to_have_value("1.2")
    expect(main.get_by_test_id("stMultiSelect").get_by_text("loss", exact=True)).to_be_visible()
    expect(main.get_by_test_id("stAlert").get_by_text("must be")).to_have_count(0)
    settle(start)
    assert "model=" not in start.url

    main.get_by_text("MNIST", exact=True).click()

    expect(start.get_by_label("Learning rate to")).to_have_value("10")
    expect(main.get_by_test_id("stMultiSelect").get_by_text("validation_accuracy")).to_be_visible()


def test_a_slider_becomes_a_range_and_nothing_typed_is_lost(start: Page) -> None:
    start.get_by_test_id("stMain").get_by_text("MNIST", exact=True).click()
    start.get_by_label("Learning rate to").fill("0.5")
    start.get_by_label("Learning rate to").press("Enter")
    expect(start.get_by_text("Learning rate 0.001 to 0.5, log").first).to_be_visible()
    expect(start).to_have_url(re.compile(r"range\.lr=log%3A0\.001%3A0\.5"))

    start.reload()

    expect(start.get_by_label("Learning rate to")).to_have_value("0.5")
    expect(start.get_by_text("12 runs").first).to_be_visible()
