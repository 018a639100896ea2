"""Adapters by which other libraries log to mlcore: their callbacks, loggers and scripts."""
