"""The README of an exported network: what it was trained on, how well it does, how to run it."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from mlcore.runs.headline import accuracy_words

if TYPE_CHECKING:
    from torch import nn

    from mlcore.mnist.config import MNISTConfig
    from mlcore.mnist.data.digits import Digits
    from mlcore.runs.recorded_run import Run

_TEXT: Final = """# A network trained on {title}

{state}

- Data: {title}, {images:,} training images of {side} × {side} pixels in {classes} classes.
- Accuracy: {accuracy}.
- Parameters: {parameters:,}. Loss: {loss}. Seed: {seed}.
- Trained by mlcore {mlcore} with PyTorch {torch}; run `{run}`.

## How to run it

```sh
pip install torch safetensors numpy pillow
python predict.py IMAGE [IMAGE ...]
```

It prints the class and the probability of each class. mlcore is not needed. It was written with
torch {torch_now}, safetensors {safetensors}, numpy {numpy}, pillow {pillow}.

From Python, in this folder:

```python
import torch

from model import load, normalized, probabilities

network = load()  # with the trained weights, in eval mode
pixels = torch.zeros(1, {side}, {side}, dtype=torch.uint8)  # grey levels, 0 is background
print(probabilities(network(normalized(pixels))))
```

## What it takes

Images of {side} × {side} grey levels, light on black, as (pixel / 255 − {mean}) / {std}: mean and
standard deviation of the training pixels. `read_picture.py` makes that of a picture file:

- It becomes grey and upright; transparency becomes white.
- If more than half of its border is lighter than 127, it is inverted (`--background dark` keeps
  it as it is).
- At {side} × {side} pixels it stays as it is. Any other size is scaled as a whole until its longer
  side fits, and centred. A photo of which the object fills a small part must be cropped first.

## Files

- `model.py`: the network, layer by layer, in plain PyTorch
- `weights.safetensors`: its weights, by the names of the layers
- `predict.py`: classes and probabilities of picture files
- `read_picture.py`: from a picture file to {side} × {side} grey levels

## Config

The data set is named by its checksum `{checksum}`, the whole config by `{fingerprint}`.

```json
{config}
```
"""


def network_readme(
    run: Run, config: MNISTConfig, model: nn.Module, digits: Digits, mlcore: str
) -> str:
    """The text of ``README.md``.

    Args:
        run: Its status, accuracy and versions are told.
        config: Its config.
        model: Its network.
        digits: What it was trained on.
        mlcore: Version of mlcore now, where the run knows none.
    """
    fields = config.to_dict()
    fields.pop("data_dir", None)  # a path of one machine
    words = accuracy_words({**run.latest(), **(run.opening.metrics if run.opening else {})})
    return _TEXT.format(
        title=digits.title,
        state=(
            "It was trained to the end."
            if run.status == "finished"
            else f"Its training was {run.status} at {run.progress:.0%}, step {run.step:,}."
        ),
        images=config.num_train(),
        side=config.example_input().shape[-1],
        classes=len(digits.classes),
        accuracy=" and ".join(words) or "not measured",
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        loss=config.loss,
        seed=config.seed,
        mlcore=run.versions.get("mlcore", mlcore),
        torch=run.versions.get("torch", version("torch")),
        run=run.id,
        torch_now=version("torch"),
        safetensors=version("safetensors"),
        numpy=version("numpy"),
        pillow=version("pillow"),
        mean=digits.mean,
        std=digits.std,
        checksum=run.environment.get("data", config.data_checksum()),
        fingerprint=run.fingerprint,
        config=json.dumps(fields, indent=1, ensure_ascii=False, default=str),
    )
