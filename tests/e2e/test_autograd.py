"""The autograd page in a real browser: type, step, break, read the exception, mend."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.conftest import DashboardServer
from tests.e2e.settling import settle, settled_box

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def square(dashboard_server: DashboardServer, window: BrowserContext) -> Iterator[Page]:
    """The square's graph, opened once for the tests that only look at it."""
    tab = window.new_page()
    tab.goto(f"{dashboard_server.url}/autograd?preset=square")
    expect(tab.locator(".graph .node")).to_have_count(4)
    yield tab
    tab.close()


def node_boxes(tab: Page) -> list[str]:
    boxes: list[str] = tab.locator(".graph .node").evaluate_all(
        "nodes => nodes.map(node => node.getAttribute('transform'))"
    )
    return boxes


def press(tab: Page, what: str) -> None:
    tab.locator(f".graph [data-do={what}]").click()


def expect_step(tab: Page, number: int) -> None:
    expect(tab.locator(".graph")).to_have_attribute("data-step", str(number))


def test_type_a_program_step_to_the_end_break_the_ledger_and_mend_it(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    tab.goto(f"{dashboard_server.url}/autograd")
    expect(tab.locator(".graph .node")).to_have_count(5)

    program = tab.get_by_label("Program", exact=True)
    program.fill("h = tanh(w*x)\nloss = (h - y)**2")
    program.press("Control+Enter")
    expect(tab.locator(".graph .node")).to_have_count(7)
    expect(tab).to_have_url(re.compile("program=h"))

    settle(tab)
    expect_step(tab, 0)
    before = node_boxes(tab)
    expect(tab.locator(".graph .steps")).to_have_attribute("max", "14")
    for i in range(14):
        press(tab, "next")
        expect_step(tab, i + 1)
        assert node_boxes(tab) == before
    expect(tab.locator(".graph .where")).to_contain_text("backward")
    expect(tab.locator(".graph math mfrac").first).to_be_visible()

    tab.get_by_role("tab", name="Ledger").click()
    tab.locator(".st-key-ledger_forward_again label").click()
    error = tab.get_by_test_id("stAlert").first
    expect(error).to_contain_text("Trying to backward through the graph a second time")
    expect(tab.get_by_text("What it means.")).to_be_visible()
    tab.get_by_role("button", name="Fix it").click()
    expect(tab.get_by_test_id("stAlert")).to_have_count(0)


def test_stepping_shows_values_first_and_gradients_after(square: Page) -> None:
    press(square, "first")
    expect(square.locator(".graph .val:not(.pending)")).to_have_count(2)  # the inputs are given
    expect(square.locator(".graph .hint")).to_be_visible()
    for _ in range(4):
        press(square, "next")
    expect(square.locator(".graph .val:not(.pending)")).to_have_count(4)
    expect(square.locator(".graph .grad:not(.pending)")).to_have_count(0)
    square.locator(".graph").press("End")
    expect(square.locator(".graph .grad:not(.pending)")).to_have_count(4)
    expect(square.locator(".graph .node", has_text="AccumulateGrad").first).to_contain_text("12")


def test_the_first_click_runs_the_program_backward_and_fills_the_table(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    tab.goto(f"{dashboard_server.url}/autograd")
    expect(tab.locator(".graph .node")).to_have_count(5)
    settle(tab)
    expect_step(tab, 0)
    table = tab.get_by_test_id("stDataFrame").first
    expect(table.locator("td", has_text="None").first).to_be_attached()
    run = tab.locator(".graph").get_by_role("button", name="Run backward")
    run.click()
    expect_step(tab, 10)
    expect(tab.locator(".graph .grad:not(.pending)")).to_have_count(5)
    expect(tab.get_by_text("Each .grad is None until")).to_have_count(0)
    tab.locator(".graph").get_by_role("button", name="Start again").click()
    expect(tab.get_by_text("Each .grad is None until")).to_be_visible()
    settle(tab)
    assert tab.locator(".graph").evaluate(SMALLEST) >= 12

    # the whole of it by keyboard
    tab.locator(".graph").focus()
    tab.keyboard.press("Enter")
    expect_step(tab, 10)
    tab.keyboard.press("ArrowLeft")
    expect_step(tab, 9)
    tab.locator(".graph .node").first.focus()
    tab.keyboard.press("ArrowDown")
    expect(tab.locator(".graph .node").nth(1)).to_be_focused()
    tab.keyboard.press("Enter")
    expect(tab.locator(".graph .card")).to_contain_text("AccumulateGrad")
    expect(tab.locator(".graph .node[tabindex='0']")).to_have_count(1)

    # on a narrow screen the picture stays where it is while the sliders scroll by
    tab.set_viewport_size({"width": 420, "height": 900})
    thumb = tab.locator(".st-key-leaf_b [role=slider], .st-key-leaf_b input[type=range]").first
    settled_box(thumb)
    tab.get_by_test_id("stMain").evaluate("main => main.scrollBy(0, 300)")
    expect(tab.locator(".graph .stage")).to_be_in_viewport(ratio=0.9)
    settle(tab)
    assert tab.locator(".graph").evaluate(SMALLEST) >= 12
    assert not tab.evaluate("document.documentElement.scrollWidth > innerWidth")


SMALLEST = """graph => Math.min(...[...graph.querySelectorAll('.picture text, .legend, .where')]
  .map(text => parseFloat(getComputedStyle(text).fontSize) *
    (text.ownerSVGElement ? text.getScreenCTM().a : 1)))"""
"""Size on the screen of the smallest text of the graph, in pixels."""


def test_a_click_on_a_node_shows_its_record(square: Page) -> None:
    square.locator(".graph .node", has_text="x*x").click()
    card = square.locator(".graph .card")
    expect(card).to_contain_text("MulBackward0")
    expect(card).to_contain_text("saved self")
    square.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_the_point_of_the_curve_follows_the_slider_while_it_is_dragged(square: Page) -> None:
    square.get_by_role("tab", name="Curve").click()
    curve = square.locator(".curve")
    expect(curve).to_have_attribute("data-now", "2")
    thumb = square.locator(".st-key-leaf_x div:has(> [data-testid=stSliderThumbValue])")
    box = settled_box(thumb)
    square.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    square.mouse.down()
    square.mouse.move(box["x"] - 60, box["y"] + box["height"] / 2, steps=4)
    expect(curve).not_to_have_attribute("data-now", "2")  # the mouse button is still down
    assert "leaf.x" not in square.url
    square.mouse.up()
    expect(square).to_have_url(re.compile(r"leaf\.x="))
    settle(square)  # what the server answers puts the point where the leaf is
    svg = curve.locator("svg")
    before = float(svg.get_attribute("aria-valuenow") or "nan")
    svg.focus()
    svg.press("ArrowRight")
    assert float(svg.get_attribute("aria-valuenow") or "nan") == pytest.approx(before + 0.1)
    expect(svg).to_have_attribute("aria-valuetext", re.compile("f′ = "))


def test_a_link_opens_program_leaves_and_view(dashboard_server: DashboardServer, tab: Page) -> None:
    tab.goto(f"{dashboard_server.url}/autograd?preset=square&leaf.x=1.5&view=Proof")
    expect(tab.get_by_role("tab", name="Proof")).to_have_attribute("aria-selected", "true")
    expect(tab.get_by_text("agree", exact=False).first).to_be_visible()
    press(tab, "last")
    expect(tab.locator(".graph .node", has_text="AccumulateGrad").first).to_contain_text("9")
    tab.get_by_role("tab", name="Curve").click()
    expect(tab).to_have_url(re.compile("view=Curve"))
    expect(tab).to_have_url(re.compile(r"leaf\.x=1\.5"))
    tab.get_by_label("Program", exact=True).fill("q = r*s")
    tab.get_by_label("Program", exact=True).press("Control+Enter")
    expect(tab).to_have_url(re.compile(r"view=Curve.*program=q"))
    expect(tab.get_by_test_id("stException")).to_have_count(0)


def test_an_early_click_does_not_lose_the_leaves_of_a_link(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    tab.goto(f"{dashboard_server.url}/autograd?preset=square&leaf.x=1.5")
    tab.get_by_role("tab", name="Curve").click()
    expect(tab.locator(".curve")).to_have_attribute("data-now", "1.5")
    expect(tab.locator(".st-key-leaf_x input[type=range]")).to_have_value("1.5")


def test_a_long_program_opens_with_a_map_and_zooms(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    program = "%0A".join(["z0 = x*y", *(f"z{i} = sin(z{i - 1}*x) %2B y" for i in range(1, 67))])
    tab.goto(f"{dashboard_server.url}/autograd?program={program}")
    expect(tab.locator(".graph .node")).to_have_count(201)
    expect(tab.locator(".graph .map")).to_be_visible()
    world = tab.locator(".graph .world")
    near = world.get_attribute("transform")
    press(tab, "fit")
    expect(world).not_to_have_attribute("transform", near or "")
    expect(tab.locator(".graph .map")).to_be_hidden()
