"""Widgets that the program sets, where the answer that set them never reached the browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

import mlcore
from mlcore import MNISTConfig
from mlcore.runs.store.organize import edit
from mlcore.runs.store.store import open_store
from tests.e2e.conftest import DashboardServer
from tests.e2e.settling import settle
from tests.forked import ForkServer

pytestmark = pytest.mark.browser

TINY = MNISTConfig(model="linear", train_size=512, batch_size=256, epochs=2)

WIDGETS = """[data-testid=stMain] :is(input, textarea, [role=slider], [aria-label^='Remove '],
    [kind=pillsActive], [kind=segmented_controlActive])"""

SHOWN = f"""() => [...document.querySelectorAll(`{WIDGETS}`)].map(one => [
      one.closest('[class*=st-key-]')?.className.match(/st-key-[^ ]+/)[0],
      ['checkbox', 'radio'].includes(one.type) ? one.checked : one.value || one.ariaLabel,
      one.innerText, one.ariaValueText ?? one.ariaValueNow, one.ariaChecked].join(' '))"""
"""What the widgets of a page show."""


@pytest.fixture(scope="module")
def losing_server(
    dashboard_server: DashboardServer, fork_server: ForkServer
) -> Iterator[DashboardServer]:
    """A dashboard over the same store, whose first run of each session is lost."""
    server = DashboardServer(
        dashboard_server.folder, None, fork_server, module="tests.e2e.first_run_lost"
    )
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def run_ids(dashboard_server: DashboardServer) -> list[str]:
    """Two runs with names in the store of both servers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", dashboard_server.store)
        ids = []
        for lr in (0.05, 0.1):
            run = mlcore.run(TINY.replace(lr=lr), progress=False)
            edit(open_store(), [run.id], name=f"rate {lr}")
            ids.append(run.id)
    return ids


@pytest.mark.parametrize(
    "address",
    [
        "compare?runs={0},{1}&baseline={1}",
        "sweeps?experiment=mnist&sweep.lr=0.01..0.1+log&sweep.seed=0,1,2&sweep.optimizer=sgd,adam",
        "regression?data=line&count=30&lr=0.003&optimizer=momentum",
    ],
)
def test_widgets_show_what_the_program_set(
    address: str,
    dashboard_server: DashboardServer,
    losing_server: DashboardServer,
    run_ids: list[str],
    tab: Page,
) -> None:
    wanted: list[str] = []
    for server in (dashboard_server, losing_server):
        tab.goto(f"{server.url}/{address.format(*run_ids)}")
        expect(tab.locator(WIDGETS).nth(len(wanted) - 1)).to_be_attached()
        settle(tab)
        shown = tab.evaluate(SHOWN)
        wanted = wanted or shown
    assert shown == wanted
