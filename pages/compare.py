"""Compare: curves and differences of chosen runs, and whether a difference is more than luck."""

from mlcore.ui import page

page.header("Compare", "Is one run better than another, or was it luck?")

from mlcore.ui.runs import compare_page  # noqa: E402 - first paint, then load

with page.sentences():
    compare_page.show()
