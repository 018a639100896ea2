"""How long `import mlcore` takes, against an empty interpreter.

Run it with: python tests/bench/startup.py
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

RUNS = 11


def seconds(code: str) -> list[float]:
    """Wall time of a fresh interpreter that runs a line of code, several times."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - began)
    return times


def main() -> None:
    """Print the median and the range."""
    for label, code in (
        ("empty interpreter", "pass"),
        ("import mlcore", "import mlcore"),
        ("mlcore.MNISTConfig()", "import mlcore; mlcore.MNISTConfig()"),
    ):
        times = seconds(code)
        print(
            f"{label:22} median {median(times) * 1000:5.0f} ms"
            f"  ({min(times) * 1000:.0f}–{max(times) * 1000:.0f}, n = {RUNS})"
        )


if __name__ == "__main__":
    main()
