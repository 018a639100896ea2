"""Waits for a page to stand still: its script, its layout, and what it sends to the server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from mlcore.runs import Run
from mlcore.runs.store.store import open_store
from mlcore.ui import navigation
from tests.e2e.conftest import PATIENCE, DashboardServer

FINISHED_MS: Final = 3000 * PATIENCE
"""For a run: workers stand back for all that is busy. A quiet machine needs a few seconds."""

IDLE: Final = """
() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'
  && document.querySelector('h1') && !document.querySelector('[data-testid=stSkeleton]')
"""
"""Whether the page's script has ended and all its parts are loaded."""

STILL: Final = """
async element => {
  const main = document.querySelector('[data-testid=stMain]')
  const frame = () => new Promise(done => { requestAnimationFrame(done); setTimeout(done, 100) })
  const look = () => {
    const {x, y, width, height} = element.getBoundingClientRect()
    return [x, y, width, height, main.scrollHeight, main.scrollTop]
  }
  const began = performance.now()
  for (let before = '', since = began; performance.now() - began < 2000;) {
    await frame()
    if (!element.isConnected) return null
    const now = look()
    if (now.join() !== before) since = performance.now()
    else if (performance.now() - since > 200 && now[2]) {
      const [x, y, width, height] = now
      return {x, y, width, height}
    }
    before = now.join()
  }
  return null
}
"""
"""The box of an element once neither it nor the page's length has changed for 0.2 s, or null."""


def settle(tab: Page) -> None:
    """Wait until the page's script has ended and its layout stands still.

    On a page that polls, that is a moment between two polls.
    """
    settled_box(tab.get_by_test_id("stMain"), scroll=False)


def settled_box(target: Locator, *, scroll: bool = True) -> FloatRect:
    """Where an element is in the window, once it no longer moves; scroll it into view first."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        target.page.wait_for_function(IDLE)
        if scroll:
            target.scroll_into_view_if_needed()
        box: FloatRect | None = target.evaluate(STILL)
        if box is not None:
            return box
    pytest.fail(f"{target} does not stand still")


class Recorded:
    """The values that an attribute takes from now on, its present one first.

    For what passes by itself, and may be over before a test has asked for it.
    """

    def __init__(self, target: Locator, attribute: str) -> None:
        self._target = target
        self._attribute = attribute
        target.evaluate(
            """(element, name) => {
              const seen = [element.getAttribute(name)]
              element.recorded = {...element.recorded, [name]: seen}
              new MutationObserver(() => seen.push(element.getAttribute(name)))
                .observe(element, {attributeFilter: [name]})
            }""",
            attribute,
        )

    def values(self) -> list[str]:
        """Those until now."""
        found: list[str] = self._target.evaluate(
            "(element, name) => element.recorded[name]", self._attribute
        )
        return found

    def wait_until(self, condition: Callable[[list[str]], bool]) -> None:
        """Wait until the values fulfil a condition."""
        ends = time.monotonic() + PATIENCE
        while not condition(seen := self.values()):
            assert time.monotonic() < ends, f"{self._attribute} was {seen}"
            self._target.page.wait_for_timeout(50)


class Asked:
    """What a tab sends to the server: WebSocket frames, and requests except for Streamlit's files.

    Streamlit loads scripts of its own when they are first needed, some long after the page.
    Make one before the tab is sent anywhere.
    """

    def __init__(self, tab: Page) -> None:
        self._tab = tab
        self.sent: list[str] = []
        tab.on("websocket", lambda one: one.on("framesent", lambda _: self.sent.append(one.url)))
        tab.on("request", lambda request: self._note(request.url))

    def _note(self, url: str) -> None:
        if not urlsplit(url).path.startswith("/static/"):
            self.sent.append(url)

    def wait_for_silence(self, seconds: float = 2.0) -> None:
        """Wait until nothing was sent for so long, some polls by default; fail if that never is.

        On a busy machine charts tell their sizes late; polls would never end.
        """
        assert self.sent, "it was made too late to hear anything"
        ends = time.monotonic() + PATIENCE
        count, since = len(self.sent), time.monotonic()
        while time.monotonic() - since < seconds:
            assert time.monotonic() < ends, f"it still sends: {self.sent[-5:]}"
            self._tab.wait_for_timeout(50)
            if len(self.sent) > count:
                count, since = len(self.sent), time.monotonic()

    def expect_nothing_sent(self, act: Callable[[], None]) -> None:
        """Do something, more than once if the page has something of its own to send meanwhile."""
        for _ in range(5):
            settle(self._tab)
            self.wait_for_silence(0.5)
            before = len(self.sent)
            act()
            self._tab.wait_for_timeout(200)
            if len(self.sent) == before:
                return
        pytest.fail(f"each time something is sent: {self.sent[before:]}")


def badge(tab: Page, word: str) -> Locator:
    """The first badge that says a word, such as a run's status."""
    return tab.locator(".stMarkdownBadge").get_by_text(word).first


@contextmanager
def runs_held(server: DashboardServer, share: float = 0.0) -> Iterator[Run]:
    """Let no run go on meanwhile, so that none ends while it is looked at; gives the one at work.

    Its worker is halted outside of any write: who holds the store's lock would halt everybody.

    Args:
        server: Runs of this server's store.
        share: How far a run must have come first, from 0 to 1.
    """
    store = open_store(server.store)
    ends = time.monotonic() + FINISHED_MS / 1000
    while not (found := [r for r in store.list(status="running") if r.progress >= share]):
        assert time.monotonic() < ends, "no run has come so far"
        time.sleep(0.005)
    with store.writing():
        workers = server.workers()
        for worker in workers:
            worker.suspend()
    try:
        yield found[0]
    finally:
        for worker in workers:
            with suppress(psutil.NoSuchProcess):
                worker.resume()


def expect_whole_dashboard(tab: Page, title: str) -> None:
    """Wait until a page is drawn under its title, with the menu of all pages beside it."""
    links = tab.get_by_test_id("stSidebarNavLink")
    expect(links).to_have_count(1 + len(navigation.chapters()))
    expect(links.first).to_contain_text("Home")
    expect(tab).to_have_title(title)
    expect(tab.locator("h1")).to_have_count(1)
    expect(tab.get_by_text("Page not found")).to_have_count(0)
    expect(tab.get_by_test_id("stException")).to_have_count(0)
