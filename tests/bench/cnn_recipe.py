"""The preset "99 % CNN" beside the quickest public recipe: accuracy and seconds, seed by seed.

    python tests/bench/cnn_recipe.py [--seeds 5] [--idle]

The public recipe: one epoch in batches of 256, convolutions of 24 channels 5 × 5 and 32 channels
3 × 3, each with ReLU and 2 × 2 max pooling, 256 hidden units, Adam with betas 0.7 and 0.9, one
cycle up to 0.01; as published, with channels last, and with bfloat16 autocast as well (skipped
where the processor has none). Each run has a process of its own, the ways take turns. Seconds are
from the first batch to the end of the test, data in memory.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.idle import wait_until_idle

PUBLIC = """
import sys, time, contextlib, torch
from torch import nn
from torch.nn import functional as F
from mlcore.mnist.data.digits import load
seed, way = int(sys.argv[1]), sys.argv[2]
digits = load()
ready = lambda images: ((images.float() / 255 - 0.1307) / 0.3081)[:, None]
images, test = ready(digits.train_images), ready(digits.test_images)
torch.manual_seed(seed)
model = nn.Sequential(
    nn.Conv2d(1, 24, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(24, 32, 3), nn.ReLU(),
    nn.MaxPool2d(2), nn.Flatten(), nn.Linear(800, 256), nn.ReLU(), nn.Linear(256, 10),
)
if way != "published":
    model = model.to(memory_format=torch.channels_last)
def precision():
    if way == "bfloat16":
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return contextlib.nullcontext()
optimizer = torch.optim.Adam(model.parameters(), betas=(0.7, 0.9))
schedule = torch.optim.lr_scheduler.OneCycleLR(
    optimizer, max_lr=0.01, total_steps=235, cycle_momentum=False
)
started = time.perf_counter()
for chosen in torch.randperm(60_000).split(256):
    with precision():
        outputs = model(images[chosen])
    loss = F.cross_entropy(outputs.float(), digits.train_labels[chosen])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
model.eval()
with torch.no_grad(), precision():
    right = sum(
        int((model(part).argmax(1) == labels).sum())
        for part, labels in zip(test.split(1000), digits.test_labels.split(1000))
    )
print(right / 10_000, time.perf_counter() - started)
"""

OURS = """
import sys, time
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.train import train
seed, precision = int(sys.argv[1]), sys.argv[2]
config = MNISTConfig.presets["99 % CNN"].replace(seed=seed, precision=precision)
for step in train(config):
    if step.index == 0:
        started = time.perf_counter()
print(step.metrics["test_accuracy"], time.perf_counter() - started)
"""

WAYS = {
    "public, as published": (PUBLIC, "published"),
    "public, channels last": (PUBLIC, "channels last"),
    "public, channels last, bfloat16": (PUBLIC, "bfloat16"),
    "99 % CNN": (OURS, "auto"),
    "99 % CNN, float32": (OURS, "float32"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--idle", action="store_true", help="wait for a quiet machine each time")
    arguments = parser.parse_args()
    seeds = arguments.seeds
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for seed in range(seeds):
        for name, (code, extra) in WAYS.items():
            if arguments.idle:
                wait_until_idle()
            done = subprocess.run(
                [sys.executable, "-W", "ignore", "-c", code, str(seed), extra],
                capture_output=True,
                text=True,
                check=True,
            )
            accuracy, seconds = map(float, done.stdout.split())
            found[name].append((accuracy, seconds))
            print(f"  seed {seed}  {name:32} {accuracy:.4f}  {seconds:6.2f} s", flush=True)
    print(f"load {os.getloadavg()[0]:.1f}, n = {seeds}")
    print(f"{'way':32} mean accuracy  lowest  seconds, median  quickest")
    for name, runs in found.items():
        accuracies, times = zip(*runs, strict=True)
        print(
            f"{name:32} {statistics.mean(accuracies):13.4f} {min(accuracies):7.4f} "
            f"{statistics.median(times):16.2f} {min(times):9.2f}"
        )


if __name__ == "__main__":
    main()
