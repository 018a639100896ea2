"""A person inside a network: watching it learn, sliding over epochs, clicking where it errs."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

import mlcore
from mlcore import MNISTConfig, Run
from tests.e2e.conftest import DashboardServer
from tests.e2e.settling import FINISHED_MS, Asked, Recorded, badge, runs_held, settled_box

pytestmark = pytest.mark.browser

SMALL = MNISTConfig(hidden=(24,), train_size=2048, batch_size=256, epochs=2, lr=0.1)


@pytest.fixture(scope="module")
def run(dashboard_server: DashboardServer) -> Iterator[Run]:
    """A small finished run in the server's store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", dashboard_server.store)
        made = mlcore.run(SMALL, progress=False)
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def page(dashboard_server: DashboardServer, run: Run, window: BrowserContext) -> Iterator[Page]:
    """The page with that run, opened once; each test goes to the view that it looks at."""
    tab = window.new_page()
    tab.goto(f"{dashboard_server.url}/inside?run={run.id}")
    yield tab
    tab.close()


def tiles(tab: Page | Locator) -> Locator:
    """The component's own box: it tells in attributes which moment is drawn."""
    return tab.locator(".inside-tiles")


def turn_to(page: Page, view: str) -> Locator:
    """Click the tab of a view; what stands below it."""
    page.get_by_role("tab", name=view).click()
    panel = page.get_by_role("tabpanel", name=view)
    expect(panel).to_be_visible()
    return panel


def test_the_first_visitor_trains_the_course_network_and_watches_its_weights_form(
    fresh_server: DashboardServer, tab: Page
) -> None:
    tab.goto(f"{fresh_server.url}/inside")
    tab.get_by_role("button", name="Train the course's network").click()

    with runs_held(fresh_server):
        expect(badge(tab, "running")).to_be_visible()
    expect(tab.get_by_text("The last epoch's weights against")).to_be_visible(timeout=FINISHED_MS)
    expect(tab.get_by_text("max|Δ| = 0. They agree.")).to_be_visible()
    expect(tiles(tab)).to_have_attribute("data-moment", "Epoch 3")
    expect(tab).to_have_url(re.compile(r"run=\w{8}"))


def test_the_slider_over_the_epochs_moves_in_the_browser_alone(
    dashboard_server: DashboardServer, tab: Page, run: Run
) -> None:
    asked = Asked(tab)
    tab.goto(f"{dashboard_server.url}/inside?tab=Matrices&run={run.id}")
    expect(tiles(tab)).to_have_attribute("data-moment", "Epoch 2")
    expect(tab.get_by_text("They agree.")).to_be_visible()
    slider, canvas = tab.get_by_role("slider", name="Epoch"), tiles(tab).locator("canvas")

    def slide_and_point() -> None:
        slider.press("End")
        expect(tiles(tab)).to_have_attribute("data-moment", "Epoch 2")
        slider.press("ArrowLeft")
        expect(tiles(tab)).to_have_attribute("data-moment", "Epoch 1")
        slider.press("Home")
        expect(tiles(tab)).to_have_attribute("data-moment", "Epoch 0")
        canvas.hover(position={"x": 30, "y": 30})
        at_zero = re.compile(r"^unit \d+, row \d+, column \d+: 0$")
        expect(tab.get_by_text(at_zero)).to_be_visible()
        for key, cell in (
            ("ArrowRight", "unit 0, row 0, column 0"),
            ("ArrowDown", "unit 0, row 1, column 0"),
            ("PageDown", "unit 1, row 1, column 0"),
        ):
            canvas.press(key)
            expect(tab.get_by_text(f"{cell}: 0")).to_be_visible()

    asked.expect_nothing_sent(slide_and_point)
    tab.get_by_role("radio", name="Weights").click()
    expect(tab.get_by_text(re.compile(r"^hidden1, 24 tiles of 28 × 28"))).to_be_visible()


def test_playing_ends_at_the_last_epoch(page: Page) -> None:
    panel = turn_to(page, "Matrices")
    expect(tiles(panel)).to_have_attribute("data-moment", "Epoch 2")
    settled_box(tiles(panel))
    moments = Recorded(tiles(panel), "data-moment")

    panel.get_by_role("button", name="Play").click()

    whole = ["Epoch 0", "Epoch 1", "Epoch 2"]
    moments.wait_until(lambda seen: list(dict.fromkeys(seen[1:])) == whole)
    expect(panel.get_by_role("button", name="Play")).to_be_visible()


def test_clicking_a_cell_of_the_matrix_shows_its_digits_until_all_mistakes_are_asked_for(
    page: Page, run: Run
) -> None:
    confusion = run.arrays(run.step)["confusion"]
    count = int(confusion[1, 1])
    panel = turn_to(page, "Where it errs")
    expect(panel.get_by_text(re.compile(r"^Most confident of its"))).to_be_visible()
    cell = panel.locator("g.mark-rect path[aria-label*='Predicted class: 1; True class: 1;']").last

    cell.click()
    expect(panel.get_by_text(f"{count:,} test images of class 1")).to_be_visible()

    panel.get_by_role("button", name="All mistakes").click()
    expect(panel.get_by_text(re.compile(r"^Most confident of its"))).to_be_visible()


def test_a_broken_width_shows_the_guilty_row_and_mending_it_brings_the_answer_back(
    page: Page,
) -> None:
    panel = turn_to(page, "Layer by layer")
    expect(panel.get_by_text("The prediction")).to_be_visible()

    page.get_by_role("combobox", name="Break").click()
    page.get_by_role("option", name="output").click()
    expect(panel.get_by_test_id("stAlert")).to_contain_text(
        "mat1 and mat2 shapes cannot be multiplied (1x24 and 25x10)"
    )
    expect(panel.locator("tr.guilty")).to_contain_text("output")

    takes = page.get_by_role("spinbutton", name="Takes (values)")
    takes.fill("24")
    takes.press("Enter")
    expect(panel.get_by_text("The prediction")).to_be_visible()
    expect(panel.get_by_test_id("stAlert")).to_have_count(0)


def test_pointing_at_a_sign_in_the_plane_shows_the_digit(page: Page) -> None:
    panel = turn_to(page, "Plane")
    expect(panel.get_by_text("They agree.")).to_be_visible()
    chart = panel.locator("[data-testid=stVegaLiteChart] canvas")
    box = settled_box(chart)
    picture = page.locator("#vg-tooltip-element img")
    for step in range(120):  # signs lie densest around the middle
        page.mouse.move(
            box["x"] + box["width"] * (0.45 + 0.002 * step), box["y"] + box["height"] * 0.5
        )
        if picture.is_visible():
            break

    expect(picture).to_be_visible()
    assert (picture.get_attribute("src") or "").startswith("data:image/png;base64,")
    assert picture.evaluate("image => image.naturalWidth") == 28
