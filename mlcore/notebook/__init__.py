"""Rich output of runs and sweeps in a notebook, and their live chart."""
