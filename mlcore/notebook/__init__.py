"""Rich output of runs and sweeps in a notebook, and their live chart.

Nothing here is to be called: in a kernel of Jupyter ``import mlcore`` registers how runs, sweeps
and comparisons show themselves, and ``mlcore.run``, ``start_run``, ``sweep`` and ``cross_validate``
draw their curve in the cell while they go on. Outside of a notebook nothing of it is loaded.
"""
