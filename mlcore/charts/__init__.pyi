from .notebook import curves as curves
