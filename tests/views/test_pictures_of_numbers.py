"""Figures, formulas and grids of images: what they hold, and that they take the page's colour."""

import base64
import io
import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from trainlab.catalog import families
from trainlab.choice import choices
from trainlab.views.figures import histograms, run_figure
from trainlab.views.formulas import formula_svg
from trainlab.views.images import CYCLE, grid_png, marked
from trainlab.views.ink import INK, to_svg


def formulas() -> Iterator[str]:
    for family in families().values():
        yield from (choice.card.formula for choice in choices(family) if choice.card.formula)


def check_svg(svg: str) -> ET.Element:
    """One inline element without the stand-in ink, scripts or links to elsewhere."""
    root = ET.fromstring(svg)  # noqa: S314 (our own text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert INK not in svg
    assert "currentColor" in svg
    assert "<script" not in svg
    links = re.findall(r'href="([^"]*)"', svg)
    assert all(link.startswith("#") for link in links)
    return root


@pytest.mark.parametrize("formula", sorted(set(formulas())))
def test_every_formula_of_the_catalogue_is_drawn(formula: str) -> None:
    root = check_svg(formula_svg(formula))
    width, height = (float(root.attrib[name].removesuffix("pt")) for name in ("width", "height"))
    assert 10 < width < 600
    assert 10 < height < 90


def test_histograms_show_names_as_text() -> None:
    names = ["$$\\frac$$", "<img src=x>", "0.weight", "1.weight", "2.weight"]
    figure = histograms([(name, np.linspace(-1, 1, 50)) for name in names], [np.zeros(9)])
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    assert [text for text in texts if text in names] == names
    assert texts.count("-1") == texts.count("1") == len(names), "each tells its range"
    filled, outlined = axes.collections
    assert [len(part.get_paths()) for part in (filled, outlined)] == [5, 1]
    check_svg(to_svg(figure))


def test_a_histogram_is_as_high_as_its_bins_are_full() -> None:
    values = np.concatenate([np.full(30, -1.0), np.full(10, 1.0)])
    filled, _outlined = histograms([("w", values)]).axes[0].collections
    x, y = np.asarray(filled.get_paths()[0].vertices).T
    assert y[x < 1 / 41].max() == pytest.approx(1)
    assert y[(x > 40.5 / 41) & (x < 1.01)].max() == pytest.approx(1 / 3)
    assert y[(x > 2 / 41) & (x < 39 / 41)].max() == 0


def test_run_figure_draws_steps_and_epochs() -> None:
    steps = {name: np.linspace(0.1, 1, 40) for name in ("epoch", "loss", "accuracy", "lr")}
    names = ("epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy")
    epochs = {name: np.linspace(0.1, 1, 4) for name in names}
    figure = run_figure(steps, epochs)
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "accuracy", "lr"]
    assert [np.size(line.get_xdata()) for line in figure.axes[0].lines] == [40, 4, 4]


@pytest.mark.parametrize("channels", [1, 3])
def test_grid_png_places_images_in_rows_with_clear_gaps(channels: int) -> None:
    images = np.full((5, channels, 4, 6), 200, np.uint8)
    images[4] = 7
    png = Image.open(io.BytesIO(base64.b64decode(grid_png(images, columns=3))))
    assert png.size == (3 * 7 - 1, 2 * 5 - 1)
    pixels = np.asarray(png)
    assert pixels[0, 0].tolist() == [200, 200, 200, 255]
    assert pixels[0, 6].tolist() == [0, 0, 0, 0]
    assert pixels[5, 7].tolist() == [7, 7, 7, 255]
    assert pixels[5, 14].tolist() == [0, 0, 0, 0]


def test_a_point_stands_out_among_the_others_of_its_plane() -> None:
    places, labels = np.array([[0.0, 0.0], [1.0, 1.0], [0.5, 0.5]]), np.array([0, 1, 8])
    (tile,) = marked(places, labels, [2], 49)
    ink, other, faint = (bytes.fromhex(CYCLE[label][1:]) for label in (0, 1, 0))
    assert bytes(tile[:, 24, 24]) == ink, "colours go round"
    assert (tile == 255).all(0).sum() > 8, "an edge"
    dim = [
        bytes((0.55 * np.frombuffer(name, np.uint8)).astype(np.uint8)) for name in (faint, other)
    ]
    assert [bytes(tile[:, 48, 0]), bytes(tile[:, 0, 48])] == dim, "up is up"
