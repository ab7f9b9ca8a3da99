"""The page: the only place that knows ipywidgets, anywidget and IPython."""

from trainlab.widgets.lab import Lab, attach

__all__ = ["Lab", "attach"]
