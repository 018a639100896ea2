"""Compare: chosen runs over each other, and what may be said of their difference."""

from mlcore.ui import page

page.header("Compare", "Is one run better than another, or was it luck?")

from mlcore.ui.runs import compare_page  # noqa: E402 - first paint, then load

with page.sentences():
    compare_page.show()
