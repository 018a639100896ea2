"""Runs: find, organize, compare and export runs."""

from mlcore.ui import page

page.header("Runs", "Which runs have I made, and which is the best?")

from mlcore.ui.runs import runs_page  # noqa: E402 - first paint, then load

with page.sentences():
    runs_page.show()
