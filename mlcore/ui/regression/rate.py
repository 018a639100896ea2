"""The learning rate's controls: slider, exact box, and the bands of the verdict."""

from __future__ import annotations

import html
import math

import streamlit as st

from mlcore.charts import palette
from mlcore.charts.regression import BAND_COLOURS
from mlcore.regression import BANDS, RegressionConfig, Verdict
from mlcore.ui.draft import Draft
from mlcore.ui.regression import settings

DECADES = 8
PER_DECADE = 50
_LR = next(spec for spec in RegressionConfig.specs() if spec.name == "lr")


def lowest(verdict: Verdict | None) -> int:
    """The slider's lower end as a power of ten: −7, or lower where the border is below 1e-5."""
    if verdict is None or verdict.divergent is None:
        return -7
    return min(-7, math.floor(math.log10(verdict.divergent)) - 4)


def rate_control(draft: Draft, verdict: Verdict | None) -> None:
    """Draw the slider, the box and the bands."""
    value = draft.value(_LR)
    low = lowest(verdict)
    usable = isinstance(value, float | int) and 0 < value < math.inf
    place = round((math.log10(value) - low) * PER_DECADE) if usable else 0
    place = max(0, min(DECADES * PER_DECADE, place))
    slider = settings.widget("lr.slider", place)

    def slid() -> None:
        exponent = low + st.session_state[slider] / PER_DECADE
        settings.put(lr=float(f"{10**exponent:.3g}"))

    with st.container(horizontal=True, gap="small", key="regression.lr.row"):
        with st.container(gap=None, key="regression.lr.slide"):
            st.select_slider(
                _LR.label,
                range(DECADES * PER_DECADE + 1),
                format_func=lambda n: f"{10 ** (low + n / PER_DECADE):.3g}",
                key=slider,
                persist_state="session",
                help=_LR.help,
                on_change=slid,
            )
            st.html(bands(verdict, low), width="stretch")
        st.text_input(
            "η, exactly",
            key=settings.widget("lr", draft.text(_LR)),
            persist_state="session",
            width=96,
            on_change=settings.taken("lr"),
        )


def bands(verdict: Verdict | None, low: int) -> str:
    """The stripe under the slider as HTML: one segment per band, with ticks at the borders."""
    if verdict is None or verdict.oscillating is None or verdict.divergent is None:
        return (
            '<div class="rate-bands" role="img" aria-label="No largest stable rate is known here">'
            f'<div style="{_STRIPE}background:repeating-linear-gradient(45deg,{palette.MUTED}44,'
            f'{palette.MUTED}44 6px,transparent 6px,transparent 12px)"></div>'
            f'<div style="{_WORDS}">no largest stable rate known</div></div>'
        )
    slow = verdict.slow or 0.0
    edges = [10.0**low, slow, verdict.oscillating, verdict.divergent, 10.0 ** (low + DECADES)]
    at = [min(1.0, max(0.0, (math.log10(edge) - low) / DECADES)) for edge in edges]
    parts, words = [], []
    for name, left, right in zip(BANDS, at, at[1:], strict=False):
        width = f"flex:0 0 {100 * (right - left):.3f}%"
        parts.append(f'<div title="{name}" style="{width};background:{BAND_COLOURS[name]}"></div>')
        words.append(f'<span><i style="background:{BAND_COLOURS[name]}"></i>{name}</span>')
    label = html.escape(
        f"stable below {verdict.divergent:.3g}: slow below {slow:.3g}, smooth to "
        f"{verdict.oscillating:.3g}, oscillating to {verdict.divergent:.3g}; divergent above"
    )
    return (
        f"<style>{_CSS}</style>"
        f'<div class="rate-bands" role="img" aria-label="{label}" title="{label}">'
        f'<div style="{_STRIPE}display:flex">{"".join(parts)}</div>'
        f"</div>"
        f'<div class="rate-key" aria-hidden="true">{"".join(words)}</div>'
    )


_STRIPE = "height:8px;border-radius:4px;overflow:hidden;"
_WORDS = "height:1.1rem;font-size:0.75rem;opacity:0.85;"
_CSS = (
    '[class*="lr-slide"] [data-testid="stSliderTickBar"]{display:none}'  # it would lie on the bands
    ".rate-key{font-size:0.75rem;display:flex;flex-wrap:wrap;gap:0 0.7rem}"
    ".rate-key i{display:inline-block;width:0.6rem;height:0.6rem;border-radius:2px;"
    "margin-right:0.3rem}"
)


def rate_words(verdict: Verdict, config: RegressionConfig, tol: float = 1e-3) -> str:
    """The verdict on this rate, in a sentence or two of Markdown."""
    three = verdict.three_rates(config.steps) if settings.three() else None
    if three is not None:
        small, best, large = three
        return (
            f"Computed from the data: at **{small:.3g}** the loss barely moves, even along the "
            f"steepest direction; **{best:.4g}** gives the lowest loss after {config.steps:,} "
            f"steps; **{large:.4g}** is 5 % above the largest stable rate, and diverges."
        )
    band = verdict.band(config.lr)
    if band is None:
        return f"**No verdict.** {verdict.note}"
    if not verdict.exact:
        return f"**{band.capitalize()}**, judged by the largest curvature. {verdict.note}"
    factor, steps = verdict.factor(config.lr), verdict.predicted_steps(config.lr, tol)
    loss = verdict.predicted_loss(config.lr, config.steps)
    if factor is None or steps is None or loss is None:  # exact says that none of them is
        return verdict.note
    if band == "divergent":
        return (
            "**Divergent:** each step multiplies the error along the steepest direction by "
            f"**{factor:.4g}**: the loss grows without limit."
        )
    words = {
        "slow": "stable, but even the steepest direction takes ten times as many steps as "
        "necessary",
        "smooth": "stable, and the loss falls without overshooting",
        "oscillating": "stable, but each step overshoots the minimum, by less each time",
    }[band]
    when = f"after **{steps:,.0f}** steps" if math.isfinite(steps) else "never"
    return (
        f"**{band.capitalize()}:** {words}. {1 - tol:.1%} of the excess loss is gone {when}; "
        f"after {config.steps:,} steps the loss will be **{float(loss):.6g}**."
    )


def use_stable(rate: float) -> None:
    """A button that sets a stable rate."""
    st.button(
        "Use a stable learning rate",
        icon=":material/healing:",
        key="regression.rescue",
        width="stretch",
        on_click=settings.put,
        kwargs={"lr": rate},
        help=f"Sets η = {rate:g}.",
    )


def curvature_words(verdict: Verdict) -> str:
    """The curvatures and the border that follows from them, on one line."""
    values = verdict.eigenvalues
    if float(values[-1]) <= 0:
        return ""
    words = f"λmax {float(values[-1]):.5g} · λmin {float(values[0]):.4g}"
    if math.isfinite(verdict.condition):
        words += f" · κ {verdict.condition:,.5g}"
    if verdict.divergent is not None:
        words += f" · largest stable rate η = {verdict.divergent:.5g}"
    return words


def three_button(verdict: Verdict, steps: int) -> None:
    """A button that shows a too small, the best and a too large rate together."""
    rates = verdict.three_rates(steps)
    on = settings.three() and rates is not None
    st.button(
        "Back to one rate" if on else "Too small · best · too large",
        key="regression.three.button",
        type="secondary" if on else "primary",
        width="stretch",
        disabled=rates is None,
        on_click=settings.show_three,
        help="Descends from the same start at three rates computed from the data."
        if rates is not None
        else "Needs the squared loss, all points in each step, and gradient descent, momentum or "
        "Nesterov.",
    )
