"""Formulas as pictures: matplotlib's mathtext, no TeX needed."""

from functools import lru_cache

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import MathTextParser

from trainlab.views.ink import INK, to_svg

_DPI = 72  # what svg counts in
_MARGIN = 2.0  # points around it, so that no stroke is cut


@lru_cache(maxsize=256)
def formula_svg(formula: str) -> str:
    """A mathtext formula as inline SVG in the page's colour, as large as it needs to be."""
    font = FontProperties(size=13, math_fontfamily="cm")
    width, height, depth, *_rest = MathTextParser("path").parse(formula, _DPI, font)
    w, h = width + 2 * _MARGIN, height + 2 * _MARGIN
    figure = Figure(figsize=(w / _DPI, h / _DPI), dpi=_DPI)
    figure.patch.set_alpha(0)
    figure.text(_MARGIN / w, (depth + _MARGIN) / h, formula, fontproperties=font, color=INK)
    return to_svg(figure)
