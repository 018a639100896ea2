"""``mlcore predict``: classes and probabilities of picture files, as CSV."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlcore.cli.commands import PATH, OneOf, argument, command, option
from mlcore.cli.console import counted
from mlcore.cli.run_lines import RUN_ID

if TYPE_CHECKING:
    from mlcore.mnist import FilePrediction


@command(
    "predict pictures by a run's network, as CSV: path, class, probabilities, error. "
    "A picture becomes grey; where its border is light (dark ink on paper) it is inverted; one of "
    "28×28 pixels stays as it is, any other is scaled as a whole and centred",
    RUN_ID,
    argument(
        "paths",
        "pictures, folders of pictures (with all below, sorted by name), or IDX files of images",
        type=PATH,
        nargs=-1,
        required=True,
        metavar="PATH...",
    ),
    option("--csv", "to", type=PATH, metavar="OUT", text="write to this file, not to the terminal"),
    option(
        "--fit",
        type=OneOf(("whole", "digit")),
        default="whole",
        metavar="WAY",
        text="whole: scale the picture (default); digit: find, crop and centre the ink of a photo, "
        "as the page Draw does",
    ),
    option(
        "--background",
        type=OneOf(("auto", "dark", "light")),
        default="auto",
        metavar="WHICH",
        text="auto: look at the border (default); dark: invert nothing; light: invert all",
    ),
)
def predict(run_id: str, paths: tuple[Path, ...], to: Path | None, **how: Any) -> int:
    """Predict files one after the other, in bounded memory."""
    from mlcore.core.files import write_parts_atomically
    from mlcore.mnist import load
    from mlcore.mnist.predict_files import csv_of_predictions, predict_files
    from mlcore.runs import get_run
    from mlcore.runs.export import trained_network

    if to is not None:
        _check_target(to)
    config, model = trained_network(get_run(run_id))
    counts = _Counts(predict_files(config, model, paths, **how))
    parts = csv_of_predictions(load(config.dataset, config.data_dir).classes, counts)
    if to is None:
        for part in parts:
            sys.stdout.write(part.decode("utf-8", "surrogateescape"))
    else:
        print(f"{to}: {write_parts_atomically(to.absolute(), parts):,} bytes", file=sys.stderr)
    print(counts.sentence(), file=sys.stderr)
    return 1 if counts.failed == counts.all else 0


def _check_target(to: Path) -> None:
    from mlcore.core import InputError

    if to.is_dir():
        raise InputError(f"--csv is {str(to)!r}, which is a folder: name a file.")
    if not to.absolute().parent.is_dir():
        raise InputError(f"There is no folder {to.absolute().parent}. Make it first.")


class _Counts:
    """Hands predictions on and counts them."""

    def __init__(self, predictions: Iterable[FilePrediction]) -> None:
        self._predictions = predictions
        self.all = self.failed = self.inverted = 0

    def __iter__(self) -> Iterator[FilePrediction]:
        for one in self._predictions:
            self.all += 1
            self.failed += one.label is None
            self.inverted += one.inverted
            yield one

    def sentence(self) -> str:
        said = f"{counted(self.all, 'picture')}"
        if self.inverted:
            said += f"; {self.inverted:,} had a light background and were inverted"
        if self.failed:
            said += f"; {self.failed:,} could not be read: see the column error"
        return said + "."
