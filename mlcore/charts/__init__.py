"""Charts: a DataFrame goes in, an Altair chart comes out; one module a domain."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlcore.charts.notebook import curves

__all__ = ["curves"]


def __getattr__(name: str) -> Any:
    if name == "curves":  # late: the palette alone should not load Altair
        from mlcore.charts.notebook import curves

        return curves
    raise AttributeError(f"module 'mlcore.charts' has no attribute {name!r}")
