"""Formulas as pictures: matplotlib's mathtext, no TeX needed."""

import io
from functools import lru_cache

from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import math_to_image

from trainlab.views.ink import INK, inline


@lru_cache(maxsize=256)
def formula_svg(formula: str) -> str:
    """A mathtext formula as inline SVG in the page's colour."""
    buffer = io.BytesIO()
    font = FontProperties(size=13, math_fontfamily="cm")
    math_to_image(formula, buffer, prop=font, format="svg", color=INK)
    return inline(buffer.getvalue().decode())
