"""200 learning rates × 1,000 steps: one vectorized descent against one descent after the other.

    python tests/bench/regression_rates.py

Prints medians; the course's plain loop and torch.optim.SGD are timed on a few rates and scaled
to 200, since each rate costs them the same.
"""

import csv
import statistics
import time
from collections.abc import Callable

import torch

from mlcore.regression import descend, hours_scores
from mlcore.regression.data import HOURS_SCORES

RATES, STEPS, SAMPLE = 200, 1000, 5


def course_loop(rows: list[tuple[float, float]], lr: float) -> tuple[float, float]:
    """The course's loop: plain Python over the points, w and b by their own derivatives."""
    w = b = 0.0
    n = len(rows)
    for _ in range(STEPS):
        slope_w = slope_b = 0.0
        for x, y in rows:
            slope_b += -(2 / n) * (y - (w * x + b))
            slope_w += -(2 / n) * x * (y - (w * x + b))
        w, b = w - lr * slope_w, b - lr * slope_b
    return w, b


def torch_sgd(x: torch.Tensor, y: torch.Tensor, lr: float) -> tuple[float, float]:
    """The loop that PyTorch's tutorials show."""
    theta = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([theta], lr=lr)
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(theta[0] * x + theta[1], y).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    w, b = theta.tolist()
    return w, b


def seconds(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    data = hours_scores()
    with HOURS_SCORES.open(newline="") as file:
        rows = [(float(x), float(y)) for x, y in csv.reader(file)]
    rates = torch.logspace(-6, -3.5, RATES, dtype=torch.float64)
    descend(data.x, data.y, lr=rates, steps=10)
    ours = seconds(lambda: descend(data.x, data.y, lr=rates, steps=STEPS), 9)
    course = seconds(lambda: course_loop(rows, 1e-4), SAMPLE) * RATES
    sgd = seconds(lambda: torch_sgd(data.x, data.y, 1e-4), SAMPLE) * RATES
    path = descend(data.x, data.y, lr=1e-4, steps=STEPS)
    for w, b in (course_loop(rows, 1e-4), torch_sgd(data.x, data.y, 1e-4)):
        assert abs(w - float(path.w[-1])) < 1e-9
        assert abs(b - float(path.b[-1])) < 1e-9
    print(f"{RATES} rates x {STEPS} steps on {len(data)} points, torch {torch.__version__}")
    print(f"one call of descend        {ours * 1e3:9.1f} ms (median of 9)")
    print(
        f"{RATES} x the course's loop    {course * 1e3:9.1f} ms  {course / ours:7.0f} times as long"
    )
    print(f"{RATES} x torch.optim.SGD      {sgd * 1e3:9.1f} ms  {sgd / ours:7.0f} times as long")


if __name__ == "__main__":
    main()
