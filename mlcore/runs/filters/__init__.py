"""The filter language of the run table, such as ``lr < 0.05 and tag:week3``."""
