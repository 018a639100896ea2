"""A person at the pages on layers: pointing, switching modes, breaking and mending settings."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import DashboardServer
from tests.e2e.settling import Asked, settle, settled_box

pytestmark = pytest.mark.browser

BATCH_OF_ONE = "Expected more than 1 value per channel when training"


def open_page(tab: Page, server: DashboardServer, address: str) -> None:
    tab.goto(f"{server.url}/{address}")
    expect(tab.get_by_role("tab").first).to_be_visible()


def cells(tab: Page) -> Locator:
    """The component's own box: it tells in attributes what is lit."""
    return tab.locator(".cells")


def test_hovering_a_cell_lights_those_that_share_its_mean_and_a_click_writes_the_arithmetic(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    open_page(tab, dashboard_server, "normalization?n=2&c=3&h=2&w=2")
    grid = tab.locator("canvas[data-part=x]")
    expect(cells(tab)).to_have_attribute("data-lit", "8")  # BatchNorm: 2 samples of 2 × 2

    tab.get_by_test_id("stRadio").get_by_text("LayerNorm").click()
    expect(cells(tab)).to_have_attribute("data-lit", "12")  # one sample: 3 channels of 2 × 2

    box = settled_box(grid)
    tab.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
    expect(cells(tab)).to_have_attribute("data-cell", "23")
    tab.mouse.click(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)

    expect(tab.get_by_text("x[1, 2, 1, 1] =")).to_be_visible()
    expect(tab.locator(".katex").first).to_contain_text("LayerNorm")
    expect(tab.get_by_text("they agree").first).to_be_visible()


def test_breaking_the_groups_shows_torchs_words_and_mending_them_brings_the_grid_back(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    open_page(tab, dashboard_server, "normalization?norm=GroupNorm&groups=3")
    refusal = tab.get_by_test_id("stAlert")
    expect(refusal).to_contain_text("num_channels (4) must be divisible by num_groups (3)")
    expect(tab.get_by_text("Choose a number of groups that divides")).to_be_visible()
    expect(tab.locator("canvas")).to_have_count(0)

    slider = tab.get_by_role("slider", name="Groups")
    slider.focus()
    slider.press("ArrowRight")

    expect(refusal).to_have_count(0)
    expect(cells(tab)).to_have_attribute("data-lit", "16")
    expect(tab).to_have_url(re.compile("groups=4"))


def test_a_batch_of_one_is_refused_until_eval_is_switched_on(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    open_page(tab, dashboard_server, "normalization?n=1&h=1&w=1")
    expect(tab.get_by_test_id("stAlert")).to_contain_text(BATCH_OF_ONE)

    tab.get_by_role("radio", name="eval").click()

    expect(tab.get_by_test_id("stAlert")).to_have_count(0)
    expect(tab.get_by_text("running statistics of a new module")).to_be_visible()
    expect(tab).to_have_url(re.compile("mode=eval"))


def test_pointing_at_an_output_cell_shows_its_window_without_asking_the_server(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    asked = Asked(tab)
    tab.goto(f"{dashboard_server.url}/convolution?preset=blur&size=2&padding=0&stride=2")
    expect(cells(tab)).to_have_attribute("data-cell", re.compile(r"\d+,\d+,\d+"))
    output = tab.locator("canvas[data-part=output]")
    expect(tab.get_by_text("they agree").first).to_be_visible()

    def point() -> None:
        box = settled_box(output)
        tab.mouse.move(box["x"] + box["width"] - 2, box["y"] + box["height"] - 2)
        tab.mouse.move(box["x"] + 2, box["y"] + 2)
        expect(cells(tab)).to_have_attribute("data-cell", "0,0,0")
        expect(tab.get_by_text("rows 0–1, columns 0–1 of the padded input")).to_be_visible()

    asked.expect_nothing_sent(point)

    output.focus()
    output.press("ArrowDown")
    expect(tab.get_by_text("rows 2–3, columns 0–1 of the padded input")).to_be_visible()


def test_a_kernel_typed_quickly_is_taken_whole_and_nonsense_leaves_the_number(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    open_page(tab, dashboard_server, "convolution?preset=identity")
    field = tab.get_by_role("textbox", name="Kernel, row 0, column 0")
    field.click()
    for number in ("1", "2", "-0,5", "4"):
        tab.keyboard.type(number)
        tab.keyboard.press("Tab")

    expect(tab).to_have_url(re.compile(r"kernel=1%2C2%2C-0.5%3B4%2C1%2C0%3B0%2C0%2C0"))

    field.click()
    tab.keyboard.type("abc")
    tab.keyboard.press("Enter")
    expect(tab.get_by_text("“abc” is no number from −1000000 to 1000000; 1 stays.")).to_be_visible()
    expect(field).to_have_value("1")
    expect(tab.get_by_role("textbox", name="Kernel, row 1, column 0")).to_be_focused()


def test_arrow_keys_choose_the_digit_and_on_a_narrow_screen_the_picture_follows(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    open_page(tab, dashboard_server, "convolution")
    digits = tab.get_by_role("radiogroup", name="Digit").get_by_role("radio")
    digits.nth(3).click()
    expect(tab).to_have_url(re.compile("digit=5"))
    settle(tab)
    tab.keyboard.press("ArrowRight")

    expect(tab).to_have_url(re.compile("digit=1$"))
    expect(digits.nth(4)).to_be_checked()
    expect(digits.nth(4)).to_be_focused()

    tab.set_viewport_size({"width": 420, "height": 900})
    stride = tab.get_by_role("slider", name="Stride")
    settled_box(stride)
    picture, below = tab.locator("canvas[data-part=output]"), tab.locator(".arithmetic")
    expect(picture).to_be_in_viewport(ratio=1)  # it follows; the tables come below the controls
    heights = [settled_box(part, scroll=False)["y"] for part in (picture, stride, below)]
    assert heights == sorted(heights)
