"""Networks of one's own over pixels, beside the bare network and forward hooks."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mlcore.core import InputError
from mlcore.mnist.insight import OwnNetwork, output_maps, saliency, walk, weight_tiles

PICTURE = torch.rand(28, 28, generator=torch.Generator().manual_seed(0))


class _Residual(nn.Module):
    """No chain of layers: a sum, a layer that is called twice, and two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, stride=4)
        self.block = nn.Conv2d(4, 4, 3, padding=1)
        self.head = nn.Linear(4 * 7 * 7, 5)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.stem(x)
        hidden = hidden + self.block(self.block(hidden).relu())
        return self.head(hidden.flatten(1)), hidden


def own(model: nn.Module, **options: Any) -> OwnNetwork:
    return OwnNetwork(model.eval(), lambda pixels: pixels[:, None], **options)


def test_the_answer_is_the_network_s_softmax() -> None:
    torch.manual_seed(0)
    model = _Residual()
    network = own(model)
    said = network.answer(PICTURE)
    known = model(PICTURE[None, None])[0][0].detach()
    assert torch.equal(torch.from_numpy(said.outputs), known)
    assert said.probabilities == pytest.approx(known.softmax(0).numpy())
    assert network.classes == ("0", "1", "2", "3", "4")
    already = own(nn.Sequential(nn.Flatten(), nn.Linear(784, 3), nn.Softmax(1)))
    said = already.answer(PICTURE)
    assert said.probabilities == pytest.approx(said.outputs)


def test_gradients_by_pixels_go_through_to_the_network() -> None:
    torch.manual_seed(0)
    model = _Residual()
    x = PICTURE.clone().requires_grad_()
    out = model(x[None, None])[0][0]
    (known,) = torch.autograd.grad(out[int(out.argmax())], x)
    found = saliency(own(model), PICTURE)
    assert found.gradient == pytest.approx(known.numpy(), abs=1e-6)
    grey = (PICTURE * 255).byte().numpy()
    assert walk(own(model), grey).outputs[0] == pytest.approx(own(model).answer(grey).outputs)


def test_weights_and_outputs_of_layers_become_tiles() -> None:
    torch.manual_seed(0)
    model = _Residual()
    weights = weight_tiles(model, torch.zeros(1, 1, 28, 28))
    assert [(m.name, m.tiles.shape) for m in weights] == [
        ("stem", (4, 3, 3)),
        ("block", (16, 3, 3)),
        ("head", (1, 5, 196)),
    ]
    seen: list[Tensor] = []
    model.block.register_forward_hook(lambda _m, _i, out: seen.append(out[0].detach()))
    model(PICTURE[None, None])
    maps = {each.name: each.tiles for each in output_maps(own(model), PICTURE)}
    assert list(maps) == ["stem", "block", "block, call 2", "head"]
    assert maps["block"] == pytest.approx(seen[0].numpy())
    assert maps["block, call 2"] == pytest.approx(seen[1].numpy())
    assert weight_tiles(nn.Linear(784, 2), torch.zeros(1, 784))[0].tiles.shape == (2, 28, 28)
    assert weight_tiles(nn.Linear(784, 2), torch.zeros(1, 3))[0].tiles.shape == (1, 2, 784)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Conv2d(3, 2, 3), "failed on an image: Given groups=1"),
        (nn.Conv2d(1, 2, 3), r"returned the shape \(2, 2, 26, 26\)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 65)), "has 65 outputs"),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 1)), "has 1 outputs"),
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 4)), "has 3 names, but the network has 4"),
    ],
)
def test_what_is_no_classifier_of_images_is_said(model: nn.Module, words: str) -> None:
    with pytest.raises(InputError, match=words):
        own(model, classes=("a", "b", "c"))
