"""Every page by a link: the whole dashboard, and for axe-core no serious finding in two themes.

Under ``HYPOTHESIS_PROFILE=thorough`` all its tabs are read too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final

import pytest
from playwright.sync_api import BrowserContext, Page, expect

import mlcore
from mlcore import MNISTConfig, RegressionConfig
from mlcore.ui import navigation
from tests.e2e.conftest import DashboardServer
from tests.e2e.settling import IDLE, expect_whole_dashboard, settle

pytestmark = pytest.mark.browser

SMALL: Final = MNISTConfig(hidden=(16,), train_size=1024, batch_size=256, epochs=1, lr=0.1)
QUICK: Final = RegressionConfig(standardize=True, steps=20)

NOT_OURS: Final = {
    # The menu on the left: Streamlit puts the heading of a section between the <ul> and its <li>.
    "list": "[data-testid=stSidebarNavItems]",
    "listitem": "[data-testid=stSidebarNavItems] li",
    # A message in the corner: react-aria names it by an id that Streamlit gives to nothing.
    "aria-dialog-name": ".stToast",
    # A wide formula: Chromium and Firefox let keys scroll what can be scrolled without our help.
    "scrollable-region-focusable": ".katex-display",
    # A layer of a chart without a mark: Vega names a layer by its marks, and nothing is drawn.
    "svg-img-alt": "g.role-mark:empty",
}
"""Findings in markup that Streamlit and Vega write: the rule, and where alone it may be broken."""

LOOK: Final = """
async ([place, options, notOurs]) => {
  const settings = {resultTypes: ['violations'], elementRef: true, preload: false, ...options}
  // of words in SVG axe reads the CSS colour, not the fill they are drawn with
  const exclude = options.runOnly ? ['svg'] : []
  const {violations} = await axe.run({include: [place], exclude}, settings)
  const found = []
  for (const {id, impact, help, nodes} of violations) {
    if (impact !== 'serious' && impact !== 'critical') continue
    for (const {element, html, any, all, none} of nodes) {
      if (id in notOurs && element.matches(notOurs[id])) continue
      const why = [...any, ...all, ...none].map(check => check.message).join('; ')
      found.push(`${id} (${help}): ${html.slice(0, 240)}: ${why.slice(0, 240)}`)
    }
  }
  return found
}
"""
STRUCTURE: Final = {"rules": {"color-contrast": {"enabled": False}}}
CONTRAST: Final = {"runOnly": ["color-contrast"]}
THOROUGH: Final = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
"""Whether every tab is read in both themes: each switch draws all charts anew."""


@pytest.fixture(scope="module")
def addresses(dashboard_server: DashboardServer) -> dict[str, str]:
    """Parameters with which a page has something to show, by the page's file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", dashboard_server.store)
        seeds = (SMALL.model_copy(update={"seed": seed}) for seed in (0, 1))
        runs = [mlcore.run(config, progress=False) for config in seeds]
        ranges = {"lr": mlcore.log_range(0.01, 1), "start_w": mlcore.linear_range(-5, 5)}
        found = mlcore.sweep(QUICK, ranges, 4, sampler="random")
    return {
        "mnist": "?tab=Train",
        "draw": f"?run={runs[0].id}",
        "inside": f"?run={runs[0].id}",
        "compare": f"?runs={runs[0].id},{runs[1].id}",
        "sweeps": f"?sweep={found.id}",
    }


@pytest.fixture(scope="module")
def page(window: BrowserContext) -> Iterator[Page]:
    """A tab for all pages, in which nothing fades and axe is loaded."""
    tab = window.new_page()
    tab.add_init_script(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
    yield tab
    tab.close()


class Visit:
    """A page whose parts are opened and looked at one by one, in both themes."""

    def __init__(self, tab: Page) -> None:
        self.tab = tab
        self.dark = False
        self.found: set[str] = set()

    def settle(self) -> None:
        """Open what is folded, and wait until the page is drawn."""
        settle(self.tab)
        folded = self.tab.locator("[data-testid=stMain] details:not([open]) > summary:visible")
        while folded.count():
            one = folded.first.element_handle()
            one.click()
            self.tab.wait_for_function(
                "one => one.parentElement?.open || !one.isConnected", arg=one
            )
            self.tab.wait_for_function(IDLE)
            if not folded.count():  # what was unfolded may hold more
                settle(self.tab)

    def look(self, place: str, *, both: bool = False) -> None:
        """Let axe read a part of the page: in the theme that is on, or its contrast in both."""
        self._run(place, STRUCTURE)
        self._run(place, CONTRAST)
        if both:
            self.dark = not self.dark
            theme = "dark" if self.dark else "light"
            self.tab.emulate_media(color_scheme="dark" if self.dark else "light")
            expect(self.tab.get_by_test_id("stApp")).to_have_css("color-scheme", theme)
            self._run(place, CONTRAST)

    def _run(self, place: str, options: dict[str, Any]) -> None:
        theme = "dark" if self.dark else "light"
        found = self.tab.evaluate(LOOK, [place, options, NOT_OURS])
        self.found |= {f"{theme}, {place}: {one}" for one in found}


@pytest.mark.parametrize("chapter", [navigation.HOME, *navigation.chapters()], ids=lambda c: c.file)
def test_a_page_is_whole_and_has_no_serious_finding_in_light_and_dark(
    dashboard_server: DashboardServer,
    addresses: dict[str, str],
    page: Page,
    chapter: navigation.Chapter,
) -> None:
    page.emulate_media(color_scheme="light")
    path = "" if chapter is navigation.HOME else chapter.file
    page.goto(f"{dashboard_server.url}/{path}{addresses.get(chapter.file, '?')}&seed=7")
    expect_whole_dashboard(page, chapter.title)
    assert "seed=7" in page.url
    page.add_style_tag(content="*, ::before, ::after { transition: none !important; }")
    visit = Visit(page)
    visit.settle()
    visit.look("body", both=True)
    if THOROUGH:  # some seconds for each tab
        _look_at_the_other_tabs(page, visit)
    assert not visit.found, "\n".join(sorted(visit.found))


def _look_at_the_other_tabs(page: Page, visit: Visit) -> None:
    tabs = page.locator("[data-testid=stMain] [role=tab]:visible")
    seen: set[str] = set()
    while True:
        seen |= set(page.locator("[role=tab][aria-selected=true]:visible").all_inner_texts())
        rest = [name for name in tabs.all_inner_texts() if name not in seen]
        if not rest:
            break
        tab = page.get_by_role("tab", name=rest[0], exact=True).first
        tab.click()
        expect(tab).to_have_attribute("aria-controls", re.compile("."))
        panel = page.locator(f'[id="{tab.get_attribute("aria-controls")}"]')
        expect(panel.get_by_test_id("stElementContainer").first).to_be_visible()
        visit.settle()
        visit.look(f'[id="{panel.get_attribute("id")}"]', both=True)
