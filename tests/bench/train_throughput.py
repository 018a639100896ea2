"""The course's network on all of MNIST: images a second here, bare, and in other libraries.

    python tests/bench/train_throughput.py [--rounds 5] [--epochs 3] [--others PYTHON] [--idle]

784-256-64-10, ReLU, squared error against one-hot, SGD 0.01 with momentum 0.9, batches of 512.
Each way runs in a process of its own, in turn, round after round; the first epoch of each process
is thrown away (libraries compile, caches fill). Printed are the median over the rounds, the
quickest, and the ratio of the medians to the bare loop's.

--others names a Python that has scikit-learn, keras and jax, if this one has not. A way that is
not installed is skipped by name.
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.idle import wait_until_idle

FILES = Path(__file__).parents[2] / "mlcore" / "mnist" / "files"

ARRAYS = f"""
import lzma, sys, time
import numpy as np
def read(name, offset):
    packed = lzma.open(f"{FILES}/" + name + ".xz").read()
    return np.frombuffer(packed, np.uint8, offset=offset)
x = read("train-images-idx3-ubyte", 16).reshape(-1, 784)
y = read("train-labels-idx1-ubyte", 8).astype(np.int64)
epochs = int(sys.argv[1])
normal = ((x / 255 - 0.1307) / 0.3081).astype(np.float32)
one_hot = np.eye(10, dtype=np.float32)[y]
"""

TORCH = (
    ARRAYS
    + """
