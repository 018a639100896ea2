"""A profile for the hostile inputs: ``pytest tests/autograd --hypothesis-profile ten_thousand``."""

from hypothesis import settings

settings.register_profile("ten_thousand", max_examples=10_000, deadline=None)
