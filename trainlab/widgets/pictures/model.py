"""The Model panel: the layers of the network."""

from trainlab.engine.preview import layer_table
from trainlab.text import _
from trainlab.widgets.pictures.look import Look, Spec, outline, picture


def model_pictures(look: Look) -> list[Spec]:
    """The layers with the shapes they give and the parameters they have."""
    layers = layer_table(outline(look), look.shape)
    rows = [[name, shape, f"{count:,}" if count else ""] for name, shape, count in layers]
    total = sum(count for _name, _shape, count in layers)
    words = _("{total:,} parameters, for images of {c} x {h} x {w}").format(
        total=total, c=look.shape[0], h=look.shape[1], w=look.shape[2]
    )
    table = picture("layers", _("Layers"), "", words)
    return [table | {"html_rows": [[_("layer"), _("output"), _("parameters")], *rows]}]
