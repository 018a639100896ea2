"""From many runs to an answer that can be shared, and two tabs that edit the same run."""

import io
import re
from collections.abc import Iterator

import pandas as pd
import pytest
from playwright.sync_api import Dialog, Page, expect

import mlcore
from mlcore import MNISTConfig
from mlcore.runs.analysis.comparison import compare
from mlcore.runs.export import to_zip
from mlcore.runs.store.organize import edit
from mlcore.runs.store.store import Store, open_store
from tests.e2e.conftest import DashboardServer, click_as_timers_fire, keep_timers
from tests.e2e.settling import FINISHED_MS, settle, settled_box
from tests.waiting import until

pytestmark = pytest.mark.browser

TINY = MNISTConfig(model="linear", train_size=512, batch_size=256, epochs=2)
ROW, HEAD = 35, 36


@pytest.fixture(scope="module")
def store(dashboard_server: DashboardServer) -> Iterator[Store]:
    """Three seeds of each of three learning rates, in the server's store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", dashboard_server.store)
        for lr in (0.001, 0.05, 0.1):
            for seed in range(3):
                mlcore.run(TINY.replace(lr=lr, seed=seed), progress=False)
    opened = open_store(dashboard_server.store)
    yield opened
    opened.close()


def wait_for_table(tab: Page) -> None:
    expect(tab.locator(".stDataFrame canvas [role=gridcell]").first).to_be_attached()


def mark(tab: Page, row: int) -> None:
    """Click the box before a row of the table, from 0."""
    click_in_row(tab, row, 16)


def star(tab: Page, row: int) -> None:
    click_in_row(tab, row, 50)


def click_in_row(tab: Page, row: int, right: float) -> None:
    table = tab.locator(".stDataFrame").first
    settled_box(table)
    table.click(position={"x": right, "y": HEAD + ROW * row + ROW / 2})


CURVES = """[...document.querySelectorAll('g.mark-line path')]
  .map(path => path.getAttribute('d') || '').filter(path => path.includes('L'))"""
"""The drawn lines as SVG paths."""


def curves(tab: Page) -> list[str]:
    paths: list[str] = tab.evaluate(CURVES)
    return paths


def wait_for_curves(tab: Page, count: int) -> None:
    tab.wait_for_function(f"count => {CURVES}.length === count", arg=count)


def test_from_many_runs_to_an_answer_that_a_link_opens_again(
    dashboard_server: DashboardServer, store: Store, tab: Page
) -> None:
    keep_timers(tab)
    tab.goto(f"{dashboard_server.url}/runs")
    wait_for_table(tab)

    # filter
    tab.get_by_label("Filter").fill("lr < 0.08 and status = finished")
    tab.get_by_label("Filter").press("Enter")
    expect(tab.get_by_text(f"6 of {len(store.list())} runs")).to_be_visible()

    # choose
    for row in range(6):
        mark(tab, row)
        expect(tab.get_by_text(f"{row + 1} chosen")).to_be_visible()

    # compare, while a timer of this page asks what is new
    click_as_timers_fire(
        tab.get_by_test_id("stMain").get_by_role("link", name="Compare", exact=True)
    )
    expect(tab.locator("h1")).to_have_text("Compare")
    chosen = [run for run in store.list() if run.config_fields["lr"] < 0.08]
    wait_for_curves(tab, 2)
    [contrast] = compare(chosen, store=store).contrasts
    expect(tab.get_by_text(contrast.sentence)).to_be_visible()

    # pin
    tab.get_by_role("combobox", name="Baseline", exact=True).click()
    tab.get_by_role("option", name=chosen[0].id).click()
    expect(tab.get_by_text("Δ baseline").first).to_be_attached()
    expect(tab).to_have_url(re.compile(f"baseline={chosen[0].id}"))

    # group
    tab.get_by_role("radio", name="each run").click()
    wait_for_curves(tab, 6)

    # export
    tab.get_by_role("tab", name="Export").click()
    expect(tab).to_have_url(re.compile("view=Export"))
    settle(tab)
    with tab.expect_download() as started:
        tab.get_by_role("button", name="CSV", exact=True).click()
    with started.value.path().open("rb") as file:
        points = pd.read_csv(io.BytesIO(file.read()))
    for run in chosen:
        ours = run.metrics(["test_accuracy"])["value"].tolist()
        theirs = points[(points["run"] == run.id) & (points["metric"] == "test_accuracy")]
        assert theirs["value"].tolist() == ours
    settle(tab)
    with tab.expect_download() as started:
        tab.get_by_role("button", name="SVG", exact=True).click()
    assert started.value.path().read_text().startswith("<svg")

    # share
    settle(tab)
    other = tab.context.new_page()
    other.goto(tab.url)
    wait_for_curves(other, 6)
    expect(other.get_by_role("tab", name="Export")).to_have_attribute("aria-selected", "true")
    expect(other.get_by_role("radio", name="each run")).to_be_checked()
    expect(other.get_by_text("9,999 times")).to_have_count(0)
    settle(other)
    assert other.url == tab.url
    other.wait_for_function(f"drawn => String({CURVES}) === String(drawn)", arg=curves(tab))


def test_missing_seeds_are_run_by_a_click_and_watched(
    dashboard_server: DashboardServer, store: Store, tab: Page
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", dashboard_server.store)
        fresh = [mlcore.run(TINY.replace(lr=lr, seed=9), progress=False).id for lr in (0.003, 0.03)]
    tab.goto(f"{dashboard_server.url}/compare?runs={','.join(fresh)}")
    expect(tab.get_by_text("are not distinguishable with 1 seed each")).to_be_visible()
    tab.get_by_role("button", name="Run 2 of A and 2 of B").click()

    three = tab.get_by_text("3 seeds each)").or_(tab.get_by_text("with 3 seeds each"))
    expect(three.first).to_be_visible(timeout=FINISHED_MS)
    seeds = {(run.config_fields["lr"], run.seed) for run in store.list()}
    assert {(lr, seed) for lr in (0.003, 0.03) for seed in (0, 1, 9)} <= seeds
    expect(tab.get_by_text("3 seeds)").first).to_be_attached()


def test_two_tabs_edit_the_same_run_and_both_words_stay(
    dashboard_server: DashboardServer, store: Store, tab: Page
) -> None:
    run = store.list()[0]
    address = f"{dashboard_server.url}/runs?where={run.id}"
    second = tab.context.new_page()
    for one in (tab, second):
        one.goto(address)
        wait_for_table(one)
        mark(one, 0)
        expect(one.get_by_label("Name")).to_be_visible()

    tab.get_by_label("Name").fill("named in the first tab")
    tab.get_by_label("Name").press("Enter")
    second.get_by_label("Note").fill("noted in the second tab")
    second.get_by_label("Note").press("Control+Enter")

    expect(second.get_by_label("Name")).to_have_value("named in the first tab")
    expect(tab.get_by_label("Note")).to_have_value("noted in the second tab")
    now = run.refresh()
    assert (now.name, now.note) == ("named in the first tab", "noted in the second tab")


def test_a_live_row_grows_in_place_and_keeps_its_mark(
    dashboard_server: DashboardServer, store: Store, tab: Page
) -> None:
    tab.goto(f"{dashboard_server.url}/runs?columns=id&columns=status")
    wait_for_table(tab)
    mark(tab, 1)
    expect(tab.get_by_text("1 chosen")).to_be_visible()
    marked = store.list()[1]
    expect(tab.get_by_label("Name")).to_be_visible()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLCORE_STORE", dashboard_server.store)
        started = mlcore.run(TINY.replace(lr=0.2, epochs=3), progress=False)

    expect(tab.locator(".stDataFrame").get_by_text(started.id)).to_be_attached()
    expect(tab.get_by_text("1 chosen")).to_be_visible()
    expect(tab.get_by_text(f"{len(store.list())} runs")).to_be_visible()
    expect(tab.locator(".stMarkdown code").get_by_text(marked.id).first).to_be_visible()
    star(tab, 2)  # the marked run is the third row now
    expect(tab.locator(".stDataFrame").get_by_text("★").nth(1)).to_be_attached()
    until(lambda: marked.refresh().starred)


def test_hostile_names_run_nothing_on_either_page(
    dashboard_server: DashboardServer, store: Store, tab: Page
) -> None:
    said: list[str] = []

    def hear(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    tab.on("dialog", hear)
    run = store.list()[0]
    name = "<img src=x onerror=alert(1)> **x** $x$ :red[x]"
    edit(store, [run.id], name=name, add_tags=["<b>**t**</b>"], note=name)

    tab.goto(f"{dashboard_server.url}/runs?where={run.id}")
    wait_for_table(tab)
    mark(tab, 0)
    expect(
        tab.locator("strong", has_text="<img src=x onerror=alert(1)> **x** $x$ :red[x]")
    ).to_be_visible()
    tab.goto(f"{dashboard_server.url}/compare?runs={run.id}&lines=each+run")
    wait_for_curves(tab, 1)
    expect(tab.get_by_text("<img src=x onerror=alert(1)>").first).to_be_attached()

    assert said == []
    settle(tab)
    assert tab.locator("img[src='x']").count() == 0


def test_a_zip_dropped_on_the_page_becomes_a_marked_run(
    dashboard_server: DashboardServer, store: Store, tab: Page
) -> None:
    run = store.list(status="finished", newest_first=False)[0]
    tab.goto(f"{dashboard_server.url}/runs")
    wait_for_table(tab)
    tab.get_by_text("Import", exact=True).first.click()
    tab.locator("input[type=file]").set_input_files(
        {"name": "run.zip", "mimeType": "application/zip", "buffer": to_zip([run])}
    )
    expect(tab.get_by_role("button", name="Remove run.zip")).to_be_visible()
    settle(tab)  # the button moves down as the file is listed
    tab.get_by_role("button", name="Import", exact=True).click()

    expect(tab.get_by_text("is imported")).to_be_visible()
    expect(tab.get_by_text("This run was imported")).to_be_visible()
    settle(tab)
    [copy] = [one for one in store.list() if one.source == "zip"]
    assert copy.latest() == run.latest()
    expect(tab.get_by_role("button", name="Resume")).to_have_count(0)
