"""Runs: find, mark, compare and take along what was trained."""

from mlcore.ui import page

page.header("Runs", "Which of my runs answers my question?")

from mlcore.ui.runs import runs_page  # noqa: E402 - first paint, then load

with page.sentences():
    runs_page.show()
