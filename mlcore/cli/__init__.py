"""The command line: ``mlcore run mnist --lr 0.1``; its flags are the fields of the configs."""

from mlcore.cli.main import main

__all__ = ["main"]
