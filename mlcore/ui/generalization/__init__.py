"""The views of the page *Generalization*."""
