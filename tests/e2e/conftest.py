"""A real dashboard and a real Chromium for the tests of this folder."""

import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from tests.forked import ForkServer
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no request leaves the machine
)
PATIENCE = 120.0
"""Seconds a condition may take on a busy machine before it counts as never coming true."""


class DashboardServer:
    """``streamlit run dashboard.py`` on a free port, over a store of its own.

    Attributes:
        port: Stays the same over ``restart``, so that an open tab finds the server again.
        folder: Holds the store (``runs.db``) and the server's log.
        module: What runs as ``python -m``: Streamlit, or what stands for it in a test.
        cwd: Its working folder, whose folder ``experiments`` it shows.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        fork_server: ForkServer | None = None,
        env: Mapping[str, str] | None = None,
        module: str = "streamlit",
        cwd: Path = ROOT,
    ) -> None:
        self.folder = folder
        self.cwd = cwd
        self.module = module
        self.port = free_port() if port is None else port
        self.store = f"sqlite:///{folder / 'runs.db'}"
        self._fork_server = fork_server
        self._env = {"MLCORE_STORE": self.store, **(env or {})}
        self._process: psutil.Process | None = None

    @property
    def url(self) -> str:
        """Address of the home page, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the server."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server wrote since it was first started."""
        return (self.folder / "server.log").read_text()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._process = self._launched(self.folder / "server.log")
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert not self._ended(), f"The server ended:\n{self.log}"
            assert time.monotonic() < deadline, f"The server does not answer:\n{self.log}"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server; its workers live on."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(PATIENCE)
            except psutil.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def restart(self) -> None:
        """Stop the server and start a fresh one on the same port and store."""
        self.stop()
        self.start()

    def workers(self) -> list[psutil.Process]:
        """The processes that were started over this server's store, the server left out."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get("MLCORE_STORE") == self.store
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
            if ours and (self._process is None or process.pid != self._process.pid):
                found.append(process)
        return found

    def close(self) -> None:
        """Kill the server and its workers: nothing of them is needed any more."""
        server = [] if self._process is None else [self._process]
        _kill(server)
        self._process = None
        _kill(self.workers())

    def _launched(self, log: Path) -> psutil.Process:
        arguments = ["run", str(ROOT / "dashboard.py"), "--server.headless", "true"]
        arguments += ["--server.port", str(self.port)]
        if self._fork_server is not None:
            env = {**os.environ, **self._env}
            return self._fork_server.start(
                self.module, arguments, path=[str(ROOT)], env=env, log=log, cwd=self.cwd
            )
        with log.open("ab") as file:
            return psutil.Popen(
                [sys.executable, "-m", self.module, *arguments],
                cwd=self.cwd,
                env={**os.environ, **self._env},
                stdout=file,
                stderr=file,
            )

    def _ended(self) -> bool:
        assert self._process is not None
        try:
            return self._process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    def _answers(self) -> bool:
        try:
            address = f"{self.url}/_stcore/health"
            with urllib.request.urlopen(address, timeout=1) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def chromium_path() -> str | None:
    """Where a Chromium is installed, or None."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, PATIENCE)


def keep_timers(tab: Page) -> None:
    """Let ``click_as_timers_fire`` know the timers of the pages that are opened from now on."""
    tab.add_init_script(
        """
        const ticking = new Map()
        const {setInterval: set, clearInterval: clear, WebSocket: Socket} = window
        window.setInterval = (call, ...rest) => {
          const id = set(call, ...rest)
          ticking.set(id, call)
          return id
        }
        window.clearInterval = id => { ticking.delete(id); clear(id) }
        window.timersFire = 0
        window.WebSocket = class extends Socket {
          constructor(...rest) {
            super(...rest)
            this.addEventListener('message', () => {
              if (window.timersFire-- > 0) for (const call of ticking.values()) call()
            })
          }
        }
        """
    )


def click_as_timers_fire(target: Locator) -> None:
    """Click, and let the page's timers fire with each of the next answers, just before it is read.

    So fragments that poll ask the server while it is at work on the click, as on a slow machine,
    where the browser has not yet heard what became of it.
    """
    expect(target).to_be_enabled()
    target.evaluate("target => { window.timersFire = 8; target.click() }")


@pytest.fixture(scope="session")
def ports() -> tuple[int, int]:
    """Ports of the module's server and of a test's own, which may run side by side.

    They stay the same from module to module: under one address the browser keeps Streamlit's
    hundred scripts, which it would else fetch and compile anew for each test.
    """
    return free_port(), free_port()


@pytest.fixture(scope="module")
def dashboard_server(
    tmp_path_factory: pytest.TempPathFactory, ports: tuple[int, int], fork_server: ForkServer
) -> Iterator[DashboardServer]:
    """A running dashboard, one for all tests of a module."""
    server = DashboardServer(tmp_path_factory.mktemp("dashboard"), ports[0], fork_server)
    server.start()
    yield server
    server.close()


@pytest.fixture
def fresh_server(
    tmp_path: Path, ports: tuple[int, int], fork_server: ForkServer
) -> Iterator[DashboardServer]:
    """A dashboard that has never served anybody: nothing of ours is imported, nothing is routed."""
    server = DashboardServer(tmp_path, ports[1], fork_server)
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; without one its tests are skipped, unless CI=true."""
    found = chromium_path()
    if found is None:
        reason = f"needs a Chromium on the PATH (one of {', '.join(CHROMIUM_NAMES)})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def asked_elsewhere() -> list[str]:
    """Addresses off this machine that a page asked for since the last test ended."""
    return []


@pytest.fixture(scope="session")
def window(browser: Browser, asked_elsewhere: list[str]) -> Iterator[BrowserContext]:
    """A window of 1400 × 900 pixels, light, that stays open from test to test.

    A window costs as much as a page: it fills its cache and builds its own menus.
    """
    expect.set_options(timeout=PATIENCE * 1000)
    context = browser.new_context(
        viewport={"width": 1400, "height": 900}, color_scheme="light", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE * 1000)

    def note(url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in {"data", "blob"} and address.hostname != "127.0.0.1":
            asked_elsewhere.append(url)

    context.on("request", lambda request: note(request.url))
    context.on("page", lambda page: page.on("websocket", lambda socket: note(socket.url)))
    context.new_page()  # a window without tabs closes
    yield context
    context.close()


@pytest.fixture(autouse=True)
def nobody_else_is_asked(asked_elsewhere: list[str]) -> Iterator[None]:
    """Fail a test during which a page asked another server than the app's own for anything."""
    yield
    found, asked_elsewhere[:] = sorted(set(asked_elsewhere)), []
    assert not found, f"the browser asked other servers than the app's own: {found}"


@pytest.fixture
def tab(window: BrowserContext) -> Iterator[Page]:
    """A fresh tab, as of a person who never was here: no cookies, nothing stored."""
    before = window.pages
    tab = window.new_page()
    yield tab
    if tab.url.startswith("http"):
        tab.evaluate("localStorage.clear()")
    for opened in window.pages:
        if opened not in before:
            opened.close()
    window.clear_cookies()
