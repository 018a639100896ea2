"""Home: where it leads, with and without runs and progress."""

from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from mlcore import MNISTConfig, RegressionConfig, regression
from mlcore.course import KEYS
from mlcore.runs.store.progress import remember_solved
from mlcore.runs.store.store import Store
from mlcore.ui import navigation
from mlcore.ui.home import ball, cards, latest
from tests.pages.conftest import Open


def begin(at: AppTest) -> tuple[str, str]:
    """Label and page of the link that is Home's main action."""
    first = at.get("page_link")[0].proto
    return first.label, first.page


def test_a_newcomer_is_led_to_chapter_1(empty_store: Store, open_page: Open) -> None:
    at = open_page()

    assert begin(at) == ("Start with chapter 1 (10 min)", "autograd")
    assert at.button(key="home.start.button").label == "Train the course's network"
    assert "No run yet" in at.info[0].value
    shown = [caption.value for caption in at.caption]
    assert "**10 min** · 0 of 5 tasks solved" in shown
    assert [code.value for code in at.code] == [
        "import mlcore\n\nrun = mlcore.run(mlcore.MNISTConfig())",
        "mlcore run mnist",
    ]
    assert empty_store.list() == []


def test_progress_is_summed_and_the_button_goes_on(empty_store: Store, open_page: Open) -> None:
    remember_solved(empty_store, "autograd", [*KEYS["autograd"], "a task of another version"])
    remember_solved(empty_store, "regression", ["quick"])

    at = open_page()

    assert begin(at) == ("Continue with chapter 2 (15 min)", "regression")
    shown = " ".join(caption.value for caption in at.caption)
    assert "all 5 tasks solved" in shown
    assert "1 of 5 tasks solved" in shown

    remember_solved(empty_store, "regression", ["valley"])  # in another tab
    at.run()
    assert "2 of 5 tasks solved" in " ".join(caption.value for caption in at.caption)


def test_every_chapter_has_a_time_and_a_picture_in_words() -> None:
    assert set(cards.ALT) == set(KEYS) == {chapter.file for chapter in navigation.COURSE}
    assert all(5 <= chapter.minutes <= 20 for chapter in navigation.COURSE)


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


@pytest.mark.usefixtures("with_run")
def test_home_shows_the_latest_runs_under_names_that_people_can_read(open_page: Open) -> None:
    at = open_page()

    shown = [element.value.replace("\\", "") for element in at.markdown]
    assert any(text.startswith("**MNIST: train_size 512, model linear") for text in shown)
    assert any("finished · test accuracy" in caption.value for caption in at.caption)
    assert not at.info


def test_names_and_times_are_words(store: Store) -> None:
    plain, other = store.submit(MNISTConfig()), store.submit(RegressionConfig(steps=7))
    assert latest.readable(plain) == "MNIST: the course's settings"
    assert latest.readable(other) == "Regression: steps 7"
    assert latest.readable(other.edit(name="Tuesday's")) == "Tuesday's"

    now = datetime(2026, 1, 5, 12, tzinfo=UTC)
    told = [latest.ago(now - timedelta(seconds=s), now) for s in (0, 59, 61, 7200, 86_400, 200_000)]
    assert told == ["just now", "just now", "1 min ago", "2 h ago", "24 h ago", "2 days ago"]


def test_the_bowl_is_the_loss_of_the_hours_and_scores() -> None:
    data = regression.hours_scores()
    bowl = ball.bowl()
    problem = regression.Problem.of(data.x, data.y, model="origin")

    verdict = regression.judge(problem)
    assert bowl.border == pytest.approx(verdict.divergent, rel=1e-12)
    path = regression.descend_on(problem, lr=0.85 * bowl.border, steps=14)
    closed = [bowl.best * (1 - (1 - 2 * 0.85) ** step) for step in range(15)]
    assert path.w.flatten().tolist() == pytest.approx(closed, rel=1e-9)
    losses = [bowl.floor + bowl.m * (w - bowl.best) ** 2 for w in closed]
    assert path.loss.flatten().tolist() == pytest.approx(losses, rel=1e-9)
