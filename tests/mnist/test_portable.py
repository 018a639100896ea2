"""A network taken out of mlcore gives the same numbers: as plain PyTorch, and as ONNX."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from mlcore.core import InputError
from mlcore.mnist import MNISTConfig, build_model, load, predict_files
from mlcore.mnist.insight import forward, on_pixels
from mlcore.mnist.portable.network_files import chain_of, network_files, onnx_bytes
from mlcore.mnist.portable.network_source import network_source

NORMS: Final[tuple[Any, ...]] = ("none", "batch", "layer", "group", "rms", "instance")
ACTIVATIONS: Final[tuple[Any, ...]] = (
    *("relu", "leaky_relu", "gelu", "silu", "tanh", "sigmoid", "identity"),
)
CONFIGS: Final = (
    MNISTConfig(model="linear"),
    *(
        MNISTConfig(
            hidden=(64, 48),
            activation=activation,
            normalization=NORMS[number % 5],
            dropout=0.25 * (number % 2),
            loss=("mse", "cross_entropy")[number % 2],
        )
        for number, activation in enumerate(ACTIVATIONS)
    ),
    *(
        MNISTConfig(
            model="cnn",
            channels=channels,
            kernels=kernels,
            stride=stride,
            dense=dense,
            activation=ACTIVATIONS[number],
            normalization=norm,
            dropout=dropout,
            loss="cross_entropy",
        )
        for number, (channels, kernels, stride, dense, norm, dropout) in enumerate(
            [
                ((4, 8), (5, 3), 1, 16, NORMS[0], 0.0),
                ((6, 8), (7, 4), 2, 12, NORMS[1], 0.5),
                ((4, 6), (3, 3), 1, 0, NORMS[2], 0.5),
                ((8, 16), (2, 1), 2, 64, NORMS[3], 0.0),
                ((4, 4, 4), (3, 3, 2), 1, 8, NORMS[5], 0.0),
                ((3, 5), (5, 3), 1, 8, NORMS[4], 0.2),
            ]
        )
    ),
)

ALONE: Final = """
import json, runpy, sys
from pathlib import Path
sys.modules["mlcore"] = None  # an import of it fails
import numpy, torch
root = Path(sys.argv[1])
pixels = torch.from_numpy(numpy.load(root / "pixels.npy"))
for folder in sorted(root.glob("net*")):
    sys.path.insert(0, str(folder))
    for name in ("model", "read_picture"):
        sys.modules.pop(name, None)
    import model
    with torch.inference_mode():
        logits = model.load()(model.normalized(pixels))
        chances = model.probabilities(logits)
    numpy.savez(root / folder.name, logits=logits.numpy(), chances=chances.numpy())
sys.argv = ["predict.py", *map(str, sorted(root.glob("*.png")))]
try:
    runpy.run_path(str(folder / "predict.py"), run_name="__main__")
except SystemExit as ended:
    assert ended.code == 1, ended.code
"""


def shaken(config: MNISTConfig) -> nn.Module:
    """A network all of whose numbers differ, also those that begin as 0 or 1."""
    model = build_model(config)
    generator = torch.Generator().manual_seed(3)
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point():
            noise = torch.rand(tensor.shape, generator=generator)
            tensor += noise if "var" in name else 0.2 * (noise - 0.5)
    return model.eval()


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return load("mnist").test_images[:200]


def test_the_folder_gives_the_same_logits_where_mlcore_cannot_be_imported(
    tmp_path: Path, pixels: torch.Tensor
) -> None:
    for number, config in enumerate(CONFIGS):
        folder = tmp_path / f"net{number:02}"
        folder.mkdir()
        for name, content in network_files(config, shaken(config)).items():
            (folder / name).write_bytes(content)
    np.save(tmp_path / "pixels.npy", pixels.numpy())
    Image.fromarray(pixels[0].numpy()).save(tmp_path / "a.png")
    Image.fromarray(255 - pixels[1].numpy()).resize((90, 50)).save(tmp_path / "b.png")
    (tmp_path / "c.png").write_text("no picture")
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", ALONE, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    digits = load("mnist")
    for number, config in enumerate(CONFIGS):
        with np.load(tmp_path / f"net{number:02}.npz") as found:
            ours = forward(on_pixels(shaken(config), digits), pixels).outputs
            np.testing.assert_allclose(
                found["logits"], ours, rtol=0, atol=1e-6, err_msg=str(config)
            )
            np.testing.assert_allclose(found["chances"].sum(axis=1), 1.0, atol=1e-5)
    read = [*predict_files(CONFIGS[-1], shaken(CONFIGS[-1]), tmp_path)]
    assert [one.label is None for one in read] == [False, False, True]
    said = [
        f"{one.path}: {one.name}"
        + " (inverted)" * one.inverted
        + "\n"
        + "".join(
            f"  {k}: {p:.4f}\n" for k, p in zip(digits.classes, one.probabilities, strict=True)
        )
        for one in read
        if one.probabilities is not None
    ]
    assert done.stdout == "".join(said)
    assert done.stderr.strip() == f"{tmp_path / 'c.png'}: {read[2].error}"


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c.model}-{c.normalization}")
def test_onnxruntime_gives_the_same_logits(config: MNISTConfig, pixels: torch.Tensor) -> None:
    runtime: Any = pytest.importorskip("onnxruntime")
    model = shaken(config)
    session = runtime.InferenceSession(onnx_bytes(config, model))
    found = session.run(["logits"], {"pixels": pixels.numpy().astype(np.float32) / 255})[0]
    ours = forward(on_pixels(model, load("mnist")), pixels).outputs
    assert np.abs(ours).max() > 0.1
    np.testing.assert_allclose(found, ours, rtol=0, atol=1e-5)


def test_every_layer_of_every_config_is_covered() -> None:
    fields = MNISTConfig.model_fields
    for name in ("model", "activation", "normalization", "loss"):
        allowed = set(json.loads(json.dumps(fields[name].annotation.__args__)))  # type: ignore[union-attr]
        assert {getattr(config, name) for config in CONFIGS} == allowed


def test_the_code_is_read_without_a_word_of_mlcore() -> None:
    config = MNISTConfig(hidden=(8,), activation="gelu", normalization="layer", dropout=0.1)
    source = network_files(config, build_model(config))["model.py"].decode()
    assert "self.hidden1 = nn.Linear(784, 8)" in source
    assert "self.normalization1 = nn.LayerNorm(8, eps=1e-05)" in source
    assert "import mlcore" not in source


def test_another_layer_or_network_is_refused_in_a_sentence() -> None:
    odd = nn.Sequential(nn.Flatten(), nn.Softsign())
    with pytest.raises(InputError, match=r"The layer 1 is a Softsign, which cannot"):
        network_source(odd, torch.zeros(1, 28, 28), classes=(), mean=0.0, std=1.0, loss="mse")
    with pytest.raises(InputError, match=r"is a Linear, but must be an nn\.Sequential"):
        chain_of(nn.Linear(1, 1))
