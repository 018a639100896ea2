"""Executes runs: claims, recorder, workers, heartbeat and engines."""
