"""Drawing that takes its colour from the page: matplotlib figures as SVG with `currentColor`."""

import io
import re

from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#123456"  # stands for the page's own text colour until the picture is written
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"  # Okabe & Ito 2008


def canvas(width: float, height: float, arrange: bool = True) -> Figure:
    """A transparent figure of this size in inches; matplotlib arranges its axes unless told not to."""
    figure = Figure(figsize=(width, height), layout="constrained" if arrange else None)
    figure.patch.set_alpha(0)
    return figure


def quiet(axes: Axes) -> Axes:
    """Axes as the page likes them: no box, thin ink, a faint grid behind."""
    axes.patch.set_alpha(0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for spine in axes.spines.values():
        spine.set_color(INK)
        spine.set_alpha(0.4)
    axes.tick_params(colors=INK, labelsize=8, length=3)
    axes.grid(color=INK, alpha=0.12, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def to_svg(figure: Figure) -> str:
    """The figure as one inline SVG element that scales with its frame."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    return inline(buffer.getvalue())


def inline(svg: str) -> str:
    """An SVG file's root element alone, its ink replaced by the page's colour."""
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    return re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
