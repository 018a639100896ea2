"""Two spirals, and an MLP that learns which of them a point of the plane belongs to."""

import math
from collections.abc import Iterator
from copy import deepcopy
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

import mlcore


class Spiral(mlcore.Config):
    """How wide must a network be to tell two spirals apart?"""

    experiment: ClassVar[str] = "spiral"

    width: int = Field(16, ge=1, le=256, description="Neurons of each of the two hidden layers")
    activation: Literal["tanh", "relu"] = "tanh"
    lr: float = Field(0.01, ge=1e-5, le=1, title="Rate of Adam", json_schema_extra={"scale": "log"})
    steps: int = Field(400, ge=1, le=20_000, description="Optimizer steps")
    turns: float = Field(1.5, gt=0, le=5, description="How often each spiral winds")
    noise: float = Field(0.05, ge=0, le=1, description="Standard deviation of the points")
    seed: int = Field(0, ge=0)

    def data(self, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        """500 points, float32 [500, 2], and the spiral of each, 0 or 1."""
        labels = torch.arange(500) % 2
        radius = torch.rand(500, generator=generator).sqrt()
        angle = 2 * math.pi * self.turns * radius + math.pi * labels
        points = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1)
        return points + self.noise * torch.randn(500, 2, generator=generator), labels

    def build_model(self) -> nn.Module:
        """The untrained network: 2 inputs, 2 logits."""
        act = nn.Tanh if self.activation == "tanh" else nn.ReLU
        hidden = [nn.Linear(2, self.width), act(), nn.Linear(self.width, self.width), act()]
        return nn.Sequential(*hidden, nn.Linear(self.width, 2))

    def example_input(self) -> torch.Tensor:
        """One point; by it the dashboard shows the layers and the graph of the network."""
        return torch.zeros(1, 2)

    def train(self, snapshot: mlcore.Snapshot | None = None) -> Iterator[mlcore.Step]:
        """Train on one set of points and test on another; yield every tenth step."""
        generator = torch.manual_seed(self.seed)
        (x, y), (test_x, test_y) = self.data(generator), self.data(generator)
        model = self.build_model()
        copy = partial(deepcopy, mlcore.Snapshot(model.state_dict(prefix="model.")))
        optimizer = torch.optim.Adam(model.parameters(), lr=self.lr)
        for step in range(self.steps + 1):
            last = step == self.steps
            loss = nn.functional.cross_entropy(model(x), y)
            if step % 10 == 0 or last:
                accuracy = (model(test_x).argmax(1) == test_y).float().mean()
                metrics = {"train_loss": loss.item(), "test_accuracy": accuracy.item()}
                yield mlcore.Step(step, step, self.steps, metrics, snapshot=copy if last else None)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def metric_names(self) -> tuple[str, ...]:
        """What each run logs: the objectives of a sweep."""
        return ("train_loss", "test_accuracy")


Spiral.presets = {"narrow": Spiral(width=4), "wide": Spiral(width=128, lr=0.005)}
