"""The store of runs: database, tables, points and files."""
