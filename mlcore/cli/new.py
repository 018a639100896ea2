"""``mlcore new``: writes an experiment to start from."""

from __future__ import annotations

import keyword
import sys
from pathlib import Path
from typing import Final

from mlcore.cli.commands import argument, command
from mlcore.core import InputError

_EXAMPLE: Final = "spiral"
"""The name of the experiment in ``mlcore/experiments/example.py``."""


@command(
    "write an experiment of your own to start from: experiments/NAME.py",
    argument("name", "what to call it: `mlcore new spiral`", metavar="NAME"),
)
def new(name: str) -> int:
    """Write the example under another name; an existing file stays as it is."""
    from mlcore.experiments import EXPERIMENTS, own
    from mlcore.experiments.discovery import FOLDER

    if not name.isascii() or not name.isidentifier() or keyword.iskeyword(name):
        raise InputError(
            f"The name is {name!r}, but must be the name of a Python module: letters, digits and "
            "underscores, such as spiral."
        )
    if name in EXPERIMENTS:
        raise InputError(f"The name {name!r} is taken by mlcore itself. Choose another.")
    file = Path(FOLDER) / f"{name}.py"
    if (found := own().get(name)) is not None and not file.exists():
        raise InputError(f"The name {name!r} is taken by {found.file}. Choose another.")
    file.parent.mkdir(exist_ok=True)
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(_text(name))
    except FileExistsError:
        raise InputError(
            f"{file} exists already and stays as it is. Choose another name, or remove it first."
        ) from None
    print(f"Wrote {file}: a network that learns to tell two spirals apart.")
    print(f"  mlcore run {name}     trains it here")
    print("  mlcore dashboard  has its page in the menu, under Your experiments")
    print("Edit the file and start again: that is a new run, and the old ones stay.")
    sys.stdout.flush()
    return 0


def _text(name: str) -> str:
    """The example's source under another name."""
    from mlcore import experiments

    source = (Path(experiments.__file__).parent / "example.py").read_text(encoding="utf-8")
    title = "".join(part.capitalize() for part in name.split("_")) or name
    if not title.isidentifier():
        title = f"Experiment{title}"
    source = source.replace(f'"{_EXAMPLE}"', f'"{name}"')
    return source.replace(_EXAMPLE.capitalize(), title)
