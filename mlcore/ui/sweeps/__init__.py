"""Widgets and views of the page of sweeps."""
