"""Norms: formula against module for random shapes, identities, memory and influence."""

import math

import pytest
import torch
from hypothesis import assume, given

from mlcore.layers import (
    identities,
    keeps,
    normalize,
    normalize_backward,
    perturb,
    running_statistics,
    shared_cells,
)
from mlcore.layers.names import Norm
from tests.layers.strategies import NORMS, NormCase, norm_cases

RELATIVE = 1e-6


def assert_close(one: torch.Tensor, other: torch.Tensor) -> None:
    size = max(float(one.abs().max()), 1e-3)
    assert float((one - other).abs().max()) <= RELATIVE * size


@given(norm_cases())
def test_formula_and_module_agree_for_every_norm_and_shape(case: NormCase) -> None:
    result = normalize(
        case.kind,
        case.x(),
        groups=case.groups,
        eps=case.eps,
        affine=case.affine,
        weight=case.parameter(1),
        bias=case.parameter(2),
        training=case.training,
    )

    assert_close(result.output, result.by_hand)


@given(norm_cases())
def test_closed_form_gradients_and_autograd_agree_for_every_norm_and_shape(case: NormCase) -> None:
    result = normalize_backward(
        case.kind,
        case.x(),
        case.tensor(3),
        groups=case.groups,
        eps=case.eps,
        affine=case.affine,
        weight=case.parameter(1),
        training=case.training,
    )

    assert_close(result.input, result.input_by_hand)
    for auto, hand in (
        (result.weight, result.weight_by_hand),
        (result.bias, result.bias_by_hand),
    ):
        assert (auto is None) == (hand is None)
        if auto is not None and hand is not None:
            assert_close(auto, hand)


@given(norm_cases())
def test_cells_of_one_statistic_have_mean_0_and_variance_v_over_v_plus_eps(case: NormCase) -> None:
    assume(case.kind != "rms" and (case.kind != "batch" or case.training))
    result = normalize(case.kind, case.x(), groups=case.groups, eps=case.eps, affine=False)

    assert result.variance is not None
    for number in range(len(result.variance)):
        cells = result.output[result.cells == number]
        variance = float(result.variance[number])
        assert float(cells.mean()) == pytest.approx(0, abs=1e-6)
        assert float(cells.var(correction=0)) == pytest.approx(
            variance / (variance + case.eps), rel=1e-6, abs=1e-9
        )


@pytest.mark.parametrize(
    ("kind", "statistics"), [("batch", 6), ("layer", 4), ("instance", 24), ("group", 8), ("rms", 4)]
)
def test_each_norm_has_as_many_statistics_as_it_says(kind: Norm, statistics: int) -> None:
    cells = shared_cells(kind, (4, 6, 3, 2), groups=2)

    assert sorted(set(cells.flatten().tolist())) == list(range(statistics))


def test_equal_cells_come_out_as_the_bias() -> None:
    x = torch.full((2, 4, 3, 3), 7.0, dtype=torch.float64)

    for kind in ("batch", "layer", "instance", "group"):
        result = normalize(kind, x, groups=2, bias=0.5)
        assert torch.equal(result.output, torch.full_like(x, 0.5))
        assert result.variance is not None
        assert not result.variance.any()


def test_equal_cells_without_epsilon_are_nan_and_nan_is_no_agreement() -> None:
    x = torch.full((2, 2, 2, 2), 7.0, dtype=torch.float64)

    result = normalize("layer", x, eps=0.0, affine=False)

    assert bool(result.output.isnan().all())
    assert bool(result.by_hand.isnan().all())
    assert math.isnan(result.max_difference)


def test_what_is_no_four_axis_tensor_is_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match=r"has the shape \(3, 4\), but must be \[N, C, H, W\]"):
        normalize("batch", torch.zeros(3, 4))


def test_a_used_module_normalizes_with_its_running_statistics() -> None:
    generator = torch.Generator().manual_seed(0)
    batches = 3 + torch.randn(50, 8, 2, 3, 3, generator=generator, dtype=torch.float64)
    trace = running_statistics(batches, momentum=0.2)

    result = normalize("batch", batches[0], training=False, module=trace.module)

    assert result.mean is not None
    assert torch.equal(result.mean, trace.running_mean[-1])
    assert_close(result.output, result.by_hand)


@pytest.mark.parametrize("momentum", [0.01, 0.1, 0.5, 1.0])
def test_running_statistics_follow_the_momentum_rule_with_unbiased_variances(
    momentum: float,
) -> None:
    generator = torch.Generator().manual_seed(1)
    batches = 2 + 3 * torch.randn(30, 4, 3, 2, 2, generator=generator, dtype=torch.float64)

    trace = running_statistics(batches, momentum=momentum)

    assert trace.max_difference < 1e-12
    assert torch.allclose(trace.unbiased, trace.biased * 16 / 15)
    rule = 0.0
    for mean in trace.batch_mean[:, 0].tolist():
        rule = (1 - momentum) * rule + momentum * mean
    assert float(trace.running_mean[-1, 0]) == pytest.approx(rule)


def test_identities_hold_where_theory_says_so_and_fail_where_it_says_they_part() -> None:
    x = 1 + torch.randn(4, 6, 3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    found = identities(x)

    assert len(found) == 7
    for identity in found:
        assert (identity.max_difference < 1e-12) == identity.equal, identity


def test_only_batch_norm_remembers_and_only_rms_norm_has_no_bias() -> None:
    rows = {row.kind: row for row in keeps((4, 6, 3, 2), groups=2)}

    assert {kind for kind, row in rows.items() if row.running} == {"batch"}
    assert {kind for kind, row in rows.items() if row.bias is None} == {"rms"}
    assert rows["layer"].weight == (6, 3, 2)
    assert [rows[kind].learned for kind in NORMS] == [12, 72, 12, 12, 36]


@pytest.mark.parametrize("kind", NORMS)
def test_one_changed_sample_moves_others_only_under_batch_norm_in_train_mode(kind: Norm) -> None:
    x = torch.randn(4, 4, 3, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    training = perturb(kind, x, sample=1, groups=2).moved
    frozen = perturb(kind, x, sample=1, groups=2, training=False).moved

    assert float(training[1]) > 0.1
    assert bool((training[[0, 2, 3]] > 1e-3).all()) == (kind == "batch")
    assert not frozen[[0, 2, 3]].any()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("kind", NORMS)
def test_numbers_that_are_not_finite_are_no_agreement(kind: Norm, bad: float) -> None:
    x = torch.tensor([[[[1.0, bad]]], [[[0.5, 2.0]]]], dtype=torch.float64)

    assert math.isnan(normalize(kind, x, affine=False).max_difference)
    assert math.isnan(normalize_backward(kind, x, torch.ones_like(x)).max_difference)


@given(norm_cases())
def test_divisor_is_what_the_centred_cells_are_divided_by(case: NormCase) -> None:
    result = normalize(
        case.kind,
        case.x(),
        groups=case.groups,
        eps=case.eps,
        affine=False,
        training=case.training,
    )

    mean = 0.0 if result.mean is None else result.mean[result.cells]
    assert_close(result.output, (case.x() - mean) / result.divisor[result.cells])


def test_rms_norm_has_a_mean_square_and_neither_mean_nor_variance() -> None:
    x = 3 + torch.randn(2, 4, 3, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)

    result = normalize("rms", x, eps=1e-3)

    assert result.mean is None
    assert result.variance is None
    assert result.mean_square is not None
    assert_close(result.mean_square, x.square().mean((1, 2, 3)))
    assert_close(result.divisor, (x.square().mean((1, 2, 3)) + 1e-3).sqrt())
    assert normalize("layer", x).mean_square is None
