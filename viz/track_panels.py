"""What the pictures of tracks share: figures, colours, and the names of sets as words in a picture."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from physim.files import replacing
from physim.record import writing

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito."""


def words(name: str, width: int = 18) -> str:
    """A name in up to three lines, in which a dollar is a dollar and begins no formula."""
    lines = textwrap.wrap(name, width)
    if len(lines) > 3:
        lines = [*lines[:2], lines[2][: width - 1] + "\u2026"]
    return ("\n".join(lines) or name).replace("$", r"\$")


@contextmanager
def new_figure(path: Path, size: tuple[float, float], rows: int = 1, columns: int = 1,
               ratios: Sequence[float] | None = None) -> Iterator[tuple[Any, Any]]:  # fmt: skip
    """A figure and its axes, written as PNG when all is drawn. Raises RecordError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)  # type: ignore[call-arg, union-attr]
    panels = figure.subplots(rows, columns, squeeze=False, width_ratios=ratios).ravel()
    yield figure, panels
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
    with writing(path, "nothing else is touched"), replacing(path) as temporary:
        figure.savefig(temporary, format="png")
