"""The pixels of pictures of runs."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import imread

from physim.viz import render
from physim.viz.render import PictureError, render_run

SIZE = (800, 600)


def pixels_of(folder: Path, frames: str = "last", fibers: str | None = None) -> list[np.ndarray] | None:
    """The pictures of a run as bytes from the lower left corner, [x, y]; None where VTK cannot draw, and says so."""
    try:
        with patch.object(render, "can_draw", can_draw):
            made = list(render_run(folder, size=SIZE, frames=frames, fibers=fibers))
    except PictureError as error:
        assert not can_draw() and "apt-get install libegl1" in str(error)
        return None
    return [np.rint(255 * imread(path)[::-1, :, :3].swapaxes(0, 1)).astype(int) for path in made]


_look = render.can_draw


@cache
def can_draw() -> bool:
    """Whether VTK can draw here, which takes a process to find out."""
    return _look()


def at(pixels: np.ndarray, layout: Any, x: float, y: float) -> np.ndarray:
    """The pixel at a place in um."""
    px, py = layout.pixel(x, y)
    return pixels[int(px), int(py)]


def near(found: np.ndarray, rgb: Any, within: int = 12) -> bool:
    """Whether a pixel has a colour, but for so many of 255 steps."""
    return bool(np.abs(found - 255 * np.array(rgb)).max() <= within)


def figures_of(monkeypatch: Any) -> list[Figure]:
    """The figures that are made, in a list that fills."""
    made: list[Figure] = []
    begin = Figure.__init__

    def remember(self: Figure, *given: Any, **options: Any) -> None:
        begin(self, *given, **options)
        made.append(self)

    monkeypatch.setattr(Figure, "__init__", remember)
    return made
