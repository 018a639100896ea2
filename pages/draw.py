"""Draw: a digit of one's own, what networks say of it, and what one of them sees in it."""

from mlcore.ui import page

page.header("Draw a digit", "What does a network make of your own hand, and how little fools it?")

from mlcore.ui.draw import answers, networks, sees, sheet, starts  # noqa: E402 - first paint, then load

chosen: list[networks.Network] = []
with page.sentences():
    chosen = networks.choose_networks()
if chosen:
    starts.first(chosen[0])
    left, right = page.columns()
    with left:
        sheet.show()
        starts.controls(chosen[0])
    with right:
        answers.show(chosen)
        sees.show(chosen[0])

page.explain("How a drawing becomes 28×28 pixels, and what the views show", "draw", key="draw.text")
