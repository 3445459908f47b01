"""Diagrams of an experiment: curves with their spread and rectangles of what was published, as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from physim.experiments.declaration import Line, Panel
from physim.files import replacing
from physim.run_folder import writing

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")


def draw(panels: Sequence[Panel], path: Path, title: str = "") -> Path:
    """Write the panels side by side into `path`, which is returned. Raises RecordError if it cannot be written."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * len(panels), 4.2), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=11)
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _panel(axes, panel)
    with writing(path, "the numbers are in the JSON beside it"), replacing(path) as temporary:
        figure.savefig(temporary, format="png")
    return path


def _panel(axes: object, panel: Panel) -> None:
    from matplotlib.axes import Axes
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import LogFormatter

    assert isinstance(axes, Axes)
    if panel.log:
        axes.set(xscale="log", yscale="log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(LogFormatter())  # labels between decades only where few decades are shown
    for number, (x0, x1, y0, y1) in enumerate(panel.published):
        axes.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, color="0.85", zorder=0,
                                 label="" if number else "published, with tolerance"))  # fmt: skip
    for line, colour in zip(panel.lines, COLOURS * (1 + len(panel.lines) // len(COLOURS)), strict=False):
        _line(axes, line, colour)
    axes.autoscale_view()
    axes.set_ylim(bottom=None if panel.log else 0)
    axes.set(xlabel=panel.x, ylabel=panel.y, title=panel.title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)


def _line(axes: object, line: Line, colour: str) -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    marker = "o" if len(line.x) < 15 else ""
    axes.plot(line.x, line.y, color=colour, marker=marker, ms=4, ls="--" if line.dashed else "-", label=line.label)
    if line.low is not None and line.high is not None:
        axes.fill_between(line.x, line.low, line.high, color=colour, alpha=0.2, lw=0)
