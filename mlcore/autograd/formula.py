"""Formulas in two notations: LaTeX for papers, MathML for browsers.

Brackets that must stretch need a mathematical font, which many machines lack; in MathML they are
the classes ``paren`` and ``matrix``, which a style sheet draws as borders.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final

from mlcore.autograd.export import number_text
from mlcore.autograd.inputs import Nested

MAX_ENTRIES: Final = 16
"""Most numbers of a matrix that are written out; larger ones are given by their size."""


MAX_TYPED: Final = 28
"""Most characters of a typed expression; the middle of a longer one is left out."""


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula in LaTeX and MathML.

    Attributes:
        latex: For ``$…$``.
        mathml: Content of a ``<math>`` element.
    """

    latex: str
    mathml: str

    def __add__(self, other: Formula) -> Formula:
        """The two side by side."""
        return Formula(f"{self.latex} {other.latex}", self.mathml + other.mathml)


_SIGNS: Final = {
    "=": "=",
    "+": "+",
    "-": "-",
    "·": r"\cdot",
    "⊙": r"\odot",
    "→": r"\to",
    "≈": r"\approx",
    "⋯": r"\cdots",
}


def sign(text: str) -> Formula:
    """An operator sign: one of ``= + - · ⊙ → ≈ ⋯``."""
    return Formula(_SIGNS[text], f"<mo>{escape(text.replace('-', '−'))}</mo>")


def symbol(name: str) -> Formula:
    """A name in italics, or a typed expression in typewriter face."""
    if not name.isidentifier():
        if len(name) > MAX_TYPED:
            name = f"{name[: MAX_TYPED // 2]}…{name[-MAX_TYPED // 2 + 1 :]}"
        typed = name.replace("\\", "").replace("_", r"\_").replace("^", "")
        return Formula(rf"\texttt{{{typed}}}", f'<mtext class="typed">{escape(name)}</mtext>')
    base, _, index = name.partition("_")
    if not base or not index:
        base, index = name.rstrip("0123456789"), name[len(name.rstrip("0123456789")) :]
    word = _word(base)
    if not index:
        return word
    subscript = _word(index) if not index.isdigit() else Formula(index, f"<mn>{index}</mn>")
    return Formula(
        f"{word.latex}_{{{subscript.latex}}}", f"<msub>{word.mathml}{subscript.mathml}</msub>"
    )


def _word(text: str) -> Formula:
    if len(text) == 1 and text.isascii():
        return Formula(text, f"<mi>{text}</mi>")
    if len(text) == 1:
        return Formula(_GREEK.get(text, rf"\text{{{text}}}"), f"<mi>{escape(text)}</mi>")
    written = text.replace("_", r"\_")
    return Formula(rf"\mathit{{{written}}}", f'<mi mathvariant="italic">{escape(text)}</mi>')


_NAMES: Final = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "pi",
    "rho",
    "sigma",
    "varsigma",
    "tau",
    "upsilon",
    "phi",
    "chi",
    "psi",
    "omega",
    "Gamma",
    "Delta",
    "Theta",
    "Lambda",
    "Xi",
    "Pi",
    "Sigma",
    "Upsilon",
    "Phi",
    "Psi",
    "Omega",
]
_GREEK: Final = {
    letter: f"\\{name}"
    for letter, name in zip("αβγδεζηθικλμνξπρσςτυφχψωΓΔΘΛΞΠΣΥΦΨΩ", _NAMES, strict=True)
}


def text(words: str) -> Formula:
    """Upright words inside a formula."""
    return Formula(rf"\text{{{words}}}", f"<mtext>{escape(words)}</mtext>")


def number(value: float) -> Formula:
    """A number in at most six digits, with powers of ten written out."""
    written = number_text(value)
    if written in ("nan", "inf", "-inf"):
        shown = written.replace("inf", "∞").replace("-", "−")
        return Formula(
            written.replace("inf", r"\infty").replace("nan", r"\text{nan}"), f"<mn>{shown}</mn>"
        )
    mantissa, _, exponent = written.partition("e")
    shown = mantissa.replace("-", "−")
    if not exponent:
        return Formula(written, f"<mn>{shown}</mn>")
    power = str(int(exponent))
    return Formula(
        rf"{mantissa}\cdot 10^{{{power}}}",
        f"<mn>{shown}</mn><mo>·</mo><msup><mn>10</mn><mn>{power.replace('-', '−')}</mn></msup>",
    )


