"""Charts: each module turns a DataFrame of its domain into an Altair chart.

``curves`` draws the points of a run, or the curves of a comparison, in Jupyter or a script:

    >>> import mlcore
    >>> run = mlcore.run(mlcore.RegressionConfig(steps=20))
    >>> chart = mlcore.charts.curves(run.metrics(["loss"]))

The other modules draw the pages of the dashboard.
"""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach_stub(__name__, __file__)
