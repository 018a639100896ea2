"""Home: what this is, one button that starts the course run, the latest runs live."""

from mlcore.ui import page

page.header("Gradient descent bench", "What does gradient descent do, and why does it work?")
page.prose("home")
