"""Home: what it says with and without runs, and its one button."""

from mlcore import MNISTConfig, Run
from mlcore.runs.store.store import Store
from tests.pages.conftest import Open


def test_home_without_runs_says_so_and_offers_the_course_run(
    empty_store: Store, open_page: Open
) -> None:
    at = open_page()

    assert "No run yet" in at.info[0].value
    assert at.button(key="home.start.button").label == "Start the course's run"
    assert [code.value for code in at.code] == [
        "import mlcore\n\nrun = mlcore.run(mlcore.MNISTConfig())",
        "mlcore run mnist",
    ]
    assert empty_store.list() == []


def test_the_button_queues_the_course_run_and_leads_to_it(
    empty_store: Store, open_page: Open
) -> None:
    at = open_page()

    at.button(key="home.start.button").click().run()

    assert not at.exception
    [run] = empty_store.list()
    assert run.config == MNISTConfig()
    assert run.status == "queued"
    ways = [(link.proto.page, link.proto.query_string) for link in at.get("page_link")]
    assert ("mnist", f"tab=Train&runs={run.id}") in ways  # the browser follows it
    at = open_page("pages/mnist.py", tab="Train", runs=run.id)
    assert at.title[0].value == "MNIST"
    assert at.button(key=f"mnist.live.{run.id}.Stop")


def test_home_shows_the_latest_runs(with_run: Run, open_page: Open) -> None:
    at = open_page()

    shown = " ".join(element.value for element in at.markdown)
    assert with_run.id in shown
    assert "finished" in shown
    assert not at.info
