"""The people of a store: who solved a task, who opened a test set."""

from typing import Final

LOCAL_PERSON: Final = "local"
"""The one person of a dashboard that runs on its user's own machine."""

LONGEST: Final = 100
"""Characters of the name of a person, a chapter or a task at most."""
