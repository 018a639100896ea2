"""Compares runs: measures, seed groups, statistics and importance."""
