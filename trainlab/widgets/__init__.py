"""The page: the only place that knows ipywidgets, anywidget and IPython."""

from trainlab.widgets.lab import Lab

__all__ = ["Lab"]