import torch
from torch import nn
from torch.nn import functional as F
torch.set_num_threads(int(sys.argv[2]))
torch.manual_seed(0)
model = nn.Sequential(
    nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
def learn(images, targets):
    loss = F.mse_loss(model(images), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
)

BARE = (
    TORCH
    + """
images, targets = torch.from_numpy(normal), torch.from_numpy(one_hot)
for epoch in range(epochs + 1):
    if epoch == 1:
        started = time.perf_counter()
    for chosen in torch.randperm(60_000).split(512):
        learn(images[chosen], targets[chosen])
print(60_000 * epochs / (time.perf_counter() - started))
"""
)

BARE_BYTES = BARE.replace("torch.from_numpy(normal)", "torch.from_numpy(x.copy())").replace(
    "learn(images[chosen]",
    "learn(images[chosen].float().div_(255 * 0.3081).sub_(0.1307 / 0.3081)",
)

LOADER = (
    TORCH
    + """
from mlcore.mnist.data.torchvision_compat import torchvision_datasets
from mlcore.mnist.data.cache import unpack_mnist
datasets = torchvision_datasets()
from torchvision import transforms
data = datasets.MNIST(unpack_mnist(), transform=transforms.Compose(
    [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
))
loader = torch.utils.data.DataLoader(data, batch_size=512, shuffle=True)
started = time.perf_counter()
for images, labels in loader:
    learn(images.view(-1, 784), F.one_hot(labels, 10).float())
print(60_000 / (time.perf_counter() - started))
"""
)

TRAIN = """
import sys, time
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.train import train
epochs, precision = int(sys.argv[1]), sys.argv[3]
config = MNISTConfig(epochs=epochs + 1, precision=precision)
started = 0.0
for step in train(config):
    if step.index == config.steps_per_epoch():
        started = time.perf_counter()
print(60_000 * epochs / (time.perf_counter() - started))
"""

TRAINING_ALONE = """
import statistics, sys
from mlcore.mnist.config import MNISTConfig
from mlcore.mnist.train import train
config = MNISTConfig(epochs=int(sys.argv[1]) + 1)
told = [s.metrics["samples_per_second"] for s in train(config)
        if s.index > config.steps_per_epoch() and "samples_per_second" in s.metrics]
print(statistics.median(told))
"""

RUN = """
import os, sys, tempfile, time
from pathlib import Path
with tempfile.TemporaryDirectory() as folder:
    os.environ["MLCORE_STORE"] = str(Path(folder) / "runs.db")
    import mlcore
    from mlcore.mnist.config import MNISTConfig
    config = MNISTConfig(epochs=int(sys.argv[1]) + 1)
    told = mlcore.run(config).metrics(["test_loss"])
    times = told[told["step"] >= config.steps_per_epoch()]["time"]
    print(60_000 * (config.epochs - 1) / (times.iloc[-1] - times.iloc[0]))
    mlcore.runs.open_store().close()
"""

SKLEARN = (
    ARRAYS
    + """
import warnings
from sklearn.neural_network import MLPRegressor
warnings.simplefilter("ignore")
# MLPClassifier fits a log loss; the regressor over one-hot labels is the course's squared error
net = MLPRegressor(hidden_layer_sizes=(256, 64), solver="sgd", learning_rate_init=0.01,
    momentum=0.9, nesterovs_momentum=False, alpha=0.0, batch_size=512, max_iter=1, random_state=0)
net.partial_fit(normal[:512], one_hot[:512])
started = time.perf_counter()
net.set_params(max_iter=epochs, warm_start=True, tol=0.0, n_iter_no_change=1000)
net.fit(normal, one_hot)
print(60_000 * net.n_iter_ / (time.perf_counter() - started))
"""
)

CLASSIFIER = (
    SKLEARN.replace("MLPRegressor", "MLPClassifier")
    .replace("net.partial_fit(normal[:512], one_hot[:512])", "")
    .replace("fit(normal, one_hot)", "fit(normal, y)")
)

KERAS = (
    ARRAYS
    + """
import os
os.environ["KERAS_BACKEND"] = "jax"
import keras
keras.utils.set_random_seed(0)
net = keras.Sequential([keras.layers.Input((784,)), keras.layers.Dense(256, activation="relu"),
    keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10)])
net.compile(keras.optimizers.SGD(0.01, momentum=0.9), loss="mse")
net.fit(normal, one_hot, batch_size=512, epochs=1, verbose=0)
started = time.perf_counter()
net.fit(normal, one_hot, batch_size=512, epochs=epochs, verbose=0)
print(60_000 * epochs / (time.perf_counter() - started))
"""
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--others", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD")
    parser.add_argument("--idle", action="store_true", help="wait for a quiet machine each time")
    arguments = parser.parse_args()
    ways = {
        "bare loop, floats": (sys.executable, BARE, ""),
        "bare loop, bytes": (sys.executable, BARE_BYTES, ""),
        "mlcore.train": (sys.executable, TRAIN, "float32"),
        # the rows above and below look at the 10,000 test images after each epoch as well
        "mlcore.train, training alone": (sys.executable, TRAINING_ALONE, ""),
        "mlcore.train, bfloat16": (sys.executable, TRAIN, "bfloat16"),
        "mlcore.run": (sys.executable, RUN, ""),
        "course's DataLoader loop": (sys.executable, LOADER, ""),
        "scikit-learn MLPRegressor": (arguments.others, SKLEARN, ""),
        "scikit-learn MLPClassifier": (arguments.others, CLASSIFIER, ""),
        "Keras on JAX": (arguments.others, KERAS, ""),
    }
    if arguments.only:
        ways = {k: v for k, v in ways.items() if any(word in k for word in arguments.only)}
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, (python, code, extra) in list(ways.items()):
            words = [str(arguments.epochs), str(arguments.threads), extra]
            if arguments.idle:
                wait_until_idle()
            done = subprocess.run(
                [python, "-W", "ignore", "-c", code, *words], capture_output=True, text=True
            )
            if done.returncode:
                print(f"{name}: skipped, {done.stderr.strip().splitlines()[-1]}", flush=True)
                del ways[name]
                continue
            speeds[name].append(float(done.stdout))
            print(f"  {name:28} {speeds[name][-1]:10,.0f}", flush=True)
    bare = statistics.median(speeds.get("bare loop, floats") or [1.0])
    print(f"load {os.getloadavg()[0]:.1f}, {arguments.threads} threads, n = {arguments.rounds}")
    print(f"{'way':28} images/s, median   quickest  epoch, s   of bare")
    for name, found in speeds.items():
        if found:
            median = statistics.median(found)
            print(
                f"{name:28} {median:16,.0f} {max(found):10,.0f} {60_000 / median:9.2f} "
                f"{median / bare:9.2f}"
            )


if __name__ == "__main__":
    main()
