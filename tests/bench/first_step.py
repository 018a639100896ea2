"""How long a fresh process takes until its first run has taken its first optimizer step.

    python tests/bench/first_step.py

Of it, what `import torch` takes alone, and what torch's compiler would add: torch's own optimizers
import it when the first of them is made, those of `mlcore.mnist.optimizers` do not.
"""

import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.startup import seconds

FIRST = """
from mlcore.mnist.config import MNISTConfig
steps = MNISTConfig().train()
while next(steps).index < 1:
    pass
"""


def main() -> None:
    """Print the medians."""
    for label, code in (
        ("import torch", "import torch"),
        ("first step", FIRST),
        ("first step, compiler imported", f"import torch._dynamo\n{FIRST}"),
    ):
        times = seconds(code)
        print(f"{label:30} median {median(times):.2f} s ({min(times):.2f}–{max(times):.2f})")


if __name__ == "__main__":
    main()
