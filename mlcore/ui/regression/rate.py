"""The learning rate: slider, exact box, and under them the bands of the verdict."""

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
    usable = isinstance(value, float | int) and value > 0
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
                help=_LR.help,
                on_change=slid,
            )
            st.html(bands(verdict, low), width="stretch")
        st.text_input(
            "η, exactly",
            key=settings.widget("lr", draft.text(_LR)),
            width=96,
            on_change=settings.taken("lr"),
        )


def bands(verdict: Verdict | None, low: int) -> str:
    """The stripe under the slider: one segment a band, and ticks at the borders, as HTML."""
    if verdict is None or verdict.oscillating is None or verdict.divergent is None:
        return (
            '<div class="rate-bands" role="img" aria-label="No bands: no theory holds here">'
            f'<div style="{_STRIPE}background:repeating-linear-gradient(45deg,{palette.MUTED}44,'
            f'{palette.MUTED}44 6px,transparent 6px,transparent 12px)"></div>'
            f'<div style="{_WORDS}">no border known</div></div>'
        )
    slow = verdict.slow or 0.0
    edges = [10.0**low, slow, verdict.oscillating, verdict.divergent, 10.0 ** (low + DECADES)]
    at = [min(1.0, max(0.0, (math.log10(edge) - low) / DECADES)) for edge in edges]
    parts, words = [], []
    for name, left, right in zip(BANDS, at, at[1:], strict=False):
        width = f"flex:0 0 {100 * (right - left):.3f}%"
        parts.append(f'<div title="{name}" style="{width};background:{BAND_COLOURS[name]}"></div>')
        words.append(f'<div class="word {name}" style="{width}"><span>{name}</span></div>')
    label = html.escape(
        f"slow below {slow:.3g}, stable to {verdict.oscillating:.3g}, oscillating to "
        f"{verdict.divergent:.3g}, divergent beyond"
    )
    return (
        f"<style>{_CSS}</style>"
        f'<div class="rate-bands" role="img" aria-label="{label}" title="{label}">'
        f'<div style="{_STRIPE}display:flex">{"".join(parts)}</div>'
        f'<div style="{_WORDS}display:flex">{"".join(words)}</div></div>'
    )


_STRIPE = "height:8px;border-radius:4px;overflow:hidden;"
_WORDS = "height:1.1rem;font-size:0.75rem;opacity:0.85;"
_CSS = (
    '[class*="lr-slide"] [data-testid="stSliderTickBar"]{display:none}'  # it would lie on the bands
    ".rate-bands .word{container-type:inline-size;overflow:hidden;text-align:center}"
    "@container (max-width:27px){.rate-bands .slow span{display:none}}"
    "@container (max-width:38px){.rate-bands .stable span{display:none}}"
    "@container (max-width:64px){.rate-bands .oscillating span{display:none}}"
    "@container (max-width:55px){.rate-bands .divergent span{display:none}}"
)
"""A word that its band is too narrow for is left out."""


def rate_words(verdict: Verdict, config: RegressionConfig, tol: float = 1e-3) -> str:
    """What the verdict says of this rate, in a sentence or two of Markdown."""
    three = verdict.three_rates(config.steps) if settings.three() else None
    if three is not None:
        small, best, large = three
        return (
            f"From the data: **{small:.3g}** leaves the steepest direction most of its way, "
            f"**{best:.4g}** ends lowest after {config.steps:,} steps, **{large:.4g}** is 5 % over "
            "the border."
        )
    band = verdict.band(config.lr)
    if band is None:
        return f"**No verdict.** {verdict.note}"
    if not verdict.exact:
        return f"**{band.capitalize()}**, as a bound. {verdict.note}"
    factor, steps = verdict.factor(config.lr), verdict.predicted_steps(config.lr, tol)
    loss = verdict.predicted_loss(config.lr, config.steps)
    if factor is None or steps is None or loss is None:  # exact says that none of them is
        return verdict.note
    if band == "divergent":
        return (
            "**Divergent:** each step multiplies the error along the steepest direction by "
            f"**{factor:.4g}**."
        )
    words = {
        "slow": "even the steepest direction takes over ten times its fewest steps",
        "stable": "the steepest direction falls without overshooting",
        "oscillating": "the steepest direction overshoots, and still shrinks",
    }[band]
    when = f"after **{steps:,.0f}** steps" if math.isfinite(steps) else "never"
    return (
        f"**{band.capitalize()}:** {words}. {1 - tol:.1%} of the excess loss is gone {when}; "
        f"after {config.steps:,} the loss will be **{float(loss):.6g}**."
    )


def curvature_words(verdict: Verdict) -> str:
    """The curvatures and the border they give, in a line."""
    values = verdict.eigenvalues
    if float(values[-1]) <= 0:
        return ""
    words = (
        f"λmax {float(values[-1]):.5g} · λmin {float(values[0]):.4g} · κ {verdict.condition:,.5g}"
    )
    if verdict.divergent is not None:
        words += f" · diverges above η = {verdict.divergent:.5g}"
    return words


def three_button(verdict: Verdict, steps: int) -> None:
    """The button that sets three rates from the data and runs them from the same start."""
    rates = verdict.three_rates(steps)
    on = settings.three() and rates is not None
    st.button(
        "Back to one rate" if on else "Too small · best · too large",
        key="regression.three.button",
        type="secondary" if on else "primary",
        width="stretch",
        disabled=rates is None,
        on_click=settings.show_three,
        help=None
        if rates is not None
        else "Needs a closed form: squared loss, all points, and gradient descent, momentum or "
        "Nesterov.",
    )
