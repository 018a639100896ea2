"""Carries out runs: claims, recorder, workers, heartbeat and engines."""
