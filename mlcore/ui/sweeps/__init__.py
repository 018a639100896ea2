"""Parts of the page of sweeps."""
