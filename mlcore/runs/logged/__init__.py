"""Runs that a training loop of one's own logs: begun by ``mlcore.start_run``."""
