"""Draw: a digit of one's own, what networks say of it, and what one of them sees in it."""

from mlcore.ui import page

page.header("Draw a digit", "What does a network make of your own hand, and how little fools it?")

from mlcore.mnist import load  # noqa: E402 - first paint, then load
from mlcore.ui.draw import answers, networks, sees, sheet, starts  # noqa: E402

chosen: list[networks.Network] = []  # should the store not open
with page.sentences():
    chosen = networks.choose_networks()
with page.sentences():
    digits = chosen[0].digits() if chosen else load("mnist")
    starts.first(digits)
    left, right = page.columns()
    with left:
        sheet.show()
        starts.controls(digits)
    with right:
        answers.show(chosen)
        sees.show(chosen[0] if chosen else None)

page.explain("How a drawing becomes 28×28 pixels, and what the views show", "draw", key="draw.text")
