"""Tensors as JSON numbers."""

from __future__ import annotations

from torch import Tensor


def finite(values: Tensor) -> list[float | None]:
    """Numbers for JSON: seven digits each (finer than a pixel), None for what is not finite."""
    good = values.isfinite()
    size = values.abs().where(good & (values != 0), values.new_ones(())).log10().floor()
    # two factors, since 10^(6 − size) alone leaves float64 where the numbers are tiny
    fine = (values * 10.0 ** (3 - size) * 1e3).round() / 1e3 / 10.0 ** (3 - size)
    told = fine.tolist()
    if bool(good.all()):
        return told
    return [v if ok else None for v, ok in zip(told, good.tolist(), strict=True)]


def finite_rows(values: Tensor) -> list[list[float | None] | None]:
    """Rows of numbers for JSON; None for a row in which any is not finite."""
    width = values.shape[1]
    flat, whole = finite(values.flatten()), values.isfinite().all(1).tolist()
    return [flat[i * width : (i + 1) * width] if ok else None for i, ok in enumerate(whole)]
