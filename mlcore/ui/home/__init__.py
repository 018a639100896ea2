"""Parts of Home: the ball in the bowl, the chapters' cards, and the latest runs."""