def factor(value: Nested) -> Formula:
    """A number or matrix as a factor of a product; negative numbers get parentheses."""
    if isinstance(value, tuple) or value >= 0 or value != value:
        return array(value)
    return parentheses(number(value))


def parentheses(inner: Formula) -> Formula:
    """The formula in round brackets; in MathML by the class ``paren``, which a style draws."""
    tall = "<mfrac" in inner.mathml or "<mtable" in inner.mathml
    fenced = f'<mo stretchy="false">(</mo>{inner.mathml}<mo stretchy="false">)</mo>'
    return Formula(
        rf"\left({inner.latex}\right)",
        f'<mrow class="paren">{inner.mathml}</mrow>' if tall else f"<mrow>{fenced}</mrow>",
    )


def fraction(over: Formula, under: Formula) -> Formula:
    """A fraction."""
    return Formula(
        rf"\frac{{{over.latex}}}{{{under.latex}}}",
        f"<mfrac><mrow>{over.mathml}</mrow><mrow>{under.mathml}</mrow></mfrac>",
    )


def power(base: Formula, exponent: Formula) -> Formula:
    """A power; a base of more than one sign should come in parentheses."""
    return Formula(
        f"{{{base.latex}}}^{{{exponent.latex}}}",
        f"<msup><mrow>{base.mathml}</mrow><mrow>{exponent.mathml}</mrow></msup>",
    )


def transposed(base: Formula) -> Formula:
    """A transposed matrix."""
    return Formula(
        rf"{{{base.latex}}}^{{\top}}", f"<msup><mrow>{base.mathml}</mrow><mo>⊤</mo></msup>"
    )


def indexed(base: Formula, written: str) -> Formula:
    """An element or a slice, its index as a subscript."""
    return Formula(
        f"{{{base.latex}}}_{{{written}}}",
        f"<msub><mrow>{base.mathml}</mrow><mtext>{escape(written)}</mtext></msub>",
    )


def applied(name: str, *arguments: Formula) -> Formula:
    """A function's name with its arguments in parentheses."""
    inner = arguments[0]
    for argument in arguments[1:]:
        inner = inner + Formula(",", "<mo>,</mo>") + argument
    called = parentheses(inner)
    written = name.replace("_", r"\_")
    return Formula(
        rf"\operatorname{{{written}}}{called.latex}", f"<mi>{escape(name)}</mi>{called.mathml}"
    )


def derivative(of: Formula, by: Formula) -> Formula:
    """∂of/∂by."""
    partial = Formula(r"\partial", "<mi>∂</mi>")
    return fraction(partial + _grouped(of), partial + _grouped(by))


def _grouped(formula: Formula) -> Formula:
    """A typed expression in parentheses; a name as it is."""
    if not formula.latex.startswith(r"\texttt"):
        return formula
    return parentheses(formula)


def array(value: Nested) -> Formula:
    """A scalar, a vector (as a column) or a matrix; large ones are given by their size."""
    if not isinstance(value, tuple):
        return number(value)
    rows = [row if isinstance(row, tuple) else (row,) for row in value]
    if sum(len(row) for row in rows) > MAX_ENTRIES:
        return text(f"({len(rows)}×{len(rows[0])} numbers)")
    cells = [[array(cell) for cell in row] for row in rows]
    latex = r" \\ ".join(" & ".join(cell.latex for cell in row) for row in cells)
    mathml = "".join(
        "<mtr>" + "".join(f"<mtd>{cell.mathml}</mtd>" for cell in row) + "</mtr>" for row in cells
    )
    return Formula(
        rf"\begin{{bmatrix}} {latex} \end{{bmatrix}}",
        f'<mrow class="matrix"><mtable>{mathml}</mtable></mrow>',
    )


def column(value: Nested) -> Nested:
    """A matrix's elements row by row as one vector, as Jacobians count them."""
    if isinstance(value, tuple):
        return tuple(cell for row in value for cell in (row if isinstance(row, tuple) else (row,)))
    return (value,)
