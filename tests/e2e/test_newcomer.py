"""The first minutes of somebody who has never been here, without a word of help."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from mlcore import regression
from mlcore.ui.home import ball
from tests.e2e.conftest import DashboardServer

pytestmark = pytest.mark.browser

MOST_ACTIONS = 8
"""Clicks and keys from Home to the first solved task, at most."""


class Newcomer:
    """Counts what a person does."""

    def __init__(self) -> None:
        self.actions = 0

    def click(self, what: Locator) -> None:
        """Click something."""
        self.actions += 1
        what.click()

    def press(self, what: Locator, key: str) -> None:
        """Press a key where the focus is on something."""
        self.actions += 1
        what.press(key)


def steps_drawn(picture: Locator) -> list[float]:
    """Where the ball is after each step that is drawn."""
    return [float(w) for w in (picture.get_attribute("data-steps") or "").split()]


def test_the_ball_takes_the_steps_of_gradient_descent(
    dashboard_server: DashboardServer, tab: Page
) -> None:
    tab.goto(dashboard_server.url)
    picture, rate = tab.locator(".ball svg"), tab.get_by_label("Learning rate η")
    bowl = ball.bowl()
    data = regression.hours_scores()
    problem = regression.Problem.of(data.x, data.y, model="origin")

    expect(picture).to_have_attribute("data-steps", re.compile(r"\S"))
    for key, share in ((None, ball.FIRST_SHARE), ("ArrowLeft", 0.84), ("Home", 0.01), ("End", 1.1)):
        if key is not None:
            rate.press(key)
        expect(rate).to_have_value(f"{share:g}")
        shown = steps_drawn(picture)
        path = regression.descend_on(problem, lr=share * bowl.border, steps=len(shown) - 1)
        assert shown == pytest.approx(path.w.flatten().tolist(), rel=1e-6)
        assert len(shown) == 15 or share > 1
    expect(tab.locator(".ball .said")).to_contain_text("climbs out of the bowl")
    # a window with reduced motion: the ball rests at the last step until it is asked to move
    expect(tab.get_by_role("button", name="Play")).to_be_visible()


def test_from_home_to_the_first_solved_task(dashboard_server: DashboardServer, tab: Page) -> None:
    newcomer = Newcomer()
    tab.goto(dashboard_server.url)
    newcomer.click(tab.get_by_role("link", name="Start with chapter 1 (10 min)"))
    expect(tab.locator("h1")).to_have_text("Automatic differentiation")
    expect(tab.get_by_text("Try this: Move x until ∂z/∂w is 4.")).to_be_visible()

    slider = tab.locator("input[aria-label=x]")
    expect(slider).to_have_value("1")
    for value in ("2", "3", "4"):
        newcomer.press(slider, "PageUp")
        expect(slider).to_have_value(value)

    # it is gone after some seconds: this looks at each frame
    tab.wait_for_function(
        """said => [...document.querySelectorAll('[data-testid=stToast]')]
            .some(toast => toast.textContent.includes(said))""",
        arg="Solved: Move x until ∂z/∂w is 4.",
    )
    assert newcomer.actions <= MOST_ACTIONS
    expect(tab.get_by_role("button", name="Tasks: 1 of 5")).to_be_visible()
    expect(slider).to_have_value("4")
    expect(tab.get_by_test_id("stException")).to_have_count(0)

    tab.reload()
    expect(tab.get_by_role("button", name="Tasks: 1 of 5")).to_be_visible()
    tab.get_by_role("link", name="Next: 2 Regression").click()
    expect(tab.locator("h1")).to_have_text("Regression")
    menu = tab.get_by_test_id("stSidebarNavItems")
    menu.get_by_role("link", name="Home").click()
    expect(tab.get_by_role("link", name="Continue with chapter 1 (10 min)")).to_be_visible()
    expect(tab.get_by_text("1 of 5 tasks solved")).to_be_visible()
