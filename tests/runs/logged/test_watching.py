"""Watched models: the norms are torch's own, at the right steps, and the training is untouched."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import mlcore
from mlcore.core import InputError, InputTypeError
from mlcore.runs.logged.watching import MOST_HISTOGRAMS, MOST_WATCHED, Watch, moments
from mlcore.runs.store.store import Store


def trained(store: Store | None, steps: int = 7, every: int = 3) -> tuple[nn.Module, list[float]]:
    """A model after some steps, watched if there is a store, and the norms it had."""
    torch.manual_seed(0)
    first, last = nn.Linear(3, 4), nn.Linear(4, 1)
    first.bias.requires_grad_(False)
    model = nn.Sequential(first, nn.ReLU(), last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, norms = torch.randn(8, 3), []
    run = None if store is None else mlcore.start_run("watched", store=store, strict=True)
    if run is not None:
        run.watch(model, every)
    for step in range(steps):
        optimizer.zero_grad()
        loss = model(x).pow(2).mean()
        loss.backward()
        assert last.weight.grad is not None
        norms.append(last.weight.grad.norm().item())
        if run is not None:
            run.log({"loss": loss}, step=10 * step)
        optimizer.step()
    if run is not None:
        ended = run.finish()
        assert ended is not None
        frame = ended.metrics()
        mine = frame[frame["name"] == "gradient_norm/2.weight"]
        assert mine["step"].tolist() == [0, 30, 60]
        assert mine["value"].tolist() == pytest.approx(norms[::3])
        assert sorted(set(frame["name"])) == sorted(
            ["loss"]
            + [
                f"{kind}_norm/{name}"
                for kind in ("gradient", "weight")
                for name in ("0.weight", "2.bias", "2.weight")
            ]
        )
        begun = frame[frame["name"] == "weight_norm/0.weight"]["value"].iloc[0]
        torch.manual_seed(0)
        assert begun == pytest.approx(nn.Linear(3, 4).weight.norm().item())
    return model, norms


def test_norms_are_torchs_and_the_training_is_the_same(store: Store) -> None:
    plain, watched = trained(None)[0], trained(store)[0]
    for one, other in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(one, other)
    assert not any(one._post_accumulate_grad_hooks for one in watched.parameters()), "unhooked"


@pytest.mark.sqlite
def test_two_models_are_told_apart(store: Store) -> None:
    one, other = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    with mlcore.start_run("watched", store=store, strict=True) as run:
        run.watch(one, name="g")
        run.watch(other, name="d")
        (one(torch.ones(1, 1)) + 2 * other(torch.ones(1, 1))).sum().backward()
        run.log({})
    latest = run.read().latest()
    assert latest["g/gradient_norm/weight"] == 1
    assert latest["d/gradient_norm/weight"] == 2


@pytest.mark.sqlite
def test_what_cannot_be_watched_is_said(store: Store) -> None:
    many = nn.ModuleList(nn.Linear(1, 1) for _ in range(MOST_WATCHED // 2 + 1))
    with mlcore.start_run("watched", store=store, strict=True) as run:
        with pytest.raises(InputTypeError, match="model is 3"):
            run.watch(3)  # type: ignore[arg-type]
        with pytest.raises(InputError, match=r"every is 0"):
            run.watch(nn.Linear(1, 1), 0)
        with pytest.raises(InputError, match="302 parameters"):
            run.watch(many)
        with pytest.raises(InputError, match="0 parameters"):
            run.watch(nn.ReLU())


@pytest.mark.sqlite
def test_histograms_are_numpys_of_gradients_and_weights_at_the_step_they_belong_to(
    store: Store,
) -> None:
    torch.manual_seed(0)
    model = nn.Linear(64, 8)
    kept: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    with mlcore.start_run("watched", store=store, strict=True) as run:
        run.watch(model, 1000, histograms=2)
        for step in range(6):
            model.zero_grad()
            model(torch.randn(16, 64)).square().sum().backward()
            assert model.weight.grad is not None
            kept[step] = model.weight.grad.clone(), model.weight.detach().clone()
            run.log({}, step=step)
    media = run.read().media()
    names = {f"{kind}/{name}" for kind in ("gradient", "weight") for name in ("weight", "bias")}
    assert set(media["name"]) == names
    assert set(media["kind"]) == {"histogram"}
    assert sorted(set(media["step"])) == [0, 2, 4]
    for kind, tensor in zip(("gradient", "weight"), kept[2], strict=True):
        told = json.loads(run.read().media_file(f"{kind}/weight", 2))
        counts, edges = np.histogram(tensor.double().numpy(), 64)
        assert told["counts"] == counts.tolist()
        assert told["edges"] == pytest.approx(edges)


@given(every=st.integers(1, 10**6), count=st.integers(0, 400))
def test_histograms_come_ever_more_rarely_and_not_too_often_in_all(every: int, count: int) -> None:
    found = list(moments(every, count))
    gaps = np.diff(found)
    assert len(found) == count
    assert found[:1] == [0][:count]
    assert gaps.tolist() == sorted(gaps.tolist())
    assert all(gap % every == 0 for gap in gaps.tolist())
    assert not count or found[-1] >= every * 100 * (count // 8 - 1), "they reach far"


def test_there_is_no_room_for_histograms_of_too_many_layers() -> None:
    few, many = nn.Linear(2, 2), nn.ModuleList(nn.Linear(1, 1) for _ in range(40))
    assert Watch(few, histograms=5).histograms == MOST_HISTOGRAMS
    assert Watch(many).histograms == 0
    with pytest.raises(InputError, match=r"80 parameters .* room for the histograms of 75:"):
        Watch(many, histograms=5)
    with pytest.raises(InputError, match="histograms is -1"):
        Watch(few, histograms=-1)
    with pytest.raises(InputError, match="histograms of 0:"):
        Watch(few, histograms=5, room=0)
